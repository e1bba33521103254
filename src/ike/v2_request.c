#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

struct addr v2_local(const struct v2 *v)
{
	struct addr a = v->path.local;

	if (v->natt)
		a.port = v->path.local_natt_port;
	return a;
}

struct sa_ref v2_inbound(const struct v2 *v, uint32_t spi_in)
{
	return (struct sa_ref){ SA_IN, spi_in, v->path.remote, v2_local(v) };
}

void v2_transmit(struct v2 *v, const struct kept *k, struct outbox *ob)
{
	struct addr local = v2_local(v);

	kept_send(k, v->natt ? PORT_NATT : PORT_IKE, &local, &v->path.remote, ob);
	v->keepalive_at = v->now + KEEPALIVE_MS;
}

static const struct rexmit_plan *plan_for(const struct v2 *v, enum v2_task task)
{
	/* A gateway may forget who slept, or who took long for an answer, or not follow who moved; then a new
	 * connection is made. And whoever answers IKE_SESSION_RESUME in its place cannot answer what follows. */
	bool forgotten = v->woke_at > 0 && v->heard_at <= v->woke_at;

	if (forgotten || (v->hs && v->hs->late) || (task == TASK_MOVE && v->elsewhere) ||
		task == TASK_RESUME_AUTH)
		return &rexmit_first;
	if (task == TASK_EAP)
		return &rexmit_confirmed;
	if (!v2_opens(task))
		return &rexmit_settled;
	return v->patient ? &rexmit_first : &rexmit_impatient;
}

void v2_inner_free(struct request *r)
{
	if (r->inner)
		wipe(r->inner, r->inner_len);
	free(r->inner);
	r->inner = NULL;
}

static bool keep_inner(struct request *r, const struct ikew *k, size_t len)
{
	r->inner = malloc(len ? len : 1);
	if (!r->inner)
		return false;
	memcpy(r->inner, k->w.base, len);
	r->inner_len = len;
	r->inner_first = k->first;
	return true;
}

bool v2_request(struct v2 *v, struct v2_sa *sa, enum v2_task task, uint8_t exchange, struct ikew *k,
	struct outbox *ob, struct err *e)
{
	struct request *r = &sa->req;
	size_t len;

	if (!ikew_end(k, &len))
		return err_set(e, ERR_LOCAL, "a request is longer than %zu octets", k->w.cap);
	kept_free(&r->sent);
	v2_inner_free(r);
	r->small = false;
	if (v2_opens(task)) { /* the whole message is in k */
		if (!kept_add(&r->sent, k->w.base, len))
			return err_set(e, ERR_LOCAL, "out of memory");
	} else if (!keep_inner(r, k, len) ||
		!v2_seal(v, sa, exchange, false, sa->mid_out, k->first,
			(struct bytes){ k->w.base, len }, v2_fragment_size(v, false), &r->sent,
			e)) {
		return err_ctx(e, "%s", name_find(exchange_names, exchange));
	}
	r->task = task;
	r->exchange = exchange;
	r->mid = sa->mid_out;
	rexmit_begin(&r->rexmit, plan_for(v, task), v->now, v->rng);
	v2_transmit(v, &r->sent, ob);
	outbox_log(ob, LEVEL_DEBUG, "sent %s request %u, %zu octets in %zu datagram%s",
		name_find(exchange_names, exchange), r->mid, len, r->sent.n, plural(r->sent.n));
	return true;
}

void v2_request_done(struct v2_sa *sa)
{
	struct request *r = &sa->req;

	if (r->task == TASK_NONE)
		return;
	kept_free(&r->sent);
	v2_inner_free(r);
	r->task = TASK_NONE;
	sa->mid_out++;
}

void v2_request_hurry(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	struct request *r = &sa->req;

	if (r->task == TASK_NONE || sa->state < V2_UP)
		return;
	rexmit_begin(&r->rexmit, &rexmit_first, v->now, v->rng);
	v2_transmit(v, &r->sent, ob);
}

void v2_send_once(
	struct v2 *v, struct v2_sa *sa, uint8_t exchange, struct ikew *k, struct outbox *ob)
{
	struct kept once = { 0 };
	size_t len;

	if (ikew_end(k, &len) &&
		v2_seal(v, sa, exchange, false, sa->mid_out, k->first,
			(struct bytes){ k->w.base, len }, v2_fragment_size(v, false), &once, NULL))
		v2_transmit(v, &once, ob);
	kept_free(&once);
}

/* Large messages that get no answer while small ones did: somewhere large datagrams are dropped. The
 * content is cut again, smaller (RFC 7383 section 2.5.1). */
static void cut_smaller(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	struct request *r = &sa->req;
	struct kept smaller = { 0 };
	bool large = r->sent.n > 1 || r->sent.v[0].len > v2_fragment_size(v, true);

	if (r->small || !sa->fragments || !large || r->rexmit.tries < 3)
		return;
	r->small = true;
	if (v2_seal(v, sa, r->exchange, false, r->mid, r->inner_first,
		    (struct bytes){ r->inner, r->inner_len }, v2_fragment_size(v, true), &smaller,
		    NULL)) {
		outbox_log(
			ob, LEVEL_INFO, "no answer to a large message: trying smaller fragments");
		kept_free(&r->sent);
		r->sent = smaller;
	} else {
		kept_free(&smaller);
	}
}

/* Copies of the first message go to the other port as well, but where the first port was open a moment ago. */
static bool knocks(const struct v2 *v, const struct request *r)
{
	return v2_opens(r->task) && !v->natt && !v2_resume_same_way(v);
}

static void give_up(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	const struct request *r = &sa->req;
	char to[ADDR_TEXT_MAX];
	struct err e;

	v2_rekey_abandon(v, sa);
	if (r->task == TASK_DELETE_IKE || sa != v->sa) { /* gone without saying goodbye is gone */
		sa->state = V2_GONE;
		v->sa->want_dpd = true; /* if only that */
		return;
	}
	addr_port_text(to, &v->path.remote);
	if (v->hs && v->hs->hint.kind != ERR_NONE)
		e = v->hs->hint;
	else if (r->sent.n > 1)
		err_set(&e, ERR_SILENT,
			"%s does not answer %s of %zu fragments, though it answered "
			"smaller messages",
			to, name_find(exchange_names, r->exchange), r->sent.n);
	else
		err_set(&e, ERR_SILENT, "%s does not answer %s%s (sent %u time%s)", to,
			name_find(exchange_names, r->exchange), knocks(v, r) ? ALSO_KNOCKED : "",
			r->rexmit.tries, plural(r->rexmit.tries));
	v2_fail(v, &e, ob);
}

void v2_request_tick(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	struct request *r = &sa->req;

	if (r->task == TASK_NONE || v->now < r->rexmit.next)
		return;
	if (!rexmit_again(&r->rexmit, v->now, v->rng)) {
		give_up(v, sa, ob);
		return;
	}
	cut_smaller(v, sa, ob);
	outbox_log(ob, LEVEL_DEBUG, "sending %s request %u again, try %u",
		name_find(exchange_names, r->exchange), r->mid, r->rexmit.tries);
	if (!knocks(v, r) || !rexmit_knock(&r->rexmit, &r->sent, &v->path, ob))
		v2_transmit(v, &r->sent, ob);
}

/* --- which request comes next ------------------------------------------------------------------ */

static struct child *child_deleting(const struct v2 *v, const struct v2_sa *sa)
{
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->sa == sa && v->children.v[i]->state == CHILD_DELETING)
			return v->children.v[i];
	return NULL;
}

static bool any_covers(const struct v2 *v, const struct selector *s)
{
	struct selector common;

	for (size_t i = 0; i < v->children.n; i++) {
		const struct child *c = v->children.v[i];
		if (c->state == CHILD_DELETING || c->state == CHILD_LINGERING)
			continue;
		for (size_t j = 0; j < c->remote_ts.n; j++)
			if (selector_narrow(&common, s, &c->remote_ts.v[j]))
				return true;
	}
	return false;
}

bool v2_extra_wanted(struct v2 *v)
{
	for (; v->extra_ts < v->cfg->remote_ts.n; v->extra_ts++)
		if (v->children.n > 0 && v->children.n < IKE_CHILDREN_MAX &&
			!any_covers(v, &v->cfg->remote_ts.v[v->extra_ts]))
			return true;
	return false;
}

void v2_extra_left_out(const struct v2 *v, struct outbox *ob)
{
	size_t n = 0;

	for (size_t i = 0; v->children.n >= IKE_CHILDREN_MAX && i < v->cfg->remote_ts.n; i++)
		n += !any_covers(v, &v->cfg->remote_ts.v[i]);
	if (n > 0)
		outbox_event(ob, EV_WARNING, LEVEL_WARN,
			"not carried, for it would take more than %d child SAs: %zu network%s of "
			"esp.remote-ts",
			IKE_CHILDREN_MAX, n, plural(n));
}

void v2_extra_again(struct v2 *v, uint64_t at)
{
	if (at < v->extra_at)
		v->extra_at = at;
}

void v2_extra_tick(struct v2 *v)
{
	if (v->now < v->extra_at)
		return;
	v->extra_at = TIME_NEVER;
	v->extra_ts = 0;
	if (v2_extra_wanted(v))
		v->extra_from = v->now + EXTRA_PAUSE_MS;
}

bool v2_child_ended(const struct v2 *v)
{
	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->ended)
			return true;
	return false;
}

/* The gateway has deleted the last child SA and kept the IKE SA: by that another can be had without a new login.
 * Many do so when nothing was sent for a while. */
static void remake_child(struct v2 *v)
{
	struct child *last = NULL;

	for (size_t i = 0; i < v->children.n; i++)
		if (v->children.v[i]->state == CHILD_LINGERING && v->children.v[i]->sa == v->sa)
			last = v->children.v[i];
	if (!last || v->now < v->remake_from || v->stopping)
		return;
	last->lost = true;
	v->remake = last->spi_in;
	v->remake_at = v->now;
	v->remake_from = v->now + REMAKE_MS;
}

bool v2_child_comes(struct v2 *v)
{
	enum v2_task task = v->sa->req.task;

	if (v2_child_ended(v))
		return false;
	/* The answer may be under way: sent before the delete. */
	if (v->remake || task == TASK_REKEY_CHILD || task == TASK_NEW_CHILD)
		return true;
	remake_child(v);
	return v->remake;
}

static bool ask_for_life(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	if (!sa->want_dpd)
		return true;
	sa->want_dpd = false;
	/* The NAT may have made another address of ours, and a gateway with MOBIKE follows only
	 * who says so (RFC 4555 section 3.8). */
	return v->mobike && v->nat_local ? v2_move_send(v, sa, ob, e) : v2_dpd_send(v, sa, ob, e);
}

/* The gateway's rekey of it waits for additional key exchanges: one of ours beside that would make two children. */
static bool in_series(const struct v2 *v, const struct v2_sa *sa, const struct child *c)
{
	return sa->theirs && sa->theirs->old_spi_in == c->spi_in && v->now < sa->theirs->until;
}

static struct child *worn_child(struct v2 *v, struct v2_sa *sa)
{
	struct child *c;

	while ((c = child_wanting_rekey(&v->children, sa, v->now)) && in_series(v, sa, c))
		c->retry_at = sa->theirs->until;
	return c;
}

static bool next_request(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	struct child *c, *worn;

	bool retires = v->retired && sa == v->sa && sa->state == V2_UP;
	if (sa->want_delete || retires) {
		if (retires)
			(void)children_linger(&v->children, v->now, ob);
		sa->want_delete = false;
		sa->state = V2_DELETING;
		return v2_delete_ike_send(v, sa, ob, e);
	}
	if (sa->state != V2_UP || sa != v->sa)
		return true;
	if (v->want_move) {
		v->want_move = false;
		return v2_move_send(v, sa, ob, e);
	}
	if (v2_being_replaced(sa))
		return ask_for_life(v, sa, ob, e);
	if (v->remake && v->now >= v->remake_at) {
		c = child_find(&v->children, v->remake);
		v->remake = 0;
		if (c)
			return v2_child_send(v, sa, c, ob, e);
	}
	worn = worn_child(v, sa);
	if (worn)
		v2_child_succeeds(v, worn, ob); /* by the delete that comes next */
	if ((c = child_deleting(v, sa)))
		return v2_delete_child_send(v, c, ob, e);
	if (worn) {
		worn->want_rekey = false;
		return v2_child_send(v, sa, worn, ob, e);
	}
	if (sa->want_rekey && !sa->theirs) {
		sa->want_rekey = false;
		return v2_rekey_send(v, sa, ob, e);
	}
	if (v->want_ticket)
		return v2_ticket_send(v, sa, ob, e);
	if (v2_extra_wanted(v)) {
		bool ok = v2_child_send(v, sa, NULL, ob, e);
		v->extra_ts++;
		return ok;
	}
	return ask_for_life(v, sa, ob, e);
}

void v2_request_next(struct v2 *v, struct outbox *ob)
{
	struct err e = { 0 };

	for (size_t i = 0; i < V2_SAS_MAX && v->phase != IKE_DEAD; i++)
		if (v->sas[i] && v->sas[i]->state >= V2_UP && v->sas[i]->req.task == TASK_NONE &&
			!next_request(v, v->sas[i], ob, &e))
			v2_fail(v, &e, ob);
}
