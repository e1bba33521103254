/*
 * Two userspace data planes, here and there, with UDP over the loopback interface between them.
 * Whatever cannot be set up fails the test.
 */
#ifndef TESTS_EDGE_WORLD_H
#define TESTS_EDGE_WORLD_H

#include "edge/dataplane.h"
#include "lib/packet.h"
#include "loopback.h"

struct side {
	struct tun_pair tun;
	struct udp *udp;
	struct dataplane *dp;
};

struct world {
	struct side here, there;
	struct sa_spec
		*spec; /* what world_install works on: algorithms, mode, selectors as seen here */
};

struct world world_open(void); /* spec: AES-GCM, tunnel mode, everything */
void world_close(struct world *w);
void side_open(struct side *s);
void side_close(struct side *s);

/* One SA of side s with the other, keyed by its SPI. */
bool side_install(struct side *s, const struct sa_spec *like, enum sa_dir dir, uint32_t spi,
	const struct side *other, struct err *e) MUST_CHECK;
/* From here to there with SPI spi, back with spi + 1. */
void world_install(struct world *w, uint32_t spi);
void world_install_keys(struct world *w, uint32_t spi, size_t encr_key, size_t integ_key);
void world_key(struct secret *key, size_t len, uint32_t spi);
void side_remove(struct side *s, enum sa_dir dir, uint32_t spi);

/* The user writes a packet to the TUN; the plane seals and sends it. */
void side_send(struct side *s, const uint8_t *packet, size_t len);
/* All that arrived by UDP goes into the plane; returns how many datagrams there were. */
size_t side_receive(struct side *s);
/* What the user reads from the TUN; 0: nothing. */
size_t side_read(struct side *s, uint8_t packet[PACKET_MAX]);
/* All three: does the packet arrive as it was? */
bool world_arrives(struct side *from, struct side *to, const uint8_t *packet, size_t len);

struct sa_counters side_counters(struct side *s, enum sa_dir dir, uint32_t spi);
struct dataplane_drops side_drops(struct side *s);
bool side_next_is(struct side *s, enum os_kind kind, uint32_t spi);
bool side_no_event(struct side *s);

int world_setup(void **state);
int world_teardown(void **state);

#endif
