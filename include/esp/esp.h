/*
 * ESP (RFC 4303) as a pure transform: one SA, packets in place, in batches.
 *
 * No sockets and no clock: the userspace data plane (edge/dataplane) and the tests call it directly,
 * from one thread an SA. A packet lives in a buffer of the caller with room before and behind it;
 * sealing puts header, IV, padding and check value around it, opening takes them off. What an SA can
 * never do: use an IV twice with its key (the IV of counter modes is the sequence number, which is
 * only ever incremented and stops before it wraps, RFC 4303 section 3.3.3), or accept a sequence
 * number twice (RFC 6479-style window, checked before and set only after authentication).
 */
#ifndef ESP_ESP_H
#define ESP_ESP_H

#include "base/err.h"
#include "base/types.h"
#include "crypto/alg.h"
#include "crypto/rng.h"

enum {
	ESP_HEADROOM = 8 + 16, /* SPI, sequence number, longest IV */
	ESP_TAILROOM =
		255 + 2 + 16 + 32, /* padding, trailer, longest check value, slack for blocks */
	ESP_REPLAY_MIN = 64,
	ESP_REPLAY_MAX = 4096,
	ESP_BATCH = 64, /* packets: more at a time are no faster */
};

/* Why a packet was not let through; each has a counter. */
enum esp_verdict {
	ESP_OK,
	ESP_DUMMY, /* next header 59: discarded without a word (RFC 4303 section 2.6) */
	ESP_SHORT, /* not even a header, or not a whole number of blocks */
	ESP_REPLAYED, /* seen before, or left of the window */
	ESP_NOT_AUTHENTIC,
	ESP_BAD_PADDING, /* authentic, but padding or next header are wrong */
	ESP_BAD_INNER, /* authentic, but the inner packet is not what the selectors allow */
	ESP_EXHAUSTED, /* sealing: the sequence numbers of this SA are used up */
	ESP_NO_ROOM, /* the buffer has no room around the packet */
	ESP_FAILED, /* OpenSSL failed */
	ESP_VERDICTS,
};

struct esp_packet {
	uint8_t *room; /* the buffer ... */
	size_t room_len;
	uint8_t *data; /* ... and the packet in it */
	size_t len;
	uint8_t next_header; /* seal: what the payload is (4 IPv4, 41 IPv6; transport: the protocol);
	                      * open: what it was */
	enum esp_verdict verdict;
};

struct esp_counters {
	uint64_t packets, bytes; /* of inner packets let through */
	uint64_t verdicts[ESP_VERDICTS];
};

struct esp_sa;

/* rng is copied from (a seed for the IVs of CBC); spec is copied, its replay window brought into
 * ESP_REPLAY_MIN .. ESP_REPLAY_MAX. LOCAL or BUG on failure. */
struct esp_sa *esp_new(const struct sa_spec *spec, struct rng *rng, struct err *e) MUST_CHECK;
void esp_free(struct esp_sa *sa); /* wipes; NULL is fine */
const struct sa_spec *esp_spec(const struct esp_sa *sa); /* without keys */
/* Other outer addresses; nothing else changes. */
void esp_move(struct esp_sa *sa, const struct addr *local, const struct addr *remote);
const struct esp_counters *esp_counters(const struct esp_sa *sa);

/* Each packet gets a verdict; those that are ESP_OK now point at the result. Return how many are OK. */
size_t esp_seal(struct esp_sa *sa, struct esp_packet *packets, size_t n);
size_t esp_open(struct esp_sa *sa, struct esp_packet *packets, size_t n);

/* Sequence numbers left before esp_seal stops; the SA must be replaced long before. */
uint64_t esp_left(const struct esp_sa *sa);
/* Three quarters of esp_packets_max or esp_octets_max are used up: in either direction it is time
 * for a new SA. */
bool esp_expiring(const struct esp_sa *sa);
/* The packets and octets that may go through an SA: as its specification says, and no more than there
 * are sequence numbers and than its cipher bears, which is limited where blocks have 64 bits (Sweet32),
 * else UINT64_MAX. */
uint64_t esp_packets_max(const struct sa_spec *spec);
uint64_t esp_octets_max(const struct sa_spec *spec);
/* Was the packet authentic, whatever else was wrong with it? Then the peer is alive. */
bool esp_authentic(enum esp_verdict v);
/* Octets that sealing puts before a packet, and behind one of len octets. */
size_t esp_before(const struct esp_sa *sa);
size_t esp_behind(const struct esp_sa *sa, size_t len);
/* Octets that sealing adds to an inner packet of len octets, without outer IP and UDP header. */
size_t esp_overhead(const struct sa_spec *spec, size_t len);
/* The largest inner packet whose sealed form, with outer IP (and UDP when encap), fits into mtu. */
uint16_t esp_inner_mtu(const struct sa_spec *spec, uint16_t mtu);

/* Lowers the MSS option of a TCP SYN in an inner packet to what mtu allows, mending the checksum
 * (RFC 1624). Anything else is left alone. */
void esp_clamp_mss(uint8_t *packet, size_t len, uint16_t mtu);
/* Does the packet match one of the SA's selectors in its direction (source side for SA_OUT is
 * local_ts)? Fragments without ports match only selectors for all ports (RFC 4301 section 7). */
bool esp_selects(const struct sa_spec *spec, const uint8_t *packet, size_t len);

#endif
