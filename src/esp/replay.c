#include "replay.h"

#include <string.h>

#include "esp/esp.h"

_Static_assert(REPLAY_BITS >= ESP_REPLAY_MAX + 64, "the ring holds the widest window");

void replay_init(struct replay *r, uint32_t window, bool esn)
{
	memset(r, 0, sizeof(*r));
	r->window = window;
	r->esn = esn;
}

static uint64_t *replay_word(struct replay *r, uint64_t word)
{
	return &r->bits[word % REPLAY_WORDS];
}

static bool replay_taken(const struct replay *r, uint64_t seq)
{
	return r->bits[seq / 64 % REPLAY_WORDS] >> seq % 64 & 1;
}

/* RFC 4303 appendix A2.2: the high half that puts the number into the window, or else ahead of it.
 * False where that half would lie before the first or after the last of all. */
static bool replay_extend(const struct replay *r, uint32_t low, uint64_t *seq)
{
	uint32_t top_low = (uint32_t)r->top, high = (uint32_t)(r->top >> 32);
	uint32_t bottom = top_low - (r->window - 1);

	if (top_low >= r->window - 1) { /* case A: the window lies within one subspace */
		if (low < bottom && high++ == UINT32_MAX)
			return false;
	} else { /* case B: its left part lies in the subspace before */
		if (low >= bottom && high-- == 0)
			return false;
	}
	*seq = (uint64_t)high << 32 | low;
	return true;
}

bool replay_look(const struct replay *r, uint32_t low, uint64_t *seq)
{
	*seq = low;
	if (r->esn && !replay_extend(r, low, seq))
		return false;
	if (*seq == 0) /* the first packet has number 1 (RFC 4303 section 3.3.3) */
		return false;
	if (*seq > r->top)
		return true;
	return r->top - *seq < r->window && !replay_taken(r, *seq);
}

void replay_take(struct replay *r, uint64_t seq)
{
	if (seq > r->top) {
		uint64_t word = r->top / 64, last = seq / 64;

		if (last - word >= REPLAY_WORDS)
			memset(r->bits, 0, sizeof(r->bits));
		else
			while (word < last)
				*replay_word(r, ++word) = 0;
		r->top = seq;
	}
	*replay_word(r, seq / 64) |= (uint64_t)1 << seq % 64;
}
