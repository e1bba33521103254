#include "base64.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

enum { LINE = 64 };

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Letters that hold 6 bits each; -1: no Base64. Then come '=' up to a number that 4 divides. */
static long decode(uint8_t *out, const char *text)
{
	uint32_t bits = 0;
	size_t n = 0, count = 0, padding = 0;

	for (; *text; text++) {
		if (strchr(" \t\r\n", *text))
			continue;
		const char *at = strchr(letters, *text);
		if (*text == '=')
			padding++;
		else if (!at || padding > 0)
			return -1;
		bits = bits << 6 | (at ? (uint32_t)(at - letters) : 0);
		if (++count % 4 == 0) {
			for (unsigned shift = 24; shift > 0; shift -= 8)
				out[n++] = (uint8_t)(bits >> (shift - 8));
			bits = 0;
		}
	}
	if (count % 4 != 0 || padding > 2 || padding > n)
		return -1;
	return (long)(n - padding);
}

uint8_t *base64_decode(const char *text, size_t *n)
{
	size_t room = strlen(text) / 4 * 3 + 1;
	uint8_t *out = malloc(room);
	long len = out ? decode(out, text) : -1;

	*n = len > 0 ? (size_t)len : 0;
	if (len <= 0) {
		base64_free(out, room);
		return NULL;
	}
	out[len] = 0;
	return out;
}

void base64_free(uint8_t *data, size_t n)
{
	if (data)
		wipe(data, n);
	free(data);
}

size_t base64_pem_room(const char *name, size_t der)
{
	size_t text = (der + 2) / 3 * 4;

	return text + text / LINE + 1 + 2 * strlen("-----BEGIN -----\n") + 2 * strlen(name);
}

static void put(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

void base64_pem(struct wr *w, const char *name, struct bytes der)
{
	struct rd r = rd_init(der.p, der.n);

	put(w, "-----BEGIN ");
	put(w, name);
	put(w, "-----\n");
	for (size_t column = 0; r.left > 0;) {
		size_t n = r.left < 3 ? r.left : 3;
		uint32_t bits = (uint32_t)(rd_number(&r, n) << (8 * (3 - n)));
		for (size_t i = 0; i < 4; i++)
			wr_u8(w, i <= n ? (uint8_t)letters[bits >> (18 - 6 * i) & 63] : '=');
		column += 4;
		if (column % LINE == 0 || r.left == 0)
			put(w, "\n");
	}
	put(w, "-----END ");
	put(w, name);
	put(w, "-----\n");
}
