#include "cli/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "column.h"

/* --- for a person ----------------------------------------------------------------------------------------- */

static void put_algs(FILE *f, const char *head, const struct probe_found *found,
	enum probe_verdict verdict, unsigned types)
{
	struct column c = { .f = f, .head = head };
	char word[64];

	for (size_t i = 0; i < found->n_algs; i++) {
		const struct alg *a = found->algs[i].alg;
		if (found->algs[i].verdict != verdict || !(types & 1u << a->type))
			continue;
		snprintf(word, sizeof(word), "%s%s", a->name,
			verdict == PROBE_ACCEPTED && alg_weak(a) ? "(weak)" : "");
		column_word(&c, word);
	}
	column_end(&c);
}

static void put_text(FILE *f, const char *head, const char *text)
{
	struct column c = { .f = f, .head = head };

	column_text(&c, text);
	column_end(&c);
}

static void put_login(FILE *f, const struct probe_found *found)
{
	char text[ERR_TEXT_MAX + ID_TEXT_MAX + 100];

	switch (found->login) {
	case PROBE_LOGIN_EAP:
		snprintf(text, sizeof(text), "EAP: it proved to be %s, and asks for a name",
			found->id);
		break;
	case PROBE_LOGIN_UNPROVED:
		snprintf(text, sizeof(text), "its proof does not hold here: %s", found->why.text);
		break;
	case PROBE_LOGIN_REFUSED:
		snprintf(text, sizeof(text), "not by EAP, or not for somebody it does not know: %s",
			found->why.text);
		break;
	case PROBE_LOGIN_SILENT:
		snprintf(text, sizeof(text), "no answer to who asks for EAP");
		break;
	case PROBE_LOGIN_NOT_TRIED:
		snprintf(text, sizeof(text), "not tried: %s",
			found->why.kind == ERR_NONE ? "nothing could be agreed on" :
						      found->why.text);
		break;
	}
	put_text(f, "login", text);
}

static void put_v2(FILE *f, const struct probe_found *found)
{
	char text[SUITE_TEXT_MAX];

	if (found->v2 != PROBE_ACCEPTED) {
		fprintf(f, "IKEv2: %s\n",
			found->v2 == PROBE_REFUSED ? found->v2_word.text : "no answer");
		return;
	}
	fputs("IKEv2: yes\n", f);
	put_algs(f, "encryption", found, PROBE_ACCEPTED, 1u << TRANSFORM_ENCR);
	put_algs(f, "integrity", found, PROBE_ACCEPTED, 1u << TRANSFORM_INTEG);
	put_algs(f, "prf", found, PROBE_ACCEPTED, 1u << TRANSFORM_PRF);
	put_algs(f, "groups", found, PROBE_ACCEPTED, 1u << TRANSFORM_KE);
	put_algs(f, "refused", found, PROBE_REFUSED, ~0u);
	put_algs(f, "no answer", found, PROBE_SILENT, ~0u);
	if (found->suite.encr)
		put_text(f, "chooses", suite_text(text, &found->suite));
	put_login(f, found);
}

static void put_v1(FILE *f, const struct probe_found *found)
{
	char text[SUITE_TEXT_MAX];

	if (found->v1 != PROBE_ACCEPTED) {
		fprintf(f, "IKEv1: %s\n",
			found->v1 == PROBE_REFUSED ?
				"it answers, and accepts nothing in main mode" :
				"no answer");
		return;
	}
	fputs("IKEv1: yes\n", f);
	for (size_t i = 0; i < PROBE_METHODS; i++) {
		const struct probe_method *m = &found->methods[i];
		static const char *const words[] = { [PROBE_NOT_ASKED] =
							     "not asked, so that it "
							     "need not remember so much",
			[PROBE_REFUSED] = "refused",
			[PROBE_SILENT] = "no answer" };
		put_text(f, m->name,
			m->verdict == PROBE_ACCEPTED ? suite_text(text, &m->suite) :
						       words[m->verdict]);
	}
}

/* What a profile that names no proposals would offer in this tier, the last resort included. */
static bool default_agrees(const struct probe_found *found, enum tier tier, struct suite *suite)
{
	struct proposals p;

	prop_default(&p, PROTO_IKE, tier);
	if (probe_agrees(found, &p, suite))
		return true;
	if (tier != TIER_LEGACY)
		return false;
	prop_last_resort(&p, false, false);
	return probe_agrees(found, &p, suite);
}

static bool would_agree(
	const struct probe_found *found, const struct profile *p, struct suite *suite)
{
	if (found->v2 != PROBE_ACCEPTED)
		return false;
	return p->ike_proposals_default ? default_agrees(found, p->security, suite) :
					  probe_agrees(found, &p->ike_proposals, suite);
}

/* Whether the profile that is there would get on with it. */
static void put_profile(FILE *f, const struct probe_found *found, const struct profile *p)
{
	char text[SUITE_TEXT_MAX];
	struct suite suite;

	fprintf(f, "profile %s: ", p->name);
	if (p->type != CONN_IKEV2)
		fputs(found->v1 == PROBE_ACCEPTED ? "it speaks IKEv1, as the profile does\n" :
						    "the profile wants IKEv1\n",
			f);
	else if (would_agree(found, p, &suite))
		fprintf(f, "they would agree on %s%s\n", suite_text(text, &suite),
			prop_addke(&p->ike_proposals) ?
				"; additional key exchanges are not asked for" :
				"");
	else
		fputs("nothing in common with ike.proposals and connection.security\n", f);
}

static char *into_text(
	bool (*write)(FILE *f, const struct probe_found *, const struct found_whom *, const void *),
	const struct probe_found *found, const struct found_whom *whom, const void *more)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	bool ok = write(f, found, whom, more) && !ferror(f);
	if (fclose(f) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}

static bool write_text(FILE *f, const struct probe_found *found, const struct found_whom *whom,
	const void *profile)
{
	char addr[ADDR_TEXT_MAX], host[HOST_TEXT_MAX];

	addr_text(addr, &whom->addr);
	text_safe(host, sizeof(host), whom->host, strlen(whom->host));
	fprintf(f, "%s%s%s%s%s\n", host, strcmp(host, addr) != 0 ? ", at " : "",
		strcmp(host, addr) != 0 ? addr : "", found->vendor[0] ? ": " : "", found->vendor);
	put_v2(f, found);
	put_v1(f, found);
	if (found->nat)
		fputs("There is a NAT on the way.\n", f);
	if (found->natt_only)
		fputs("Port 4500 answered, and 500 had not: that may be shut on the way.\n", f);
	if (profile)
		put_profile(f, found, profile);
	return true;
}

char *found_text(
	const struct probe_found *f, const struct found_whom *whom, const struct profile *p)
{
	return into_text(write_text, f, whom, p);
}

/* --- as a profile -------------------------------------------------------------------------------------------- */

static enum tier later(enum tier a, enum tier b)
{
	return a > b ? a : b;
}

/* The first tier in which there is something to agree on; where that is not among what is offered by itself,
 * what it is. */
static bool tier_v2(const struct probe_found *found, enum tier *out, char proposal[SUITE_TEXT_MAX])
{
	struct proposals p;
	struct suite suite;

	proposal[0] = 0;
	for (*out = TIER_DEFAULT; *out <= TIER_LEGACY; (*out)++)
		if (default_agrees(found, *out, &suite))
			return true;
	for (*out = TIER_DEFAULT; *out <= TIER_LEGACY; (*out)++) {
		probe_proposals(found, *out, &p);
		if (p.n > 0 && probe_agrees(found, &p, &suite)) {
			suite_text(proposal, &suite);
			return true;
		}
	}
	return false;
}

static bool offers(const struct proposals *p, const struct suite *s)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct proposals one = { .n = 1, .v = { p->v[i] } };
		if (prop_offers(&one, s->encr) && prop_offers(&one, s->prf) &&
			prop_offers(&one, s->ke))
			return true;
	}
	return false;
}

static bool default_offers_v1(const struct suite *s, enum tier tier)
{
	struct proposals p;

	prop_default_v1(&p, PROTO_IKE, tier, false);
	if (offers(&p, s) || tier != TIER_LEGACY)
		return offers(&p, s);
	prop_last_resort(&p, true, false);
	return offers(&p, s);
}

static void put_proposal(FILE *f, const char *proposal)
{
	if (proposal[0])
		fprintf(f,
			"[ike]\n# what it chose; it takes nothing of what is offered otherwise\n"
			"proposals = %s\n",
			proposal);
}

static const struct probe_method *method_v1(const struct probe_found *found)
{
	for (size_t i = 0; i < PROBE_METHODS; i++)
		if (found->methods[i].verdict == PROBE_ACCEPTED)
			return &found->methods[i];
	return NULL;
}

static void put_connection(FILE *f, const struct found_whom *whom, const char *type, enum tier tier)
{
	fprintf(f, "[connection]\ntype = %s\ngateway = %s\n", type, whom->host);
	if (whom->port != UDP_PORT_IKE)
		fprintf(f, "port = %u\n", whom->port);
	if (tier != TIER_DEFAULT)
		fprintf(f, "# it accepts nothing better\nsecurity = %s\n", tier_name(tier));
}

static void put_secrets(FILE *f, bool psk, bool login)
{
	fputs("[secrets]\n# what is missing is asked for\n", f);
	if (psk)
		fputs("# psk = \n", f);
	if (login)
		fputs("# user = \n# password = \n", f);
}

static void put_certificates(FILE *f)
{
	fputs("# certificate = \n# key = \n", f);
}

static void write_v2(FILE *f, const struct probe_found *found, const struct found_whom *whom,
	enum tier tier, const char *proposal)
{
	bool eap = found->login == PROBE_LOGIN_EAP || found->login == PROBE_LOGIN_UNPROVED;

	put_connection(f, whom, "ikev2", tier);
	put_proposal(f, proposal);
	fputs("[local]\n", f);
	if (eap) {
		fputs("auth = eap\n", f);
	} else {
		fputs("# it has no EAP for a stranger: auth = cert, where there is a certificate\n"
		      "auth = psk\n",
			f);
	}
	if (found->login == PROBE_LOGIN_UNPROVED)
		fputs("[remote]\n# the name that its certificate proves, and the CA that issued it\n"
		      "# id = \n# ca = \n",
			f);
	put_secrets(f, !eap, eap);
}

static void write_v1(FILE *f, const struct probe_method *m, const struct found_whom *whom)
{
	char proposal[SUITE_TEXT_MAX];
	bool psk = strstr(m->name, "psk"), plain = strcmp(m->name, "psk") == 0;
	enum tier tier = later(
		later(m->suite.encr->ike_tier, m->suite.prf->ike_tier), m->suite.ke->ike_tier);

	if (plain)
		fputs("# A shared key without a login is mostly L2TP; else type = ikev1\n", f);
	put_connection(f, whom, plain ? "l2tp" : "ikev1", tier);
	if (!default_offers_v1(&m->suite, tier))
		put_proposal(f, suite_text(proposal, &m->suite));
	if (!plain) {
		fprintf(f, "[local]\nauth = %s\n", m->name);
		if (strstr(m->name, "cert"))
			put_certificates(f);
		else if (psk)
			fputs("# id = keyid:GROUP, where the gateway has groups\n", f);
	}
	put_secrets(f, psk, strcmp(m->name, "cert") != 0);
}

static bool write_profile(
	FILE *f, const struct probe_found *found, const struct found_whom *whom, const void *unused)
{
	const struct probe_method *m = method_v1(found);
	char proposal[SUITE_TEXT_MAX];
	enum tier tier;

	(void)unused;
	fputs("# made by vpnc-ike probe\n", f);
	if (found->v2 == PROBE_ACCEPTED && tier_v2(found, &tier, proposal))
		write_v2(f, found, whom, tier, proposal);
	else if (m)
		write_v1(f, m, whom);
	else
		return false;
	return true;
}

char *found_profile(const struct probe_found *f, const struct found_whom *whom)
{
	return into_text(write_profile, f, whom, NULL);
}
