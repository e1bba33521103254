#include "resume.h"

#include "configure.h"
#include "ike/msg.h"
#include "ike/v2.h"

void resume_forget(struct session *s)
{
	resumption_free(&s->resume.from);
	s->cfg.resume = NULL;
	s->resume.now = false;
	s->resume.rounds = 0;
}

void resume_keep(struct session *s)
{
	resume_forget(s);
	if (s->engine)
		s->resume.from = engine_resumption(s->engine);
}

void resume_round(struct session *s)
{
	struct resume *r = &s->resume;

	r->now = r->from && r->rounds < RESUMES_MAX;
	r->rounds = r->now ? r->rounds + 1 : 0;
}

void resume_configure(struct session *s)
{
	struct resume *r = &s->resume;

	if (r->from && s->now >= r->from->until)
		resume_forget(s);
	s->cfg.resume = r->now && s->gateway == s->worked_gateway ? r->from : NULL;
	if (s->cfg.resume)
		configure_same_addresses(s);
}

bool resume_refused(struct session *s, const struct err *e, struct outbox *ob)
{
	if (!s->cfg.resume || e->kind == ERR_SILENT)
		return false;
	if (s->view.stage == STAGE_AUTH && e->notify == AUTHENTICATION_FAILED &&
		!s->resume.from->bare) {
		s->resume.from->bare = true;
		outbox_log(ob, LEVEL_INFO, "%s: trying once more with a bare proof", e->text);
		return true;
	}
	resume_forget(s);
	if (e->kind != ERR_PEER && e->kind != ERR_AUTH)
		return false;
	configure_addresses(s);
	outbox_event(ob, EV_STAGE, LEVEL_INFO, "%s: logging in again", e->text);
	return true;
}
