/*
 * A gateway and a user made of fuzz against the EAP peer.
 *
 * Input: one octet of configuration, then records: kind (0 a packet, 1 an answer, 2 no answer), length
 * in two octets, octets. The peer's challenge is always that of RFC 2759 section 9.2, so a seed can hold
 * a proof that is right.
 */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"
#include "eap/eap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_PASSWORD = 1, WITH_USER = 2, WITH_SEQUENCE = 4, ONLY_MSCHAPV2 = 8 };
enum { PACKET, ANSWER };

static void demand(bool good)
{
	if (!good)
		abort();
}

static void seed_rng(struct rng *rng)
{
	static const uint8_t challenge[16] = { 0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a, 0x28,
		0x29, 0x5f, 0x2b, 0x3a, 0x33, 0x7c, 0x7e };

	memset(rng, 0, sizeof(*rng));
	for (size_t i = 0; i < sizeof(rng->pool); i += sizeof(challenge))
		memcpy(rng->pool + i, challenge, sizeof(challenge));
	rng->left = sizeof(rng->pool);
}

/* What is shown must go through text_safe unchanged. */
static void check_text(const char *text, size_t size)
{
	char again[EVENT_TEXT_MAX];

	demand(memchr(text, 0, size) != NULL);
	demand(strcmp(text_safe(again, sizeof(again), text, strlen(text)), text) == 0);
}

static void check(const struct eap *x, const struct eap_result *r, struct bytes in, bool packet)
{
	check_text(r->notice, sizeof(r->notice));
	check_text(r->err.text, sizeof(r->err.text));
	check_text(r->ask.prompt, sizeof(r->ask.prompt));
	demand(r->err.kind != ERR_BUG);
	demand((eap_msk(x) != NULL) <= (r->verdict == EAP_V_SUCCESS || r->verdict == EAP_V_IGNORE));
	switch (r->verdict) {
	case EAP_V_SEND:
		demand(r->len >= 5 && r->len <= sizeof(r->out) && r->out[0] == EAP_RESPONSE);
		demand((size_t)(r->out[2] << 8 | r->out[3]) == r->len);
		return;
	case EAP_V_SUCCESS:
		demand(packet && ((const uint8_t *)in.p)[0] == EAP_SUCCESS);
		break;
	case EAP_V_ASK:
		demand(r->ask.prompt[0] != 0);
		break;
	case EAP_V_IGNORE:
	case EAP_V_FAILURE:
		demand(r->err.kind != ERR_NONE);
		break;
	}
	demand(r->len == 0);
}

static void converse(struct eap *x, struct rd *in)
{
	struct eap_result r;
	struct passphrase text;

	while (in->left > 0) {
		uint8_t kind = rd_u8(in);
		size_t n = rd_u16(in);
		if (n > in->left)
			n = in->left;
		struct bytes b = { rd_bytes(in, n), n };
		/* A copy of its own size: reading past the end is then seen. */
		uint8_t *own = malloc(n ? n : 1);
		demand(own != NULL);
		if (b.p)
			memcpy(own, b.p, n);
		b.p = own;
		if (kind == PACKET)
			eap_input(x, b, &r);
		else
			eap_answer(x,
				kind == ANSWER && passphrase_set(&text, b.p, n) ? &text : NULL, &r);
		check(x, &r, b, kind == PACKET);
		free(own);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_GTC, EAP_MD5 };
	struct rd in = rd_init(data, size);
	uint8_t flags = rd_u8(&in);
	struct passphrase password;
	struct rng rng;

	seed_rng(&rng);
	if (!passphrase_set(&password, "clientPass", 10))
		return 0;
	struct eap_config config = {
		.user = flags & WITH_USER ? "User" : "",
		.password = flags & WITH_PASSWORD ? &password : NULL,
		.methods = methods,
		.n_methods = flags & ONLY_MSCHAPV2 ? 1 : ARRAY_LEN(methods),
		.sequence = flags & WITH_SEQUENCE,
	};
	struct eap *x = eap_new(&config, &rng, NULL);
	demand(x != NULL);
	converse(x, &in);
	eap_free(x);
	return 0;
}
