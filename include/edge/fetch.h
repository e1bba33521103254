/*
 * One document over plain HTTP, without blocking: for what is signed by itself, and is no secret.
 *
 * Addresses come from certificates that were validated, and answers from whoever is there: so there are no
 * redirects, no proxies, no cookies, nothing is kept between two documents, and size and time have limits. Like
 * the gateway's name and the gateway itself it is asked past the tunnel and the kill switch.
 */
#ifndef EDGE_FETCH_H
#define EDGE_FETCH_H

#include "base/bytes.h"
#include "base/outbox.h"
#include "edge/resolve.h"

enum { FETCH_MOST = 16 << 20 }; /* octets of a document */

struct fetcher;

/* conf as of resolver_new; now in milliseconds. In any case there is a result later. */
struct fetcher *fetcher_new(
	resolver_conf *conf, const struct fetch *what, uint64_t now, struct err *e) MUST_CHECK;
void fetcher_free(struct fetcher *f); /* NULL is fine */
/* Descriptors to watch now, with what for; changes after every call. */
size_t fetcher_fds(struct fetcher *f, int fds[RESOLVE_FDS_MAX], uint32_t events[RESOLVE_FDS_MAX]);
uint64_t fetcher_deadline(struct fetcher *f, uint64_t now);
/* fd is ready for events; fd -1: the time has come. */
void fetcher_work(struct fetcher *f, uint64_t now, int fd, uint32_t events);
/* True when it is over: the document, which is the fetcher's, or why there is none (SILENT, PEER, CONFIG). */
bool fetcher_result(struct fetcher *f, struct bytes *body, struct err *e);
uint32_t fetcher_id(const struct fetcher *f);

/* --- for its tests ------------------------------------------------------------------------------- */

struct http_url {
	char host[HOST_TEXT_MAX]; /* a name or an address, without brackets */
	uint16_t port;
	const char *target; /* from the path on, in the url; "": none, which is "/" */
};

/* "http://host[:port][/target]" and nothing else: CONFIG. */
bool http_url_read(const char *url, struct http_url *out, struct err *e) MUST_CHECK;
/* What has come so far, whole: the connection was closed. *done: no more is needed. False: it never will be an
 * answer, PEER. */
bool http_answer_read(
	struct bytes all, bool whole, bool *done, struct bytes *body, struct err *e) MUST_CHECK;

#endif
