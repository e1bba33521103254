#include "ppp_private.h"

#include <string.h>

/*
 * An IPv6 address for this end: the prefix that the gateway advertises and the identifier that IPV6CP
 * agreed on (RFC 4862 section 5.5, RFC 5072 section 5). There is nobody on the link who could have it as
 * well, so it is not asked for.
 */

enum {
	SOLICITATIONS = 3, /* RFC 4861 section 10: MAX_RTR_SOLICITATIONS */
	SOLICIT_MS = 4000, /* RTR_SOLICITATION_INTERVAL */
};

void autoconf_init(struct ppp *p)
{
	p->autoconf = (struct autoconf){ .ask_at = TIME_NEVER, .until = TIME_NEVER };
}

void autoconf_start(struct ppp *p)
{
	autoconf_init(p);
	p->autoconf.ask_at = p->now;
}

/* Lasts for this many seconds from now. */
static uint64_t end_of(const struct ppp *p, uint32_t seconds)
{
	return seconds == UINT32_MAX ? TIME_NEVER : p->now + SECONDS(seconds);
}

static void take_prefix(struct autoconf *a, const struct ppp *p, const struct ra_prefix *prefix)
{
	if (a->has_prefix ? memcmp(a->prefix, prefix->ip, sizeof(a->prefix)) != 0 :
			    prefix->preferred == 0)
		return;
	a->has_prefix = prefix->valid > 0;
	memcpy(a->prefix, prefix->ip, sizeof(a->prefix));
	a->until = a->has_prefix ? end_of(p, prefix->valid) : TIME_NEVER;
}

void autoconf_input(struct ppp *p, struct bytes packet, struct outbox *ob)
{
	struct autoconf *a = &p->autoconf;
	struct ra ra;

	if (p->ip6cp_cp.state != FSM_OPENED || !ra_read(&ra, packet))
		return;
	if (ra.router == 0) {
		outbox_log(ob, LEVEL_DEBUG, "PPP: the gateway is no router for IPv6");
		ra.n_prefixes = 0;
		a->has_prefix = false;
	}
	for (size_t i = 0; i < ra.n_prefixes; i++)
		take_prefix(a, p, &ra.prefixes[i]);
	if (ra.dns_said) {
		a->n_dns = ra.n_dns;
		memcpy(a->dns, ra.dns, sizeof(a->dns));
	}
	if (a->has_prefix)
		a->ask_at = TIME_NEVER;
}

void autoconf_tick(struct ppp *p)
{
	struct autoconf *a = &p->autoconf;
	uint8_t packet[RA_SOLICITATION_LEN];

	if (p->ip6cp_cp.state != FSM_OPENED)
		return;
	if (p->now >= a->until)
		autoconf_start(p);
	if (p->now < a->ask_at)
		return;
	if (a->asked == SOLICITATIONS) {
		a->ask_at = TIME_NEVER;
		a->in_vain = true;
		return;
	}
	a->asked++;
	a->ask_at = p->now + SOLICIT_MS;
	ra_solicit(packet, p->ip6cp.local);
	struct wr w = frame_begin(p, PPP_IPV6);
	wr_bytes(&w, packet, sizeof(packet));
	frame_end(p, &w);
}

uint64_t autoconf_deadline(const struct ppp *p)
{
	const struct autoconf *a = &p->autoconf;

	if (p->ip6cp_cp.state != FSM_OPENED)
		return TIME_NEVER;
	return earliest(a->ask_at, a->until);
}

bool autoconf_address(const struct ppp *p, struct addr *out)
{
	uint8_t ip[16];

	if (p->ip6cp_cp.state != FSM_OPENED || !p->autoconf.has_prefix)
		return false;
	memcpy(ip, p->autoconf.prefix, 8);
	memcpy(ip + 8, p->ip6cp.local, 8);
	return addr_set(out, FAMILY_V6, ip, 0);
}
