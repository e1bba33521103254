/*
 * Inner packets for tests: made in one call, with right lengths and checksums.
 */
#ifndef TESTS_LIB_PACKET_H
#define TESTS_LIB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_MAX = 2048 };

/* An IPv4 or IPv6 packet, as the addresses have it; returns its length. */
size_t packet_ip(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint8_t proto,
	const void *payload, size_t len);
/* A TCP segment (flags 0x02: SYN) or a UDP datagram with len octets of data, numbered from zero. */
size_t packet_tcp(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint8_t flags,
	const void *options, size_t options_len, size_t len);
size_t packet_udp(uint8_t out[PACKET_MAX], const char *src, const char *dst, uint16_t sport,
	uint16_t dport, size_t len);
/* Is the checksum of the TCP, UDP or ICMPv6 inside, or of the ICMP of IPv4, right? There must be no
 * extension headers. */
bool packet_sum_ok(const uint8_t *packet, size_t len);
/* And the one of the IPv4 header? */
bool packet_header_ok(const uint8_t *packet);

#endif
