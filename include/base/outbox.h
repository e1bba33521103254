/*
 * What the engines want done: plain values appended to an outbox, in order.
 *
 * An engine is a function (state, now, one input) -> actions. It never performs one: the edge does,
 * after the call returned, and later feeds the result back as an input. An action's variable part
 * lies in the outbox's own buffer and is found by offset, so an outbox can be handed to another
 * process as it is. Running out of memory marks the outbox failed; the edge then ends the session
 * with ERR_LOCAL.
 */
#ifndef BASE_OUTBOX_H
#define BASE_OUTBOX_H

#include "base/err.h"
#include "base/types.h"

enum action_kind {
	ACT_RESOLVE, /* struct resolve: find the gateway's addresses and the paths to them */
	ACT_FETCH, /* struct fetch + what is posted: by HTTP, answered with OS_FETCHED; a new one ends the last */
	ACT_SEND, /* struct send + datagram */
	ACT_ASK, /* struct ask: a question for the user */
	ACT_SA_EXPECT, /* struct sa_ref, inbound: its keys come with an answer that is on its way */
	ACT_SA_INSTALL, /* struct sa_spec */
	ACT_SA_REMOVE, /* struct sa_ref */
	ACT_SA_MOVE, /* struct sa_move: all SAs, to other outer addresses; answered with OS_SA_MOVED */
	ACT_NETCONF, /* struct netconf: this is how the machine shall be set up from now on */
	ACT_EVENT, /* struct event: something worth telling */
	ACT_KEYS, /* struct keys: for a file that Wireshark reads */
	ACT_L2TP_LINK, /* struct l2tp_link: what the data plane needs to carry L2TP */
	ACT_L2TP, /* struct l2tp_datagram: to be sent inside the SA, or not at all */
	ACT_DOWN, /* struct down: the session is over; nothing follows */
};

/* Which of the two sockets: the NAT traversal one puts four zero octets (the non-ESP marker of
 * RFC 3948) before IKE messages and carries ESP as well. The edge adds and strips the marker. */
enum ike_port { PORT_IKE, PORT_NATT };
/* Their numbers, ours where they are free and a gateway's (RFC 7296 section 2). */
enum { UDP_PORT_IKE = 500, UDP_PORT_NATT = 4500 };

enum { HOST_TEXT_MAX = 256, FETCH_URL_MAX = 512, EVENT_TEXT_MAX = 512, PROMPT_TEXT_MAX = 512 };

struct resolve {
	char host[HOST_TEXT_MAX]; /* name or address */
	uint16_t port; /* to be put in the addresses found */
};

struct fetch {
	uint32_t id; /* comes back with the answer */
	uint32_t ms; /* so long it may take in all */
	char url[FETCH_URL_MAX]; /* "http://..." */
	char type[64]; /* of what is posted; "": nothing is, the document is got */
	uint32_t len; /* of what is posted, behind this header */
	uint8_t data[];
};

struct send {
	enum ike_port from;
	struct addr local; /* family NONE: whatever the system chooses */
	struct addr remote; /* with port */
	uint32_t len; /* of the datagram behind this header, without marker */
	uint8_t data[];
};

/* L2TP inside a transport mode SA (RFC 3193): the data plane carries UDP between these two ports and
 * nothing else. Once it knows the session, packets of the inner interface go through it as PPP frames,
 * if packets says so. All zero: there is no L2TP. */
struct l2tp_link {
	uint16_t local_port, remote_port;
	uint16_t tunnel, session; /* ours, 0: there is none yet */
	uint16_t peer_tunnel, peer_session; /* the gateway's */
	bool packets;
};

/* What goes out between these ports. It must never leave outside of the SA, which is the newest one
 * that takes it (RFC 3193 section 3): without one it is dropped. */
struct l2tp_datagram {
	bool frame; /* a PPP frame, which the data plane makes a data message of, in turn with packets;
	             * else the payload of a UDP datagram as it is */
	uint32_t len;
	uint8_t data[];
};

enum ask_kind {
	ASK_USER,
	ASK_PASSWORD,
	ASK_CODE,
	ASK_PSK,
	ASK_PPK,
	ASK_PIN,
	ASK_KEY_PASSPHRASE,
	ASK_CONFIRM
};

struct ask {
	uint32_t id; /* comes back with the answer */
	enum ask_kind kind;
	bool echo; /* what is typed may be seen */
	bool again; /* the last answer was refused */
	char prompt[PROMPT_TEXT_MAX]; /* text of the gateway is already safe to print */
};

struct sa_ref {
	enum sa_dir dir;
	uint32_t spi;
	struct addr remote; /* outer */
	struct addr local;
};

struct sa_move {
	struct addr local, remote; /* outer, with ports */
};

enum killswitch { KILLSWITCH_NO, KILLSWITCH_YES, KILLSWITCH_STRICT };
enum route_kind {
	ROUTE_TUNNEL, /* into the tunnel */
	ROUTE_BYPASS, /* left to the main table */
	ROUTE_BLOCK, /* goes nowhere: the tunnel does not carry it and it must not leak */
};

struct route {
	enum route_kind kind;
	struct prefix dst;
};

enum { NETCONF_ADDRS = 8, NETCONF_DNS = 8, NETCONF_DOMAINS = 32, DOMAIN_TEXT_MAX = 256 };

/* The whole of what the machine shall look like; a later one replaces it. All zero: as before. */
struct netconf {
	uint16_t mtu; /* of the inner interface, octets */
	bool lan; /* networks on the link stay reachable directly */
	bool dns_default; /* all names are asked through the tunnel, not only the domains */
	enum killswitch killswitch;
	struct addr gateway; /* outer address of the gateway, never routed into the tunnel */
	uint32_t n_addrs, n_dns, n_domains;
	struct prefix addrs[NETCONF_ADDRS]; /* ip with host bits, len of the subnet assigned */
	struct addr dns[NETCONF_DNS];
	char domains[NETCONF_DOMAINS][DOMAIN_TEXT_MAX]; /* lower case, without a final dot */
	uint32_t n_routes;
	struct route routes[];
};

enum event_kind {
	EV_STAGE, /* progress while connecting: one line a stage */
	EV_UP, /* the tunnel carries traffic */
	EV_REKEYED,
	EV_NOT_REKEYED, /* the gateway refused; it is tried again */
	EV_MOVED, /* this machine's address changed, and the tunnel went along */
	EV_GATEWAY_SAID, /* a banner, an EAP notification, a notify in words */
	EV_WARNING,
	EV_LOST, /* the tunnel does not carry traffic any more */
	EV_RECONNECTING, /* as asked, or (LEVEL_WARN) after an attempt that failed */
	EV_LOG, /* for the log only */
};

enum level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG, LEVEL_TRACE };

struct event {
	enum event_kind kind;
	enum level level;
	uint16_t notify; /* NOT_REKEYED: what the gateway said, 0: nothing */
	char text[EVENT_TEXT_MAX]; /* without secrets, safe to print */
};

enum down_status { /* exit statuses */
	DOWN_ASKED = 0,
	DOWN_OTHER = 1,
	DOWN_USAGE = 2,
	DOWN_PROFILE = 3,
	DOWN_UNREACHABLE = 4,
	DOWN_NO_PROPOSAL = 5,
	DOWN_NOT_ACCEPTED = 6,
	DOWN_NOT_THE_GATEWAY = 7,
	DOWN_MACHINE = 8,
	DOWN_LOST = 9,
	DOWN_REFUSED = 10,
};

struct down {
	enum down_status status;
	char what[ERR_TEXT_MAX]; /* what failed */
	char said[EVENT_TEXT_MAX]; /* what the gateway said, by name and number; "nothing" */
	char advice[EVENT_TEXT_MAX]; /* what to try */
};

struct action {
	enum action_kind kind;
	size_t at, len; /* where its struct lies in the outbox's data */
};

struct outbox {
	struct action *actions;
	size_t n, cap;
	uint8_t *data;
	size_t used, room;
	bool failed; /* memory ran out: something is missing */
	enum level log_level; /* EV_LOG above this is not even formatted */
	bool keys; /* ACT_KEYS is asked for, else there is none */
};

void outbox_init(struct outbox *ob);
/* Empty again, memory kept; what was in it is wiped, for it may hold keys. */
void outbox_clear(struct outbox *ob);
void outbox_free(struct outbox *ob);
/* Room for an action's struct of len octets, zeroed and aligned for any type; NULL when memory ran
 * out. Valid until the next call that appends. */
void *outbox_add(struct outbox *ob, enum action_kind kind, size_t len);
/* The struct of action number i: struct send for ACT_SEND, and so on. */
const void *outbox_get(const struct outbox *ob, size_t i);

void outbox_send(struct outbox *ob, enum ike_port from, const struct addr *local,
	const struct addr *remote, const void *data, size_t len);
/* Whoever answers may send by the new SA at once (RFC 7296 section 2.8), and so before the answer has been
 * read: what comes is kept until the SA is installed, or removed. It may be said again. */
void outbox_sa_expect(struct outbox *ob, const struct sa_ref *ref);
void outbox_sa_install(struct outbox *ob, const struct sa_spec *spec);
void outbox_sa_remove(struct outbox *ob, const struct sa_ref *ref);
void outbox_keys(struct outbox *ob, const struct keys *keys); /* nothing unless ob->keys */
void outbox_event(struct outbox *ob, enum event_kind kind, enum level level, const char *fmt, ...)
	PRINTF(4, 5);
void outbox_not_rekeyed(struct outbox *ob, uint16_t notify, const char *fmt, ...) PRINTF(3, 4);
void outbox_log(struct outbox *ob, enum level level, const char *fmt, ...) PRINTF(3, 4);

#endif
