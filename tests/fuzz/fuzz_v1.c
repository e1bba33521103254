/*
 * A network and a gateway made of fuzz against the IKEv1 client.
 *
 * Input: one octet that says how far the connection has come before, then records: kind, length in
 * two octets, octets. A datagram from the gateway's address, with or without our cookies put in; the
 * payloads of a message that is authentic, of any exchange; or time that goes by.
 */
#include <stdlib.h>
#include <string.h>

#include "pair/v1_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW, WITH_COOKIES, PROTECTED_INFO, PROTECTED_TRANSACTION, PROTECTED_QUICK, TIME, KINDS };
enum { LOGIN = 1, CONNECTED = 2, AGGRESSIVE = 4, MESSAGE_MAX = 4096 };

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check(const struct v1_pair *p)
{
	const struct v1 *v = p->client;

	demand(v->failure.kind != ERR_BUG);
	demand(p->net.plane[CLIENT].errors == 0);
	demand(v->phase != IKE_DEAD || (v->children.n == 0 && p->net.plane[CLIENT].n == 0));
	demand(v->phase == IKE_DEAD || v1_deadline(v) > 0);
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		demand(!v->sas[i] || v->sas[i]->state < V1_XAUTH || v->sas[i]->proved);
}

static void datagram(struct v1_pair *p, uint8_t *message, size_t n, bool cookies)
{
	struct v1_sa *sa = NULL;

	for (size_t i = 0; i < V1_SAS_MAX && !sa; i++)
		sa = p->client->sas[i];
	if (cookies && sa && n >= IKE_HDR_LEN) {
		memcpy(message, sa->cky_i, IKE_SPI_LEN);
		if (sa->state != V1_SA_SENT && sa->state != V1_AGGR_SENT)
			memcpy(message + IKE_SPI_LEN, sa->cky_r, IKE_SPI_LEN);
		message[17] = 0x10;
		message[24] = message[25] = 0;
		message[26] = (uint8_t)(n >> 8);
		message[27] = (uint8_t)n;
	}
	v1_pair_inject(p, message, n);
}

/* The first octet is the type of the first payload behind HASH; the same message id all the time makes
 * one exchange of several messages. */
static void protected(struct v1_pair *p, uint8_t exchange, const uint8_t *chain, size_t n)
{
	uint8_t buf[MESSAGE_MAX];
	struct v1_xchg *x;
	struct ikew k;
	struct err e;

	if (!p->gw->sa || n < 2)
		return;
	x = v1_xchg_find(p->gw, p->gw->sa, chain[0] >> 7 ? 7 : 8);
	if (!x)
		x = v1_xchg_new(p->gw, p->gw->sa, V1X_ANSWER, chain[0] >> 7 ? 7 : 8);
	ikew_chain(&k, buf, sizeof(buf));
	wr_bytes(&k.w, chain + 1, n - 1);
	k.first = chain[0] & 0x7f;
	if (!x || !v1_send(p->gw, x, exchange, (struct bytes){ 0 }, &k, false, &p->ob, &e))
		return;
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
	v1_pair_run(p, 50);
}

static void converse(struct v1_pair *p, struct rd *in)
{
	uint8_t own[MESSAGE_MAX];

	while (in->left > 0) {
		uint8_t kind = rd_u8(in) % KINDS;
		size_t n = rd_u16(in);
		n = n < in->left ? n : in->left;
		n = n < sizeof(own) ? n : sizeof(own);
		rd_copy(in, own, n);
		if (kind == RAW || kind == WITH_COOKIES)
			datagram(p, own, n, kind == WITH_COOKIES);
		else if (kind == TIME)
			v1_pair_run(p, 100 * n);
		else
		protected(p,
			kind == PROTECTED_INFO          ? V1_INFORMATIONAL :
				kind == PROTECTED_QUICK ? V1_QUICK_MODE :
							  V1_TRANSACTION,
			own, n);
		check(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct rd in = rd_init(data, size);
	uint8_t flags = rd_u8(&in);
	struct v1_pair *p = malloc(sizeof(*p));
	struct err e;

	demand(p && (ready || crypto_init(&e)));
	ready = true;
	v1_pair_init(p, 1);
	p->wire.delay = 1;
	p->cfg.aggressive = flags & AGGRESSIVE;
	p->login = flags & LOGIN;
	v1_pair_start(p);
	if (flags & CONNECTED)
		v1_pair_until(p, v1_pair_decided, SECONDS(2));
	converse(p, &in);
	v1_pair_free(p);
	free(p);
	return 0;
}
