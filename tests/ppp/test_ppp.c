/* Frames in, frames out, octet by octet: the options, the codes and the malformed. */
#include "lib/test.h"

#include <stdio.h>

#include "base/names.h"
#include "base/types.h"
#include "crypto/mschap.h"
#include "ppp/ppp.h"

enum { LINES = 12, LINE_FRAMES = 4 };

struct line {
	const char *in; /* a frame; NULL: the end */
	const char *out[LINE_FRAMES]; /* the answers, all of them */
};

struct script {
	const char *name;
	struct line lines[LINES];
};

struct peer {
	struct ppp_config cfg;
	struct passphrase password;
	struct rng rng; /* gives 11 11 11 ... */
	struct ppp *ppp;
	struct outbox ob;
	uint64_t now;
};

static void check_out(struct peer *p, const char *where, const char *const out[LINE_FRAMES])
{
	uint8_t want[PPP_FRAME_MAX];
	char got_text[400], want_text[400];
	struct bytes frame;
	size_t i = 0;

	for (; ppp_output(p->ppp, &frame); i++) {
		size_t n = i < LINE_FRAMES && out[i] ? test_hex(out[i], want, sizeof(want)) : 0;
		if (n != frame.n || memcmp(want, frame.p, n) != 0)
			fail_msg("%s, answer %zu: %s, wanted %s", where, i,
				text_hex(got_text, sizeof(got_text), frame.p, frame.n),
				text_hex(want_text, sizeof(want_text), want, n));
	}
	if (i < LINE_FRAMES && out[i])
		fail_msg("%s: no answer %s", where, out[i]);
	outbox_clear(&p->ob);
}

#define REQUEST "ff03 c021 01 01 000e 0104 0578 0506 11111111"
#define ACK     "c021 02 01 000e 0104 0578 0506 11111111"

static void peer_start(struct peer *p)
{
	static const char *const first[LINE_FRAMES] = { REQUEST };
	struct err e;

	memset(p, 0, sizeof(*p));
	memset(p->rng.pool, 0x11, sizeof(p->rng.pool));
	p->rng.left = sizeof(p->rng.pool);
	assert_true(passphrase_set(&p->password, "clientPass", 10));
	p->cfg = (struct ppp_config){ .user = "User",
		.password = &p->password,
		.n_auth = 2,
		.auth = { PPP_AUTH_CHAP, PPP_AUTH_PAP },
		.mru = 1400,
		.ipv4 = true,
		.ipv6 = true };
	outbox_init(&p->ob);
	p->ppp = ppp_new(&p->cfg, &p->rng, &e);
	if (!p->ppp)
		fail_msg("%s", e.text);
	ppp_start(p->ppp, 0, &p->ob);
	check_out(p, "start", first);
}

static void peer_stop(struct peer *p)
{
	ppp_free(p->ppp);
	outbox_free(&p->ob);
}

static void put(struct peer *p, const char *hex)
{
	uint8_t *exact = NULL, octets[PPP_FRAME_MAX];
	size_t n = test_hex(hex, octets, sizeof(octets));

	exact = test_malloc(n + 1); /* reading past the end is then seen */
	memcpy(exact + 1, octets, n);
	ppp_input(p->ppp, p->now, (struct bytes){ exact + 1, n }, &p->ob);
	test_free(exact);
}

static void run(const struct script *s)
{
	struct peer p;
	char where[128];

	peer_start(&p);
	for (size_t i = 0; i < LINES && s->lines[i].in; i++) {
		snprintf(where, sizeof(where), "%s, line %zu", s->name, i + 1);
		put(&p, s->lines[i].in);
		check_out(&p, where, s->lines[i].out);
	}
	peer_stop(&p);
}

#define OPEN_1               \
	{                    \
		ACK,         \
		{            \
			NULL \
		}            \
	}
#define OPEN_2                                              \
	{                                                   \
		"c021 01 05 0004",                          \
		{                                           \
			"ff03 c021 02 05 0004", IPCP, IP6CP \
		}                                           \
	}
#define IPCP \
	"ff03 8021 01 01 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000"
#define IP6CP "ff03 8057 01 01 000e 010a 1111111111111111"

static const struct script scripts[] = {
	{ "LCP with all that is accepted",
		{
			{ "ff03 c021 01 07 0017 0104 0100 0206 ffffffff 0506 22222222 0702 0802",
				{ NULL } }, /* the length is wrong by one: an option is cut */
			{ "ff03 c021 01 07 0018 0104 0100 0206 ffffffff 0506 22222222 0702 0802",
				{ "ff03 c021 02 07 0018 0104 0100 0206 ffffffff 0506 22222222 0702 0802" } },
		} },
	{ "LCP options that are rejected, alone",
		{
			{ "c021 01 07 001b 0408 c025 00000000 0d03 06 1104 0640 1304 0100 0104 0010",
				{ "ff03 c021 04 07 0017 0408 c025 00000000 0d03 06 1104 0640 1304 0100" } }, /* no Nak beside it */
		} },
	{ "LCP options of a wrong size are rejected",
		{
			{ "c021 01 07 0007 0103 05", { "ff03 c021 04 07 0007 0103 05" } },
			{ "c021 01 08 0006 0502", { "ff03 c021 04 08 0006 0502" } },
			{ "c021 01 09 0007 0303 c0", { "ff03 c021 04 09 0007 0303 c0" } },
		} },
	{ "LCP Naks: a small MRU, no magic number, our own one",
		{
			{ "c021 01 07 0008 0104 007f", { "ff03 c021 03 07 0008 0104 05dc" } },
			{ "c021 01 08 000a 0506 00000000",
				{ "ff03 c021 03 08 000a 0506 11111111" } },
			{ "c021 01 09 000a 0506 11111111",
				{ "ff03 c021 03 09 000a 0506 11111111" } },
		} },
	{ "Authentication: each Nak has the next of our ways",
		{
			{ "c021 01 01 0008 0304 c227", { "ff03 c021 03 01 0009 0305 c223 05" } },
			{ "c021 01 02 0009 0305 c223 81", { "ff03 c021 03 02 0008 0304 c023" } },
			{ "c021 01 03 0009 0305 c223 80", { "ff03 c021 03 03 0009 0305 c223 05" } },
			{ "c021 01 04 0008 0304 1234", { "ff03 c021 03 04 0008 0304 c023" } },
			{ "c021 01 05 0008 0304 c223", { "ff03 c021 03 05 0009 0305 c223 05" } },
			{ "c021 01 06 0008 0304 c227",
				{ "ff03 c021 04 06 0008 0304 c227" } }, /* Max-Failure */
			{ "c021 01 07 0008 0304 c023", { "ff03 c021 02 07 0008 0304 c023" } },
		} },
	{ "LCP cut short, or with lengths that cannot be",
		{
			{ "", { NULL } },
			{ "ff", { NULL } },
			{ "ff03", { NULL } },
			{ "ff03 c0", { NULL } },
			{ "ff03 c021", { NULL } },
			{ "ff03 c021 01", { NULL } },
			{ "ff03 c021 01 01 00", { NULL } },
			{ "ff03 c021 01 01 0003", { NULL } },
			{ "ff03 c021 01 01 0005", { NULL } },
			{ "ff03 c021 01 01 0006 0100", { NULL } },
			{ "ff03 c021 01 01 0005 01", { NULL } },
			{ "ff03 c021 01 01 0006 0105", { NULL } },
		} },
	{ "Padding behind the length is ignored",
		{
			{ "ff03 c021 01 01 0004 0103 05", { "ff03 c021 02 01 0004" } },
		} },
	{ "Answers that answer nothing",
		{
			{ "c021 02 02 000e 0104 0578 0506 11111111",
				{ NULL } }, /* another identifier */
			{ "c021 02 01 000e 0104 0578 0506 11111112",
				{ NULL } }, /* other contents */
			{ "c021 02 01 0008 0104 0578", { NULL } },
			{ "c021 03 02 0008 0104 0500", { NULL } },
			{ "c021 03 01 0008 0105 0500", { NULL } },
			{ "c021 04 01 0006 0500", { NULL } },
			/* so this opens nothing */
			{ "c021 01 05 0004", { "ff03 c021 02 05 0004" } },
		} },
	{ "An Ack counts once", { { ACK, { NULL } }, { ACK, { NULL } } } },
	{ "Nak: a smaller MRU is taken, a larger one not, another magic number made",
		{
			{ "c021 03 01 0008 0104 0500",
				{ "ff03 c021 01 02 000e 0104 0500 0506 11111111" } },
			{ "c021 03 02 0008 0104 05dc",
				{ "ff03 c021 01 03 000e 0104 0500 0506 11111111" } },
			{ "c021 03 03 000a 0506 33333333",
				{ "ff03 c021 01 04 000e 0104 0500 0506 11111111" } },
			{ "c021 03 03 000a 0506 33333333",
				{ NULL } }, /* once more: it has been answered */
		} },
	{ "Reject: we do not ask again",
		{
			{ "c021 04 01 000e 0104 0578 0506 11111111", { "ff03 c021 01 02 0004" } },
			{ "c021 02 02 0004", { NULL } },
		} },
	{ "Codes that nobody knows",
		{
			{ "c021 0e 09 0006 abcd", { "ff03 c021 07 02 000a 0e 09 0006 abcd" } },
			{ "c021 00 0a 0004", { "ff03 c021 07 03 0008 00 0a 0004" } },
			{ "c021 0c 01 0008 22222222",
				{ NULL } }, /* Identification and Time-Remaining are known */
			{ "c021 0d 01 0004", { NULL } },
		} },
	{ "Before LCP is open nothing else is heard",
		{
			{ "c021 09 01 0008 22222222", { NULL } },
			{ "c021 08 01 0006 8021", { NULL } },
			{ "8021 01 01 000a 0306 0a000001", { NULL } },
			{ "c223 01 01 0006 01aa", { NULL } },
			{ "80fd 01 01 0004", { NULL } },
			{ "21 45", { NULL } },
		} },
	{ "Echo",
		{
			OPEN_1,
			OPEN_2,
			{ "c021 09 33 000a 22222222 abcd",
				{ "ff03 c021 0a 33 000a 11111111 abcd" } },
			{ "c021 09 33 0007 222222", { NULL } },
			{ "c021 0b 33 0008 22222222", { NULL } },
		} },
	{ "Echo without a magic number (RFC 1661 section 5.8)",
		{
			{ "c021 04 01 000a 0506 11111111", { "ff03 c021 01 02 0008 0104 0578" } },
			{ "c021 02 02 0008 0104 0578", { NULL } },
			OPEN_2,
			{ "c021 09 33 000a 22222222 abcd",
				{ "ff03 c021 0a 33 000a 00000000 abcd" } },
		} },
	{ "Protocols that we do not have",
		{
			OPEN_1,
			OPEN_2,
			{ "80fd 01 01 000a 1206 010000e0",
				{ "ff03 c021 08 01 0010 80fd 01 01 000a 1206 010000e0" } },
			{ "ff03 2b 0102", { "ff03 c021 08 02 0008 002b 0102" } },
			{ "21 45", { NULL } },
			{ "57 60", { NULL } },
			{ "0021 45", { NULL } },
			{ "00 02", { NULL } },
		} },
	{ "IPCP",
		{
			OPEN_1,
			OPEN_2,
			{ "8021 01 01 0010 0306 0a0a0101 0206 002d 0f01",
				{ "ff03 8021 04 01 000a 0206 002d 0f01" } },
			{ "8021 01 02 000a 0306 00000000",
				{ "ff03 8021 04 02 000a 0306 00000000" } },
			{ "8021 01 03 000a 8106 00000000",
				{ "ff03 8021 04 03 000a 8106 00000000" } },
			{ "8021 01 04 000a 0306 0a0a0101",
				{ "ff03 8021 02 04 000a 0306 0a0a0101" } },
			{ "8021 04 01 0010 8206 00000000 8406 00000000",
				{ "ff03 8021 01 02 0016 0306 00000000 8106 00000000 8306 00000000" } },
			{ "8021 03 02 001c 0306 0a0a0102 8106 08080808 8306 00000000 63 06 01020304",
				{ "ff03 8021 01 03 0016 0306 0a0a0102 8106 08080808 8306 00000000" } },
			{ "8021 09 01 0004",
				{ "ff03 8021 07 04 0008 09 01 0004" } }, /* echoes are LCP's */
			{ "8021 05 63 0004", { "ff03 8021 06 63 0004" } },
		} },
	{ "IPV6CP: neither zero nor our own identifier",
		{
			OPEN_1,
			OPEN_2,
			{ "8057 01 01 000e 010a 0000000000000000",
				{ "ff03 8057 03 01 000e 010a 1111111111111111" } },
			{ "8057 01 02 000e 010a 1111111111111111",
				{ "ff03 8057 03 02 000e 010a 1111111111111111" } },
			{ "8057 01 03 000e 010a 0000000000000009",
				{ "ff03 8057 02 03 000e 010a 0000000000000009" } },
			{ "8057 01 04 0006 0102", { "ff03 8057 04 04 0006 0102" } },
			{ "8057 03 01 000e 010a 0000000000000007",
				{ "ff03 8057 01 02 000e 010a 0000000000000007" } },
			{ "8057 03 02 000e 010a 0000000000000000",
				{ "ff03 8057 01 03 000e 010a 1111111111111111" } },
		} },
	{ "PAP",
		{
			OPEN_1,
			{ "c021 01 05 0008 0304 c023",
				{ "ff03 c021 02 05 0008 0304 c023",
					"ff03 c023 01 01 0014 04 55736572 0a 636c69656e7450617373" } },
			{ "8021 01 01 000a 0306 0a0a0101", { NULL } }, /* not yet */
			{ "c023 02 02 0005 00", { NULL } }, /* another request */
			{ "c023 05 01 0005 00", { NULL } },
			{ "c023 02 01 00", { NULL } },
			{ "c223 03 01 0004", { NULL } }, /* not agreed on */
			{ "c023 02 01 0004", { IPCP, IP6CP } }, /* without the message's size */
			{ "c023 03 01 0005 00", { NULL } },
		} },
	{ "CHAP",
		{
			OPEN_1,
			{ "c021 01 05 0009 0305 c223 05", { "ff03 c021 02 05 0009 0305 c223 05" } },
			{ "c223 03 01 0004", { NULL } }, /* a success for nothing */
			{ "c223 04 01 0004", { NULL } },
			{ "c223 01 07 0019 10 000102030405060708090a0b0c0d0e0f 6c6e7362",
				{ "ff03 c223 02 07 0019 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 55736572" } },
			{ "c223 01 07 0019 10 000102030405060708090a0b0c0d0e0f 6c6e7362",
				{ "ff03 c223 02 07 0019 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 55736572" } },
			{ "c223 03 08 0004", { NULL } },
			{ "c223 02 07 0004", { NULL } },
			{ "c223 03 07 0004", { IPCP, IP6CP } },
			{ "c223 03 07 0004", { NULL } },
		} },
};

static void conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		run(&scripts[i]);
}

/* What ends the link: the frames that lead there, and the reason. */
static void endings(void **state)
{
	static const struct {
		const char *in[4];
		enum err_kind kind;
		const char *words;
	} rows[] = {
		{ { "c021 05 01 0004" }, ERR_PEER, "ended the PPP link" },
		{ { ACK, "c021 01 05 0004", "c021 05 01 0008 62796521" }, ERR_PEER,
			"It says \"bye!\"" },
		{ { "c021 07 01 0005 01" }, ERR_PEER, "does not understand our LCP" },
		{ { ACK, "c021 01 05 0008 0304 c023", "c021 05 07 0004" }, ERR_PEER,
			"ended the PPP link while we logged in" },
		{ { ACK, "c021 01 05 0004", "c021 07 01 0005 01" }, ERR_PEER,
			"does not understand our LCP" },
		{ { ACK, "c021 01 05 0009 0305 c223 81", "c021 01 06 0004", "c021 05 07 0004" },
			ERR_PEER, "log in by MS-CHAPv2, which the profile does not allow" },
		{ { ACK, "c021 01 05 0008 0304 c023", "c021 08 01 0006 c023" }, ERR_PEER,
			"by PAP, then refused" },
		{ { ACK, "c021 01 05 0004", "c021 08 01 0006 8021", "c021 08 01 0006 8057" },
			ERR_PEER, "IPV6CP was refused" },
		{ { ACK, "c021 01 05 0009 0305 c223 05", "c223 01 07 0005 00" }, ERR_PEER,
			"malformed" },
		{ { ACK, "c021 01 05 0009 0305 c223 05", "c223 01 07 0005 02" }, ERR_PEER,
			"malformed" },
		{ { ACK, "c021 01 05 0008 0304 c023", "c023 03 01 0008 09 6e6f21" }, ERR_PEER,
			"It says \"no!\"" },
		{ { ACK, "c021 01 05 0008 0304 c023", "c023 03 01 0004" }, ERR_PEER,
			"refused User" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ppp_view v;
		struct bytes frame;
		struct peer p;
		peer_start(&p);
		for (size_t j = 0; j < 4 && rows[i].in[j]; j++)
			put(&p, rows[i].in[j]);
		ppp_view(p.ppp, &v);
		if (v.phase != PPP_DEAD || v.failure.kind != rows[i].kind ||
			!strstr(v.failure.text, rows[i].words))
			fail_msg("row %zu: phase %d: %s", i, v.phase, v.failure.text);
		while (ppp_output(p.ppp, &frame))
			;
		put(&p, "c021 01 09 0004"); /* the dead say nothing */
		ppp_tick(p.ppp, 1000000, &p.ob);
		assert_false(ppp_output(p.ppp, &frame));
		assert_int_equal(ppp_deadline(p.ppp), TIME_NEVER);
		peer_stop(&p);
	}
}

/* Who asks for a login and then does not begin with it has nothing to think about. */
static void no_challenge(void **state)
{
	struct ppp_view v;
	struct peer p;

	(void)state;
	peer_start(&p);
	put(&p, ACK);
	put(&p, "c021 01 05 0009 0305 c223 05");
	assert_int_equal(ppp_deadline(p.ppp), SECONDS(30));
	ppp_tick(p.ppp, SECONDS(30), &p.ob);
	ppp_view(p.ppp, &v);
	assert_int_equal(v.phase, PPP_DEAD);
	assert_int_equal(v.failure.kind, ERR_SILENT);
	peer_stop(&p);
}

/* The gateway's last EAP request, overtaken by its Success: nothing begins anew, and nothing is said. */
static void late_eap_request(void **state)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2 };
	static const uint8_t success[] = { 0xc2, 0x27, 1, 6, 0, 51, 26, 3, 5, 0, 46 };
	uint8_t last[sizeof(success) + MSCHAP_AUTH_TEXT_LEN], ours[16], theirs[16];
	struct ppp_view v;
	struct bytes frame;
	struct mschap m;
	struct peer p;
	struct err e;

	(void)state;
	peer_start(&p);
	p.cfg.auth[0] = PPP_AUTH_EAP;
	p.cfg.n_eap = 1;
	p.cfg.eap = methods;
	memset(ours, 0x11, sizeof(ours));
	test_hex("5b5d7c7d7b3f2f3e3c2c602132262628", theirs, sizeof(theirs));
	assert_ok(&e, mschap_compute(theirs, ours, "User", &p.password, &m, &e));
	memcpy(last, success, sizeof(success));
	memcpy(last + sizeof(success), m.authenticator, MSCHAP_AUTH_TEXT_LEN);
	put(&p, ACK);
	put(&p, "c021 01 05 0008 0304 c227");
	put(&p, "c227 01 05 001a 1a 01 05 0015 10 5b5d7c7d7b3f2f3e3c2c602132262628 6777");
	for (int i = 0; i < 2; i++) {
		while (ppp_output(p.ppp, &frame))
			;
		ppp_input(p.ppp, p.now, (struct bytes){ last, sizeof(last) }, &p.ob);
		assert_int_equal(ppp_output(p.ppp, &frame), i == 0);
		put(&p, "c227 03 06 0004");
		ppp_view(p.ppp, &v);
		assert_int_equal(v.phase, PPP_NETWORK);
	}
	put(&p, "c227 01 07 0005 01"); /* another request is another conversation */
	check_out(&p, "again",
		(const char *const[LINE_FRAMES]){ "ff03 c227 02 07 0009 01 55736572" });
	peer_stop(&p);
}

/* No method was agreed on, and no password given: only then may another way be tried. */
static void eap_in_vain(void **state)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_MD5 };
	static const char peap[] = "c227 01 02 0006 19 20",
			  challenge[] = "c227 01 02 0016 04 10 000102030405060708090a0b0c0d0e0f",
			  end[] = "c021 05 09 0004", failure[] = "c227 04 02 0004";
	static const struct {
		const char *in[3];
		bool wanted_most, in_vain;
	} rows[] = {
		{ { peap, failure }, false, true },
		{ { peap, end }, false, true },
		{ { "c227 01 02 0005 01", failure }, false, true },
		{ { peap, failure }, true, false },
		{ { peap, "c227 03 02 0004" }, false, false },
		{ { challenge, failure }, false, false },
		{ { challenge, end }, false, false },
		{ { peap, challenge, failure }, false, false },
		{ { end }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ppp_view v;
		struct peer p;
		peer_start(&p);
		p.cfg.auth[rows[i].wanted_most ? 0 : 1] = PPP_AUTH_EAP;
		p.cfg.n_eap = ARRAY_LEN(methods);
		p.cfg.eap = methods;
		put(&p, ACK);
		put(&p, "c021 01 05 0008 0304 c227");
		for (size_t j = 0; j < ARRAY_LEN(rows[i].in) && rows[i].in[j]; j++)
			put(&p, rows[i].in[j]);
		ppp_view(p.ppp, &v);
		if (v.phase != PPP_DEAD || v.eap_in_vain != rows[i].in_vain)
			fail_msg("row %zu: phase %d: %s", i, v.phase, v.failure.text);
		peer_stop(&p);
	}
}

#define IPCP_AGREED                                                                \
	"8021 04 01 001c 8106 00000000 8206 00000000 8306 00000000 8406 00000000", \
		"8021 03 02 000a 0306 0a0a0102", "8021 02 03 000a 0306 0a0a0102",  \
		"8021 01 01 000a 0306 0a0a0101"

/* What was refused at the beginning did not keep the link from coming up: later ends have other reasons. */
static void refused_long_ago(void **state)
{
	static const char *const rows[][7] = {
		/* a way to log in: the gateway did without */
		{ "c021 01 05 0008 0304 c227", "c021 01 06 0004", IPCP_AGREED },
		{ "c021 01 06 0004", "80fd 01 01 000a 1206 010000e0", IPCP_AGREED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ppp_view v;
		struct peer p;
		peer_start(&p);
		p.cfg.ipv6 = false;
		put(&p, ACK);
		for (size_t j = 0; j < ARRAY_LEN(rows[i]) && rows[i][j]; j++)
			put(&p, rows[i][j]);
		ppp_view(p.ppp, &v);
		assert_int_equal(v.phase, PPP_UP);
		p.now += SECONDS(3600);
		put(&p, "c021 05 09 0010 49646c652074696d656f7574");
		ppp_view(p.ppp, &v);
		assert_int_equal(v.phase, PPP_DEAD);
		assert_false(v.logging_in);
		assert_string_equal(
			v.failure.text, "the gateway ended the PPP link. It says \"Idle timeout\"");
		peer_stop(&p);
	}
}

/* One protocol refused by the gateway leaves the other. */
static void one_of_two(void **state)
{
	struct ppp_view v;
	struct peer p;

	(void)state;
	peer_start(&p);
	put(&p, ACK);
	put(&p, "c021 01 05 0004");
	put(&p, "c021 08 01 0006 8057");
	put(&p, "8021 01 04 000a 0306 0a0a0101");
	put(&p, "8021 03 01 000a 0306 0a0a0102");
	put(&p, "8021 02 02 0022 0306 0a0a0102 8106 00000000 8206 00000000 8306 00000000 8406 00000000");
	ppp_view(p.ppp, &v);
	assert_int_equal(v.phase, PPP_UP);
	assert_true(v.ipv4 && !v.ipv6);
	assert_int_equal(v.n_dns, 0);
	put(&p, "8021 05 09 0004"); /* and when that goes too, it is over */
	ppp_view(p.ppp, &v);
	assert_int_equal(v.phase, PPP_DEAD);
	peer_stop(&p);
}

/* Nobody keeps us negotiating for ever: Naks of ours, Naks of theirs, and open and shut. */
static void bounded(void **state)
{
	char hex[128];
	struct ppp_view v;
	struct bytes frame;
	struct peer p;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		unsigned turns = 0;
		peer_start(&p);
		do {
			static const char *const forms[] = { "c021 01 %02x 0008 0304 c227",
				"c021 03 %02x 000a 0506 22222222",
				"c021 01 %02x 000a 0506 222222%02x" };
			snprintf(hex, sizeof(hex), forms[kind], (turns + 1) & 0xff, turns & 0xff);
			if (kind == 2) {
				put(&p, hex);
				snprintf(hex, sizeof(hex),
					"c021 02 %02x 000e 0104 0578 0506 11111111",
					(turns + 1) & 0xff);
			}
			put(&p, hex);
			while (ppp_output(p.ppp, &frame))
				;
			ppp_view(p.ppp, &v);
		} while (v.phase != PPP_DEAD && ++turns < 1000);
		assert_int_equal(v.phase, PPP_DEAD);
		assert_in_range(turns, 10, 70);
		assert_non_null(strstr(v.failure.text, "do not come to terms in LCP"));
		peer_stop(&p);
	}
}

/* An unread queue does not grow beyond its room, and what did not fit is as good as lost. */
static void full_queue(void **state)
{
	struct bytes frame;
	struct peer p;
	size_t n = 0;

	(void)state;
	peer_start(&p);
	put(&p, ACK);
	put(&p, "c021 01 05 0004");
	for (int i = 0; i < 3000; i++)
		put(&p, "c021 09 33 000a 22222222 abcd");
	for (; ppp_output(p.ppp, &frame); n++)
		assert_true(frame.n >= 8);
	assert_in_range(n, 500, 1500);
	put(&p, "c021 09 33 000a 22222222 abcd");
	assert_true(ppp_output(p.ppp, &frame));
	peer_stop(&p);
}

static void frames(void **state)
{
	static const struct {
		const char *hex;
		uint16_t protocol; /* 0: none */
		size_t n;
	} rows[] = {
		{ "", 0, 0 },
		{ "ff", 0xff, 0 },
		{ "ff03", 0, 0 },
		{ "ff0321", 0x21, 0 },
		{ "21", 0x21, 0 },
		{ "21 45", 0x21, 1 },
		{ "0021 45", 0x21, 1 },
		{ "ff03 0021 45", 0x21, 1 },
		{ "00", 0, 0 },
		{ "ff03 c0", 0, 0 },
		{ "ff03 c021", 0xc021, 0 },
		{ "c022", 0, 0 },
		{ "ff04", 0xff, 1 },
	};
	uint8_t octets[16];
	struct bytes info;
	uint16_t protocol;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i].hex, octets, sizeof(octets));
		bool good = ppp_read_frame((struct bytes){ octets, n }, &protocol, &info);
		if (good != (rows[i].protocol != 0) ||
			(good && (protocol != rows[i].protocol || info.n != rows[i].n)))
			fail_msg("%s: %d %04x %zu", rows[i].hex, good, protocol, info.n);
	}
}

static void bad_config(void **state)
{
	struct ppp_config good = { .user = "u", .mru = 1500, .ipv4 = true }, cfg;
	char name[EAP_USER_MAX + 1];
	struct rng rng = { 0 };
	struct err e;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[EAP_USER_MAX] = 0;
	cfg = good;
	cfg.user = name;
	assert_refused(&e, ERR_CONFIG, ppp_new(&cfg, &rng, &e));
	cfg = good;
	cfg.mru = 127;
	assert_refused(&e, ERR_CONFIG, ppp_new(&cfg, &rng, &e));
	cfg = good;
	cfg.ipv4 = false;
	assert_refused(&e, ERR_CONFIG, ppp_new(&cfg, &rng, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(endings),
		cmocka_unit_test(no_challenge),
		cmocka_unit_test(late_eap_request),
		cmocka_unit_test(eap_in_vain),
		cmocka_unit_test(refused_long_ago),
		cmocka_unit_test(one_of_two),
		cmocka_unit_test(bounded),
		cmocka_unit_test(full_queue),
		cmocka_unit_test(frames),
		cmocka_unit_test(bad_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
