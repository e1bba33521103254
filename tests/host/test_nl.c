/* What the kernel says, message by message: the sockets of this test say what they are told to. */
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

enum { DATAGRAMS = 8 };

/* One message each. */
static struct said {
	uint16_t type, flags;
	int32_t value;
} script[DATAGRAMS];
static size_t n_script, next, asked;
static uint32_t seq;
static bool overrun; /* news were too many for their socket */
static struct nl_sock *sk, *news;
static struct err e;

/* In the place of libnl's. */
int nl_sendto(struct nl_sock *s, void *data, size_t len)
{
	(void)s;
	seq = ((const struct nlmsghdr *)data)->nlmsg_seq;
	asked++;
	return (int)len;
}

/* Who reads on when all is said would wait for ever. */
int nl_recv(struct nl_sock *s, struct sockaddr_nl *from, unsigned char **data, struct ucred **who)
{
	(void)who;
	if (s == news && overrun) {
		overrun = false;
		return -NLE_NOMEM;
	}
	if (s == news || next == n_script)
		return -NLE_AGAIN;
	const struct said *m = &script[next++];
	struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct nlmsgerr)),
		.nlmsg_type = m->type,
		.nlmsg_flags = NLM_F_MULTI | m->flags,
		.nlmsg_seq = seq };
	*from = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	*data = calloc(1, h.nlmsg_len);
	assert_non_null(*data);
	memcpy(*data, &h, sizeof(h));
	memcpy(*data + NLMSG_HDRLEN, &m->value, sizeof(m->value));
	return (int)h.nlmsg_len;
}

static int setup(void **state)
{
	(void)state;
	sk = nl_socket_alloc();
	news = nl_socket_alloc();
	return sk && news ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	nl_socket_free(sk);
	nl_socket_free(news);
	return 0;
}

static void will_say(const struct said *v, size_t n)
{
	memcpy(script, v, n * sizeof(*v));
	n_script = n;
	next = asked = 0;
}

static bool ask(const struct said *v, size_t n, struct nl_reply *out)
{
	const struct rtmsg head = { .rtm_family = AF_UNSPEC };

	will_say(v, n);
	return nl_ask_all(sk, RTM_GETROUTE, &head, sizeof(head), "reading", out, &e);
}

static size_t count(const struct nl_reply *r)
{
	size_t n = 0;

	for (struct nlmsghdr *m = NULL; (m = nl_next(r, m));)
		n++;
	return n;
}

static void a_dump_is_all_of_its_messages(void **state)
{
	const struct said v[] = { { RTM_NEWROUTE, 0, 1 }, { RTM_NEWROUTE, 0, 2 },
		{ NLMSG_DONE, 0, 0 } };
	struct nl_reply r;

	(void)state;
	assert_ok(&e, ask(v, ARRAY_LEN(v), &r));
	assert_int_equal(count(&r), 2);
	assert_int_equal(asked, 1);
	nl_reply_free(&r);
}

/* The kernel says so with the next message, whichever that is: the end, too. */
static void a_dump_that_changed_meanwhile_is_asked_for_again(void **state)
{
	const struct said within[] = { { RTM_NEWROUTE, 0, 1 }, { RTM_NEWROUTE, NLM_F_DUMP_INTR, 2 },
		{ NLMSG_DONE, 0, 0 }, { RTM_NEWROUTE, 0, 3 }, { NLMSG_DONE, 0, 0 } };
	const struct said at_its_end[] = { { RTM_NEWROUTE, 0, 1 },
		{ NLMSG_DONE, NLM_F_DUMP_INTR, 0 }, { RTM_NEWROUTE, 0, 3 }, { NLMSG_DONE, 0, 0 } };
	struct nl_reply r;

	(void)state;
	assert_ok(&e, ask(within, ARRAY_LEN(within), &r));
	assert_int_equal(count(&r), 1);
	assert_int_equal(asked, 2);
	nl_reply_free(&r);
	assert_ok(&e, ask(at_its_end, ARRAY_LEN(at_its_end), &r));
	assert_int_equal(count(&r), 1);
	assert_int_equal(asked, 2);
	nl_reply_free(&r);
}

/* Half of a table is not taken for all of it. */
static void a_dump_that_breaks_off_is_no_answer(void **state)
{
	const struct said v[] = { { RTM_NEWROUTE, 0, 1 }, { NLMSG_DONE, 0, -ENOBUFS } };
	struct nl_reply r;

	(void)state;
	assert_refused(&e, ERR_LOCAL, ask(v, ARRAY_LEN(v), &r));
	assert_null(r.data);
	assert_int_equal(asked, 1);
}

/* That somebody removed it may have been among what the socket could not hold. */
static void an_sa_is_looked_for_when_news_were_lost(void **state)
{
	const struct said gone[] = { { NLMSG_ERROR, 0, -ESRCH } };
	struct xfrm_sa sa = { .dir = SA_OUT, .spi = 0x2001 };
	struct sad sad = { .sk = sk, .monitor = news, .n_sas = 1, .sas = { &sa } };
	struct host h = { .sad = &sad };
	uint32_t spi = 0;

	(void)state;
	assert_true(addr_parse(&sa.local, "192.0.2.1"));
	assert_true(addr_parse(&sa.remote, "192.0.2.2"));
	outbox_init(&h.warnings);
	will_say(gone, ARRAY_LEN(gone));
	assert_int_equal(host_sa_next_event(&h, &spi), HOST_SA_NOTHING);
	assert_int_equal(asked, 0);
	overrun = true;
	assert_int_equal(host_sa_next_event(&h, &spi), HOST_SA_EXPIRING);
	assert_int_equal(spi, 0x2001);
	assert_int_equal(host_sa_next_event(&h, &spi), HOST_SA_EXPIRED);
	assert_int_equal(host_sa_next_event(&h, &spi), HOST_SA_NOTHING);
	assert_int_equal(h.warnings.n, 1);
	outbox_free(&h.warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_is_all_of_its_messages),
		cmocka_unit_test(a_dump_that_changed_meanwhile_is_asked_for_again),
		cmocka_unit_test(a_dump_that_breaks_off_is_no_answer),
		cmocka_unit_test(an_sa_is_looked_for_when_news_were_lost),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
