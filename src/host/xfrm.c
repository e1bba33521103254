#include "priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * ESP in the kernel: our SAs, the policies that they need together, and what the kernel tells of
 * them. Policies are made anew from all SAs at each change and only the difference is done, so that
 * two SAs of one child, or two children with selectors in common, need no counting.
 */

static void line_of(char line[JOURNAL_LINE_MAX], const struct host *h)
{
	snprintf(line, JOURNAL_LINE_MAX, "xfrm %u", h->slot);
}

bool xfrm_open(struct host *h, struct err *e)
{
	static const int groups[] = { XFRMNLGRP_EXPIRE, XFRMNLGRP_SA };
	char line[JOURNAL_LINE_MAX];

	if (h->sad)
		return true;
	h->sad = calloc(1, sizeof(*h->sad));
	if (!h->sad)
		return err_set(e, ERR_LOCAL, "no memory");
	line_of(line, h);
	h->sad->sk = nl_connect_xfrm(e);
	h->sad->monitor = h->sad->sk ?
		nl_listen(NETLINK_XFRM, groups, ARRAY_LEN(groups), "the kernel's SAs", e) :
		NULL;
	if (h->sad->monitor && journal_add(&h->journal, e, "%s", line))
		return true;
	xfrm_close(h);
	return false;
}

static struct nl_sock *sock(struct host *h)
{
	return h->sad->sk;
}

static bool remove_spi(struct host *h, const struct addr *to, uint32_t spi, struct err *e)
{
	struct nl_reply none = { 0 };
	int code = 0;
	bool ok = nl_ask(sock(h), sa_ref_message(XFRM_MSG_DELSA, to, spi), &none, &code,
		"removing an SA", e);

	nl_reply_free(&none);
	return ok || code == ESRCH;
}

/* The address that its packets go to, which it is known by. */
static const struct addr *goes_to(const struct xfrm_sa *sa)
{
	return sa->dir == SA_IN ? &sa->local : &sa->remote;
}

static bool remove_sa(struct host *h, const struct xfrm_sa *sa, struct err *e)
{
	return remove_spi(h, goes_to(sa), sa->spi, e);
}

static bool any_outbound(const struct sad *x)
{
	for (size_t i = 0; i < x->n_sas; i++)
		if (x->sas[i]->dir == SA_OUT)
			return true;
	return false;
}

/* Makes the policies those of the SAs that there are. Where none is left that packets could go by, as while a
 * new connection is made, those of transport mode go nowhere: nothing else keeps them from the wire. */
static bool follow_sas(struct host *h, struct err *e)
{
	struct sad *x = h->sad;
	struct sa_policy *v;
	size_t n;

	bool ok = sa_policies_make(x->sas, x->n_sas, x->if_id, &v, &n, e) &&
		(any_outbound(x) || sa_policies_block(x->policies, x->n_policies, &v, &n, e));
	if (!ok) {
		free(v);
		return false;
	}
	if (!sa_policies_change(sock(h), x->policies, x->n_policies, v, n, e)) {
		free(v);
		return false;
	}
	free(x->policies);
	x->policies = v;
	x->n_policies = n;
	return true;
}

static void forget_sa(struct sad *x, size_t i)
{
	free(x->sas[i]);
	for (x->n_sas--; i < x->n_sas; i++)
		x->sas[i] = x->sas[i + 1];
}

void xfrm_close(struct host *h)
{
	struct sad *x = h->sad;
	struct err e;
	char line[JOURNAL_LINE_MAX];
	bool ok = true;

	if (!x)
		return;
	await_end(x->await, false);
	for (size_t i = 0; i < x->n_reserved; i++)
		(void)!remove_spi(h, &x->reserved[i].local, x->reserved[i].spi, NULL);
	if (x->n_policies > 0 &&
		!sa_policies_change(x->sk, x->policies, x->n_policies, NULL, 0, &e)) {
		ok = false;
		host_warn(h, "%s", e.text);
	}
	for (size_t i = x->n_sas; i-- > 0;) {
		if (!remove_sa(h, x->sas[i], &e)) {
			ok = false;
			host_warn(h, "%s", e.text);
		}
		forget_sa(x, i);
	}
	line_of(line, h);
	if (ok && x->monitor)
		journal_undone(&h->journal, "%s", line);
	nl_socket_free(x->sk);
	nl_socket_free(x->monitor);
	free(x->policies);
	free(x);
	h->sad = NULL;
}

/* --- SAs ----------------------------------------------------------------------------------------- */

static size_t find_sa(const struct sad *x, enum sa_dir dir, uint32_t spi)
{
	size_t i = 0;

	while (i < x->n_sas && (x->sas[i]->dir != dir || x->sas[i]->spi != spi))
		i++;
	return i;
}

const struct xfrm_sa *xfrm_newest(const struct host *h, enum sa_dir dir, enum sa_mode mode)
{
	for (size_t i = 0; h->sad && i < h->sad->n_sas; i++)
		if (h->sad->sas[i]->dir == dir && h->sad->sas[i]->mode == mode)
			return h->sad->sas[i];
	return NULL;
}

static struct xfrm_sa *sa_new(const struct host *h, const struct sa_spec *spec)
{
	struct xfrm_sa *sa = malloc(sizeof(*sa));

	if (sa)
		*sa = (struct xfrm_sa){ .dir = spec->dir,
			.mode = spec->mode,
			.spi = spec->spi,
			.reqid = HOST_REQID_FIRST + (h->slot << 16) + (spec->child & 0xffff),
			.local = spec->local,
			.remote = spec->remote,
			.local_ts = spec->local_ts,
			.remote_ts = spec->remote_ts };
	return sa;
}

static bool add_sa(struct host *h, const struct sa_spec *spec, const struct xfrm_sa *sa,
	bool reserved, struct err *e)
{
	struct xfrm_params p = { .reqid = sa->reqid,
		.if_id = h->sad->if_id,
		.direction = h->sad->directions,
		.reserved = reserved };
	struct nl_msg *m = sa_add_message(spec, &p, e);
	struct nl_result result;

	if (!m || !nl_batch(sock(h), &m, 1, &result, "installing an SA", e))
		return false;
	if (reserved && result.code == ESRCH) /* the reservation has run out */
		return add_sa(h, spec, sa, false, e);
	return result.code == 0 || sa_refused(e, result.code, result.said, spec);
}

/* --- SPIs ------------------------------------------------------------------------------------------ */

static void forget_reserved(struct sad *x, size_t i)
{
	for (x->n_reserved--; i < x->n_reserved; i++)
		x->reserved[i] = x->reserved[i + 1];
}

/* Keeps an SPI from everybody else on this machine until its keys are there. It is ours to choose, for
 * the other side has to hear it; one that is taken shows again when the SA is to be installed. */
static void reserve(struct host *h, const struct sa_ref *ref)
{
	struct xfrm_params p = { .reqid = HOST_REQID_FIRST + (h->slot << 16),
		.direction = h->sad->directions };
	struct nl_reply none = { 0 };

	for (size_t i = 0; i < h->sad->n_reserved; i++)
		if (h->sad->reserved[i].spi == ref->spi)
			return;
	if (!nl_ask(sock(h), sa_reserve_message(ref, &p), &none, NULL, "reserving an SPI", NULL))
		return;
	nl_reply_free(&none);
	if (h->sad->n_reserved == SPIS_RESERVED)
		forget_reserved(h->sad, 0);
	h->sad->reserved[h->sad->n_reserved++] = *ref;
}

/* True when it was; then it is no longer. */
static bool take_reserved(struct sad *x, enum sa_dir dir, uint32_t spi, struct sa_ref *out)
{
	for (size_t i = 0; dir == SA_IN && i < x->n_reserved; i++)
		if (x->reserved[i].spi == spi) {
			*out = x->reserved[i];
			forget_reserved(x, i);
			return true;
		}
	return false;
}

/* At the address that it was for: this machine may have another one by now. */
static void release(struct host *h, const struct sa_ref *ref)
{
	struct sa_ref was;

	if (take_reserved(h->sad, ref->dir, ref->spi, &was))
		(void)!remove_spi(h, &was.local, was.spi, NULL);
}

/* The first SA has no traffic yet to be early. */
void host_sa_expect(struct host *h, const struct sa_ref *ref)
{
	struct err e;

	if (!xfrm_open(h, &e))
		return; /* it is said when there is an SA to be installed */
	reserve(h, ref);
	await_end(h->sad->await, false);
	h->sad->await = h->sad->n_sas ? await_begin(h->slot, ref->spi) : NULL;
}

static void expected(struct sad *x, enum sa_dir dir, uint32_t spi, bool installed)
{
	if (dir != SA_IN || !await_is(x->await, spi))
		return;
	await_end(x->await, installed);
	x->await = NULL;
}

bool host_sa_install(struct host *h, const struct sa_spec *spec, struct err *e)
{
	if (!xfrm_open(h, e) || (spec->mode == SA_TUNNEL && !h->link && !xfrm_link_make(h, e)))
		return false;
	struct sad *x = h->sad;
	struct sa_ref was;
	if (find_sa(x, spec->dir, spec->spi) < x->n_sas)
		return err_set(e, ERR_BUG, "SPI %08x is installed already", spec->spi);
	struct xfrm_sa *sa = x->n_sas < XFRM_SAS ? sa_new(h, spec) : NULL;
	if (!sa)
		return err_set(e, ERR_LOCAL, "there is no room for more than %zu SAs", x->n_sas);
	bool reserved = take_reserved(x, spec->dir, spec->spi, &was) &&
		addr_same_host(&was.local, &spec->local);
	if (!add_sa(h, spec, sa, reserved, e)) {
		free(sa);
		return false;
	}
	for (size_t i = x->n_sas++; i > 0; i--)
		x->sas[i] = x->sas[i - 1];
	x->sas[0] = sa;
	if (follow_sas(h, e)) {
		expected(x, spec->dir, spec->spi, true);
		return true;
	}
	(void)!remove_sa(h, sa, NULL);
	forget_sa(x, 0);
	return false;
}

/* The policies go first when no SA is left for them. */
void host_sa_remove(struct host *h, const struct sa_ref *ref)
{
	struct sad *x = h->sad;
	size_t i = x ? find_sa(x, ref->dir, ref->spi) : 0;
	struct err e;

	if (!x)
		return;
	expected(x, ref->dir, ref->spi, false);
	release(h, ref);
	if (i == x->n_sas)
		return;
	struct xfrm_sa gone = *x->sas[i];
	forget_sa(x, i);
	if (!follow_sas(h, &e))
		host_warn(h, "%s", e.text);
	if (!remove_sa(h, &gone, &e))
		host_warn(h, "%s", e.text);
}

/* --- what the kernel knows of them --------------------------------------------------------------- */

static uint64_t sequence_left(const struct nlmsghdr *m)
{
	struct nlattr *a = nl_attr(m, sizeof(struct xfrm_usersa_info), XFRMA_REPLAY_ESN_VAL);
	struct xfrm_replay_state_esn esn;
	struct xfrm_replay_state old;

	if (a && nla_len(a) >= (int)sizeof(esn)) {
		memcpy(&esn, nla_data(a), sizeof(esn));
		const struct xfrm_usersa_info *sa = nlmsg_data(m);
		return sa->flags & XFRM_STATE_ESN ?
			UINT64_MAX - ((uint64_t)esn.oseq_hi << 32 | esn.oseq) :
			UINT32_MAX - esn.oseq;
	}
	a = nl_attr(m, sizeof(struct xfrm_usersa_info), XFRMA_REPLAY_VAL);
	if (!a || nla_len(a) < (int)sizeof(old))
		return UINT32_MAX;
	memcpy(&old, nla_data(a), sizeof(old));
	return UINT32_MAX - old.oseq;
}

bool host_sa_counters(struct host *h, enum sa_dir dir, uint32_t spi, struct host_sa_counters *out)
{
	struct sad *x = h->sad;
	size_t i = x ? find_sa(x, dir, spi) : 0;
	struct nl_reply got;

	if (!x || i == x->n_sas)
		return false;
	if (!nl_ask(x->sk, sa_ref_message(XFRM_MSG_GETSA, goes_to(x->sas[i]), spi), &got, NULL,
		    "looking at an SA", NULL))
		return false;
	const struct nlmsghdr *m = (const struct nlmsghdr *)got.data;
	bool ok = m && m->nlmsg_type == XFRM_MSG_NEWSA &&
		nlmsg_datalen(m) >= (int)sizeof(struct xfrm_usersa_info);
	if (ok) {
		const struct xfrm_usersa_info *sa = nlmsg_data(m);
		/* The kernel tells what it has seen before from what is left of its window. */
		*out = (struct host_sa_counters){ .bytes = sa->curlft.bytes,
			.packets = sa->curlft.packets,
			.replay_drops = (uint64_t)sa->stats.replay + sa->stats.replay_window,
			.integrity_failures = sa->stats.integrity_failed,
			.left = dir == SA_OUT ? sequence_left(m) : UINT64_MAX };
	}
	nl_reply_free(&got);
	return ok;
}

int host_sa_event_fd(const struct host *h)
{
	return h->sad ? nl_socket_get_fd(h->sad->monitor) : -1;
}

/* True as well when the kernel does not say. */
static bool sa_there(struct sad *x, const struct xfrm_sa *sa)
{
	struct nl_reply got;
	int code;
	bool there = nl_ask(x->sk, sa_ref_message(XFRM_MSG_GETSA, goes_to(sa), sa->spi), &got,
		&code, "looking at an SA", NULL);

	nl_reply_free(&got);
	return there || code != ESRCH;
}

/* For a removed SA nothing but a new one helps: its keys, and the sequence numbers that must not come
 * again, were the kernel's alone. */
static void look_for_removed(struct host *h)
{
	struct sad *x = h->sad;
	bool any = false;

	x->look = false;
	for (size_t i = 0; i < x->n_sas; i++) {
		struct xfrm_sa *sa = x->sas[i];
		if (sa->removed || sa_there(x, sa))
			continue;
		sa->removed = sa->tell_expiring = any = true;
		sa->tell_expired = sa->dir == SA_OUT;
	}
	if (any)
		host_warn(h,
			"somebody else removed IPsec SAs of the tunnel, as another IPsec program does "
			"when it starts: new ones are asked for");
}

static enum host_sa_event event_of_removed(struct sad *x, uint32_t *spi)
{
	for (size_t i = 0; i < x->n_sas; i++) {
		struct xfrm_sa *sa = x->sas[i];
		bool *tell = sa->tell_expiring ? &sa->tell_expiring : &sa->tell_expired;
		if (!*tell)
			continue;
		*spi = sa->spi;
		enum host_sa_event ev = sa->tell_expiring ? HOST_SA_EXPIRING : HOST_SA_EXPIRED;
		*tell = false;
		return ev;
	}
	return HOST_SA_NOTHING;
}

static enum host_sa_event event_of(struct sad *x, const struct nlmsghdr *m, uint32_t *spi)
{
	const struct xfrm_user_expire *ex = nlmsg_data(m);

	if (m->nlmsg_type == XFRM_MSG_DELSA || m->nlmsg_type == XFRM_MSG_FLUSHSA)
		x->look |= m->nlmsg_pid != nl_socket_get_local_port(x->sk);
	if (m->nlmsg_type != XFRM_MSG_EXPIRE || nlmsg_datalen(m) < (int)sizeof(*ex))
		return HOST_SA_NOTHING;
	*spi = ntohl(ex->state.id.spi);
	for (size_t i = 0; i < x->n_sas; i++)
		if (x->sas[i]->spi == *spi && x->sas[i]->reqid == ex->state.reqid)
			return x->sas[i]->dir == SA_IN ? HOST_SA_USED :
				ex->hard               ? HOST_SA_EXPIRED :
							 HOST_SA_EXPIRING;
	return HOST_SA_NOTHING;
}

/* Each event is a datagram of one message. What the socket could not hold is lost: a use that is not
 * heard of has a time limit in the engine, an SA that runs out its lifetime, and one that somebody removed is
 * looked for. */
enum host_sa_event host_sa_next_event(struct host *h, uint32_t *spi)
{
	struct sad *x = h->sad;
	enum host_sa_event ev = x ? event_of_removed(x, spi) : HOST_SA_NOTHING;

	while (x && ev == HOST_SA_NOTHING) {
		struct sockaddr_nl from;
		unsigned char *data = NULL;
		int n = nl_recv(x->monitor, &from, &data, NULL);
		const struct nlmsghdr *m = (const struct nlmsghdr *)data;
		if (n > 0 && from.nl_pid == 0 && nlmsg_ok(m, n))
			ev = event_of(x, m, spi);
		free(data);
		x->look |= n == -NLE_NOMEM;
		if (n <= 0 && n != -NLE_NOMEM)
			break;
	}
	if (x && ev == HOST_SA_NOTHING && x->look) {
		look_for_removed(h);
		ev = event_of_removed(x, spi);
	}
	return ev;
}
