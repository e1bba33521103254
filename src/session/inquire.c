#include "inquire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"

/* All together; half of it for each. Whoever will go on without an answer in any case does not wait long for it. */
enum { SOFT_MS = 5000, HARD_MS = 10000 };

static uint64_t time_for_all(const struct session *s)
{
	return s->cfg.revocation == REVOCATION_HARD ? HARD_MS : SOFT_MS;
}

static bool ask_next(struct session *s)
{
	struct inquiring *q = &s->inquiring;
	uint8_t nonce[SOURCE_NONCE_LEN];

	rng_fill(&s->rng, nonce, sizeof(nonce));
	return s->now < q->until &&
		inquiry_next(q->about, s->p->trust, s->p->crls, q->fetched, session_wall(s),
			nonce) != NULL;
}

static void fetch(struct session *s, struct outbox *ob)
{
	struct inquiring *q = &s->inquiring;
	const struct source *from = inquiry_source(q->about);
	struct fetch *f = outbox_add(ob, ACT_FETCH, sizeof(*f) + from->question_len);

	if (!f)
		return;
	f->id = ++q->id;
	f->ms = (uint32_t)earliest(q->until - s->now, time_for_all(s) / 2);
	f->len = (uint32_t)from->question_len;
	memcpy(f->data, from->question, from->question_len);
	snprintf(f->url, sizeof(f->url), "%s", from->url);
	if (f->len > 0) /* RFC 6960 appendix A.1 */
		snprintf(f->type, sizeof(f->type), "application/ocsp-request");
	outbox_log(ob, LEVEL_INFO, "asking %s", from->url);
}

/* Nothing more can be had. Who would refuse the gateway does not call it again for that. */
static void judge(struct session *s, struct outbox *ob)
{
	struct inquiring *q = &s->inquiring;
	struct err why;
	enum standing standing =
		inquiry_look(q->about, s->p->trust, s->p->crls, q->fetched, session_wall(s), &why);

	inquire_end(s);
	s->phase = PHASE_CONNECTING;
	if (standing == STANDING_REVOKED ||
		(standing == STANDING_UNKNOWN && s->cfg.revocation == REVOCATION_HARD)) {
		attempt_failed(s, &why, ob);
	} else {
		q->done = true;
		attempt_begin(s, ob);
	}
}

bool inquire_begin(struct session *s, struct outbox *ob)
{
	struct inquiring *q = &s->inquiring;
	struct inquiry *about = engine_inquiry(s->engine);
	struct err e;

	if (!about)
		return false;
	if (!q->fetched && !(q->fetched = evidence_new(&e))) {
		inquiry_free(about);
		return false;
	}
	q->about = about;
	q->until = s->now + time_for_all(s);
	evidence_renew(q->fetched, session_wall(s));
	s->cfg.fetched = q->fetched;
	s->phase = PHASE_INQUIRING;
	outbox_event(
		ob, EV_STAGE, LEVEL_INFO, "asking whether the gateway's certificate is revoked");
	fetch(s, ob);
	return true;
}

void inquire_answer(struct session *s, const struct os_input *in, struct outbox *ob)
{
	struct inquiring *q = &s->inquiring;
	struct err e = in->err;

	if (s->phase != PHASE_INQUIRING || in->spi != q->id)
		return;
	if (!in->ok || !inquiry_answer(q->about, q->fetched, in->body, &e)) {
		outbox_log(ob, LEVEL_INFO, "%s", e.text);
		evidence_spoiled(q->fetched, &e);
	}
	if (ask_next(s))
		fetch(s, ob);
	else
		judge(s, ob);
}

void inquire_tick(struct session *s, struct outbox *ob)
{
	struct inquiring *q = &s->inquiring;
	struct err e;

	if (s->now < q->until)
		return;
	err_set(&e, ERR_SILENT, "%.200s: no answer in time", inquiry_source(q->about)->url);
	evidence_spoiled(q->fetched, &e);
	judge(s, ob);
}

void inquire_end(struct session *s)
{
	inquiry_free(s->inquiring.about);
	s->inquiring.about = NULL;
}
