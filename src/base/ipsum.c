#include "base/ipsum.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define WIDE __attribute__((target("avx2")))
#endif

/* The sum does not care for the order of octets (RFC 1071 section 2 B): it is made of the machine's own
 * words and turned round at the end. Four octets at a time into eight, so that nothing is carried before
 * the end (section 2 C), and into several sums, that none waits for another. */
typedef uint64_t lanes __attribute__((vector_size(32), aligned(1), may_alias));

enum { LANES = 4, STEP = 2 * sizeof(lanes) };

static uint64_t add_halves(uint64_t sum, uint64_t v)
{
	return sum + (v & 0xffffffff) + (v >> 32);
}

static uint16_t fold16(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* All whole words, copied as well where that is wanted. */
static inline __attribute__((always_inline)) uint64_t add_words(
	const uint8_t *p, size_t n, bool copy, uint8_t *to)
{
	lanes even = { 0 }, odd = { 0 };
	uint64_t sum = 0;

	for (; n >= STEP; n -= STEP, p += STEP) {
		const lanes *from = (const lanes *)p;
		lanes a = from[0], b = from[1];
		if (copy) {
			((lanes *)to)[0] = a;
			((lanes *)to)[1] = b;
			to += STEP;
		}
		even += (a & 0xffffffff) + (a >> 32);
		odd += (b & 0xffffffff) + (b >> 32);
	}
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v = load64(p);
		if (copy) {
			memcpy(to, &v, sizeof(v));
			to += sizeof(v);
		}
		sum = add_halves(sum, v);
	}
	even += odd;
	for (size_t i = 0; i < LANES; i++)
		sum += even[i];
	return sum;
}

#ifdef WIDE
WIDE static uint64_t add_words_wide(const uint8_t *p, size_t n)
{
	return add_words(p, n, false, NULL);
}

WIDE static uint64_t copy_words_wide(const uint8_t *p, size_t n, uint8_t *to)
{
	return add_words(p, n, true, to);
}
#endif

static uint64_t add_all_words(const uint8_t *p, size_t n, uint8_t *to)
{
#ifdef WIDE
	if (n >= 128 && CPU_FEATURE_ACTIVE(AVX2))
		return to ? copy_words_wide(p, n, to) : add_words_wide(p, n);
#endif
	return to ? add_words(p, n, true, to) : add_words(p, n, false, NULL);
}

/* Up to seven octets. */
static uint64_t add_rest(const uint8_t *p, size_t n)
{
	uint8_t last[2] = { 0 };
	uint32_t four = 0;
	uint16_t two = 0, one = 0;

	if (n & 4) {
		memcpy(&four, p, sizeof(four));
		p += sizeof(four);
	}
	if (n & 2) {
		memcpy(&two, p, sizeof(two));
		p += sizeof(two);
	}
	if (n & 1) {
		last[0] = *p;
		memcpy(&one, last, sizeof(one));
	}
	return (uint64_t)four + two + one;
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n, uint8_t *to)
{
	size_t rest = n % 8;
	uint8_t word[2];

	uint16_t native = fold16(add_all_words(p, n, to) + add_rest(p + n - rest, rest));
	memcpy(word, &native, sizeof(word));
	/* Folded, so that a caller may add as often as it likes. */
	return ((sum & 0xffff) + (sum >> 16)) + ((uint32_t)word[0] << 8 | word[1]);
}

uint32_t ipsum_add(uint32_t sum, const void *data, size_t n)
{
	return add(sum, data, n, NULL);
}

uint32_t ipsum_copy(uint32_t sum, void *to, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint8_t *out = to;
	size_t rest = n % 8;

	memcpy(out + n - rest, p + n - rest, rest);
	return add(sum, p, n, out);
}

uint32_t ipsum_pseudo(const uint8_t *addrs, size_t len, uint8_t proto, size_t payload)
{
	return ipsum_add(proto + (uint32_t)payload, addrs, 2 * len);
}

uint16_t ipsum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
