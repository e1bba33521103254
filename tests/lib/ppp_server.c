#include "lib/ppp_server.h"

#include <stdio.h>

#include "base/names.h"
#include "base/types.h"
#include "crypto/prf.h"

enum {
	REQ = 1,
	ACK = 2,
	NAK = 3,
	REJ = 4,
	TERM_REQ = 5,
	TERM_ACK = 6,
	PROTO_REJ = 8,
	ECHO_REQ = 9,
	ECHO_REP = 10
};
enum { RESEND_MS = 3000, CHALLENGES_MAX = 10, MAGIC = 0x5e54e400 };

void server_preset(struct server_config *cfg, enum server_auth auth)
{
	*cfg = (struct server_config){ .offers = { auth },
		.user = "User",
		.password = "clientPass",
		.failure = "E=691 R=0 C=00112233445566778899aabbccddeeff V=3 M=Access denied",
		.address = { 10, 10, 1, 2 },
		.own = { 10, 10, 1, 1 },
		.dns = { { 10, 10, 1, 1 } },
		.advert = advert_preset() };
}

void server_init(struct server *s, const struct server_config *cfg, uint32_t seed)
{
	memset(s, 0, sizeof(*s));
	s->cfg = *cfg;
	s->seed = seed;
	s->lcp.protocol = PPP_LCP;
	s->ipcp.protocol = PPP_IPCP;
	s->ip6cp.protocol = PPP_IPV6CP;
	s->client_mru = PPP_MRU_DEFAULT;
	s->challenge_at = s->verdict_at = TIME_NEVER;
}

static void put(struct server *s, uint16_t protocol, struct bytes info)
{
	assert_true(s->n < SERVER_FRAMES);
	unsigned slot = (s->first + s->n++) % SERVER_FRAMES;
	struct wr w = wr_init(s->out[slot].data, SERVER_FRAME_MAX);

	if (protocol == PPP_LCP || !s->cfg.compress)
		wr_u16(&w, 0xff03);
	if (protocol < 0x100 && s->cfg.compress)
		wr_u8(&w, (uint8_t)protocol);
	else
		wr_u16(&w, protocol);
	wr_bytes(&w, info.p, info.n);
	assert_false(w.bad);
	s->out[slot].len = w.len;
}

void server_send(struct server *s, uint16_t protocol, uint8_t code, uint8_t id, struct bytes data)
{
	uint8_t room[SERVER_FRAME_MAX];
	struct wr w = wr_init(room, sizeof(room));

	wr_u8(&w, code);
	wr_u8(&w, id);
	wr_u16(&w, (uint16_t)(4 + data.n));
	wr_bytes(&w, data.p, data.n);
	put(s, protocol, (struct bytes){ room, w.len });
}

bool server_output(struct server *s, struct bytes *frame)
{
	if (s->n == 0)
		return false;
	*frame = (struct bytes){ s->out[s->first].data, s->out[s->first].len };
	s->first = (s->first + 1) % SERVER_FRAMES;
	s->n--;
	return true;
}

bool server_up(const struct server *s)
{
	return !s->down && s->ipcp.acked && s->ipcp.peer_acked;
}

/* --- our requests -------------------------------------------------------------------------------- */

static void option(struct wr *w, uint8_t type, const void *value, size_t n)
{
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(2 + n));
	wr_bytes(w, value, n);
}

static void auth_option(enum server_auth auth, struct wr *w)
{
	static const struct {
		size_t n;
		uint8_t value[3];
	} values[] = {
		[SERVER_PAP] = { 2, { 0xc0, 0x23 } },
		[SERVER_CHAP] = { 3, { 0xc2, 0x23, 5 } },
		[SERVER_MSCHAPV2] = { 3, { 0xc2, 0x23, 0x81 } },
		[SERVER_EAP_MD5] = { 2, { 0xc2, 0x27 } },
		[SERVER_MSCHAPV1] = { 3, { 0xc2, 0x23, 0x80 } },
		[SERVER_EAP_PEAP] = { 2, { 0xc2, 0x27 } },
	};

	if (auth != SERVER_NONE)
		option(w, 3, values[auth].value, values[auth].n);
}

/* Callback (RFC 1570), MRRU and Endpoint Discriminator (RFC 1990) */
static const uint8_t extras[] = { 13, 3, 6, 17, 4, 0x06, 0x4e, 19, 9, 3, 2, 0, 0, 0, 0, 1 };

static void request(struct server *s, struct server_cp *c)
{
	static const uint8_t id[8] = { 2, 0, 0, 0, 0, 0, 0, 9 };
	uint8_t room[64], magic[4] = { 0x5e, 0x54, 0xe4, 1 };
	struct wr w = wr_init(room, sizeof(room));

	if (c == &s->lcp) {
		uint8_t mru[2] = { (uint8_t)(s->cfg.mru >> 8), (uint8_t)s->cfg.mru };
		if (s->cfg.mru)
			option(&w, 1, mru, 2);
		option(&w, 2, "\0\0\0\0", 4);
		auth_option(s->cfg.offers[s->offer], &w);
		option(&w, 5, magic, 4);
		if (s->cfg.compress) {
			option(&w, 7, NULL, 0);
			option(&w, 8, NULL, 0);
		}
		if (s->cfg.extras && !s->rejected_extras)
			wr_bytes(&w, extras, sizeof(extras));
	} else if (c == &s->ipcp) {
		option(&w, 3, s->cfg.own, 4);
	} else {
		option(&w, 1, id, 8);
	}
	c->running = true;
	c->acked = false;
	c->resend = s->now + RESEND_MS;
	server_send(s, c->protocol, REQ, c->id, (struct bytes){ room, w.len });
}

static void restart(struct server *s, struct server_cp *c)
{
	c->id++;
	request(s, c);
}

/* --- logging in ------------------------------------------------------------------------------------ */

static void network(struct server *s)
{
	static const uint8_t mppe[] = { 18, 6, 1, 0, 0, 0x60 };

	s->logged_in = true;
	s->challenge_at = TIME_NEVER;
	if (s->cfg.mppe)
		server_send(s, PPP_CCP, REQ, 1, (struct bytes){ mppe, sizeof(mppe) });
	restart(s, &s->ipcp);
	if (s->cfg.ipv6)
		restart(s, &s->ip6cp);
}

void server_terminate(struct server *s, const char *why)
{
	s->down = true;
	server_send(s, PPP_LCP, TERM_REQ, 99, (struct bytes){ why, strlen(why) });
}

static void challenge(struct server *s)
{
	uint8_t value[32];
	struct wr w = wr_init(value, sizeof(value));

	if (++s->challenges > CHALLENGES_MAX) {
		server_terminate(s, "no answer");
		return;
	}
	s->challenge_at = s->now + RESEND_MS;
	if (s->cfg.offers[s->offer] == SERVER_EAP_PEAP) {
		server_send(s, PPP_EAP, 1, s->chap_id, (struct bytes){ "\x19\x20", 2 });
		return;
	}
	if (s->cfg.offers[s->offer] == SERVER_EAP_MD5)
		wr_u8(&w, EAP_MD5);
	wr_u8(&w, 16);
	wr_bytes(&w, s->challenge, 16);
	wr_bytes(&w, "lns", 3);
	server_send(s, s->cfg.offers[s->offer] == SERVER_EAP_MD5 ? PPP_EAP : PPP_CHAP, 1,
		s->chap_id, (struct bytes){ value, w.len });
}

static void authenticate(struct server *s)
{
	struct rng rng;
	uint8_t seed[RNG_SEED_LEN] = { (uint8_t)s->seed, (uint8_t)(s->seed >> 8),
		(uint8_t)(s->chap_id + 1) };

	if (s->cfg.offers[s->offer] == SERVER_NONE) {
		network(s);
		return;
	}
	rng_seed(&rng, seed);
	rng_fill(&rng, s->challenge, sizeof(s->challenge));
	s->chap_id++;
	s->challenges = 0;
	s->logged_in = false;
	if (s->cfg.offers[s->offer] != SERVER_PAP)
		challenge(s);
}

static bool user_is(struct server *s, struct bytes name)
{
	return name.n == strlen(s->cfg.user) && memcmp(name.p, s->cfg.user, name.n) == 0;
}

static bool md5_good(struct server *s, uint8_t id, const uint8_t *hash, struct bytes name)
{
	uint8_t want[DIGEST_MAX];
	struct bytes parts[] = { { &id, 1 }, BYTES(s->cfg.password), { s->challenge, 16 } };
	struct err e;
	size_t n;

	assert_ok(&e, digest("MD5", parts, 3, want, &n, &e));
	return hash && memcmp(hash, want, 16) == 0 && user_is(s, name);
}

static void verdict(struct server *s, bool good, const char *text, uint8_t id)
{
	bool eap = s->cfg.offers[s->offer] == SERVER_EAP_MD5 ||
		s->cfg.offers[s->offer] == SERVER_EAP_PEAP;

	s->challenge_at = TIME_NEVER;
	server_send(s, eap ? PPP_EAP : PPP_CHAP, good ? 3 : 4, id, eap ? BYTES("") : BYTES(text));
	if (good && !s->logged_in)
		network(s);
	if (!good && !s->cfg.retry) {
		s->refused = true;
		server_terminate(s, "Authentication failed");
	}
}

static void mschapv2(struct server *s, uint8_t id, struct rd value, struct bytes name)
{
	struct passphrase password;
	struct mschap m;
	struct err e;
	char text[80];
	const uint8_t *peer = rd_bytes(&value, 16);

	assert_true(passphrase_set(&password, s->cfg.password, strlen(s->cfg.password)));
	rd_bytes(&value, 8);
	const uint8_t *response = rd_bytes(&value, 24);
	assert_non_null(response);
	assert_ok(&e, mschap_compute(s->challenge, peer, s->cfg.user, &password, &m, &e));
	bool good = memcmp(response, m.nt_response, 24) == 0 && user_is(s, name);
	if (s->cfg.lies)
		m.authenticator[10] ^= 1;
	snprintf(text, sizeof(text), "%s M=Welcome", m.authenticator);
	if (!good && s->cfg.retry) {
		test_hex("00112233445566778899aabbccddeeff", s->challenge, 16);
		s->chap_id = (uint8_t)(id + 1);
	}
	verdict(s, good, good ? text : s->cfg.failure, id);
}

static void chap_input(struct server *s, uint8_t code, uint8_t id, struct rd data)
{
	size_t size = rd_u8(&data);
	struct rd value = rd_sub(&data, size);
	struct bytes name = { data.p, data.left };

	if (code != 2 || id != s->chap_id || value.bad)
		return;
	if (s->cfg.offers[s->offer] == SERVER_MSCHAPV2)
		mschapv2(s, id, value, name);
	else
		verdict(s, md5_good(s, id, value.p, name),
			md5_good(s, id, value.p, name) ? "" : s->cfg.failure, id);
}

static void eap_packet(struct server *s, uint8_t code, uint8_t id, struct rd data)
{
	uint8_t type = rd_u8(&data);

	if (code == 2 && id == s->chap_id && type == EAP_NAK)
		verdict(s, false, "", id);
	if (code != 2 || id != s->chap_id || type != EAP_MD5)
		return;
	size_t size = rd_u8(&data);
	struct rd value = rd_sub(&data, size);
	verdict(s, size == 16 && md5_good(s, id, value.p, (struct bytes){ data.p, data.left }), "",
		id);
}

static void pap_input(struct server *s, uint8_t code, uint8_t id, struct rd data)
{
	size_t n = rd_u8(&data);
	struct rd user = rd_sub(&data, n);
	n = rd_u8(&data);
	struct rd password = rd_sub(&data, n);

	if (code != 1 || data.bad)
		return;
	bool good = user_is(s, (struct bytes){ user.p, user.left }) &&
		password.left == strlen(s->cfg.password) &&
		memcmp(password.p, s->cfg.password, password.left) == 0;
	server_send(s, PPP_PAP, good ? 2 : 3, id,
		good ? (struct bytes){ "\0", 1 } : (struct bytes){ "\4nope", 5 });
	if (good && !s->logged_in)
		network(s);
	if (!good) {
		s->refused = true;
		server_terminate(s, "Authentication failed");
	}
}

/* --- the client's requests --------------------------------------------------------------------------- */

/* Wants another value than what was asked for? Then it goes into nak. */
static void judge_address(struct wr *nak, uint8_t type, struct rd value, const uint8_t want[4])
{
	const uint8_t *asked = rd_bytes(&value, 4);

	if (!asked || memcmp(asked, want, 4) != 0)
		option(nak, type, want, 4);
}

static void judge(struct server *s, struct server_cp *c, uint8_t type, struct rd value,
	struct wr *nak, struct wr *rej)
{
	static const uint8_t none[4];

	if (c == &s->lcp && type == 1)
		s->client_mru = rd_u16(&value);
	if (c == &s->lcp && type == 5 && s->cfg.no_magic)
		option(rej, type, value.p, value.left);
	if (c == &s->lcp)
		return;
	if (c == &s->ip6cp)
		rd_copy(&value, s->client_id, 8);
	else if (type == 3)
		judge_address(nak, type, value, s->cfg.address);
	else if (type == 129)
		judge_address(nak, type, value, s->cfg.dns[0]);
	else if (type == 131 && memcmp(s->cfg.dns[1], none, 4) != 0)
		judge_address(nak, type, value, s->cfg.dns[1]);
	else if (type == 130 && s->cfg.wins)
		judge_address(nak, type, value, s->cfg.own);
	else
		option(rej, type, value.p, value.left);
}

static void opened(struct server *s, struct server_cp *c)
{
	if (c == &s->lcp && c->acked && c->peer_acked)
		authenticate(s);
}

/* It was open and begins anew: what stands on it goes. */
static void reopened(struct server *s, struct server_cp *c)
{
	if (c == &s->lcp) {
		s->logged_in = false;
		s->challenge_at = TIME_NEVER;
		s->ipcp.running = s->ipcp.acked = s->ipcp.peer_acked = false;
		s->ip6cp.running = s->ip6cp.acked = s->ip6cp.peer_acked = false;
	}
	restart(s, c);
}

void server_restart(struct server *s)
{
	s->lcp.peer_acked = false;
	reopened(s, &s->lcp);
}

static void recv_request(struct server *s, struct server_cp *c, uint8_t id, struct rd data)
{
	uint8_t nak_room[128], rej_room[128];
	struct wr nak = wr_init(nak_room, sizeof(nak_room)),
		  rej = wr_init(rej_room, sizeof(rej_room));
	struct bytes whole = { data.p, data.left };
	bool was = c->peer_acked;

	if (c != &s->lcp && !s->logged_in)
		return;
	while (data.left > 0) {
		uint8_t type = rd_u8(&data);
		struct rd value = rd_sub(&data, rd_u8(&data) - 2u);
		assert_false(data.bad);
		judge(s, c, type, value, &nak, &rej);
	}
	if (!c->running)
		restart(s, c);
	else if (c->acked && was)
		reopened(s, c);
	c->peer_acked = rej.len == 0 && nak.len == 0;
	if (rej.len > 0)
		server_send(s, c->protocol, REJ, id, (struct bytes){ rej_room, rej.len });
	else if (nak.len > 0)
		server_send(s, c->protocol, NAK, id, (struct bytes){ nak_room, nak.len });
	else
		server_send(s, c->protocol, ACK, id, whole);
	if (c->peer_acked)
		opened(s, c);
}

/* The client would rather log in by something else (LCP), or by nothing that we have. */
static void recv_nak(struct server *s, struct server_cp *c)
{
	if (c == &s->lcp &&
		(s->cfg.stubborn || s->offer + 1 >= ARRAY_LEN(s->cfg.offers) ||
			s->cfg.offers[s->offer + 1] == SERVER_NONE)) {
		if (!s->cfg.stubborn)
			server_terminate(s, "authentication not agreed on");
		else
			restart(s, c);
		return;
	}
	if (c == &s->lcp)
		s->offer++;
	restart(s, c);
}

static void cp_input(
	struct server *s, struct server_cp *c, uint8_t code, uint8_t id, struct rd data)
{
	if (code == REQ) {
		recv_request(s, c, id, data);
	} else if (code == ACK && id == c->id && !c->acked) {
		c->acked = true;
		opened(s, c);
	} else if (code == NAK && id == c->id && !c->acked) {
		recv_nak(s, c);
	} else if (code == REJ && id == c->id && !c->acked && c == &s->lcp && s->cfg.extras) {
		assert_int_equal(data.left, sizeof(extras)); /* these, and nothing else */
		assert_memory_equal(data.p, extras, sizeof(extras));
		s->rejected_extras = true;
		restart(s, c);
	} else if (code == REJ && id == c->id && !c->acked && c == &s->lcp) {
		server_terminate(s, "authentication rejected");
	} else if (code == TERM_REQ && !s->cfg.deaf_to_end) {
		s->terminated = s->down = true;
		server_send(s, c->protocol, TERM_ACK, id, BYTES(""));
	} else if (code == ECHO_REQ && c == &s->lcp && !s->cfg.mute) {
		server_send(s, PPP_LCP, ECHO_REP, id,
			s->cfg.no_magic ? (struct bytes){ data.p, data.left } :
					  (struct bytes){ "\x5e\x54\xe4\x01", 4 });
	} else if (code == PROTO_REJ && c == &s->lcp && rd_u16(&data) == PPP_CCP) {
		s->rejected_ccp = true;
		if (s->cfg.mppe_insists)
			server_terminate(s, "MPPE required");
	}
}

void server_advertise(struct server *s)
{
	uint8_t packet[ADVERT_MAX];
	size_t n = advert_write(&s->cfg.advert, packet);

	put(s, PPP_IPV6, (struct bytes){ packet, n });
}

/* A router solicitation. */
static void packet_input(struct server *s, struct bytes info)
{
	const uint8_t *p = info.p;

	if (!s->ip6cp.acked || !s->ip6cp.peer_acked)
		return; /* the client's acknowledgement was lost */
	assert_int_equal(info.n, RA_SOLICITATION_LEN);
	assert_int_equal(p[40], 133);
	assert_memory_equal(p + 16, s->client_id, sizeof(s->client_id));
	s->solicited++;
	if (s->cfg.advertises)
		server_advertise(s);
}

static void login_input(struct server *s, struct bytes frame)
{
	uint16_t protocol;
	struct bytes info;

	assert_true(ppp_read_frame(frame, &protocol, &info));
	struct rd r = rd_init(info.p, info.n);
	uint8_t code = rd_u8(&r), id = rd_u8(&r);
	rd_u16(&r);
	if (protocol == PPP_CHAP)
		chap_input(s, code, id, r);
	else if (protocol == PPP_PAP)
		pap_input(s, code, id, r);
	else if (protocol == PPP_EAP)
		eap_packet(s, code, id, r);
}

static void login_keep(struct server *s, struct bytes frame)
{
	s->challenge_at = TIME_NEVER;
	if (s->n_logins++ > 0)
		return;
	assert_true(frame.n <= sizeof(s->login));
	memcpy(s->login, frame.p, frame.n);
	s->login_len = frame.n;
	s->verdict_at = s->now + s->cfg.verdict_ms;
}

void server_input(struct server *s, uint64_t now, struct bytes frame)
{
	uint16_t protocol;
	struct bytes info;

	s->now = now;
	if (!ppp_read_frame(frame, &protocol, &info))
		fail_msg("a frame without a protocol");
	if (protocol == PPP_IPV6) {
		packet_input(s, info);
		return;
	}
	struct rd r = rd_init(info.p, info.n);
	uint8_t code = rd_u8(&r), id = rd_u8(&r);
	uint16_t len = rd_u16(&r);
	assert_true(!r.bad && len == info.n);
	if (s->down && code != TERM_REQ)
		return;
	if (protocol == PPP_LCP)
		cp_input(s, &s->lcp, code, id, r);
	else if (protocol == PPP_IPCP)
		cp_input(s, &s->ipcp, code, id, r);
	else if (protocol == PPP_IPV6CP)
		cp_input(s, &s->ip6cp, code, id, r);
	else if (!s->lcp.acked || !s->lcp.peer_acked)
		return; /* too early to log in */
	else if (s->cfg.verdict_ms > 0)
		login_keep(s, frame);
	else
		login_input(s, frame);
}

static bool unsettled(const struct server_cp *c)
{
	return c->running && !(c->acked && c->peer_acked);
}

void server_tick(struct server *s, uint64_t now)
{
	struct server_cp *all[] = { &s->lcp, &s->ipcp, &s->ip6cp };

	s->now = now;
	if (s->down)
		return;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (unsettled(all[i]) && now >= all[i]->resend)
			request(s, all[i]);
	if (now >= s->challenge_at)
		challenge(s);
	if (now >= s->verdict_at) {
		s->verdict_at = TIME_NEVER;
		login_input(s, (struct bytes){ s->login, s->login_len });
	}
}

uint64_t server_deadline(const struct server *s)
{
	const struct server_cp *all[] = { &s->lcp, &s->ipcp, &s->ip6cp };
	uint64_t at = s->challenge_at;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (unsettled(all[i]) && all[i]->resend < at)
			at = all[i]->resend;
	at = s->verdict_at < at ? s->verdict_at : at;
	return s->down ? TIME_NEVER : at;
}
