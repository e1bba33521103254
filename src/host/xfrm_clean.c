#include "priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a killed instance left in the kernel's IPsec tables: all that carries a reqid of its slot, and
 * nothing else, for other daemons have SAs and policies there too.
 */

static bool reqid_of(unsigned slot, uint32_t reqid)
{
	return reqid >> 16 == (HOST_REQID_FIRST >> 16) + slot;
}

static bool dump(
	struct nl_sock *sk, int type, const char *doing, struct nl_reply *out, struct err *e)
{
	return nl_ask(
		sk, nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP), out, NULL, doing, e);
}

/* A message that removes what one message of the dump tells of, NULL when that is not ours. */
static struct nl_msg *sa_removal(const struct nlmsghdr *h, unsigned slot)
{
	const struct xfrm_usersa_info *sa = nlmsg_data(h);

	if (h->nlmsg_type != XFRM_MSG_NEWSA || nlmsg_datalen(h) < (int)sizeof(*sa) ||
		!reqid_of(slot, sa->reqid) || sa->id.spi == 0)
		return NULL;
	struct xfrm_usersa_id id;

	memset(&id, 0, sizeof(id)); /* its padding goes to the kernel as well */
	id.daddr = sa->id.daddr;
	id.spi = sa->id.spi;
	id.family = sa->family;
	id.proto = sa->id.proto;
	struct nl_msg *m = nlmsg_alloc_simple(XFRM_MSG_DELSA, NLM_F_REQUEST);
	if (m && nlmsg_append(m, &id, sizeof(id), NLMSG_ALIGNTO) == 0)
		return m;
	nl_msg_free(m);
	return NULL;
}

/* Those of sockets, which are listed as well, come and go with them. */
static bool policy_is_ours(const struct nlmsghdr *h, unsigned slot)
{
	const struct xfrm_userpolicy_info *p = nlmsg_data(h);
	struct xfrm_user_tmpl t;

	if (h->nlmsg_type != XFRM_MSG_NEWPOLICY || nlmsg_datalen(h) < (int)sizeof(*p) ||
		p->dir >= XFRM_POLICY_MAX)
		return false;
	struct nlattr *a = nl_attr(h, sizeof(*p), XFRMA_TMPL);
	if (!a || nla_len(a) < (int)sizeof(t))
		return false;
	memcpy(&t, nla_data(a), sizeof(t));
	return reqid_of(slot, t.reqid);
}

static struct nl_msg *policy_removal(const struct nlmsghdr *h, unsigned slot)
{
	const struct xfrm_userpolicy_info *p = nlmsg_data(h);

	if (!policy_is_ours(h, slot))
		return NULL;
	struct xfrm_userpolicy_id id;

	memset(&id, 0, sizeof(id));
	id.sel = p->sel;
	id.index = p->index;
	id.dir = p->dir;
	uint32_t if_id = nl_attr_u32(h, sizeof(*p), XFRMA_IF_ID, 0);
	struct nl_msg *m = nlmsg_alloc_simple(XFRM_MSG_DELPOLICY, NLM_F_REQUEST);
	if (m && nlmsg_append(m, &id, sizeof(id), NLMSG_ALIGNTO) == 0 &&
		(!if_id || nla_put_u32(m, XFRMA_IF_ID, if_id) == 0))
		return m;
	nl_msg_free(m);
	return NULL;
}

struct removals {
	struct nl_sock *sk;
	struct nl_msg *v[NL_BATCH_MAX];
	size_t n, removed;
};

static bool removals_send(struct removals *r, struct err *e)
{
	static const char doing[] = "removing SAs and policies of IPsec";
	struct nl_result results[NL_BATCH_MAX];
	size_t n = r->n;
	bool ok = true;

	r->n = 0;
	if (n == 0)
		return true;
	if (!nl_batch(r->sk, r->v, n, results, doing, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		r->removed += results[i].code == 0;
		/* It may have ended by itself meanwhile. */
		if (ok && results[i].code != 0 && results[i].code != ESRCH &&
			results[i].code != ENOENT)
			ok = nl_error(e, results[i].code,
				results[i].said[0] ? results[i].said : NULL, doing);
	}
	return ok;
}

static bool flush(struct nl_sock *sk, int type,
	struct nl_msg *(*removal)(const struct nlmsghdr *, unsigned), unsigned slot,
	size_t *removed, struct err *e)
{
	struct removals r = { .sk = sk };
	struct nl_reply all;
	bool ok = dump(sk, type, "reading the kernel's IPsec tables", &all, e);

	for (struct nlmsghdr *h = NULL; ok && (h = nl_next(&all, h));) {
		struct nl_msg *m = removal(h, slot);
		if (m)
			r.v[r.n++] = m;
		if (r.n == NL_BATCH_MAX)
			ok = removals_send(&r, e);
	}
	ok = ok && removals_send(&r, e);
	*removed = r.removed;
	nl_reply_free(&all);
	return ok;
}

bool xfrm_count_policies(struct nl_sock *sk, unsigned slot, size_t *n, struct err *e)
{
	struct nl_reply all;

	*n = 0;
	if (!dump(sk, XFRM_MSG_GETPOLICY, "reading the kernel's IPsec tables", &all, e))
		return false;
	for (struct nlmsghdr *h = NULL; (h = nl_next(&all, h));)
		*n += policy_is_ours(h, slot);
	nl_reply_free(&all);
	return true;
}

/* Policies first: one without its SA holds up the packets that it takes. */
bool xfrm_flush(unsigned slot, size_t *sas, size_t *policies, struct err *e)
{
	struct nl_sock *sk = nl_connect_xfrm(e);

	*sas = *policies = 0;
	bool ok = sk && flush(sk, XFRM_MSG_GETPOLICY, policy_removal, slot, policies, e) &&
		flush(sk, XFRM_MSG_GETSA, sa_removal, slot, sas, e);
	nl_socket_free(sk);
	return ok;
}
