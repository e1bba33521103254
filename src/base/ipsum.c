#include "base/ipsum.h"

#include <string.h>

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define WIDE __attribute__((target("avx2")))
#endif

/* The sum does not care for the order of octets (RFC 1071 section 2 B): it is made of the machine's own
 * words and turned round at the end. Four octets at a time into eight, so that nothing is carried before
 * the end (section 2 C), and into several sums, that none waits for another. */
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

/* All whole words. */
static inline __attribute__((always_inline)) uint64_t add_words(const uint8_t *p, size_t n)
{
	uint64_t sums[4] = { 0 };

	for (; n >= 32; n -= 32, p += 32)
		for (size_t i = 0; i < 4; i++)
			sums[i] = add_halves(sums[i], load64(p + 8 * i));
	for (; n >= 8; n -= 8, p += 8)
		sums[0] = add_halves(sums[0], load64(p));
	return sums[0] + sums[1] + sums[2] + sums[3];
}

#ifdef WIDE
WIDE static uint64_t add_words_wide(const uint8_t *p, size_t n)
{
	return add_words(p, n);
}
#endif

static uint64_t add_all_words(const uint8_t *p, size_t n)
{
#ifdef WIDE
	if (n >= 128 && CPU_FEATURE_ACTIVE(AVX2))
		return add_words_wide(p, n);
#endif
	return add_words(p, n);
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

uint32_t ipsum_add(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t rest = n % 8;
	uint8_t word[2];

	uint16_t native = fold16(add_all_words(p, n) + add_rest(p + n - rest, rest));
	memcpy(word, &native, sizeof(word));
	/* Folded, so that a caller may add as often as it likes. */
	return ((sum & 0xffff) + (sum >> 16)) + ((uint32_t)word[0] << 8 | word[1]);
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
