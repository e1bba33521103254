#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

/*
 * IKE_SA_INIT, RFC 7296 section 1.2:
 *
 *	HDR, [N(COOKIE)], SAi1, KEi, Ni, N(NAT_DETECTION_*), N(...)  -->
 *	                           <--  HDR, SAr1, KEr, Nr, N(NAT_DETECTION_*), [CERTREQ]
 *
 * Nothing of it is authenticated until IKE_AUTH signs both messages. So an answer that cannot be
 * used is only a hint of what is wrong, and the wait for a good one goes on (section 2.21.1).
 */

static void write_signature_hashes(struct ikew *k)
{
	uint8_t list[32];
	struct wr w = wr_init(list, sizeof(list));
	uint32_t hashes = sig_hashes();

	for (uint16_t i = 0; i < 16; i++)
		if (hashes & UINT32_C(1) << i)
			wr_u16(&w, i);
	ikew_notify(k, 0, SIGNATURE_HASH_ALGORITHMS, (struct bytes){ 0 },
		(struct bytes){ list, w.len });
}

void v2_open_begin(struct v2 *v, struct ikew *k, uint8_t *buf, size_t cap, uint8_t exchange)
{
	struct ike_hdr h = { .version = 0x20, .exchange = exchange, .flags = FLAG_INITIATOR };
	const struct handshake *hs = v->hs;

	memcpy(h.spi_i, v->sa->spi_i, IKE_SPI_LEN);
	ikew_message(k, buf, cap, &h);
	if (hs->cookie_len > 0)
		ikew_notify(k, 0, COOKIE, (struct bytes){ 0 },
			(struct bytes){ hs->cookie, hs->cookie_len });
}

void v2_open_announce(struct v2 *v, struct ikew *k)
{
	v2_nat_write(v, v->sa, k);
	if (v->cfg->fragmentation)
		ikew_notify(k, 0, IKEV2_FRAGMENTATION_SUPPORTED, (struct bytes){ 0 },
			(struct bytes){ 0 });
}

bool v2_open_send(struct v2 *v, enum v2_task task, uint8_t exchange, struct ikew *k,
	struct outbox *ob, struct err *e)
{
	const struct kept *sent = &v->sa->req.sent;
	struct handshake *hs = v->hs;

	if (!v2_request(v, v->sa, task, exchange, k, ob, e))
		return false;
	free(hs->init_i);
	hs->init_i_len = sent->v[0].len;
	hs->init_i = malloc(hs->init_i_len);
	if (!hs->init_i)
		return err_set(e, ERR_LOCAL, "out of memory");
	memcpy(hs->init_i, sent->v[0].data, hs->init_i_len);
	return true;
}

bool v2_init_send(struct v2 *v, struct outbox *ob, struct err *e)
{
	struct handshake *hs = v->hs;
	uint8_t buf[IKE_DATAGRAM_MAX];
	struct ikew k;

	v2_open_begin(v, &k, buf, sizeof(buf), IKE_SA_INIT);
	v2_sa_write(&k, v->cfg->ike_proposals, PROTO_IKE, (struct bytes){ 0 });
	v2_ke_write(&k, hs->ke);
	ikew_bytes(&k, PAYLOAD_NONCE, (struct bytes){ hs->ni, sizeof(hs->ni) });
	v2_open_announce(v, &k);
	write_signature_hashes(&k);
	if (prop_addke(v->cfg->ike_proposals))
		ikew_notify(&k, 0, INTERMEDIATE_EXCHANGE_SUPPORTED, (struct bytes){ 0 },
			(struct bytes){ 0 });
	if (v->cfg->ppk)
		ikew_notify(&k, 0, USE_PPK, (struct bytes){ 0 }, (struct bytes){ 0 });
	return v2_open_send(v, TASK_INIT, IKE_SA_INIT, &k, ob, e);
}

/* A message that went several times before its answer came gets as many cookies: only the first is followed, for
 * the gateway signs what it has answered, and that must be what we hold for sent. */
bool v2_open_again(struct step *s, const struct notify *n)
{
	struct handshake *hs = s->v->hs;

	if (n->data.n == 0 || n->data.n > COOKIE_MAX)
		return err_set(
			s->e, ERR_DROP, "a cookie of %zu octet%s", n->data.n, plural(n->data.n));
	if (hs->late_cookies > 0) {
		hs->late_cookies--;
		return err_set(s->e, ERR_DROP, "a cookie for an older copy");
	}
	hs->late_cookies = s->sa->req.rexmit.tries - 1;
	if (hs->cookies++ >= DETOURS_MAX)
		return err_set(s->e, ERR_PEER, "the gateway keeps asking for cookies");
	memcpy(hs->cookie, n->data.p, n->data.n);
	hs->cookie_len = n->data.n;
	s->v->cookie = true;
	outbox_log(s->ob, LEVEL_DEBUG, "the gateway asks for a cookie");
	return hs->from ? v2_resume_send(s->v, s->ob, s->e) : v2_init_send(s->v, s->ob, s->e);
}

/* Section 1.2: the gateway wants another group out of those that were offered. */
static bool follow_group(struct step *s, const struct notify *n)
{
	struct handshake *hs = s->v->hs;
	struct rd r = rd_init(n->data.p, n->data.n);
	uint16_t id = rd_u16(&r);
	const struct alg *group = alg_find(TRANSFORM_KE, id, 0);

	if (group && group == ke_group(hs->ke) && hs->wrong_groups > 0)
		return err_set(s->e, ERR_DROP, "group %s, which was asked for before", group->name);
	if (!rd_done(&r) || !group || !prop_offers(s->v->cfg->ike_proposals, group) ||
		group == ke_group(hs->ke))
		return err_notify(s->e, ERR_PEER, NO_PROPOSAL_CHOSEN,
			"the gateway wants key exchange group %s (%u), which is not offered",
			group ? group->name : "unknown", id);
	if (hs->wrong_groups++ >= DETOURS_MAX)
		return err_set(s->e, ERR_PEER, "the gateway keeps asking for other groups");
	struct ke *ke = ke_new(group, s->v->rng, s->e);
	if (!ke)
		return false;
	ke_free(hs->ke);
	hs->ke = ke;
	outbox_log(s->ob, LEVEL_INFO, "the gateway asks for group %s", group->name);
	return v2_init_send(s->v, s->ob, s->e);
}

static void read_signature_hashes(struct handshake *hs, const struct payloads *p)
{
	struct notify n;

	hs->peer_hashes = 0;
	if (!notify_find(p, SIGNATURE_HASH_ALGORITHMS, &n))
		return;
	struct rd r = rd_init(n.data.p, n.data.n);
	while (r.left > 0) {
		uint16_t hash = rd_u16(&r);
		if (!r.bad && hash < 32)
			hs->peer_hashes |= UINT32_C(1) << hash;
	}
}

/* With MOBIKE the NAT traversal port is used whether there is a NAT or not: there may be one in the next
 * place (RFC 4555 section 3.3). */
static void detect_nat(struct step *s)
{
	struct v2 *v = s->v;

	v->encap = v->natt;
	if (!v2_nat_read(s))
		return; /* the gateway cannot do NAT traversal */
	if (!v->natt && (v->encap || v2_mobile(v->cfg))) {
		v->natt = true;
		v->path.remote.port = UDP_PORT_NATT;
	}
}

/* Microsoft's and others' vendor ids tell whom we talk to; nothing depends on them. */
static void read_vendor(struct v2 *v, const struct payloads *p)
{
	static const struct {
		const char *id;
		size_t len;
		const char *name;
	} vendors[] = {
		{ "\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb", 16,
			"strongSwan" },
		{ "OpenIKED-", 9, "OpenIKED" },
		{ "\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61", 16,
			"Microsoft" },
		{ "CISCO-DELETE-REASON", 19, "Cisco" },
		{ "\x82\x99\x03\x17\x57\xa3\x60\x82\xc6\xa6\x21\xde", 12, "FortiGate" },
	};

	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < ARRAY_LEN(vendors) && p->v[i].type == PAYLOAD_V; j++)
			if (p->v[i].body.n >= vendors[j].len &&
				memcmp(p->v[i].body.p, vendors[j].id, vendors[j].len) == 0)
				text_safe(v->vendor, sizeof(v->vendor), vendors[j].name,
					strlen(vendors[j].name));
}

/* The key exchange and the keys; everything is checked before anything is changed. */
static bool agree_on_keys(struct step *s, const struct suite *suite, struct bytes nr)
{
	struct v2 *v = s->v;
	struct handshake *hs = v->hs;
	struct v2_fresh f = { .ni = { hs->ni, sizeof(hs->ni) }, .nr = nr };
	struct bytes value;
	struct ke_secret shared;

	if (!v2_ke_of(s->p, suite->ke, &value) || suite->ke != ke_group(hs->ke))
		return err_set(s->e, ERR_PEER, "the gateway's key exchange is of another group");
	if (!ke_shared(hs->ke, value, &shared, s->e))
		return false;
	s->sa->suite = *suite;
	s->sa->quantum_safe = suite_quantum_safe(suite);
	memcpy(s->sa->spi_r, s->h->spi_r, IKE_SPI_LEN);
	f.shared = (struct bytes){ shared.data, shared.len };
	bool ok = v2_derive(s->sa, NULL, NULL, &f, s->e);
	wipe(&shared, sizeof(shared));
	if (ok)
		v2_sa_keys(s->sa, s->ob);
	return ok;
}

/* RFC 9370 section 2.2.1: additional key exchanges stand for nothing where IKE_INTERMEDIATE is not agreed on. */
static bool takes_intermediate(struct step *s, const struct suite *suite)
{
	struct notify n;

	return suite_addke(suite, 0) == ADDKE_MAX ||
		notify_find(s->p, INTERMEDIATE_EXCHANGE_SUPPORTED, &n) ||
		err_set(s->e, ERR_PEER,
			"the gateway chose additional key exchanges, but does not announce "
			"IKE_INTERMEDIATE (RFC 9242)");
}

bool v2_open_read(struct step *s, struct bytes *out)
{
	static const uint8_t zero[IKE_SPI_LEN];
	const struct handshake *hs = s->v->hs;
	struct bytes nr = payload_find(s->p, PAYLOAD_NONCE)->body;

	*out = nr;
	if (memcmp(s->h->spi_r, zero, IKE_SPI_LEN) == 0 ||
		memcmp(s->h->spi_r, s->h->spi_i, IKE_SPI_LEN) == 0)
		return err_set(s->e, ERR_PEER, "the gateway's SPI is zero or our own");
	if (nr.n < NONCE_MIN || nr.n > NONCE_MAX)
		return err_set(s->e, ERR_PEER, "a nonce of %zu octet%s", nr.n, plural(nr.n));
	if (nr.n == sizeof(hs->ni) && memcmp(nr.p, hs->ni, nr.n) == 0)
		return err_set(s->e, ERR_PEER, "our own nonce came back");
	return true;
}

bool v2_open_take(struct step *s, struct bytes nr)
{
	struct handshake *hs = s->v->hs;
	struct notify n;

	memcpy(hs->nr, nr.p, nr.n);
	hs->nr_len = nr.n;
	free(hs->init_r);
	hs->init_r = malloc(s->raw.n);
	if (!hs->init_r)
		return err_set(s->e, ERR_LOCAL, "out of memory");
	memcpy(hs->init_r, s->raw.p, s->raw.n);
	hs->init_r_len = s->raw.n;
	s->sa->fragments =
		s->v->cfg->fragmentation && notify_find(s->p, IKEV2_FRAGMENTATION_SUPPORTED, &n);
	hs->childless = notify_find(s->p, CHILDLESS_IKEV2_SUPPORTED, &n);
	read_vendor(s->v, s->p);
	detect_nat(s);
	v2_request_done(s->sa);
	return true;
}

static bool take_answer(struct step *s)
{
	struct bytes nr, spi;
	struct suite suite;

	return v2_open_read(s, &nr) &&
		v2_sa_read_choice(payload_find(s->p, PAYLOAD_SA)->body, s->v->cfg->ike_proposals,
			PROTO_IKE, &spi, &suite, s->e) &&
		takes_intermediate(s, &suite) && agree_on_keys(s, &suite, nr) &&
		v2_open_take(s, nr);
}

bool v2_init_recv(struct step *s)
{
	struct notify n;

	if (!payload_find(s->p, PAYLOAD_SA) && notify_find(s->p, COOKIE, &n))
		return v2_open_again(s, &n);
	if (notify_find_error(s->p, &n)) {
		char name[NOTIFY_TEXT_MAX];
		if (n.type == INVALID_KE_PAYLOAD)
			return follow_group(s, &n);
		return err_notify(s->e, ERR_PEER, n.type, "the gateway answers IKE_SA_INIT with %s",
			notify_text(name, n.type));
	}
	if (!payload_find(s->p, PAYLOAD_SA) || !payload_find(s->p, PAYLOAD_KE) ||
		!payload_find(s->p, PAYLOAD_NONCE))
		return err_set(s->e, ERR_PEER, "the gateway's IKE_SA_INIT lacks SA, KE or nonce");
	if (s->v->cfg->ppk && !notify_find(s->p, USE_PPK, &n))
		return err_set(
			s->e, ERR_PEER, "the gateway does not use post-quantum keys (RFC 8784)");
	if (!take_answer(s))
		return false;
	read_signature_hashes(s->v->hs, s->p);
	return v2_inter_send(s->v, &s->next, s->ob, s->e);
}
