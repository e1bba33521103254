#include "silence.h"

#include "dial.h"

enum { SILENCE_MS = 6000 }; /* four copies of a request */

void silence_begin(struct session *s)
{
	s->silence = (struct silence){ true, STAGE_INIT, s->now + SILENCE_MS };
}

void silence_follow(struct session *s)
{
	bool dials = s->phase == PHASE_DIALLING;
	struct silence x = {
		.waits = (dials || s->phase == PHASE_CONNECTING) && !s->question,
		.stage = dials ? dial_stage(s) : s->view.stage,
	};

	if (x.waits == s->silence.waits && x.stage == s->silence.stage)
		return;
	x.tell_at = x.waits ? s->now + SILENCE_MS : TIME_NEVER;
	s->silence = x;
}

uint64_t silence_deadline(const struct session *s)
{
	return s->silence.tell_at;
}

void silence_tick(struct session *s, struct outbox *ob)
{
	char who[ADDR_TEXT_MAX];

	if (s->now < s->silence.tell_at)
		return;
	s->silence.tell_at = TIME_NEVER;
	if (stage_is_login(s->silence.stage))
		outbox_event(ob, EV_STAGE, LEVEL_INFO,
			"no answer to the login yet: somebody may have to confirm it, on a telephone perhaps");
	else
		outbox_event(ob, EV_STAGE, LEVEL_INFO, "no answer from %s yet",
			addr_text(who, &s->paths[s->path].remote));
}
