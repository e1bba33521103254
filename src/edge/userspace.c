#include <stdlib.h>
#include <string.h>

#include "userspace.h"

enum { SPI_MIN = 256 }; /* below it they are reserved (RFC 4303 section 2.1) */

struct userspace *userspace_of(struct dataplane *dp)
{
	return (struct userspace *)dp;
}

/* --- the tables ------------------------------------------------------------------------------ */

static struct us_table *table_of(struct userspace *us, enum sa_dir dir)
{
	return dir == SA_IN ? &us->in : &us->out;
}

static uint32_t spi_of(const struct us_sa *sa)
{
	return esp_spec(sa->esp)->spi;
}

/* The first inbound SA whose SPI is not less. */
static size_t find_place(const struct us_table *in, uint32_t spi)
{
	size_t lo = 0, hi = in->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (spi_of(&in->sa[mid]) < spi)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct us_sa *find_sa(struct userspace *us, enum sa_dir dir, uint32_t spi)
{
	struct us_table *t = table_of(us, dir);
	size_t i = 0;

	if (dir == SA_IN)
		i = find_place(t, spi);
	else
		while (i < t->n && spi_of(&t->sa[i]) != spi)
			i++;
	return i < t->n && spi_of(&t->sa[i]) == spi ? &t->sa[i] : NULL;
}

struct us_sa *userspace_inbound(struct userspace *us, uint32_t spi)
{
	return find_sa(us, SA_IN, spi);
}

static bool us_install(struct dataplane *dp, const struct sa_spec *spec, struct err *e)
{
	struct userspace *us = userspace_of(dp);
	struct us_table *t = table_of(us, spec->dir);

	if (!spec->encap)
		return err_set(
			e, ERR_LOCAL, "the userspace data plane carries ESP only inside UDP");
	if (spec->spi < SPI_MIN || find_sa(us, spec->dir, spec->spi))
		return err_set(e, ERR_BUG, "SPI %08x is taken or reserved", spec->spi);
	if (t->n == USERSPACE_SAS)
		return err_set(e, ERR_LOCAL, "there are %zu ESP SAs already", t->n);
	struct esp_sa *esp = esp_new(spec, &us->rng, e);
	if (!esp)
		return err_ctx(e, "installing SPI %08x", spec->spi);

	size_t at = spec->dir == SA_IN ? find_place(t, spec->spi) : 0;
	memmove(&t->sa[at + 1], &t->sa[at], (t->n - at) * sizeof(t->sa[0]));
	t->sa[at] = (struct us_sa){ .esp = esp };
	t->n++;
	if (spec->dir == SA_IN)
		userspace_esp_early(us, &t->sa[at]);
	return true;
}

static void us_expect(struct dataplane *dp, const struct sa_ref *ref)
{
	early_expect(&userspace_of(dp)->early, ref->spi);
}

static void us_remove(struct dataplane *dp, const struct sa_ref *ref)
{
	struct userspace *us = userspace_of(dp);
	struct us_table *t = table_of(us, ref->dir);
	struct us_sa *sa = find_sa(us, ref->dir, ref->spi);

	if (ref->dir == SA_IN)
		early_forget(&us->early, ref->spi);
	if (!sa)
		return;
	us->to_tell -= (size_t)sa->tell_used + sa->tell_expiring + sa->tell_expired;
	esp_free(sa->esp);
	t->n--;
	memmove(sa, sa + 1, (size_t)(&t->sa[t->n] - sa) * sizeof(*sa));
}

static bool us_move(struct dataplane *dp, const struct sa_move *to)
{
	for (enum sa_dir dir = SA_IN; dir <= SA_OUT; dir++) {
		struct us_table *t = table_of(userspace_of(dp), dir);
		for (size_t i = 0; i < t->n; i++)
			esp_move(t->sa[i].esp, &to->local, &to->remote);
	}
	return true;
}

static bool us_counters(
	struct dataplane *dp, enum sa_dir dir, uint32_t spi, struct sa_counters *out)
{
	const struct us_sa *sa = find_sa(userspace_of(dp), dir, spi);

	if (!sa)
		return false;
	const struct esp_counters *c = esp_counters(sa->esp);
	*out = (struct sa_counters){
		.bytes = c->bytes,
		.packets = c->packets,
		.replay_drops = c->verdicts[ESP_REPLAYED],
		.integrity_failures = c->verdicts[ESP_NOT_AUTHENTIC],
		.left = dir == SA_OUT ? esp_left(sa->esp) : UINT64_MAX,
	};
	return true;
}

static void us_drops(struct dataplane *dp, struct dataplane_drops *out)
{
	struct userspace *us = userspace_of(dp);

	*out = us->drops;
	out->tun_errors = us->tun.errors;
	out->not_sent = us->burst.drops;
}

static void us_set_mtu(struct dataplane *dp, uint16_t mtu)
{
	userspace_of(dp)->mtu = mtu;
}

/* --- events ---------------------------------------------------------------------------------- */

void userspace_used(struct userspace *us, struct us_sa *sa)
{
	us->inbound = true;
	if (sa->used)
		return;
	sa->used = sa->tell_used = true;
	us->to_tell++;
}

void userspace_expiring(struct userspace *us, struct us_sa *sa)
{
	if (!sa->expiring && esp_expiring(sa->esp)) {
		sa->expiring = sa->tell_expiring = true;
		us->to_tell++;
	}
	if (sa->expiring && !sa->expired && esp_spec(sa->esp)->dir == SA_OUT &&
		esp_left(sa->esp) == 0) {
		sa->expired = sa->tell_expired = true;
		us->to_tell++;
	}
}

static bool tell(
	struct userspace *us, struct us_sa *sa, bool *flag, enum os_kind kind, struct os_input *out)
{
	if (!*flag)
		return false;
	*flag = false;
	us->to_tell--;
	*out = (struct os_input){ .kind = kind, .ok = true, .spi = spi_of(sa) };
	return true;
}

static bool us_next_event(struct dataplane *dp, struct os_input *out)
{
	struct userspace *us = userspace_of(dp);

	if (us->inbound) {
		us->inbound = false;
		*out = (struct os_input){ .kind = OS_INBOUND, .ok = true };
		return true;
	}
	for (enum sa_dir dir = SA_IN; us->to_tell > 0 && dir <= SA_OUT; dir++) {
		struct us_table *t = table_of(us, dir);
		for (size_t i = 0; i < t->n; i++) {
			struct us_sa *sa = &t->sa[i];
			if (tell(us, sa, &sa->tell_used, OS_SA_USED, out) ||
				tell(us, sa, &sa->tell_expiring, OS_SA_EXPIRING, out) ||
				tell(us, sa, &sa->tell_expired, OS_SA_EXPIRED, out))
				return true;
		}
	}
	return false;
}

static bool us_l2tp_link(
	struct dataplane *dp, const struct l2tp_link *link, bool *port_taken, struct err *e)
{
	struct userspace *us = userspace_of(dp);

	(void)port_taken;
	(void)e;
	carry_set(&us->carry, link);
	if (!carry_on(&us->carry))
		wipe(&us->inbox, sizeof(us->inbox));
	return true;
}

static size_t us_fds(struct dataplane *dp, int fds[DATAPLANE_FDS])
{
	fds[0] = userspace_of(dp)->tun.fd;
	return 1;
}

/* --- making one ------------------------------------------------------------------------------ */

/* Each packet goes through here, so everything is known already. */
static void us_look(struct dataplane *dp)
{
	(void)dp;
}

static void us_free(struct dataplane *dp)
{
	struct userspace *us = userspace_of(dp);

	for (enum sa_dir dir = SA_IN; dir <= SA_OUT; dir++)
		for (size_t i = 0; i < table_of(us, dir)->n; i++)
			esp_free(table_of(us, dir)->sa[i].esp);
	early_clear(&us->early);
	wipe(us, sizeof(*us)); /* the generator, and what was on its way in clear */
	free(us);
}

struct dataplane *userspace_new(
	int tun, struct udp *udp, const uint8_t seed[RNG_SEED_LEN], struct err *e)
{
	static const struct dataplane_ops ops = {
		.name = "userspace",
		.expect = us_expect,
		.install = us_install,
		.remove = us_remove,
		.move = us_move,
		.counters = us_counters,
		.drops = us_drops,
		.set_mtu = us_set_mtu,
		.esp_input = userspace_esp_input,
		.fds = us_fds,
		.tun_input = userspace_tun_input,
		.waits = userspace_waits,
		.look = us_look,
		.l2tp_link = us_l2tp_link,
		.l2tp_send = userspace_l2tp_send,
		.l2tp_next = userspace_l2tp_next,
		.next_event = us_next_event,
		.free = us_free,
	};
	struct userspace *us = calloc(1, sizeof(*us));

	if (!us) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	us->dp.ops = &ops;
	us->udp = udp;
	tunio_init(&us->tun, tun, TUN_ALL);
	burst_start(&us->burst, udp_offloads(udp, UDP_ALL) & UDP_SEGMENTS);
	rng_seed(&us->rng, seed);
	return &us->dp;
}

void userspace_offloads(struct dataplane *dp, unsigned tun, unsigned udp)
{
	struct userspace *us = userspace_of(dp);

	tunio_init(&us->tun, us->tun.fd, tun);
	burst_start(&us->burst, udp_offloads(us->udp, udp) & UDP_SEGMENTS);
	us->run.count = us->run_at = 0;
}
