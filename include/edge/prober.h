/*
 * A probe in the world: names are resolved, sockets of any port opened, which needs no privilege, and the
 * clock read. Nothing of the machine is changed.
 */
#ifndef EDGE_PROBER_H
#define EDGE_PROBER_H

#include "edge/resolve.h"
#include "ike/probe.h"

struct prober;

/* Waits for the answer. SILENT or CONFIG as the resolver says. */
bool prober_resolve(const char *host, uint16_t port, struct addr out[RESOLVE_ADDRS_MAX], size_t *n,
	struct err *e) MUST_CHECK;
/* Begins at once. config outlives it. SILENT: there is no way to the address. */
struct prober *prober_open(
	const struct addr *gateway, const struct probe_config *config, struct err *e) MUST_CHECK;
void prober_close(struct prober *p); /* NULL is fine */
/* Waits for the next thing that happens, ms at most; false with e.kind NONE: it is over. */
bool prober_wait(struct prober *p, int ms, struct err *e) MUST_CHECK;
const struct probe_found *prober_found(const struct prober *p);

#endif
