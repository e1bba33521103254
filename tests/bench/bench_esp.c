/*
 * bench_esp [OCTETS [SUITE]]: ESP alone, without a packet that goes anywhere: so many octets (1360)
 * sealed and opened again, packets at a time as the data plane has them. A line for each suite and number: suite,
 * packets at a time, Mbit/s sealing, Mbit/s opening, by this process's processor time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp/esp.h"
#include "suites.h"

enum { PACKETS = 64, OCTETS_MAX = 9000, ROOM = ESP_HEADROOM + OCTETS_MAX + ESP_TAILROOM };

static uint8_t rooms[PACKETS][ROOM];
static struct esp_packet packets[PACKETS];

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct esp_sa *make(const struct bench_suite *suite, enum sa_dir dir, struct err *e)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct sa_spec spec = { .dir = dir, .spi = 0x1000 };
	struct rng rng;

	bench_suite_fill(&spec, suite);
	selector_all(&spec.local_ts.v[0], FAMILY_V4);
	spec.remote_ts.v[0] = spec.local_ts.v[0];
	spec.local_ts.n = spec.remote_ts.n = 1;
	rng_seed(&rng, seed);
	return esp_new(&spec, &rng, e);
}

/* IPv4 and nothing in it. */
static void lay_out(size_t len)
{
	for (size_t i = 0; i < PACKETS; i++) {
		uint8_t *p = rooms[i] + ESP_HEADROOM;
		memset(p, 0, 20);
		p[0] = 0x45;
		p[2] = (uint8_t)(len >> 8);
		p[3] = (uint8_t)len;
		packets[i] = (struct esp_packet){
			.room = rooms[i], .room_len = ROOM, .data = p, .len = len, .next_header = 4
		};
	}
}

static bool measure(const struct bench_suite *suite, size_t batch, size_t len, struct err *e)
{
	struct esp_sa *out = make(suite, SA_OUT, e), *in = out ? make(suite, SA_IN, e) : NULL;
	double sealing = 0, opening = 0, octets = 0;

	while (in && sealing + opening < 0.4) {
		lay_out(len);
		double start = cpu_seconds();
		size_t ok = 0;
		for (size_t i = 0; i < PACKETS; i += batch)
			ok += esp_seal(out, &packets[i], batch);
		double between = cpu_seconds();
		sealing += between - start;
		ok += esp_open(in, packets, PACKETS);
		opening += cpu_seconds() - between;
		octets += (double)(PACKETS * len);
		if (ok != 2 * PACKETS)
			break;
	}
	bool done = in && sealing + opening >= 0.4;
	if (done)
		printf("%-8s %2zu %7.0f %7.0f\n", suite->name, batch, octets * 8e-6 / sealing,
			octets * 8e-6 / opening);
	esp_free(out);
	esp_free(in);
	return done;
}

int main(int argc, char **argv)
{
	size_t len = argc > 1 ? (size_t)atoi(argv[1]) : 1360;
	struct err e = { .text = "not what was sealed" };
	bool ok = len >= 20 && len <= OCTETS_MAX && crypto_init(&e);
	const struct bench_suite *s;

	for (size_t i = 0; ok && (s = bench_suite(i)); i++)
		for (size_t batch = 1; ok && batch <= PACKETS; batch *= 2)
			if (argc < 3 || strcmp(argv[2], s->name) == 0)
				ok = measure(s, batch, len, &e);
	if (!ok)
		fprintf(stderr, "bench_esp: %s\n", e.text);
	crypto_exit();
	return !ok;
}
