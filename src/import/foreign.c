#include "foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/types.h"
#include "base64.h"
#include "crypto/cert.h"
#include "ike/id.h"
#include "ike/prop.h"

void foreign_identity(struct import_profile *p, const char *section, const char *text)
{
	struct identity id;
	bool ours = id_parse(&id, text, NULL);

	import_set(p, section, "id", "%s%s", ours ? "" : "keyid:", text);
}

void foreign_by_certificate(struct import_profile *p, bool eap_tls)
{
	import_set(p, "local", "auth", "%s", eap_tls ? "eap" : "cert");
	if (eap_tls)
		import_set(p, "local", "eap", "tls");
}

bool foreign_is_eap_tls(const struct import_profile *p)
{
	const char *eap = import_get(p, "local", "eap");

	return eap && strcasecmp(eap, "tls") == 0;
}

bool foreign_is_l2tp(const char *ports)
{
	return strstr(ports, "1701") || strstr(ports, "l2tp") || strstr(ports, "l2f");
}

void foreign_selectors(struct import_profile *p, const char *key, const char *selectors)
{
	if (!strstr(selectors, "0.0.0.0/0") && !strstr(selectors, "::/0"))
		import_set(p, "esp", key, "%s", selectors);
}

/* --- proposals --------------------------------------------------------------------------------------- */

static enum tier tier_of(const struct import_profile *p)
{
	const char *word = import_get(p, "connection", "security");
	enum tier tier = TIER_LEGACY;

	while (tier > TIER_DEFAULT && (!word || strcmp(word, tier_name(tier)) != 0))
		tier--;
	return tier;
}

static void need_tier(struct import_profile *p, enum tier tier, const char *what)
{
	if (tier <= tier_of(p))
		return;
	import_set(p, "connection", "security", "%s", tier_name(tier));
	import_note(p, IMPORT_TODO, what,
		"names algorithms that are %s: connection.security = %s allows them until the "
		"gateway knows better ones",
		tier == TIER_LEGACY ? "weak" : "old", tier_name(tier));
}

/* The lowest tier that has it; false when there is none, and e says why. */
static bool find_tier(enum protocol_id proto, const char *one, enum tier *tier, struct err *e)
{
	struct proposals parsed;

	for (*tier = TIER_DEFAULT; *tier <= TIER_LEGACY; ++*tier)
		if (prop_parse(&parsed, proto, *tier, one, e))
			return true;
	return false;
}

/* Adds a word to a list with commas between. */
static void add_word(char list[IMPORT_VALUE_MAX], const char *word)
{
	size_t n = strlen(list);

	snprintf(list + n, IMPORT_VALUE_MAX - n, "%s%s", n > 0 ? ", " : "", word);
}

/* The next word of the list, false at its end. One that is too long is cut so that it is none of anything. */
static bool next_word(const char **list, const char *between, char *word, size_t size)
{
	*list += strspn(*list, between);
	size_t n = strcspn(*list, between);
	bool fits = n < size;
	snprintf(word, size, "%.*s%s", fits ? (int)n : 20, *list, fits ? "" : "...");
	*list += n;
	return n > 0;
}

void foreign_proposals(
	struct import_profile *p, const char *section, const char *what, const char *list)
{
	enum protocol_id proto = strcmp(section, "ike") == 0 ? PROTO_IKE : PROTO_ESP;
	char one[PROPOSAL_TEXT_MAX], kept[IMPORT_VALUE_MAX] = "";
	enum tier highest = TIER_DEFAULT, tier;
	struct err e;

	while (next_word(&list, ", \t\r\n", one, sizeof(one))) {
		if (strlen(kept) + strlen(one) + 2 >= sizeof(kept))
			import_note(p, IMPORT_LEFT, what, "%s: there are too many before it", one);
		else if (!find_tier(proto, one, &tier, &e))
			import_note(p, IMPORT_LEFT, what, "%s: %s", one, e.text);
		else {
			add_word(kept, one);
			highest = tier > highest ? tier : highest;
		}
	}
	if (!kept[0])
		return;
	import_set(p, section, "proposals", "%s", kept);
	need_tier(p, highest, what);
}

/* --- PPP --------------------------------------------------------------------------------------------- */

void foreign_ppp_auth(struct import_profile *p, const char *what, unsigned may)
{
	static const struct {
		unsigned bit;
		const char *word;
	} rows[] = { { FOREIGN_MSCHAPV2, "mschapv2" }, { FOREIGN_CHAP, "chap" },
		{ FOREIGN_PAP, "pap" }, { FOREIGN_EAP, "eap" } };
	char list[IMPORT_VALUE_MAX] = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (may & rows[i].bit)
			add_word(list, rows[i].word);
	import_set(p, "ppp", "auth", "%s", list[0] ? list : rows[0].word);
	if (!list[0])
		import_note(p, IMPORT_TODO, what,
			"allows no way to log in that is done here: ppp.auth has the one that is best");
}

/* --- lists ------------------------------------------------------------------------------------------- */

bool foreign_is_address(const char *word)
{
	struct addr a;

	return addr_parse(&a, word);
}

bool foreign_is_prefix(const char *word)
{
	struct prefix prefix;

	return prefix_parse(&prefix, word);
}

bool foreign_is_domain(const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return word[strspn(word, letters)] == 0;
}

/* Host names may have a hyphen, ranges of addresses have digits on both its sides. */
bool foreign_is_gateway(const char *word)
{
	bool range = strchr(word, '-') && word[strspn(word, "0123456789.-")] == 0;

	if (!word[0] || range || strcmp(word, "0.0.0.0") == 0 || strcmp(word, "::") == 0)
		return false;
	return foreign_is_address(word) || foreign_is_domain(word);
}

void foreign_add(struct foreign_list *list, const char *text)
{
	char one[256], shown[48];

	while (next_word(&text, ",; \t\r\n", one, sizeof(one))) {
		if (!list->is(one))
			import_note(list->p, IMPORT_LEFT, list->what,
				"%s is none that a profile can have",
				text_safe(shown, sizeof(shown), one, strlen(one)));
		else if (strlen(list->kept) + strlen(one) + 2 >= sizeof(list->kept))
			list->lost++;
		else
			add_word(list->kept, one);
	}
}

void foreign_set(struct foreign_list *list, const char *section, const char *key)
{
	if (list->kept[0])
		import_set(list->p, section, key, "%s", list->kept);
	if (list->lost > 0)
		import_note(list->p, IMPORT_TODO, list->what,
			"%zu more did not fit %s.%s: add them there", list->lost, section, key);
}

/* --- revocation ------------------------------------------------------------------------------------- */

void foreign_ifuri(struct import_profile *p, const char *key)
{
	import_note(p, IMPORT_LEFT, key,
		"= ifuri: here it is soft, which goes on where nobody answers, or hard, which "
		"does not");
}

void foreign_strength(struct import_profile *p, const char *what, const char *auth)
{
	import_note(p, IMPORT_TODO, what,
		"%s asks for more than a profile can: here any certificate and signature that is strong "
		"enough proves the gateway",
		auth);
}

/* --- CAs --------------------------------------------------------------------------------------------- */

bool foreign_ca_add(struct foreign_ca *ca, struct bytes file)
{
	struct cert_list found = { 0 };
	bool need_pass, ok = load_credentials(file, NULL, &found, NULL, &need_pass, NULL);

	for (size_t i = 0; i < found.n; i++)
		ok = ok && cert_readable(found.v[i]);
	for (size_t i = 0; i < found.n; i++)
		if (ok && ca->n < ARRAY_LEN(ca->v))
			ca->v[ca->n++] = found.v[i];
		else
			cert_free(found.v[i]);
	return ok && found.n > 0;
}

#define PEM_CERT "CERTIFICATE"

void foreign_ca_attach(const struct foreign_ca *ca, struct import_profile *p, const char *key)
{
	const char *name = strcmp(key, "certificate") == 0 ? "gateway" : key;
	char suffix[24];
	size_t room = 0;

	snprintf(suffix, sizeof(suffix), "%s.crt", name);
	for (size_t i = 0; i < ca->n; i++)
		room += base64_pem_room(PEM_CERT, cert_der(ca->v[i]).n);
	uint8_t *pem = ca->n > 0 ? malloc(room) : NULL;
	struct wr w = wr_init(pem, pem ? room : 0);
	for (size_t i = 0; pem && i < ca->n; i++)
		base64_pem(&w, PEM_CERT, cert_der(ca->v[i]));
	if (pem && !w.bad)
		import_attach(p, "remote", key, suffix, (struct bytes){ pem, w.len });
	free(pem);
}

void foreign_ca_free(struct foreign_ca *ca)
{
	while (ca->n > 0)
		cert_free(ca->v[--ca->n]);
}
