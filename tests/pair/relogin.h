/*
 * A session, and a gateway that wants a new login after ten minutes (AUTH_LIFETIME, RFC 4478), of which the last is
 * there for it. The gateway lets the client in twice: pair.gw first, pair.other beside it, and then in turn.
 */
#ifndef TESTS_PAIR_RELOGIN_H
#define TESTS_PAIR_RELOGIN_H

#include "whole.h"

enum { LIFE = 600, LEAD = 60 }; /* seconds */

struct relogin {
	struct profile *profile;
	uint64_t since; /* the tunnel is up */
	struct pair p;
};

/* By EAP-MSCHAPv2, for whose user and password people are asked, or by the shared key. */
struct relogin *relogin_new(bool eap);
void relogin_free(struct relogin *w);
/* Connects, and lets time run to shortly before the new login; from then on packets go both ways all the time. */
void relogin_up(struct relogin *w);
/* Until so many seconds after the tunnel came up. */
void relogin_to(struct relogin *w, uint64_t seconds);
void relogin_ping(struct relogin *w);
/* Nothing broke, and one tunnel is there, to that gateway, after so many logins. */
void relogin_check(struct relogin *w, const struct gateway *to, unsigned logins);
void relogin_stop(struct relogin *w); /* nothing is left, here or there */

#endif
