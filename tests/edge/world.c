#include "world.h"

#include <stdlib.h>
#include <unistd.h>

#include "crypto/alg.h"
#include "lib/test.h"

void side_open(struct side *s)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 9 };
	struct err e = { .kind = ERR_NONE };

	s->tun = tun_pair_open();
	s->udp = loopback_udp();
	s->dp = userspace_new(s->tun.plane, s->udp, seed, &e);
	assert_non_null(s->dp);
}

void side_close(struct side *s)
{
	s->dp->ops->free(s->dp);
	udp_close(s->udp);
	tun_pair_close(&s->tun);
}

void world_key(struct secret *key, size_t len, uint32_t spi)
{
	uint8_t octets[SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(spi + i * 7);
	assert_true(secret_set(key, octets, len));
}

static struct sa_spec *new_spec(void)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));

	assert_non_null(spec);
	spec->encap = true;
	spec->encr = ENCR_AES_GCM_16;
	spec->encr_bits = 128;
	spec->replay_window = 1024;
	for (unsigned i = 0; i < 2; i++) {
		selector_all(&spec->local_ts.v[i], i ? FAMILY_V6 : FAMILY_V4);
		spec->remote_ts.v[i] = spec->local_ts.v[i];
	}
	spec->local_ts.n = spec->remote_ts.n = 2;
	return spec;
}

bool side_install(struct side *s, const struct sa_spec *like, enum sa_dir dir, uint32_t spi,
	const struct side *other, struct err *e)
{
	struct sa_spec *spec = malloc(sizeof(*spec));

	assert_non_null(spec);
	*spec = *like;
	spec->dir = dir;
	spec->spi = spi;
	spec->local = loopback_addr(s->udp, PORT_NATT, FAMILY_V4);
	spec->remote = loopback_addr(other->udp, PORT_NATT, FAMILY_V4);
	world_key(&spec->encr_key, like->encr_key.len ? like->encr_key.len : 20, spi);
	if (like->integ_key.len)
		world_key(&spec->integ_key, like->integ_key.len, spi);
	bool ok = s->dp->ops->install(s->dp, spec, e);
	secret_wipe(&spec->encr_key);
	free(spec);
	return ok;
}

void world_install(struct world *w, uint32_t spi)
{
	struct sa_spec *mirror = malloc(sizeof(*mirror));
	struct err e = { .kind = ERR_NONE };

	assert_non_null(mirror);
	*mirror = *w->spec;
	mirror->local_ts = w->spec->remote_ts;
	mirror->remote_ts = w->spec->local_ts;
	assert_ok(&e, side_install(&w->there, mirror, SA_IN, spi, &w->here, &e));
	assert_ok(&e, side_install(&w->there, mirror, SA_OUT, spi + 1, &w->here, &e));
	assert_ok(&e, side_install(&w->here, w->spec, SA_IN, spi + 1, &w->there, &e));
	assert_ok(&e, side_install(&w->here, w->spec, SA_OUT, spi, &w->there, &e));
	free(mirror);
}

void world_install_keys(struct world *w, uint32_t spi, size_t encr_key, size_t integ_key)
{
	w->spec->encr_key.len = encr_key;
	w->spec->integ_key.len = integ_key;
	world_install(w, spi);
}

struct world world_open(void)
{
	struct world w;

	side_open(&w.here);
	side_open(&w.there);
	w.spec = new_spec();
	return w;
}

void world_close(struct world *w)
{
	side_close(&w->here);
	side_close(&w->there);
	free(w->spec);
}

void side_send(struct side *s, const uint8_t *packet, size_t len)
{
	assert_int_equal(write(s->tun.user, packet, len), len);
	assert_false(s->dp->ops->tun_input(s->dp));
}

size_t side_receive(struct side *s)
{
	struct udp_datagram d[UDP_BATCH];
	size_t n, all = 0;
	int fds[4];

	for (size_t i = udp_fds(s->udp, fds); i-- > 0;)
		while ((n = udp_receive(s->udp, fds[i], d)) > 0) {
			s->dp->ops->esp_input(s->dp, d, n);
			all += n;
		}
	return all;
}

size_t side_read(struct side *s, uint8_t packet[PACKET_MAX])
{
	ssize_t n = read(s->tun.user, packet, PACKET_MAX);

	return n > 0 ? (size_t)n : 0;
}

bool world_arrives(struct side *from, struct side *to, const uint8_t *packet, size_t len)
{
	uint8_t got[PACKET_MAX];

	side_send(from, packet, len);
	side_receive(to);
	return side_read(to, got) == len && memcmp(got, packet, len) == 0;
}

struct sa_counters side_counters(struct side *s, enum sa_dir dir, uint32_t spi)
{
	struct sa_counters c = { 0 };

	assert_true(s->dp->ops->counters(s->dp, dir, spi, &c));
	return c;
}

struct dataplane_drops side_drops(struct side *s)
{
	struct dataplane_drops d;

	s->dp->ops->drops(s->dp, &d);
	return d;
}

void side_remove(struct side *s, enum sa_dir dir, uint32_t spi)
{
	s->dp->ops->remove(s->dp, &(struct sa_ref){ .dir = dir, .spi = spi });
}

bool side_next_is(struct side *s, enum os_kind kind, uint32_t spi)
{
	struct os_input in;

	return s->dp->ops->next_event(s->dp, &in) && in.kind == kind && in.spi == spi;
}

bool side_no_event(struct side *s)
{
	struct os_input in;

	return !s->dp->ops->next_event(s->dp, &in);
}

int world_setup(void **state)
{
	struct err e;

	(void)state;
	return crypto_init(&e) ? 0 : -1;
}

int world_teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}
