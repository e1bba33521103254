/*
 * Reassembly of fragments: records of message ID, number, total, first payload type and length in
 * eight octets; the content is made here.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/ike/v2_sa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check(const struct reassembly *r)
{
	size_t have = 0, octets = 0;

	if (!r)
		return;
	for (size_t i = 0; i < ARRAY_LEN(r->part); i++) {
		demand((r->part[i].data != NULL) == (r->part[i].len > 0));
		demand(!r->part[i].data || i < r->total);
		have += r->part[i].data != NULL;
		octets += r->part[i].len;
	}
	demand(have == r->have && have < r->total && octets == r->size &&
		octets <= IKE_MESSAGE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t content[4096];
	struct rd r = rd_init(data, size);
	struct reassembly *slot = NULL;

	while (r.left > 0) {
		uint32_t mid = rd_u8(&r);
		uint16_t number = rd_u16(&r), total = rd_u16(&r);
		struct content part = { .first = rd_u8(&r), .reserved = (uint8_t)number },
			       out = { 0 };
		size_t n = rd_u16(&r) % (sizeof(content) + 1);
		uint8_t *whole = NULL;
		struct err e = { 0 };
		memset(content, number & 0xff, n);
		part.octets = (struct bytes){ content, n };
		bool ok = v2_reassemble(&slot, mid, number, total, &part, &whole, &out, &e);
		demand(ok || (e.kind == ERR_DROP && !whole));
		if (whole) {
			size_t len = out.octets.n;
			demand(out.octets.p == whole && out.reserved == 1);
			demand(len >= total && len <= IKE_MESSAGE_MAX && slot == NULL);
			demand(whole[0] == 1 && whole[len - 1] == (total & 0xff));
		}
		free(whole);
		check(slot);
	}
	reassembly_free(&slot);
	return 0;
}
