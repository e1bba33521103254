#include "profile_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eap/eap.h"

/* Text that grows in a caller's array and is cut at its end. */
struct text {
	char *out;
	size_t size, used;
};

static void add(struct text *t, const char *fmt, ...) PRINTF(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->used >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	t->used += n > 0 ? (size_t)n : 0;
}

static void add_item(struct text *t, const char *item)
{
	add(t, "%s%s", t->used ? ", " : "", item);
}

/* Word number n of words separated by '|'. */
static void add_word(struct text *t, const char *words, unsigned n)
{
	for (; n > 0 && *words; n--)
		words += strcspn(words, "|") + 1;
	add(t, "%.*s", (int)strcspn(words, "|"), words);
}

static void add_flag(struct text *t, const char *words, bool on)
{
	int yes = profile_word(words, "yes");

	add_word(t, words, on == (yes == 0) ? 0 : 1);
}

static void add_time(struct text *t, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s == 0)
		add(t, "0");
	else if (s % 86400 == 0)
		add(t, "%" PRIu64 "d", s / 86400);
	else if (s % 3600 == 0)
		add(t, "%" PRIu64 "h", s / 3600);
	else if (s % 60 == 0)
		add(t, "%" PRIu64 "m", s / 60);
	else
		add(t, "%" PRIu64 "s", s);
}

static void add_amount(struct text *t, uint64_t n, bool size)
{
	static const char units[] = "KMGT";
	size_t i = 0;

	while (size && n > 0 && n % 1024 == 0 && i + 1 < sizeof(units)) {
		n /= 1024;
		i++;
	}
	add(t, i ? "%" PRIu64 "%c" : "%" PRIu64, n, i ? units[i - 1] : 0);
}

static void add_prefixes(struct text *t, const struct prefix_list *l)
{
	char one[ADDR_TEXT_MAX];

	for (size_t i = 0; i < l->n; i++)
		add_item(t, prefix_text(one, &l->v[i]));
}

static void add_choice_or_prefixes(
	struct text *t, const struct prefix_list *l, enum auto_choice choice)
{
	if (choice == CHOICE_LIST)
		add_prefixes(t, l);
	else
		add(t, "%s", choice == CHOICE_AUTO ? "auto" : "none");
}

static void add_dns(struct text *t, const struct profile *p)
{
	char one[ADDR_TEXT_MAX];

	if (p->dns != CHOICE_LIST)
		add(t, "%s", p->dns == CHOICE_AUTO ? "auto" : "none");
	for (size_t i = 0; i < p->n_dns; i++)
		add_item(t, addr_text(one, &p->dns_list[i]));
}

static void add_selectors(struct text *t, const struct selectors *l)
{
	char one[SELECTOR_TEXT_MAX];

	if (l->n == 0)
		add(t, "auto");
	for (size_t i = 0; i < l->n; i++)
		add_item(t, selector_text(one, &l->v[i]));
}

static void add_identity(struct text *t, const struct identity *id)
{
	char text[ID_TEXT_MAX];

	if (id_given(id))
		add(t, "%s", id_text(text, id));
}

static bool is_eap_word(const struct profile *p, uint8_t type, const char *word)
{
	if (type == EAP_TTLS)
		return profile_word(profile_ttls_words, word) == (int)p->ttls;
	return eap_type_by_name(word) == type;
}

static void add_eap(struct text *t, const struct profile *p, const char *words)
{
	for (size_t i = 0; i < p->n_eap; i++)
		for (const char *w = words; *w; w += strcspn(w, "|"), w += *w == '|') {
			char word[32];
			snprintf(word, sizeof(word), "%.*s", (int)strcspn(w, "|"), w);
			if (is_eap_word(p, p->eap[i], word))
				add_item(t, word);
		}
}

static void add_ppp_auth(struct text *t, const struct profile *p, const char *words)
{
	for (size_t i = 0; i < p->n_ppp_auth; i++) {
		add(t, "%s", i ? ", " : "");
		add_word(t, words, p->ppp_auth[i]);
	}
}

static void add_proposals(struct text *t, const struct profile *p, const struct key_row *row)
{
	bool ike = strcmp(row->section, "ike") == 0;
	char text[PROPOSALS_MAX * PROPOSAL_TEXT_MAX];

	add(t, "%s",
		prop_text(text, sizeof(text), ike ? &p->ike_proposals : &p->esp_proposals,
			ike ? PROTO_IKE : PROTO_ESP));
}

static void add_u16(struct text *t, const struct key_row *row, uint16_t n)
{
	if (n == 0 && profile_word(row->values, "auto") >= 0)
		add(t, "auto");
	else
		add(t, "%u", n);
}

static void add_value(struct text *t, const struct profile *p, const struct key_row *row)
{
	const void *at = (const char *)p + row->at, *at2 = (const char *)p + row->at2;

	switch (row->type) {
	case KEY_FLAG:
		add_flag(t, row->values, *(const bool *)at);
		break;
	case KEY_CHOICE:
		add_word(t, row->values, *(const unsigned *)at);
		break;
	case KEY_U16:
		add_u16(t, row, *(const uint16_t *)at);
		break;
	case KEY_U32:
		add(t, "%" PRIu32, *(const uint32_t *)at);
		break;
	case KEY_TIME:
		add_time(t, *(const uint64_t *)at);
		break;
	case KEY_AMOUNT:
		add_amount(t, *(const uint64_t *)at, strcmp(row->values, "size") == 0);
		break;
	case KEY_TEXT:
		add(t, "%s", (const char *)at);
		break;
	case KEY_SECRET:
		add(t, "%s", *(const bool *)at2 ? "(hidden)" : "");
		break;
	case KEY_IDENTITY:
		add_identity(t, at);
		break;
	case KEY_GATEWAYS:
		for (size_t i = 0; i < p->n_gateways; i++)
			add_item(t, p->gateways[i]);
		break;
	case KEY_EAP:
		add_eap(t, p, row->values);
		break;
	case KEY_PPP_AUTH:
		add_ppp_auth(t, p, row->values);
		break;
	case KEY_PROPOSALS:
		add_proposals(t, p, row);
		break;
	case KEY_SELECTORS:
		add_selectors(t, at);
		break;
	case KEY_PREFIXES:
		add_prefixes(t, at);
		break;
	case KEY_PREFIXES_OR:
	case KEY_ADDRESSES_OR:
		add_choice_or_prefixes(t, at, *(const enum auto_choice *)at2);
		break;
	case KEY_DNS:
		add_dns(t, p);
		break;
	case KEY_DOMAINS:
		for (size_t i = 0; i < p->n_domains; i++)
			add_item(t, p->domains[i]);
		break;
	case KEY_INTERFACE:
		add(t, "%s", *(const char *)at ? (const char *)at : "auto");
		break;
	}
}

char *profile_value(
	char *out, size_t size, const struct profile *p, const char *section, const char *key)
{
	size_t n = profile_row_number(section, key);
	struct text t = { .out = out, .size = size };

	if (size > 0)
		out[0] = 0;
	if (n < PROFILE_KEYS_MAX)
		add_value(&t, p, profile_row(n));
	return out;
}
