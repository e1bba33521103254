/*
 * A wire between a client and a gateway, on a clock that only the test moves.
 *
 * Each side is a function that leaves actions in an outbox. net_perform does what an edge would:
 * datagrams go on their way, with the loss, duplicates, reordering and delay asked for; SAs go into
 * a simulated data plane. Everything else is the caller's. One seed gives one course of events.
 * Times are milliseconds.
 */
#ifndef TESTS_PAIR_NET_H
#define TESTS_PAIR_NET_H

#include "base/outbox.h"

enum end { CLIENT, GATEWAY, ENDS };

struct net_config {
	uint32_t seed;
	unsigned loss, dup, reorder; /* per cent of the datagrams */
	unsigned delay, jitter; /* each takes delay + 0..jitter; a reordered one twice that more */
	bool keys; /* both ends are asked for those of their SAs */
	bool nat; /* the gateway sees the client at another address and port */
};

/* A datagram on its way. ESP is only simulated: the SPI and the key it was sealed with. */
struct flight {
	uint64_t at, order;
	enum end to;
	struct addr src, dst;
	bool esp;
	uint32_t spi;
	struct secret key;
	size_t len;
	uint8_t *data;
};

/* What SA_INSTALL and SA_REMOVE came to at one end. */
enum { PLANE_MAX = 512 };
struct plane {
	size_t n;
	struct sa_spec *sa[PLANE_MAX]; /* oldest first */
	unsigned installs;
	uint32_t expected; /* the last SPI that was, 0: it has been installed or removed */
	uint32_t before; /* the one before that, where it has not */
	bool cannot_move; /* as in the kernel */
	unsigned errors; /* an SPI installed twice, or removed without being there */
};

/* The keys that an end told. */
enum { KEYS_TOLD_MAX = 32 };
struct keys_told {
	size_t n;
	struct keys v[KEYS_TOLD_MAX];
};

/* What a test wants done with datagrams under way: true takes it off the wire. May change data in
 * place; may send others by net_send. */
struct net;
typedef bool net_tap(void *arg, struct net *n, enum end from, struct flight *f);

struct net {
	struct net_config cfg;
	uint64_t now, order, random;
	struct flight *flights; /* a heap, the next one first */
	size_t n, cap;
	struct plane plane[ENDS];
	struct keys_told keys[ENDS];
	unsigned sent[ENDS], esp_sent, esp_lost; /* lost: nobody could open them */
	unsigned lost_at[ENDS]; /* ... at that end */
	net_tap *tap;
	void *tap_arg;
	bool trace; /* every datagram is printed; on when PAIR_TRACE is set */
};

void net_init(struct net *n, const struct net_config *cfg);
void net_free(struct net *n);
uint32_t net_random(struct net *n, uint32_t bound); /* 0 .. bound - 1 */
/* Puts a datagram on the wire as it is, to arrive after so many milliseconds. */
void net_send(struct net *n, enum end to, const struct addr *src, const struct addr *dst,
	const void *data, size_t len, uint64_t after);
/* SEND, SA_INSTALL and SA_REMOVE of the outbox. */
void net_perform(struct net *n, enum end from, const struct outbox *ob);
void net_perform_one(struct net *n, enum end from, enum action_kind kind, const void *a);
/* An ESP packet over the newest outbound SA, if there is one. */
void net_ping(struct net *n, enum end from);
/* When the next datagram arrives, TIME_NEVER: none is under way. */
uint64_t net_next(const struct net *n);
/* Takes the next one off the wire; the caller frees data. */
struct flight net_take(struct net *n);
void net_lose_all(struct net *n); /* what is under way */
/* A tap: a network where nothing passes by UDP port 500. arg: unsigned, counts what did by the other one. */
net_tap net_shuts_500;
/* Nothing comes from the gateway. */
net_tap net_deaf;
/* The inbound SA that opens this ESP packet, or NULL (and it counts as lost). */
const struct sa_spec *net_open(struct net *n, enum end at, const struct flight *f);
const struct sa_spec *plane_find(const struct plane *p, enum sa_dir dir, uint32_t spi);
size_t plane_count(const struct plane *p, enum sa_dir dir);
const struct sa_spec *plane_sends_by(const struct plane *p); /* the newest outbound SA, or NULL */

#endif
