/*
 * A connection profile: the effective settings of one connection, with every default filled in.
 *
 * A plain value, made from a list of (section, key, value) by one constant table of keys, which also
 * feeds `show`, `check`, the completion and the test of the manual. Reading files belongs to cli/load.
 * Secrets are in the struct, so it is freed with profile_free, which wipes it.
 */
#ifndef SESSION_PROFILE_H
#define SESSION_PROFILE_H

#include "base/outbox.h"
#include "crypto/cert.h"
#include "ike/ike.h"
#include "l2tp/l2tp.h"
#include "ppp/ppp.h"

enum conn_type { CONN_IKEV2, CONN_IKEV1, CONN_L2TP };
enum dataplane_kind { DATAPLANE_AUTO, DATAPLANE_KERNEL, DATAPLANE_USERSPACE };
enum local_auth {
	LOCAL_PSK,
	LOCAL_CERT,
	LOCAL_EAP,
	LOCAL_XAUTH_PSK,
	LOCAL_XAUTH_CERT,
	LOCAL_HYBRID
};
enum remote_auth { REMOTE_CERT, REMOTE_PSK };
enum auto_choice { CHOICE_AUTO, CHOICE_NONE, CHOICE_LIST }; /* address, routes, dns */

enum {
	PROFILE_NAME_MAX = 64,
	GATEWAYS_MAX = 8,
	EAP_METHODS_MAX = 8,
	PROFILE_PATH_MAX = 1024,
	PROFILE_WORD_MAX = 256,
};

struct prefix_list { /* owned by the profile */
	size_t n;
	struct prefix *v;
};
bool prefix_list_has(const struct prefix_list *list, uint8_t family);

struct profile {
	char name[PROFILE_NAME_MAX];
	char file[PROFILE_PATH_MAX];

	/* [connection] */
	enum conn_type type;
	size_t n_gateways;
	char gateways[GATEWAYS_MAX][HOST_TEXT_MAX];
	uint16_t port;
	bool encapsulation; /* yes: UDP encapsulation even without NAT */
	enum dataplane_kind dataplane;
	enum tier security;
	bool reconnect;

	/* [local] */
	enum local_auth local_auth;
	struct identity
		local_id; /* ID_NONE: derived from the certificate, the user name or the address */
	char certificate[PROFILE_PATH_MAX], key[PROFILE_PATH_MAX];
	size_t n_eap;
	uint8_t eap[EAP_METHODS_MAX]; /* EAP type numbers allowed, in order */
	enum eap_ttls ttls; /* what goes inside EAP-TTLS */
	bool any_eap; /* neither methods nor a server are named: what does not work may be left out */

	/* [remote] */
	struct identity remote_id; /* ID_NONE: the gateway's name or address */
	enum remote_auth remote_auth;
	char remote_certificate[PROFILE_PATH_MAX], ca[PROFILE_PATH_MAX];
	enum revocation revocation;
	char crl[PROFILE_PATH_MAX];
	struct identity eap_id; /* of the server of EAP over TLS; ID_NONE: the gateway's */
	char eap_ca[PROFILE_PATH_MAX];

	/* [secrets]; len 0 with the *_given flag false: ask when it is needed */
	bool psk_given, password_given, key_passphrase_given, ppk_given;
	struct passphrase psk, password, key_passphrase, ppk;
	char ppk_id[PPK_ID_MAX + 1]; /* "": no post-quantum key */
	char user[PROFILE_WORD_MAX];
	char psk_file[PROFILE_PATH_MAX], password_file[PROFILE_PATH_MAX];

	/* [ike]; times in milliseconds, 0: never */
	struct proposals ike_proposals;
	struct proposals ike_accepted; /* of a gateway that renews phase 1 of IKEv1 */
	bool ike_proposals_default; /* not named by the profile */
	uint64_t ike_lifetime, dpd_interval;
	bool fragmentation, mobike, resumption, aggressive;
	enum mode_config mode_config;
	enum tri send_remote_id;

	/* [esp] */
	struct proposals esp_proposals;
	bool esp_proposals_default; /* not named by the profile */
	uint64_t esp_lifetime;
	uint64_t esp_octets, esp_packets; /* 0: no limit of ours */
	enum tri pfs; /* auto: the IKE SA's group, without where the gateway refuses */
	enum sa_mode mode;
	enum tri esn;
	uint32_t replay_window;
	struct selectors local_ts, remote_ts; /* n == 0: everything of the families in use */

	/* [network] */
	enum auto_choice address;
	struct prefix_list addresses; /* to ask for */
	enum auto_choice routes;
	struct prefix_list route_list, exclude;
	enum auto_choice dns;
	size_t n_dns;
	struct addr dns_list[NETCONF_DNS];
	size_t n_domains;
	char domains[NETCONF_DOMAINS][DOMAIN_TEXT_MAX];
	char interface[16]; /* "": of the host's choice */
	uint16_t mtu; /* 0: auto */
	enum killswitch killswitch;
	bool lan;
	struct prefix_list accept; /* n == 0: whatever is safe */

	/* [l2tp] */
	uint16_t source_port; /* 0: 1701, and another one where the gateway is silent on that */
	uint16_t known_ports
		[GATEWAYS_MAX]; /* which worked with each gateway, as its owner has kept it;
	                                     * 0: not known */
	char l2tp_hostname[L2TP_NAME_MAX];
	uint64_t hello_interval; /* milliseconds, 0: never */
	bool l2tp_secret_given;
	struct passphrase l2tp_secret;

	/* [ppp] */
	size_t n_ppp_auth;
	enum ppp_auth ppp_auth[PPP_AUTHS]; /* allowed, most wanted first */
	uint16_t mru; /* 0: what fits */
	char ppp_user[PROFILE_WORD_MAX]; /* "": user */
	bool ppp_password_given; /* else password */
	struct passphrase ppp_password;

	/* What the files named above hold, put here by cli/load before the session starts: engines
	 * open no files. */
	struct cert_list own_certs;
	struct key *own_key;
	struct trust *trust;
	struct evidence *crls; /* NULL: none */
	struct trust *eap_trust; /* for the server of EAP over TLS, NULL: the same */
};

/* Every default. NULL when memory runs out. */
struct profile *profile_new(const char *name);
void profile_free(struct profile *p);

/* What stands where a key should, in a section that holds secrets, and is like none: it may be the rest of one that
 * goes on in the next line, and is not to be shown. */
bool profile_may_be_secret(const char *section, const char *key);
/* Sets one key from text. CONFIG errors say what is wrong and what would be right, the nearest known
 * name for a section or key that does not exist. Order does not matter: what depends on other keys is
 * settled by profile_finish. */
bool profile_set(struct profile *p, const char *section, const char *key, const char *value,
	struct err *e) MUST_CHECK;
/* Settles what depends on several keys and checks the whole. Each problem is an err and the
 * section.key it belongs to; returns how many there are, of which the first max were written. */
struct profile_problem {
	char section[32], key[32];
	struct err err;
};
size_t profile_finish(struct profile *p, struct profile_problem *problems, size_t max);

/* A login by EAP over TLS may come, and needs trust in its server. */
bool profile_over_tls(const struct profile *p);

/* How a shared key begins that strongSwan's files would have in another writing: "0s (base64)", ...; NULL: it
 * does not, or none is used. */
const char *profile_coded_psk(const struct profile *p);

/* The table of keys: number i, or false past the end. */
struct profile_key {
	const char *section, *key;
	const char *fallback; /* default as text, "" for none */
	const char
		*values; /* "ikev2|ikev1|l2tp", "time", "prefixes", ... for help and completion */
	const char *story; /* one sentence */
	bool secret; /* shown as (hidden) */
};
bool profile_key(size_t i, struct profile_key *out);
/* The effective value of a key as text ("(hidden)" for a secret that is given, "" for none). */
char *profile_value(
	char *out, size_t size, const struct profile *p, const char *section, const char *key);

#endif
