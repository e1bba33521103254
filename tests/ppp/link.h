/*
 * A PPP client and a server of tests/lib with a wire between them, and a user who answers.
 */
#ifndef TESTS_PPP_LINK_H
#define TESTS_PPP_LINK_H

#include "lib/ppp_server.h"
#include "lib/wire.h"

#include "base/outbox.h"
#include "ppp/ppp.h"

enum { TO_CLIENT, TO_SERVER };

struct link {
	/* to be set before link_start */
	struct ppp_config cfg;
	struct server_config server_cfg;
	const char *answers[4]; /* to questions in turn; NULL: the user would not */
	uint64_t think; /* how long the user takes */

	struct passphrase password;
	struct rng rng;
	struct ppp *ppp;
	struct server server;
	struct wire wire;
	struct outbox ob;
	uint64_t now, answer_at;
	uint32_t question;
	unsigned asked;
	char prompt[PROMPT_TEXT_MAX], notice[EVENT_TEXT_MAX];
	struct ppp_view view;
};

/* Everything may be used to log in, by "User" with "clientPass"; IPv4 only. */
void link_init(struct link *k, uint32_t seed, enum server_auth auth);
void link_start(struct link *k);
void link_free(struct link *k);
/* Lets time go by until the client is up or dead (both ends up, when it is), at most so long. */
void link_settle(struct link *k, uint64_t ms);
void link_run(struct link *k, uint64_t ms);
/* init is done: starts and settles. */
void link_connect(struct link *k);
/* Is the client dead by this kind of failure, with these words in its sentence? */
void link_check_dead(struct link *k, enum err_kind kind, const char *words);
/* Is it up by this way to log in, with the addresses of the preset? */
void link_check_up(struct link *k, const char *auth);

#endif
