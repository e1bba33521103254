#include "script.h"

#include <stdio.h>

#include "base/names.h"

static size_t quoted(const char **spec, uint8_t *out, size_t room)
{
	const char *text = *spec + 1;
	size_t n = strcspn(text, "'");

	assert_true(n <= room && text[n] == '\'');
	memcpy(out, text, n);
	*spec = text + n + 1;
	return n;
}

size_t script_octets(const char *spec, uint8_t *out, size_t cap)
{
	size_t n = 0, at[2] = { 0 }, lengths = 0;

	while (*spec) {
		char pair[3] = { spec[0], spec[1], 0 };
		if (*spec == ' ') {
			spec++;
		} else if (*spec == '\'') {
			n += quoted(&spec, out + n, cap - n);
		} else if (*spec == '@') {
			assert_true(lengths < 2 && cap - n >= 2);
			at[lengths++] = n;
			n += 2;
			spec++;
		} else {
			n += test_hex(pair, out + n, cap - n);
			spec += 2;
		}
	}
	for (size_t i = 0; i < lengths; i++) {
		size_t len = i == 0 ? n : n - 5;
		out[at[i]] = (uint8_t)(len >> 8);
		out[at[i] + 1] = (uint8_t)len;
	}
	return n;
}

void peer_start(
	struct peer *p, const char *user, const char *password, const char *methods, bool sequence)
{
	char words[64];
	struct err e;

	memset(p, 0, sizeof(*p));
	p->config =
		(struct eap_config){ .user = user, .methods = p->methods, .sequence = sequence };
	if (password) {
		assert_true(passphrase_set(&p->password, password, strlen(password)));
		p->config.password = &p->password;
	}
	snprintf(words, sizeof(words), "%s", methods ? methods : "mschapv2 gtc md5");
	for (char *rest = words, *word; (word = strsep(&rest, " "));)
		p->methods[p->config.n_methods++] = eap_type_by_name(word);
	for (size_t i = 0; i < RNG_POOL_LEN; i += 16)
		test_hex(PEER_CHALLENGE, p->rng.pool + i, 16);
	p->rng.left = RNG_POOL_LEN;
	p->eap = eap_new(&p->config, &p->rng, &e);
	if (!p->eap)
		fail_msg("%s", e.text);
}

void peer_stop(struct peer *p)
{
	eap_free(p->eap);
}

static void check_out(const char *where, const struct line *l, const struct eap_result *r)
{
	uint8_t want[EAP_PACKET_MAX];
	char got_text[2 * EAP_PACKET_MAX + 1], want_text[2 * EAP_PACKET_MAX + 1];

	if (!l->out[0])
		return;
	size_t n = script_octets(l->out, want, sizeof(want));
	if (n != r->len || memcmp(want, r->out, n) != 0)
		fail_msg("%s: sent %s, wanted %s", where,
			text_hex(got_text, sizeof(got_text), r->out, r->len),
			text_hex(want_text, sizeof(want_text), want, n));
}

static void check_line(const char *where, const struct line *l, const struct eap_result *r)
{
	const char *said = r->err.kind == ERR_NONE ? r->notice : r->err.text;

	if (r->verdict != l->verdict || r->err.kind != l->err)
		fail_msg("%s: verdict %d, error %d: %s; wanted %d, %d", where, r->verdict,
			r->err.kind, said, l->verdict, l->err);
	if (l->words ? !strstr(said, l->words) : r->notice[0] != 0)
		fail_msg("%s: said \"%s\", wanted \"%s\"", where, said, l->words ? l->words : "");
	if (r->verdict == EAP_V_SEND)
		check_out(where, l, r);
	else if (r->len != 0)
		fail_msg("%s: %zu octets to send with verdict %d", where, r->len, r->verdict);
	if (r->verdict == EAP_V_ASK &&
		(r->ask.kind != l->kind || strcmp(r->ask.prompt, l->out) != 0))
		fail_msg("%s: asks %d \"%s\"", where, r->ask.kind, r->ask.prompt);
}

void script_run(const struct script *s)
{
	struct peer p;
	struct eap_result r;
	bool success = false;

	peer_start(&p, s->user, s->password, s->methods, s->sequence);
	for (size_t i = 0; i < SCRIPT_LINES; i++) {
		const struct line *l = &s->lines[i];
		char where[128];
		if (!l->in && !l->answer && l->verdict == EAP_V_IGNORE)
			break;
		snprintf(where, sizeof(where), "%s, line %zu", s->name, i + 1);
		memset(&r, 0x55, sizeof(r));
		if (l->in) {
			uint8_t in[2 * EAP_PACKET_MAX];
			size_t n = script_octets(l->in, in, sizeof(in));
			eap_input(p.eap, (struct bytes){ in, n }, &r);
		} else {
			struct passphrase text;
			assert_true(passphrase_set(&text, l->answer ? l->answer : "",
				l->answer ? strlen(l->answer) : 0));
			eap_answer(p.eap, l->answer ? &text : NULL, &r);
		}
		check_line(where, l, &r);
		success = success || r.verdict == EAP_V_SUCCESS;
	}
	if ((success && s->msk) != (eap_msk(p.eap) != NULL))
		fail_msg("%s: %s key", s->name, s->msk ? "no" : "an unexpected");
	peer_stop(&p);
}
