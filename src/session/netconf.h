/*
 * From what was negotiated to how the machine shall look: addresses, routes, DNS, MTU.
 *
 * Everything that the gateway pushed is checked here against what is safe and what the profile
 * accepts; what is refused is named in a warning.
 */
#ifndef SESSION_NETCONF_H
#define SESSION_NETCONF_H

#include "ike/ike.h"
#include "line.h"
#include "session/profile.h"
#include "session/session.h"

struct machine {
	bool kernel; /* ESP is the kernel's, whose policies find what transport mode carries without a route */
	struct addr name_servers[SESSION_NAME_SERVERS];
};

/* Appends ACT_NETCONF and returns a malloc'ed copy of it. NULL: PEER where none of the addresses that the
 * gateway gave can be this machine's, and nothing is appended but why; LOCAL when memory ran out. With L2TP it is the
 * line that brought addresses and name servers, and that carries all of its families; else it is NULL. */
struct netconf *netconf_build(const struct profile *p, const struct ike_view *view,
	const struct granted *g, const struct line_view *line, const struct machine *machine,
	const struct path *path, struct outbox *ob, struct err *e) MUST_CHECK;
enum { IPV6_LEAST_MTU = 1280 }; /* RFC 8200 section 5: with less there is no IPv6 */

/* Appends ACT_NETCONF for before and after the tunnel: nothing but the kill switch, and what passes
 * it. False when memory ran out. */
bool netconf_guard(const struct profile *p, enum killswitch kill, struct outbox *ob);

#endif
