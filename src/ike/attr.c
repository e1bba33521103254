#include "attr.h"

#include <string.h>

#include "base/names.h"

unsigned attr_mask_bits(const uint8_t mask[4])
{
	unsigned bits = 0;

	while (bits < 32 && mask[bits / 8] & (0x80 >> bits % 8))
		bits++;
	return bits;
}

static void grant_prefix(struct prefix *list, uint32_t *n, size_t max, uint8_t family, struct rd *r)
{
	struct prefix p = { .family = family, .len = family == FAMILY_V4 ? 32 : 128 };

	rd_copy(r, p.ip, addr_len(family));
	if (family == FAMILY_V4 && r->left == 4)
		p.len = (uint8_t)attr_mask_bits(rd_bytes(r, 4));
	else if (family == FAMILY_V6 && r->left == 1)
		p.len = rd_u8(r);
	if (rd_done(r) && p.len <= 8 * addr_len(family) && *n < max)
		list[(*n)++] = p;
}

static void grant_dns(struct granted *g, uint8_t family, struct rd *r)
{
	struct addr a = { .family = family };

	rd_copy(r, a.ip, addr_len(family));
	if (rd_done(r) && g->n_dns < NETCONF_DNS && !addr_is_zero(&a))
		g->dns[g->n_dns++] = a;
}

/* Whether the text is a domain name that may be used is for the session to say. */
static void grant_domain(struct granted *g, struct rd *r)
{
	size_t n = r->left;
	const uint8_t *p = rd_bytes(r, n);

	if (n == 0 || n >= DOMAIN_TEXT_MAX || g->n_domains == NETCONF_DOMAINS || memchr(p, 0, n))
		return;
	memcpy(g->domains[g->n_domains], p, n);
	g->domains[g->n_domains++][n] = 0;
}

void attr_grant(struct granted *g, uint16_t attr, struct rd *r)
{
	switch (attr) {
	case INTERNAL_IP4_ADDRESS:
		grant_prefix(g->addrs, &g->n_addrs, NETCONF_ADDRS, FAMILY_V4, r);
		break;
	case INTERNAL_IP6_ADDRESS:
		grant_prefix(g->addrs, &g->n_addrs, NETCONF_ADDRS, FAMILY_V6, r);
		break;
	case INTERNAL_IP4_DNS:
		grant_dns(g, FAMILY_V4, r);
		break;
	case INTERNAL_IP6_DNS:
		grant_dns(g, FAMILY_V6, r);
		break;
	case INTERNAL_IP4_SUBNET:
		grant_prefix(g->subnets, &g->n_subnets, GRANTED_SUBNETS, FAMILY_V4, r);
		break;
	case INTERNAL_IP6_SUBNET:
		grant_prefix(g->subnets, &g->n_subnets, GRANTED_SUBNETS, FAMILY_V6, r);
		break;
	case INTERNAL_DNS_DOMAIN:
		grant_domain(g, r);
		break;
	case APPLICATION_VERSION:
		text_safe(g->version, sizeof(g->version), r->p, r->left);
		break;
	default:
		break;
	}
}
