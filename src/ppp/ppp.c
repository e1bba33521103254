#include "ppp_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"

/*
 * The phases of RFC 1661 section 3.2: LCP opens the link, the gateway makes us log in, then the
 * network protocols open. What a layer's automaton says (up, down, finished) is acted on here, after
 * the call into it returned.
 */

/* --- frames --------------------------------------------------------------------------------------- */

enum { FRAME_LENGTH = 2 };

struct wr frame_begin(struct ppp *p, uint16_t protocol)
{
	struct wr w = wr_init(p->queue + p->queued, sizeof(p->queue) - p->queued);

	wr_u16(&w, 0);
	wr_u16(&w, 0xff03);
	wr_u16(&w, protocol);
	return w;
}

void frame_end(struct ppp *p, const struct wr *w)
{
	struct wr len = wr_init(p->queue + p->queued, FRAME_LENGTH);

	if (w->bad)
		return;
	wr_u16(&len, (uint16_t)(w->len - FRAME_LENGTH));
	p->queued += w->len;
}

void frame_packet(struct ppp *p, uint16_t protocol, uint8_t code, uint8_t id, struct bytes data)
{
	struct wr w = frame_begin(p, protocol);

	wr_u8(&w, code);
	wr_u8(&w, id);
	wr_u16(&w, (uint16_t)(CP_HEADER_LEN + data.n));
	wr_bytes(&w, data.p, data.n);
	frame_end(p, &w);
}

bool ppp_output(struct ppp *p, struct bytes *frame)
{
	struct rd r = rd_init(p->queue + p->taken, p->queued - p->taken);

	if (r.left == 0) {
		wipe(p->queue, p->queued); /* a password may have been in it */
		p->taken = p->queued = 0;
		return false;
	}
	frame->n = rd_u16(&r);
	frame->p = rd_bytes(&r, frame->n);
	p->taken += FRAME_LENGTH + frame->n;
	return true;
}

bool ppp_read_frame(struct bytes frame, uint16_t *protocol, struct bytes *info)
{
	struct rd r = rd_init(frame.p, frame.n);

	if (r.left >= 2 && r.p[0] == 0xff && r.p[1] == 0x03)
		rd_u16(&r);
	*protocol = rd_u8(&r);
	if (!(*protocol & 1)) /* only the last octet of a protocol is odd */
		*protocol = (uint16_t)(*protocol << 8 | rd_u8(&r));
	*info = (struct bytes){ r.p, r.left };
	return !r.bad && (*protocol & 1);
}

/* --- making one ------------------------------------------------------------------------------------ */

static bool config_check(const struct ppp_config *c, struct err *e)
{
	if (c->n_auth > PPP_AUTHS)
		return err_set(e, ERR_BUG, "more ways to log in than there are");
	if (strlen(c->user) >= EAP_USER_MAX)
		return err_set(
			e, ERR_CONFIG, "the user name is longer than %d octets", EAP_USER_MAX - 1);
	if (c->mru < PPP_MRU_MIN)
		return err_set(
			e, ERR_CONFIG, "an MRU of %u octet%s is too small", c->mru, plural(c->mru));
	return c->ipv4 || c->ipv6 || err_set(e, ERR_CONFIG, "neither IPv4 nor IPv6 is wanted");
}

struct ppp *ppp_new(const struct ppp_config *config, struct rng *rng, struct err *e)
{
	if (!config_check(config, e))
		return NULL;
	struct ppp *p = calloc(1, sizeof(*p));
	if (!p) {
		err_set(e, ERR_LOCAL, "no memory for PPP");
		return NULL;
	}
	p->config = config;
	p->rng = rng;
	p->echo_at = TIME_NEVER;
	p->logging_in = true;
	p->auth.timer = p->auth.give_up = TIME_NEVER;
	p->auth.ask_id = config->first_ask;
	memcpy(p->auth.user, config->user, strlen(config->user) + 1);
	lcp_init(p);
	ipcp_init(p);
	ip6cp_init(p);
	autoconf_init(p);
	return p;
}

void ppp_free(struct ppp *p)
{
	if (!p)
		return;
	eap_free(p->auth.eap);
	wipe(p, sizeof(*p));
	free(p);
}

/* --- the end ---------------------------------------------------------------------------------------- */

static void die(struct ppp *p)
{
	p->phase = PPP_DEAD;
	p->lcp_cp.timer = p->ipcp_cp.timer = p->ip6cp_cp.timer = p->echo_at = TIME_NEVER;
	auth_stop(p);
}

void ppp_fail(struct ppp *p, const struct err *e)
{
	if (p->phase == PPP_DEAD)
		return;
	if (p->failure.kind == ERR_NONE)
		p->failure = *e;
	cp_event(p, &p->lcp_cp, FSM_CLOSE);
	die(p);
}

/* The gateway hung up in the phase before this one, or LCP gave up. What it said before tells more than
 * that; what we refused it matters only while the link was not up. */
static void link_finished(struct ppp *p, enum ppp_phase was, bool asked_to)
{
	struct err e;

	if (was == PPP_TERMINATE) {
		die(p);
		return;
	}
	bool refused = p->lcp.auth_refused[0] && was != PPP_UP;
	p->logging_in = p->logging_in || refused; /* pppd lets LCP open first, without a login */
	if (p->auth.reason.kind != ERR_NONE)
		e = p->auth.reason;
	else if (refused)
		err_set(&e, ERR_PEER,
			"the gateway wants us to log in by %s, which the profile does not "
			"allow",
			p->lcp.auth_refused);
	else if (!asked_to)
		err_set(&e, ERR_SILENT,
			"the gateway did not agree on a PPP link: no answer to our LCP");
	else
		err_set(&e, ERR_PEER, "the gateway ended the PPP link%s%s%s%s%s",
			was == PPP_AUTHENTICATE ? " while we logged in" : "",
			p->mppe_refused && was != PPP_UP ?
				", after it was refused MPPE encryption" :
				"",
			p->said[0] ? ". It says \"" : "", p->said, p->said[0] ? "\"" : "");
	ppp_fail(p, &e);
}

/* --- the layers -------------------------------------------------------------------------------------- */

static struct cp *network_cp(struct ppp *p, uint16_t protocol)
{
	if (protocol == PPP_IPCP && p->config->ipv4)
		return &p->ipcp_cp;
	if (protocol == PPP_IPV6CP && p->config->ipv6)
		return &p->ip6cp_cp;
	return NULL;
}

static void network_begin(struct ppp *p)
{
	static const uint16_t protocols[] = { PPP_IPCP, PPP_IPV6CP };

	p->phase = PPP_NETWORK;
	p->logging_in = false;
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		struct cp *c = network_cp(p, protocols[i]);
		if (!c)
			continue;
		cp_event(p, c, FSM_OPEN);
		cp_event(p, c, FSM_UP);
	}
	if (p->config->echo_interval > 0)
		p->echo_at = p->now + p->config->echo_interval;
}

static void lcp_layer(struct ppp *p, unsigned actions, bool asked_to, struct outbox *ob)
{
	enum ppp_phase was = p->phase;

	if (was == PPP_DEAD)
		return;
	if (actions & FSM_TLD) { /* the network protocols lose what they stand on */
		cp_event(p, &p->ipcp_cp, FSM_DOWN);
		cp_event(p, &p->ip6cp_cp, FSM_DOWN);
		auth_stop(p);
		p->echo_at = TIME_NEVER;
		if (was != PPP_TERMINATE)
			p->phase = PPP_ESTABLISH;
		if (asked_to)
			link_finished(p, was, true);
	}
	if (actions & FSM_TLU && p->lcp.peer.auth_wanted) {
		p->phase = PPP_AUTHENTICATE;
		auth_start(p, p->lcp.peer.auth, ob);
	} else if (actions & FSM_TLU) {
		network_begin(p);
	}
	if (actions & FSM_TLF)
		link_finished(p, was, asked_to);
}

void auth_done(struct ppp *p)
{
	p->auth.done = true;
	p->auth.timer = p->auth.give_up = TIME_NEVER;
	err_clear(&p->auth.reason);
	if (p->phase == PPP_AUTHENTICATE)
		network_begin(p);
}

static bool ipv4_may_come(const struct ppp *p)
{
	return p->config->ipv4 && p->ipcp_cp.state >= FSM_REQ_SENT;
}

/* IPv4 alone will do; IPv6 alone where there will be no IPv4, and once there is an address. */
static void network_judge(struct ppp *p)
{
	struct addr address;
	struct err e;

	if (p->phase != PPP_NETWORK && p->phase != PPP_UP)
		return;
	bool up = ipv4_may_come(p) ? p->ipcp_cp.state == FSM_OPENED : autoconf_address(p, &address);
	p->phase = up ? PPP_UP : PPP_NETWORK;
	if (up || ipv4_may_come(p) || !p->autoconf.in_vain)
		return;
	err_set(&e, ERR_PEER,
		"the gateway gave us no address: no IPv4, and for IPv6 it does not advertise a prefix");
	ppp_fail(p, &e);
}

/* Given up, or refused by the gateway: is there another network protocol left? */
static void network_lost(struct ppp *p, const struct cp *c)
{
	struct err e;

	if (ipv4_may_come(p) || (p->config->ipv6 && p->ip6cp_cp.state >= FSM_REQ_SENT))
		return;
	err_set(&e, ERR_PEER,
		"the gateway did not agree on addresses: %s was refused or not answered",
		c->protocol->name);
	ppp_fail(p, &e);
}

static void network_layer(struct ppp *p, struct cp *c, unsigned actions, struct outbox *ob)
{
	struct err e;

	if (p->phase == PPP_DEAD)
		return;
	if (actions & FSM_TLU && c == &p->ipcp_cp && !ipcp_usable(p, &e)) {
		ppp_fail(p, &e);
		return;
	}
	if (actions & FSM_TLU)
		outbox_log(ob, LEVEL_DEBUG, "PPP: %s is up", c->protocol->name);
	if (actions & FSM_TLU && c == &p->ip6cp_cp)
		autoconf_start(p);
	if (actions & (FSM_TLF | FSM_TLD))
		network_lost(p, c);
	network_judge(p);
}

static void check_endless(struct ppp *p)
{
	const struct cp *all[] = { &p->lcp_cp, &p->ipcp_cp, &p->ip6cp_cp };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!cp_endless(all[i]))
			continue;
		err_set(&e, ERR_PEER, "the gateway and we do not come to terms in %s",
			all[i]->protocol->name);
		ppp_fail(p, &e);
		return;
	}
}

/* --- LCP's own packets (RFC 1661 sections 5.7 to 5.9, RFC 1570) -------------------------------------- */

static void lcp_rejected(struct ppp *p, const struct cp_packet *k, struct outbox *ob)
{
	struct rd r = rd_init(k->data.p, k->data.n);
	uint16_t protocol = rd_u16(&r);
	struct cp *c = network_cp(p, protocol);
	struct err e;

	if (r.bad || p->lcp_cp.state != FSM_OPENED)
		return;
	outbox_log(ob, LEVEL_DEBUG, "PPP: the gateway does not know protocol %04x", protocol);
	if (c) {
		network_layer(p, c, cp_event(p, c, FSM_RXJ_FATAL), ob);
	} else if (p->phase == PPP_AUTHENTICATE &&
		(protocol == PPP_PAP || protocol == PPP_CHAP || protocol == PPP_EAP)) {
		err_set(&e, ERR_PEER, "the gateway asked us to log in by %s, then refused it",
			auth_name(p->auth.way));
		ppp_fail(p, &e);
	}
}

/* With our own number in it, it is our own voice; zero is no number. */
static void lcp_echo_reply(struct ppp *p, const struct cp_packet *k)
{
	struct rd r = rd_init(k->data.p, k->data.n);
	uint32_t magic = rd_u32(&r);
	bool ours = magic != 0 && magic == lcp_magic(p);

	if (r.bad || ours || p->lcp_cp.state != FSM_OPENED || !p->echoes_missed)
		return;
	p->echoes_missed = 0;
	p->echo_at = p->now + p->config->echo_interval;
}

static void lcp_code_rejected(struct ppp *p)
{
	struct err e;

	if (p->lcp_cp.state != FSM_STOPPED && p->lcp_cp.state != FSM_STOPPING)
		return;
	err_set(&e, ERR_PEER, "the gateway does not understand our LCP: it sent a Code-Reject");
	ppp_fail(p, &e);
}

static void lcp_input(struct ppp *p, const struct cp_packet *k, struct outbox *ob)
{
	char text[128];
	unsigned actions = 0;

	switch (k->code) {
	case CP_PROTOCOL_REJECT:
		lcp_rejected(p, k, ob);
		return;
	case CP_ECHO_REPLY:
		lcp_echo_reply(p, k);
		return;
	case CP_ECHO_REQUEST:
		actions = cp_input_echo(p, &p->lcp_cp, k, lcp_magic(p));
		break;
	case CP_DISCARD_REQUEST:
	case CP_TIME_REMAINING:
		return;
	case CP_IDENTIFICATION: /* the magic number, then words */
		if (k->data.n > 4)
			outbox_log(ob, LEVEL_DEBUG, "PPP: the gateway is %s",
				text_safe(text, sizeof(text), (const uint8_t *)k->data.p + 4,
					k->data.n - 4));
		return;
	case CP_TERMINATE_REQUEST:
		text_safe(p->said, sizeof(p->said), k->data.p, k->data.n);
		actions = cp_input(p, &p->lcp_cp, k);
		if (!(actions & FSM_TLD)) /* the table would wait for the gateway to think again */
			actions |= FSM_TLF;
		break;
	case CP_CODE_REJECT:
		actions = cp_input(p, &p->lcp_cp, k);
		lcp_code_rejected(p);
		break;
	default:
		actions = cp_input(p, &p->lcp_cp, k);
	}
	lcp_layer(p, actions, k->code == CP_TERMINATE_REQUEST, ob);
}

/* --- inputs ------------------------------------------------------------------------------------------- */

/* Section 5.7: only while LCP is open, with as much of the packet as fits. */
static void reject_protocol(struct ppp *p, uint16_t protocol, struct bytes info)
{
	size_t most = p->lcp.peer.mru - CP_HEADER_LEN - 2u;
	uint8_t room[CP_INFO_MAX];
	struct wr w = wr_init(room, sizeof(room));

	if (most > sizeof(room) - CP_HEADER_LEN - 2)
		most = sizeof(room) - CP_HEADER_LEN - 2;
	if (p->lcp_cp.state != FSM_OPENED)
		return;
	wr_u16(&w, protocol);
	wr_bytes(&w, info.p, info.n < most ? info.n : most);
	frame_packet(p, PPP_LCP, CP_PROTOCOL_REJECT, ++p->reject_id, (struct bytes){ room, w.len });
}

static void network_input(struct ppp *p, struct cp *c, struct bytes info, struct outbox *ob)
{
	struct cp_packet k;

	if (p->phase == PPP_AUTHENTICATE)
		auth_gateway_goes_on(p);
	/* Section 3.5: before we are let in, such packets are discarded. */
	if (p->phase < PPP_NETWORK || p->phase > PPP_UP || !cp_read(&k, info))
		return;
	network_layer(p, c, cp_input(p, c, &k), ob);
}

static void other_input(struct ppp *p, uint16_t protocol, struct bytes info, struct outbox *ob)
{
	if (protocol == PPP_IPV6 && ra_is(info)) {
		autoconf_input(p, info, ob);
		network_judge(p);
	}
	if (protocol == PPP_IPV4 || protocol == PPP_IPV6)
		return; /* a packet that came before its protocol was open */
	if (protocol == PPP_CCP && ccp_wants_mppe(info) && !p->mppe_refused) {
		p->mppe_refused = true;
		outbox_log(ob, LEVEL_INFO, "PPP: refused MPPE encryption: IPsec encrypts");
	}
	reject_protocol(p, protocol, info);
}

void ppp_input(struct ppp *p, uint64_t now, struct bytes frame, struct outbox *ob)
{
	uint16_t protocol;
	struct bytes info;
	struct cp_packet k;

	p->now = now;
	if (p->phase == PPP_DEAD || p->lcp_cp.state < FSM_CLOSED ||
		!ppp_read_frame(frame, &protocol, &info))
		return;
	struct cp *c = network_cp(p, protocol);
	if (c)
		network_input(p, c, info, ob);
	else if (protocol == PPP_PAP || protocol == PPP_CHAP || protocol == PPP_EAP)
		auth_input(p, protocol, info, ob);
	else if (protocol != PPP_LCP)
		other_input(p, protocol, info, ob);
	else if (cp_read(&k, info))
		lcp_input(p, &k, ob);
	check_endless(p);
}

void ppp_start(struct ppp *p, uint64_t now, struct outbox *ob)
{
	p->now = now;
	lcp_layer(p, cp_event(p, &p->lcp_cp, FSM_OPEN), false, ob);
	lcp_layer(p, cp_event(p, &p->lcp_cp, FSM_UP), false, ob);
}

void ppp_answer(
	struct ppp *p, uint64_t now, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	p->now = now;
	if (p->phase != PPP_DEAD)
		auth_answer(p, id, text, ob);
}

static void echo_tick(struct ppp *p)
{
	struct err e;

	if (p->now < p->echo_at)
		return;
	if (p->echoes_missed >= ECHO_MISSED_MAX) {
		err_set(&e, ERR_SILENT, "the gateway answered none of %d LCP echo requests",
			ECHO_MISSED_MAX);
		ppp_fail(p, &e);
		return;
	}
	lcp_echo(p);
	p->echoes_missed++;
	p->echo_at = p->now +
		(p->config->echo_interval < ECHO_AGAIN_MS ? p->config->echo_interval :
							    ECHO_AGAIN_MS);
}

void ppp_tick(struct ppp *p, uint64_t now, struct outbox *ob)
{
	p->now = now;
	if (p->phase == PPP_DEAD)
		return;
	lcp_layer(p, cp_tick(p, &p->lcp_cp), false, ob);
	if (p->config->ipv4)
		network_layer(p, &p->ipcp_cp, cp_tick(p, &p->ipcp_cp), ob);
	if (p->config->ipv6)
		network_layer(p, &p->ip6cp_cp, cp_tick(p, &p->ip6cp_cp), ob);
	autoconf_tick(p);
	network_judge(p);
	auth_tick(p);
	echo_tick(p);
	check_endless(p);
}

void ppp_stop(struct ppp *p, uint64_t now, struct outbox *ob)
{
	p->now = now;
	if (p->phase == PPP_DEAD)
		return;
	if (p->phase == PPP_TERMINATE) {
		die(p);
		return;
	}
	p->phase = PPP_TERMINATE;
	lcp_layer(p, cp_event(p, &p->lcp_cp, FSM_CLOSE), false, ob);
	if (p->lcp_cp.state != FSM_CLOSING)
		die(p);
}

/* --- looking in ------------------------------------------------------------------------------------------ */

uint64_t ppp_deadline(const struct ppp *p)
{
	uint64_t at = earliest(p->lcp_cp.timer, earliest(p->ipcp_cp.timer, p->ip6cp_cp.timer));

	at = earliest(earliest(at, p->echo_at), earliest(auth_deadline(p), autoconf_deadline(p)));
	return p->phase == PPP_DEAD ? TIME_NEVER : at;
}

static void view_servers(uint8_t servers[PPP_SERVERS][4], struct addr *out, uint32_t *n)
{
	static const uint8_t none[4];

	for (size_t i = 0; i < PPP_SERVERS; i++)
		if (memcmp(servers[i], none, sizeof(none)) != 0 &&
			(i == 0 || memcmp(servers[i], servers[0], sizeof(none)) != 0))
			addr_set(&out[(*n)++], FAMILY_V4, servers[i], 0);
}

void ppp_view(const struct ppp *p, struct ppp_view *out)
{
	struct ipcp ip = p->ipcp;

	*out = (struct ppp_view){ .phase = p->phase,
		.logging_in = p->logging_in,
		.failure = p->failure,
		.eap_in_vain = p->logging_in && p->auth.eap_in_vain && p->failure.kind == ERR_PEER,
		.no_way = p->logging_in && p->lcp.auth_refused[0],
		.auth = p->lcp.peer.auth_wanted ? auth_name(p->lcp.peer.auth) : "none",
		.peer_mru = p->lcp.peer.mru };
	out->ipv4 = p->ipcp_cp.state == FSM_OPENED;
	out->ipv6 = p->ip6cp_cp.state == FSM_OPENED;
	if (out->ipv4) {
		static const uint8_t none[4];
		addr_set(&out->local, FAMILY_V4, ip.local, 0);
		if (memcmp(ip.remote, none, sizeof(none)) != 0)
			addr_set(&out->remote, FAMILY_V4, ip.remote, 0);
		view_servers(ip.dns, out->dns, &out->n_dns);
		view_servers(ip.wins, out->wins, &out->n_wins);
	}
	if (autoconf_address(p, &out->local6)) {
		memcpy(out->dns + out->n_dns, p->autoconf.dns, sizeof(p->autoconf.dns));
		out->n_dns += p->autoconf.n_dns;
	}
	memcpy(out->local_id, p->ip6cp.local, sizeof(out->local_id));
	memcpy(out->remote_id, p->ip6cp.remote, sizeof(out->remote_id));
}
