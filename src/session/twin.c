#include "twin.h"

enum {
	TELL = 2, /* so often in a row it is no accident */
	/* After a delete the other one tries again within BACKOFF_MOST_MS. */
	SOON_MS = BACKOFF_MOST_MS + 15000,
	/* That silence is noticed here and there takes this long, and twice dead peer detection. */
	SILENCE_MS = 600000,
};

void twin_lost(struct session *s)
{
	const struct err *e = &s->view.failure;
	struct twin *t = &s->twin;
	bool deleted = e->kind == ERR_PEER && !e->notify && s->now - s->up_at < SOON_MS;

	t->suspect = deleted || e->kind == ERR_SILENT;
	if (!t->suspect || s->now - t->lost_at >= SILENCE_MS + 2 * s->p->dpd_interval)
		t->times = 0;
	t->lost_at = s->now;
	t->attempts = s->attempts;
}

void twin_up(struct session *s, struct outbox *ob)
{
	struct twin *t = &s->twin;
	bool at_once = s->attempts - t->attempts <= 1;

	t->times = t->suspect && at_once ? t->times + 1 : 0;
	t->suspect = false;
	if (t->times != TELL)
		return;
	t->known = true;
	outbox_event(ob, EV_WARNING, LEVEL_WARN,
		"the gateway dropped this connection and took us again at once, %d times in a row: "
		"another machine or tunnel seems to use the same identity (%s), and each takes the "
		"other's place. End the other one, or give each its own (local.id, certificate). "
		"From here on the gateway is not asked to forget the other, which is enough where "
		"it lets an identity in twice",
		TELL, s->view.local_id);
}
