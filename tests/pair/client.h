/*
 * The client under test behind one set of verbs, whichever surface of it is driven: the engine by
 * itself, or a whole session when there is a profile.
 */
#ifndef TESTS_PAIR_CLIENT_H
#define TESTS_PAIR_CLIENT_H

#include "ike/v2.h"
#include "session/session.h"

struct client {
	struct rng rng;
	struct session *session; /* NULL: the engine alone */
	struct v2 *v2; /* the engine; a session has a new one for each attempt, or none */
};

void client_init(struct client *c, const struct ike_config *cfg, const struct profile *profile,
	uint32_t seed);
void client_free(struct client *c);
void client_start(
	struct client *c, uint64_t now, time_t wall, const struct path *path, struct outbox *ob);
void client_datagram(struct client *c, uint64_t now, const struct datagram *d, struct outbox *ob);
void client_answer(struct client *c, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob);
void client_os(struct client *c, uint64_t now, const struct os_input *in, struct outbox *ob);
void client_tick(struct client *c, uint64_t now, struct outbox *ob);
bool client_command(struct client *c, uint64_t now, enum command what, struct outbox *ob);
void client_stop(struct client *c, uint64_t now, struct outbox *ob);
uint64_t client_deadline(const struct client *c);
/* Of a session: up when it is, dead when it is down, else connecting. */
enum ike_phase client_phase(const struct client *c);
const struct err *client_failure(const struct client *c);

#endif
