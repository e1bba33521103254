/*
 * The gateway's own requests, as they should not be; requests and answers that come again; fragments
 * that make no sense. A bad request gets its error and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "impair.h"
#include "pair.h"

static void pair_up(struct pair *p)
{
	pair_init(p, 5);
	pair_connect(p);
	pair_run(p, 100);
	pair_check_up(p, 1);
}

/* --- the gateway's requests ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned want;
	struct edit edits[4];
	uint16_t notify; /* what it hears; 0: nothing, it goes well */
} request_rows[] = {
	{ "child: no SA", GW_REKEY_CHILD, { EDIT(EDIT_DROP, SA) }, INVALID_SYNTAX },
	{ "child: no nonce", GW_REKEY_CHILD, { EDIT(EDIT_DROP, NONCE) }, INVALID_SYNTAX },
	{ "child: no TSi", GW_REKEY_CHILD, { EDIT(EDIT_DROP, TSi) }, INVALID_SYNTAX },
	{ "child: no TSr", GW_REKEY_CHILD, { EDIT(EDIT_DROP, TSr) }, INVALID_SYNTAX },
	{ "child: no KE", GW_REKEY_CHILD, { EDIT(EDIT_DROP, KE) }, INVALID_KE_PAYLOAD },
	{ "child: KE of zeros", GW_REKEY_CHILD, { SET(KE, 4, ZEROS_32) }, INVALID_SYNTAX },
	{ "child: KE too short", GW_REKEY_CHILD, { EDIT(EDIT_CUT, KE, .at = 20) }, INVALID_SYNTAX },
	{ "child: KE of another group", GW_REKEY_CHILD, { SET(KE, 0, "000e") },
		INVALID_KE_PAYLOAD },
	{ "child: a short nonce", GW_REKEY_CHILD, { EDIT(EDIT_CUT, NONCE, .at = 15) },
		INVALID_SYNTAX },
	{ "child: a long nonce", GW_REKEY_CHILD, { EDIT(EDIT_GROW, NONCE, .at = 225) },
		INVALID_SYNTAX },
	{ "child: SPI 0", GW_REKEY_CHILD, { SET(SA, 8, "00000000") }, INVALID_SYNTAX },
	{ "child: SPI of 8 octets", GW_REKEY_CHILD, { SET(SA, 6, "08") }, NO_PROPOSAL_CHOSEN },
	{ "child: nothing acceptable", GW_REKEY_CHILD, { SET(SA, 18, "000b") },
		NO_PROPOSAL_CHOSEN },
	{ "child: AH", GW_REKEY_CHILD, { SET(SA, 5, "02") }, NO_PROPOSAL_CHOSEN },
	{ "child: SA cut short", GW_REKEY_CHILD, { EDIT(EDIT_CUT, SA, .at = 20) }, INVALID_SYNTAX },
	{ "child: TSr outside", GW_REKEY_CHILD, { SET(TSi, 12, "0b0000000b0000ff") },
		TS_UNACCEPTABLE },
	{ "child: TSr the wrong way", GW_REKEY_CHILD, { SET(TSr, 12, "0a0500000a040000") },
		INVALID_SYNTAX },
	{ "child: TS of 0 selectors", GW_REKEY_CHILD, { SET(TSi, 0, "00") }, INVALID_SYNTAX },
	{ "child: REKEY_SA of nobody", GW_REKEY_CHILD, { SET(N, 4, "01020304") },
		CHILD_SA_NOT_FOUND },
	{ "child: REKEY_SA without SPI", GW_REKEY_CHILD, { EDIT(EDIT_BODY, N, .hex = "03004009") },
		CHILD_SA_NOT_FOUND },
	{ "child: REKEY_SA with 8 octets", GW_REKEY_CHILD,
		{ EDIT(EDIT_BODY, N, .hex = "0308400901020304 05060708") }, CHILD_SA_NOT_FOUND },
	{ "child: an unknown critical payload", GW_REKEY_CHILD,
		{ { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "" } },
		UNSUPPORTED_CRITICAL_PAYLOAD },
	{ "child: an unknown payload", GW_REKEY_CHILD,
		{ { .op = EDIT_ADD, .payload = 200, .hex = "" } }, 0 },
	{ "child: 65 payloads", GW_REKEY_CHILD, { EDIT(EDIT_MANY, V, .at = 65) }, INVALID_SYNTAX },
	{ "child: nothing", GW_REKEY_CHILD, { { .op = EDIT_NOTHING } }, INVALID_SYNTAX },
	{ "child: an error and nothing else", GW_REKEY_CHILD, { ONLY("0000000e") },
		INVALID_SYNTAX },
	{ "child: an error for a nonce", GW_REKEY_CHILD,
		{ EDIT(EDIT_DROP, NONCE), ADD(N, "0000000e") }, INVALID_SYNTAX },
	{ "IKE: an error for an SA", GW_REKEY_IKE, { EDIT(EDIT_DROP, SA), ADD(N, "0000000e") },
		INVALID_SYNTAX },
	{ "child: in reverse", GW_REKEY_CHILD, { { .op = EDIT_REVERSE } }, 0 },
	{ "IKE: no SA", GW_REKEY_IKE, { EDIT(EDIT_DROP, SA) }, INVALID_SYNTAX },
	{ "IKE: no KE", GW_REKEY_IKE, { EDIT(EDIT_DROP, KE) }, INVALID_KE_PAYLOAD },
	{ "IKE: KE of zeros", GW_REKEY_IKE, { SET(KE, 4, ZEROS_32) }, INVALID_SYNTAX },
	{ "IKE: SPI 0", GW_REKEY_IKE, { SET(SA, 8, "0000000000000000") }, INVALID_SYNTAX },
	{ "IKE: SPI of 4 octets", GW_REKEY_IKE, { SET(SA, 6, "04") }, NO_PROPOSAL_CHOSEN },
	{ "IKE: nothing acceptable", GW_REKEY_IKE, { SET(SA, 22, "000b") }, NO_PROPOSAL_CHOSEN },
	{ "IKE: a short nonce", GW_REKEY_IKE, { EDIT(EDIT_CUT, NONCE, .at = 3) }, INVALID_SYNTAX },
	{ "IKE: in reverse", GW_REKEY_IKE, { { .op = EDIT_REVERSE } }, 0 },
	{ "delete: count too high", GW_DPD, { ADD(D, "0304000201020304") }, INVALID_SYNTAX },
	{ "delete: SPIs of 8 octets", GW_DPD, { ADD(D, "030800010102030405060708") },
		INVALID_SYNTAX },
	{ "delete: cut short", GW_DPD, { ADD(D, "0304") }, INVALID_SYNTAX },
	{ "delete: of AH", GW_DPD, { ADD(D, "0204000101020304") }, 0 },
	{ "delete: of a protocol that nobody knows", GW_DPD, { ADD(D, "6304000101020304") }, 0 },
	{ "delete: T-10 of nobody, twice", GW_DPD,
		{ ADD(D, "0304000101020304"), ADD(D, "0304000201020304 01020304") }, 0 },
	{ "a notify that nobody knows", GW_DPD, { ADD(N, "0000f000") }, 0 },
	{ "an error notify", GW_DPD, { ADD(N, "0000000b") }, 0 },
	{ "a notify cut short", GW_DPD, { ADD(N, "00") }, 0 },
	{ "a configuration payload", GW_DPD, { ADD(CP, "03000000") }, 0 },
};

static void limit_selectors(struct pair *p)
{
	struct prefix lan;

	assert_true(prefix_parse(&lan, "10.0.0.0/8"));
	selector_from_prefix(&p->cfg.remote_ts.v[0], &lan);
	selector_from_prefix(&p->cfg.local_ts.v[0], &lan);
	p->cfg.remote_ts.n = p->cfg.local_ts.n = 1;
}

/* A bad request gets its error and changes nothing; the next good one is answered. */
static void requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
		struct pair p;
		pair_init(&p, 3);
		limit_selectors(&p);
		pair_connect(&p);
		pair_run(&p, 100);
		pair_check_up(&p, 1);
		for (size_t j = 0; j < ARRAY_LEN(p.gwc.edits); j++) {
			p.gwc.edits[j] = request_rows[i].edits[j];
			p.gwc.edits[j].exchange =
				request_rows[i].want == GW_DPD ? INFORMATIONAL : CREATE_CHILD_SA;
			p.gwc.edits[j].request = p.gwc.edits[j].any_mid = true;
		}
		struct gw_child *child0 = p.gw.children[0];
		pair_gw(&p, request_rows[i].want);
		memset(p.gwc.edits, 0, sizeof(p.gwc.edits));
		if (request_rows[i].notify == CHILD_SA_NOT_FOUND)
			child0->state = GWC_REPLACED; /* it lied about it, and keeps it */
		pair_run(&p, 1000);
		if (p.gw.last_notify != request_rows[i].notify)
			fail_msg("%s: notify %u, not %u", request_rows[i].name, p.gw.last_notify,
				request_rows[i].notify);
		if (request_rows[i].notify == CHILD_SA_NOT_FOUND)
			child0->state = GWC_UP;
		pair_gw(&p, GW_REKEY_CHILD | GW_DPD);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* A child SA of the gateway in tunnel mode, where the profile is for transport mode, is refused like its answer
 * to ours would be. */
static void tunnel_mode_unasked(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 4);
	p.gwc.transport = true;
	p.cfg.mode = SA_TRANSPORT;
	pair_connect(&p);
	pair_run(&p, 100);
	p.gwc.edits[0] = (struct edit)EDIT(EDIT_DROP, N, .index = 1, .exchange = CREATE_CHILD_SA,
		.request = true, .any_mid = true);
	pair_gw(&p, GW_REKEY_CHILD);
	memset(p.gwc.edits, 0, sizeof(p.gwc.edits));
	pair_run(&p, 1000);
	assert_int_equal(p.gw.last_notify, NO_PROPOSAL_CHOSEN);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* A gateway that makes more and more of them: some are enough, and there is room to rekey each. */
static void children_without_end(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 6);
	p.wire.delay = 1;
	pair_connect(&p);
	for (size_t i = 1; i < IKE_CHILDREN_MAX + 3; i++) {
		pair_gw(&p, GW_NEW_CHILD);
		pair_run(&p, 10);
	}
	assert_int_equal(p.gw.last_notify, NO_ADDITIONAL_SAS);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_settle(&p);
	assert_int_equal(p.client.v2->rekeys_child, IKE_CHILDREN_MAX);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_run(&p, SECONDS(20));
	assert_int_equal(p.client.v2->rekeys_child, IKE_CHILDREN_MAX + 1);
	assert_int_equal(p.client.v2->children.n, IKE_CHILDREN_MAX);
	assert_int_equal(p.gw.n_children, IKE_CHILDREN_MAX);
	pair_free(&p);
}

/* --- retransmission ------------------------------------------------------------------------------------- */

struct echo {
	uint8_t exchange;
	unsigned drop, seen;
	size_t len;
	uint8_t first[4096];
};

static bool compare_answers(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct echo *x = arg;

	(void)n;
	if (from != CLIENT || f->data[18] != x->exchange || !(f->data[19] & FLAG_RESPONSE))
		return false;
	if (x->seen++ == 0) {
		x->len = f->len;
		memcpy(x->first, f->data, f->len);
	}
	assert_int_equal(f->len, x->len);
	assert_memory_equal(f->data, x->first, x->len);
	return x->seen <= x->drop;
}

/* A request that comes again, because our answer was lost, gets the same octets, and nothing is done
 * twice; one that is older gets nothing. */
static void same_answer_again(void **state)
{
	static const unsigned wants[] = { GW_REKEY_CHILD, GW_REKEY_IKE, GW_DPD, GW_NEW_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct echo *x = calloc(1, sizeof(*x));
		struct pair p;
		assert_non_null(x);
		x->drop = 3;
		x->exchange = wants[i] == GW_DPD ? INFORMATIONAL : CREATE_CHILD_SA;
		pair_up(&p);
		pair_tap(&p, compare_answers, x);
		pair_gw(&p, wants[i]);
		pair_run(&p, SECONDS(20));
		assert_int_equal(x->seen, 4);
		pair_tap(&p, NULL, NULL);
		pair_settle(&p);
		pair_check_up(&p, wants[i] == GW_NEW_CHILD ? 2 : 1);
		free(x);
		pair_free(&p);
	}
}

/* Our own request goes out again byte for byte. */
static bool compare_requests(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct echo *x = arg;

	(void)n;
	if (from != CLIENT || f->data[18] != x->exchange)
		return from == GATEWAY;
	if (x->seen++ == 0) {
		x->len = f->len;
		memcpy(x->first, f->data, f->len);
	}
	assert_int_equal(f->len, x->len);
	assert_memory_equal(f->data, x->first, x->len);
	return true;
}

static void same_request_again(void **state)
{
	struct echo *x = calloc(1, sizeof(*x));
	struct pair p;

	(void)state;
	assert_non_null(x);
	x->exchange = CREATE_CHILD_SA;
	pair_up(&p);
	pair_tap(&p, compare_requests, x);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(120));
	assert_int_equal(x->seen, 10);
	pair_check_dead(&p, ERR_SILENT, 0);
	free(x);
	pair_free(&p);
}

/* --- fragments ------------------------------------------------------------------------------------------------ */

/* An INFORMATIONAL request of the gateway in fragments: {number, total, octets, fill}. */
struct frag {
	uint16_t number, total;
	uint16_t len; /* of a vendor id payload's content; 0: the empty fragment */
};

static const struct {
	const char *name;
	struct frag v[8];
	bool answered;
} frag_rows[] = {
	{ "T-03 two, in order", { { 1, 2, 8 }, { 2, 2, 8 } }, true },
	{ "T-03 two, the last first", { { 2, 2, 8 }, { 1, 2, 8 } }, true },
	{ "T-03 one of one", { { 1, 1, 8 } }, true },
	{ "T-03 one of two", { { 1, 2, 8 } }, false },
	{ "T-03 total 0", { { 1, 0, 8 } }, false },
	{ "T-03 number 0", { { 0, 2, 8 }, { 1, 2, 8 } }, false },
	{ "T-03 number over total", { { 3, 2, 8 }, { 1, 2, 8 } }, false },
	{ "T-03 total 256", { { 1, 256, 8 } }, false },
	{ "T-03 total 65535", { { 65535, 65535, 8 } }, false },
	{ "T-03 a copy with other octets is not taken", { { 1, 2, 8 }, { 1, 2, 12 }, { 2, 2, 8 } },
		true },
	{ "T-03 a shrinking total is old", { { 1, 3, 8 }, { 1, 2, 8 }, { 2, 2, 8 } }, false },
	{ "T-03 a growing total starts over",
		{ { 1, 2, 8 }, { 2, 3, 8 }, { 3, 3, 8 }, { 1, 3, 8 } }, true },
	{ "T-04 an empty fragment", { { 1, 2, 0 }, { 2, 2, 8 } }, false },
};

static void send_fragment(struct pair *p, const struct frag *f, uint8_t fill)
{
	uint8_t content[16] = { PAYLOAD_V, 0, 0, 8, fill, fill, fill, fill, PAYLOAD_V, 0, 0, 4 };
	struct ike_hdr h = { .version = 0x20, .exchange = INFORMATIONAL, .mid = p->gw.sa->mid_out };

	if (f->number == f->total)
		content[0] = PAYLOAD_NONE;
	memcpy(h.spi_i, p->gw.sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, p->gw.sa->spi_r, IKE_SPI_LEN);
	gw_fragment(&p->gw, p->net.now, &h, f->number, f->total,
		f->number == 1 ? PAYLOAD_V : PAYLOAD_NONE, (struct bytes){ content, f->len },
		&p->ob);
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
}

static void fragments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frag_rows); i++) {
		struct pair p;
		pair_up(&p);
		unsigned sent = p.net.sent[CLIENT];
		for (size_t j = 0; j < ARRAY_LEN(frag_rows[i].v); j++)
			if (frag_rows[i].v[j].number || frag_rows[i].v[j].total)
				send_fragment(&p, &frag_rows[i].v[j], (uint8_t)j);
		pair_run(&p, 100);
		if ((p.net.sent[CLIENT] > sent) != frag_rows[i].answered)
			fail_msg("%s: %s", frag_rows[i].name,
				frag_rows[i].answered ? "no answer" : "answered");
		if (frag_rows[i].answered)
			p.gw.sa->mid_out++;
		pair_gw(&p, GW_REKEY_CHILD); /* and whatever is half there is in nobody's way */
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* T-03: more than 64 KiB in all; T-04: 255 fragments in the worst order are a matter of moments. */
static void many_fragments(void **state)
{
	static uint8_t content[1200];
	struct pair p;

	(void)state;
	for (int round = 0; round < 2; round++) {
		size_t len = round ? sizeof(content) : 4;
		pair_up(&p);
		unsigned sent = p.net.sent[CLIENT];
		for (uint16_t n = 255; n > 0; n--) {
			struct ike_hdr h = {
				.version = 0x20, .exchange = INFORMATIONAL, .mid = p.gw.sa->mid_out
			};
			memcpy(h.spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(h.spi_r, p.gw.sa->spi_r, IKE_SPI_LEN);
			memcpy(content, "\x2b\x00\x00\x04", 4); /* a chain of empty vendor ids */
			gw_fragment(&p.gw, p.net.now, &h, n, 255, n == 1 ? PAYLOAD_V : PAYLOAD_NONE,
				(struct bytes){ content, len }, &p.ob);
			net_perform(&p.net, GATEWAY, &p.ob);
			outbox_clear(&p.ob);
		}
		pair_run(&p, 100);
		/* Too large in all: never taken. 255 payloads: refused, with a word. */
		assert_int_equal(p.net.sent[CLIENT] - sent, round ? 0 : 1);
		if (!round)
			p.gw.sa->mid_out++;
		pair_gw(&p, GW_DPD);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* A copy of the last request's fragment, late or recorded by somebody, among those of the next one. */
static void fragment_of_the_last_one(void **state)
{
	static const struct frag one_of_two = { 1, 2, 8 }, two_of_two = { 2, 2, 8 };
	struct pair p;

	(void)state;
	pair_up(&p);
	send_fragment(&p, &one_of_two, 1);
	send_fragment(&p, &two_of_two, 2);
	pair_run(&p, 100);
	unsigned sent = p.net.sent[CLIENT];
	p.gw.sa->mid_out++;
	send_fragment(&p, &one_of_two, 3);
	p.gw.sa->mid_out--;
	send_fragment(&p, &one_of_two, 1);
	p.gw.sa->mid_out++;
	send_fragment(&p, &two_of_two, 4);
	pair_run(&p, 100);
	assert_int_equal(p.net.sent[CLIENT], sent + 1);
	p.gw.sa->mid_out++;
	pair_gw(&p, GW_REKEY_CHILD);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* Fragments from a gateway that did not say that it can. */
static void fragments_unasked(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.cfg.fragmentation = false;
	pair_connect(&p);
	pair_run(&p, 100);
	unsigned sent = p.net.sent[CLIENT];
	send_fragment(&p, &(struct frag){ 1, 1, 8 }, 0);
	pair_run(&p, 100);
	assert_int_equal(p.net.sent[CLIENT], sent);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* RFC 7296 section 3.10.1: the gateway got ESP that it has no SA for. Whether it has one comes out when the child SA is
 * rekeyed: one that it has is replaced, and for one that it has not another is made. */
static void unknown_spi(void **state)
{
	static const struct {
		const char *body;
		bool ours, forgotten;
	} rows[] = { { "0000000b%08x", true, false }, { "0000000b%08x", true, true },
		{ "0304000b%08x", true, true }, { "0000000b%08x", false, false },
		{ "0000000b", true, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		char hex[32];
		bool asks = rows[i].ours && strchr(rows[i].body, '%');
		pair_up(&p);
		uint32_t first = p.client.v2->children.v[0]->spi_out;
		snprintf(hex, sizeof(hex), rows[i].body, rows[i].ours ? first : first + 1);
		if (rows[i].forgotten) {
			p.gw.ob = &p.ob;
			gw_children_clear(&p.gw, NULL);
			pair_gw(&p, 0);
		}
		p.gwc.edits[0] = (struct edit){ .exchange = INFORMATIONAL,
			.request = true,
			.any_mid = true,
			.op = EDIT_ADD,
			.payload = PAYLOAD_N,
			.hex = hex };
		pair_gw(&p, GW_DPD);
		p.gwc.edits[0].op = EDIT_NONE;
		pair_settle(&p);
		net_ping(&p.net, CLIENT); /* for the gateway to use what is new to it */
		pair_settle(&p);
		pair_check_up(&p, 1);
		assert_int_equal(p.client.v2->rekeys_child, asks);
		assert_int_equal(p.client.v2->children.v[0]->spi_out != first, asks);
		pair_free(&p);
	}
}

/* RFC 4478 section 2: the gateway may say so at any time. */
static void log_in_again(void **state)
{
	static const struct {
		const char *seconds;
		uint64_t within, lead;
	} rows[] = { { "00000e10", SECONDS(3600), SECONDS(360) },
		{ "00000078", SECONDS(120), SECONDS(60) },
		{ "00000000", SECONDS(60), SECONDS(30) } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p;
		struct ike_view *v = calloc(1, sizeof(*v));
		assert_non_null(v);
		pair_up(&p);
		char hex[32];
		snprintf(hex, sizeof(hex), "00004013%s", rows[i].seconds);
		p.gwc.edits[0] = (struct edit){ .exchange = INFORMATIONAL,
			.request = true,
			.any_mid = true,
			.op = EDIT_ADD,
			.payload = PAYLOAD_N,
			.hex = hex };
		uint64_t before = p.net.now;
		pair_gw(&p, GW_DPD);
		pair_run(&p, 100);
		v2_view(p.client.v2, v);
		uint64_t at = before + rows[i].within - rows[i].lead;
		assert_in_range(v->reauth_at, at, at + 100);
		pair_run(&p, rows[i].within - SECONDS(3));
		assert_int_equal(p.client.v2->phase, IKE_UP);
		pair_run(&p, SECONDS(3));
		pair_check_dead(&p, ERR_PEER, 0);
		pair_free(&p);
		free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(tunnel_mode_unasked),
		cmocka_unit_test(children_without_end),
		cmocka_unit_test(unknown_spi),
		cmocka_unit_test(log_in_again),
		cmocka_unit_test(same_answer_again),
		cmocka_unit_test(same_request_again),
		cmocka_unit_test(fragments),
		cmocka_unit_test(many_fragments),
		cmocka_unit_test(fragment_of_the_last_one),
		cmocka_unit_test(fragments_unasked),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
