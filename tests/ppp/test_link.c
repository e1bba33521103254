/* A link from the first frame to the last, with every way to log in and every way to fail at it. */
#include "link.h"

#include "base/types.h"

static const struct {
	enum server_auth auth;
	const char *name;
} ways[] = {
	{ SERVER_NONE, "none" },
	{ SERVER_PAP, "PAP" },
	{ SERVER_CHAP, "CHAP" },
	{ SERVER_MSCHAPV2, "MS-CHAPv2" },
	{ SERVER_EAP_MD5, "EAP" },
};

static void every_way_to_log_in(void **state)
{
	struct link k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		link_init(&k, 1, ways[i].auth);
		link_connect(&k);
		link_check_up(&k, ways[i].name);
		assert_false(k.view.logging_in);
		assert_int_equal(k.asked, 0);
		assert_int_equal(k.server.client_mru, 1400);
		assert_int_equal(k.view.n_dns, 1);
		assert_int_equal(k.view.n_wins, 0);
		assert_int_equal(k.view.peer_mru, 1500);
		link_free(&k);
	}
}

static void what_the_server_says(void **state)
{
	struct link k;
	char text[ADDR_TEXT_MAX];

	(void)state;
	link_init(&k, 2, SERVER_CHAP);
	k.server_cfg.mru = 1410;
	k.server_cfg.wins = k.server_cfg.compress = k.server_cfg.ipv6 = true;
	memcpy(k.server_cfg.dns[1], (uint8_t[]){ 8, 8, 4, 4 }, 4);
	k.cfg.ipv6 = true;
	k.cfg.mru = 1500;
	link_connect(&k);
	link_run(&k, 1000);
	link_check_up(&k, "CHAP");
	assert_int_equal(k.view.peer_mru, 1410);
	assert_int_equal(k.server.client_mru, 1500); /* not said: the default */
	assert_int_equal(k.view.n_dns, 2);
	assert_string_equal(addr_text(text, &k.view.dns[1]), "8.8.4.4");
	assert_int_equal(k.view.n_wins, 1);
	assert_true(k.view.ipv6);
	assert_int_equal(k.view.remote_id[7], 9);
	assert_memory_equal(k.view.local_id, k.server.client_id, 8);
	assert_int_equal(k.view.local_id[0] & 2, 0);
	link_free(&k);
}

/* All that Windows asks for at once, EAP first: it is left with what the profile allows. */
static void like_windows(void **state)
{
	static const enum server_auth offers[] = { SERVER_EAP_MD5, SERVER_MSCHAPV2, SERVER_CHAP };
	struct link k;

	(void)state;
	link_init(&k, 11, SERVER_NONE);
	memcpy(k.server_cfg.offers, offers, sizeof(offers));
	k.server_cfg.mru = 1400;
	k.server_cfg.compress = k.server_cfg.extras = k.server_cfg.mppe = k.server_cfg.ipv6 = true;
	k.cfg.n_auth = 1;
	k.cfg.auth[0] = PPP_AUTH_MSCHAPV2;
	link_connect(&k);
	link_run(&k, 1000);
	link_check_up(&k, "MS-CHAPv2");
	assert_true(k.server.rejected_extras);
	assert_true(k.server.rejected_ccp);
	assert_int_equal(k.view.peer_mru, 1400);
	link_free(&k);
}

/* IPv6 of a server that the profile does not want is refused, and that hurts nobody. */
static void unwanted_ipv6(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 3, SERVER_PAP);
	k.server_cfg.ipv6 = true;
	link_connect(&k);
	link_check_up(&k, "PAP");
	assert_false(k.view.ipv6);
	link_free(&k);
}

static void ipv6_alone(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 4, SERVER_PAP);
	k.cfg.ipv4 = false;
	k.cfg.ipv6 = k.server_cfg.ipv6 = k.server_cfg.advertises = true;
	link_start(&k);
	link_run(&k, 5000);
	assert_int_equal(k.view.phase, PPP_UP);
	assert_false(k.view.ipv4);
	assert_true(k.view.ipv6);
	link_free(&k);
}

/* An identifier is no address: without a prefix it is of no use. */
static void ipv6_alone_without_prefix(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 5, SERVER_PAP);
	k.cfg.ipv4 = false;
	k.cfg.ipv6 = k.server_cfg.ipv6 = true;
	link_connect(&k);
	link_check_dead(&k, ERR_PEER, "does not advertise a prefix");
	assert_int_equal(k.server.solicited, 3);
	link_free(&k);
}

/* --- addresses by autoconfiguration */

static void connect_both(struct link *k, uint32_t seed, bool advertises)
{
	link_init(k, seed, SERVER_PAP);
	k->cfg.ipv6 = k->server_cfg.ipv6 = true;
	k->server_cfg.advertises = advertises;
	k->server_cfg.advert.server = "fd97::53";
	link_connect(k);
	link_check_up(k, "PAP");
	link_run(k, 1000);
}

static void check_prefix(const struct link *k, const char *first)
{
	struct addr want = { .family = FAMILY_NONE };

	if (first) {
		assert_true(addr_parse(&want, first));
		memcpy(want.ip + 8, k->server.client_id, 8);
	}
	assert_true(addr_same_host(&k->view.local6, &want));
}

static void autoconfigured(void **state)
{
	struct link k;
	char text[ADDR_TEXT_MAX];

	(void)state;
	connect_both(&k, 6, true);
	check_prefix(&k, "fd97:0:0:1::");
	assert_int_equal(k.view.n_dns, 2);
	assert_string_equal(addr_text(text, &k.view.dns[1]), "fd97::53");
	assert_int_equal(k.server.solicited, 1);
	link_run(&k, 60000);
	assert_int_equal(k.server.solicited, 1);
	link_free(&k);
}

/* IPv4 does not wait for it, and a later advertisement is as good. */
static void advertised_late(void **state)
{
	struct link k;

	(void)state;
	connect_both(&k, 7, false);
	check_prefix(&k, NULL);
	link_run(&k, 60000);
	assert_int_equal(k.server.solicited, 3);
	assert_int_equal(k.view.phase, PPP_UP);
	server_advertise(&k.server);
	link_run(&k, 1000);
	check_prefix(&k, "fd97:0:0:1::");
	link_free(&k);
}

/* The prefix runs out unless it is advertised again; then the client asks. */
static void prefix_runs_out(void **state)
{
	struct link k;

	(void)state;
	connect_both(&k, 8, true);
	link_run(&k, 1800000);
	server_advertise(&k.server);
	link_run(&k, 3500000);
	check_prefix(&k, "fd97:0:0:1::");
	assert_int_equal(k.server.solicited, 1);
	k.server.cfg.advertises = false;
	link_run(&k, 200000);
	check_prefix(&k, NULL);
	assert_int_equal(k.view.n_dns, 1);
	assert_int_equal(k.server.solicited, 4);
	link_free(&k);
}

/* What the gateway has said it may take back; another prefix then takes its place. */
static void renumbered(void **state)
{
	struct link k;

	(void)state;
	connect_both(&k, 9, true);
	k.server.cfg.advert.prefix = "fd97:0:0:2::";
	server_advertise(&k.server);
	link_run(&k, 1000);
	check_prefix(&k, "fd97:0:0:1::");
	k.server.cfg.advert.prefix = "fd97:0:0:1::";
	k.server.cfg.advert.valid = k.server.cfg.advert.preferred = 0;
	server_advertise(&k.server);
	link_run(&k, 1000);
	check_prefix(&k, NULL);
	k.server.cfg.advert = advert_preset();
	k.server.cfg.advert.prefix = "fd97:0:0:2::";
	server_advertise(&k.server);
	link_run(&k, 1000);
	check_prefix(&k, "fd97:0:0:2::");
	k.server.cfg.advert.router = 0;
	server_advertise(&k.server);
	link_run(&k, 1000);
	check_prefix(&k, NULL);
	link_free(&k);
}

/* The server starts with what the profile does not allow, and is led to what it does. */
static void steered(void **state)
{
	static const struct {
		enum server_auth offers[6];
		enum ppp_auth allowed;
		const char *name;
	} rows[] = {
		{ { SERVER_EAP_MD5, SERVER_MSCHAPV2 }, PPP_AUTH_MSCHAPV2, "MS-CHAPv2" },
		{ { SERVER_MSCHAPV2, SERVER_MSCHAPV1, SERVER_CHAP, SERVER_PAP }, PPP_AUTH_PAP,
			"PAP" },
		{ { SERVER_PAP, SERVER_CHAP }, PPP_AUTH_CHAP, "CHAP" },
		{ { SERVER_PAP, SERVER_EAP_MD5 }, PPP_AUTH_EAP, "EAP" },
	};
	struct link k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		link_init(&k, 5, SERVER_NONE);
		memcpy(k.server_cfg.offers, rows[i].offers, sizeof(rows[i].offers));
		k.cfg.n_auth = 1;
		k.cfg.auth[0] = rows[i].allowed;
		link_connect(&k);
		link_check_up(&k, rows[i].name);
		link_free(&k);
	}
}

/* One that cannot be led, and one that will not: the reason names what it wanted. */
static void not_steered(void **state)
{
	struct link k;

	(void)state;
	for (int stubborn = 0; stubborn < 2; stubborn++) {
		link_init(&k, 6, SERVER_PAP);
		k.server_cfg.stubborn = stubborn;
		k.cfg.n_auth = 1;
		link_connect(&k);
		link_check_dead(&k, ERR_PEER, "log in by PAP, which the profile does not allow");
		assert_true(k.view.logging_in);
		link_free(&k);
	}
	link_init(&k, 6, SERVER_MSCHAPV1);
	link_connect(&k);
	link_check_dead(&k, ERR_PEER, "MS-CHAP version 1");
	link_free(&k);
}

static void wrong_password(void **state)
{
	static const struct {
		enum server_auth auth;
		const char *words;
	} rows[] = {
		{ SERVER_PAP, "refused User: the user name or the password is wrong" },
		{ SERVER_CHAP, "It says \"E=691" },
		{ SERVER_MSCHAPV2, "(error 691). It says \"Access denied\"" },
		{ SERVER_EAP_MD5, "EAP-MD5" },
	};
	struct link k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		link_init(&k, 7, rows[i].auth);
		k.server_cfg.password = "another";
		link_connect(&k);
		link_check_dead(&k, ERR_PEER, rows[i].words);
		assert_true(k.view.logging_in);
		assert_int_equal(k.asked, 0);
		link_free(&k);
	}
}

/* RFC 2759 section 6: what a Failure may say. */
static void failures_in_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "E=646 R=0 C=00112233445566778899aabbccddeeff V=3 M=no", "at this hour" },
		{ "E=647 R=0 C=00112233445566778899aabbccddeeff V=3", "disabled" },
		{ "E=648 R=0 C=00112233445566778899aabbccddeeff V=3 M=x", "password has expired" },
		{ "E=649 R=0", "may not dial in" },
		{ "E=709", "could not be changed" },
		{ "E=1 R=0", "no known reason (error 1)" },
		{ "", "no known reason (error 0)" },
		{ "E=691 R=1 C=00112233445566778899aabbccddeeff V=0 M=bad",
			"error 691" }, /* pppd */
		{ "E=691 R=1 C=0011 V=3 M=bad", "error 691" },
		{ "E=691 R=1 V=3 M=\033[2J", "\"?[2J\"" },
	};
	struct link k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		link_init(&k, 8, SERVER_MSCHAPV2);
		k.server_cfg.password = "another";
		k.server_cfg.failure = rows[i].text;
		link_connect(&k);
		link_check_dead(&k, ERR_PEER, rows[i].words);
		assert_string_equal(k.prompt, ""); /* there is nothing to try again */
		link_free(&k);
	}
}

#define RETRY "E=691 R=1 C=00112233445566778899aabbccddeeff V=3 M=Try again"

static void another_try(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 9, SERVER_MSCHAPV2);
	k.server_cfg.password = "right";
	k.server_cfg.failure = RETRY;
	k.server_cfg.retry = true;
	k.answers[0] = "wrong again";
	k.answers[1] = "right";
	link_connect(&k);
	link_check_up(&k, "MS-CHAPv2");
	assert_int_equal(k.asked, 2);
	assert_string_equal(k.prompt, "Password for User (try 3 of 3)");
	assert_string_equal(k.notice,
		"the gateway refused User: the user name or the password is wrong, or this method "
		"is not allowed for the account (error 691). It says \"Try again\"");
	link_free(&k);
}

static void three_tries(void **state)
{
	struct link k;

	(void)state;
	for (size_t given = 0; given < 3; given++) {
		link_init(&k, 10, SERVER_MSCHAPV2);
		k.server_cfg.password = "right";
		k.server_cfg.failure = RETRY;
		k.server_cfg.retry = true;
		for (size_t i = 0; i < given; i++)
			k.answers[i] = "wrong";
		link_connect(&k);
		link_check_dead(&k, ERR_PEER, "refused User");
		assert_int_equal(k.asked, given < 2 ? given + 1 : 2);
		link_free(&k);
	}
}

static void asked_for_everything(void **state)
{
	struct link k;

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(ways); i++) {
		link_init(&k, 11, ways[i].auth);
		k.cfg.user = "";
		k.cfg.password = NULL;
		k.answers[0] = "User";
		k.answers[1] = "clientPass";
		link_connect(&k);
		link_check_up(&k, ways[i].name);
		assert_int_equal(k.asked, 2);
		assert_string_equal(k.prompt, "Password for User");
		link_free(&k);
	}
}

static void user_would_not(void **state)
{
	struct link k;

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(ways); i++) {
		link_init(&k, 12, ways[i].auth);
		k.cfg.password = NULL;
		link_connect(&k);
		link_check_dead(&k, ERR_CONFIG, "no password was given");
		link_free(&k);
		link_init(&k, 12, ways[i].auth);
		k.cfg.user = "";
		link_connect(&k);
		link_check_dead(&k, ERR_CONFIG, "no user name was given");
		link_free(&k);
	}
}

/* People take their time: the server asks again and again, the user only once. */
static void slow_user(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 13, SERVER_MSCHAPV2);
	k.cfg.password = NULL;
	k.answers[0] = "clientPass";
	k.think = 20000;
	link_connect(&k);
	link_check_up(&k, "MS-CHAPv2");
	assert_int_equal(k.asked, 1);
	link_free(&k);
}

/* Somebody has to confirm the login on a telephone: it is not asked for without an end, but awaited. */
static void slow_verdict(void **state)
{
	struct link k;

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(ways); i++) {
		link_init(&k, 15, ways[i].auth);
		k.server_cfg.verdict_ms = SECONDS(110);
		link_connect(&k);
		link_check_up(&k, ways[i].name);
		assert_int_equal(k.server.n_logins, ways[i].auth == SERVER_EAP_MD5 ? 1 : 10);
		link_free(&k);

		link_init(&k, 15, ways[i].auth);
		k.server_cfg.verdict_ms = SECONDS(600);
		link_start(&k);
		link_settle(&k, SECONDS(600));
		link_check_dead(&k, ERR_SILENT, "did not go on with the login by");
		assert_in_range(k.now - 1000000, SECONDS(120), SECONDS(121));
		link_free(&k);
	}
}

static void gateway_does_not_know_the_password(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 14, SERVER_MSCHAPV2);
	k.server_cfg.lies = true;
	link_connect(&k);
	link_check_dead(&k, ERR_AUTH, "did not prove that it knows the password of User");
	link_run(&k, 5000);
	assert_true(k.server.terminated);
	link_free(&k);
}

/* The server may challenge at any time; nothing else changes. */
static void challenged_again(void **state)
{
	static const enum server_auth both[] = { SERVER_CHAP, SERVER_MSCHAPV2 };
	struct link k;
	uint8_t value[17] = { 16, 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		link_init(&k, 15, both[i]);
		link_connect(&k);
		memcpy(k.server.challenge, value + 1, 16);
		k.server.chap_id = 77;
		k.server.refused = false;
		server_send(&k.server, PPP_CHAP, 1, 77, (struct bytes){ value, sizeof(value) });
		link_run(&k, 60000);
		link_check_up(&k, k.view.auth);
		assert_false(k.server.refused || k.server.down);
		link_free(&k);
	}
}

static void mppe(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 16, SERVER_MSCHAPV2);
	k.server_cfg.mppe = true;
	link_connect(&k);
	link_check_up(&k, "MS-CHAPv2");
	assert_true(k.server.rejected_ccp);
	link_free(&k);

	link_init(&k, 16, SERVER_MSCHAPV2);
	k.server_cfg.mppe = k.server_cfg.mppe_insists = true;
	k.wire.delay = 0;
	link_start(&k);
	link_settle(&k, 10);
	link_run(&k, 5000);
	link_check_dead(
		&k, ERR_PEER, "after it was refused MPPE encryption. It says \"MPPE required\"");
	link_free(&k);
}

static void unusable_addresses(void **state)
{
	static const struct {
		uint8_t ip[4];
		const char *words;
	} rows[] = {
		{ { 127, 0, 0, 1 }, "127.0.0.1, which is no address for a host" },
		{ { 224, 0, 0, 1 }, "224.0.0.1" },
		{ { 0, 1, 2, 3 }, "0.1.2.3" },
		{ { 0, 0, 0, 0 }, "assigned no address" },
	};
	struct link k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		link_init(&k, 17, SERVER_PAP);
		memcpy(k.server_cfg.address, rows[i].ip, 4);
		link_connect(&k);
		link_check_dead(&k, ERR_PEER, rows[i].words);
		link_free(&k);
	}
}

static void silence(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 18, SERVER_PAP);
	k.wire.cut = true;
	link_connect(&k);
	link_check_dead(&k, ERR_SILENT, "no answer to our LCP");
	assert_int_equal(k.wire.sent, 10); /* Max-Configure */
	assert_int_equal(k.now - 1000000, 250 + 500 + 1000 + 2000 + 6 * 3000);
	link_free(&k);
}

static void echoes(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 19, SERVER_PAP);
	link_connect(&k);
	link_run(&k, SECONDS(3600));
	link_check_up(&k, "PAP");
	k.wire.cut = true;
	uint64_t at = k.now;
	link_settle(&k, 1);
	while (k.view.phase == PPP_UP && k.now < at + SECONDS(600))
		link_run(&k, 1000);
	link_check_dead(&k, ERR_SILENT, "none of 10 LCP echo requests");
	assert_in_range(k.now - at, SECONDS(30), SECONDS(61));
	link_free(&k);
}

/* SoftEther: without a Magic-Number there is no number by which our own voice is known. */
static void echoes_copied(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 24, SERVER_PAP);
	k.server_cfg.no_magic = true;
	link_connect(&k);
	link_run(&k, SECONDS(3600));
	link_check_up(&k, "PAP");
	link_free(&k);
}

static void mute_server(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 20, SERVER_PAP);
	k.server_cfg.mute = true;
	link_connect(&k);
	link_run(&k, SECONDS(200));
	link_check_dead(&k, ERR_SILENT, "echo");
	link_free(&k);
}

static void both_ends_hang_up(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 21, SERVER_PAP);
	link_connect(&k);
	ppp_stop(k.ppp, k.now, &k.ob);
	link_run(&k, 500);
	assert_int_equal(k.view.phase, PPP_DEAD);
	assert_int_equal(k.view.failure.kind, ERR_NONE);
	assert_true(k.server.terminated);
	link_free(&k);

	link_init(&k, 21, SERVER_PAP);
	link_connect(&k);
	server_terminate(&k.server, "Idle \033timeout");
	link_run(&k, 500);
	link_check_dead(&k, ERR_PEER, "ended the PPP link. It says \"Idle ?timeout\"");
	assert_false(k.view.logging_in);
	link_free(&k);
}

/* Nobody hears that we go: it takes the tries of Max-Terminate, or a second word of ours. */
static void hanging_up_in_vain(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 22, SERVER_PAP);
	link_connect(&k);
	k.wire.cut = true;
	ppp_stop(k.ppp, k.now, &k.ob);
	link_run(&k, 600);
	assert_int_equal(k.view.phase, PPP_TERMINATE);
	link_run(&k, 200);
	assert_int_equal(k.view.phase, PPP_DEAD);
	assert_int_equal(k.view.failure.kind, ERR_NONE);
	link_free(&k);

	link_init(&k, 22, SERVER_PAP);
	link_start(&k);
	ppp_stop(k.ppp, k.now, &k.ob);
	ppp_stop(k.ppp, k.now, &k.ob);
	link_run(&k, 1);
	assert_int_equal(k.view.phase, PPP_DEAD);
	link_free(&k);
}

/* The server negotiates LCP anew. */
static void renegotiate(struct link *k)
{
	server_init(&k->server, &k->server_cfg, 99);
	k->server.lcp.id = 40;
	server_send(&k->server, PPP_LCP, 1, 41, (struct bytes){ "\x05\x06\x11\x22\x33\x44", 6 });
	link_run(k, 100);
	link_settle(k, 30000);
}

/* We are logged in again, and the network protocols come back. */
static void renegotiated(void **state)
{
	struct link k;

	(void)state;
	link_init(&k, 23, SERVER_MSCHAPV2);
	link_connect(&k);
	renegotiate(&k);
	link_check_up(&k, "MS-CHAPv2");
	link_free(&k);
}

/* As often as the server likes, but not without a rest. */
static void renegotiated_again_and_again(void **state)
{
	enum { TIMES = 40 };
	struct link k;

	(void)state;
	link_init(&k, 24, SERVER_MSCHAPV2);
	link_connect(&k);
	for (int i = 0; i < TIMES; i++) {
		link_run(&k, 3600 * 1000);
		renegotiate(&k);
		link_check_up(&k, "MS-CHAPv2");
	}
	for (int i = 0; i < TIMES && k.view.phase == PPP_UP; i++)
		renegotiate(&k);
	link_check_dead(&k, ERR_PEER, "do not come to terms in LCP");
	link_free(&k);
}

/* Over a bad network all of it still comes to a good end. Without duplicates: ESP lets none through. */
static void bad_network(void **state)
{
	struct link k;

	(void)state;
	for (uint32_t seed = 0; seed < 1000; seed++) {
		size_t way = seed % ARRAY_LEN(ways);
		link_init(&k, seed + 100, ways[way].auth);
		k.wire.loss = 20;
		/* EAP-MD5 takes a challenge that is late from an earlier negotiation for a refusal. */
		if (ways[way].auth != SERVER_EAP_MD5) {
			k.wire.reorder = 10;
			k.wire.jitter = 50;
		}
		k.cfg.ipv6 = k.server_cfg.ipv6 = seed & 1;
		k.server_cfg.mppe = seed & 2;
		link_connect(&k);
		if (k.view.phase != PPP_UP)
			fail_msg("seed %u, %s: %s", seed, ways[way].name, k.view.failure.text);
		link_check_up(&k, ways[way].name);
		link_free(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_log_in),
		cmocka_unit_test(what_the_server_says),
		cmocka_unit_test(like_windows),
		cmocka_unit_test(unwanted_ipv6),
		cmocka_unit_test(ipv6_alone),
		cmocka_unit_test(ipv6_alone_without_prefix),
		cmocka_unit_test(autoconfigured),
		cmocka_unit_test(advertised_late),
		cmocka_unit_test(prefix_runs_out),
		cmocka_unit_test(renumbered),
		cmocka_unit_test(steered),
		cmocka_unit_test(not_steered),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(failures_in_words),
		cmocka_unit_test(another_try),
		cmocka_unit_test(three_tries),
		cmocka_unit_test(asked_for_everything),
		cmocka_unit_test(user_would_not),
		cmocka_unit_test(slow_user),
		cmocka_unit_test(slow_verdict),
		cmocka_unit_test(gateway_does_not_know_the_password),
		cmocka_unit_test(challenged_again),
		cmocka_unit_test(mppe),
		cmocka_unit_test(unusable_addresses),
		cmocka_unit_test(silence),
		cmocka_unit_test(echoes),
		cmocka_unit_test(echoes_copied),
		cmocka_unit_test(mute_server),
		cmocka_unit_test(both_ends_hang_up),
		cmocka_unit_test(hanging_up_in_vain),
		cmocka_unit_test(renegotiated),
		cmocka_unit_test(renegotiated_again_and_again),
		cmocka_unit_test(bad_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
