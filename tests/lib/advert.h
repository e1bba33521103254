/*
 * Router advertisements as a router writes them (RFC 4861 section 4.2), to be changed by a test.
 */
#ifndef TESTS_LIB_ADVERT_H
#define TESTS_LIB_ADVERT_H

#include "lib/test.h"

enum { ADVERT_MAX = 256 };

struct advert {
	uint8_t hops, code;
	uint16_t router; /* seconds */
	const char *source, *prefix, *server; /* server: NULL: none */
	uint8_t prefix_len, flags;
	uint32_t valid, preferred, server_lifetime;
	const char *more; /* options in hex, NULL: none */
};

/* What every router says that has fd97:0:0:1::/64. */
struct advert advert_preset(void);
/* The packet, with a right checksum; its length. */
size_t advert_write(const struct advert *a, uint8_t out[ADVERT_MAX]);

#endif
