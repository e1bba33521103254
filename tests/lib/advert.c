#include "lib/advert.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ipsum.h"
#include "base/types.h"

struct advert advert_preset(void)
{
	return (struct advert){ .hops = 255,
		.router = 1800,
		.source = "fe80::9",
		.prefix = "fd97:0:0:1::",
		.prefix_len = 64,
		.flags = 0xc0,
		.valid = 3600,
		.preferred = 1800,
		.server_lifetime = 600 };
}

static void write_ip(struct wr *w, const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	wr_bytes(w, a.ip, 16);
}

static void write_body(struct wr *w, const struct advert *a)
{
	uint8_t more[128];

	wr_u8(w, 134);
	wr_u8(w, a->code);
	wr_u16(w, 0);
	wr_u8(w, 64);
	wr_u8(w, 0);
	wr_u16(w, a->router);
	wr_u64(w, 0);
	wr_u16(w, 3 << 8 | 4);
	wr_u8(w, a->prefix_len);
	wr_u8(w, a->flags);
	wr_u32(w, a->valid);
	wr_u32(w, a->preferred);
	wr_u32(w, 0);
	write_ip(w, a->prefix);
	if (a->server) {
		wr_u32(w, 25 << 24 | 3 << 16);
		wr_u32(w, a->server_lifetime);
		write_ip(w, a->server);
	}
	if (a->more)
		wr_bytes(w, more, test_hex(a->more, more, sizeof(more)));
}

size_t advert_write(const struct advert *a, uint8_t out[ADVERT_MAX])
{
	struct wr w = wr_init(out, ADVERT_MAX), head = w;

	wr_zeros(&w, 40);
	write_body(&w, a);
	size_t len = w.len - 40;
	wr_u32(&head, 6u << 28);
	wr_u16(&head, (uint16_t)len);
	wr_u8(&head, 58);
	wr_u8(&head, a->hops);
	write_ip(&head, a->source);
	write_ip(&head, "ff02::1");
	assert_false(w.bad);
	uint32_t sum = ipsum_add(ipsum_pseudo(out + 8, 16, 58, len), out + 40, len);
	wr_patch_u16(&w, 42, ipsum_fold(sum));
	return w.len;
}
