#include "v2_sa.h"

/*
 * MOBIKE, RFC 4555 section 3.5: this machine has another address, and all goes on from there.
 *
 *	HDR, SK {N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*)}  -->
 *	                              <--  HDR, SK {N(NAT_DETECTION_*)}
 *
 * The same is said after a sleep, and where only the way changed: behind another NAT the gateway has to
 * send elsewhere, though our own address may be the same (section 3.8).
 *
 * The child SAs move as they are where the data plane can do that. The kernel cannot: up to Linux 7.1
 * it knows the SA to be moved by its addresses alone, and may count on from a sequence number that has
 * been used (XFRM_MSG_MIGRATE copies the SA while the old one still sends). So they are made anew.
 */

void v2_move_to(struct v2 *v, const struct path *path, struct outbox *ob)
{
	uint16_t port = v->path.remote.port;
	struct sa_move *m;

	v->path = *path;
	v->path.remote.port = port;
	v->want_move = v->elsewhere = true;
	m = outbox_add(ob, ACT_SA_MOVE, sizeof(*m));
	if (m)
		*m = (struct sa_move){ v2_local(v), v->path.remote };
	/* What waits for an answer is heard of from the new address first. */
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i])
			v2_request_hurry(v, v->sas[i], ob);
}

bool v2_child_fits(const struct v2 *v, const struct child *c)
{
	struct addr local = v2_local(v);

	return addr_same(&c->local, &local) && c->encap == v->encap;
}

/* Those that lead from where we were, or past a NAT that is not there, or not past one that is. */
static void remake(struct v2 *v)
{
	for (size_t i = 0; i < v->children.n; i++) {
		struct child *c = v->children.v[i];
		if (c->state != CHILD_UP || v2_child_fits(v, c))
			continue;
		c->want_rekey = true;
		c->retry_at = v->now;
		c->unsure_until = 0;
	}
}

void v2_moved(struct v2 *v, bool moved)
{
	for (size_t i = 0; i < v->children.n && moved; i++)
		child_move(v->children.v[i], v2_local(v), v->path.remote);
	remake(v);
}

bool v2_move_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	uint8_t buf[128];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_notify(&k, 0, UPDATE_SA_ADDRESSES, (struct bytes){ 0 }, (struct bytes){ 0 });
	v2_nat_write(v, sa, &k);
	return v2_request(v, sa, TASK_MOVE, INFORMATIONAL, &k, ob, e);
}

bool v2_move_recv(struct step *s)
{
	char name[NOTIFY_TEXT_MAX], to[ADDR_TEXT_MAX];
	struct v2 *v = s->v;
	struct notify n;

	v2_request_done(s->sa);
	if (v->want_move)
		return true; /* the address has changed again since */
	if (v->elsewhere && notify_find_error(s->p, &n))
		return err_set(s->e, ERR_PEER, "the gateway does not follow to another address: %s",
			notify_text(name, n.type));
	if (v2_nat_read(s))
		remake(v);
	if (v->elsewhere)
		outbox_event(s->ob, EV_MOVED, LEVEL_INFO, "moved to %s, and the gateway follows",
			addr_text(to, &v->path.local));
	v->elsewhere = false;
	return true;
}

/* Section 3.7: it wants to know whether we are where the request went. */
void v2_cookie2(struct step *s)
{
	enum { COOKIE2_MIN = 8, COOKIE2_MAX = 64 };
	struct notify n;

	if (notify_find(s->p, COOKIE2, &n) && n.data.n >= COOKIE2_MIN && n.data.n <= COOKIE2_MAX)
		ikew_notify(s->reply, 0, COOKIE2, (struct bytes){ 0 }, n.data);
}
