/*
 * What `status` tells: one value that the text and the JSON form are both made from.
 * The session fills in what it knows; the program adds the counters of the data plane and what the
 * host set up. Times left are seconds, -1 where there is no such limit.
 */
#ifndef SESSION_STATUS_H
#define SESSION_STATUS_H

#include "base/outbox.h"
#include "crypto/revocation.h"

enum conn_state { STATE_CONNECTING, STATE_UP, STATE_REKEYING, STATE_RECONNECTING, STATE_DOWN };

enum {
	STATUS_CHILDREN = 64,
	STATUS_TS = 8,
	STATUS_TEXT = 160,
	STATUS_WEAK = 8,
	STATUS_ROUTES = 64
};

struct status_child {
	uint32_t spi_in, spi_out;
	enum sa_mode mode;
	bool encap;
	char proposal[STATUS_TEXT];
	size_t n_local, n_remote; /* all there are; the arrays hold the first STATUS_TS */
	char local_ts[STATUS_TS][SELECTOR_TEXT_MAX], remote_ts[STATUS_TS][SELECTOR_TEXT_MAX];
	uint64_t bytes_in, bytes_out, packets_in, packets_out, replay_drops, integrity_failures;
	int64_t rekey_in;
};

struct status {
	char profile[64];
	enum conn_state state;
	const char *type; /* "ikev2", ... */
	const char *dataplane; /* "kernel" or "userspace" */
	int64_t up_for; /* seconds since the tunnel came up, -1: it is not up */
	const char *keylog; /* where keys are written to; NULL: nowhere */
	struct {
		char name[HOST_TEXT_MAX], id[STATUS_TEXT], vendor[STATUS_TEXT];
		char revocation[REVOCATION_TEXT_MAX]; /* as struct ike_view has it */
		struct addr address;
	} gateway;
	struct {
		struct addr address;
		char id[STATUS_TEXT];
		bool nat; /* a NAT lies between */
	} local;
	struct {
		int version;
		uint8_t spi_i[8], spi_r[8];
		char proposal[STATUS_TEXT];
		int64_t rekey_in, reauth_in;
		bool quantum_safe;
		bool resumed; /* by a ticket, without a new login (RFC 5723) ... */
		int64_t ticket_for; /* ... and there is one for the next time, for so long */
	} ike;
	size_t n_children;
	struct status_child children[STATUS_CHILDREN];
	struct { /* L2TP only; auth is "" without */
		char auth[32], server[STATUS_TEXT];
		uint16_t source_port; /* ours inside the SA ... */
		bool port_for_now; /* ... and not one to begin with the next time */
		struct addr peer; /* family NONE: it did not tell */
		uint16_t mru; /* of the gateway: the largest packet it takes */
	} ppp;
	size_t n_addrs;
	struct prefix addrs[NETCONF_ADDRS];
	size_t n_dns, n_domains;
	struct addr dns[NETCONF_DNS];
	char domains[NETCONF_DOMAINS][DOMAIN_TEXT_MAX];
	char dns_via[32]; /* "": nobody was told of the servers, or */
	bool dns_covered; /* another tunnel's took their place */
	size_t n_routes; /* all there are; the array holds the first STATUS_ROUTES */
	size_t n_of_kind[ROUTE_BLOCK + 1]; /* all there are, of each enum route_kind */
	struct route routes[STATUS_ROUTES];
	char rivals[STATUS_ROUTES]
		   [16]; /* the interface of the tunnel that carries it instead, or "" */
	char interface[16];
	uint16_t mtu;
	enum killswitch killswitch;
	size_t n_weak;
	char weak[STATUS_WEAK][32];
	uint32_t rekeys_ike, rekeys_child;
	uint32_t reconnects; /* how often the tunnel was gone and came back */
	char last_error[ERR_TEXT_MAX];
};

#endif
