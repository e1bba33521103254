/*
 * The anti-replay window of one inbound SA (RFC 4303 section 3.4.3 and appendix A2, with the ring
 * of RFC 6479 in place of a shifting bit string).
 *
 * Invariant: for every sequence number s with top - window < s <= top, its bit tells whether s was
 * taken; no bit above top is set within the ring's reach. Numbers are looked up before a packet is
 * authenticated and taken only after, so a forged packet never moves the window.
 */
#ifndef ESP_REPLAY_H
#define ESP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

/* At least the widest window and one word more: what leaves the window is cleared a word at a time,
 * so up to 63 numbers ahead of it take their place early. A power of two, for 2^64 has to be a
 * multiple of it. */
enum { REPLAY_BITS = 8192, REPLAY_WORDS = REPLAY_BITS / 64 };

struct replay {
	uint64_t top; /* the highest number taken; 0: none yet */
	uint32_t window; /* packets, at most ESP_REPLAY_MAX */
	bool esn;
	uint64_t bits[REPLAY_WORDS];
};

void replay_init(struct replay *r, uint32_t window, bool esn);
/* The whole sequence number behind the 32 bits of the packet. False: it was taken before, lies left
 * of the window, or cannot be a sequence number at all. */
bool replay_look(const struct replay *r, uint32_t low, uint64_t *seq);
/* Takes a number that replay_look gave for the packet that was now found authentic. */
void replay_take(struct replay *r, uint64_t seq);

#endif
