#include "v1_sa.h"

#include <stddef.h>
#include <string.h>

/*
 * Vendor ids: which we send, which abilities they announce, and whom they betray. What announces an
 * ability is sent in this order; the first NAT traversal document that both sides know counts.
 */

enum when { NEVER, ALWAYS, WITH_FRAGMENTS, WITH_LOGIN };

static const struct vendor {
	const char *name; /* of the maker, NULL: none follows from it */
	const char *id;
	uint8_t len;
	bool prefix; /* what follows is a version */
	enum when send;
	uint16_t ability; /* a bool in struct v1_peer, NO_ABILITY */
	enum v1_natt natt;
} vendors[] = {
#define ABILITY(field) offsetof(struct v1_peer, field)
#define NO_ABILITY     UINT16_MAX
	{ NULL, "\x09\x00\x26\x89\xdf\xd6\xb7\x12", 8, false, WITH_LOGIN, ABILITY(xauth),
		NATT_NONE },
	{ NULL, "\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00", 16, false,
		ALWAYS, ABILITY(dpd), NATT_NONE },
	{ NULL, "\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f", 16, false,
		ALWAYS, NO_ABILITY, NATT_RFC }, /* RFC 3947 */
	{ NULL, "\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56", 16, false,
		ALWAYS, NO_ABILITY, NATT_DRAFT }, /* draft-ietf-ipsec-nat-t-ike-03 */
	{ NULL, "\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f", 16, false,
		ALWAYS, NO_ABILITY, NATT_DRAFT }, /* ...-02 and a line end */
	{ NULL, "\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48", 16, false,
		ALWAYS, NO_ABILITY, NATT_DRAFT }, /* ...-02 */
	{ NULL, "\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3", 16, true,
		WITH_FRAGMENTS, ABILITY(fragments), NATT_NONE },
	{ NULL, "\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc\x01\x00", 16, false,
		WITH_LOGIN, ABILITY(unity), NATT_NONE },
	{ "strongSwan", "\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb", 16,
		false, NEVER, NO_ABILITY, NATT_NONE },
	{ "Microsoft", "\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61", 16, true,
		NEVER, NO_ABILITY, NATT_NONE },
	{ NULL, "\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc", 14, true, NEVER,
		ABILITY(unity), NATT_NONE },
	{ "Cisco VPN 3000", "\x1f\x07\xf7\x0e\xaa\x65\x14\xd3\xb0\xfa\x96\x54\x2a\x50", 14, true,
		NEVER, NO_ABILITY, NATT_NONE },
	{ "FortiGate", "\x82\x99\x03\x17\x57\xa3\x60\x82\xc6\xa6\x21\xde", 12, true, NEVER,
		NO_ABILITY, NATT_NONE },
	{ "SonicWall", "\x40\x4b\xf4\x39\x52\x2c\xa3\xf6", 8, true, NEVER, NO_ABILITY, NATT_NONE },
	{ "SonicWall", "\x5b\x36\x2b\xc8\x20\xf6\x00", 7, true, NEVER, NO_ABILITY, NATT_NONE },
	{ "Juniper",
		"\x16\x6f\x93\x2d\x55\xeb\x64\xd8\xe4\xdf\x4f\xd3\x7e\x23\x13\xf0\xd0\xfd\x84\x51",
		20, true, NEVER, NO_ABILITY, NATT_NONE },
	{ "Check Point",
		"\xf4\xed\x19\xe0\xc1\x14\xeb\x51\x6f\xaa\xac\x0e\xe3\x7d\xaf\x28\x07\xb4\x38\x1f",
		20, true, NEVER, NO_ABILITY, NATT_NONE },
};

static bool wanted(const struct vendor *x, const struct ike_config *cfg)
{
	switch (x->send) {
	case NEVER:
		return false;
	case ALWAYS:
		return true;
	case WITH_FRAGMENTS:
		return cfg->fragmentation;
	case WITH_LOGIN:
		return cfg->xauth;
	}
	return false;
}

void v1_vendor_write(struct ikew *k, const struct ike_config *cfg)
{
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++)
		if (wanted(&vendors[i], cfg))
			ikew_bytes(k, V1P_VID, (struct bytes){ vendors[i].id, vendors[i].len });
}

static bool same(const struct vendor *x, struct bytes body)
{
	return (x->prefix ? body.n >= x->len : body.n == x->len) &&
		memcmp(body.p, x->id, x->len) == 0;
}

void v1_vendor_read(struct v1 *v, struct v1_peer *peer, const struct payloads *p)
{
	const struct payload *pl;

	for (size_t i = 0; (pl = payload_nth(p, V1P_VID, i)); i++)
		for (size_t j = 0; j < ARRAY_LEN(vendors); j++) {
			const struct vendor *x = &vendors[j];
			if (!same(x, pl->body))
				continue;
			if (x->ability != NO_ABILITY)
				*(bool *)((char *)peer + x->ability) = true;
			if (x->natt > peer->natt)
				peer->natt = x->natt;
			if (x->name && (!v->vendor[0] || strcmp(x->name, "strongSwan") == 0))
				text_safe(v->vendor, sizeof(v->vendor), x->name, strlen(x->name));
		}
}
