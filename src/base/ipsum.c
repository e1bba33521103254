#include "base/ipsum.h"

#include <string.h>

/* The sum does not care for the order of octets (RFC 1071 section 2 B): it is made of the machine's own
 * words, eight octets at a time, and turned round at the end. */
static uint64_t add_carry(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
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
	uint64_t a = 0, b = 0;
	uint8_t octets[8] = { 0 }, word[2];

	for (; n >= 32; n -= 32, p += 32) {
		a = add_carry(a, load64(p));
		b = add_carry(b, load64(p + 8));
		a = add_carry(a, load64(p + 16));
		b = add_carry(b, load64(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		a = add_carry(a, load64(p));
	if (n > 0) {
		memcpy(octets, p, n);
		a = add_carry(a, load64(octets));
	}
	uint16_t native = fold16(add_carry(a, b));
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
