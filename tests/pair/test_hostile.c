/*
 * What somebody on the way changes, cuts, reflects or makes up: ignored, and the connection completes;
 * or, where nothing protects a message, a clean end.
 */
#include <stdlib.h>

#include "pair.h"

/* --- bits and lengths ----------------------------------------------------------------------------------- */

struct spoiler {
	enum end from;
	unsigned skip; /* which of its datagrams */
	size_t at; /* octet */
	uint8_t mask; /* flipped there; 0: the datagram ends there */
	size_t len; /* how long it was */
};

static bool spoil(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct spoiler *x = arg;

	(void)n;
	if (from != x->from || x->skip-- != 0)
		return false;
	x->len = f->len;
	if (x->mask && x->at < f->len)
		f->data[x->at] ^= x->mask;
	else if (x->at < f->len)
		f->len = x->at;
	return false;
}

/* Every octet of the first IKE_AUTH answer has a bit flipped, one handshake each, and every length it
 * could be cut to: all of it is ignored, and the retransmission completes. */
static void auth_answer_spoilt(void **state)
{
	struct spoiler x = { .len = 1 };

	(void)state;
	for (uint8_t mask = 0x01; mask; mask = mask == 0x01 ? 0x80 : mask == 0x80 ? 0 : mask)
		for (size_t at = 0; at < x.len; at++) {
			struct pair p;
			x = (struct spoiler){ GATEWAY, 1, at, mask, 0 };
			pair_init(&p, 5);
			pair_start(&p);
			pair_tap(&p, spoil, &x);
			pair_run(&p, 3000);
			pair_check_up(&p, 1);
			pair_free(&p);
		}
	assert_true(x.len > 200);
}

static void auth_answer_cut(void **state)
{
	struct spoiler x = { .len = 1 };

	(void)state;
	for (size_t at = 0; at < x.len; at++) {
		struct pair p;
		x = (struct spoiler){ GATEWAY, 1, at, 0, 0 };
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_run(&p, 3000);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* The same for the unprotected first answer: it completes, or fails for a reason; what comes up is
 * the same on both sides. */
static void init_answer_spoilt(void **state)
{
	struct spoiler x = { .len = 1 };
	unsigned up = 0, failed = 0;

	(void)state;
	for (size_t at = 0; at < 2 * x.len; at++) {
		struct pair p;
		bool cut = at >= x.len && x.len > 1;
		x = (struct spoiler){ GATEWAY, 0, cut ? at - x.len : at, cut ? 0 : 0x04, 0 };
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_until(&p, pair_decided, SECONDS(600));
		pair_run(&p, 1000);
		if (client_phase(&p.client) == IKE_UP) {
			pair_check_up(&p, 1);
			up++;
		} else {
			enum err_kind kind = client_failure(&p.client)->kind;
			assert_true(kind == ERR_AUTH || kind == ERR_PEER || kind == ERR_SILENT);
			pair_check_dead(&p, kind, client_failure(&p.client)->notify);
			failed++;
		}
		pair_free(&p);
	}
	assert_true(up > 200 && failed > 50);
}

/* Our own messages too: the gateway sees a spoilt one first, and ours comes again. */
static void own_messages_spoilt(void **state)
{
	(void)state;
	for (size_t at = 0; at < 350; at += 7) {
		struct spoiler x = { CLIENT, 1, at, 0x20, 0 };
		struct pair p;
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_run(&p, 3000);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* --- reflection, replay, strangers ------------------------------------------------------------------------ */

static bool reflect(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	if (from == CLIENT)
		net_send(n, CLIENT, &f->dst, &f->src, f->data, f->len, 1);
	return false;
}

/* T-30: everything that we send comes back to us first, all life long. */
static void reflected(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	pair_start(&p);
	pair_tap(&p, reflect, NULL);
	pair_run(&p, 3000);
	pair_check_up(&p, 1);
	pair_command(&p, CMD_REKEY_ALL);
	pair_gw(&p, GW_REKEY_CHILD | GW_REKEY_IKE);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static bool mirror_header(void *arg, struct net *n, enum end from, struct flight *f)
{
	uint8_t copy[4096];

	(void)arg;
	if (from != CLIENT || f->len > sizeof(copy))
		return false;
	memcpy(copy, f->data, f->len);
	copy[19] = copy[19] == FLAG_INITIATOR ? FLAG_RESPONSE : FLAG_INITIATOR;
	memcpy(copy + 8, "\x01\x02\x03\x04\x05\x06\x07\x08", copy[18] == IKE_SA_INIT ? 8 : 0);
	net_send(n, CLIENT, &f->dst, &f->src, copy, f->len, 1);
	return false;
}

/* The same with the flags made to fit: in IKE_SA_INIT our own nonce comes back (and no choice was
 * made in SA), later it is not authentic. */
static void reflected_as_answers(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	pair_start(&p);
	pair_tap(&p, mirror_header, NULL);
	pair_run(&p, 3000);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static void own_nonce(void *arg, struct flight *f)
{
	struct pair *p = arg;
	struct payloads pl;
	uint8_t inner, unknown;

	assert_true(payloads_read(&pl, f->data[16],
		(struct bytes){ f->data + IKE_HDR_LEN, f->len - IKE_HDR_LEN }, &inner, &unknown,
		NULL));
	const struct payload *n = payload_find(&pl, PAYLOAD_NONCE);
	memcpy((uint8_t *)(uintptr_t)n->body.p, p->client.v2->hs->ni, NONCE_LEN);
}

static void spi_zero(void *arg, struct flight *f)
{
	(void)arg;
	memset(f->data + 8, 0, IKE_SPI_LEN);
}

static void spi_ours(void *arg, struct flight *f)
{
	(void)arg;
	memcpy(f->data + 8, f->data, IKE_SPI_LEN);
}

static void mid_one(void *arg, struct flight *f)
{
	(void)arg;
	f->data[23] = 1;
}

static void version_three(void *arg, struct flight *f)
{
	(void)arg;
	f->data[17] = 0x30;
}

static void version_one(void *arg, struct flight *f)
{
	(void)arg;
	f->data[17] = 0x10;
}

static void other_address(void *arg, struct flight *f)
{
	(void)arg;
	f->src.ip[3] ^= 1;
}

static void as_request(void *arg, struct flight *f)
{
	(void)arg;
	f->data[19] = 0;
}

static const struct {
	const char *name;
	void (*change)(void *pair, struct flight *f);
	enum err_kind kind; /* when it is always so */
} header_rows[] = {
	{ "our own nonce comes back", own_nonce, ERR_PEER },
	{ "the gateway's SPI is zero", spi_zero, ERR_PEER },
	{ "the gateway's SPI is ours", spi_ours, ERR_PEER },
	{ "message ID 1", mid_one, ERR_SILENT },
	{ "version 3", version_three, ERR_SILENT },
	{ "version 1", version_one, ERR_SILENT },
	{ "from another address", other_address, ERR_SILENT },
	{ "not marked as an answer", as_request, ERR_SILENT },
};

struct header_arg {
	size_t row;
	struct pair *p;
	bool always, done;
};

static bool change_header(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct header_arg *x = arg;

	if (from != GATEWAY || f->data[18] != IKE_SA_INIT || (x->done && !x->always))
		return false;
	if (!x->always)
		net_send(n, CLIENT, &f->src, &f->dst, f->data, f->len, 500);
	x->done = true;
	header_rows[x->row].change(x->p, f);
	return false;
}

/* Always so, and once so by a forger before the gateway's own answer. */
static void headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(header_rows); i++) {
		struct header_arg x = { .row = i / 2, .always = i % 2 };
		struct pair p;
		x.p = &p;
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, change_header, &x);
		pair_run(&p, SECONDS(60));
		if (x.always)
			pair_check_dead(&p, header_rows[x.row].kind, 0);
		else
			pair_check_up(&p, 1);
		assert_true(x.done);
		pair_free(&p);
	}
}

static void pair_up(struct pair *p)
{
	pair_init(p, 5);
	pair_connect(p);
	pair_run(p, 100);
	pair_check_up(p, 1);
}

/* T-31: an INFORMATIONAL in the clear, with a delete or an error, changes nothing. */
static void unprotected(void **state)
{
	static const struct {
		uint8_t exchange, flags, payload;
		const char *hex;
	} rows[] = {
		{ INFORMATIONAL, 0, PAYLOAD_D, "01000000" },
		{ INFORMATIONAL, FLAG_RESPONSE, PAYLOAD_D, "01000000" },
		{ INFORMATIONAL, 0, PAYLOAD_N, "00000004" },
		{ INFORMATIONAL, FLAG_RESPONSE, PAYLOAD_N, "0000000b" },
		{ IKE_AUTH, FLAG_RESPONSE, PAYLOAD_N, "00000018" },
		{ CREATE_CHILD_SA, FLAG_RESPONSE, PAYLOAD_N, "0000002c" },
		{ IKE_SA_INIT, FLAG_RESPONSE, PAYLOAD_N, "0000000e" },
	};
	struct pair p;
	uint8_t buf[128], body[32];
	struct ikew k;
	size_t len;

	(void)state;
	pair_up(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (uint32_t mid = 0; mid < 4; mid++) {
			struct ike_hdr h = { .version = 0x20,
				.exchange = rows[i].exchange,
				.flags = rows[i].flags,
				.mid = mid };
			memcpy(h.spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(h.spi_r, p.gw.sa->spi_r, IKE_SPI_LEN);
			ikew_message(&k, buf, sizeof(buf), &h);
			ikew_bytes(&k, rows[i].payload,
				(struct bytes){ body, test_hex(rows[i].hex, body, sizeof(body)) });
			assert_true(ikew_end(&k, &len));
			unsigned sent = p.net.sent[CLIENT];
			pair_inject(&p, buf, len, 1);
			pair_run(&p, 10);
			assert_int_equal(p.net.sent[CLIENT], sent); /* T-33: not a word */
		}
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* T-05, T-33: any octets of any length: no answer, no change. */
static void noise(void **state)
{
	uint8_t buf[12000];
	struct pair p;

	(void)state;
	pair_up(&p);
	unsigned sent = p.net.sent[CLIENT];
	for (size_t len = 0; len < 300; len++) {
		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)net_random(&p.net, 256);
		if (len >= IKE_HDR_LEN && len % 2) { /* with a header that fits */
			memcpy(buf, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(buf + 8, p.gw.sa->spi_r, IKE_SPI_LEN);
			buf[17] = 0x20;
			buf[18] = (uint8_t)(34 + len % 4);
			memcpy(buf + 24, (uint8_t[]){ 0, 0, (uint8_t)(len >> 8), (uint8_t)len }, 4);
		}
		pair_inject(&p, buf, len, 1);
		pair_run(&p, 2);
	}
	memset(buf, 0, sizeof(buf));
	for (size_t len = IKE_DATAGRAM_MAX - 1; len < IKE_DATAGRAM_MAX + 3; len++)
		pair_inject(&p, buf, len, 1);
	pair_run(&p, 100);
	assert_int_equal(p.net.sent[CLIENT], sent);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* --- a sign of life is a new message ---------------------------------------------------------------------- */

/* The gateway's last request, and whether it is dead: only the recorder is heard. */
struct recorded {
	uint8_t data[2048];
	size_t len;
	struct addr src, dst;
	bool dead;
};

static bool record(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct recorded *r = arg;

	(void)n;
	if (!f->esp && from == GATEWAY && !r->dead && f->data[18] == INFORMATIONAL &&
		!(f->data[19] & FLAG_RESPONSE)) {
		memcpy(r->data, f->data, f->len);
		r->len = f->len;
		r->src = f->src;
		r->dst = f->dst;
	}
	return r->dead;
}

static void recorded_request(void **state)
{
	struct recorded *r = calloc(1, sizeof(*r));
	struct pair p;

	(void)state;
	assert_non_null(r);
	pair_init(&p, 5);
	p.cfg.dpd_interval = SECONDS(30);
	pair_connect(&p);
	pair_tap(&p, record, r);
	pair_gw(&p, GW_DPD);
	pair_run(&p, SECONDS(2));
	assert_true(r->len > 0);
	r->dead = true;
	for (int i = 0; i < 10; i++) {
		pair_tap(&p, NULL, NULL);
		net_send(&p.net, CLIENT, &r->src, &r->dst, r->data, r->len, 0);
		pair_run(&p, 1);
		pair_tap(&p, record, r);
		pair_run(&p, SECONDS(20));
	}
	pair_check_dead(&p, ERR_SILENT, 0);
	pair_free(&p);
	free(r);
}

/* --- detours without end -------------------------------------------------------------------------------- */

static void cookies_without_end(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.gwc.cookies = 100;
	pair_connect(&p);
	pair_check_dead(&p, ERR_PEER, 0);
	pair_free(&p);
}

static void groups_without_end(void **state)
{
	static const uint16_t groups[] = { KE_ECP256, KE_X25519 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.ike = "aes128gcm16-prfsha256-x25519-ecp256";
	p.gwc.ike = "aes128gcm16-prfsha256-ecp256";
	p.gwc.wrong_groups = 100;
	p.gwc.wanted_group = groups[0];
	pair_start(&p);
	for (unsigned i = 0; i < 200 && !pair_decided(&p); i++) {
		p.gwc.wanted_group = groups[p.gw.wrong_groups % 2];
		pair_run(&p, 20);
	}
	pair_run(&p, SECONDS(4));
	assert_in_range(p.gw.wrong_groups, 6, 10); /* the last one is sent again while it waits */
	pair_check_dead(&p, ERR_PEER, 0);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_answer_spoilt),
		cmocka_unit_test(auth_answer_cut),
		cmocka_unit_test(init_answer_spoilt),
		cmocka_unit_test(own_messages_spoilt),
		cmocka_unit_test(reflected),
		cmocka_unit_test(reflected_as_answers),
		cmocka_unit_test(headers),
		cmocka_unit_test(unprotected),
		cmocka_unit_test(noise),
		cmocka_unit_test(recorded_request),
		cmocka_unit_test(cookies_without_end),
		cmocka_unit_test(groups_without_end),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
