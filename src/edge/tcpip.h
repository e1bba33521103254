/*
 * Fixed places in the headers of IP, TCP and UDP, for what works on them octet by octet (gso.c, gro.c).
 */
#ifndef EDGE_TCPIP_H
#define EDGE_TCPIP_H

#include <stddef.h>
#include <stdint.h>

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	TCP_SUM = 16,
	UDP_SUM = 6,
};

enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_ECE = 0x40, TCP_CWR = 0x80 };

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

static inline void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

/* Octets of the TCP header, as it says itself. */
static inline size_t tcp_header(const uint8_t *tcp)
{
	return (size_t)(tcp[12] >> 4) * 4;
}

#endif
