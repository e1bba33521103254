/* How large a packet may be that goes through the tunnel. path_mtu 0: not known. */
#ifndef SESSION_MTU_H
#define SESSION_MTU_H

#include "ike/ike.h"

/* In the child SA that leaves least room. */
uint16_t mtu_children(const struct ike_view *view, uint16_t path_mtu);
/* In an L2TP data message in it. */
uint16_t mtu_line(const struct ike_view *view, uint16_t path_mtu);

#endif
