/* A tunnel and its session from the first message to the last, and every way in which they end. */
#include "tunnel.h"

#include <stdio.h>

#include "base/types.h"

enum { SCCRQ = 1, SCCCN = 3, STOPCCN = 4, HELLO = 6, ICRQ = 10, ICCN = 12, CDN = 14 };

static void comes_up(void **state)
{
	static const uint16_t order[] = { SCCRQ, SCCCN, ICRQ, ICCN };
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 1);
	tunnel_connect(&t);
	tunnel_check_up(&t);
	assert_int_equal(
		t.now - 5000, 10 * 5); /* SCCRQ, SCCRP, ICRQ, ICRP, ICCN: not a delay more */
	assert_int_equal(t.lns.n_seen, ARRAY_LEN(order));
	assert_memory_equal(t.lns.seen, order, sizeof(order));
	assert_string_equal(t.lns.hostname, "client");
	assert_string_equal(t.view.host, "lns");
	assert_string_equal(t.view.vendor, "a vendor of servers");
	tunnel_free(&t);
}

/* Fresh identifiers every time, none of them zero. */
static void identifiers(void **state)
{
	struct tunnel a, b;

	(void)state;
	tunnel_init(&a, 2);
	tunnel_connect(&a);
	tunnel_init(&b, 2);
	b.rng = a.rng;
	tunnel_connect(&b);
	assert_int_not_equal(a.view.session.tunnel, b.view.session.tunnel);
	assert_true(a.view.session.tunnel && a.view.session.session && b.view.session.session);
	tunnel_free(&a);
	tunnel_free(&b);
}

static void authenticated(void **state)
{
	struct tunnel t;

	(void)state;
	for (int hide = 0; hide < 2; hide++) {
		tunnel_init(&t, 3);
		t.secret = t.lns_cfg.secret = "tunnel secret";
		t.lns_cfg.challenge = true;
		t.lns_cfg.hide = hide;
		tunnel_connect(&t);
		tunnel_check_up(&t);
		assert_int_equal(t.lns.wrong_proofs, 0);
		assert_string_equal(t.view.vendor, "a vendor of servers");
		tunnel_free(&t);
	}
}

static void not_authenticated(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 4); /* the profile has no secret */
	t.lns_cfg.secret = "tunnel secret";
	t.lns_cfg.challenge = true;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_CONFIG, "wants the L2TP tunnel authenticated by a secret");
	assert_int_equal(t.lns.result, 4);
	tunnel_free(&t);

	tunnel_init(&t, 4); /* the server has none */
	t.secret = "tunnel secret";
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_AUTH, "did not prove that it knows the L2TP tunnel secret");
	tunnel_free(&t);

	tunnel_init(&t, 4);
	t.secret = t.lns_cfg.secret = "tunnel secret";
	t.lns_cfg.lies = true;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_AUTH, "another L2TP tunnel secret");
	assert_int_equal(t.lns.result, 4);
	tunnel_free(&t);

	tunnel_init(&t, 4); /* hidden without need, and nobody to read it */
	t.lns_cfg.secret = "tunnel secret";
	t.lns_cfg.hide = true;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_PEER,
		"hides the Framing Capabilities of its L2TP SCCRP with a secret that the "
		"profile does not have");
	assert_int_equal(t.lns.result, 2);
	assert_int_equal(t.lns.error, 8);
	tunnel_free(&t);
}

static void data(void **state)
{
	struct tunnel t;

	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		tunnel_init(&t, 5);
		t.lns_cfg.sequence = bits & 1;
		t.lns_cfg.offset = bits & 2;
		t.lns_cfg.no_length = bits & 4;
		tunnel_connect(&t);
		l2tp_send_frame(t.l2tp, BYTES("to the server"), &t.ob);
		tunnel_run(&t, 100);
		assert_int_equal(t.lns.sequenced, 0); /* never of our own accord */
		lns_data(&t.lns, BYTES("to the client"));
		tunnel_run(&t, 100);
		for (int i = 0; i < 2; i++)
			l2tp_send_frame(t.l2tp, BYTES("to the server"), &t.ob);
		tunnel_run(&t, 100);
		assert_int_equal(t.frames[TO_CLIENT], 1);
		assert_int_equal(t.frame_len[TO_CLIENT], 13);
		assert_memory_equal(t.frame[TO_CLIENT], "to the client", 13);
		assert_int_equal(t.frames[TO_LNS], 3);
		assert_memory_equal(t.frame[TO_LNS], "to the server", 13);
		/* RFC 2661 section 5.4: the server decides, in both directions */
		assert_int_equal(t.lns.sequenced, bits & 1 ? 2 : 0);
		assert_int_equal(t.lns.last_data_ns, bits & 1 ? 1 : 0);
		t.lns.cfg.sequence = false;
		lns_data(&t.lns, BYTES("x"));
		tunnel_run(&t, 100);
		l2tp_send_frame(t.l2tp, BYTES("y"), &t.ob);
		tunnel_run(&t, 100);
		assert_int_equal(t.lns.sequenced, bits & 1 ? 2 : 0);
		tunnel_free(&t);
	}
}

static void no_data_before_or_after(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 6);
	tunnel_start(&t);
	l2tp_send_frame(t.l2tp, BYTES("early"), &t.ob);
	assert_int_equal(t.ob.n, 0);
	tunnel_settle(&t, 1000);
	l2tp_stop(t.l2tp, t.now, &t.ob);
	tunnel_run(&t, 1);
	l2tp_send_frame(t.l2tp, BYTES("late"), &t.ob);
	assert_int_equal(t.ob.n, 0);
	lns_data(&t.lns, BYTES("late"));
	tunnel_run(&t, 1000);
	assert_int_equal(t.frames[TO_CLIENT], 0);
	tunnel_free(&t);
}

static void stopped(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 7);
	tunnel_connect(&t);
	l2tp_stop(t.l2tp, t.now, &t.ob);
	tunnel_run(&t, 100);
	assert_int_equal(t.view.phase, L2TP_DEAD);
	assert_int_equal(t.view.failure.kind, ERR_NONE);
	assert_true(t.lns.closed);
	assert_int_equal(t.lns.seen[4], CDN);
	assert_int_equal(t.lns.seen[5], STOPCCN);
	assert_int_equal(t.lns.result, 6);
	tunnel_free(&t);

	tunnel_init(&t, 7); /* nobody hears it */
	tunnel_connect(&t);
	t.wire.cut = true;
	l2tp_stop(t.l2tp, t.now, &t.ob);
	tunnel_run(&t, 2900);
	assert_int_equal(t.view.phase, L2TP_CLOSING);
	tunnel_run(&t, 200);
	assert_int_equal(t.view.phase, L2TP_DEAD);
	assert_int_equal(t.view.failure.kind, ERR_NONE);
	tunnel_free(&t);

	tunnel_init(&t, 7); /* before anybody is there, and twice */
	tunnel_start(&t);
	l2tp_stop(t.l2tp, t.now, &t.ob);
	tunnel_run(&t, 1);
	assert_int_equal(t.view.phase, L2TP_DEAD);
	tunnel_free(&t);
	tunnel_init(&t, 7);
	tunnel_connect(&t);
	l2tp_stop(t.l2tp, t.now, &t.ob);
	l2tp_stop(t.l2tp, t.now, &t.ob);
	tunnel_run(&t, 1);
	assert_int_equal(t.view.phase, L2TP_DEAD);
	tunnel_free(&t);
}

static void closed_by_the_server(void **state)
{
	static const struct {
		bool cdn;
		uint16_t result;
		int error;
		const char *text, *words;
	} rows[] = {
		{ false, 1, -1, "",
			"closed the L2TP tunnel: it gives no reason (result 1, error 0)" },
		{ false, 2, 4, "full",
			"an error, it lacks the resources for this now (result 2, error 4). It says "
			"\"full\"" },
		{ false, 3, 0, "", "there is such a tunnel already" },
		{ false, 4, 0, "", "not authorized" },
		{ false, 5, 0x100, "", "version of L2TP" },
		{ false, 6, -1, "", "being shut down" },
		{ false, 7, 0, "a\033b",
			"order that it did not expect (result 7, error 0). It says \"a?b\"" },
		{ false, 0x600, -1, "", "being shut down (result 6" }, /* octets turned round */
		{ false, 99, 77, "", "no known reason (result 99, error 77)" },
		{ true, 1, -1, "", "ended the L2TP session: the carrier was lost" },
		{ true, 2, 7, "", "another server should be tried" },
		{ true, 3, -1, "", "administrative reasons" },
		{ true, 4, -1, "", "resources at the moment" },
		{ true, 10, -1, "", "took too long" },
	};
	struct tunnel t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tunnel_init(&t, 8);
		tunnel_connect(&t);
		if (rows[i].cdn)
			lns_cdn(&t.lns, rows[i].result, rows[i].error, rows[i].text);
		else
			lns_stop(&t.lns, rows[i].result, rows[i].error, rows[i].text);
		tunnel_run(&t, 100);
		tunnel_check_dead(&t, ERR_PEER, rows[i].words);
		assert_int_equal(t.lns.una, t.lns.ns); /* it was told that we heard */
		assert_int_equal(
			t.lns.closed, rows[i].cdn); /* and the tunnel goes with the session */
		tunnel_free(&t);
	}
}

static void refused(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 9);
	t.lns_cfg.mute = true;
	tunnel_start(&t);
	tunnel_run(&t, 15);
	t.lns.peer_tunnel = t.view.session.tunnel;
	lns_stop(&t.lns, 4, -1, "who are you");
	tunnel_run(&t, 100);
	tunnel_check_dead(&t, ERR_PEER, "refused the L2TP tunnel: we are not authorized");
	tunnel_free(&t);

	tunnel_init(&t, 9);
	tunnel_start(&t);
	tunnel_run(&t, 25); /* SCCRP is here, ICRP is not */
	t.lns.cfg.mute = true;
	t.lns.peer_session = t.view.session.session;
	lns_cdn(&t.lns, 4, -1, "");
	tunnel_run(&t, 100);
	tunnel_check_dead(&t, ERR_PEER, "refused the L2TP session: it lacks the resources");
	tunnel_free(&t);
}

static void bad_answers(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 10);
	t.lns_cfg.version = 2;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_PEER, "version 2 of L2TP");
	tunnel_free(&t);

	tunnel_init(&t, 10);
	t.lns_cfg.tunnel = 0;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_PEER, "no Assigned Tunnel ID");
	tunnel_free(&t);

	tunnel_init(&t, 10);
	t.lns_cfg.session = 0;
	tunnel_connect(&t);
	tunnel_check_dead(&t, ERR_PEER, "no Assigned Session ID");
	assert_true(t.lns.closed);
	tunnel_free(&t);
}

/* RFC 2661 section 4.1: AVPs that we do not know, or that are not as they should be. */
static void foreign_avps(void **state)
{
	static const struct {
		const char *hex, *words; /* NULL: it does not matter */
	} rows[] = {
		{ "0007 0000 0063 00", NULL }, /* unknown, M clear */
		{ "8007 0000 0063 00", "attribute 99 of vendor 0" },
		{ "0007 0137 0001 00", NULL }, /* a vendor's */
		{ "8007 0137 0001 00", "attribute 1 of vendor 311" },
		{ "8406 0000 0027", "attribute 39" }, /* a reserved bit makes it unknown */
		{ "0406 0000 0027", NULL },
		{ "c008 0000 000a 0004", "attribute 10" }, /* hidden though it must not be */
		{ "0007 0000 000d 00", NULL }, /* a known one of a wrong size: MikroTik */
		{ "8008 0000 0018 0001", NULL },
		{ "8008 0000 000a 0000", NULL }, /* window 0 does not stand: the first one counts */
		{ "0005 0000 00", "impossible length" },
		{ "0000 0000 0063", "impossible length" },
		{ "0009 0000 0063 00", "impossible length" },
		{ "00", "impossible length" },
		{ "03ff 0000 0063 00", "impossible length" },
	};
	struct tunnel t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tunnel_init(&t, 11);
		t.lns_cfg.extra_len = test_hex(rows[i].hex, t.lns_cfg.extra, LNS_AVPS_MAX);
		tunnel_connect(&t);
		if (!rows[i].words) {
			tunnel_check_up(&t);
		} else {
			tunnel_check_dead(&t, ERR_PEER, rows[i].words);
			assert_true(t.lns.closed && t.lns.result == 2);
		}
		tunnel_free(&t);
	}
}

static void unexpected_messages(void **state)
{
	static const struct {
		uint16_t type;
		bool mandatory;
		const char *words;
	} rows[] = {
		{ 1, true, "SCCRQ (1) out of order" },
		{ 2, true, "SCCRP (2) out of order" },
		{ 3, true, "SCCCN" },
		{ 5, true, "unknown type (5)" },
		{ 5, false, NULL },
		{ 6, true, NULL },
		{ 8, true, "OCRP" },
		{ 9, true, "OCCN" },
		{ 11, true, "ICRP" },
		{ 12, true, "ICCN" },
		{ 15, true, NULL },
		{ 16, true, NULL },
		{ 999, true, "999" },
		{ 999, false, NULL },
	};
	struct tunnel t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tunnel_init(&t, 12);
		tunnel_connect(&t);
		lns_send(&t.lns, rows[i].type, rows[i].mandatory, false, BYTES(""));
		tunnel_run(&t, 100);
		assert_int_equal(t.lns.una, t.lns.ns);
		if (!rows[i].words) {
			tunnel_check_up(&t);
		} else {
			tunnel_check_dead(&t, ERR_PEER, rows[i].words);
			assert_int_equal(t.lns.result, 7);
		}
		tunnel_free(&t);
	}
}

/* A call of the server's own is refused, ours goes on. */
static void calls_from_the_server(void **state)
{
	struct tunnel t;

	(void)state;
	for (uint16_t type = 7; type <= 10; type += 3) {
		tunnel_init(&t, 13);
		tunnel_connect(&t);
		t.lns.peer_session = 0;
		lns_send(&t.lns, type, true, false,
			(struct bytes){ "\x80\x08\0\0\0\x0e\x44\x44", 8 });
		tunnel_run(&t, 100);
		t.lns.peer_session = t.view.session.session;
		assert_int_equal(t.lns.seen[t.lns.n_seen - 1], CDN);
		assert_int_equal(t.lns.result, 5);
		assert_int_equal(t.view.phase, L2TP_UP);
		tunnel_free(&t);
	}
}

static void silence(void **state)
{
	struct tunnel t;

	(void)state;
	for (int impatient = 0; impatient < 2; impatient++) {
		tunnel_init(&t, 14);
		t.wire.cut = true;
		t.impatient = impatient;
		tunnel_connect(&t);
		tunnel_check_dead(&t, ERR_SILENT, "though IPsec is up");
		assert_true(t.view.silent);
		assert_int_equal(t.sent[SCCRQ], impatient ? 5 : 9);
		/* 0.5 1 2 4 8 (8 8 8 8) s */
		assert_int_equal(t.now - 5000, impatient ? 15500 : 47500);
		tunnel_free(&t);
	}
}

/* A server that acknowledges and says nothing, from the beginning or when the session is asked for, is not waited for
 * for ever. One that takes its time is. */
static void acknowledged_only(void **state)
{
	struct tunnel t;

	(void)state;
	for (int later = 0; later < 2; later++) {
		tunnel_init(&t, 24);
		t.lns_cfg.mute = !later;
		tunnel_start(&t);
		tunnel_run(&t, 25); /* SCCRP is here, ICRP is not */
		t.lns.cfg.mute = true;
		t.lns.peer_tunnel = t.view.session.tunnel;
		tunnel_run(&t, SECONDS(25));
		assert_int_equal(t.view.phase, L2TP_CONNECTING);
		tunnel_run(&t, SECONDS(20));
		tunnel_check_dead(&t, ERR_SILENT,
			later ? "acknowledges our L2TP ICRQ, but does not answer it" :
				"acknowledges our L2TP SCCRQ, but does not answer it");
		assert_int_equal(t.sent[STOPCCN], later);
		assert_false(t.view.silent);
		tunnel_free(&t);
	}
}

/* Once it is up, a server that says nothing is found out by HELLO when it dies. */
static void hellos(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 15);
	t.lns_cfg.hello_ms = 60000;
	t.cfg.hello_interval = SECONDS(50);
	tunnel_connect(&t);
	tunnel_run(&t, SECONDS(600));
	tunnel_check_up(&t);
	assert_in_range(t.sent[HELLO], 8, 12);
	assert_int_equal(t.lns.una, t.lns.ns);
	uint64_t at = t.now;
	t.wire.cut = true;
	while (t.view.phase == L2TP_UP && t.now < at + SECONDS(300))
		tunnel_run(&t, 1000);
	tunnel_check_dead(&t, ERR_SILENT, "any more");
	assert_in_range(t.now - at, SECONDS(47), SECONDS(50 + 48));
	assert_false(t.view.silent);
	tunnel_free(&t);
}

/* Field: Android 9 went unheard because it did not acknowledge HELLO. */
static void hello_is_acknowledged(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 16);
	tunnel_connect(&t);
	unsigned zlbs = t.zlbs;
	lns_send(&t.lns, HELLO, true, false, BYTES(""));
	tunnel_run(&t, 50);
	assert_int_equal(t.zlbs, zlbs + 1);
	assert_int_equal(t.lns.una, t.lns.ns);
	tunnel_free(&t);
}

static void small_window(void **state)
{
	struct tunnel t;

	(void)state;
	for (uint16_t window = 0; window < 3; window++) {
		tunnel_init(&t, 17);
		t.lns_cfg.window = window;
		tunnel_connect(&t);
		tunnel_check_up(&t);
		assert_int_equal(t.sent[ICRQ], 1);
		tunnel_free(&t);
	}
}

/* Messages that arrive in the wrong order are delivered in the right one, without being sent again
 * (WatchGuard). */
static void reordered(void **state)
{
	struct tunnel t;
	struct bytes d[3];
	uint8_t copies[3][LNS_MESSAGE_MAX];

	(void)state;
	tunnel_init(&t, 18);
	tunnel_connect(&t);
	tunnel_run(&t, 100);
	lns_send(&t.lns, HELLO, true, false, BYTES(""));
	lns_send(&t.lns, 16, true, false, BYTES(""));
	lns_cdn(&t.lns, 3, -1, "");
	for (int i = 0; i < 3; i++) {
		assert_true(lns_output(&t.lns, &d[i]));
		memcpy(copies[i], d[i].p, d[i].n);
		d[i].p = copies[i];
	}
	tunnel_inject(&t, d[2]);
	tunnel_inject(&t, d[1]);
	tunnel_inject(&t, d[1]);
	assert_int_equal(t.view.phase, L2TP_UP);
	tunnel_inject(&t, d[0]);
	assert_int_equal(t.view.phase, L2TP_CLOSING);
	tunnel_run(&t, 500);
	tunnel_check_dead(&t, ERR_PEER, "administrative reasons");
	assert_int_equal(t.lns.una, t.lns.ns);
	tunnel_free(&t);
}

/* What is not for us, or not well-formed, changes nothing and is not answered. */
static void not_for_us(void **state)
{
	static const char *const rows[] = {
		"", "c8", "c802", "c802 000c ", "c802 000c TTTT 0000 0000",
		"c802 000b TTTT 0000 0000 0000", "c802 000d TTTT 0000 0000 0000",
		"c802 000c 0000 0000 0000 0001", "8802 000c TTTT 0000 0001 0001",
		"c002 000c TTTT 0000 0001 0001", "ca02 000c TTTT 0000 0001 0001",
		"c803 000c TTTT 0000 0001 0001",
		"c802 0014 TTTT 0000 4000 0001 8008 0000 0000 0004", /* far ahead */
	};
	struct tunnel t;
	char hex[160], id[5];
	uint8_t octets[64];

	(void)state;
	tunnel_init(&t, 19);
	tunnel_connect(&t);
	tunnel_run(&t, 100);
	snprintf(id, sizeof(id), "%04x", t.view.session.tunnel);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned sent = t.wire.sent;
		snprintf(hex, sizeof(hex), "%s", rows[i]);
		if (strstr(hex, "TTTT"))
			memcpy(strstr(hex, "TTTT"), id, 4);
		size_t n = test_hex(hex, octets, sizeof(octets));
		l2tp_input(t.l2tp, t.now, (struct bytes){ octets, n }, &t.ob);
		assert_int_equal(t.ob.n, 0);
		assert_int_equal(t.wire.sent, sent);
	}
	tunnel_check_up(&t);
	tunnel_free(&t);
}

/* Data of another session, or cut short. */
static void bad_data(void **state)
{
	static const char *const rows[] = {
		"",
		"00",
		"0002",
		"0002 1111",
		"0002 1111 2222",
		"0002 1111 0002",
		"0002 0001 2222",
		"4002 0005 1111 2222",
		"4002 000c 1111 2222 aa",
		"0802 1111 2222 0000",
		"0202 1111 2222 00",
		"0202 1111 2222 0002 00",
		"0003 1111 2222 aa",
		"8002 1111 2222 aa",
	};
	struct l2tp_session s = { .tunnel = 0x1111, .session = 0x2222 };
	struct bytes frame;
	uint8_t octets[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i], octets, sizeof(octets));
		bool good = l2tp_data_read(&s, (struct bytes){ octets, n }, &frame);
		if (good != (i == 4)) /* an empty frame is one */
			fail_msg("%s", rows[i]);
	}
	s.session = 0;
	assert_false(l2tp_data_read(&s, (struct bytes){ "\0\2\x11\x11\0\0x", 7 }, &frame));
}

static void numbers_wrap(void **state)
{
	struct tunnel t;

	(void)state;
	tunnel_init(&t, 20);
	t.cfg.hello_interval = SECONDS(1);
	tunnel_connect(&t);
	for (unsigned i = 0; i < 66000; i++) { /* both sides count beyond 65535 */
		t.lns.n_seen = 0;
		if (i % 2)
			lns_send(&t.lns, HELLO, true, false, BYTES(""));
		tunnel_run(&t, 1021);
	}
	tunnel_check_up(&t);
	assert_in_range(t.sent[HELLO], 65540, 70000);
	tunnel_free(&t);
}

static void bad_config(void **state)
{
	char name[L2TP_NAME_MAX + 1];
	struct l2tp_config cfg = { .hostname = "" };
	struct rng rng = { 0 };
	struct err e;

	(void)state;
	assert_refused(&e, ERR_CONFIG, l2tp_new(&cfg, &rng, &e));
	memset(name, 'n', sizeof(name));
	name[L2TP_NAME_MAX] = 0;
	cfg.hostname = name;
	assert_refused(&e, ERR_CONFIG, l2tp_new(&cfg, &rng, &e));
}

/* Every handshake over a bad network comes to a good end, and so does every hanging up. */
static void bad_network(void **state)
{
	struct tunnel t;

	(void)state;
	for (uint32_t seed = 0; seed < 1000; seed++) {
		tunnel_init(&t, seed + 100);
		t.wire.loss = t.wire.dup = t.wire.reorder = 20;
		t.wire.jitter = 200;
		if (seed & 1) {
			t.secret = t.lns_cfg.secret = "s";
			t.lns_cfg.challenge = t.lns_cfg.hide = true;
		}
		tunnel_connect(&t);
		if (t.view.phase != L2TP_UP)
			fail_msg("seed %u: %s", seed, t.view.failure.text);
		tunnel_check_up(&t);
		l2tp_stop(t.l2tp, t.now, &t.ob);
		tunnel_run(&t, SECONDS(30));
		assert_int_equal(t.view.phase, L2TP_DEAD);
		assert_int_equal(t.view.failure.kind, ERR_NONE);
		tunnel_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_up),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(authenticated),
		cmocka_unit_test(not_authenticated),
		cmocka_unit_test(data),
		cmocka_unit_test(no_data_before_or_after),
		cmocka_unit_test(stopped),
		cmocka_unit_test(closed_by_the_server),
		cmocka_unit_test(refused),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(foreign_avps),
		cmocka_unit_test(unexpected_messages),
		cmocka_unit_test(calls_from_the_server),
		cmocka_unit_test(silence),
		cmocka_unit_test(acknowledged_only),
		cmocka_unit_test(hellos),
		cmocka_unit_test(hello_is_acknowledged),
		cmocka_unit_test(small_window),
		cmocka_unit_test(reordered),
		cmocka_unit_test(not_for_us),
		cmocka_unit_test(bad_data),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(bad_config),
		cmocka_unit_test(bad_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
