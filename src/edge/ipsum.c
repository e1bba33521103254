#include "ipsum.h"

/* No more than 64 KiB are ever summed up, so 32 bits cannot overflow. */
uint32_t ipsum_add(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	return sum;
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
