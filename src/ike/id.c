#include "ike/id.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "crypto/cert.h"

static bool id_set(
	struct identity *id, enum id_type type, const void *data, size_t len, struct err *e)
{
	if (len == 0 || len > sizeof(id->data))
		return err_set(e, ERR_CONFIG, "an identity has 1 to %zu octets, not %zu",
			sizeof(id->data), len);
	*id = (struct identity){ .type = type, .len = (uint16_t)len };
	memcpy(id->data, data, len);
	return true;
}

static bool id_parse_dn(struct identity *id, const char *text, struct err *e)
{
	size_t len;

	*id = (struct identity){ .type = ID_DER_ASN1_DN };
	if (!dn_from_text(text, id->data, sizeof(id->data), &len, e))
		return false;
	id->len = (uint16_t)len;
	return true;
}

/* "keyid:TEXT", or "keyid:0xHEX" for octets that are no text. */
static bool id_parse_keyid(struct identity *id, const char *text, struct err *e)
{
	uint8_t octets[ID_DATA_MAX];
	size_t n = 0;

	if (strncmp(text, "0x", 2) != 0)
		return id_set(id, ID_KEY_ID, text, strlen(text), e);
	if (!octets_from_hex(octets, sizeof(octets), &n, text + 2))
		return err_set(e, ERR_CONFIG, "keyid:0x needs pairs of hexadecimal digits");
	return id_set(id, ID_KEY_ID, octets, n, e);
}

static bool id_parse_fqdn(struct identity *id, const char *text, struct err *e)
{
	if (strpbrk(text, " \t,/@"))
		return err_set(e, ERR_CONFIG,
			"\"%s\" is no host name; an address, user@host, \"CN=...\" or keyid:TEXT are "
			"the other forms",
			text);
	return id_set(id, ID_FQDN, text, strlen(text), e);
}

static bool id_parse_email(struct identity *id, const char *text, struct err *e)
{
	return id_set(id, ID_RFC822_ADDR, text, strlen(text), e);
}

bool id_parse(struct identity *id, const char *text, struct err *e)
{
	static const struct {
		const char *prefix;
		bool (*parse)(struct identity *id, const char *text, struct err *e);
	} forms[] = {
		{ "keyid:", id_parse_keyid },
		{ "fqdn:", id_parse_fqdn },
		{ "email:", id_parse_email },
		{ "dn:", id_parse_dn },
	};
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strncasecmp(text, forms[i].prefix, strlen(forms[i].prefix)) == 0)
			return forms[i].parse(id, text + strlen(forms[i].prefix), e);
	if (addr_parse(&a, text))
		return id_from_addr(id, &a);
	if (strchr(text, '='))
		return id_parse_dn(id, text, e);
	if (strchr(text, '@') && text[0] != '@')
		return id_parse_email(id, text, e);
	return id_parse_fqdn(id, text[0] == '@' ? text + 1 : text, e);
}

bool id_from_addr(struct identity *id, const struct addr *a)
{
	return id_set(id, a->family == FAMILY_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR, a->ip,
		addr_len(a->family), NULL);
}

bool id_read(struct identity *id, struct bytes body, struct err *e)
{
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r);
	const uint8_t *reserved = rd_bytes(&r, sizeof(id->reserved));

	if (r.bad || r.left == 0 || r.left > sizeof(id->data))
		return err_set(e, ERR_PEER, "an identity of %zu octet%s", body.n, plural(body.n));
	if ((type == ID_IPV4_ADDR && r.left != 4) || (type == ID_IPV6_ADDR && r.left != 16))
		return err_set(
			e, ERR_PEER, "an address identity of %zu octet%s", r.left, plural(r.left));
	*id = (struct identity){ .type = type, .len = (uint16_t)r.left };
	memcpy(id->reserved, reserved, sizeof(id->reserved));
	rd_copy(&r, id->data, id->len);
	return true;
}

static bool printable(const struct identity *id)
{
	for (size_t i = 0; i < id->len; i++)
		if (id->data[i] < 0x20 || id->data[i] > 0x7e)
			return false;
	return true;
}

char *id_text(char out[ID_TEXT_MAX], const struct identity *id)
{
	struct addr a;

	switch (id->type) {
	case ID_NONE:
		snprintf(out, ID_TEXT_MAX, "(none)");
		break;
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		addr_set(&a, id->len == 4 ? FAMILY_V4 : FAMILY_V6, id->data, 0);
		addr_text(out, &a);
		break;
	case ID_DER_ASN1_DN:
		dn_text(out, (struct bytes){ id->data, id->len });
		break;
	case ID_FQDN:
	case ID_RFC822_ADDR:
		text_safe(out, ID_TEXT_MAX, id->data, id->len);
		break;
	case ID_KEY_ID:
		snprintf(out, ID_TEXT_MAX, printable(id) ? "keyid:" : "keyid:0x");
		if (printable(id))
			text_safe(out + 6, ID_TEXT_MAX - 6, id->data, id->len);
		else
			text_hex(out + 8, ID_TEXT_MAX - 8, id->data, id->len);
		break;
	default:
		snprintf(out, ID_TEXT_MAX, "identity of type %u, ", id->type);
		text_hex(out + strlen(out), ID_TEXT_MAX - strlen(out), id->data, id->len);
		break;
	}
	return out;
}

bool id_same(const struct identity *a, const struct identity *b)
{
	if (a->type != b->type || a->len != b->len)
		return false;
	if (a->type == ID_FQDN || a->type == ID_RFC822_ADDR)
		return strncasecmp((const char *)a->data, (const char *)b->data, a->len) == 0;
	return memcmp(a->data, b->data, a->len) == 0;
}

bool id_proved_by(const struct identity *id, const struct cert *c)
{
	char text[ID_DATA_MAX + 1];
	struct addr a;

	switch (id->type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		return addr_set(&a, id->len == 4 ? FAMILY_V4 : FAMILY_V6, id->data, 0) &&
			cert_proves_addr(c, &a);
	case ID_FQDN:
	case ID_RFC822_ADDR:
		/* A NUL inside would let "good.example\0.evil.example" pass for another name. */
		if (memchr(id->data, 0, id->len))
			return false;
		memcpy(text, id->data, id->len);
		text[id->len] = 0;
		return id->type == ID_FQDN ? cert_proves_host(c, text) : cert_proves_email(c, text);
	case ID_DER_ASN1_DN:
		return cert_proves_dn(c, (struct bytes){ id->data, id->len });
	default:
		return false;
	}
}

bool id_given(const struct identity *id)
{
	return id->type != ID_NONE;
}
