#include "priv.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REPLY_MAX = 64 << 20 };

static struct nl_sock *open_netlink(int protocol, const char *what, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int on = 1;

	if (!sk) {
		err_set(e, ERR_LOCAL, "no memory for a netlink socket");
		return NULL;
	}
	int code = nl_connect(sk, protocol);
	if (code < 0) {
		err_set(e, ERR_LOCAL, "the kernel's %s socket cannot be opened: %s", what,
			nl_geterror(code));
		nl_socket_free(sk);
		return NULL;
	}
	/* Errors with a sentence of the kernel's own and without a copy of the request; a kernel
	 * that knows neither (before 4.12) just leaves them out. */
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nl_socket_set_buffer_size(sk, 1 << 20, 1 << 20);
	return sk;
}

struct nl_sock *nl_connect_route(struct err *e)
{
	return open_netlink(NETLINK_ROUTE, "routing", e);
}

struct nl_sock *nl_connect_xfrm(struct err *e)
{
	return open_netlink(NETLINK_XFRM, "XFRM", e);
}

bool nl_error(struct err *e, int code, const char *kernel_says, const char *doing)
{
	if (code == EPERM || code == EACCES)
		return err_set(e, ERR_LOCAL,
			"%s: not permitted%s%s; it takes root, or the file capability cap_net_admin on the program",
			doing, kernel_says ? ": " : "", kernel_says ? kernel_says : "");
	return err_set(e, ERR_LOCAL, "%s: %s%s%s", doing,
		kernel_says ? kernel_says : strerror(code), kernel_says ? ": " : "",
		kernel_says ? strerror(code) : "");
}

struct nl_sock *nl_listen(
	int protocol, const int *groups, size_t n, const char *to_what, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int code = sk ? 0 : -NLE_NOMEM;

	if (code == 0) {
		nl_socket_disable_seq_check(sk);
		code = nl_connect(sk, protocol);
	}
	for (size_t i = 0; code == 0 && i < n; i++)
		code = nl_socket_add_membership(sk, groups[i]);
	/* What one change of an interface is told with can fill the usual 32 KiB. */
	if (code == 0)
		code = nl_socket_set_buffer_size(sk, 1 << 20, 0);
	if (code == 0)
		code = nl_socket_set_nonblocking(sk);
	if (code == 0)
		return sk;
	err_set(e, ERR_LOCAL, "watching %s: %s", to_what, nl_geterror(code));
	nl_socket_free(sk);
	return NULL;
}

bool nl_hear(struct nl_sock *sk, void (*each)(const struct nlmsghdr *m, void *arg), void *arg)
{
	bool lost = false;

	for (;;) {
		struct sockaddr_nl from;
		unsigned char *data = NULL;
		int n = nl_recv(sk, &from, &data, NULL);
		struct nlmsghdr *m = (struct nlmsghdr *)data;
		for (int left = n; n > 0 && from.nl_pid == 0 && nlmsg_ok(m, left);
			m = nlmsg_next(m, &left))
			each(m, arg);
		free(data);
		if (n <= 0 && (n != -NLE_NOMEM || lost)) /* ENOBUFS: the socket works on */
			return lost;
		lost |= n <= 0;
	}
}

struct nlattr *nl_attr(const struct nlmsghdr *h, size_t header, int type)
{
	if (nlmsg_datalen(h) < (int)header)
		return NULL;
	return nlmsg_find_attr((struct nlmsghdr *)h, (int)header, type);
}

uint32_t nl_attr_u32(const struct nlmsghdr *h, size_t header, int type, uint32_t otherwise)
{
	struct nlattr *a = nl_attr(h, header, type);

	return a && nla_len(a) >= 4 ? nla_get_u32(a) : otherwise;
}

struct nlmsghdr *nl_next(const struct nl_reply *r, const struct nlmsghdr *m)
{
	size_t at = m ? (size_t)((const uint8_t *)m - r->data) + NLMSG_ALIGN(m->nlmsg_len) : 0;
	struct nlmsghdr *next = at < r->len ? (struct nlmsghdr *)(r->data + at) : NULL;

	return next && nlmsg_ok(next, (int)(r->len - at)) ? next : NULL;
}

/* What the kernel tells of an SA has its keys. */
void nl_reply_free(struct nl_reply *r)
{
	if (r->data)
		wipe(r->data, r->len);
	free(r->data);
	*r = (struct nl_reply){ 0 };
}

static bool reply_append(struct nl_reply *r, const struct nlmsghdr *h)
{
	size_t take = NLMSG_ALIGN(h->nlmsg_len);

	if (r->len + take > REPLY_MAX)
		return false;
	if (r->len + take > r->room) {
		size_t room = 2 * r->room + take;
		uint8_t *data = malloc(room);
		if (!data)
			return false;
		if (r->data)
			memcpy(data, r->data, r->len);
		struct nl_reply before = *r;
		*r = (struct nl_reply){ .data = data, .len = before.len, .room = room };
		nl_reply_free(&before);
	}
	memset(r->data + r->len, 0, take);
	memcpy(r->data + r->len, h, h->nlmsg_len);
	r->len += take;
	return true;
}

const char *nl_error_text(const struct nlmsghdr *h)
{
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !(h->nlmsg_flags & NLM_F_CAPPED))
		return NULL;
	struct nlattr *a = nl_attr(h, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
	if (!a || nla_len(a) < 2 || ((const char *)nla_data(a))[nla_len(a) - 1] != 0)
		return NULL;
	return nla_data(a);
}

enum ask_state { ASK_MORE, ASK_DONE, ASK_FAILED, ASK_AGAIN };

/* False: it broke off, and what came is not all. */
static bool dump_ended(const struct nlmsghdr *h, int *code, const char *doing, struct err *e)
{
	int said = 0;

	if (nlmsg_datalen(h) >= (int)sizeof(said))
		memcpy(&said, nlmsg_data(h), sizeof(said));
	*code = said < 0 ? -said : 0;
	return said >= 0 || nl_error(e, *code, NULL, doing);
}

static enum ask_state ask_message(
	struct nl_reply *out, const struct nlmsghdr *h, int *code, const char *doing, struct err *e)
{
	if (h->nlmsg_type == NLMSG_DONE)
		return dump_ended(h, code, doing, e) ? ASK_DONE : ASK_FAILED;
	if (h->nlmsg_type == NLMSG_ERROR && nlmsg_datalen(h) >= (int)sizeof(struct nlmsgerr)) {
		*code = -((const struct nlmsgerr *)nlmsg_data(h))->error;
		if (*code == 0)
			return ASK_DONE;
		nl_error(e, *code, nl_error_text(h), doing);
		return ASK_FAILED;
	}
	if (!reply_append(out, h)) {
		err_set(e, ERR_LOCAL, "%s: no memory for the kernel's answer", doing);
		return ASK_FAILED;
	}
	return ASK_MORE;
}

static enum ask_state ask_gather(struct nl_sock *sk, uint32_t seq, struct nl_reply *out, int *code,
	const char *doing, struct err *e)
{
	enum ask_state state = ASK_MORE;
	bool again = false;

	while (state == ASK_MORE) {
		struct sockaddr_nl from;
		unsigned char *data = NULL;
		int n = nl_recv(sk, &from, &data, NULL);
		if (n <= 0) {
			free(data);
			*code = errno;
			err_set(e, ERR_LOCAL, "%s: no answer of the kernel: %s", doing,
				nl_geterror(n));
			return ASK_FAILED;
		}
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		for (int left = n; nlmsg_ok(h, left) && state == ASK_MORE;
			h = nlmsg_next(h, &left)) {
			if (from.nl_pid != 0 || h->nlmsg_seq != seq)
				continue;
			/* Any of them may tell that the table has changed, the last as well. */
			again |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			state = ask_message(out, h, code, doing, e);
		}
		wipe(data, (size_t)n);
		free(data);
	}
	return state == ASK_DONE && again ? ASK_AGAIN : state;
}

void nl_msg_free(struct nl_msg *m)
{
	if (m)
		wipe(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	nlmsg_free(m);
}

bool nl_ask(struct nl_sock *sk, struct nl_msg *msg, struct nl_reply *out, int *code,
	const char *doing, struct err *e)
{
	enum ask_state state = ASK_FAILED;
	int ignored = 0;

	code = code ? code : &ignored;
	*code = 0;
	*out = (struct nl_reply){ 0 };
	if (!msg)
		return err_set(e, ERR_LOCAL, "%s: no memory", doing);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	/* An acknowledgement ends the answer; a dump has an end of its own, and is asked for again
	 * when the kernel changed meanwhile. */
	if ((h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		h->nlmsg_flags |= NLM_F_ACK;
	for (int tries = 0; tries < 10; tries++) {
		nl_reply_free(out);
		h->nlmsg_seq = nl_socket_use_seq(sk);
		h->nlmsg_pid = nl_socket_get_local_port(sk);
		int sent = nl_sendto(sk, h, h->nlmsg_len);
		if (sent < 0) {
			*code = errno;
			err_set(e, ERR_LOCAL, "%s: %s", doing, nl_geterror(sent));
			break;
		}
		state = ask_gather(sk, h->nlmsg_seq, out, code, doing, e);
		if (state != ASK_AGAIN)
			break;
		err_set(e, ERR_LOCAL, "%s: the kernel's tables change all the time", doing);
	}
	nl_msg_free(msg);
	if (state == ASK_DONE)
		return true;
	nl_reply_free(out);
	return false;
}

struct nl_sock *nl_connect_netfilter(struct err *e)
{
	return open_netlink(NETLINK_NETFILTER, "packet filter", e);
}

bool nl_ask_all(struct nl_sock *sk, int type, const void *head, size_t len, const char *doing,
	struct nl_reply *out, struct err *e)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);

	if (m && nlmsg_append(m, (void *)head, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return nl_ask(sk, m, out, NULL, doing, e);
}

/* A batch of the packet filter is checked whole before the call that sent it returns, so all there
 * is to read is there. */
bool nl_errors(struct nl_sock *sk, const char *doing, struct err *e)
{
	bool ok = true;

	nl_socket_set_nonblocking(sk);
	for (;;) {
		struct sockaddr_nl from;
		unsigned char *data = NULL;
		int n = nl_recv(sk, &from, &data, NULL);
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		for (int left = n; n > 0 && nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			const struct nlmsgerr *said = nlmsg_data(h);
			if (ok && from.nl_pid == 0 && h->nlmsg_type == NLMSG_ERROR &&
				nlmsg_datalen(h) >= (int)sizeof(*said) && said->error != 0)
				ok = nl_error(e, -said->error, nl_error_text(h), doing);
		}
		free(data);
		if (n <= 0)
			return ok;
	}
}

/* Puts the messages one behind the other; only the last asks for an acknowledgement, for errors come
 * anyhow. *first is the sequence number of the first. NULL when memory runs out. */
static uint8_t *batch_join(
	struct nl_sock *sk, struct nl_msg *const *v, size_t n, uint32_t *first, size_t *used)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i])
			return NULL;
		all += NLMSG_ALIGN(nlmsg_hdr(v[i])->nlmsg_len);
	}
	uint8_t *data = calloc(1, all ? all : 1);
	*used = 0;
	for (size_t i = 0; data && i < n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(v[i]);
		h->nlmsg_seq = nl_socket_use_seq(sk);
		h->nlmsg_pid = nl_socket_get_local_port(sk);
		if (i == 0)
			*first = h->nlmsg_seq;
		if (i == n - 1)
			h->nlmsg_flags |= NLM_F_ACK;
		memcpy(data + *used, h, h->nlmsg_len);
		*used += NLMSG_ALIGN(h->nlmsg_len);
	}
	return data;
}

/* Notes one answer; true when it was the last message's. */
static bool batch_answer(const struct nlmsghdr *h, struct nl_result *v, size_t n, uint32_t first)
{
	size_t i = h->nlmsg_seq - first;

	if (h->nlmsg_type != NLMSG_ERROR || i >= n ||
		nlmsg_datalen(h) < (int)sizeof(struct nlmsgerr))
		return false;
	const char *said = nl_error_text(h);
	v[i].code = -((const struct nlmsgerr *)nlmsg_data(h))->error;
	snprintf(v[i].said, sizeof(v[i].said), "%s", said ? said : "");
	return i == n - 1;
}

static bool batch_gather(struct nl_sock *sk, struct nl_result *v, size_t n, uint32_t first,
	const char *doing, struct err *e)
{
	bool last = false;

	while (!last) {
		struct sockaddr_nl from;
		unsigned char *data = NULL;
		int got = nl_recv(sk, &from, &data, NULL);
		if (got <= 0) {
			free(data);
			return err_set(e, ERR_LOCAL, "%s: no answer: %s", doing, nl_geterror(got));
		}
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		for (int left = got; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			if (from.nl_pid == 0)
				last |= batch_answer(h, v, n, first);
		free(data);
	}
	return true;
}

bool nl_batch(struct nl_sock *sk, struct nl_msg **v, size_t n, struct nl_result *results,
	const char *doing, struct err *e)
{
	uint32_t first = 0;
	size_t used = 0;
	uint8_t *all = batch_join(sk, v, n, &first, &used);

	for (size_t i = 0; i < n; i++) {
		results[i] = (struct nl_result){ .code = -1 };
		nl_msg_free(v[i]);
	}
	if (!all)
		return err_set(e, ERR_LOCAL, "%s: no memory for %zu changes", doing, n);
	int sent = nl_sendto(sk, all, used);
	wipe(all, used); /* it may hold keys */
	free(all);
	if (sent < 0)
		return err_set(e, ERR_LOCAL, "%s: %s", doing, nl_geterror(sent));
	for (size_t i = 0; i < n; i++)
		results[i].code = 0;
	return batch_gather(sk, results, n, first, doing, e);
}
