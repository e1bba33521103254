#include "base/ipsum.h"

#include <string.h>

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

uint32_t ipsum_add(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t sums[4] = { 0 };
	uint8_t octets[8] = { 0 }, word[2];

	for (; n >= 32; n -= 32, p += 32)
		for (size_t i = 0; i < 4; i++)
			sums[i] = add_halves(sums[i], load64(p + 8 * i));
	for (; n >= 8; n -= 8, p += 8)
		sums[0] = add_halves(sums[0], load64(p));
	if (n > 0) {
		memcpy(octets, p, n);
		sums[0] = add_halves(sums[0], load64(octets));
	}
	uint16_t native = fold16(sums[0] + sums[1] + sums[2] + sums[3]);
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
