/*
 * What is inside protected messages, with a key oracle: the harness is the gateway and seals the
 * input with the connection's real keys, as answers to what the client asks and as requests.
 *
 * Input: one octet of state (enum at), then records: kind (enum kind), first payload type, length in
 * two octets, the payload chain. In the IKE_AUTH answer a record with the top bit of its kind set has
 * a genuine IDr and AUTH put before it.
 */
#include <stdlib.h>

#include "pair/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum at { AT_AUTH, AT_EAP, AT_UP, AT_REKEY_CHILD, AT_REKEY_IKE, AT_REPLACED, ATS };
enum kind { ANSWER, CREATE, INFO, AUTH_REQUEST, FRAGMENT, TICK, COMMAND, KINDS };
enum { PROVED = 0x80 };

static void demand(bool good)
{
	if (!good)
		abort();
}

/* From the third datagram of the gateway on, the fuzzer speaks. */
static bool mute(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	return *(bool *)arg && from == GATEWAY && f->data[18] != IKE_SA_INIT;
}

static void bring(struct pair *p, enum at at, bool *muted)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_MD5, EAP_GTC };

	pair_init(p, 1);
	*muted = at == AT_AUTH || at == AT_EAP;
	if (at == AT_EAP) {
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		p->cfg.eap =
			(struct eap_config){ .user = "anna", .methods = methods, .n_methods = 3 };
		p->gwc.eap = EAP_GTC;
	}
	pair_start(p);
	pair_tap(p, mute, muted);
	pair_run(p, 200);
	*muted = true;
	if (at == AT_REKEY_CHILD)
		pair_command(p, CMD_REKEY_CHILD);
	else if (at == AT_REKEY_IKE)
		pair_command(p, CMD_REKEY_IKE);
	if (at == AT_REPLACED) {
		*muted = false;
		pair_gw(p, GW_REKEY_IKE);
		pair_run(p, 45);
		*muted = true;
	}
	pair_run(p, 100);
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
	struct v2_sa *sa = v2_sa_find(p->client.v2, half->spi_i, half->spi_r);
	uint8_t buf[16384];

	if (!sa || chain.n > 8192)
		return;
	if (kind & PROVED && p->gw.hs.init_r) {
		chain.n = prove(&p->gw, first, chain, buf, sizeof(buf));
		chain.p = buf;
		first = PAYLOAD_IDr;
	}
	if ((kind & 0x7f) % KINDS == ANSWER)
		pair_gw_send(p, half, sa->req.exchange, true, sa->req.mid, first, chain);
	else
		pair_gw_send(p, half,
			(kind & 0x7f) % KINDS == CREATE       ? CREATE_CHILD_SA :
				(kind & 0x7f) % KINDS == INFO ? INFORMATIONAL :
								IKE_AUTH,
			false, sa->mid_in, first, chain);
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

static void record(struct pair *p, bool *muted, struct rd *r)
{
	uint8_t kind = rd_u8(r), first = rd_u8(r);
	size_t n = rd_u16(r);
	struct bytes chain = { r->p, n < r->left ? n : r->left };
	struct v2_sa *half = p->gw.sa;

	rd_bytes(r, chain.n);
	if (client_phase(&p->client) == IKE_DEAD || !half)
		return;
	*muted = false; /* what the fuzzer says goes out */
	if (first & 1 && p->gw.sas[0])
		half = p->gw.sas[0];
	switch ((enum kind)((kind & 0x7f) % KINDS)) {
	case ANSWER:
	case CREATE:
	case INFO:
	case AUTH_REQUEST:
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
	*muted = true;
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
	bool muted = false;
	struct pair p;
	struct err e;

	if (!ready)
		demand(crypto_init(&e));
	ready = true;
	bring(&p, (enum at)(rd_u8(&r) % ATS), &muted);
	for (unsigned i = 0; r.left > 0 && i < 32; i++) {
		record(&p, &muted, &r);
		check(&p);
	}
	pair_run(&p, SECONDS(100));
	check(&p);
	pair_free(&p);
	return 0;
}
