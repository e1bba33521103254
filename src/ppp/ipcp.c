#include "ppp_private.h"

#include <string.h>

/* The options of IPCP: RFC 1332 section 3.3, RFC 1877 section 1. Addresses stay in the order of
 * the wire; zero asks for one. */

enum {
	IPCP_ADDRESS = 3,
	IPCP_DNS_1 = 129,
	IPCP_WINS_1 = 130,
	IPCP_DNS_2 = 131,
	IPCP_WINS_2 = 132,
	IPV4_LEN = 4,
	ADDRESS_ROW = 0, /* of the options */
};

static const uint8_t none[IPV4_LEN];

static void forget(struct ppp *p)
{
	memset(p->ipcp.remote, 0, sizeof(p->ipcp.remote));
}

static bool ask(struct wr *value, const uint8_t addr[IPV4_LEN])
{
	wr_bytes(value, addr, IPV4_LEN);
	return true;
}

static void take(uint8_t addr[IPV4_LEN], struct rd value)
{
	const uint8_t *said = rd_bytes(&value, IPV4_LEN);

	if (said && memcmp(said, none, IPV4_LEN) != 0)
		memcpy(addr, said, IPV4_LEN);
}

static bool address_ask(const struct ppp *p, struct wr *value)
{
	return ask(value, p->ipcp.local);
}

/* Its own address is the gateway's to choose. Without one it wants to be given one, and we have
 * none: the option goes, the link works without. */
static enum cp_verdict address_judge(struct ppp *p, struct rd value, struct wr *better)
{
	(void)better;
	take(p->ipcp.remote, value);
	return memcmp(p->ipcp.remote, none, IPV4_LEN) == 0 ? CP_REJ : CP_ACK;
}

static void address_naked(struct ppp *p, struct rd value)
{
	take(p->ipcp.local, value);
}

static bool dns1_ask(const struct ppp *p, struct wr *value)
{
	return ask(value, p->ipcp.dns[0]);
}

static void dns1_naked(struct ppp *p, struct rd value)
{
	take(p->ipcp.dns[0], value);
}

static bool dns2_ask(const struct ppp *p, struct wr *value)
{
	return ask(value, p->ipcp.dns[1]);
}

static void dns2_naked(struct ppp *p, struct rd value)
{
	take(p->ipcp.dns[1], value);
}

static bool wins1_ask(const struct ppp *p, struct wr *value)
{
	return ask(value, p->ipcp.wins[0]);
}

static void wins1_naked(struct ppp *p, struct rd value)
{
	take(p->ipcp.wins[0], value);
}

static bool wins2_ask(const struct ppp *p, struct wr *value)
{
	return ask(value, p->ipcp.wins[1]);
}

static void wins2_naked(struct ppp *p, struct rd value)
{
	take(p->ipcp.wins[1], value);
}

static const struct cp_option options[] = {
	{ IPCP_ADDRESS, 6, 6, "IP-Address", address_ask, address_judge, address_naked },
	{ IPCP_DNS_1, 6, 6, "Primary-DNS-Address", dns1_ask, NULL, dns1_naked },
	{ IPCP_WINS_1, 6, 6, "Primary-NBNS-Address", wins1_ask, NULL, wins1_naked },
	{ IPCP_DNS_2, 6, 6, "Secondary-DNS-Address", dns2_ask, NULL, dns2_naked },
	{ IPCP_WINS_2, 6, 6, "Secondary-NBNS-Address", wins2_ask, NULL, wins2_naked },
};

const struct cp_protocol ipcp_protocol = {
	.number = PPP_IPCP,
	.name = "IPCP",
	.options = options,
	.n_options = ARRAY_LEN(options),
	.forget = forget,
};

bool ipcp_usable(const struct ppp *p, struct err *e)
{
	const uint8_t *ip = p->ipcp.local;
	struct addr a;
	char text[ADDR_TEXT_MAX];

	if (memcmp(ip, none, IPV4_LEN) == 0 || (p->ipcp_cp.refused & 1u << ADDRESS_ROW))
		return err_set(e, ERR_PEER, "the gateway assigned no address");
	if (ip[0] != 0 && ip[0] != 127 && ip[0] < 224)
		return true;
	addr_set(&a, FAMILY_V4, ip, 0);
	return err_set(e, ERR_PEER, "the gateway assigned %s, which is no address for a host",
		addr_text(text, &a));
}

void ipcp_init(struct ppp *p)
{
	cp_init(&p->ipcp_cp, &ipcp_protocol);
	p->ipcp = (struct ipcp){ 0 };
	if (p->config->want.family == FAMILY_V4)
		memcpy(p->ipcp.local, p->config->want.ip, IPV4_LEN);
}
