#include "priv.h"

#include <arpa/inet.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/alg.h"
#include "esp/esp.h"

/*
 * XFRM's messages, over libnl's messages and attributes. libnl-xfrm has functions for SAs and
 * policies, but not for the interface's if_id nor for the mark of outgoing packets.
 */

static uint8_t af(uint8_t family)
{
	return family == FAMILY_V4 ? AF_INET : AF_INET6;
}

static void put_ip(xfrm_address_t *out, const uint8_t *ip, uint8_t family)
{
	memcpy(out, ip, addr_len(family));
}

static struct nl_msg *message(int type, int flags, const void *head, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (m && nlmsg_append(m, (void *)head, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

/* --- SAs --------------------------------------------------------------------------------------- */

/* The kernel's name and key of an algorithm, behind the sizes that come between. */
static bool put_aead(struct nl_msg *m, const struct alg *encr, const struct sa_spec *s)
{
	struct xfrm_algo_aead head = { .alg_key_len = 8 * (unsigned)s->encr_key.len,
		.alg_icv_len = 8 * (unsigned)encr->out_len };
	struct nlattr *a = nla_reserve(m, XFRMA_ALG_AEAD, (int)(sizeof(head) + s->encr_key.len));

	if (!a)
		return false;
	snprintf(head.alg_name, sizeof(head.alg_name), "%s", encr->kernel);
	memcpy(nla_data(a), &head, sizeof(head));
	memcpy((uint8_t *)nla_data(a) + sizeof(head), s->encr_key.data, s->encr_key.len);
	return true;
}

static bool put_encr(struct nl_msg *m, const struct alg *encr, const struct sa_spec *s)
{
	struct xfrm_algo head = { .alg_key_len = 8 * (unsigned)s->encr_key.len };
	struct nlattr *a = nla_reserve(m, XFRMA_ALG_CRYPT, (int)(sizeof(head) + s->encr_key.len));

	if (!a)
		return false;
	snprintf(head.alg_name, sizeof(head.alg_name), "%s", encr->kernel);
	memcpy(nla_data(a), &head, sizeof(head));
	memcpy((uint8_t *)nla_data(a) + sizeof(head), s->encr_key.data, s->encr_key.len);
	return true;
}

/* With the truncation spelled out: left to itself the kernel cuts HMAC-SHA-256 to 96 bits, as a draft
 * had it before RFC 4868 made it 128. */
static bool put_integ(struct nl_msg *m, const struct alg *integ, const struct sa_spec *s)
{
	struct xfrm_algo_auth head = { .alg_key_len = 8 * (unsigned)s->integ_key.len,
		.alg_trunc_len = 8 * (unsigned)integ->out_len };
	struct nlattr *a =
		nla_reserve(m, XFRMA_ALG_AUTH_TRUNC, (int)(sizeof(head) + s->integ_key.len));

	if (!a)
		return false;
	snprintf(head.alg_name, sizeof(head.alg_name), "%s", integ->kernel);
	memcpy(nla_data(a), &head, sizeof(head));
	memcpy((uint8_t *)nla_data(a) + sizeof(head), s->integ_key.data, s->integ_key.len);
	return true;
}

/* The replay window. An outbound SA needs none; but with ESN a kernel that knows no directions refuses
 * one of 0, and one that knows them takes no other. */
static bool put_replay(struct nl_msg *m, const struct sa_spec *s, const struct xfrm_params *x)
{
	uint32_t window = s->dir == SA_IN ? s->replay_window : s->esn && !x->direction;
	uint32_t words = (window + 31) / 32;
	struct xfrm_replay_state_esn head = { .bmp_len = words, .replay_window = window };
	struct nlattr *a;

	if (words == 0 && !s->esn)
		return true;
	a = nla_reserve(m, XFRMA_REPLAY_ESN_VAL, (int)(sizeof(head) + sizeof(uint32_t) * words));
	if (!a)
		return false;
	memset(nla_data(a), 0, (size_t)nla_len(a));
	memcpy(nla_data(a), &head, sizeof(head));
	return true;
}

static bool put_encap(struct nl_msg *m, const struct sa_spec *s)
{
	const struct addr *from = s->dir == SA_OUT ? &s->local : &s->remote;
	const struct addr *to = s->dir == SA_OUT ? &s->remote : &s->local;
	struct xfrm_encap_tmpl encap = { .encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(from->port),
		.encap_dport = htons(to->port) };

	return !s->encap || nla_put(m, XFRMA_ENCAP, sizeof(encap), &encap) == 0;
}

/* Sealed packets are routed with the mark of our own sockets, past the rule that leads into the
 * tunnel. */
static bool put_marks(struct nl_msg *m, const struct sa_spec *s, const struct xfrm_params *x)
{
	if (x->if_id && nla_put_u32(m, XFRMA_IF_ID, x->if_id) < 0)
		return false;
	return s->dir == SA_IN ||
		(nla_put_u32(m, XFRMA_SET_MARK, HOST_MARK) == 0 &&
			nla_put_u32(m, XFRMA_SET_MARK_MASK, UINT32_MAX) == 0);
}

/* Linux 6.10, include/uapi/linux/xfrm.h: an SA that says its direction is of use in no other, and each
 * direction refuses what makes sense only in the other. */
enum { SA_DIR_ATTRIBUTE = 33, SA_DIR_IN = 1, SA_DIR_OUT = 2 };

static bool put_direction(struct nl_msg *m, const struct sa_spec *s, const struct xfrm_params *x)
{
	uint8_t dir = x->direction_probe ? UINT8_MAX : s->dir == SA_IN ? SA_DIR_IN : SA_DIR_OUT;

	return (!x->direction && !x->direction_probe) || nla_put_u8(m, SA_DIR_ATTRIBUTE, dir) == 0;
}

/* Outbound, the kernel tells when three quarters of the packets or octets that may go through are used,
 * and at the limit it removes the SA; the last sequence number needs no such limit, for the kernel
 * itself refuses to start over. Inbound the same event tells that the SA is in use: it comes with the
 * packet after the first authentic one, and only once, so what has gone through is looked at by who
 * counts. */
static void put_lifetime(struct xfrm_lifetime_cfg *l, const struct sa_spec *s)
{
	uint64_t octets = esp_octets_max(s), packets = esp_packets_max(s);

	*l = (struct xfrm_lifetime_cfg){ .soft_byte_limit = XFRM_INF,
		.hard_byte_limit = XFRM_INF,
		.soft_packet_limit = XFRM_INF,
		.hard_packet_limit = XFRM_INF };
	if (s->dir == SA_IN) {
		l->soft_packet_limit = 1;
		return;
	}
	if (packets != UINT64_MAX)
		l->soft_packet_limit = packets / 4 * 3;
	if (s->packets_max)
		l->hard_packet_limit = packets;
	if (octets != UINT64_MAX) {
		l->soft_byte_limit = octets / 4 * 3;
		l->hard_byte_limit = octets;
	}
}

static void selector_of_hosts(
	struct xfrm_selector *sel, const struct addr *from, const struct addr *to)
{
	sel->family = af(from->family);
	put_ip(&sel->saddr, from->ip, from->family);
	put_ip(&sel->daddr, to->ip, to->family);
	sel->prefixlen_s = sel->prefixlen_d = (uint8_t)(8 * addr_len(from->family));
}

struct nl_msg *sa_add_message(const struct sa_spec *s, const struct xfrm_params *x, struct err *e)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, s->encr, s->encr_bits);
	const struct alg *integ = s->integ ? alg_find(TRANSFORM_INTEG, s->integ, 0) : NULL;
	const struct addr *from = s->dir == SA_OUT ? &s->local : &s->remote;
	const struct addr *to = s->dir == SA_OUT ? &s->remote : &s->local;
	struct xfrm_usersa_info head = { .id = { .spi = htonl(s->spi), .proto = IPPROTO_ESP },
		.family = af(s->local.family),
		.reqid = x->reqid,
		.mode = s->mode == SA_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT };

	if (!encr || !encr->kernel || (!encr->aead && (!integ || !integ->kernel))) {
		err_set(e, ERR_LOCAL, "the kernel has no ESP with %s",
			encr ? encr->iana : "this algorithm");
		return NULL;
	}
	put_ip(&head.saddr, from->ip, from->family);
	put_ip(&head.id.daddr, to->ip, to->family);
	put_lifetime(&head.lft, s);
	if (s->mode == SA_TRANSPORT)
		selector_of_hosts(&head.sel, from, to);
	else
		head.flags |= XFRM_STATE_AF_UNSPEC; /* IPv4 and IPv6 inside */
	if (s->esn)
		head.flags |= XFRM_STATE_ESN;
	/* Outer packets go out without DF, as those of the userspace data plane do. */
	if (s->dir == SA_OUT)
		head.flags |= XFRM_STATE_NOPMTUDISC | (s->ecn ? 0 : XFRM_STATE_NOECN);
	struct nl_msg *m = x->reserved ?
		message(XFRM_MSG_UPDSA, 0, &head, sizeof(head)) :
		message(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	bool ok = m &&
		(encr->aead ? put_aead(m, encr, s) :
			      put_encr(m, encr, s) && put_integ(m, integ, s)) &&
		put_replay(m, s, x) && put_encap(m, s) && put_marks(m, s, x) &&
		put_direction(m, s, x);
	if (ok)
		return m;
	nl_msg_free(m);
	err_set(e, ERR_LOCAL, "no memory for an SA");
	return NULL;
}

struct nl_msg *sa_reserve_message(const struct sa_ref *ref, const struct xfrm_params *x)
{
	struct xfrm_userspi_info head = { .info = { .id = { .proto = IPPROTO_ESP },
						  .family = af(ref->local.family),
						  .reqid = x->reqid,
						  .mode = XFRM_MODE_TUNNEL },
		.min = ref->spi,
		.max = ref->spi };

	put_ip(&head.info.saddr, ref->remote.ip, ref->remote.family);
	put_ip(&head.info.id.daddr, ref->local.ip, ref->local.family);
	struct nl_msg *m = message(XFRM_MSG_ALLOCSPI, 0, &head, sizeof(head));
	if (!m || !x->direction || nla_put_u8(m, SA_DIR_ATTRIBUTE, SA_DIR_IN) == 0)
		return m;
	nl_msg_free(m);
	return NULL;
}

struct nl_msg *sa_ref_message(int type, const struct addr *to, uint32_t spi)
{
	struct xfrm_usersa_id id = {
		.spi = htonl(spi), .family = af(to->family), .proto = IPPROTO_ESP
	};

	put_ip(&id.daddr, to->ip, to->family);
	return message(type, 0, &id, sizeof(id));
}

/* --- policies ---------------------------------------------------------------------------------- */

static struct xfrm_selector selector_of(const struct sa_policy *p)
{
	struct xfrm_selector sel = { .family = af(p->src.family),
		.proto = p->proto,
		.prefixlen_s = p->src.len,
		.prefixlen_d = p->dst.len,
		.sport = htons(p->src_port),
		.sport_mask = htons(p->src_mask),
		.dport = htons(p->dst_port),
		.dport_mask = htons(p->dst_mask) };

	put_ip(&sel.saddr, p->src.ip, p->src.family);
	put_ip(&sel.daddr, p->dst.ip, p->dst.family);
	return sel;
}

/* Which SA: of the child's reqid. The SPI is left open, so that a rekey needs no change here: of two
 * the kernel takes the newer. */
static bool put_template(struct nl_msg *m, const struct sa_policy *p)
{
	struct xfrm_user_tmpl t = { .family = af(p->from.family),
		.reqid = p->reqid,
		.id.proto = IPPROTO_ESP,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
		.mode = p->mode == SA_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT };

	put_ip(&t.saddr, p->from.ip, p->from.family);
	put_ip(&t.id.daddr, p->to.ip, p->to.family);
	return nla_put(m, XFRMA_TMPL, sizeof(t), &t) == 0;
}

struct nl_msg *sa_policy_message(int type, const struct sa_policy *p)
{
	struct xfrm_userpolicy_id id = { .sel = selector_of(p), .dir = p->dir };
	struct xfrm_userpolicy_info info = { .sel = id.sel,
		.dir = p->dir,
		.priority = p->priority,
		.action = p->block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW,
		.share = XFRM_SHARE_ANY,
		.lft = { .soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF } };
	bool removal = type == XFRM_MSG_DELPOLICY;
	struct nl_msg *m =
		removal ? message(type, 0, &id, sizeof(id)) : message(type, 0, &info, sizeof(info));

	if (m && (removal || put_template(m, p)) &&
		(!p->if_id || nla_put_u32(m, XFRMA_IF_ID, p->if_id) == 0))
		return m;
	nl_msg_free(m);
	return NULL;
}
