/* Policies from selectors, the messages for the kernel, and (as root, in a network namespace) the
 * kernel's own opinion of them. */
#define _GNU_SOURCE
#include "../../src/host/priv.h"
#include "lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/alg.h"

static struct err e;

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static struct selector sel(const char *prefix)
{
	struct prefix p;
	struct selector s;

	assert_true(prefix_parse(&p, prefix));
	selector_from_prefix(&s, &p);
	return s;
}

static void add(struct selectors *l, struct selector s)
{
	l->v[l->n++] = s;
}

static struct xfrm_sa *sa(enum sa_dir dir, uint32_t child)
{
	struct xfrm_sa *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->dir = dir;
	s->spi = 0x1000 + child;
	s->reqid = HOST_REQID_FIRST + child;
	s->local = ip("192.0.2.1");
	s->remote = ip("198.51.100.1");
	return s;
}

static struct sa_policy *make(struct xfrm_sa *const *sas, size_t n, size_t *n_out)
{
	struct sa_policy *v = NULL;

	assert_ok(&e, sa_policies_make(sas, n, 0, &v, n_out, &e));
	return v;
}

/* --- policies ------------------------------------------------------------------------------------ */

static void each_direction_has_its_policies(void **state)
{
	struct xfrm_sa *in = sa(SA_IN, 1), *out = sa(SA_OUT, 1), *both[] = { out, in };
	size_t n, dirs[3] = { 0 };

	(void)state;
	add(&in->local_ts, sel("10.1.0.5"));
	add(&in->remote_ts, sel("10.2.0.0/16"));
	out->local_ts = in->local_ts;
	out->remote_ts = in->remote_ts;
	struct sa_policy *v = make(both, 2, &n);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		dirs[v[i].dir]++;
		struct addr from = v[i].dir == XFRM_POLICY_OUT ? out->local : out->remote;
		assert_true(addr_same_host(&v[i].from, &from));
		assert_int_equal(v[i].dir == XFRM_POLICY_OUT ? v[i].src.len : v[i].dst.len, 32);
	}
	assert_int_equal(dirs[XFRM_POLICY_IN], 1);
	assert_int_equal(dirs[XFRM_POLICY_OUT], 1);
	assert_int_equal(dirs[XFRM_POLICY_FWD], 1);
	free(v);
	in->mode = SA_TRANSPORT; /* nothing to forward */
	v = make(&in, 1, &n);
	assert_int_equal(n, 1);
	free(v);
	free(in);
	free(out);
}

static void only_selectors_that_go_together(void **state)
{
	struct xfrm_sa *s = sa(SA_OUT, 1);
	struct selector udp = sel("10.2.0.0/16"), tcp = sel("10.3.0.0/16");
	size_t n;

	(void)state;
	udp.proto = IPPROTO_UDP;
	tcp.proto = IPPROTO_TCP;
	add(&s->local_ts, sel("10.1.0.0/16"));
	add(&s->local_ts, sel("fd01::/16"));
	add(&s->remote_ts, udp);
	add(&s->remote_ts, sel("fd02::/16"));
	struct sa_policy *v = make(&s, 1, &n);
	assert_int_equal(n, 2); /* IPv4 with IPv4, IPv6 with IPv6 */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i].proto, v[i].src.family == FAMILY_V4 ? IPPROTO_UDP : 0);
	free(v);
	s->local_ts.n = s->remote_ts.n = 0;
	add(&s->local_ts, tcp);
	add(&s->remote_ts, udp);
	v = make(&s, 1, &n);
	assert_int_equal(n, 0);
	free(v);
	free(s);
}

/* Every port of the range is in exactly one block, and no other port is in any. */
static void ranges_of_ports_become_masks(void **state)
{
	static const uint16_t rows[][2] = { { 0, 65535 }, { 80, 80 }, { 1, 65534 }, { 1024, 65535 },
		{ 0, 0 }, { 65535, 65535 }, { 5000, 5009 } };

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct xfrm_sa *s = sa(SA_OUT, 1);
		struct selector to = sel("10.2.0.0/16");
		size_t n;
		to.proto = IPPROTO_UDP;
		to.port_lo = rows[r][0];
		to.port_hi = rows[r][1];
		add(&s->local_ts, sel("10.1.0.0/16"));
		add(&s->remote_ts, to);
		struct sa_policy *v = make(&s, 1, &n);
		for (uint32_t port = 0; port < 65536; port++) {
			unsigned hits = 0;
			for (size_t i = 0; i < n; i++)
				hits += (port & v[i].dst_mask) == v[i].dst_port;
			assert_int_equal(hits, port >= rows[r][0] && port <= rows[r][1]);
		}
		free(v);
		free(s);
	}
}

static void what_the_kernel_cannot_tell_apart_is_refused(void **state)
{
	struct xfrm_sa *s = sa(SA_OUT, 1);
	struct selector opaque = sel("10.2.0.0/16"), icmp = opaque;
	struct sa_policy *v;
	size_t n;

	(void)state;
	opaque.proto = IPPROTO_TCP;
	opaque.port_lo = 65535;
	opaque.port_hi = 0;
	add(&s->local_ts, sel("10.1.0.0/16"));
	add(&s->remote_ts, opaque);
	assert_false(sa_policies_make(&s, 1, 0, &v, &n, &e));
	assert_int_equal(e.kind, ERR_LOCAL);
	icmp.proto = IPPROTO_ICMP;
	icmp.port_lo = icmp.port_hi = 8 << 8;
	s->remote_ts.v[0] = icmp;
	assert_false(sa_policies_make(&s, 1, 0, &v, &n, &e));
	free(s);
}

static uint32_t priority(const char *local, const char *remote, uint8_t proto, uint16_t port)
{
	struct xfrm_sa *s = sa(SA_OUT, 1);
	struct selector to = sel(remote);
	size_t n;

	to.proto = proto;
	if (port)
		to.port_lo = to.port_hi = port;
	add(&s->local_ts, sel(local));
	add(&s->remote_ts, to);
	struct sa_policy *v = make(&s, 1, &n);
	assert_int_equal(n, 1);
	uint32_t p = v[0].priority;
	free(v);
	free(s);
	return p;
}

static void the_narrower_one_wins(void **state)
{
	const uint32_t rows[] = { priority("10.0.0.1", "10.0.0.2", IPPROTO_UDP, 1701),
		priority("10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0),
		priority("10.0.0.1", "10.0.0.2", 0, 0),
		priority("10.0.0.1", "10.0.0.0/24", IPPROTO_TCP, 443),
		priority("10.0.0.1", "10.0.0.0/8", 0, 0), priority("10.0.0.1", "0.0.0.0/0", 0, 0),
		priority("0.0.0.0/0", "0.0.0.0/0", IPPROTO_TCP, 0),
		priority("0.0.0.0/0", "0.0.0.0/0", 0, 0) };

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(rows); i++)
		assert_true(rows[i - 1] < rows[i]);
	assert_true(priority("fd00::1", "fd00::2", 0, 0) < priority("::/0", "::/0", 0, 0));
}

static void of_equal_selectors_the_newest_sa_has_the_policy(void **state)
{
	struct xfrm_sa *old = sa(SA_OUT, 1), *new = sa(SA_OUT, 2), *v[] = { new, old };
	size_t n;

	(void)state;
	add(&old->local_ts, sel("10.1.0.5"));
	add(&old->remote_ts, sel("10.2.0.0/16"));
	add(&old->remote_ts, sel("10.3.0.0/16"));
	new->local_ts = old->local_ts;
	add(&new->remote_ts, sel("10.2.0.0/16"));
	struct sa_policy *p = make(v, 2, &n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i].reqid, p[i].dst.ip[1] == 2 ? new->reqid : old->reqid);
	free(p);
	free(old);
	free(new);
}

/* --- messages ------------------------------------------------------------------------------------ */

static struct sa_spec *spec(enum sa_dir dir, uint16_t encr, uint16_t bits, uint16_t integ)
{
	struct sa_spec *s = calloc(1, sizeof(*s));
	const struct alg *a = alg_find(TRANSFORM_ENCR, encr, bits);

	assert_non_null(s);
	assert_non_null(a);
	*s = (struct sa_spec){ .dir = dir,
		.spi = 0xc0ffee01,
		.local = ip("192.0.2.1"),
		.remote = ip("198.51.100.1"),
		.encr = encr,
		.encr_bits = bits,
		.integ = integ,
		.replay_window = 1024 };
	s->encr_key.len = (size_t)a->key_len + a->salt_len;
	memset(s->encr_key.data, 0x5a, s->encr_key.len);
	s->integ_key.len = integ ? alg_find(TRANSFORM_INTEG, integ, 0)->key_len : 0;
	memset(s->integ_key.data, 0xa5, s->integ_key.len);
	return s;
}

static const struct xfrm_params params = { .reqid = HOST_REQID_FIRST + 7,
	.if_id = HOST_IF_ID_FIRST };

static struct nl_msg *message_of(struct sa_spec *s)
{
	struct nl_msg *m = sa_add_message(s, &params, &e);

	assert_non_null(m);
	free(s);
	return m;
}

static void *attribute(struct nl_msg *m, int type)
{
	struct nlattr *a = nl_attr(nlmsg_hdr(m), sizeof(struct xfrm_usersa_info), type);

	return a ? nla_data(a) : NULL;
}

static void an_aead_has_its_check_value_and_salt(void **state)
{
	struct nl_msg *m = message_of(spec(SA_OUT, ENCR_AES_GCM_12, 128, 0));
	const struct xfrm_usersa_info *sa_info = nlmsg_data(nlmsg_hdr(m));
	const struct xfrm_algo_aead *a = attribute(m, XFRMA_ALG_AEAD);

	(void)state;
	assert_string_equal(a->alg_name, "rfc4106(gcm(aes))");
	assert_int_equal(a->alg_key_len, 160);
	assert_int_equal(a->alg_icv_len, 96);
	assert_int_equal((uint8_t)a->alg_key[19], 0x5a);
	assert_null(attribute(m, XFRMA_ALG_CRYPT));
	assert_null(attribute(m, XFRMA_ALG_AUTH_TRUNC));
	assert_int_equal(ntohl(sa_info->id.spi), 0xc0ffee01);
	assert_int_equal(ntohl(sa_info->id.daddr.a4), 0xc6336401);
	assert_int_equal(sa_info->reqid, params.reqid);
	assert_true(sa_info->flags & XFRM_STATE_AF_UNSPEC);
	nl_msg_free(m);
}

static void a_hmac_is_cut_as_its_rfc_says(void **state)
{
	struct nl_msg *m = message_of(spec(SA_IN, ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128));
	const struct xfrm_algo_auth *a = attribute(m, XFRMA_ALG_AUTH_TRUNC);

	(void)state;
	assert_string_equal(a->alg_name, "hmac(sha256)");
	assert_int_equal(a->alg_trunc_len, 128);
	assert_int_equal(a->alg_key_len, 256);
	assert_int_equal(
		((const struct xfrm_algo *)attribute(m, XFRMA_ALG_CRYPT))->alg_key_len, 256);
	nl_msg_free(m);
}

static void only_what_goes_out_is_marked(void **state)
{
	struct nl_msg *out = message_of(spec(SA_OUT, ENCR_AES_GCM_16, 256, 0));
	struct nl_msg *in = message_of(spec(SA_IN, ENCR_AES_GCM_16, 256, 0));

	(void)state;
	assert_int_equal(*(uint32_t *)attribute(out, XFRMA_SET_MARK), HOST_MARK);
	assert_null(attribute(in, XFRMA_SET_MARK));
	assert_int_equal(*(uint32_t *)attribute(out, XFRMA_IF_ID), params.if_id);
	assert_int_equal(*(uint32_t *)attribute(in, XFRMA_IF_ID), params.if_id);
	nl_msg_free(out);
	nl_msg_free(in);
}

static void replay_window_and_esn(void **state)
{
	struct sa_spec *esn = spec(SA_OUT, ENCR_AES_GCM_16, 256, 0);
	struct nl_msg *in = message_of(spec(SA_IN, ENCR_AES_GCM_16, 256, 0));
	struct nl_msg *out = message_of(spec(SA_OUT, ENCR_AES_GCM_16, 256, 0));
	const struct xfrm_replay_state_esn *r = attribute(in, XFRMA_REPLAY_ESN_VAL);

	(void)state;
	assert_int_equal(r->replay_window, 1024);
	assert_int_equal(r->bmp_len, 32);
	assert_null(attribute(out, XFRMA_REPLAY_ESN_VAL));
	nl_msg_free(in);
	nl_msg_free(out);
	esn->esn = true;
	out = message_of(esn);
	assert_true(((const struct xfrm_usersa_info *)nlmsg_data(nlmsg_hdr(out)))->flags &
		XFRM_STATE_ESN);
	assert_non_null(attribute(out, XFRMA_REPLAY_ESN_VAL));
	nl_msg_free(out);
}

/* Inbound nothing but the first use is told; outbound there is an end only where one is asked for, or
 * the cipher has one. */
static void limits_that_the_kernel_watches(void **state)
{
	static const struct {
		enum sa_dir dir;
		uint16_t encr;
		bool esn;
		uint64_t octets, packets, soft_bytes, hard_bytes, soft_packets, hard_packets;
	} rows[] = {
		{ SA_IN, ENCR_AES_GCM_16, false, 4000, 4000, XFRM_INF, XFRM_INF, 1, XFRM_INF },
		{ SA_OUT, ENCR_AES_GCM_16, false, 0, 0, XFRM_INF, XFRM_INF, 0xbffffffd, XFRM_INF },
		{ SA_OUT, ENCR_AES_GCM_16, true, 0, 0, XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		{ SA_OUT, ENCR_AES_GCM_16, true, 4000, 0, 3000, 4000, XFRM_INF, XFRM_INF },
		{ SA_OUT, ENCR_AES_GCM_16, false, 0, 4000, XFRM_INF, XFRM_INF, 3000, 4000 },
		{ SA_OUT, ENCR_3DES, false, 0, 0, 3u << 30, 1ull << 32, 0xbffffffd, XFRM_INF },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool cbc = rows[i].encr == ENCR_3DES;
		struct sa_spec *s =
			spec(rows[i].dir, rows[i].encr, cbc ? 0 : 256, cbc ? AUTH_HMAC_SHA1_96 : 0);
		s->esn = rows[i].esn;
		s->octets_max = rows[i].octets;
		s->packets_max = rows[i].packets;
		struct nl_msg *m = message_of(s);
		const struct xfrm_lifetime_cfg *l =
			&((const struct xfrm_usersa_info *)nlmsg_data(nlmsg_hdr(m)))->lft;
		assert_true(l->soft_byte_limit == rows[i].soft_bytes);
		assert_true(l->hard_byte_limit == rows[i].hard_bytes);
		assert_true(l->soft_packet_limit == rows[i].soft_packets);
		assert_true(l->hard_packet_limit == rows[i].hard_packets);
		nl_msg_free(m);
	}
}

/* What Linux 6.10 and its kind want of an SA that says its direction. */
static void direction_of_an_sa(void **state)
{
	static const struct {
		enum sa_dir dir;
		bool esn;
		uint8_t said;
		int window; /* -1: none is said */
	} rows[] = { { SA_IN, false, 1, 1024 }, { SA_IN, true, 1, 1024 }, { SA_OUT, false, 2, -1 },
		{ SA_OUT, true, 2, 0 } };
	const struct xfrm_params x = { .reqid = params.reqid, .direction = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sa_spec *s = spec(rows[i].dir, ENCR_AES_GCM_16, 256, 0);
		s->esn = rows[i].esn;
		struct nl_msg *m = sa_add_message(s, &x, &e);
		assert_non_null(m);
		assert_int_equal(*(uint8_t *)attribute(m, 33), rows[i].said);
		const struct xfrm_replay_state_esn *r = attribute(m, XFRMA_REPLAY_ESN_VAL);
		assert_int_equal(r ? (int)r->replay_window : -1, rows[i].window);
		nl_msg_free(m);
		free(s);
	}
	struct nl_msg *m = message_of(spec(SA_OUT, ENCR_AES_GCM_16, 256, 0));
	assert_null(attribute(m, 33));
	nl_msg_free(m);
}

static void ports_of_the_encapsulation(void **state)
{
	struct sa_spec *s = spec(SA_IN, ENCR_AES_GCM_16, 256, 0);

	(void)state;
	s->encap = true;
	s->local.port = 40000;
	s->remote.port = 4500;
	struct nl_msg *m = message_of(s);
	const struct xfrm_encap_tmpl *t = attribute(m, XFRMA_ENCAP);
	assert_int_equal(ntohs(t->encap_sport), 4500);
	assert_int_equal(ntohs(t->encap_dport), 40000);
	nl_msg_free(m);
}

/* --- modprobe's settings --------------------------------------------------------------------------- */

static bool blocked_by(const char *text, const char *module)
{
	char dir[] = "/tmp/test_xfrm.XXXXXX", path[64], where[128];
	const char *dirs[] = { "/nonexistent", dir, NULL };

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	bool found = module_blocked(dirs, module, where, sizeof(where));
	if (found)
		assert_string_equal(where, path);
	unlink(path);
	rmdir(dir);
	return found;
}

static void blocked_modules_are_found(void **state)
{
	(void)state;
	assert_true(blocked_by("blacklist esp4\n", "esp4"));
	assert_true(blocked_by("# x\n\tinstall  esp4 /bin/false\n", "esp4"));
	assert_true(blocked_by("blacklist xfrm-user", "xfrm_user"));
	assert_false(blocked_by("# blacklist esp4\noptions esp4 a=1\nblacklist esp4x\n", "esp4"));
	assert_false(blocked_by("", "esp4"));
}

/* --- the kernel ------------------------------------------------------------------------------------ */

static struct nl_sock *own_kernel(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		skip();
	struct nl_sock *sk = nl_connect_xfrm(&e);
	if (!sk)
		skip();
	return sk;
}

static size_t policies_there(struct nl_sock *sk)
{
	struct nl_reply all;
	size_t n = 0;

	assert_ok(&e,
		nl_ask(sk, nlmsg_alloc_simple(XFRM_MSG_GETPOLICY, NLM_F_REQUEST | NLM_F_DUMP), &all,
			NULL, "test", &e));
	struct nlmsghdr *h = (struct nlmsghdr *)all.data;
	for (int left = (int)all.len; h && nlmsg_ok(h, left); h = nlmsg_next(h, &left))
		n++;
	nl_reply_free(&all);
	return n;
}

static struct sa_policy *many(size_t nets, uint32_t slot, size_t *n)
{
	struct xfrm_sa *s = sa(SA_OUT, slot << 16 | 1);
	char text[32];

	add(&s->local_ts, sel("10.1.0.5"));
	for (size_t i = 0; i < nets; i++) {
		snprintf(text, sizeof(text), "10.2.%zu.0/24", i);
		add(&s->remote_ts, sel(text));
	}
	struct sa_policy *v = make(&s, 1, n);
	free(s);
	return v;
}

static void the_kernel_takes_them_and_gives_them_back(void **state)
{
	struct nl_sock *sk = own_kernel();
	size_t n, fewer;
	struct sa_policy *v = many(250, 0, &n), *w = many(100, 0, &fewer);

	(void)state;
	assert_int_equal(n, 250);
	assert_ok(&e, sa_policies_change(sk, NULL, 0, v, n, &e));
	assert_int_equal(policies_there(sk), 250);
	w[0].reqid++; /* replaced in its place */
	assert_ok(&e, sa_policies_change(sk, v, n, w, fewer, &e));
	assert_int_equal(policies_there(sk), 100);
	assert_ok(&e, sa_policies_change(sk, w, fewer, NULL, 0, &e));
	assert_int_equal(policies_there(sk), 0);
	free(v);
	free(w);
	nl_socket_free(sk);
}

/* No SA is left to go by: what went in transport mode goes nowhere, until there is one again. */
static void without_an_sa_it_is_blocked(void **state)
{
	struct nl_sock *sk = own_kernel();
	struct xfrm_sa *s = sa(SA_OUT, 5 << 16 | 1), *in = sa(SA_IN, 5 << 16 | 1);
	struct sa_policy *v, *w = NULL;
	size_t n, stay = 0, sas, policies;

	(void)state;
	s->mode = in->mode = SA_TRANSPORT;
	add(&s->local_ts, sel("192.0.2.1"));
	add(&s->remote_ts, sel("192.0.2.2"));
	in->local_ts = s->local_ts;
	in->remote_ts = s->remote_ts;
	struct xfrm_sa *const both[] = { s, in };
	v = make(both, 2, &n);
	assert_int_equal(n, 2);
	assert_ok(&e, sa_policies_change(sk, NULL, 0, v, n, &e));
	assert_ok(&e, sa_policies_block(v, n, &w, &stay, &e));
	assert_int_equal(stay, 1);
	assert_int_equal(w->dir, XFRM_POLICY_OUT);
	assert_true(w->block && w->priority > v[w->dir == v[1].dir].priority);
	assert_int_equal(w->src.len, 0);
	assert_int_equal(w->dst.len, 32);
	assert_ok(&e, sa_policies_change(sk, v, n, w, stay, &e));
	assert_int_equal(policies_there(sk), 1);
	/* A further look at nothing but the block leaves it as it is. */
	free(v);
	v = NULL;
	n = 0;
	assert_ok(&e, sa_policies_block(w, stay, &v, &n, &e));
	assert_int_equal(n, 1);
	assert_true(sa_policy_same(v, w));
	assert_ok(&e, xfrm_flush(5, &sas, &policies, &e));
	assert_int_equal(policies, 1);
	assert_int_equal(policies_there(sk), 0);
	free(v);
	free(w);
	v = w = NULL;
	n = stay = 0;
	s->mode = SA_TUNNEL;
	v = make(both, 1, &n);
	assert_ok(&e, sa_policies_block(v, n, &w, &stay, &e));
	assert_int_equal(stay, 0);
	free(v);
	free(w);
	free(s);
	free(in);
	nl_socket_free(sk);
}

static int opinion_of(struct nl_sock *sk, struct nl_msg *m)
{
	struct nl_result r;

	assert_ok(&e, nl_batch(sk, &m, 1, &r, "test", &e));
	if (r.code == EINVAL)
		print_message("# %s\n", r.said);
	return r.code;
}

/* What the kernel says when an attribute is out of place is EINVAL. That it has no ESP, or not the
 * cipher, it says after it has found the attributes in order. */
static void the_kernel_agrees_about_directions(void **state)
{
	struct nl_sock *sk = own_kernel();
	struct xfrm_params x = { .reqid = params.reqid, .direction_probe = true };
	struct sa_spec *s = spec(SA_OUT, ENCR_AES_GCM_16, 256, 0);

	(void)state;
	int code = opinion_of(sk, sa_add_message(s, &x, &e));
	if (code != ERANGE) {
		print_message("# this kernel knows no directions\n");
		nl_socket_free(sk);
		free(s);
		skip();
	}
	x = (struct xfrm_params){ .reqid = params.reqid, .direction = true };
	for (unsigned i = 0; i < 8; i++) {
		s->dir = i & 1 ? SA_OUT : SA_IN;
		s->esn = i & 2;
		s->mode = i & 4 ? SA_TUNNEL : SA_TRANSPORT;
		s->spi = 0x1000 + i;
		assert_int_not_equal(opinion_of(sk, sa_add_message(s, &x, &e)), EINVAL);
	}
	nl_socket_free(sk);
	free(s);
}

/* Somebody else's policy is in the way of one in the middle: none of ours stays, theirs does. */
static void a_change_is_whole_or_not_at_all(void **state)
{
	struct nl_sock *sk = own_kernel();
	size_t n, one;
	struct sa_policy *v = many(250, 0, &n), *theirs = many(1, 0, &one);

	(void)state;
	theirs[0] = v[200];
	theirs[0].reqid = 4711;
	assert_ok(&e, sa_policies_change(sk, NULL, 0, theirs, 1, &e));
	assert_false(sa_policies_change(sk, NULL, 0, v, n, &e));
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_int_equal(policies_there(sk), 1);
	assert_ok(&e, sa_policies_change(sk, theirs, 1, NULL, 0, &e));
	assert_int_equal(policies_there(sk), 0);
	free(v);
	free(theirs);
	nl_socket_free(sk);
}

static void cleaning_takes_what_is_of_the_slot(void **state)
{
	struct nl_sock *sk = own_kernel();
	size_t n, others, theirs, sas, policies;
	struct sa_policy *v = many(200, 3, &n), *w = many(201, 4, &others),
			 *x = many(202, 0, &theirs);

	(void)state;
	for (size_t i = 0; i < n; i++)
		v[i].if_id = HOST_IF_ID_FIRST + 3;
	x[201].reqid = 1;
	assert_ok(&e, sa_policies_change(sk, NULL, 0, v, n, &e));
	assert_ok(&e, sa_policies_change(sk, NULL, 0, w, others, &e));
	assert_ok(&e, sa_policies_change(sk, NULL, 0, x + 201, 1, &e));
	assert_ok(&e, xfrm_flush(3, &sas, &policies, &e));
	assert_int_equal(policies, 200);
	assert_int_equal(sas, 0);
	assert_int_equal(policies_there(sk), 202);
	assert_ok(&e, xfrm_flush(4, &sas, &policies, &e));
	assert_int_equal(policies, 201);
	assert_int_equal(policies_there(sk), 1);
	free(v);
	free(w);
	free(x);
	nl_socket_free(sk);
}

static int udp_between(struct sockaddr_in *to)
{
	socklen_t len = sizeof(*to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*to = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)to, sizeof(*to)) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)to, &len), 0);
	return fd;
}

static bool comes_in(int fd, const struct sockaddr_in *to, uint32_t spi)
{
	const uint32_t out[2] = { htonl(spi), htonl(1) };
	uint32_t in[2] = { 0 };

	assert_int_equal(sendto(fd, out, sizeof(out), 0, (const struct sockaddr *)to, sizeof(*to)),
		sizeof(out));
	bool came = recv(fd, in, sizeof(in), MSG_DONTWAIT) == sizeof(in);
	assert_true(!came || in[0] == out[0]);
	return came;
}

static unsigned come_in_later(int fd, uint32_t spi)
{
	uint32_t in[2];
	unsigned n = 0;

	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) == sizeof(in)) {
		assert_int_equal(ntohl(in[0]), spi);
		n++;
	}
	return n;
}

/* With UDP between two ports of the loopback interface in the place of ESP, and its socket in that of
 * the SA. */
static void what_comes_before_the_sa_is_kept(void **state)
{
	enum { SPI = 0x12345678, MORE_THAN_KEPT = 70, KEPT = 64 };
	struct sockaddr_in to;
	struct nl_sock *sk = NULL;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || system("ip link set lo up") != 0)
		skip();
	struct await *x = await_begin(3, SPI);
	if (!x)
		skip(); /* a kernel without nftables, or without its queues */
	int fd = udp_between(&to);
	assert_true(await_is(x, SPI) && !await_is(x, SPI + 1) && !await_is(NULL, SPI));
	assert_true(comes_in(fd, &to, SPI + 1));
	for (unsigned i = 0; i < MORE_THAN_KEPT; i++)
		assert_false(comes_in(fd, &to, SPI));
	assert_null(await_begin(3, SPI)); /* somebody has that queue */
	await_end(x, true);
	assert_int_equal(come_in_later(fd, SPI), KEPT);
	assert_true(comes_in(fd, &to, SPI));

	assert_non_null(x = await_begin(3, SPI));
	assert_false(comes_in(fd, &to, SPI));
	await_end(x, false);
	assert_int_equal(come_in_later(fd, SPI), 0);
	assert_true(comes_in(fd, &to, SPI));
	await_clean(&sk, 3);
	nl_socket_free(sk);
	assert_int_equal(system("test -z \"$(nft list ruleset)\""), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_direction_has_its_policies),
		cmocka_unit_test(only_selectors_that_go_together),
		cmocka_unit_test(ranges_of_ports_become_masks),
		cmocka_unit_test(what_the_kernel_cannot_tell_apart_is_refused),
		cmocka_unit_test(the_narrower_one_wins),
		cmocka_unit_test(of_equal_selectors_the_newest_sa_has_the_policy),
		cmocka_unit_test(an_aead_has_its_check_value_and_salt),
		cmocka_unit_test(a_hmac_is_cut_as_its_rfc_says),
		cmocka_unit_test(only_what_goes_out_is_marked),
		cmocka_unit_test(replay_window_and_esn),
		cmocka_unit_test(limits_that_the_kernel_watches),
		cmocka_unit_test(direction_of_an_sa),
		cmocka_unit_test(ports_of_the_encapsulation),
		cmocka_unit_test(blocked_modules_are_found),
		cmocka_unit_test(the_kernel_takes_them_and_gives_them_back),
		cmocka_unit_test(without_an_sa_it_is_blocked),
		cmocka_unit_test(the_kernel_agrees_about_directions),
		cmocka_unit_test(a_change_is_whole_or_not_at_all),
		cmocka_unit_test(cleaning_takes_what_is_of_the_slot),
		cmocka_unit_test(what_comes_before_the_sa_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
