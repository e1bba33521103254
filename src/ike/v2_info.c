#include "v2_sa.h"

#include <string.h>

/*
 * INFORMATIONAL, RFC 7296 section 1.4: deletes, notifies, and the empty one that asks whether the
 * other side is alive (section 2.4).
 *
 *	HDR, SK {[D,] [N,] ...}  -->
 *	                         <--  HDR, SK {[D,] ...}
 */

/* Section 3.11. The SPIs of child SAs are ours, those we receive by; an IKE SA is that of the header. */
void v2_delete_write(struct ikew *k, enum protocol_id proto, const uint32_t *spis, size_t n)
{
	ikew_payload(k, PAYLOAD_D);
	wr_u8(&k->w, (uint8_t)proto);
	wr_u8(&k->w, proto == PROTO_ESP ? sizeof(spis[0]) : 0);
	wr_u16(&k->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wr_u32(&k->w, spis[i]);
}

bool v2_delete_child_send(struct v2 *v, struct child *c, struct outbox *ob, struct err *e)
{
	uint8_t buf[64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	v2_delete_write(&k, PROTO_ESP, &c->spi_in, 1);
	c->sa->req.child = c->spi_in;
	return v2_request(v, c->sa, TASK_DELETE_CHILD, INFORMATIONAL, &k, ob, e);
}

bool v2_delete_child_recv(struct step *s)
{
	struct child *c = child_find(&s->v->children, s->sa->req.child);

	v2_request_done(s->sa);
	if (c)
		child_linger(c, s->v->now, s->ob);
	return true;
}

bool v2_delete_ike_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	uint8_t buf[64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	v2_delete_write(&k, PROTO_IKE, NULL, 0);
	return v2_request(v, sa, TASK_DELETE_IKE, INFORMATIONAL, &k, ob, e);
}

bool v2_delete_ike_recv(struct step *s)
{
	v2_request_done(s->sa);
	s->next = V2_GONE;
	return true;
}

bool v2_dpd_send(struct v2 *v, struct v2_sa *sa, struct outbox *ob, struct err *e)
{
	uint8_t buf[16];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	return v2_request(v, sa, TASK_DPD, INFORMATIONAL, &k, ob, e);
}

bool v2_dpd_recv(struct step *s)
{
	v2_request_done(s->sa);
	return true;
}

/* The gateway deletes the child whose outbound SPI this is, and which may have gone over to the successor of the IKE
 * SA. In the answer stands our half, unless we are deleting it ourselves (section 1.4.1, 2.25.1). */
static bool delete_child(struct step *s, uint32_t spi_out, uint32_t *spi_in)
{
	struct child *c = child_by_out(&s->v->children, s->sa, spi_out);

	for (const struct v2_sa *sa = s->sa->successor; sa && !c; sa = sa->successor)
		c = child_by_out(&s->v->children, sa, spi_out);
	if (!c) {
		s->sa->req.offer.gone_spi = spi_out;
		return false;
	}
	bool tell = c->state != CHILD_DELETING;
	*spi_in = c->spi_in;
	child_deleted(&s->v->children, c, s->v->now, s->ob);
	return tell;
}

static bool delete_children(struct step *s, struct rd *spis)
{
	uint32_t ours[CHILDREN_MAX];
	size_t n = 0;

	v2_rekey_settle(s->v, s->sa);
	while (spis->left >= 4 && n < CHILDREN_MAX) {
		uint32_t spi_in;
		if (delete_child(s, rd_u32(spis), &spi_in))
			ours[n++] = spi_in;
	}
	if (n > 0)
		v2_delete_write(s->reply, PROTO_ESP, ours, n);
	return true;
}

static bool read_delete(struct step *s, struct bytes body)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t proto = rd_u8(&r), size = rd_u8(&r);
	uint16_t count = rd_u16(&r);

	if (r.bad || (proto == PROTO_ESP && (size != 4 || r.left != (size_t)4 * count)))
		return err_notify(s->e, ERR_PEER, INVALID_SYNTAX, "a malformed delete payload");
	if (proto == PROTO_ESP)
		return delete_children(s, &r);
	if (proto == PROTO_IKE)
		s->next = V2_GONE;
	return true;
}

bool v2_info_request(struct step *s)
{
	char name[NOTIFY_TEXT_MAX];
	struct notify n;

	for (size_t i = 0; i < s->p->n; i++) {
		const struct payload *p = &s->p->v[i];
		if (p->type == PAYLOAD_D && !read_delete(s, p->body))
			return false;
		if (p->type != PAYLOAD_N || !notify_read(&n, p->body))
			continue;
		outbox_log(s->ob, LEVEL_INFO, "the gateway says %s", notify_text(name, n.type));
		/* Section 3.10.1. Where there is no such child any more another is made (section 2.25). */
		if (n.type == INVALID_SPI)
			(void)child_unknown(&s->v->children, n.data, n.spi);
	}
	v2_auth_lifetime(s);
	v2_cookie2(s);
	return true;
}
