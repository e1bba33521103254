#include "ppp_private.h"

#include <stdio.h>
#include <string.h>

/* The Link Control Protocol's options, RFC 1661 section 6. */

enum {
	LCP_MRU = 1,
	LCP_ACCM = 2,
	LCP_AUTH = 3,
	LCP_MAGIC = 5,
	LCP_PFC = 7,
	LCP_ACFC = 8,
};

static void forget(struct ppp *p)
{
	p->lcp.peer = (struct lcp_peer){ .mru = PPP_MRU_DEFAULT };
}

/* The default needs no words. */
static bool mru_ask(const struct ppp *p, struct wr *value)
{
	if (p->lcp.mru == PPP_MRU_DEFAULT)
		return false;
	wr_u16(value, p->lcp.mru);
	return true;
}

static enum cp_verdict mru_judge(struct ppp *p, struct rd value, struct wr *better)
{
	uint16_t mru = rd_u16(&value);

	if (mru < PPP_MRU_MIN) {
		wr_u16(better, PPP_MRU_DEFAULT);
		return CP_NAK;
	}
	p->lcp.peer.mru = mru;
	return CP_ACK;
}

/* A gateway that wants to send smaller packets may; larger ones than ours would not fit. */
static void mru_naked(struct ppp *p, struct rd value)
{
	uint16_t mru = rd_u16(&value);

	if (mru >= PPP_MRU_MIN && mru < p->lcp.mru)
		p->lcp.mru = mru;
}

/* Nothing is escaped on a link of whole frames. */
static enum cp_verdict harmless(struct ppp *p, struct rd value, struct wr *better)
{
	(void)p;
	(void)value;
	(void)better;
	return CP_ACK;
}

/* Section 6.2. What we do not want is answered with what we do; each time with the next of the
 * profile's ways, for a gateway that starts with EAP may have only one of the others. */
static enum cp_verdict auth_judge(struct ppp *p, struct rd value, struct wr *better)
{
	const struct ppp_config *c = p->config;
	enum ppp_auth way;

	if (auth_read_option(value, &way, p->lcp.auth_refused) && auth_allowed(p, way)) {
		p->lcp.peer.auth_wanted = true;
		p->lcp.peer.auth = way;
		p->lcp.auth_refused[0] = 0;
		return CP_ACK;
	}
	if (c->n_auth == 0)
		return CP_REJ;
	auth_write_option(c->auth[p->lcp.auth_naks++ % c->n_auth], better);
	return CP_NAK;
}

static bool magic_ask(const struct ppp *p, struct wr *value)
{
	wr_u32(value, p->lcp.magic);
	return true;
}

/* Section 6.4: zero is no number, and ours from the other side is our own voice. */
static enum cp_verdict magic_judge(struct ppp *p, struct rd value, struct wr *better)
{
	uint32_t magic = rd_u32(&value);

	if (magic == 0 || magic == p->lcp.magic) {
		wr_u32(better, rng_u32(p->rng) | 1);
		return CP_NAK;
	}
	p->lcp.peer.magic = magic;
	return CP_ACK;
}

static void magic_naked(struct ppp *p, struct rd value)
{
	(void)value;
	p->lcp.magic = rng_u32(p->rng) | 1;
}

static const struct cp_option options[] = {
	{ LCP_MRU, 4, 4, "Maximum-Receive-Unit", mru_ask, mru_judge, mru_naked },
	{ LCP_ACCM, 6, 6, "Async-Control-Character-Map", NULL, harmless, NULL },
	{ LCP_AUTH, 4, 255, "Authentication-Protocol", NULL, auth_judge, NULL },
	{ LCP_MAGIC, 6, 6, "Magic-Number", magic_ask, magic_judge, magic_naked },
	/* What it allows us we do not do, and we read compressed frames at any time. */
	{ LCP_PFC, 2, 2, "Protocol-Field-Compression", NULL, harmless, NULL },
	{ LCP_ACFC, 2, 2, "Address-and-Control-Field-Compression", NULL, harmless, NULL },
};

const struct cp_protocol lcp_protocol = {
	.number = PPP_LCP,
	.name = "LCP",
	.options = options,
	.n_options = ARRAY_LEN(options),
	.forget = forget,
};

void lcp_init(struct ppp *p)
{
	cp_init(&p->lcp_cp, &lcp_protocol);
	p->lcp.mru = p->config->mru;
	p->lcp.magic = rng_u32(p->rng) | 1;
	forget(p);
}

/* Section 5.8: zero where none was agreed on. */
uint32_t lcp_magic(const struct ppp *p)
{
	return cp_refused(&p->lcp_cp, LCP_MAGIC) ? 0 : p->lcp.magic;
}

void lcp_echo(struct ppp *p)
{
	uint8_t magic[4];
	struct wr w = wr_init(magic, sizeof(magic));

	wr_u32(&w, lcp_magic(p));
	frame_packet(p, PPP_LCP, CP_ECHO_REQUEST, ++p->echo_id, (struct bytes){ magic, w.len });
}
