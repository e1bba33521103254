#include "suites.h"

#include "crypto/alg.h"

const struct bench_suite *bench_suite(size_t i)
{
	static const struct bench_suite rows[] = {
		{ "gcm", ENCR_AES_GCM_16, 256, 0, 36, 0 },
		{ "chacha", ENCR_CHACHA20_POLY1305, 0, 0, 36, 0 },
		{ "cbc", ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128, 32, 32 },
		{ "cbc-sha1", ENCR_AES_CBC, 256, AUTH_HMAC_SHA1_96, 32, 20 },
	};

	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

static void give_key(struct secret *key, size_t len, uint32_t spi)
{
	uint8_t octets[SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(spi + i);
	(void)!secret_set(key, octets, len);
}

void bench_suite_fill(struct sa_spec *spec, const struct bench_suite *s)
{
	spec->encr = s->encr;
	spec->encr_bits = s->bits;
	spec->integ = s->integ;
	spec->esn = true;
	spec->replay_window = 1024;
	give_key(&spec->encr_key, s->encr_key, spec->spi);
	give_key(&spec->integ_key, s->integ_key, spec->spi + 1);
}
