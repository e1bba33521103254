/*
 * What is inside protected messages, with a key oracle: the harness is the gateway and seals the
 * input with the connection's real keys, as answers to what the client asks and as requests.
 *
 * Input: one octet of state (enum at), then records: kind (enum kind), first payload type, length in
 * two octets, the payload chain. In the IKE_AUTH answer a record with the top bit of its kind set has
 * a genuine IDr and AUTH put before it; in an IKE_FOLLOWUP_KE request, what the client finds its state by.
 */
#include <stdlib.h>

#include "pair/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum at {
	AT_AUTH,
	AT_EAP,
	AT_UP,
	AT_REKEY_CHILD,
	AT_REKEY_IKE,
	AT_REPLACED,
	AT_INTERMEDIATE,
	AT_SERIES_CHILD,
	AT_SERIES_IKE,
	AT_THEIRS_CHILD,
	AT_THEIRS_IKE,
	ATS
};
enum kind { ANSWER, CREATE, INFO, AUTH_REQUEST, FRAGMENT, TICK, COMMAND, FOLLOWUP, KINDS };
enum { PROVED = 0x80 };

static void demand(bool good)
{
	if (!good)
		abort();
}

/* What is lost: all that the gateway says behind IKE_SA_INIT, for the fuzzer speaks; and one exchange of the client,
 * of which the gateway shall know nothing. */
struct lost {
	bool gateway;
	uint8_t client;
};

static bool lose(void *arg, struct net *n, enum end from, struct flight *f)
{
	const struct lost *l = arg;

	(void)n;
	if (f->esp)
		return false;
	return from == CLIENT ? f->data[18] == l->client : l->gateway && f->data[18] != IKE_SA_INIT;
}

/* The client's own rekey, or the gateway's, as far as milliseconds go. */
static void rekey(struct pair *p, struct lost *lost, bool ours, bool child, uint64_t ms)
{
	lost->gateway = false;
	if (ours)
		pair_command(p, child ? CMD_REKEY_CHILD : CMD_REKEY_IKE);
	else
		pair_gw(p, child ? GW_REKEY_CHILD : GW_REKEY_IKE);
	pair_run(p, ms);
	lost->gateway = true;
}

static void go_to(struct pair *p, enum at at, struct lost *lost)
{
	switch (at) {
	case AT_REKEY_CHILD:
		pair_command(p, CMD_REKEY_CHILD);
		break;
	case AT_REKEY_IKE:
		pair_command(p, CMD_REKEY_IKE);
		break;
	case AT_REPLACED:
		rekey(p, lost, false, false, 45);
		break;
	case AT_SERIES_CHILD:
	case AT_SERIES_IKE: /* its first IKE_FOLLOWUP_KE is out */
		rekey(p, lost, true, at == AT_SERIES_CHILD, 45);
		break;
	case AT_THEIRS_CHILD:
	case AT_THEIRS_IKE: /* the gateway's is not */
		rekey(p, lost, false, at == AT_THEIRS_CHILD, 35);
		break;
	case AT_AUTH:
	case AT_EAP:
	case AT_UP:
	case AT_INTERMEDIATE:
	case ATS:
		break;
	}
}

static void bring(struct pair *p, enum at at, struct lost *lost)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_MD5, EAP_GTC };

	pair_init(p, 1);
	*lost = (struct lost){ .gateway = at == AT_AUTH || at == AT_EAP };
	if (at == AT_EAP) {
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		p->cfg.eap =
			(struct eap_config){ .user = "anna", .methods = methods, .n_methods = 3 };
		p->gwc.eap = EAP_GTC;
	}
	if (at >= AT_INTERMEDIATE)
		pair_additional(p);
	if (at == AT_INTERMEDIATE)
		lost->client = IKE_INTERMEDIATE;
	else if (at > AT_INTERMEDIATE)
		lost->client = IKE_FOLLOWUP_KE;
	pair_start(p);
	pair_tap(p, lose, lost);
	pair_run(p, 250);
	lost->gateway = true;
	go_to(p, at, lost);
	pair_run(p, 100);
}

/* Before the fuzzer's payloads stands what the client finds its state by. */
static size_t mean(
	const struct v2_sa *sa, uint8_t first, struct bytes chain, uint8_t *out, size_t cap)
{
	const struct series *x = sa->theirs;
	struct ikew k;
	size_t n;

	ikew_chain(&k, out, cap);
	ikew_notify(&k, 0, ADDITIONAL_KEY_EXCHANGE, (struct bytes){ 0 },
		(struct bytes){ x->link, x->link_len });
	size_t at = k.open_at;
	demand(ikew_end(&k, &n));
	out[at] = first;
	wr_bytes(&k.w, chain.p, chain.n);
	return k.w.bad ? 0 : k.w.len;
}

/* A genuine IDr and AUTH, then the fuzzer's payloads. */
static size_t prove(struct gateway *g, uint8_t first, struct bytes chain, uint8_t *out, size_t cap)
{
	uint8_t *octets = NULL;
	struct secret mac;
	struct ikew k;
	size_t n;

	ikew_chain(&k, out, cap);
	v2_id_write(&k, PAYLOAD_IDr, &g->id);
	demand(v2_signed_octets(g->sa, false, &g->hs, &g->id, &octets, &n, NULL));
	demand(v2_auth_shared(g->sa, BYTES(g->cfg->psk), (struct bytes){ octets, n }, &mac, NULL));
	free(octets);
	ikew_payload(&k, PAYLOAD_AUTH);
	wr_u8(&k.w, AUTH_PSK);
	wr_zeros(&k.w, 3);
	wr_bytes(&k.w, mac.data, mac.len);
	size_t at = k.open_at;
	demand(ikew_end(&k, &n));
	out[at] = first;
	wr_bytes(&k.w, chain.p, chain.n);
	return k.w.bad ? 0 : k.w.len;
}

static void say(struct pair *p, struct v2_sa *half, uint8_t kind, uint8_t first, struct bytes chain)
{
	static const uint8_t exchanges[KINDS] = { [CREATE] = CREATE_CHILD_SA,
		[INFO] = INFORMATIONAL,
		[AUTH_REQUEST] = IKE_AUTH,
		[FOLLOWUP] = IKE_FOLLOWUP_KE };
	struct v2_sa *sa = v2_sa_find(p->client.v2, half->spi_i, half->spi_r);
	uint8_t buf[16384];

	if (!sa || chain.n > 8192)
		return;
	if ((kind & 0x7f) % KINDS == FOLLOWUP && kind & PROVED && sa->theirs) {
		chain.n = mean(sa, first, chain, buf, sizeof(buf));
		chain.p = buf;
		first = PAYLOAD_N;
	} else if (kind & PROVED && p->gw.hs.init_r) {
		chain.n = prove(&p->gw, first, chain, buf, sizeof(buf));
		chain.p = buf;
		first = PAYLOAD_IDr;
	}
	if ((kind & 0x7f) % KINDS == ANSWER)
		pair_gw_send(p, half, sa->req.exchange, true, sa->req.mid, first, chain);
	else
		pair_gw_send(
			p, half, exchanges[(kind & 0x7f) % KINDS], false, sa->mid_in, first, chain);
}

static void fragment(struct pair *p, uint8_t first, struct bytes chain)
{
	struct rd r = rd_init(chain.p, chain.n);
	struct v2_sa *sa = p->client.v2->sa;
	struct ike_hdr h = { .version = 0x20, .exchange = INFORMATIONAL, .mid = sa->mid_in };
	uint16_t number = rd_u16(&r), total = rd_u16(&r);

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	if (chain.n > 8192 || !p->gw.sa || memcmp(p->gw.sa->spi_i, h.spi_i, IKE_SPI_LEN) != 0)
		return;
	gw_fragment(&p->gw, p->net.now, &h, number, total, first, (struct bytes){ r.p, r.left },
		&p->ob);
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
}

static void record(struct pair *p, struct lost *lost, struct rd *r)
{
	uint8_t kind = rd_u8(r), first = rd_u8(r);
	size_t n = rd_u16(r);
	struct bytes chain = { r->p, n < r->left ? n : r->left };
	struct v2_sa *half = p->gw.sa;

	rd_bytes(r, chain.n);
	if (client_phase(&p->client) == IKE_DEAD || !half)
		return;
	lost->gateway = false; /* what the fuzzer says goes out */
	if (first & 1 && p->gw.sas[0])
		half = p->gw.sas[0];
	switch ((enum kind)((kind & 0x7f) % KINDS)) {
	case ANSWER:
	case CREATE:
	case INFO:
	case AUTH_REQUEST:
	case FOLLOWUP:
		say(p, half, kind, first, chain);
		break;
	case FRAGMENT:
		if (p->client.v2->sa)
			fragment(p, first, chain);
		break;
	case TICK:
		pair_run(p, n % 20000);
		break;
	case COMMAND:
		if (client_phase(&p->client) == IKE_UP)
			pair_command(p,
				first % 3 == 0         ? CMD_REKEY_IKE :
					first % 3 == 1 ? CMD_REKEY_CHILD :
							 CMD_REKEY_ALL);
		break;
	case KINDS:
		break;
	}
	lost->gateway = true;
	pair_run(p, 25);
}

static void check(const struct pair *p)
{
	const struct v2 *v = p->client.v2;

	demand(v->failure.kind != ERR_BUG && v->failure.kind != ERR_DROP);
	demand(p->net.plane[CLIENT].errors == 0);
	demand(v->children.n <= CHILDREN_MAX);
	if (v->phase == IKE_DEAD)
		demand(p->net.plane[CLIENT].n == 0 && v->children.n == 0);
	if (v->phase == IKE_UP)
		demand(v->sa && v->hs == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct rd r = rd_init(data, size);
	struct lost lost;
	struct pair p;
	struct err e;

	if (!ready)
		demand(crypto_init(&e));
	ready = true;
	bring(&p, (enum at)(rd_u8(&r) % ATS), &lost);
	for (unsigned i = 0; r.left > 0 && i < 32; i++) {
		record(&p, &lost, &r);
		check(&p);
	}
	pair_run(&p, SECONDS(100));
	check(&p);
	pair_free(&p);
	return 0;
}
