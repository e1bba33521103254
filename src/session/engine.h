/*
 * The IKE engine of one connection attempt: IKEv2 or IKEv1, as the profile says, behind one set of
 * verbs (see ike/v2.h for what they mean).
 */
#ifndef SESSION_ENGINE_H
#define SESSION_ENGINE_H

#include "ike/ike.h"

struct v1;
struct v2;

struct engine { /* one of them */
	struct v1 *v1;
	struct v2 *v2;
};

struct engine *engine_new(
	int version, const struct ike_config *config, struct rng *rng, struct err *e) MUST_CHECK;
void engine_free(struct engine *x); /* NULL is fine */
void engine_start(struct engine *x, uint64_t now, time_t wall, const struct path *path,
	bool patient, struct outbox *ob);
void engine_datagram(struct engine *x, uint64_t now, const struct datagram *d, struct outbox *ob);
void engine_answer(struct engine *x, uint64_t now, uint32_t id, const struct passphrase *text,
	struct outbox *ob);
void engine_os(struct engine *x, uint64_t now, const struct os_input *in, struct outbox *ob);
/* IKEv1 never moves. */
bool engine_move(
	struct engine *x, uint64_t now, const struct path *path, struct outbox *ob) MUST_CHECK;
void engine_tick(struct engine *x, uint64_t now, struct outbox *ob);
enum ike_wait engine_idle(struct engine *x);
bool engine_command(struct engine *x, uint64_t now, enum command c, struct outbox *ob,
	struct err *e) MUST_CHECK;
void engine_stop(struct engine *x, uint64_t now, struct outbox *ob);
/* Says goodbye, and does not wait for an answer. */
void engine_hang_up(struct engine *x, uint64_t now, struct outbox *ob);
/* IKEv2 alone. */
void engine_retire(struct engine *x, uint64_t now, struct outbox *ob);
/* Says goodbye only where there is nothing to go on from. It is dead then. */
void engine_leave(struct engine *x, uint64_t now, struct outbox *ob);
/* What a dead one has for the next to go on from, the caller's from then on; NULL: nothing. */
struct resumption *engine_resumption(struct engine *x);
bool engine_is_for(const struct engine *x, const struct datagram *d);
uint64_t engine_deadline(const struct engine *x);
void engine_keys(const struct engine *x, struct outbox *ob);
void engine_view(const struct engine *x, struct ike_view *out);
const struct granted *engine_granted(const struct engine *x);
/* What others are to be asked before another engine begins (v2_inquiry). */
struct inquiry *engine_inquiry(struct engine *x);

#endif
