#include "v1_sa.h"

#include <string.h>

#include "attr.h"
#include "base/names.h"

/*
 * Mode configuration, draft-dukes-ike-mode-cfg-02, with Cisco's Unity attributes: pulled by us, or
 * pushed by the gateway at any time after phase 1.
 *
 *	HDR*, HASH, ATTR(REQUEST: IP4_ADDRESS, ...)  -->
 *	                                             <--  HDR*, HASH, ATTR(REPLY: ...)
 *
 *	                                             <--  HDR*, HASH, ATTR(SET: ...)
 *	HDR*, HASH, ATTR(ACK: ...)                   -->
 */

enum { ATTR_REQUEST = 1, ATTR_ACK = 4 };

enum {
	UNITY_BANNER = 28672,
	UNITY_SAVE_PASSWD = 28673,
	UNITY_DEF_DOMAIN = 28674,
	UNITY_SPLITDNS_NAME = 28675,
	UNITY_SPLIT_INCLUDE = 28676,
	UNITY_SPLIT_EXCLUDE = 28678, /* called LOCAL_LAN as well */
	UNITY_PFS = 28679,
	UNITY_BACKUP_SERVERS = 28681,
};

static bool config_write(struct v1 *v, struct v1_xchg *x, uint8_t type, uint16_t identifier,
	struct bytes attributes, bool wait, struct outbox *ob, struct err *e)
{
	uint8_t buf[V1_PROMPTS_MAX * (PASSPHRASE_MAX + 4) + 64];
	struct ikew k;

	ikew_chain(&k, buf, sizeof(buf));
	ikew_payload(&k, V1P_ATTR);
	wr_u8(&k.w, type);
	wr_u8(&k.w, 0);
	wr_u16(&k.w, identifier);
	wr_bytes(&k.w, attributes.p, attributes.n);
	bool ok = v1_send(v, x, V1_TRANSACTION, (struct bytes){ 0 }, &k, wait, ob, e);
	wipe(buf, sizeof(buf));
	return ok;
}

bool v1_config_send(struct v1 *v, struct v1_xchg *x, uint8_t type, uint16_t identifier,
	struct bytes attributes, struct outbox *ob, struct err *e)
{
	return config_write(v, x, type, identifier, attributes, false, ob, e);
}

/* --- pull ------------------------------------------------------------------------------------------------- */

static void want(struct wr *w, const struct prefix *p)
{
	uint8_t value[17] = { 0 };
	bool v4 = p->family == FAMILY_V4;

	memcpy(value, p->ip, addr_len(p->family));
	value[16] = p->len;
	v1_attr_write(w, v4 ? INTERNAL_IP4_ADDRESS : INTERNAL_IP6_ADDRESS,
		(struct bytes){ value, v4 ? 4 : 17 });
}

/* There is less to ask for, if this is not answered. */
static bool asks_for_more(const struct v1 *v)
{
	return v->cfg->n_want == 0 && !v->only_v4;
}

/* One of both families where the profile names none, but not from a gateway that had no answer to that. */
static void want_addresses(const struct v1 *v, struct wr *w)
{
	bool v6 = asks_for_more(v);

	for (size_t i = 0; i < v->cfg->n_want; i++) {
		want(w, &v->cfg->want[i]);
		v6 |= v->cfg->want[i].family == FAMILY_V6;
	}
	if (v->cfg->n_want == 0)
		v1_attr_write(w, INTERNAL_IP4_ADDRESS, (struct bytes){ 0 });
	v1_attr_write(w, INTERNAL_IP4_NETMASK, (struct bytes){ 0 });
	v1_attr_write(w, INTERNAL_IP4_DNS, (struct bytes){ 0 });
	if (v->cfg->n_want == 0 && v6)
		v1_attr_write(w, INTERNAL_IP6_ADDRESS, (struct bytes){ 0 });
	if (v6)
		v1_attr_write(w, INTERNAL_IP6_DNS, (struct bytes){ 0 });
}

/* Between sites a gateway may not know any of this and stay silent. One that has logins does, and may have to ask
 * for an address elsewhere. */
static const struct rexmit_plan *patience(const struct v1 *v)
{
	if (v->cfg->xauth)
		return asks_for_more(v) ? &rexmit_impatient : &rexmit_first;
	return v->cfg->n_want == 0 ? &rexmit_twice : &rexmit_dispensable;
}

bool v1_config_pull(struct v1 *v, struct v1_sa *sa, struct outbox *ob, struct err *e)
{
	static const uint16_t unity[] = { UNITY_BANNER, UNITY_SAVE_PASSWD, UNITY_DEF_DOMAIN,
		UNITY_SPLITDNS_NAME, UNITY_SPLIT_INCLUDE, UNITY_SPLIT_EXCLUDE, UNITY_PFS,
		UNITY_BACKUP_SERVERS };
	struct v1_xchg *x = v1_xchg_new(v, sa, V1X_PULL, v1_new_mid(v, sa));
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!x)
		return err_set(e, ERR_LOCAL, "no room for another exchange");
	x->identifier = (uint16_t)rng_u32(v->rng);
	want_addresses(v, &w);
	for (size_t i = 0; v->cfg->xauth && i < ARRAY_LEN(unity); i++)
		v1_attr_write(&w, unity[i], (struct bytes){ 0 });
	if (!config_write(
		    v, x, ATTR_REQUEST, x->identifier, (struct bytes){ buf, w.len }, true, ob, e))
		return false;
	rexmit_begin(&x->rexmit, patience(v), v->now, v->rng);
	return true;
}

bool v1_config_less(struct v1 *v, struct v1_xchg *pull)
{
	if (v->configured || !asks_for_more(v))
		return false;
	v1_xchg_done(v, pull); /* its answer is good, too, if it comes late */
	return v->only_v4 = true;
}

bool v1_config_none(
	struct v1 *v, struct v1_xchg *pull, uint16_t notify, struct outbox *ob, struct err *e)
{
	v1_xchg_drop(v, pull);
	if (v->configured) /* it was pushed meanwhile */
		return true;
	if (v->cfg->n_want > 0)
		return err_notify(e, ERR_PEER, notify,
			"mode configuration, which network.address needs, is %s",
			notify ? "refused" : "not answered");
	v->configured = true;
	outbox_event(ob, EV_WARNING, LEVEL_WARN,
		"the gateway %s mode configuration: going on without an assigned address",
		notify ? "refuses" : "does not answer");
	return true;
}

/* --- what the gateway gives --------------------------------------------------------------------------------- */

/* Names separated by whatever the gateway likes. */
static void take_domains(struct granted *g, struct bytes list)
{
	const char *p = list.p, *end = p + list.n;

	while (p < end) {
		const char *stop = p;
		while (stop < end && *stop && *stop != ',' && *stop != ' ' && *stop != '\n')
			stop++;
		struct rd name = rd_init(p, (size_t)(stop - p));
		if (name.left > 0)
			attr_grant(g, INTERNAL_DNS_DOMAIN, &name);
		p = stop + 1;
	}
}

/* Address, mask, and six octets of protocol and ports that nobody uses: 14 octets each, the padding of
 * the last is sometimes left out. */
static void take_networks(struct prefix out[GRANTED_SUBNETS], uint32_t *n, struct bytes list)
{
	struct rd r = rd_init(list.p, list.n);

	while (r.left >= 8 && *n < GRANTED_SUBNETS) {
		struct prefix p = { .family = FAMILY_V4 };
		rd_copy(&r, p.ip, 4);
		const uint8_t *mask = rd_bytes(&r, 4);
		p.len = (uint8_t)attr_mask_bits(mask);
		for (size_t i = 0; i < 4; i++)
			p.ip[i] &= mask[i];
		out[(*n)++] = p;
		rd_bytes(&r, r.left < 6 ? r.left : 6);
	}
}

/* 0.0.0.0/32 stands for the network that we are in, which network.lan is about. */
static void take_excluded(struct granted *g, struct bytes list)
{
	static const struct prefix here = { .family = FAMILY_V4, .len = 32 };
	uint32_t n = 0;

	take_networks(g->excluded, &g->n_excluded, list);
	for (uint32_t i = 0; i < g->n_excluded; i++)
		if (!prefix_same(&g->excluded[i], &here))
			g->excluded[n++] = g->excluded[i];
	g->n_excluded = n;
}

static void take_attribute(struct v1 *v, const struct v1_attr *a, struct outbox *ob)
{
	struct rd r = rd_init(a->value.p, a->value.n);
	char text[EVENT_TEXT_MAX];

	switch (a->type) {
	case UNITY_BANNER:
		if (a->value.n > 0)
			outbox_event(ob, EV_GATEWAY_SAID, LEVEL_INFO, "%s",
				text_safe(text, sizeof(text), a->value.p, a->value.n));
		break;
	case UNITY_DEF_DOMAIN:
	case UNITY_SPLITDNS_NAME:
		take_domains(&v->granted, a->value);
		break;
	case UNITY_SPLIT_INCLUDE:
		take_networks(v->granted.subnets, &v->granted.n_subnets, a->value);
		v->granted.split = v->granted.n_subnets > 0;
		break;
	case UNITY_SPLIT_EXCLUDE:
		take_excluded(&v->granted, a->value);
		break;
	case UNITY_PFS:
		v->want_pfs = v1_attr_number(a) != 0;
		break;
	case UNITY_BACKUP_SERVERS:
		outbox_log(ob, LEVEL_INFO, "the gateway names backup servers: %s",
			text_safe(text, sizeof(text), a->value.p, a->value.n));
		break;
	case UNITY_SAVE_PASSWD:
		outbox_log(ob, LEVEL_INFO, "the gateway %s the password to be stored",
			v1_attr_number(a) ? "allows" : "does not want");
		break;
	default:
		if (a->value.n > 0)
			attr_grant(&v->granted, a->type, &r);
		break;
	}
}

/* The first configuration counts: what stands cannot be changed by a later one without taking the
 * tunnel down. */
static bool take(struct v1_step *s, struct rd attrs)
{
	struct v1_attr a;

	while (v1_attr_next(&attrs, &a))
		if (!s->v->configured && s->v->phase == IKE_CONNECTING)
			take_attribute(s->v, &a, s->ob);
	if (attrs.bad)
		return err_set(s->e, ERR_DROP, "a malformed configuration");
	/* What is pushed before its time may be a banner only: then we ask for the rest. */
	if (s->v->granted.n_addrs > 0 || s->sa->state == V1_CONFIG)
		s->v->configured = true;
	if (s->sa->state == V1_CONFIG)
		s->next = V1_UP;
	return true;
}

bool v1_config_reply(struct v1_step *s, struct rd attrs)
{
	for (size_t i = 0; i < V1_XCHGS_MAX; i++) {
		struct v1_xchg *x = s->v->xchgs[i];
		if (x && x->sa == s->sa && x->kind == V1X_PULL)
			v1_xchg_drop(s->v, x);
	}
	/* It is authentic, so asking again would bring the same. */
	return take(s, attrs) ||
		err_set(s->e, ERR_PEER,
			"the gateway's configuration (mode configuration) is malformed");
}

bool v1_config_push(struct v1_step *s, uint16_t identifier, struct rd attrs)
{
	struct rd r = attrs;
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct v1_attr a;

	if (!take(s, attrs))
		return false;
	while (v1_attr_next(&r, &a))
		if (w.len + 4 <= sizeof(buf))
			v1_attr_write(&w, a.type, (struct bytes){ 0 });
	return v1_config_send(
		s->v, s->x, ATTR_ACK, identifier, (struct bytes){ buf, w.len }, s->ob, s->e);
}
