#include "../../src/session/state.h"
#include "profiles.h"
#include "v1_pair.h"

/* What gateways do once phase 1 stands: the login in its many forms, a move to another
 * one. */

static void logs_in(void **state)
{
	struct v1_pair *p = v1_pair_new(3);

	(void)state;
	p->login = true;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_true(p->logged_in);
	assert_int_equal(p->asks, 2); /* password, code; the name is in the profile */
	assert_string_equal(p->said, "Enter your token");
	v1_pair_done(p);
}

/* --- what gateways do with the login ----------------------------------------------------------------- */

#define NAME       "4089 0004 616e6e61" /* anna */
#define PASSWORD   "408a 000d 636f727265637420686f727365" /* correct horse */
#define NAME_ASKED "4089 0000"
#define WORD_ASKED "408a 0000"
#define TOKEN      "408a 0006 313233343536" /* a code, where a password is asked for */
#define CODE       "408b 0006 313233343536"
#define CODE_ASKED "408b 0000"
#define CONTENT                                  \
	{                                        \
		V1_SET, "c08f 0001", "408f 0000" \
	}
#define GENERIC "c088 0000"

static const struct login_row {
	const char *what;
	struct v1_round rounds[6];
	unsigned asks;
	const char *said; /* the last question */
} logins[] = {
	{ "name and password",
		{ { V1_REQUEST, GENERIC NAME_ASKED WORD_ASKED, GENERIC NAME PASSWORD }, CONTENT },
		1, "Password" },
	{ "without a type", { { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT }, 1,
		"Password" },
	{ "the order is the gateway's",
		{ { V1_REQUEST, WORD_ASKED NAME_ASKED, PASSWORD NAME }, CONTENT }, 1, "Password" },
	{ "one by one",
		{ { V1_REQUEST, NAME_ASKED, NAME }, { V1_REQUEST, WORD_ASKED, PASSWORD }, CONTENT },
		1, "Password" },
	{ "nothing is asked", { CONTENT }, 0, "" },
	{ "a token in a second round of type OTP",
		{ { V1_REQUEST, GENERIC NAME_ASKED WORD_ASKED, GENERIC NAME PASSWORD },
			{ V1_REQUEST, "c088 0002 408c 0005 546f6b656e" CODE_ASKED,
				"c088 0002" CODE },
			CONTENT },
		2, "Token" },
	{ "a token asked as a second password",
		{ { V1_REQUEST, GENERIC NAME_ASKED WORD_ASKED, GENERIC NAME PASSWORD },
			{ V1_REQUEST, "c088 0002 408c 0005 546f6b656e" NAME_ASKED WORD_ASKED,
				"c088 0002" NAME TOKEN },
			CONTENT },
		2, "Token" },
	{ "a challenge of OTP",
		{ { V1_REQUEST, "c088 0002" NAME_ASKED "408d 0008 6f74702034383720" CODE_ASKED,
			  "c088 0002" NAME CODE },
			CONTENT },
		1, "otp 487 " },
	{ "a challenge of S/KEY",
		{ { V1_REQUEST, "c088 0003" NAME_ASKED "408d 0005 39392061 62" WORD_ASKED,
			  "c088 0003" NAME PASSWORD },
			CONTENT },
		1, "99 ab" },
	{ "new PIN",
		{ { V1_REQUEST, NAME_ASKED CODE_ASKED, NAME CODE },
			{ V1_REQUEST, "408c 0003 50494e 4090 0000",
				"4090 000d 636f727265637420686f727365" },
			CONTENT },
		2, "PIN" },
	{ "answer and domain",
		{ { V1_REQUEST, "4091 0000 408e 0000",
			  "4091 0006 313233343536 408e 0006 313233343536" },
			CONTENT },
		2, "Domain" },
	{ "only a message", { { V1_REQUEST, "408c 0002 4869", "" }, CONTENT }, 0, "" },
	{ "an address before the login",
		{ { V1_SET, "0001 0004 0a010204", "0001 0000" },
			{ V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT },
		1, "Password" },
	{ "a banner before the login",
		{ { V1_SET, "7000 0002 4869", "7000 0000" },
			{ V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT },
		1, "Password" },
	{ "an address behind it",
		{ { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT,
			{ V1_SET, "0001 0004 0a010204", "0001 0000" } },
		1, "Password" },
};

static void every_login(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(logins); i++) {
		const struct login_row *r = &logins[i];
		struct v1_pair *p = v1_pair_new(40);
		p->login = true;
		p->rounds = r->rounds;
		v1_pair_connect(p);
		v1_pair_run(p, SECONDS(2));
		if (p->client->phase != IKE_UP || !p->logged_in)
			fail_msg("%s: round %u: %s", r->what, p->round, p->client->failure.text);
		v1_pair_check_up(p, 1);
		if (p->asks != r->asks || strcmp(p->said, r->said) != 0)
			fail_msg("%s: %u questions, the last is \"%s\"", r->what, p->asks, p->said);
		assert_int_equal(
			p->client->granted.n_addrs, 1); /* pushed, or pulled where it was not */
		v1_pair_done(p);
	}
}

static bool answered(const struct v1_pair *p)
{
	return p->client && p->client->sas[0] && p->client->sas[0]->state > V1_SA_SENT;
}

static const struct setting of_session[] = { { "connection", "type", "ikev1" },
	{ "connection", "gateway", "gw.example.org" }, { "connection", "security", "legacy" },
	{ "local", "auth", "psk" }, { "local", "id", "anna@example.org" },
	{ "secrets", "psk", "a shared key" }, { "secrets", "user", "anna" },
	{ "ike", "proposals", "aes256-sha1-ecp256" }, { "esp", "proposals", "aes128-sha1" } };

static bool over(const struct v1_pair *p)
{
	return p->session->phase == PHASE_WAITING || v1_pair_decided(p);
}

/* Another attempt of a session, to which the gateway says this. */
static void attempt(struct v1_pair *p, const struct v1_round *rounds)
{
	p->rounds = rounds;
	assert_true(v1_pair_until(p, answered, SECONDS(60)));
	p->session->cfg.xauth = true; /* as in v1_pair_start */
	p->round = p->asked_mid = 0;
	v1_pair_until(p, over, SECONDS(60));
	p->session->cfg.xauth = false;
}

/* A token that is asked for as a second password is no password that a reconnect could say. */
static void token_is_not_kept(void **state)
{
	static const struct v1_round rounds[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED,
							  NAME PASSWORD },
		{ V1_REQUEST, "408c 0005 546f6b656e" WORD_ASKED, TOKEN }, CONTENT, { 0 } };
	struct profile *profile = profile_of(of_session, ARRAY_LEN(of_session));
	struct v1_pair *p = v1_pair_new(109);
	struct err e;

	(void)state;
	assert_ok(&e, profile_set(profile, "secrets", "password", "correct horse", &e));
	p->profile = profile;
	p->login = true;
	v1_pair_start(p);
	for (int i = 0; i < 2; i++) {
		attempt(p, rounds);
		assert_int_equal(p->session->phase, PHASE_UP);
		assert_int_equal(p->asks, i + 1);
		assert_int_equal(p->session->password.len, 0);
		if (i == 0)
			v1_pair_command(p, CMD_RECONNECT);
	}
	v1_pair_done(p);
	profile_free(profile);
}

static const struct v1_round good[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD },
	CONTENT, { 0 } };

/* A password that was typed serves until the gateway refuses it; then it is asked for. */
static void password_is_kept_while_it_is_good(void **state)
{
	static const struct v1_round bad[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD },
		{ V1_SET, "c08f 0000", "408f 0000" }, { 0 } },
				     other[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME TOKEN },
					     CONTENT, { 0 } };
	static const struct {
		const struct v1_round *rounds;
		unsigned asks;
	} rows[] = { { good, 1 }, { good, 1 }, { bad, 1 }, { other, 2 }, { other, 2 } };
	struct profile *profile = profile_of(of_session, ARRAY_LEN(of_session));
	struct v1_pair *p = v1_pair_new(110);

	(void)state;
	p->profile = profile;
	p->login = true;
	v1_pair_start(p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		attempt(p, rows[i].rounds);
		assert_int_equal(
			p->session->phase, rows[i].rounds == bad ? PHASE_WAITING : PHASE_UP);
		assert_int_equal(p->asks, rows[i].asks);
		if (rows[i].rounds == bad)
			p->password = "123456";
		else
			v1_pair_command(p, CMD_RECONNECT);
	}
	v1_pair_done(p);
	profile_free(profile);
}

/* A user's name that was typed, too: a reconnect asks nobody. */
static void user_is_kept(void **state)
{
	struct setting settings[ARRAY_LEN(of_session)];
	struct v1_pair *p = v1_pair_new(112);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(of_session); i++)
		if (strcmp(of_session[i].key, "user") != 0)
			settings[n++] = of_session[i];
	struct profile *profile = profile_of(settings, n);
	p->profile = profile;
	p->login = true;
	v1_pair_start(p);
	for (unsigned i = 0; i < 2; i++) {
		attempt(p, good);
		assert_int_equal(p->session->phase, PHASE_UP);
		assert_int_equal(p->asks, 2); /* user and password, once */
		v1_pair_command(p, CMD_RECONNECT);
	}
	v1_pair_done(p);
	profile_free(profile);
}

/* A question while the tunnel stands is the engine's that stands. */
static void code_while_it_is_up(void **state)
{
	static const struct v1_round code[] = { { V1_REQUEST, CODE_ASKED, CODE }, CONTENT, { 0 } };
	struct profile *profile = profile_of(of_session, ARRAY_LEN(of_session));
	struct v1_pair *p = v1_pair_new(111);

	(void)state;
	p->profile = profile;
	p->login = true;
	v1_pair_start(p);
	attempt(p, good);
	assert_int_equal(p->session->phase, PHASE_UP);
	p->password = "123456";
	p->session->cfg.xauth = true;
	v1_pair_gw_asks(p, code);
	v1_pair_run(p, SECONDS(20));
	assert_int_equal(p->asks, 2);
	assert_true(p->logged_in);
	assert_int_equal(p->session->phase, PHASE_UP);
	v1_pair_done(p);
	profile_free(profile);
}

static void logins_refused(void **state)
{
	static const struct {
		struct v1_round rounds[3];
		enum err_kind kind;
		uint16_t notify;
		const char *heard;
	} rows[] = {
		{ { { V1_REQUEST, "c088 0001 408d 0004 01020304" NAME_ASKED WORD_ASKED, NULL } },
			ERR_PEER, 0, NULL }, /* RADIUS-CHAP */
		{ { { V1_REQUEST, NAME_ASKED WORD_ASKED, NULL },
			  { V1_SET, "408c 0006 4c6f636b6564 c08f 0000", "408f 0000" } },
			ERR_PEER, V1_XAUTH_REFUSED, "Locked" },
		{ { { V1_SET, "c08f 0000", NULL } }, ERR_PEER, V1_XAUTH_REFUSED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct v1_pair *p = v1_pair_new(41);
		p->login = true;
		p->rounds = rows[i].rounds;
		v1_pair_connect(p);
		v1_pair_check_dead(p, rows[i].kind, rows[i].notify);
		assert_string_equal(p->heard, rows[i].heard ? rows[i].heard : "");
		v1_pair_done(p);
	}
}

static const struct v1_round silence[] = { { 0 } },
			     asks_once[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD },
				     CONTENT, { 0 } };

/* In the place of the gateway: our first message is answered in the clear with AUTHENTICATION-FAILED. */
static bool refuse_in_the_clear(void *arg, struct net *n, enum end from, struct flight *f)
{
	static const uint8_t behind[] = { V1P_N, 0x10, V1_INFORMATIONAL, 0, 0, 0, 0, 1, 0, 0, 0,
		IKE_HDR_LEN + 12, 0, 0, 0, 12, 0, 0, 0, 1, PROTO_IKE, 0, 0, AUTHENTICATION_FAILED };
	uint8_t m[16 + sizeof(behind)] = { 0 };
	unsigned *said = arg;

	if (!f->esp && from == CLIENT && f->len > IKE_HDR_LEN && f->dst.port == 500) {
		memcpy(m, f->data, 8);
		memcpy(m + 16, behind, sizeof(behind));
		net_send(n, CLIENT, &f->dst, &f->src, m, sizeof(m), 1);
		++*said;
	}
	return true;
}

/* That may be anybody's word: the tunnel is given up no more than for silence. */
static void refused_by_a_stranger(void **state)
{
	struct profile *profile = profile_of(of_session, ARRAY_LEN(of_session));
	struct v1_pair *p = v1_pair_new(113);
	unsigned said = 0;

	(void)state;
	p->profile = profile;
	p->login = true;
	v1_pair_start(p);
	attempt(p, asks_once);
	assert_int_equal(p->session->phase, PHASE_UP);
	v1_pair_command(p, CMD_RECONNECT);
	p->net.tap = refuse_in_the_clear;
	p->net.tap_arg = &said;
	v1_pair_run(p, SECONDS(600));
	assert_true(said > 10);
	assert_int_not_equal(p->session->phase, PHASE_DOWN);
	assert_true(p->session->last_error.notify == AUTHENTICATION_FAILED);
	v1_pair_done(p);
	profile_free(profile);
}

/* The gateway waits as long as the user needs, so we do. */
static void slow_user(void **state)
{
	struct v1_pair *p = v1_pair_new(105);
	struct passphrase text;

	(void)state;
	p->login = p->mute = true;
	p->rounds = asks_once;
	v1_pair_start(p);
	v1_pair_run(p, SECONDS(900));
	assert_int_equal(p->client->phase, IKE_CONNECTING);
	assert_int_equal(p->asks, 1);
	assert_true(passphrase_set(&text, "correct horse", 13));
	v1_answer(p->client, p->net.now, p->client->login->ask_id, &text, &p->ob);
	v1_pair_run(p, SECONDS(20));
	v1_pair_check_up(p, 1);
	for (size_t i = 0; i < V1_XCHGS_MAX; i++) /* and is forgotten in the end */
		assert_true(!p->client->xchgs[i] || p->client->xchgs[i]->forget_at != TIME_NEVER);
	v1_pair_done(p);
}

/* It asks, and dies over the answer. */
static void no_verdict(void **state)
{
	static const struct v1_round asks[] = {
		{ V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, { 0 }
	};
	struct v1_pair *p = v1_pair_new(43);

	(void)state;
	p->login = true;
	p->rounds = asks;
	v1_pair_connect(p);
	v1_pair_check_dead(p, ERR_SILENT, 0);
	assert_in_range(p->net.now, SECONDS(100), SECONDS(150)); /* a phone may have to be found */
	v1_pair_done(p);
}

/* The gateway may want to know again who we are while the tunnel stands, and may say things then. */
static void login_again(void **state)
{
	static const struct v1_round again[] = {
		{ V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT, { 0 }
	};
	static const struct v1_round push[] = { { V1_SET, "0001 0004 0a010209", "0001 0000" },
		{ 0 } };
	struct v1_pair *p = v1_pair_new(42);

	(void)state;
	p->login = true;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	uint32_t spi = p->client->children.v[0]->spi_in;
	for (int i = 0; i < 2; i++) {
		v1_pair_gw_asks(p, again);
		v1_pair_run(p, SECONDS(20));
		v1_pair_check_up(p, 1);
		assert_true(p->logged_in);
		assert_int_equal(p->client->sa->state, V1_UP);
		assert_int_equal(p->client->children.v[0]->spi_in, spi);
		assert_int_equal(p->client->rekeys_ike, 0);
	}
	v1_pair_gw_asks(p, push);
	v1_pair_run(p, SECONDS(20));
	v1_pair_check_up(p, 1);
	assert_true(p->logged_in);
	assert_int_equal(p->client->granted.n_addrs, 1); /* what stands is not changed */
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(20));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_done(p);
}

/* The gateway lets us in and wants to know again at once, while we ask for the configuration: what it says then is the
 * end of the login once more. */
static void login_twice(void **state)
{
	static const struct v1_round twice[] = { { V1_REQUEST, NAME_ASKED WORD_ASKED,
							 NAME PASSWORD },
		CONTENT, { V1_REQUEST, NAME_ASKED WORD_ASKED, NAME PASSWORD }, CONTENT, { 0 } };
	struct v1_pair *p = v1_pair_new(44);

	(void)state;
	p->login = true;
	p->rounds = twice;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_true(p->net.now < SECONDS(10));
	assert_int_equal(p->client->granted.n_addrs, 1);
	v1_pair_done(p);
}

/* Where the gateway does not ask: it waits for that, and is up then. */
static void renew_without_login(struct v1_pair *p)
{
	p->cfg.xauth = false; /* as in v1_pair_start */
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, 30);
	p->cfg.xauth = true;
	v1_pair_run(p, V1_AGAIN_WAIT_MS + SECONDS(1));
}

/* That it is content with a login, by a phase 1 which has been replaced meanwhile: that does not come back. */
static void content_too_late(void **state)
{
	static const struct v1_round content[] = { CONTENT, { 0 } };
	struct v1_pair *p = v1_pair_new(43);

	(void)state;
	p->login = true;
	v1_pair_connect(p);
	renew_without_login(p);
	struct v1_sa *replaced = p->gw->sa;
	renew_without_login(p);
	assert_int_equal(p->client->rekeys_ike, 2);
	v1_pair_check_up(p, 1);
	struct v1_sa *current = p->gw->sa;
	assert_ptr_not_equal(current, replaced);
	p->gw->sa = replaced;
	v1_pair_gw_asks(p, content);
	v1_pair_run(p, 100);
	assert_true(p->logged_in); /* it is told that we heard */
	p->gw->sa = current;
	assert_int_equal(p->client->rekeys_ike, 2);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* Cisco's load balancing. */
static void say_move(struct v1_pair *p, const char *to, size_t len)
{
	struct addr a;
	uint8_t buf[64];
	struct ikew k;

	assert_true(addr_parse(&a, to));
	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, p->gw->sa, V1_UNITY_LOAD_BALANCE, (struct bytes){ a.ip, len });
	v1_pair_gw_info(p, &k);
	if (len != 4 || p->client->phase != IKE_CONNECTING)
		return;
	memcpy(p->gw->path.local.ip, a.ip, 4);
	v1_sa_drop(p->gw, p->gw->sa);
	p->cfg.xauth = false; /* as in v1_pair_start */
	v1_pair_run(p, 30);
	p->cfg.xauth = true;
}

/* RESPONDER-LIFETIME of phase 1, said while the login is awaited. */
static void early_lifetime(void **state)
{
	static const uint8_t less[] = { 0x80, 1, 0, 1, 0x80, 2, 2, 0x58 };
	struct v1_pair *p = v1_pair_new(104);
	uint8_t buf[64];
	struct ikew k;

	(void)state;
	p->login = true;
	p->rounds = silence;
	p->cfg.ike_lifetime = SECONDS(8 * 3600);
	v1_pair_start(p);
	v1_pair_run(p, 500);
	ikew_chain(&k, buf, sizeof(buf));
	v1_notify_write(&k, p->gw->sa, V1_RESPONDER_LIFETIME, (struct bytes){ less, sizeof(less) });
	v1_pair_gw_info(p, &k);
	v1_pair_run(p, 500);
	v1_pair_gw_asks(p, asks_once);
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_true(p->client->sa->expire_at <= p->net.now + SECONDS(600));
	v1_pair_done(p);
}

static void sent_on(void **state)
{
	struct v1_pair *p = v1_pair_new(45);
	char text[ADDR_TEXT_MAX];

	(void)state;
	p->login = true;
	p->rounds = silence;
	v1_pair_start(p);
	v1_pair_run(p, 500);
	say_move(p, "198.51.100.7", 3); /* half of an address */
	v1_pair_run(p, 500);
	assert_int_equal(p->client->moves, 0);
	say_move(p, "198.51.100.7", 4);
	p->rounds = asks_once;
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_string_equal(addr_text(text, &p->client->path.remote), "198.51.100.7");
	assert_string_equal(addr_text(text, &p->net.plane[CLIENT].sa[0]->remote), "198.51.100.7");
	assert_int_equal(p->asks, 1);
	say_move(p, "198.51.100.8", 4); /* not any more */
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(p->client->moves, 1);
	v1_pair_done(p);
}

static void sent_round(void **state)
{
	struct v1_pair *p = v1_pair_new(46);

	(void)state;
	p->login = true;
	p->rounds = silence;
	v1_pair_start(p);
	for (int i = 0; i <= V1_MOVES_MAX; i++) {
		v1_pair_run(p, 500);
		assert_int_equal(p->client->phase, IKE_CONNECTING);
		say_move(p, i & 1 ? "198.51.100.1" : "198.51.100.7", 4);
	}
	v1_pair_run(p, 500);
	v1_pair_check_dead(p, ERR_PEER, 0);
	v1_pair_done(p);
}

static void wrong_password(void **state)
{
	struct v1_pair *p = v1_pair_new(4);

	(void)state;
	p->login = true;
	p->password = "wrong";
	v1_pair_connect(p);
	v1_pair_check_dead(p, ERR_PEER, V1_XAUTH_REFUSED);
	assert_int_equal(p->client->stage, STAGE_EAP);
	v1_pair_done(p);
}

static void no_password(void **state)
{
	struct v1_pair *p = v1_pair_new(5);

	(void)state;
	p->login = true;
	p->password = NULL;
	v1_pair_connect(p);
	v1_pair_check_dead(p, ERR_CONFIG, 0);
	v1_pair_done(p);
}

/* --- libreswan fills messages, and lists of attributes, up to four octets --------------------------------- */

/* Gives what the gateway sends in the clear as many octets more. */
static bool fill_up(void *arg, struct net *n, enum end from, struct flight *f)
{
	const struct bytes *filling = arg;
	uint8_t data[2048];
	size_t len = f->len + filling->n;

	if (from != GATEWAY || f->esp || f->len < IKE_HDR_LEN || f->data[19] & V1_FLAG_ENCRYPTED)
		return false;
	assert_true(len <= sizeof(data));
	memcpy(data, f->data, f->len);
	memcpy(data + f->len, filling->p, filling->n);
	data[26] = (uint8_t)(len >> 8);
	data[27] = (uint8_t)len;
	net_send(n, f->to, &f->src, &f->dst, data, len, 1);
	return true;
}

static void filled_messages(void **state)
{
	static const struct {
		struct bytes filling;
		bool taken;
	} rows[] = {
		{ { "\0", 1 }, true },
		{ { "\0\0\0", 3 }, true },
		{ { "\0\0\0\0", 4 }, false },
		{ { "\0\1", 2 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct v1_pair *p = v1_pair_new(60);
		struct bytes filling = rows[i].filling;

		v1_pair_start(p);
		p->net.tap = fill_up;
		p->net.tap_arg = &filling;
		v1_pair_until(p, v1_pair_decided, SECONDS(20));
		if (rows[i].taken)
			v1_pair_check_up(p, 1);
		else
			assert_int_equal(p->client->phase, IKE_CONNECTING);
		v1_pair_done(p);
	}
}

static void filled_attributes(void **state)
{
	static const struct {
		const char *config;
		bool taken;
	} rows[] = {
		{ "0001 0004 0a010203 7002 0003 632e64 00", true },
		{ "0001 0004 0a010203 7002 0005 61622e6465 000000", true },
		{ "0001 0004 0a010203 7002 0003 632e64 01", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct v1_pair *p = v1_pair_new(61);

		p->config = rows[i].config;
		v1_pair_connect(p);
		assert_int_equal(p->client->granted.n_addrs, 1);
		assert_int_equal(p->client->granted.n_domains, 1);
		assert_int_equal(p->client->configured, rows[i].taken);
		if (rows[i].taken)
			v1_pair_check_up(p, 1);
		else
			v1_pair_check_dead(p, ERR_PEER, 0);
		v1_pair_done(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filled_messages),
		cmocka_unit_test(filled_attributes),
		cmocka_unit_test(logs_in),
		cmocka_unit_test(every_login),
		cmocka_unit_test(token_is_not_kept),
		cmocka_unit_test(password_is_kept_while_it_is_good),
		cmocka_unit_test(user_is_kept),
		cmocka_unit_test(code_while_it_is_up),
		cmocka_unit_test(logins_refused),
		cmocka_unit_test(refused_by_a_stranger),
		cmocka_unit_test(slow_user),
		cmocka_unit_test(no_verdict),
		cmocka_unit_test(login_again),
		cmocka_unit_test(login_twice),
		cmocka_unit_test(content_too_late),
		cmocka_unit_test(early_lifetime),
		cmocka_unit_test(sent_on),
		cmocka_unit_test(sent_round),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(no_password),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
