/*
 * A probe that gets whatever answers: none breaks it, it ends, and what it tells fits.
 *
 * Input: a sequence of answers: which of the messages sent it goes to (an octet), its length (two) and the
 * message, whose header is made to fit.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/ike/v1_sa.h"
#include "../../src/ike/v2_sa.h"
#include "ike/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
	if (!good)
		abort();
}

/* Of the message that it answers: the initiator's SPI, the version, and a plausible exchange. */
static void make_header(uint8_t *message, size_t len, const struct send *to)
{
	bool v2 = to->data[17] == 0x20;

	memcpy(message, to->data, IKE_SPI_LEN);
	message[17] = to->data[17];
	message[18] = v2 ? to->data[18] : message[18] % 2 ? V1_MAIN_MODE : V1_INFORMATIONAL;
	message[19] = v2 ? FLAG_RESPONSE : 0;
	memcpy(message + 20, to->data + 20, 4);
	message[24] = message[25] = 0;
	message[26] = (uint8_t)(len >> 8);
	message[27] = (uint8_t)len;
}

static void check_found(const struct probe *p)
{
	const struct probe_found *f = probe_found(p);
	struct proposals all;

	demand(f->asked == f->n_algs + PROBE_METHODS + 2);
	demand(memchr(f->id, 0, sizeof(f->id)) && memchr(f->vendor, 0, sizeof(f->vendor)));
	for (int tier = TIER_DEFAULT; tier <= TIER_LEGACY; tier++)
		probe_proposals(f, (enum tier)tier, &all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[RNG_SEED_LEN] = { 1 };
	struct path path = { .local = { .family = FAMILY_V4, .port = 4321, .ip = { 192, 0, 2, 1 } },
		.local_natt_port = 4322,
		.remote = { .family = FAMILY_V4, .port = 500, .ip = { 192, 0, 2, 2 } } };
	struct probe_config config = { .trust = NULL };
	struct rd r = rd_init(data, size);
	static bool begun;
	struct outbox ob;
	uint64_t now = 1;

	if (!begun)
		demand(crypto_init(NULL));
	begun = true;
	config.trust = trust_new(NULL);
	struct probe *p = probe_new(&config, seed, NULL);
	demand(p && config.trust);
	outbox_init(&ob);
	probe_start(p, now, 1750000000, &path, &ob);
	while (ob.n > 0 || probe_deadline(p) != TIME_NEVER) {
		struct outbox sent = ob;
		outbox_init(&ob);
		while (sent.n > 0 && r.left > 3) {
			size_t which = rd_u8(&r) % sent.n, n = rd_u16(&r) % 1024;
			struct rd body = rd_sub(&r, n < r.left ? n : r.left);
			size_t len = body.left > IKE_HDR_LEN ? body.left : IKE_HDR_LEN;
			uint8_t *message = calloc(1, len);
			demand(message != NULL);
			memcpy(message, body.p, body.left);
			make_header(message, len, outbox_get(&sent, which));
			struct datagram d = { .local = path.local,
				.remote = path.remote,
				.data = message,
				.len = len };
			probe_datagram(p, now, &d, &ob);
			free(message);
			if (ob.n > 0)
				break;
		}
		outbox_free(&sent);
		if (ob.n == 0 && probe_deadline(p) != TIME_NEVER) {
			now = probe_deadline(p);
			probe_tick(p, now, &ob);
		}
		demand(now < SECONDS(600));
	}
	check_found(p);
	probe_free(p);
	trust_free(config.trust);
	outbox_free(&ob);
	return 0;
}
