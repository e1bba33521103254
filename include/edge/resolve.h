/*
 * Name resolution that does not block: c-ares, driven by the loop.
 *
 * The name servers of the machine are those of the first time that a name is asked for, or who they are, or of
 * resolver_renew; before, nothing is read of the machine. They are asked past
 * the tunnel: the way to the gateway may have to be found again.
 */
#ifndef EDGE_RESOLVE_H
#define EDGE_RESOLVE_H

#include "base/err.h"
#include "base/types.h"

enum { RESOLVE_ADDRS_MAX = 16, RESOLVE_FDS_MAX = 16 };

struct resolver;

/* The file that names the servers; NULL for the machine's. */
typedef const char *resolver_conf(void);
/* conf is asked when the file is needed; NULL for the machine's. */
struct resolver *resolver_new(resolver_conf *conf, struct err *e) MUST_CHECK;
void resolver_free(struct resolver *r);
/* The first servers that are asked. */
void resolver_servers(struct resolver *r, struct addr *out, size_t most);
/* From here on the servers that the file names now are asked, but for those inside the tunnel; where it names
 * no other, or none was needed yet, those of before. Ends the question. */
void resolver_renew(
	struct resolver *r, const char *resolv_conf, const struct addr *inside, size_t n);
/* Starts; an address text is answered at once. One question at a time: a new one ends the last. */
void resolver_ask(struct resolver *r, const char *host, uint16_t port);
/* Descriptors to watch now, with what for (EPOLLIN/EPOLLOUT bits); changes after every call. */
size_t resolver_fds(struct resolver *r, int fds[RESOLVE_FDS_MAX], uint32_t events[RESOLVE_FDS_MAX]);
/* Milliseconds until resolver_work must be called anyhow, -1: never. */
int resolver_timeout(struct resolver *r);
/* fd is ready for events; fd -1: the time is over. */
void resolver_work(struct resolver *r, int fd, uint32_t events);
/* True when the question is answered: n addresses in the order to try them (RFC 6724, as c-ares
 * sorts), or none and a SILENT, CONFIG or LOCAL error that says why. */
bool resolver_result(
	struct resolver *r, struct addr out[RESOLVE_ADDRS_MAX], size_t *n, struct err *e);

#endif
