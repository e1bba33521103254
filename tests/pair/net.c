#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/msg.h"

void net_init(struct net *n, const struct net_config *cfg)
{
	*n = (struct net){ .cfg = *cfg, .now = 1000, .trace = getenv("PAIR_TRACE") != NULL };
	n->random = cfg->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x2545f4914f6cdd1d);
}

void net_free(struct net *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->flights[i].data);
	free(n->flights);
	for (int e = 0; e < ENDS; e++)
		for (size_t i = 0; i < n->plane[e].n; i++)
			free(n->plane[e].sa[i]);
	*n = (struct net){ 0 };
}

/* xorshift64*, Marsaglia's with a multiplier: good enough to shake packets about. */
uint32_t net_random(struct net *n, uint32_t bound)
{
	n->random ^= n->random >> 12;
	n->random ^= n->random << 25;
	n->random ^= n->random >> 27;
	return (uint32_t)((n->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % bound;
}

/* --- the heap of what is under way ------------------------------------------------------------- */

static bool sooner(const struct flight *a, const struct flight *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct flight *a, struct flight *b)
{
	struct flight c = *a;

	*a = *b;
	*b = c;
}

static void push(struct net *n, const struct flight *f)
{
	if (n->n == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 32;
		struct flight *more = realloc(n->flights, cap * sizeof(*more));
		if (!more)
			return; /* lost on the wire, which everything must bear */
		n->flights = more;
		n->cap = cap;
	}
	n->flights[n->n] = *f;
	n->flights[n->n].order = n->order++;
	for (size_t i = n->n++; i > 0 && sooner(&n->flights[i], &n->flights[(i - 1) / 2]);
		i = (i - 1) / 2)
		swap(&n->flights[i], &n->flights[(i - 1) / 2]);
}

struct flight net_take(struct net *n)
{
	struct flight first = n->flights[0];

	n->flights[0] = n->flights[--n->n];
	for (size_t i = 0;;) {
		size_t next = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n->n; child++)
			if (sooner(&n->flights[child], &n->flights[next]))
				next = child;
		if (next == i)
			break;
		swap(&n->flights[i], &n->flights[next]);
		i = next;
	}
	return first;
}

bool net_shuts_500(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *passed = arg;
	bool ok = f->esp || f->dst.port == 4500 || f->src.port == 4500;

	(void)n;
	(void)from;
	*passed += ok && !f->esp;
	return !ok;
}

bool net_deaf(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	(void)n;
	(void)f;
	return from == GATEWAY;
}

void net_lose_all(struct net *n)
{
	while (n->n) {
		struct flight f = net_take(n);
		free(f.data);
	}
}

uint64_t net_next(const struct net *n)
{
	return n->n ? n->flights[0].at : TIME_NEVER;
}

/* --- the wire ------------------------------------------------------------------------------------ */

static void print(const struct net *n, enum end from, const struct flight *f, const char *fate)
{
	struct ike_hdr h;
	char what[64] = "keepalive";

	if (!n->trace)
		return;
	if (f->esp)
		snprintf(what, sizeof(what), "ESP %08x", f->spi);
	else if (ike_hdr_read(&h, (struct bytes){ f->data, f->len }, NULL))
		snprintf(what, sizeof(what), "%s%s %u sa %02x%02x",
			name_find(exchange_names, h.exchange) ?
				name_find(exchange_names, h.exchange) :
				"?",
			h.flags & FLAG_RESPONSE ? " answer" : "", h.mid, h.spi_i[0], h.spi_r[0]);
	fprintf(stderr, "%8llu %s %-34s %5zu octets%s\n", (unsigned long long)n->now,
		from == CLIENT ? "client -->        " : "        <-- gateway", what, f->len, fate);
}

static void depart(struct net *n, enum end from, const struct flight *f)
{
	struct flight copy = *f;

	copy.at = n->now + n->cfg.delay + (n->cfg.jitter ? net_random(n, n->cfg.jitter + 1) : 0);
	if (n->cfg.reorder && net_random(n, 100) < n->cfg.reorder)
		copy.at += 2 * (n->cfg.delay + n->cfg.jitter);
	if (n->cfg.loss && net_random(n, 100) < n->cfg.loss) {
		print(n, from, f, ", lost");
		return;
	}
	print(n, from, f, "");
	copy.data = malloc(f->len ? f->len : 1);
	if (copy.data) {
		if (f->len)
			memcpy(copy.data, f->data, f->len);
		push(n, &copy);
	}
}

static void transmit(struct net *n, enum end from, struct flight *f)
{
	n->sent[from]++;
	if (n->tap && n->tap(n->tap_arg, n, from, f)) {
		print(n, from, f, ", taken");
		return;
	}
	depart(n, from, f);
	if (n->cfg.dup && net_random(n, 100) < n->cfg.dup)
		depart(n, from, f);
}

void net_send(struct net *n, enum end to, const struct addr *src, const struct addr *dst,
	const void *data, size_t len, uint64_t after)
{
	struct flight f = { .at = n->now + after,
		.to = to,
		.src = *src,
		.dst = *dst,
		.len = len,
		.data = malloc(len ? len : 1) };

	if (!f.data)
		return;
	memcpy(f.data, data, len);
	print(n, to == CLIENT ? GATEWAY : CLIENT, &f, ", forged");
	push(n, &f);
}

/* The address translator's one rule: 192.0.2.10:p is 203.0.113.7:p + 10000 outside. */
static const struct addr outside = { .family = FAMILY_V4, .ip = { 203, 0, 113, 7 } };
static const struct addr inside = { .family = FAMILY_V4, .ip = { 192, 0, 2, 10 } };

static void translate(struct flight *f)
{
	if (f->to == GATEWAY) {
		uint16_t port = f->src.port;
		f->src = outside;
		f->src.port = port + 10000;
	} else if (addr_same_host(&f->dst, &outside)) {
		uint16_t port = f->dst.port;
		f->dst = inside;
		f->dst.port = port - 10000;
	}
}

/* --- the data plane ------------------------------------------------------------------------------- */

const struct sa_spec *plane_find(const struct plane *p, enum sa_dir dir, uint32_t spi)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->sa[i]->dir == dir && p->sa[i]->spi == spi)
			return p->sa[i];
	return NULL;
}

size_t plane_count(const struct plane *p, enum sa_dir dir)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->sa[i]->dir == dir;
	return n;
}

/* True: it was. */
static bool plane_unexpect(struct plane *p, uint32_t spi)
{
	uint32_t *which = spi == p->expected ? &p->expected : &p->before;

	if (!spi || spi != *which)
		return false;
	*which = 0;
	return true;
}

static void plane_expect(struct plane *p, uint32_t spi)
{
	if (p->expected && p->expected != spi)
		p->before = p->expected;
	p->expected = spi;
}

static void plane_install(struct plane *p, const struct sa_spec *spec)
{
	p->installs++;
	if (spec->dir == SA_IN)
		plane_unexpect(p, spec->spi);
	if (plane_find(p, spec->dir, spec->spi) || p->n == PLANE_MAX) {
		p->errors++;
		return;
	}
	struct sa_spec *copy = malloc(sizeof(*copy));
	if (copy) {
		*copy = *spec;
		p->sa[p->n++] = copy;
	}
}

static void plane_remove(struct plane *p, const struct sa_ref *ref)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->sa[i]->dir == ref->dir && p->sa[i]->spi == ref->spi) {
			free(p->sa[i]);
			memmove(&p->sa[i], &p->sa[i + 1], (--p->n - i) * sizeof(p->sa[0]));
			return;
		}
	p->errors += ref->dir != SA_IN || !plane_unexpect(p, ref->spi);
}

static void plane_move(struct plane *p, const struct sa_move *to)
{
	for (size_t i = 0; i < p->n && !p->cannot_move; i++) {
		p->sa[i]->local = to->local;
		p->sa[i]->remote = to->remote;
	}
}

const struct sa_spec *plane_sends_by(const struct plane *p)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->sa[i]->dir == SA_OUT)
			return p->sa[i];
	return NULL;
}

void net_ping(struct net *n, enum end from)
{
	const struct sa_spec *sa = plane_sends_by(&n->plane[from]);
	struct flight f = { .to = from == CLIENT ? GATEWAY : CLIENT, .esp = true };

	if (!sa)
		return;
	f.spi = sa->spi;
	f.key = sa->encr_key;
	n->esp_sent++;
	depart(n, from, &f);
}

const struct sa_spec *net_open(struct net *n, enum end at, const struct flight *f)
{
	const struct sa_spec *sa = plane_find(&n->plane[at], SA_IN, f->spi);

	if (sa && sa->encr_key.len == f->key.len &&
		memcmp(sa->encr_key.data, f->key.data, f->key.len) == 0)
		return sa;
	if (f->spi == n->plane[at].expected) /* kept until it is installed */
		return NULL;
	n->esp_lost++;
	n->lost_at[at]++;
	return NULL;
}

void net_perform_one(struct net *n, enum end from, enum action_kind kind, const void *a)
{
	if (kind == ACT_SEND) {
		const struct send *s = a;
		struct flight f = { .to = from == CLIENT ? GATEWAY : CLIENT,
			.src = s->local,
			.dst = s->remote,
			.len = s->len,
			.data = (uint8_t *)s->data };
		if (n->cfg.nat)
			translate(&f);
		transmit(n, from, &f);
	} else if (kind == ACT_SA_EXPECT) {
		plane_expect(&n->plane[from], ((const struct sa_ref *)a)->spi);
	} else if (kind == ACT_SA_INSTALL) {
		plane_install(&n->plane[from], a);
	} else if (kind == ACT_SA_REMOVE) {
		plane_remove(&n->plane[from], a);
	} else if (kind == ACT_SA_MOVE) {
		plane_move(&n->plane[from], a);
	} else if (kind == ACT_KEYS) {
		if (n->keys[from].n < KEYS_TOLD_MAX)
			n->keys[from].v[n->keys[from].n++] = *(const struct keys *)a;
	}
}

void net_perform(struct net *n, enum end from, const struct outbox *ob)
{
	for (size_t i = 0; i < ob->n; i++)
		net_perform_one(n, from, ob->actions[i].kind, outbox_get(ob, i));
}
