#include "priv.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * From selectors to policies, and from the policies there are to those there shall be.
 *
 * A traffic selector is a range of addresses and of ports on each side; a policy knows prefixes, and
 * ports under a mask. So each pair of selectors becomes as many policies as it takes.
 */

enum {
	PREFIXES_MAX = 254, /* of one selector (selector_prefixes) */
	PORT_BLOCKS_MAX = 30, /* of one range of ports */
	PRIORITY_FIRST = 1 << 16, /* behind what others may want to put before us */
};

struct ports {
	uint16_t port, mask;
};

struct list {
	struct sa_policy *v;
	size_t n, cap;
};

/* --- what is wanted ------------------------------------------------------------------------------ */

/* The smallest list of blocks under a mask that makes up a range of ports. */
static size_t port_blocks(uint16_t lo, uint16_t hi, struct ports out[PORT_BLOCKS_MAX])
{
	size_t n = 0;

	for (uint32_t at = lo; at <= hi;) {
		uint32_t size = 1;
		while ((at & (2 * size - 1)) == 0 && at + 2 * size - 1 <= hi && size < 0x10000)
			size *= 2;
		out[n++] = (struct ports){ (uint16_t)at, (uint16_t) ~(size - 1) };
		at += size;
	}
	return n;
}

static unsigned bits(uint16_t mask)
{
	return (unsigned)__builtin_popcount(mask);
}

/* The narrower the selector, the smaller the number: addresses first, then protocol and ports. */
static uint32_t priority_of(const struct sa_policy *p)
{
	unsigned all = 8 * (unsigned)addr_len(p->src.family);
	unsigned free_bits = 2 * all - p->src.len - p->dst.len;
	unsigned detail = p->proto ? 1 + bits(p->src_mask) + bits(p->dst_mask) : 0;

	return PRIORITY_FIRST + free_bits * 64 + 63 - detail;
}

static bool list_add(struct list *l, const struct sa_policy *p, struct err *e)
{
	if (l->n == XFRM_POLICIES_MAX)
		return err_set(e, ERR_LOCAL,
			"the traffic selectors make more than %d IPsec policies",
			XFRM_POLICIES_MAX);
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct sa_policy *v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return err_set(e, ERR_LOCAL, "no memory for %zu IPsec policies", cap);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = *p;
	l->v[l->n++].priority = priority_of(p);
	return true;
}

/* src and dst are of one family, p has the rest. */
static bool add_prefixes(struct list *l, struct sa_policy *p, const struct selector *src,
	const struct selector *dst, struct err *e)
{
	struct prefix from[PREFIXES_MAX], to[PREFIXES_MAX];
	size_t n_from = selector_prefixes(src, from, PREFIXES_MAX);
	size_t n_to = selector_prefixes(dst, to, PREFIXES_MAX);

	for (size_t i = 0; i < n_from && i < PREFIXES_MAX; i++)
		for (size_t j = 0; j < n_to && j < PREFIXES_MAX; j++) {
			p->src = from[i];
			p->dst = to[j];
			if (!list_add(l, p, e))
				return false;
		}
	return true;
}

static bool all_ports(const struct selector *s)
{
	return s->port_lo == 0 && s->port_hi == UINT16_MAX;
}

/* For ICMP the ports are type and code (RFC 7296 section 3.13.1); OPAQUE ones can be told to no
 * kernel. */
static bool add_pair(struct list *l, struct sa_policy *p, const struct selector *src,
	const struct selector *dst, struct err *e)
{
	struct ports from[PORT_BLOCKS_MAX], to[PORT_BLOCKS_MAX];
	char text[SELECTOR_TEXT_MAX];
	bool icmp = p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6;

	if ((icmp && (!all_ports(src) || !all_ports(dst))) || src->port_lo > src->port_hi ||
		dst->port_lo > dst->port_hi)
		return err_set(e, ERR_LOCAL, "the kernel's policies cannot tell %s from the rest",
			selector_text(text, all_ports(src) ? dst : src));
	size_t n_from = port_blocks(src->port_lo, src->port_hi, from);
	size_t n_to = port_blocks(dst->port_lo, dst->port_hi, to);
	for (size_t i = 0; i < n_from; i++)
		for (size_t j = 0; j < n_to; j++) {
			p->src_port = from[i].port;
			p->src_mask = from[i].mask;
			p->dst_port = to[j].port;
			p->dst_mask = to[j].mask;
			if (!add_prefixes(l, p, src, dst, e))
				return false;
		}
	return true;
}

static bool add_sa(
	struct list *l, const struct xfrm_sa *sa, uint8_t dir, uint32_t if_id, struct err *e)
{
	bool out = dir == XFRM_POLICY_OUT;
	const struct selectors *src = out ? &sa->local_ts : &sa->remote_ts;
	const struct selectors *dst = out ? &sa->remote_ts : &sa->local_ts;

	for (uint16_t i = 0; i < src->n; i++)
		for (uint16_t j = 0; j < dst->n; j++) {
			const struct selector *a = &src->v[i], *b = &dst->v[j];
			struct sa_policy p = { .dir = dir,
				.proto = a->proto ? a->proto : b->proto,
				.if_id = if_id,
				.reqid = sa->reqid,
				.mode = sa->mode,
				.from = out ? sa->local : sa->remote,
				.to = out ? sa->remote : sa->local };
			if (a->family != b->family || (b->proto && b->proto != p.proto))
				continue;
			if (!add_pair(l, &p, a, b, e))
				return false;
		}
	return true;
}

static int order_prefix(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return a->family - b->family;
	return a->len != b->len ? a->len - b->len : memcmp(a->ip, b->ip, sizeof(a->ip));
}

int sa_policy_order(const void *x, const void *y)
{
	const struct sa_policy *a = x, *b = y;
	const int ports[] = { a->dir - b->dir, a->proto - b->proto, a->src_port - b->src_port,
		a->src_mask - b->src_mask, a->dst_port - b->dst_port, a->dst_mask - b->dst_mask,
		(a->if_id > b->if_id) - (a->if_id < b->if_id) };
	int order = order_prefix(&a->dst, &b->dst);

	if (order == 0)
		order = order_prefix(&a->src, &b->src);
	for (size_t i = 0; order == 0 && i < ARRAY_LEN(ports); i++)
		order = ports[i];
	return order;
}

bool sa_policy_same(const struct sa_policy *a, const struct sa_policy *b)
{
	return sa_policy_order(a, b) == 0 && a->priority == b->priority && a->reqid == b->reqid &&
		a->mode == b->mode && a->block == b->block && addr_same_host(&a->from, &b->from) &&
		addr_same_host(&a->to, &b->to);
}

/* Sorted, and of those that the kernel could not tell apart the first, which is the newest SA's:
 * qsort does not keep the order of equals, so a place in the list decides. */
struct placed {
	struct sa_policy p;
	size_t place;
};

static int placed_order(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;
	int order = sa_policy_order(&a->p, &b->p);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

static bool sort_unique(struct list *l, struct err *e)
{
	struct placed *v = calloc(l->n ? l->n : 1, sizeof(*v));

	if (!v)
		return err_set(e, ERR_LOCAL, "no memory for %zu IPsec policies", l->n);
	for (size_t i = 0; i < l->n; i++)
		v[i] = (struct placed){ l->v[i], i };
	qsort(v, l->n, sizeof(*v), placed_order);
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || sa_policy_order(&l->v[n - 1], &v[i].p) != 0)
			l->v[n++] = v[i].p;
	l->n = n;
	free(v);
	return true;
}

bool sa_policies_make(struct xfrm_sa *const *sas, size_t n, uint32_t if_id, struct sa_policy **out,
	size_t *n_out, struct err *e)
{
	struct list l = { 0 };
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		const struct xfrm_sa *sa = sas[i];
		ok = add_sa(&l, sa, sa->dir == SA_OUT ? XFRM_POLICY_OUT : XFRM_POLICY_IN, if_id, e);
		/* What comes out of the tunnel for others behind this machine. */
		if (ok && sa->dir == SA_IN && sa->mode == SA_TUNNEL)
			ok = add_sa(&l, sa, XFRM_POLICY_FWD, if_id, e);
	}
	ok = ok && sort_unique(&l, e);
	if (!ok) {
		free(l.v);
		l = (struct list){ 0 };
	}
	*out = l.v;
	*n_out = l.n;
	return ok;
}

bool sa_policies_block(
	const struct sa_policy *was, size_t n_was, struct sa_policy **v, size_t *n, struct err *e)
{
	struct list l = { .v = *v, .n = *n, .cap = *n };
	bool ok = true;

	for (size_t i = 0; i < n_was && ok; i++) {
		struct sa_policy p = was[i];
		p.block = true;
		p.src = (struct prefix){ .family = p.src.family };
		if (p.dir == XFRM_POLICY_OUT && p.mode == SA_TRANSPORT)
			ok = list_add(&l, &p, e);
	}
	*v = l.v;
	ok = ok && sort_unique(&l, e);
	*n = l.n;
	return ok;
}

/* --- from what there is to what is wanted ------------------------------------------------------- */

struct change {
	const struct sa_policy *before, *after; /* NULL: was not there, shall not be there */
	int code; /* what the kernel said: 0 is done, -1 not tried */
};

static struct nl_msg *change_message(const struct change *c)
{
	if (!c->after)
		return sa_policy_message(XFRM_MSG_DELPOLICY, c->before);
	return sa_policy_message(c->before ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY, c->after);
}

/* What is there no more is as good as removed. */
static bool change_settled(const struct change *c)
{
	return c->code == 0 || (!c->after && (c->code == ENOENT || c->code == ESRCH));
}

static bool changes_run(struct nl_sock *sk, struct change *v, size_t n, struct err *e)
{
	static const char doing[] = "setting up IPsec policies";
	struct nl_msg *messages[NL_BATCH_MAX];
	struct nl_result results[NL_BATCH_MAX];
	bool ok = true;

	for (size_t done = 0; done < n && ok; done += NL_BATCH_MAX) {
		struct change *c = v + done;
		size_t m = n - done < NL_BATCH_MAX ? n - done : NL_BATCH_MAX;
		for (size_t i = 0; i < m; i++)
			messages[i] = change_message(&c[i]);
		if (!nl_batch(sk, messages, m, results, doing, e))
			return false;
		for (size_t i = 0; i < m; i++) {
			c[i].code = results[i].code;
			if (ok && !change_settled(&c[i]))
				ok = nl_error(e, c[i].code,
					results[i].said[0] ? results[i].said : NULL, doing);
		}
	}
	return ok;
}

/* Takes back in reverse order what was done. */
static void changes_undo(struct nl_sock *sk, const struct change *v, size_t n)
{
	struct change *back = calloc(n ? n : 1, sizeof(*back));
	size_t m = 0;

	for (size_t i = n; back && i-- > 0;)
		if (v[i].code == 0)
			back[m++] = (struct change){ v[i].after, v[i].before, -1 };
	if (back)
		(void)!changes_run(sk, back, m, NULL);
	free(back);
}

bool sa_policies_again(struct nl_sock *sk, const struct sa_policy *v, size_t n, struct err *e)
{
	struct change *again = calloc(n ? n : 1, sizeof(*again));

	if (!again)
		return err_set(e, ERR_LOCAL, "no memory for %zu IPsec policies", n);
	for (size_t i = 0; i < n; i++)
		again[i] = (struct change){ &v[i], &v[i], -1 };
	bool ok = changes_run(sk, again, n, e);
	free(again);
	return ok;
}

static size_t changes_find(struct change *v, const struct sa_policy *from, size_t n_from,
	const struct sa_policy *to, size_t n_to, bool removals)
{
	size_t i = 0, j = 0, n = 0;

	while (i < n_from || j < n_to) {
		int order = i == n_from ? 1 : j == n_to ? -1 : sa_policy_order(&from[i], &to[j]);
		const struct sa_policy *before = order <= 0 ? &from[i++] : NULL;
		const struct sa_policy *after = order >= 0 ? &to[j++] : NULL;
		if (removals ? !after : after && !(before && sa_policy_same(before, after)))
			v[n++] = (struct change){ before, after, -1 };
	}
	return n;
}

bool sa_policies_change(struct nl_sock *sk, const struct sa_policy *from, size_t n_from,
	const struct sa_policy *to, size_t n_to, struct err *e)
{
	struct change *v = calloc(n_from + n_to + 1, sizeof(*v));

	if (!v)
		return err_set(e, ERR_LOCAL, "no memory for %zu IPsec policies", n_from + n_to);
	size_t n = changes_find(v, from, n_from, to, n_to, false);
	n += changes_find(v + n, from, n_from, to, n_to, true);
	bool ok = changes_run(sk, v, n, e);
	if (!ok)
		changes_undo(sk, v, n);
	free(v);
	return ok;
}
