/*
 * What the files of session/profile share: a row of the table of keys, and the profile with what is
 * kept of it until profile_finish.
 */
#ifndef SESSION_PROFILE_PRIVATE_H
#define SESSION_PROFILE_PRIVATE_H

#include "session/profile.h"

/* How a value is read and shown. Where it lies: `at`, and for some also `at2`. */
enum key_type {
	KEY_FLAG, /* bool: the word of `values` that is "yes" is true */
	KEY_CHOICE, /* an enum whose numbers count the words of `values` */
	KEY_U16, /* least..most; 0 for "auto" where `values` has it */
	KEY_U32,
	KEY_TIME, /* uint64_t milliseconds in least..most seconds; 0 (never) too */
	KEY_AMOUNT, /* uint64_t, at least `least`, or 0 (no limit); a "size" may have a unit */
	KEY_TEXT, /* char[most] */
	KEY_SECRET, /* struct passphrase; at2: bool given */
	KEY_IDENTITY, /* struct identity */
	KEY_GATEWAYS, /* p->gateways */
	KEY_EAP, /* p->eap */
	KEY_PPP_AUTH, /* p->ppp_auth */
	KEY_PROPOSALS, /* text in struct profile_full at `at`, parsed by profile_finish */
	KEY_SELECTORS, /* struct selectors, "auto": none */
	KEY_PREFIXES, /* struct prefix_list */
	KEY_PREFIXES_OR, /* struct prefix_list; at2: enum auto_choice */
	KEY_ADDRESSES_OR, /* the same, with the host bits: "10.9.0.5/24" is that address */
	KEY_DNS, /* p->dns_list and p->dns */
	KEY_DOMAINS, /* p->domains */
	KEY_INTERFACE, /* char[most], "" for auto */
};

struct key_row {
	const char *section, *key;
	enum key_type type;
	uint32_t at, at2;
	uint32_t least, most;
	const char *fallback; /* default; "" for none */
	const char *values; /* words separated by '|', or what kind of value */
	const char *story;
};

enum { PROFILE_KEYS_MAX = 80, PROPOSALS_TEXT_MAX = 1024, PREFIXES_MAX = 256 };

struct profile_full {
	struct profile p; /* first: what the world has a pointer to */
	bool given[PROFILE_KEYS_MAX];
	char ike_text[PROPOSALS_TEXT_MAX], esp_text[PROPOSALS_TEXT_MAX];
};

const struct key_row *profile_row(size_t i); /* NULL past the end */
size_t profile_row_number(const char *section, const char *key); /* PROFILE_KEYS_MAX: none */
bool profile_row_secret(const struct key_row *row);
/* Is word one of the words separated by '|'? Its number, or -1. */
int profile_word(const char *words, const char *word);

/* The words of local.eap for EAP-TTLS, in the order of enum eap_ttls. */
extern const char profile_ttls_words[];
/* In IKEv2, or in PPP inside L2TP. */
bool profile_logs_in_by_eap(const struct profile *p);
/* Where local.eap is not given, in profile_eap.c: leaves out the methods that cannot be used. */
void profile_settle_eap(struct profile *p);
/* What is wrong with a key of EAP, and with which; NULL: nothing. */
const char *profile_eap_wrong(const struct profile *p, const char **section, const char **key);

/* Reads value into its place. The value was checked to be text without control characters. */
bool profile_read(struct profile_full *f, const struct key_row *row, const char *value,
	struct err *e) MUST_CHECK;

#endif
