/*
 * The source ports of L2TP that gateways turned out to want, kept between runs in the invoking user's
 * folder of state: a line a gateway, "NAME PORT". What cannot be read or written is as if it was not
 * there: it costs the next connect some seconds.
 */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include <stdint.h>

#include "session/profile.h"
#include "session/status.h"

enum { PORTS_KEPT = 64 };

uint16_t port_recall(const char *gateway); /* 0: nothing is known */
/* The newest come first, and PORTS_KEPT of them are kept; 0 forgets. */
void port_keep(const char *gateway, uint16_t port);

/* Of a profile's gateways, and of the one that a tunnel of L2TP is up with: what it wanted is tried first the
 * next time. */
void ports_recall(struct profile *p);
void ports_keep(const struct profile *p, const struct status *st);

#endif
