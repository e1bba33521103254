#include "ppp_private.h"

#include <string.h>

/* IPV6CP has one option: the interface identifier of each end (RFC 5072 section 4.1). */

enum { IP6CP_ID = 1, ID_LEN = 8 };

static const uint8_t none[ID_LEN];

static void forget(struct ppp *p)
{
	memset(p->ip6cp.remote, 0, ID_LEN);
}

static void choose(struct ppp *p, uint8_t id[ID_LEN])
{
	rng_fill(p->rng, id, ID_LEN);
	id[0] &= (uint8_t)~2; /* not globally unique */
	id[ID_LEN - 1] |= 1; /* not zero */
}

static bool id_ask(const struct ppp *p, struct wr *value)
{
	wr_bytes(value, p->ip6cp.local, ID_LEN);
	return true;
}

/* Section 4.1: neither zero nor the same as ours. */
static enum cp_verdict id_judge(struct ppp *p, struct rd value, struct wr *better)
{
	rd_copy(&value, p->ip6cp.remote, ID_LEN);
	if (memcmp(p->ip6cp.remote, none, ID_LEN) != 0 &&
		memcmp(p->ip6cp.remote, p->ip6cp.local, ID_LEN) != 0)
		return CP_ACK;
	choose(p, p->ip6cp.remote);
	wr_bytes(better, p->ip6cp.remote, ID_LEN);
	return CP_NAK;
}

static void id_naked(struct ppp *p, struct rd value)
{
	rd_copy(&value, p->ip6cp.local, ID_LEN);
	if (memcmp(p->ip6cp.local, none, ID_LEN) == 0)
		choose(p, p->ip6cp.local);
}

static const struct cp_option options[] = {
	{ IP6CP_ID, 10, 10, "Interface-Identifier", id_ask, id_judge, id_naked },
};

const struct cp_protocol ip6cp_protocol = {
	.number = PPP_IPV6CP,
	.name = "IPV6CP",
	.options = options,
	.n_options = ARRAY_LEN(options),
	.forget = forget,
};

void ip6cp_init(struct ppp *p)
{
	cp_init(&p->ip6cp_cp, &ip6cp_protocol);
	choose(p, p->ip6cp.local);
	forget(p);
}
