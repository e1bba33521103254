/*
 * bench_routes routes|selectors|policies N: how long it takes to make a netconf out of N routes of the
 * profile (or N selectors of the gateway), or the IPsec policies of N selectors, to set it up in the
 * kernel and to take it back, in milliseconds, in a network namespace of its own. Needs root. One line:
 * "N build up down".
 */
#define _GNU_SOURCE
#include "../src/host/priv.h"
#include "../src/session/netconf.h"
#include "crypto/alg.h"
#include "host/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN = 2 };

static double milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* Half of them IPv4, none beside its neighbour, so that none can be joined. */
static struct prefix number(size_t i)
{
	uint8_t hi = (uint8_t)(i >> 8), lo = (uint8_t)i;

	return i % 2 ? (struct prefix){ FAMILY_V6, 64, { 0xfd, 2, hi, lo } } :
		       (struct prefix){ FAMILY_V4, 24, { 10, hi, lo } };
}

static bool own_machine(struct err *e)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
		return err_set(e, ERR_LOCAL, "no namespaces here");
	return true;
}

static bool give_routes(struct profile *p, struct selectors *ts, size_t n)
{
	p->routes = CHOICE_LIST;
	p->route_list.v = calloc(n + 1, sizeof(*p->route_list.v));
	if (!p->route_list.v)
		return false;
	for (p->route_list.n = 0; p->route_list.n < n; p->route_list.n++)
		p->route_list.v[p->route_list.n] = number(p->route_list.n);
	selector_all(&ts[0].v[ts[0].n++], FAMILY_V4);
	selector_all(&ts[0].v[ts[0].n++], FAMILY_V6);
	return true;
}

static bool give_selectors(struct selectors *ts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix p = number(i);
		struct selectors *s = &ts[i * CHILDREN / n];
		if (s->n == SELECTORS_MAX)
			return false;
		selector_from_prefix(&s->v[s->n++], &p);
	}
	return true;
}

static bool measure(const struct netconf *c, double built, size_t n, struct err *e)
{
	struct netconf nothing = { 0 };
	char name[16];
	struct host *h = host_open("bench", e);
	int tun = h ? host_tun(h, name, e) : -1;
	double begin = milliseconds();
	bool ok = tun >= 0 && host_netconf(h, c, e);
	double up = milliseconds();

	ok = ok && host_netconf(h, &nothing, e);
	double down = milliseconds();
	host_close(h, NULL);
	if (tun >= 0)
		close(tun);
	if (ok)
		printf("%zu %.2f %.2f %.2f\n", n, built, up - begin, down - up);
	return ok;
}

/* An outbound and an inbound SA for each child, as they are while a tunnel is up. */
static bool give_sas(struct xfrm_sa *sas[2 * CHILDREN], const struct selectors *ts)
{
	for (unsigned i = 0; i < 2 * CHILDREN; i++) {
		struct xfrm_sa *sa = sas[i] = calloc(1, sizeof(*sa));
		if (!sa || !addr_parse(&sa->local, "192.0.2.1") ||
			!addr_parse(&sa->remote, "198.51.100.1"))
			return false;
		sa->dir = i % 2 ? SA_IN : SA_OUT;
		sa->reqid = HOST_REQID_FIRST + i / 2;
		selector_all(&sa->local_ts.v[sa->local_ts.n++], FAMILY_V4);
		selector_all(&sa->local_ts.v[sa->local_ts.n++], FAMILY_V6);
		sa->remote_ts = ts[i / 2];
	}
	return true;
}

static bool run_policies(size_t n, struct err *e)
{
	struct selectors *ts = calloc(CHILDREN, sizeof(*ts));
	struct xfrm_sa *sas[2 * CHILDREN] = { NULL };
	struct sa_policy *v = NULL;
	size_t n_policies = 0;

	bool ok = ts && own_machine(e) && give_selectors(ts, n) && give_sas(sas, ts);
	struct nl_sock *sk = ok ? nl_connect_xfrm(e) : NULL;
	double begin = milliseconds();
	ok = sk && sa_policies_make(sas, 2 * CHILDREN, HOST_IF_ID_FIRST, &v, &n_policies, e);
	double built = milliseconds();
	ok = ok && sa_policies_change(sk, NULL, 0, v, n_policies, e);
	double up = milliseconds();
	ok = ok && sa_policies_change(sk, v, n_policies, NULL, 0, e);
	double down = milliseconds();
	if (ok)
		printf("%zu %.2f %.2f %.2f\n", n, built - begin, up - built, down - up);
	nl_socket_free(sk);
	for (unsigned i = 0; i < 2 * CHILDREN; i++)
		free(sas[i]);
	free(v);
	free(ts);
	return ok;
}

static bool run(const char *what, size_t n, struct err *e)
{
	struct selectors *ts = calloc(CHILDREN, sizeof(*ts));
	struct ike_view *view = calloc(1, sizeof(*view));
	struct profile *p = profile_new("bench");
	struct granted g = { .n_addrs = 2,
		.addrs = { { FAMILY_V4, 32, { 10, 255, 0, 1 } },
			{ FAMILY_V6, 128, { 0xfd, 3, [15] = 1 } } } };
	struct machine machine = { .kernel = false };
	struct path path = { .mtu = 1500 };
	struct outbox ob;

	outbox_init(&ob);
	bool ok = ts && view && p && own_machine(e) &&
		(strcmp(what, "selectors") == 0 ? give_selectors(ts, n) : give_routes(p, ts, n));
	for (size_t i = 0; ok && i < CHILDREN; i++)
		view->children[view->n_children++] = (struct ike_child_view){ .mode = SA_TUNNEL,
			.encap = true,
			.suite.encr = alg_by_name(TRANSFORM_ENCR, "aes128gcm16"),
			.local_ts = &ts[i],
			.remote_ts = &ts[i] };
	double begin = milliseconds();
	struct netconf *c = ok ? netconf_build(p, view, &g, NULL, &machine, &path, &ob, e) : NULL;
	double built = milliseconds() - begin;
	ok = c && measure(c, built, n, e);
	free(c);
	outbox_free(&ob);
	profile_free(p);
	free(view);
	free(ts);
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = { .kind = ERR_NONE };

	if (argc != 3 || !crypto_init(&e))
		return 2;
	size_t n = strtoul(argv[2], NULL, 10);
	bool ok = strcmp(argv[1], "policies") == 0 ? run_policies(n, &e) : run(argv[1], n, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.text[0] ? e.text : "too many, or no memory");
	crypto_exit();
	return !ok;
}
