/*
 * Good conversations, damaged at random: packets with octets changed, cut, grown, left out, repeated,
 * exchanged. Whatever comes, the peer may say success only when the gateway has given its proof (or,
 * where the method has none, when the peer has answered it) and then said EAP-Success.
 */
#include "script.h"

#include <stdio.h>
#include <strings.h>

#include "base/types.h"

enum { ROUNDS = 20000, PACKETS_MAX = 12, PACKET_CAP = 256 };

struct packet {
	size_t len;
	uint8_t data[PACKET_CAP];
};

struct conversation {
	size_t n;
	struct packet packets[PACKETS_MAX];
};

static const struct recorded {
	const char *methods;
	bool sequence;
	const char *packets[6];
} recorded[] = {
	{ "mschapv2", false, { IDENTITY_REQUEST, CHALLENGE, PROVED, "03 06 @" } },
	{ "mschapv2", true,
		{ CHALLENGE, "01 06 @ 1a 04 05 @ 'E=691 R=1 '" FAILED_CHALLENGE "' V=3 M=x'",
			"01 07 @ 1a 03 06 @" PROOF "' M=ok'", "01 08 @ 02 'hello'", "03 08 @" } },
	{ "md5", false,
		{ IDENTITY_REQUEST, "01 07 @ 04 10 000102030405060708090a0b0c0d0e0f", "03 07 @" } },
	{ "gtc", false,
		{ IDENTITY_REQUEST, "01 02 @ 06 'Password'", "01 03 @ 06 'Code'", "03 03 @" } },
	{ "mschapv2 gtc", true,
		{ IDENTITY_REQUEST, CHALLENGE, PROVED, "01 07 @ 06 'Token'", "03 07 0004 06" } },
};

static void load(struct conversation *c, const struct recorded *from)
{
	c->n = 0;
	for (size_t i = 0; i < ARRAY_LEN(from->packets) && from->packets[i]; i++, c->n++)
		c->packets[i].len = script_octets(from->packets[i], c->packets[i].data, PACKET_CAP);
}

static void damage_packet(struct packet *p, struct rng *rng)
{
	if (p->len == 0)
		return;
	switch (rng_below(rng, 4)) {
	case 0:
		p->data[rng_below(rng, (uint32_t)p->len)] ^= (uint8_t)(1 << rng_below(rng, 8));
		break;
	case 1:
		rng_fill(rng, p->data + rng_below(rng, (uint32_t)p->len), 1);
		break;
	case 2:
		p->len = rng_below(rng, (uint32_t)p->len);
		break;
	default:
		if (p->len < PACKET_CAP)
			rng_fill(rng, p->data + p->len++, 1);
	}
}

static void damage(struct conversation *c, struct rng *rng)
{
	size_t i = rng_below(rng, (uint32_t)c->n), k = rng_below(rng, (uint32_t)c->n);
	struct packet spare = c->packets[i];

	switch (rng_below(rng, 6)) {
	case 0: /* left out */
		if (c->n < 2)
			break;
		c->n--;
		memmove(&c->packets[i], &c->packets[i + 1], (c->n - i) * sizeof(spare));
		break;
	case 1: /* repeated, somewhere */
		if (c->n == PACKETS_MAX)
			break;
		memmove(&c->packets[k + 1], &c->packets[k], (c->n - k) * sizeof(spare));
		c->packets[k] = spare;
		c->n++;
		break;
	case 2: /* exchanged */
		c->packets[i] = c->packets[k];
		c->packets[k] = spare;
		break;
	default:
		damage_packet(&c->packets[i], rng);
	}
}

static bool has_text(const uint8_t *data, size_t n, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i + len <= n; i++)
		if (strncasecmp((const char *)data + i, text, len) == 0)
			return true;
	return false;
}

/* What the test knows of the conversation without asking the peer. */
struct seen {
	bool genuine; /* the last MSCHAPv2 Response was that to the genuine challenge */
	bool proof; /* and the genuine proof came after it */
	bool answered; /* a method that has no proof was answered */
};

static void see(struct seen *s, const struct packet *in, const struct eap_result *r)
{
	static const char proof[] = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
	uint8_t nt[24];

	test_hex(NT_RESPONSE, nt, sizeof(nt));
	if (r->verdict != EAP_V_SEND)
		return;
	if (in->data[0] == EAP_REQUEST && has_text(in->data, in->len, proof) && s->genuine)
		s->proof = true;
	if (r->out[4] == EAP_MSCHAPV2 && r->out[5] == 2)
		s->genuine = r->len > 58 && memcmp(r->out + 34, nt, sizeof(nt)) == 0;
	if (r->out[4] == EAP_MD5 || r->out[4] == EAP_GTC)
		s->answered = true;
}

static unsigned play(const struct recorded *from, const struct conversation *c)
{
	struct seen seen = { 0 };
	struct passphrase text;
	struct eap_result r;
	struct peer p;
	unsigned successes = 0;

	assert_true(passphrase_set(&text, "clientPass", 10));
	peer_start(&p, "User", "clientPass", from->methods, from->sequence);
	for (size_t i = 0; i < c->n; i++) {
		const struct packet *in = &c->packets[i];
		eap_input(p.eap, (struct bytes){ in->data, in->len }, &r);
		for (unsigned asked = 0; r.verdict == EAP_V_ASK; asked++) {
			assert_true(asked < 2);
			eap_answer(p.eap, &text, &r);
		}
		assert_true(r.verdict != EAP_V_FAILURE || r.err.kind != ERR_NONE);
		assert_true(r.err.kind != ERR_BUG && r.err.kind != ERR_LOCAL);
		assert_true((r.verdict == EAP_V_SEND) == (r.len >= 5));
		if (r.verdict == EAP_V_SUCCESS) {
			assert_true(in->data[0] == EAP_SUCCESS && ++successes == 1);
			assert_true(seen.proof || seen.answered);
		}
		see(&seen, in, &r);
	}
	peer_stop(&p);
	return successes;
}

static void undamaged(void **state)
{
	struct conversation c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		load(&c, &recorded[i]);
		assert_int_equal(play(&recorded[i], &c), 1);
	}
}

static void damaged(void **state)
{
	static const uint8_t seed[RNG_SEED_LEN] = "EAP, and then it all went wrong";
	struct conversation c;
	struct rng rng;
	unsigned successes = 0, rounds = ROUNDS / test_step(4);

	(void)state;
	rng_seed(&rng, seed);
	for (unsigned i = 0; i < rounds; i++) {
		const struct recorded *from = &recorded[rng_below(&rng, ARRAY_LEN(recorded))];
		load(&c, from);
		for (uint32_t n = 1 + rng_below(&rng, 3); n > 0; n--)
			damage(&c, &rng);
		successes += play(from, &c);
	}
	/* Some damage does no harm (a name, padding, a repetition), most does. */
	assert_in_range(successes, rounds / 50, rounds / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undamaged),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
