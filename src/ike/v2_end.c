#include "v2_sa.h"

/*
 * How a connection ends: because it failed, as asked, or because another engine has taken over.
 */

/* What was expected of the gateway comes no more. */
static void unexpect(const struct v2 *v, uint32_t spi_in, struct outbox *ob)
{
	struct sa_ref in = v2_inbound(v, spi_in);

	outbox_sa_remove(ob, &in);
}

static void unexpect_all(const struct v2 *v, struct outbox *ob)
{
	if (v->hs && v->hs->child.spi_in)
		unexpect(v, v->hs->child.spi_in, ob);
	for (size_t i = 0; i < V2_SAS_MAX; i++) {
		const struct request *r = v->sas[i] ? &v->sas[i]->req : NULL;
		if (r && (r->task == TASK_NEW_CHILD || r->task == TASK_REKEY_CHILD))
			unexpect(v, r->offer.spi_in, ob);
	}
}

static void clear_all(struct v2 *v, struct outbox *ob)
{
	unexpect_all(v, ob);
	children_clear(&v->children, NULL, ob);
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i])
			v2_sa_drop(v, v->sas[i]);
}

/* A gateway that proved itself is told; it need not answer. */
static void say_goodbye(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	uint8_t buf[64];
	struct ikew k;

	if (!sa || !sa->seal || sa->state == V2_INIT || sa->state == V2_RESUME ||
		sa->state == V2_INTERMEDIATE || sa->state == V2_GONE)
		return;
	ikew_chain(&k, buf, sizeof(buf));
	v2_delete_write(&k, PROTO_IKE, NULL, 0);
	if (sa->req.task != TASK_NONE)
		sa->mid_out++;
	v2_send_once(v, sa, INFORMATIONAL, &k, ob);
}

void v2_fail(struct v2 *v, const struct err *e, struct outbox *ob)
{
	if (v->phase == IKE_DEAD)
		return;
	v->failure = *e;
	if (e->kind != ERR_SILENT) { /* what is deleted cannot be resumed (RFC 5723 section 6.2) */
		say_goodbye(v, v->sa, ob);
		resumption_free(&v->ticket);
	}
	clear_all(v, ob);
	v->phase = IKE_DEAD;
}

void v2_stop(struct v2 *v, uint64_t now, struct outbox *ob)
{
	struct err e;

	v->now = now;
	if (v->phase == IKE_DEAD)
		return;
	if (v->phase != IKE_UP || v->stopping) {
		err_clear(&e);
		v2_fail(v, &e, ob);
		return;
	}
	v->phase = IKE_CLOSING;
	v->stopping = true;
	resumption_free(&v->ticket);
	v->stop_at = now + STOP_MS;
	children_clear(&v->children, NULL, ob);
	v->sa->want_delete = true;
	v2_request_next(v, ob);
}

void v2_retire(struct v2 *v, uint64_t now, struct outbox *ob)
{
	v->now = now;
	if (v->phase != IKE_UP)
		return;
	v->phase = IKE_CLOSING;
	v->stopping = v->retired = true;
	resumption_free(&v->ticket);
	v->stop_at = v->reauth_at = v->login_ends = TIME_NEVER;
	v2_request_next(v, ob);
}

void v2_abandon(struct v2 *v, uint64_t now, struct outbox *ob)
{
	struct err e;

	v->now = now;
	err_set(&e, ERR_SILENT, "the gateway was left for another connection to it");
	v2_fail(v, &e, ob);
}
