/*
 * The checksum of the Internet protocols (RFC 1071).
 */
#ifndef BASE_IPSUM_H
#define BASE_IPSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds n octets, as 16-bit words in network order, to what was added before. All but the last call
 * for one checksum take an even number. */
uint32_t ipsum_add(uint32_t sum, const void *data, size_t n);
/* ... and copies them, in the same pass, to where they do not overlap. */
uint32_t ipsum_copy(uint32_t sum, void *to, const void *data, size_t n);
/* Addresses (len octets each, source first), protocol and length: what TCP, UDP and ICMPv6 sum up
 * besides themselves. */
uint32_t ipsum_pseudo(const uint8_t *addrs, size_t len, uint8_t proto, size_t payload);
/* The checksum itself, to be written in network order. */
uint16_t ipsum_fold(uint32_t sum);

#endif
