#include "ike/prop.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"

enum { NAMES_MAX = 127 };

static bool in_place(const struct alg *a, enum protocol_id proto)
{
	switch (a->type) {
	case TRANSFORM_ENCR:
	case TRANSFORM_INTEG:
	case TRANSFORM_KE:
		return true;
	case TRANSFORM_PRF:
		return proto == PROTO_IKE;
	case TRANSFORM_ESN:
		return proto == PROTO_ESP;
	}
	return false;
}

static enum tier alg_tier(const struct alg *a, enum protocol_id proto)
{
	return proto == PROTO_IKE ? a->ike_tier : a->esp_tier;
}

static bool holds(const struct proposal *p, const struct alg *a)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->algs[i] == a)
			return true;
	return false;
}

static bool holds_type(const struct proposal *p, enum transform_type type)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->algs[i]->type == type)
			return true;
	return false;
}

static bool add(struct proposal *p, const struct alg *a)
{
	if (holds(p, a))
		return true;
	if (p->n == PROPOSAL_ALGS_MAX)
		return false;
	p->algs[p->n++] = a;
	return true;
}

bool prop_holds_addke(const struct proposal *p, size_t no, const struct alg *a)
{
	for (size_t i = 0; i < p->n_addke; i++)
		if (p->addke[i] == a && p->addke_no[i] == no)
			return true;
	return false;
}

static bool add_addke(struct proposal *p, size_t no, const struct alg *a)
{
	if (prop_holds_addke(p, no, a))
		return true;
	if (p->n_addke == PROPOSAL_ADDKE_MAX)
		return false;
	p->addke[p->n_addke] = a;
	p->addke_no[p->n_addke++] = (uint8_t)no;
	return true;
}

/* The only group, or NULL: there are none or several. */
static const struct alg *only_ke(const struct proposal *p)
{
	const struct alg *found = NULL;

	for (size_t i = 0; i < p->n; i++) {
		if (p->algs[i]->type != TRANSFORM_KE)
			continue;
		if (found)
			return NULL;
		found = p->algs[i];
	}
	return found;
}

static const struct alg *only_addke(const struct proposal *p, size_t no)
{
	const struct alg *found = NULL;

	for (size_t i = 0; i < p->n_addke; i++) {
		if (p->addke_no[i] != no)
			continue;
		if (found)
			return NULL;
		found = p->addke[i];
	}
	return found;
}

bool prop_addke_optional(const struct proposal *p, size_t no)
{
	bool listed = false;

	for (size_t i = 0; i < p->n_addke; i++)
		listed = listed || p->addke_no[i] == no;
	return !listed || prop_holds_addke(p, no, &alg_ke_none);
}

bool prop_addke(const struct proposals *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].n_addke > 0)
			return true;
	return false;
}

bool prop_addke_always(const struct proposals *p)
{
	for (size_t i = 0; i < p->n; i++) {
		bool always = false;
		for (size_t no = 0; no < ADDKE_MAX; no++)
			always = always || !prop_addke_optional(&p->v[i], no);
		if (!always)
			return false;
	}
	return p->n > 0;
}

bool prop_offers(const struct proposals *p, const struct alg *a)
{
	for (size_t i = 0; i < p->n; i++)
		if (holds(&p->v[i], a))
			return true;
	return false;
}

const struct alg *prop_first_ke(const struct proposals *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->v[i].n; j++)
			if (p->v[i].algs[j]->type == TRANSFORM_KE)
				return p->v[i].algs[j];
	return NULL;
}

/* The defaults, in the notation of profiles: one AEAD and one CBC proposal a tier, since an AEAD may
 * not stand beside integrity algorithms (RFC 7296 section 3.3). */
static const struct {
	enum protocol_id proto;
	enum tier tier;
	const char *text;
} defaults[] = {
	{ PROTO_IKE, TIER_DEFAULT,
		"aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-"
		"x25519-ecp256-ecp384-ecp521-modp3072-modp2048-modp4096" },
	{ PROTO_IKE, TIER_DEFAULT,
		"aes256-aes128-sha256-sha384-sha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048-modp4096" },
	{ PROTO_IKE, TIER_COMPAT, "aes256-aes128-sha1-ecp256-ecp384-modp2048" },
	{ PROTO_ESP, TIER_DEFAULT, "aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn" },
	{ PROTO_ESP, TIER_DEFAULT, "aes256-aes128-sha256-sha512-esn-noesn" },
	{ PROTO_ESP, TIER_COMPAT, "aes256-aes128-sha1-noesn" },
	{ PROTO_ESP, TIER_LEGACY, "3des-sha1-noesn" },
};

static bool unknown_word(const char *word, enum protocol_id proto, struct err *e)
{
	const char *names[NAMES_MAX + 1], *near;
	const struct alg *a;
	size_t n = 0;

	/* The plain ones first: "aes" is no AEAD. */
	for (int aead = 0; aead <= 1; aead++)
		for (size_t i = 0; (a = alg_row(i)) && n < NAMES_MAX; i++)
			if (a->aead == aead && in_place(a, proto))
				names[n++] = a->name;
	names[n] = NULL;
	near = name_nearest(names, word);
	if (near)
		return err_set(e, ERR_CONFIG, "no algorithm is called \"%s\", did you mean %s?",
			word, near);
	return err_set(e, ERR_CONFIG,
		"no algorithm is called \"%s\" (aes256, sha256, x25519 are some)", word);
}

/* Appends one problem to those found before. */
static void add_problem(struct err *all, const struct err *one)
{
	if (all->kind == ERR_NONE)
		*all = *one;
	else if (!strstr(all->text, one->text))
		snprintf(all->text + strlen(all->text), sizeof(all->text) - strlen(all->text),
			"; %s", one->text);
}

static bool without_problems(const struct err *all, struct err *e)
{
	return all->kind == ERR_NONE || err_set(e, all->kind, "%s", all->text);
}

static bool too_many(size_t most, struct err *e)
{
	return err_set(e, ERR_CONFIG, "a proposal holds at most %zu algorithms", most);
}

/* Of the right place for its tier, and there. False with e empty: it is left out. */
static bool may_offer(const struct alg *a, enum protocol_id proto, enum tier tier, const char *word,
	bool strict, struct err *e)
{
	err_clear(e);
	if (!in_place(a, proto))
		return err_set(e, ERR_CONFIG, "%s has no place in an %s proposal", word,
			proto == PROTO_IKE ? "IKE" : "ESP");
	if (alg_tier(a, proto) > tier)
		return err_set(e, ERR_CONFIG, "%s is weak: it needs connection.security = %s", word,
			tier_name(alg_tier(a, proto)));
	if (!alg_usable(a) && strict)
		return err_set(e, ERR_CONFIG, "this machine's OpenSSL cannot do %s%s", word,
			alg_quantum_safe(a) ? " (3.5 and later can)" : "");
	return alg_usable(a);
}

/* "ke1_" to "ke7_" in front of a group; *no counts from 0. */
static bool is_addke(const char *word, size_t *no)
{
	if (strncasecmp(word, "ke", 2) != 0 || word[2] < '1' || word[2] > '0' + ADDKE_MAX ||
		word[3] != '_')
		return false;
	*no = (size_t)(word[2] - '1');
	return true;
}

static bool parse_addke(struct proposal *p, enum protocol_id proto, enum tier tier, size_t no,
	const char *word, bool strict, struct err *e)
{
	const char *name = word + strlen("ke1_");
	const struct alg *a = strcasecmp(name, alg_ke_none.name) == 0 ?
		&alg_ke_none :
		alg_by_name(TRANSFORM_KE, name);

	if (!a)
		return unknown_word(name, proto, e);
	if (!may_offer(a, proto, tier, word, strict, e))
		return e->kind == ERR_NONE;
	return add_addke(p, no, a) || too_many(PROPOSAL_ADDKE_MAX, e);
}

/* Reads one word into the proposal. strict: an algorithm this OpenSSL cannot do is an error, else
 * it is left out. */
static bool parse_word(struct proposal *p, enum protocol_id proto, enum tier tier, const char *word,
	bool strict, struct err *e)
{
	static const enum transform_type types[] = { TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_PRF,
		TRANSFORM_KE, TRANSFORM_ESN };
	const struct alg *a = NULL;
	size_t no;

	if (is_addke(word, &no))
		return parse_addke(p, proto, tier, no, word, strict, e);
	for (size_t i = 0; i < ARRAY_LEN(types) && !a; i++)
		a = alg_by_name(types[i], word);
	if (!a)
		return unknown_word(word, proto, e);
	if (!may_offer(a, proto, tier, word, strict, e))
		return e->kind == ERR_NONE;
	return add(p, a) || too_many(PROPOSAL_ALGS_MAX, e);
}

/* Additional key exchanges follow on one (RFC 9370 section 2.2.1), and of none two may come out the same: a
 * gateway would have to refuse what leaves it no other choice. */
static bool addke_fit(const struct proposal *p, const char *text, struct err *e)
{
	struct suite only = { .ke = only_ke(p) };

	if (p->n_addke > 0 && !holds_type(p, TRANSFORM_KE))
		return err_set(e, ERR_CONFIG,
			"\"%s\" needs a key exchange group such as x25519 beside ke%u_%s", text,
			p->addke_no[0] + 1u, p->addke[0]->name);
	for (size_t no = 0; no < ADDKE_MAX; no++) {
		const struct alg *a = only_addke(p, no);
		if (a && a != &alg_ke_none && suite_has_ke(&only, a))
			return err_set(e, ERR_CONFIG, "ke%zu_%s repeats a key exchange of \"%s\"",
				no + 1, a->name, text);
		only.addke[no] = a;
	}
	return true;
}

/* Adds what the notation leaves out, and checks that the whole makes sense. */
static bool complete(struct proposal *p, enum protocol_id proto, const char *text, struct err *e)
{
	size_t n = p->n;
	bool aead = false, cipher = false;

	for (size_t i = 0; i < n; i++)
		if (p->algs[i]->type == TRANSFORM_ENCR) {
			aead = aead || p->algs[i]->aead;
			cipher = cipher || !p->algs[i]->aead;
		}
	if (!aead && !cipher)
		return err_set(
			e, ERR_CONFIG, "\"%s\" needs an encryption algorithm such as aes256", text);
	if (aead && cipher)
		return err_set(e, ERR_CONFIG,
			"\"%s\" mixes AEAD and other ciphers: make them two proposals with ','",
			text);
	if (cipher && !holds_type(p, TRANSFORM_INTEG))
		return err_set(
			e, ERR_CONFIG, "\"%s\" needs an integrity algorithm such as sha256", text);
	if (proto == PROTO_IKE && !holds_type(p, TRANSFORM_PRF)) {
		if (!holds_type(p, TRANSFORM_INTEG))
			return err_set(e, ERR_CONFIG, "\"%s\" needs a PRF such as prfsha256", text);
		for (size_t i = 0; i < n; i++)
			if (p->algs[i]->type == TRANSFORM_INTEG && alg_prf_of_integ(p->algs[i]))
				add(p, alg_prf_of_integ(p->algs[i]));
	}
	if (proto == PROTO_IKE && !holds_type(p, TRANSFORM_KE))
		return err_set(
			e, ERR_CONFIG, "\"%s\" needs a key exchange group such as x25519", text);
	if (proto == PROTO_ESP && !holds_type(p, TRANSFORM_ESN))
		add(p, alg_find(TRANSFORM_ESN, ESN_NO, 0));
	if (aead) { /* an integrity word beside an AEAD named the PRF, as in aes256gcm16-sha384-x25519 */
		size_t kept = 0;
		for (size_t i = 0; i < p->n; i++)
			if (p->algs[i]->type != TRANSFORM_INTEG)
				p->algs[kept++] = p->algs[i];
		p->n = kept;
	}
	return true;
}

static bool parse_one(struct proposal *p, enum protocol_id proto, enum tier tier, const char *text,
	bool strict, struct err *e)
{
	char copy[PROPOSAL_TEXT_MAX], *save = NULL;
	struct err all = { 0 }, one;

	*p = (struct proposal){ 0 };
	if (strlen(text) >= sizeof(copy))
		return err_set(
			e, ERR_CONFIG, "a proposal of %zu letters is too long", strlen(text));
	memcpy(copy, text, strlen(text) + 1);
	for (char *word = strtok_r(copy, "-", &save); word; word = strtok_r(NULL, "-", &save))
		if (!parse_word(p, proto, tier, word, strict, &one))
			add_problem(&all, &one);
	return without_problems(&all, e) && complete(p, proto, text, e) && addke_fit(p, text, e);
}

void prop_last_resort(struct proposals *p, bool v1, bool aggressive)
{
	const char *text = !v1 ? "aes256-aes128-3des-sha256-sha1-modp1536-modp1024" :
		aggressive     ? "aes256-aes128-3des-sha256-sha1-md5-modp1024" :
				 "aes256-aes128-3des-sha256-sha1-modp1536-modp1024";

	p->n = parse_one(&p->v[0], PROTO_IKE, TIER_LEGACY, text, false, NULL);
}

/* Strongest first; what a tier adds stands behind. In aggressive mode, the group that most have. */
static const struct {
	enum protocol_id proto;
	enum tier tier;
	bool aggressive;
	const char *text;
} defaults_v1[] = {
	{ PROTO_IKE, TIER_DEFAULT, false, "aes256-sha384-ecp384" },
	{ PROTO_IKE, TIER_DEFAULT, false, "aes256-aes128-sha256-ecp256-modp3072" },
	{ PROTO_IKE, TIER_DEFAULT, true, "aes256-aes128-sha256-modp2048" },
	{ PROTO_IKE, TIER_COMPAT, true, "aes256-aes128-sha1-modp2048" },
	{ PROTO_IKE, TIER_LEGACY, true, "3des-sha1-modp2048" },
	{ PROTO_IKE, TIER_LEGACY, false, "aes256-3des-sha1-modp1024" },
	{ PROTO_ESP, TIER_DEFAULT, true, "aes256-aes128-sha256-noesn" },
	{ PROTO_ESP, TIER_DEFAULT, true, "aes256gcm16-aes128gcm16-noesn" },
	{ PROTO_ESP, TIER_COMPAT, true, "aes256-aes128-sha1-noesn" },
	{ PROTO_ESP, TIER_LEGACY, true, "3des-sha1-noesn" },
};

void prop_default_v1(struct proposals *p, enum protocol_id proto, enum tier tier, bool aggressive)
{
	*p = (struct proposals){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(defaults_v1); i++)
		if (defaults_v1[i].proto == proto && defaults_v1[i].tier <= tier &&
			(!aggressive || defaults_v1[i].aggressive) &&
			parse_one(&p->v[p->n], proto, tier, defaults_v1[i].text, false, NULL))
			p->n++;
}

void prop_accepted_v1(struct proposals *p, enum tier tier)
{
	static const char *const texts[] = {
		[TIER_DEFAULT] = "aes256-aes192-aes128-sha512-sha384-sha256-"
				 "x25519-x448-ecp521-ecp384-ecp256-modp4096-modp3072-modp2048",
		[TIER_COMPAT] = "aes256-aes192-aes128-sha1-"
				"x25519-x448-ecp521-ecp384-ecp256-modp4096-modp3072-modp2048",
		[TIER_LEGACY] =
			"aes256-aes192-aes128-3des-sha256-sha1-md5-modp2048-modp1536-modp1024",
	};

	*p = (struct proposals){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(texts) && i <= tier; i++)
		if (parse_one(&p->v[p->n], PROTO_IKE, tier, texts[i], false, NULL))
			p->n++;
}

bool prop_check_v1(const struct proposals *p, enum protocol_id proto, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].n_addke > 0)
			return err_set(e, ERR_CONFIG, "ke%u_%s does not exist in IKEv1",
				p->v[i].addke_no[0] + 1u, p->v[i].addke[0]->name);
		for (size_t j = 0; j < p->v[i].n; j++) {
			const struct alg *a = p->v[i].algs[j];
			if (a->type == TRANSFORM_ESN && a->id == ESN_NO)
				continue;
			if (proto == PROTO_IKE ? a->v1_ike == 0 || a->aead : a->v1_esp == 0)
				return err_set(e, ERR_CONFIG, "%s does not exist in IKEv1%s",
					a->name,
					proto == PROTO_IKE && a->aead ? " but for ESP" : "");
		}
	}
	return true;
}

void prop_default(struct proposals *p, enum protocol_id proto, enum tier tier)
{
	*p = (struct proposals){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (defaults[i].proto == proto && defaults[i].tier <= tier &&
			parse_one(&p->v[p->n], proto, tier, defaults[i].text, false, NULL))
			p->n++;
}

bool prop_parse(struct proposals *p, enum protocol_id proto, enum tier tier, const char *text,
	struct err *e)
{
	struct err all = { 0 }, wrong;

	*p = (struct proposals){ 0 };
	while (*text) {
		char one[PROPOSAL_TEXT_MAX];
		text += strspn(text, " \t");
		size_t len = strcspn(text, ", \t");

		if (len >= sizeof(one))
			return err_set(e, ERR_CONFIG, "a proposal of %zu letters is too long", len);
		if (p->n == PROPOSALS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d proposals", PROPOSALS_MAX);
		memcpy(one, text, len);
		one[len] = 0;
		if (parse_one(&p->v[p->n], proto, tier, one, true, &wrong))
			p->n++;
		else
			add_problem(&all, &wrong);
		text += len;
		text += strspn(text, " \t");
		if (*text && *text != ',')
			return err_set(e, ERR_CONFIG,
				"proposals are separated by ',' before \"%.20s\"", text);
		text += *text == ',';
	}
	return without_problems(&all, e) &&
		(p->n > 0 || err_set(e, ERR_CONFIG, "no proposal is named"));
}

static void append(char *out, size_t size, const char *sep, const char *word)
{
	size_t n = strlen(out);

	snprintf(out + n, size - n, "%s%s", n ? sep : "", word);
}

static void append_addke(char *out, size_t size, size_t no, const struct alg *a)
{
	char word[32];

	snprintf(word, sizeof(word), "ke%zu_%s", no + 1, a->name);
	append(out, size, "-", word);
}

char *prop_text(char *out, size_t size, const struct proposals *p, enum protocol_id proto)
{
	out[0] = 0;
	for (size_t i = 0; i < p->n; i++) {
		char one[PROPOSAL_TEXT_MAX] = "";
		for (size_t j = 0; j < p->v[i].n; j++)
			if (in_place(p->v[i].algs[j], proto))
				append(one, sizeof(one), "-", p->v[i].algs[j]->name);
		for (size_t j = 0; j < p->v[i].n_addke; j++)
			append_addke(one, sizeof(one), p->v[i].addke_no[j], p->v[i].addke[j]);
		append(out, size, ", ", one);
	}
	return out;
}

void suite_specify(const struct suite *s, struct sa_spec *out)
{
	out->encr = s->encr->id;
	out->encr_bits = s->encr->key_bits;
	out->integ = s->integ ? s->integ->id : 0;
	out->esn = s->esn;
}

void suite_keys(const struct suite *s, struct keys *out)
{
	out->encr = s->encr->id;
	out->encr_bits = s->encr->key_bits;
	out->integ = s->integ ? s->integ->id : 0;
}

char *suite_text(char out[SUITE_TEXT_MAX], const struct suite *s)
{
	const struct alg *parts[] = { s->encr, s->integ, s->prf, s->ke };

	out[0] = 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		/* As people write it: the PRF only where the integrity algorithm does not name it. */
		bool implied =
			parts[i] == s->prf && s->integ && alg_prf_of_integ(s->integ) == s->prf;
		if (parts[i] && !implied)
			append(out, SUITE_TEXT_MAX, "-", parts[i]->name);
	}
	for (size_t no = 0; no < ADDKE_MAX; no++)
		if (s->addke[no])
			append_addke(out, SUITE_TEXT_MAX, no, s->addke[no]);
	if (s->esn)
		append(out, SUITE_TEXT_MAX, "-", "esn");
	return out;
}

size_t suite_addke(const struct suite *s, size_t from)
{
	while (from < ADDKE_MAX && !s->addke[from])
		from++;
	return from;
}

bool suite_has_ke(const struct suite *s, const struct alg *group)
{
	bool found = s->ke == group;

	for (size_t no = 0; no < ADDKE_MAX; no++)
		found = found || s->addke[no] == group;
	return found;
}

bool suite_quantum_safe(const struct suite *s)
{
	bool safe = s->ke && alg_quantum_safe(s->ke);

	for (size_t no = 0; no < ADDKE_MAX; no++)
		safe = safe || (s->addke[no] && alg_quantum_safe(s->addke[no]));
	return safe;
}
