/*
 * What both IKE versions share towards the session: inputs, configuration, and the view of an
 * engine that status and hints are made from.
 */
#ifndef IKE_IKE_H
#define IKE_IKE_H

#include <time.h>

#include "base/outbox.h"
#include "crypto/cert.h"
#include "crypto/revocation.h"
#include "crypto/rng.h"
#include "eap/eap.h"
#include "ike/id.h"
#include "ike/prop.h"

enum { PPK_ID_MAX = 128 }; /* octets of a PPK_ID, without its type */
enum { TICKET_MAX = 4096 }; /* octets of a ticket, which goes in one datagram that nobody cuts */

enum tri { TRI_AUTO, TRI_YES, TRI_NO };

struct datagram {
	enum ike_port on; /* the socket it came in by; the non-ESP marker is gone */
	struct addr local, remote; /* with ports */
	const uint8_t *data; /* for the duration of the call */
	size_t len;
};

enum { PATHS_MAX = 16 };

/* One way to the gateway: what ACT_RESOLVE is answered with. */
struct path {
	struct addr local; /* our address towards it, port of our IKE socket */
	uint16_t local_natt_port; /* port of our NAT traversal socket */
	struct addr remote; /* with the port asked for */
	uint16_t mtu; /* octets, 0: unknown */
	bool shared; /* another connection of this machine goes there */
	struct addr next_hop; /* family NONE: there is none */
};

enum os_kind {
	OS_PATHS, /* answer to ACT_RESOLVE: paths, or why there is none in err */
	OS_SA_INSTALLED, /* answer to ACT_SA_INSTALL: spi, ok, err */
	OS_SA_MOVED, /* answer to ACT_SA_MOVE: ok, or new SAs are needed */
	OS_NETCONF_DONE, /* answer to ACT_NETCONF: ok, err */
	OS_PATH_CHANGED, /* addresses or routes outside the tunnel changed: paths has the new one */
	OS_RESUMED, /* the machine slept */
	OS_INBOUND, /* authentic ESP came in since the last such input: the gateway lives */
	OS_SA_USED, /* first authentic packet on inbound SA spi */
	OS_SA_EXPIRING, /* SA spi nears its last sequence number or its volume limit */
	OS_SA_EXPIRED, /* outbound SA spi has reached it, and carries nothing more */
	OS_SEND_FAILED, /* a SEND did not go out; err says why */
	OS_LINK_FAILED, /* what ACT_L2TP_LINK asked for cannot be had: port_taken, err */
	OS_INTERFACE_GONE, /* somebody removed the inner interface: err */
	OS_FETCHED, /* answer to ACT_FETCH: spi is its id; ok, body, or why there is none in err */
};

/* After OS_SA_EXPIRED: a rekey that is under way may still end well, else the child SA ends. */
enum { IKE_EXPIRED_GRACE_MS = 3000 };

struct os_input {
	enum os_kind kind;
	bool ok;
	bool port_taken; /* another program has the port: another port may do */
	uint32_t spi;
	size_t n_paths;
	struct path paths[PATHS_MAX];
	struct bytes body; /* for the duration of the call */
	struct err err;
};

enum command { CMD_REKEY_IKE, CMD_REKEY_CHILD, CMD_REKEY_ALL, CMD_RECONNECT };

/* RFC 5723: what an IKE SA that was lost is made anew from, without key exchange and login: the gateway's ticket for
 * it, and what the table in section 5 keeps. It holds a key, which resumption_free wipes. */
struct resumption {
	uint64_t until; /* as long as the gateway takes the ticket */
	size_t ticket_len; /* 0: there is none */
	uint8_t ticket[TICKET_MAX];
	struct secret sk_d;
	struct suite suite;
	struct identity idi, idr;
	struct addr local; /* where we were ... */
	bool encap; /* ... and whether ESP went in UDP there */
	bool bare; /* AUTH covers the message alone: what libreswan makes of section 4.3.3 */
	bool quantum_safe; /* as struct ike_view has these */
	bool sha1;
	uint8_t eap;
	char revocation[REVOCATION_TEXT_MAX]; /* what was found at the login */
};

enum ike_auth { IKE_AUTH_BY_PSK, IKE_AUTH_BY_CERT, IKE_AUTH_BY_EAP };

/* Who starts the configuration exchange of IKEv1. */
enum mode_config { MODE_CONFIG_PULL, MODE_CONFIG_PUSH, MODE_CONFIG_NO };

/* How one connection shall be made. Everything pointed to belongs to the profile and outlives the
 * engine. Times in milliseconds, 0: never. */
struct ike_config {
	const struct proposals *ike_proposals, *esp_proposals;
	const struct proposals *ike_accepted; /* IKEv1: from a gateway that renews phase 1 */
	enum tier security;
	enum ike_auth local_auth;
	bool remote_psk; /* the gateway proves itself by the pre-shared key, else by certificate */
	struct identity local_id; /* ID_NONE: our address, or the certificate's subject */
	struct identity remote_id; /* what the gateway must prove to be */
	bool remote_id_strict; /* the profile names it: also with a pre-shared key */
	bool send_remote_id; /* IDr of IKEv2 */
	const struct passphrase *psk; /* NULL: ask */
	/* IKEv2, RFC 8784: mixed into the keys, and a gateway that does not do the same is none for us. NULL: no */
	const struct passphrase *ppk;
	const char *ppk_id;
	const struct cert_list *certs;
	const struct key *key;
	bool pss; /* IKEv2: an RSA key signs by PSS where the gateway's announcements allow it */
	struct trust *trust;
	bool pinned; /* trust holds the gateway's own certificate or key */
	enum revocation revocation;
	const struct evidence *crls; /* of the profile; NULL: none */
	const struct evidence *fetched; /* what others said; NULL: nothing */
	bool inquired; /* they were asked: the engine need not want that any more */
	struct eap_config eap;
	uint64_t ike_lifetime, child_lifetime, dpd_interval;
	uint64_t child_octets, child_packets; /* through one SA of a child, 0: no limit of ours */
	bool fragmentation;
	bool force_encap; /* UDP encapsulation whatever NAT detection says */
	enum sa_mode mode;
	enum tri esn, pfs;
	uint32_t replay_window;
	/* Between us and the gateway there may be another IKE SA of this identity that shall live: no INITIAL_CONTACT
	 * (RFC 7296 section 2.4, RFC 2407 section 4.6.3.3). */
	bool not_alone;
	bool mobike; /* IKEv2, tunnel mode: RFC 4555 */
	bool resumption; /* IKEv2: the gateway is asked for tickets */
	const struct resumption *resume; /* IKEv2: the SA to begin with; NULL: a new login */
	bool want_address; /* ask for addresses by configuration payload */
	size_t n_want; /* those asked for by name, or any of a family (all zero); 0: any of both */
	struct prefix want[NETCONF_ADDRS];
	struct selectors local_ts, remote_ts; /* n == 0: everything */
	/* IKEv1 only. IKE_AUTH_BY_EAP stands for hybrid there: we prove ourselves by the login alone. */
	bool xauth; /* a login follows phase 1; user and password are those of eap */
	bool aggressive;
	enum mode_config mode_config;
	/* In transport mode where no selectors are named: from our address to the gateway's, this
	 * protocol and these ports (0: all). L2TP sets 17, its own source port, and 1701. */
	uint8_t ts_proto;
	uint16_t local_ts_port, remote_ts_port;
};

/* What the gateway assigned by configuration payload or mode configuration, checked for form only. */
enum { GRANTED_SUBNETS = 256 };
struct granted {
	uint32_t n_addrs, n_dns, n_domains, n_subnets, n_excluded;
	struct prefix addrs[NETCONF_ADDRS];
	struct addr dns[NETCONF_DNS];
	char domains[NETCONF_DOMAINS][DOMAIN_TEXT_MAX];
	struct prefix subnets[GRANTED_SUBNETS];
	struct prefix excluded[GRANTED_SUBNETS]; /* not meant for the tunnel */
	bool split; /* only the subnets are meant for the tunnel, whatever the selectors say */
	char version[128]; /* APPLICATION_VERSION, safe to print */
};

/* Where an engine is; hints and the exit status are made from the stage it failed in. */
enum ike_stage {
	STAGE_RESOLVE, /* finding the gateway */
	STAGE_INIT, /* agreeing on keys (IKE_SA_INIT, main mode 1-4) */
	STAGE_AUTH, /* proving identities */
	STAGE_EAP, /* logging in */
	STAGE_CHILD, /* the tunnel itself */
	STAGE_L2TP, /* calling the L2TP server; this and the next three are not an IKE engine's */
	STAGE_PPP_LINK, /* LCP: before any login */
	STAGE_PPP_LOGIN,
	STAGE_PPP, /* agreeing on what PPP carries */
	STAGE_UP,
	STAGE_REKEY,
};

/* What the gateway's answer waits for, and so how long it will take. */
enum ike_wait {
	WAIT_CHOICE, /* of a proposal, which is no work: the answer is about to come */
	WAIT_KEYS, /* its key exchange value */
	WAIT_PROOF, /* that it is who it says, and what comes after */
};

enum ike_phase {
	IKE_CONNECTING,
	IKE_UP,
	IKE_CLOSING, /* deletes are on their way */
	IKE_DEAD, /* ike_view.failure says why; ERR_NONE: closed as asked */
};

enum { IKE_CHILDREN_MAX = 64 };
/* A person who takes so long for an answer may find the gateway gone: many forget who has not logged in after
 * half a minute. */
enum { IKE_LATE_MS = 20000 };

struct ike_child_view {
	uint32_t number, spi_in, spi_out;
	enum sa_mode mode;
	bool encap;
	struct suite suite;
	const struct selectors *local_ts, *remote_ts; /* valid until the engine's next call */
	uint64_t rekey_at;
};

/* What came of looking for revocation; the engine owns it. */
struct proof_revocation {
	char told[REVOCATION_TEXT_MAX]; /* as struct ike_view has it */
	struct inquiry *inquiry; /* NULL: nothing is to be asked of others */
};

struct ike_view {
	enum ike_phase phase;
	enum ike_stage stage;
	struct err failure;
	int version;
	uint8_t spi_i[8], spi_r[8];
	struct suite suite;
	struct addr local, remote;
	bool nat, encap;
	bool rekeying; /* a rekey of ours is under way */
	bool cookie; /* the gateway asked for one: it is under load */
	bool resumed; /* from an IKE SA that was lost */
	uint64_t ticket_until; /* there is a ticket, good until then; 0: none */
	bool proved; /* the gateway proved itself, and what it said after that is its own */
	bool pkcs1; /* we signed by PKCS#1 v1.5, and may by PSS */
	bool sha1; /* a signature of either side was made by it, whatever the suite */
	uint8_t eap; /* the EAP method that was agreed on, 0: none */
	bool eap_tls_failed; /* TLS with its server did */
	/* RFC 8784: the keys need more than what was said on the wire; or a key exchange behind them is of that
	 * kind. */
	bool quantum_safe;
	const char *local_id, *remote_id; /* text; valid until the engine's next call */
	/* "good", "unchecked" or "unknown: why"; "": no certificate proved anything yet. */
	const char *revocation;
	char vendor[64];
	uint64_t rekey_at; /* TIME_NEVER: not */
	uint64_t reauth_at, login_ends; /* when to log in anew, and until when that must be done */
	uint32_t rekeys_ike, rekeys_child;
	size_t n_children;
	struct ike_child_view children[IKE_CHILDREN_MAX];
};

#endif
