#include "profile_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "eap/eap.h"

enum { WORD_TEXT_MAX = 320, SHOWN_MAX = 64 };

/* A value as it may stand in a sentence. */
static const char *shown(char out[SHOWN_MAX], const char *value)
{
	return text_safe(out, SHOWN_MAX, value, strlen(value));
}

int profile_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");
		if (n == len && len > 0 && strncasecmp(words, word, n) == 0)
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

/* "ikev2|ikev1|l2tp" as a person would say it. */
static void words_text(char *out, size_t size, const struct key_row *row)
{
	const char *words = row->values;
	size_t used = 0;

	out[0] = 0;
	while (*words) {
		char word[WORD_TEXT_MAX];
		size_t n = strcspn(words, "|");
		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		if (used < size)
			used += (size_t)snprintf(
				out + used, size - used, "%s%s", used ? ", " : "", word);
		words += n + (words[n] == '|');
	}
}

/* One of the row's words: its number, or -1 with the sentence. */
static int read_word(const struct key_row *row, const char *value, struct err *e)
{
	char right[WORD_TEXT_MAX], what[SHOWN_MAX];
	int n = profile_word(row->values, value);

	words_text(right, sizeof(right), row);
	if (n < 0)
		err_set(e, ERR_CONFIG, "\"%s\" is unknown; right would be one of: %s",
			shown(what, value), right);
	return n;
}

/* The next of a list separated by commas, without the blanks around it; false at the end, where
 * *list is NULL. No item that is right is as long as WORD_TEXT_MAX, so cutting one loses nothing. */
static bool next_item(const char **list, char item[WORD_TEXT_MAX])
{
	const char *p = *list;

	if (!p)
		return false;
	size_t n = strcspn(p, ",");
	*list = p[n] ? p + n + 1 : NULL;
	for (; n > 0 && isblank((unsigned char)p[0]); n--)
		p++;
	while (n > 0 && isblank((unsigned char)p[n - 1]))
		n--;
	snprintf(item, WORD_TEXT_MAX, "%.*s", (int)n, p);
	return true;
}

static bool read_number(const struct key_row *row, const char *value, uint32_t *out, struct err *e)
{
	bool may_be_auto = profile_word(row->values, "auto") >= 0;
	char what[SHOWN_MAX], *end;

	*out = 0;
	if (may_be_auto && strcasecmp(value, "auto") == 0)
		return true;
	unsigned long n = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || n < row->least || n > row->most)
		return err_set(e, ERR_CONFIG, "\"%s\" is not a number from %u to %u%s",
			shown(what, value), row->least, row->most, may_be_auto ? ", or auto" : "");
	*out = (uint32_t)n;
	return true;
}

/* "90", "90s", "15m", "4h", "1d"; 0 is never. */
static bool read_time(const struct key_row *row, const char *value, uint64_t *out, struct err *e)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char what[SHOWN_MAX], *end;
	unsigned long long n = strtoull(value, &end, 10);
	uint32_t unit = *end ? 0 : 1;

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (tolower((unsigned char)end[0]) == units[i].unit && !end[1])
			unit = units[i].seconds;
	if (!isdigit((unsigned char)value[0]) || unit == 0)
		return err_set(e, ERR_CONFIG,
			"\"%s\" is not a time; right would be 90s, 15m, 4h or 1d",
			shown(what, value));
	n = n > row->most ? n : n * unit;
	if (n != 0 && (n < row->least || n > row->most))
		return err_set(e, ERR_CONFIG, "%s is out of range: from %us to %ud, or 0 for never",
			shown(what, value), row->least, row->most / 86400);
	*out = SECONDS(n);
	return true;
}

/* "5000000", and of a size also "64M", "10G"; 0 is no limit. */
static bool read_amount(const struct key_row *row, const char *value, uint64_t *out, struct err *e)
{
	static const char units[] = "kmgt";
	bool size = strcmp(row->values, "size") == 0;
	char what[SHOWN_MAX], *end;
	unsigned shift = 0;

	unsigned long long n = strtoull(value, &end, 10);
	const char *unit = size && *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (!isdigit((unsigned char)value[0]) || *end || n > (uint64_t)INT64_MAX >> shift ||
		(n != 0 && n << shift < row->least))
		return err_set(e, ERR_CONFIG,
			"\"%s\" is not a %s of at least %u%s, or 0 for no limit",
			shown(what, value), row->values, row->least,
			size ? "; right would be 64M or 10G" : "");
	*out = (uint64_t)n << shift;
	return true;
}

/* A host name by RFC 1123: labels of letters, digits and hyphens; an underscore is found in the
 * wild. With a dot at its end it is absolute (RFC 1034 section 3.1). What ends in a number is an address
 * that is wrong. */
static bool host_valid(const char *host)
{
	const char *label = host;

	if (strlen(host) > 254)
		return false;
	for (;;) {
		size_t n = strspn(
			label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
		if (n == 0 || n > 63 || label[0] == '-' || label[n - 1] == '-')
			return false;
		if (!label[n] || strcmp(label + n, ".") == 0)
			return strspn(label, "0123456789") < n;
		if (label[n] != '.')
			return false;
		label += n + 1;
	}
}

/* Of no one host, or of one on a link that cannot be named here. */
static bool can_be_gateway(const struct addr *a)
{
	static const char *const ranges[] = { "0.0.0.0/8", "224.0.0.0/4", "255.255.255.255",
		"::", "ff00::/8", "fe80::/10" };
	struct prefix host = prefix_host(a->family, a->ip), range;

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (prefix_parse(&range, ranges[i]) && prefix_inside(&host, &range))
			return false;
	return true;
}

static bool read_gateways(struct profile *p, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX], what[SHOWN_MAX];
	struct addr a;

	p->n_gateways = 0;
	while (next_item(&value, item)) {
		bool address = addr_parse(&a, item);
		if (address && !can_be_gateway(&a))
			return err_set(e, ERR_CONFIG,
				"\"%s\" is an address that no gateway can have", item);
		if (!address && !host_valid(item))
			return err_set(e, ERR_CONFIG,
				"\"%s\" is neither a host name nor an address%s", shown(what, item),
				strchr(item, ':') ? "; a port belongs in connection.port" : "");
		if (p->n_gateways == GATEWAYS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d gateways", GATEWAYS_MAX);
		snprintf(p->gateways[p->n_gateways++], HOST_TEXT_MAX, "%.*s", HOST_TEXT_MAX - 1,
			item);
	}
	return true;
}

static bool read_eap(struct profile *p, const struct key_row *row, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX];

	p->n_eap = 0;
	while (next_item(&value, item)) {
		if (read_word(row, item, e) < 0)
			return false;
		int ttls = profile_word(profile_ttls_words, item);
		uint8_t type = ttls < 0 ? eap_type_by_name(item) : EAP_TTLS;
		if (memchr(p->eap, type, p->n_eap))
			return err_set(e, ERR_CONFIG, "%s is named twice", item);
		if (p->n_eap == EAP_METHODS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d methods", EAP_METHODS_MAX);
		if (ttls >= 0)
			p->ttls = (enum eap_ttls)ttls;
		p->eap[p->n_eap++] = type;
	}
	return true;
}

static bool read_ppp_auth(
	struct profile *p, const struct key_row *row, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX];

	p->n_ppp_auth = 0;
	while (next_item(&value, item)) {
		int n = read_word(row, item, e);
		if (n < 0)
			return false;
		for (size_t i = 0; i < p->n_ppp_auth; i++)
			if (p->ppp_auth[i] == (enum ppp_auth)n)
				return err_set(e, ERR_CONFIG, "%s is named twice", item);
		p->ppp_auth[p->n_ppp_auth++] = (enum ppp_auth)n;
	}
	return true;
}

static bool read_prefixes(
	struct prefix_list *l, const struct key_row *row, const char *value, struct err *e)
{
	bool addresses = row->type == KEY_ADDRESSES_OR;
	char item[WORD_TEXT_MAX], what[SHOWN_MAX];

	l->n = 0;
	if (!l->v && !(l->v = calloc(PREFIXES_MAX, sizeof(*l->v))))
		return err_set(e, ERR_LOCAL, "out of memory");
	while (next_item(&value, item)) {
		if (l->n == PREFIXES_MAX)
			return err_set(e, ERR_CONFIG, "more than %d prefixes", PREFIXES_MAX);
		if (!(addresses ? prefix_parse_host : prefix_parse)(&l->v[l->n], item))
			return err_set(e, ERR_CONFIG, "\"%s\" is no %s", shown(what, item),
				addresses ? "address; right would be 10.0.0.5 or 2001:db8::5/64" :
					    "prefix; right would be 10.0.0.0/8 or 2001:db8::/32");
		l->n++;
	}
	return true;
}

static bool read_choice_or_prefixes(struct prefix_list *l, enum auto_choice *choice,
	const struct key_row *row, const char *value, struct err *e)
{
	int word = profile_word("auto|none", value);

	l->n = 0;
	*choice = word == 0 ? CHOICE_AUTO : word == 1 ? CHOICE_NONE : CHOICE_LIST;
	return *choice != CHOICE_LIST || read_prefixes(l, row, value, e);
}

static bool read_dns(struct profile *p, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX], what[SHOWN_MAX];
	int word = profile_word("auto|none", value);

	p->n_dns = 0;
	p->dns = word == 0 ? CHOICE_AUTO : word == 1 ? CHOICE_NONE : CHOICE_LIST;
	if (p->dns != CHOICE_LIST)
		return true;
	while (next_item(&value, item)) {
		if (p->n_dns == NETCONF_DNS)
			return err_set(e, ERR_CONFIG, "more than %d name servers", NETCONF_DNS);
		if (!addr_parse(&p->dns_list[p->n_dns], item))
			return err_set(e, ERR_CONFIG,
				"\"%s\" is no address; right would be 192.0.2.53, auto or none",
				shown(what, item));
		p->n_dns++;
	}
	return true;
}

static bool read_domains(struct profile *p, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX], what[SHOWN_MAX];

	p->n_domains = 0;
	while (next_item(&value, item)) {
		size_t n = strlen(item);
		if (n > 1 && item[n - 1] == '.')
			item[--n] = 0;
		if (!host_valid(item))
			return err_set(e, ERR_CONFIG,
				"\"%s\" is no domain; right would be corp.example.org",
				shown(what, item));
		if (p->n_domains == NETCONF_DOMAINS)
			return err_set(e, ERR_CONFIG, "more than %d domains", NETCONF_DOMAINS);
		char *out = p->domains[p->n_domains++];
		for (size_t i = 0; i <= n; i++)
			out[i] = (char)tolower((unsigned char)item[i]);
	}
	return true;
}

/* "[udp/1701]", "[6]", "[tcp/80-443]" behind the addresses of a selector. */
static bool read_protocol(struct selector *s, const char *text)
{
	static const struct name protocols[] = {
		{ 1, "icmp" },
		{ 6, "tcp" },
		{ 17, "udp" },
		{ 47, "gre" },
		{ 58, "icmpv6" },
		{ 0, NULL },
	};
	char word[WORD_TEXT_MAX], *end;
	size_t n = strcspn(text, "/]");
	const struct name *row = protocols;
	unsigned long number, lo = 0, hi = UINT16_MAX;

	snprintf(word, sizeof(word), "%.*s", (int)n, text);
	while (row->name && strcasecmp(row->name, word) != 0)
		row++;
	number = row->name ? row->number : strtoul(word, &end, 10);
	if (!row->name && (!isdigit((unsigned char)word[0]) || *end))
		return false;
	text += n;
	if (*text == '/') {
		if (!isdigit((unsigned char)text[1]))
			return false;
		lo = hi = strtoul(text + 1, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			hi = strtoul(end + 1, &end, 10);
		text = end;
	}
	s->proto = (uint8_t)number;
	s->port_lo = (uint16_t)lo;
	s->port_hi = (uint16_t)hi;
	return strcmp(text, "]") == 0 && number > 0 && number <= UINT8_MAX && lo <= hi &&
		hi <= UINT16_MAX;
}

/* As selector_text writes it: a prefix or a range of addresses, and "[protocol/port]". */
static bool read_selector(struct selector *s, char *text)
{
	char *protocol = strchr(text, '['), *dash;
	struct prefix p;
	struct addr lo, hi;

	if (protocol)
		*protocol++ = 0;
	dash = strchr(text, '-');
	if (dash) {
		*dash++ = 0;
		if (!addr_parse(&lo, text) || !addr_parse(&hi, dash) || lo.family != hi.family)
			return false;
		selector_all(s, lo.family);
		memcpy(s->lo, lo.ip, sizeof(s->lo));
		memcpy(s->hi, hi.ip, sizeof(s->hi));
	} else {
		if (!prefix_parse(&p, text))
			return false;
		selector_from_prefix(s, &p);
	}
	return (!protocol || read_protocol(s, protocol)) && selector_valid(s);
}

static bool read_selectors(struct selectors *l, const char *value, struct err *e)
{
	char item[WORD_TEXT_MAX], what[SHOWN_MAX];

	l->n = 0;
	if (strcasecmp(value, "auto") == 0)
		return true;
	while (next_item(&value, item)) {
		shown(what, item);
		if (l->n == SELECTORS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d selectors", SELECTORS_MAX);
		if (!read_selector(&l->v[l->n], item))
			return err_set(e, ERR_CONFIG,
				"\"%s\" is no selector; right would be 10.0.0.0/8, "
				"10.0.0.1-10.0.0.9, or 10.0.0.1[tcp/443]",
				what);
		l->n++;
	}
	return true;
}

static bool read_text(char *out, const struct key_row *row, const char *value, struct err *e)
{
	if (strlen(value) >= row->most)
		return err_set(e, ERR_CONFIG, "%zu octets are too long; right would be at most %u",
			strlen(value), row->most - 1);
	memcpy(out, value, strlen(value) + 1);
	return true;
}

/* What the kernel takes (no slash, colon nor space, at most 15 octets), but for what would mean
 * something else: a pattern that it fills in, its own names beside those of interfaces under
 * /proc/sys/net, and what tools take for an option. */
static bool read_interface(char *out, const struct key_row *row, const char *value, struct err *e)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char what[SHOWN_MAX];
	size_t n = strlen(value);

	if (strcasecmp(value, "auto") == 0) {
		out[0] = 0;
		return true;
	}
	if (n == 0 || n >= row->most || strspn(value, letters) != n || value[0] == '-' ||
		value[0] == '.' || profile_word("all|default|lo", value) >= 0)
		return err_set(e, ERR_CONFIG,
			"\"%s\" cannot be the name of an interface; right would be vpn-office: at "
			"most %u letters, digits, hyphens, dots and underscores",
			shown(what, value), row->most - 1);
	memcpy(out, value, n + 1);
	return true;
}

static bool read_secret(struct passphrase *out, bool *given, const char *value, struct err *e)
{
	if (!passphrase_set(out, value, strlen(value)))
		return err_set(e, ERR_CONFIG, "longer than %d octets", PASSPHRASE_MAX);
	*given = true;
	return true;
}

/* Of strongSwan, for any identity or none named; here it would be a host of that name. */
static bool read_identity(
	struct identity *out, const struct key_row *row, const char *value, struct err *e)
{
	if (strncasecmp(value, "%any", 4) == 0)
		return err_set(e, ERR_CONFIG, "%%any is no identity; leave %s.%s out", row->section,
			row->key);
	return id_parse(out, value, e);
}

static bool read_single_word(const struct key_row *row, void *at, const char *value, struct err *e)
{
	int n = read_word(row, value, e);

	if (n < 0)
		return false;
	if (row->type == KEY_FLAG)
		*(bool *)at = n == profile_word(row->values, "yes");
	else
		*(unsigned *)at = (unsigned)n;
	return true;
}

bool profile_read(
	struct profile_full *f, const struct key_row *row, const char *value, struct err *e)
{
	void *at = (char *)f + row->at, *at2 = (char *)f + row->at2;
	uint32_t n;

	switch (row->type) {
	case KEY_FLAG:
	case KEY_CHOICE:
		return read_single_word(row, at, value, e);
	case KEY_U16:
		if (!read_number(row, value, &n, e))
			return false;
		*(uint16_t *)at = (uint16_t)n;
		return true;
	case KEY_U32:
		return read_number(row, value, at, e);
	case KEY_TIME:
		return read_time(row, value, at, e);
	case KEY_AMOUNT:
		return read_amount(row, value, at, e);
	case KEY_TEXT:
	case KEY_PROPOSALS:
		return read_text(at, row, value, e);
	case KEY_SECRET:
		return read_secret(at, at2, value, e);
	case KEY_IDENTITY:
		return read_identity(at, row, value, e);
	case KEY_GATEWAYS:
		return read_gateways(&f->p, value, e);
	case KEY_EAP:
		return read_eap(&f->p, row, value, e);
	case KEY_PPP_AUTH:
		return read_ppp_auth(&f->p, row, value, e);
	case KEY_SELECTORS:
		return read_selectors(at, value, e);
	case KEY_PREFIXES:
		return read_prefixes(at, row, value, e);
	case KEY_PREFIXES_OR:
	case KEY_ADDRESSES_OR:
		return read_choice_or_prefixes(at, at2, row, value, e);
	case KEY_DNS:
		return read_dns(&f->p, value, e);
	case KEY_DOMAINS:
		return read_domains(&f->p, value, e);
	case KEY_INTERFACE:
		return read_interface(at, row, value, e);
	}
	return err_set(e, ERR_BUG, "a key of no type");
}
