#include "esp_sa.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8 };

static size_t max_of(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* An algorithm that the table does not have is taken to be as large as any, so that a size computed
 * from it never promises too much. */
struct esp_sizes esp_sizes(const struct sa_spec *spec)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, spec->encr, spec->encr_bits);
	const struct alg *integ = spec->integ ? alg_find(TRANSFORM_INTEG, spec->integ, 0) : NULL;
	const struct alg *check = encr && encr->aead ? encr : integ;

	return (struct esp_sizes){
		.iv = encr ? encr->iv_len : ESP_IV_MAX,
		.icv = check ? check->out_len : 32,
		.align = encr ? max_of(4, encr->block_len) : 16,
	};
}

/* RFC 4303 section 2.4: as the algorithm's blocks need it, and so that the check value begins on a
 * multiple of four. Each packet asks for it more than once: no division, align is a power of two. */
size_t esp_padding(const struct esp_sizes *s, size_t len)
{
	return -(len + ESP_TRAILER) & (s->align - 1);
}

size_t esp_before(const struct esp_sa *sa)
{
	return ESP_HEADER + sa->sizes.iv;
}

size_t esp_behind(const struct esp_sa *sa, size_t len)
{
	return esp_padding(&sa->sizes, len) + ESP_TRAILER + sa->sizes.icv;
}

size_t esp_overhead(const struct sa_spec *spec, size_t len)
{
	struct esp_sizes s = esp_sizes(spec);

	return ESP_HEADER + s.iv + esp_padding(&s, len) + ESP_TRAILER + s.icv;
}

uint16_t esp_inner_mtu(const struct sa_spec *spec, uint16_t mtu)
{
	struct esp_sizes s = esp_sizes(spec);
	size_t ip = spec->remote.family == FAMILY_V6 ? IPV6_HEADER : IPV4_HEADER;
	size_t around = ip + (spec->encap ? UDP_HEADER : 0) + ESP_HEADER + s.iv + s.icv;

	if (mtu < around + s.align)
		return 0;
	size_t inner = (mtu - around) / s.align * s.align - ESP_TRAILER;
	/* Transport mode takes the packet's own IP header off and sends it as the outer one. */
	return (uint16_t)(spec->mode == SA_TRANSPORT ? inner + ip : inner);
}
