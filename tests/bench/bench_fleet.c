/*
 * bench_fleet CLIENTS INIT-MS AUTH-MS RESUME-MS DEAD-SECONDS POLICY...: so many sessions, the real ones, on a
 * virtual clock, all up at a gateway that dies while traffic runs and is back after DEAD-SECONDS with
 * nothing remembered, but for the key of its tickets where it gives them. Every message is real, sealed and opened on both sides; the gateway answers with
 * the scripted one of tests/pair, and what its work costs is a model: CORES processors that take
 * INIT-MS for an IKE_SA_INIT and AUTH-MS for an IKE_AUTH, RESUME-MS for both halves of a resumption, a fiftieth for
 * an answer from memory or with a cookie, a queue before them as long as they work on it for QUEUE_MS, and as strongSwan has it a
 * cookie asked for while HALF_OPEN IKE SAs are half-open.
 *
 * POLICY: ours (what the session does), FIRST-MOST (its backoff with other limits, in milliseconds) or
 * fixed-MS (attempts at that interval, as a client does that retries by a timer); with "-nocookie"
 * behind it the gateway asks for none, with "-ticket" it gave tickets (RFC 5723). A line for each: name, seconds after the gateway's return until
 * half, 99 of 100 and all are up, most datagrams in a second, most half-open, datagrams lost before the
 * queue, first messages worked on for each client, seconds of its processors, octets of memory a session.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/session/state.h"
#include "../pair/gateway.h"
#include "../pair/profiles.h"
#include "happenings.h"
#include "lib/test.h"

enum {
	CORES = 4,
	QUEUE = 16384,
	QUEUE_MS = 2500,
	HALF_OPEN = 30,
	HALF_OPEN_MS = 30000,
	WIRE_MS = 20,
	CHEAP = 50, /* the part of cost_init: an answer from memory, a cookie, a datagram for nobody */
	UP_BY_MS = 30000, /* then the gateway dies */
	GIVE_UP_MS = 1800000, /* before the new tunnels get new keys, for which nobody is there */
	IKE_NEXT = 16, /* in the header: first payload, exchange */
	IKE_EXCHANGE = 18,
	TYPE_N = 41
};

#define WALL ((time_t)1750000000)

struct ticket { /* what the gateway's stands for: the rest is the same for all */
	uint8_t octets[16], sk_d[32];
	bool given;
};

struct member {
	struct session *s;
	struct gateway *gw; /* while it is half-open there */
	uint64_t deadline;
	unsigned half; /* counts its half-open SAs: each ends by itself */
	uint8_t served[IKE_SPI_LEN]; /* the initiator SPI of its last IKE SA there */
	bool up, scheduled;
	struct ticket ticket;
};

struct policy {
	const char *name;
	bool ours, cookies, tickets, jitter;
	uint32_t first, most;
};

static struct fleet {
	uint32_t n, up;
	struct member *v;
	struct happenings next;
	uint64_t now, back; /* microseconds */
	struct happening queue[QUEUE];
	size_t q_first, q_n, q_most;
	unsigned busy, half_open;
	const struct policy *policy;
	uint64_t cost_init, cost_auth, cost_resume;
	struct resumption issued; /* what is the same in all of them */
	struct path path;
	struct gw_config gwc;
	struct outbox ob, gw_ob;
	/* what came of it */
	uint64_t lost, inits, work, second, in_second, peak;
	unsigned peak_half;
} f;

/* --- the clients ------------------------------------------------------------------------------------- */

static void send_on(uint32_t client, int what, const struct send *s)
{
	struct happening h = {
		.at = f.now + WIRE_MS * 1000, .what = what, .client = client, .len = s->len
	};

	if (s->len == 0) /* a keepalive */
		return;
	h.data = malloc(s->len);
	assert_non_null(h.data);
	memcpy(h.data, s->data, s->len);
	happenings_push(&f.next, h);
}

static void perform(uint32_t client, const struct action *a, const void *what, struct outbox *next)
{
	struct session *s = f.v[client].s;
	struct os_input in = { .ok = true };

	switch (a->kind) {
	case ACT_RESOLVE:
		in.kind = OS_PATHS;
		in.n_paths = 1;
		in.paths[0] = f.path;
		break;
	case ACT_SA_INSTALL:
		in.kind = OS_SA_INSTALLED;
		in.spi = ((const struct sa_spec *)what)->spi;
		break;
	case ACT_NETCONF:
		in.kind = OS_NETCONF_DONE;
		break;
	case ACT_SEND:
		send_on(client, TO_GATEWAY, what);
		return;
	default:
		return;
	}
	session_os(s, f.now / 1000, &in, next);
}

/* The times that a policy other than ours changes: the session has just begun to wait. */
static void apply_policy(struct session *s)
{
	const struct policy *p = f.policy;

	if (!p || p->ours || s->phase != PHASE_WAITING)
		return;
	uint64_t most = p->first;
	for (unsigned i = 1; i < s->attempts && most < p->most; i++)
		most *= 2;
	most = most < p->most ? most : p->most;
	s->next_attempt = s->now + (p->jitter ? rng_below(&s->rng, (uint32_t)most + 1) : most);
}

/* Performs what the session wants until it wants nothing, and notes when it wants to be called. */
static void settle(uint32_t client, enum phase was)
{
	struct member *m = &f.v[client];
	struct outbox next;

	outbox_init(&next);
	next.log_level = LEVEL_ERROR;
	while (f.ob.n > 0) {
		for (size_t i = 0; i < f.ob.n; i++)
			perform(client, &f.ob.actions[i], outbox_get(&f.ob, i), &next);
		outbox_clear(&f.ob);
		struct outbox done = f.ob;
		f.ob = next;
		next = done;
	}
	outbox_free(&next);
	if (was != PHASE_WAITING)
		apply_policy(m->s);
	bool up = m->s->phase == PHASE_UP;
	f.up += up - m->up;
	m->up = up;
	uint64_t at = session_deadline(m->s);
	if (at == TIME_NEVER || (m->scheduled && at == m->deadline))
		return;
	m->deadline = at;
	m->scheduled = true;
	happenings_push(
		&f.next, (struct happening){ .at = at * 1000, .what = TICK, .client = client });
}

static void tick(uint32_t client, uint64_t at)
{
	struct member *m = &f.v[client];
	enum phase was = m->s->phase;

	if (!m->scheduled || m->deadline * 1000 != at)
		return; /* it has another one */
	m->scheduled = false;
	/* Traffic is back with the tunnel, so that none looks after the gateway. */
	if (m->up && f.policy && f.now > f.back)
		session_os(m->s, f.now / 1000, &(struct os_input){ .kind = OS_INBOUND }, &f.ob);
	session_tick(m->s, f.now / 1000, &f.ob);
	settle(client, was);
}

static void to_client(const struct happening *h)
{
	enum phase was = f.v[h->client].s->phase;
	struct datagram d = { .on = PORT_IKE,
		.local = f.path.local,
		.remote = f.path.remote,
		.data = h->data,
		.len = h->len };

	session_datagram(f.v[h->client].s, f.now / 1000, &d, &f.ob);
	settle(h->client, was);
}

/* --- the gateway ------------------------------------------------------------------------------------ */

static void half_open_end(struct member *m)
{
	gw_free(m->gw);
	free(m->gw);
	m->gw = NULL;
	m->half++;
	f.half_open--;
}

static bool known(const struct member *m, const struct happening *h)
{
	return m->gw && m->gw->sa && memcmp(m->gw->sa->spi_i, h->data, IKE_SPI_LEN) == 0;
}

/* A copy of what is long answered. */
static bool is_late(const struct member *m, const struct happening *h)
{
	return memcmp(m->served, h->data, IKE_SPI_LEN) == 0;
}

static bool opens(const struct happening *h)
{
	return h->data[IKE_EXCHANGE] == IKE_SA_INIT || h->data[IKE_EXCHANGE] == IKE_SESSION_RESUME;
}

static bool has_cookie(const struct happening *h)
{
	const uint8_t *n = h->data + IKE_HDR_LEN;

	return h->len > IKE_HDR_LEN + 8 && h->data[IKE_NEXT] == TYPE_N &&
		(n[6] << 8 | n[7]) == COOKIE;
}

static bool wants_cookie(const struct happening *h)
{
	return f.policy && f.policy->cookies && f.half_open >= HALF_OPEN && !has_cookie(h);
}

static uint64_t cost(const struct happening *h)
{
	const struct member *m = &f.v[h->client];

	if (!f.policy)
		return 0;
	bool cheap = opens(h) ?
		known(m, h) || is_late(m, h) || wants_cookie(h) :
		h->data[IKE_EXCHANGE] != IKE_AUTH || !known(m, h) || m->gw->phase != GW_HALF;
	if (cheap)
		return f.cost_init / CHEAP;
	if (h->data[IKE_EXCHANGE] == IKE_SESSION_RESUME)
		return f.cost_resume * f.cost_init / (f.cost_init + f.cost_auth);
	if (h->data[IKE_EXCHANGE] == IKE_SA_INIT)
		return f.cost_init;
	return m->gw->hs.from ? f.cost_resume * f.cost_auth / (f.cost_init + f.cost_auth) :
				f.cost_auth;
}

static void work_begin(struct happening h)
{
	uint64_t us = cost(&h);

	f.busy++;
	f.work += us;
	h.at = f.now + us;
	h.what = DONE;
	happenings_push(&f.next, h);
}

static void to_gateway(struct happening h)
{
	if (f.policy && f.now < f.back) { /* nobody there */
		free(h.data);
		return;
	}
	if (f.now / 1000000 != f.second) {
		f.second = f.now / 1000000;
		f.in_second = 0;
	}
	if (++f.in_second > f.peak)
		f.peak = f.in_second;
	if (f.busy < CORES) {
		work_begin(h);
	} else if (f.q_n < f.q_most) {
		f.queue[(f.q_first + f.q_n++) % QUEUE] = h;
	} else {
		f.lost++;
		free(h.data);
	}
}

/* As if it read it in the ticket. */
static void remember(const struct member *m)
{
	struct resumption *t = &m->gw->issued;

	if (!m->ticket.given)
		return;
	*t = f.issued;
	memcpy(t->ticket, m->ticket.octets, sizeof(m->ticket.octets));
	t->sk_d.len = sizeof(m->ticket.sk_d);
	memcpy(t->sk_d.data, m->ticket.sk_d, sizeof(m->ticket.sk_d));
}

static void note_ticket(struct member *m)
{
	const struct resumption *t = &m->gw->issued;

	m->ticket.given = t->ticket_len > 0;
	if (!m->ticket.given)
		return;
	assert_int_equal(t->ticket_len, sizeof(m->ticket.octets));
	assert_int_equal(t->sk_d.len, sizeof(m->ticket.sk_d));
	f.issued = *t;
	memcpy(m->ticket.octets, t->ticket, sizeof(m->ticket.octets));
	memcpy(m->ticket.sk_d, t->sk_d.data, sizeof(m->ticket.sk_d));
}

static void open_new(const struct happening *h)
{
	struct member *m = &f.v[h->client];

	if (m->gw) /* of an attempt that the client gave up */
		half_open_end(m);
	m->gw = malloc(sizeof(*m->gw));
	assert_non_null(m->gw);
	gw_init(m->gw, &f.gwc, (uint32_t)f.next.order, WALL);
	remember(m);
	f.inits++;
	if (++f.half_open > f.peak_half)
		f.peak_half = f.half_open;
	happenings_push(&f.next,
		(struct happening){ .at = f.now + HALF_OPEN_MS * 1000,
			.what = FORGET,
			.client = h->client,
			.number = m->half });
}

static void answer(const struct happening *h)
{
	struct member *m = &f.v[h->client];
	bool init = opens(h);
	struct gateway *asking = NULL;

	if (is_late(m, h))
		return;
	if (init && !known(m, h) && wants_cookie(h)) {
		static struct gw_config with;
		with = f.gwc;
		with.cookies = 1;
		asking = malloc(sizeof(*asking));
		assert_non_null(asking);
		gw_init(asking, &with, h->client, WALL);
	} else if (init && !known(m, h)) {
		open_new(h);
	}
	struct gateway *g = asking ? asking : m->gw;
	if (!g)
		return;
	gw_datagram(g, f.now / 1000, &f.path.local, &f.path.remote, h->data, h->len, &f.gw_ob);
	for (size_t i = 0; i < f.gw_ob.n; i++)
		if (f.gw_ob.actions[i].kind == ACT_SEND)
			send_on(h->client, TO_CLIENT, outbox_get(&f.gw_ob, i));
	outbox_clear(&f.gw_ob);
	if (asking) {
		gw_free(asking);
		free(asking);
	} else if (g->phase == GW_UP) {
		note_ticket(m);
		half_open_end(
			m); /* what it remembers of the client from now on does not matter here */
	}
}

static void done(const struct happening *h)
{
	answer(h);
	f.busy--;
	if (f.q_n > 0) {
		f.q_n--;
		work_begin(f.queue[f.q_first++ % QUEUE]);
	}
}

/* Half-open for so long: the gateway forgets it. */
static void forget(const struct happening *h)
{
	struct member *m = &f.v[h->client];

	if (m->gw && h->number == m->half)
		half_open_end(m);
}

/* --- a run --------------------------------------------------------------------------------------------- */

static void step(void)
{
	struct happening h = happenings_pop(&f.next);

	f.now = h.at;
	switch (h.what) {
	case TICK:
		tick(h.client, h.at);
		return;
	case TO_GATEWAY:
		to_gateway(h);
		return;
	case DONE:
		done(&h);
		break;
	case TO_CLIENT:
		to_client(&h);
		break;
	case FORGET:
		forget(&h);
		break;
	}
	free(h.data);
}

/* All of them, one after the other over half a minute, so that nothing of theirs is in step. */
static void connect_all(const struct profile *p)
{
	struct err e;

	for (uint32_t i = 0; i < f.n; i++) {
		uint8_t seed[RNG_SEED_LEN] = { 'f', i >> 24, i >> 16, i >> 8, i };
		uint64_t at = (uint64_t)i * UP_BY_MS * 900 / f.n;
		while (f.next.n > 0 && f.next.v[0].at <= at)
			step();
		f.now = at;
		f.v[i].s = session_new(p, seed, &e);
		assert_non_null(f.v[i].s);
		session_start(f.v[i].s, at / 1000, WALL, &f.ob);
		settle(i, PHASE_NEW);
	}
	while (f.next.v[0].at < UP_BY_MS * UINT64_C(1000))
		step();
	assert_int_equal(f.up, f.n);
}

/* Traffic ran until now: all of them heard the gateway this moment, for the last time. */
static void die(uint64_t dead_ms, const struct policy *policy)
{
	f.now = UP_BY_MS * UINT64_C(1000);
	f.back = f.now + dead_ms * 1000;
	f.policy = policy;
	for (uint32_t i = 0; i < f.n; i++) {
		session_os(f.v[i].s, UP_BY_MS, &(struct os_input){ .kind = OS_INBOUND }, &f.ob);
		settle(i, PHASE_UP);
	}
	f.lost = f.inits = f.work = f.peak = f.in_second = f.second = 0;
	f.peak_half = 0;
}

static double since_back(void)
{
	return ((double)f.now - (double)f.back) / 1e6;
}

static void run(uint32_t n, const struct policy *policy, uint64_t dead_ms)
{
	struct profile *p = profile_psk();
	size_t before_all = mallinfo2().uordblks + mallinfo2().hblkhd;
	double half = -1, most = -1, all = -1;

	f.n = n;
	f.v = calloc(n, sizeof(*f.v));
	assert_non_null(f.v);
	connect_all(p);
	size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before_all) / n;
	die(dead_ms, policy);
	while (all < 0 && f.next.n > 0 && f.now < f.back + GIVE_UP_MS * UINT64_C(1000)) {
		step();
		if (f.now < f.back)
			continue;
		if (half < 0 && f.up >= (n + 1) / 2)
			half = since_back();
		if (most < 0 && f.up >= n - n / 100)
			most = since_back();
		if (f.up == n)
			all = since_back();
	}
	for (uint32_t i = 0; i < n && all < 0; i++)
		if (!f.v[i].up)
			fprintf(stderr, "session %u is not back: in phase %d, %s\n", i,
				(int)f.v[i].s->phase, f.v[i].s->last_error.text);
	printf("%s %.1f %.1f %.1f %llu %u %llu %.2f %.1f %zu\n", policy->name, half, most, all,
		(unsigned long long)f.peak, f.peak_half, (unsigned long long)f.lost,
		(double)f.inits / n, (double)f.work / 1e6, each);
	fflush(stdout);
	for (uint32_t i = 0; i < n; i++) {
		session_free(f.v[i].s);
		if (f.v[i].gw)
			gw_free(f.v[i].gw);
		free(f.v[i].gw);
	}
	for (size_t i = 0; i < f.next.n; i++)
		free(f.next.v[i].data);
	for (size_t i = 0; i < f.q_n; i++)
		free(f.queue[(f.q_first + i) % QUEUE].data);
	free(f.v);
	free(f.next.v);
	profile_free(p);
}

static bool parse_policy(struct policy *p, const char *text)
{
	char copy[64];
	char *no = NULL, *ticket = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	no = strstr(copy, "-nocookie");
	if (no)
		*no = 0;
	ticket = strstr(copy, "-ticket");
	if (ticket)
		*ticket = 0;
	*p = (struct policy){
		.name = text, .cookies = !no, .tickets = ticket, .ours = strcmp(copy, "ours") == 0
	};
	if (p->ours)
		return true;
	if (sscanf(copy, "fixed-%u", &p->first) == 1) {
		p->most = p->first;
		return true;
	}
	p->jitter = true;
	return sscanf(copy, "%u-%u", &p->first, &p->most) == 2;
}

static void begin(double init_ms, double auth_ms, double resume_ms, const struct policy *p)
{
	memset(&f, 0, sizeof(f));
	f.cost_init = (uint64_t)(init_ms * 1000);
	f.cost_auth = (uint64_t)(auth_ms * 1000);
	f.cost_resume = (uint64_t)(resume_ms * 1000);
	f.q_most = (size_t)(CORES * QUEUE_MS / (init_ms + auth_ms));
	if (f.q_most > QUEUE)
		f.q_most = QUEUE;
	assert_true(addr_parse(&f.path.local, "192.0.2.10"));
	assert_true(addr_parse(&f.path.remote, "198.51.100.1"));
	f.path.local.port = f.path.remote.port = 500;
	f.path.local_natt_port = 4500;
	f.path.mtu = 1500;
	f.gwc = (struct gw_config){ .id = "gw.example.org",
		.psk = "a long shared key of both",
		.address = "10.1.2.3",
		.tickets = p->tickets ? GW_TICKETS : GW_TICKETS_UNKNOWN,
		.ticket_len = sizeof(((struct ticket *)0)->octets),
		.nonce_i = -1,
		.nonce_r = -1 };
	outbox_init(&f.ob);
	outbox_init(&f.gw_ob);
	f.ob.log_level = f.gw_ob.log_level = LEVEL_ERROR;
}

int main(int argc, char **argv)
{
	struct policy p;
	struct err e;

	if (argc < 7 || !crypto_init(&e)) {
		fprintf(stderr,
			"bench_fleet CLIENTS INIT-MS AUTH-MS RESUME-MS DEAD-SECONDS POLICY...\n");
		return 2;
	}
	for (int i = 6; i < argc; i++) {
		if (!parse_policy(&p, argv[i])) {
			fprintf(stderr,
				"%s: ours, FIRST-MOST or fixed-MS, with -ticket or -nocookie\n",
				argv[i]);
			return 2;
		}
		begin(atof(argv[2]), atof(argv[3]), atof(argv[4]), &p);
		run((uint32_t)atoi(argv[1]), &p, strtoull(argv[5], NULL, 10) * 1000);
		outbox_free(&f.ob);
		outbox_free(&f.gw_ob);
	}
	crypto_exit();
	return 0;
}
