#include "v1_sa.h"

#include <string.h>

/*
 * INFORMATIONAL, RFC 2409 section 5.7: one message, no answer.
 *
 *	HDR*, HASH(1), N | D ...  -->
 *
 * Dead peer detection (RFC 3706) is a pair of them: R-U-THERE and its acknowledgement.
 */

/* --- ours ------------------------------------------------------------------------------------------------ */

void v1_delete_child(struct v1 *v, struct v1_sa *sa, const struct child *c, struct outbox *ob)
{
	uint8_t buf[64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_payload(&k, V1P_D);
	wr_u32(&k.w, DOI_IPSEC);
	wr_u8(&k.w, PROTO_ESP);
	wr_u8(&k.w, 4);
	wr_u16(&k.w, 1);
	wr_u32(&k.w, c->spi_in);
	v1_send_info(v, sa, &k, ob);
}

void v1_delete_sa(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	uint8_t buf[64];
	struct ikew k;

	if (sa->key.len == 0 || !sa->proved)
		return;
	ikew_chain(&k, buf, sizeof(buf));
	ikew_payload(&k, V1P_D);
	wr_u32(&k.w, DOI_IPSEC);
	wr_u8(&k.w, PROTO_IKE);
	wr_u8(&k.w, 2 * IKE_SPI_LEN);
	wr_u16(&k.w, 1);
	wr_bytes(&k.w, sa->cky_i, IKE_SPI_LEN);
	wr_bytes(&k.w, sa->cky_r, IKE_SPI_LEN);
	v1_send_info(v, sa, &k, ob);
}

static void send_dpd(
	struct v1 *v, struct v1_sa *sa, uint16_t type, uint32_t sequence, struct outbox *ob)
{
	uint8_t value[4] = { sequence >> 24, sequence >> 16, sequence >> 8, sequence }, buf[64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, sa, type, (struct bytes){ value, sizeof(value) });
	v1_send_info(v, sa, &k, ob);
}

/* Each try is a message of its own, with the same sequence number. */
void v1_dpd_send(struct v1 *v, struct v1_sa *sa, struct outbox *ob)
{
	if (!sa->dpd_first)
		sa->dpd_first = sa->dpd_out = rng_u32(v->rng) >> 1 | 1;
	else if (sa->dpd_tries == 0)
		sa->dpd_out++;
	sa->dpd_tries++;
	sa->dpd_at = v->now + jittered((uint64_t)V1_DPD_MS << (sa->dpd_tries - 1), v->rng);
	send_dpd(v, sa, V1_R_U_THERE, sa->dpd_out, ob);
}

void v1_heard(struct v1 *v)
{
	v->heard_at = v->now;
	if (v->sa) {
		v->sa->dpd_tries = 0;
		v->sa->dpd_at = TIME_NEVER;
	}
}

/* --- the gateway's --------------------------------------------------------------------------------------- */

/* The gateway names the SPI that it receives by, or ours where it has no half of its own. Our own message, come
 * back, names ours as well: of what we deleted, which lingers. */
static void delete_child(struct v1_step *s, uint32_t spi)
{
	struct child *c = child_by_out(&s->v->children, NULL, spi);

	if (!c)
		c = child_find(&s->v->children, spi);
	if (c)
		child_deleted(&s->v->children, c, s->v->now, s->ob);
}

/* Another phase 1 than the one that the message came by goes with the next tick. */
static void delete_sa(struct v1_step *s, const uint8_t cookies[2 * IKE_SPI_LEN])
{
	for (size_t i = 0; i < V1_SAS_MAX; i++) {
		struct v1_sa *sa = s->v->sas[i];
		if (!sa || memcmp(sa->cky_i, cookies, IKE_SPI_LEN) != 0 ||
			memcmp(sa->cky_r, cookies + IKE_SPI_LEN, IKE_SPI_LEN) != 0)
			continue;
		outbox_log(s->ob, LEVEL_INFO, "the gateway deleted phase 1");
		if (sa == s->sa)
			s->next = V1_GONE;
		else
			sa->gone_at = s->v->now;
	}
}

static void take_delete(struct v1_step *s, struct bytes body)
{
	struct rd r = rd_init(body.p, body.n);

	rd_u32(&r); /* DOI */
	uint8_t proto = rd_u8(&r);
	size_t size = rd_u8(&r);
	rd_u16(&r); /* how many: the length says it too */
	while (proto == PROTO_ESP && size == 4 && r.left >= size)
		delete_child(s, rd_u32(&r));
	while (proto == PROTO_IKE && size == (size_t)2 * IKE_SPI_LEN && r.left >= size)
		delete_sa(s, rd_bytes(&r, size));
}

/* The data plane has its limit already: a smaller one is for the next SA, and that comes at once. */
static void limit_volume(struct v1 *v, struct child *c, uint64_t octets)
{
	uint64_t known = shorter(c->octets, v->cfg->child_octets);

	if (shorter(known, octets) == known)
		return;
	v->octets_told = shorter(v->octets_told, octets);
	c->want_rekey = c->state == CHILD_UP;
}

static void take_lifetime(struct v1_step *s, const struct notify *n)
{
	struct v1_life said = v1_lifetime_read(n->data);
	struct rd r = rd_init(n->spi.p, n->spi.n);
	struct v1_sa *sa = s->sa;

	if (n->protocol != PROTO_ESP) {
		sa->lifetime = shorter(sa->lifetime, said.ms); /* it may not have begun yet */
		if (said.ms && s->v->now + said.ms < sa->expire_at) {
			sa->expire_at = s->v->now + said.ms;
			sa->rekey_at = s->v->now + jittered(said.ms * 9 / 10, s->v->rng);
		}
		return;
	}
	uint32_t spi = rd_u32(&r);
	for (size_t i = 0; i < s->v->children.n; i++) {
		struct child *c = s->v->children.v[i];
		if (c->spi_in != spi && c->spi_out != spi)
			continue;
		child_shorten(c, said.ms, s->v->now, s->v->rng);
		limit_volume(s->v, c, said.octets);
	}
}

static void take_ack(struct v1_step *s, const struct notify *n)
{
	struct rd r = rd_init(n->data.p, n->data.n);

	if (rd_u32(&r) == s->sa->dpd_out && !r.bad && s->sa->dpd_tries > 0)
		v1_heard(s->v);
}

/* RFC 3706 section 6.1: an old sequence number may be a replay, and is not answered; the last one once more is, but
 * says nothing of the gateway. Nothing in a message says which way it went: one of our numbers is our own
 * question come back. */
static void take_question(struct v1_step *s, const struct notify *n)
{
	struct rd r = rd_init(n->data.p, n->data.n);
	uint32_t sequence = rd_u32(&r);
	const struct v1_sa *sa = s->sa;
	bool ours = sa->dpd_first && sequence - sa->dpd_first <= sa->dpd_out - sa->dpd_first;

	if (r.bad || ours || (sa->dpd_in && (int32_t)(sequence - sa->dpd_in) < 0))
		return;
	if (sequence != sa->dpd_in)
		v1_heard(s->v);
	s->sa->dpd_in = sequence;
	send_dpd(s->v, s->sa, V1_R_U_THERE_ACK, sequence, s->ob);
}

static struct v1_xchg *waiting(const struct v1 *v, const struct v1_sa *sa, enum v1_kind kind)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		if (v->xchgs[i] && v->xchgs[i]->sa == sa && v->xchgs[i]->kind == kind &&
			v->xchgs[i]->waiting)
			return v->xchgs[i];
	return NULL;
}

/* INVALID-ID-INFORMATION to INVALID-SIGNATURE: who we are is refused, if late. */
static bool about_us(uint16_t notify)
{
	return notify >= V1_INVALID_ID_INFORMATION && notify <= V1_INVALID_SIGNATURE;
}

/* An error is about the one thing that we wait for. */
static bool take_error(struct v1_step *s, const struct notify *n)
{
	struct v1_xchg *quick = waiting(s->v, s->sa, V1X_QUICK);
	struct v1_xchg *pull = waiting(s->v, s->sa, V1X_PULL);
	char name[NOTIFY_TEXT_MAX];

	if (quick) {
		v1_quick_refused(s->v, quick, n, s->ob);
		return true;
	}
	if (pull && s->sa->state == V1_CONFIG && !about_us(n->type)) {
		if (v1_config_less(s->v, pull))
			return v1_config_pull(s->v, s->sa, s->ob, s->e);
		s->next = V1_UP;
		return v1_config_none(s->v, pull, n->type, s->ob, s->e);
	}
	if (s->sa->first && s->sa->state < V1_UP)
		return err_notify(s->e, ERR_PEER, n->type, "the gateway answers %s",
			v1_notify_text(name, n->type));
	outbox_log(s->ob, LEVEL_INFO, "the gateway says %s", v1_notify_text(name, n->type));
	return true;
}

/* Cisco's load balancing: phase 1 is to be made anew, with a less busy gateway. It is believed from one
 * that proved itself, before anything else is agreed on. */
static bool take_move(struct v1_step *s, const struct notify *n)
{
	if (!s->sa->first || !s->sa->proved || s->v->phase != IKE_CONNECTING || n->data.n != 4 ||
		!addr_set(&s->v->move_to, FAMILY_V4, n->data.p, s->v->port))
		return err_set(s->e, ERR_DROP, "a move to another gateway that makes no sense");
	return true;
}

static bool take_notify(struct v1_step *s, const struct notify *n)
{
	char name[NOTIFY_TEXT_MAX];

	switch (n->type) {
	case V1_R_U_THERE:
		take_question(s, n);
		return true;
	case V1_R_U_THERE_ACK:
		take_ack(s, n);
		return true;
	case V1_RESPONDER_LIFETIME:
		take_lifetime(s, n);
		return true;
	case V1_UNITY_LOAD_BALANCE:
		return take_move(s, n);
	case INVALID_SPI: /* RFC 2408 section 5.4 has the same number */
		if (child_unknown(&s->v->children, n->data, n->spi))
			return true;
		return take_error(s, n);
	default:
		if (n->type < V1_ERRORS_END)
			return take_error(s, n);
		outbox_log(s->ob, LEVEL_INFO, "the gateway says %s", v1_notify_text(name, n->type));
		return true;
	}
}

/* What only informs may come as often as it likes; DPD has sequence numbers of its own, and the same question
 * may be asked again. */
static bool changes_something(uint16_t notify)
{
	return notify < V1_ERRORS_END || notify == V1_RESPONDER_LIFETIME ||
		notify == V1_UNITY_LOAD_BALANCE;
}

/* Before the gateway has proved itself its words are those of whoever answered us: why it goes no further, and no
 * more. */
static bool refusal_only(struct v1_step *s)
{
	struct notify n;

	return !v1_notify_error(s->p, &n) || take_error(s, &n);
}

/* Deletes first in the order they come; after an error that ends the connection nothing counts. */
bool v1_info_recv(struct v1_step *s)
{
	struct notify n;

	if (!s->sa->proved)
		return refusal_only(s);
	for (size_t i = 0; i < s->p->n && s->v->phase != IKE_DEAD; i++) {
		const struct payload *p = &s->p->v[i];
		bool notify = p->type == V1P_N && v1_notify_read(&n, p->body);
		if (p->type == V1P_D || (notify && changes_something(n.type)))
			v1_mid_note(s->sa, s->h->mid);
		if (p->type == V1P_D)
			take_delete(s, p->body);
		else if (notify && !take_notify(s, &n))
			return false;
	}
	return true;
}

/* In the clear: believed only as an explanation of why phase 1 does not go on. */
void v1_info_unprotected(
	struct v1 *v, struct v1_sa *sa, const struct payloads *p, struct outbox *ob)
{
	char name[NOTIFY_TEXT_MAX];
	struct notify n;
	struct err e;

	if (sa->state == V1_NEW || sa->state > V1_AGGR_SENT || !v1_notify_error(p, &n))
		return;
	err_notify(&e, ERR_PEER, n.type, "the gateway answers %s", v1_notify_text(name, n.type));
	v1_hint(v, sa, &e, ob);
}
