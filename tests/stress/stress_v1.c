#include "pair/v1_pair.h"
#include "stress.h"

/*
 * An IKEv1 life: like that of IKEv2, but for what IKEv1 does not have. A delete is sent once and not answered:
 * where it is lost, or comes before what it is about, the two do not agree, and may not notice for long.
 */

static void client_acts(struct v1_pair *p)
{
	static const enum command commands[] = { CMD_REKEY_CHILD, CMD_REKEY_IKE, CMD_REKEY_ALL };
	uint32_t what = net_random(&p->net, 4);

	if (what == ARRAY_LEN(commands))
		v1_os(p->client, p->net.now, &(struct os_input){ .kind = OS_RESUMED }, &p->ob);
	else if (p->client->phase == IKE_UP)
		v1_pair_command(p, commands[what]);
}

/* It has no timers of its own. */
static void forget_replaced(struct v1_pair *p)
{
	struct v1 *gw = p->gw;

	gw->now = p->net.now;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (gw->sas[i] && gw->sas[i] != gw->sa && gw->now >= gw->sas[i]->gone_at) {
			v1_delete_sa(gw, gw->sas[i], &p->ob);
			v1_sa_drop(gw, gw->sas[i]);
		}
	v1_pair_perform_gw(p);
}

static void gateway_acts(struct v1_pair *p, unsigned *deletes)
{
	struct v1 *gw = p->gw;
	struct v1_sa *sa = gw->sa;
	uint32_t n = (uint32_t)gw->children.n;
	struct child *c = n ? gw->children.v[net_random(&p->net, n)] : NULL;
	struct err e;

	forget_replaced(p);
	if (!sa || !c || sa->state != V1_UP || c->state != CHILD_UP)
		return;
	switch (net_random(&p->net, 5)) {
	case 0:
		assert_ok(&e, v1_quick_send(gw, sa, c, NULL, &p->ob, &e));
		break;
	case 1:
		if (!p->login) /* with a login only we can renew phase 1 */
			assert_ok(&e, v1_phase1_begin(gw, false, &p->ob, &e));
		break;
	case 2:
		v1_delete_child(gw, sa, c, &p->ob);
		child_linger(c, gw->now, &p->ob);
		++*deletes;
		break;
	case 3:
		v1_delete_sa(gw, sa, &p->ob);
		v1_sa_drop(gw, sa);
		++*deletes;
		break;
	case 4:
		v1_dpd_send(gw, sa, &p->ob);
		break;
	}
	v1_pair_perform_gw(p);
}

static bool settled(const struct v1_pair *p)
{
	const struct v1 *v = p->client;
	bool calm = p->net.n == 0 && v->sa && !v->want_renewal && v->phase == IKE_UP;

	if (v->phase == IKE_DEAD)
		return true;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		calm &= !v->sas[i] || v->sas[i] == v->sa;
	for (size_t i = 0; i < V1_XCHGS_MAX; i++)
		calm &= !v->xchgs[i] || !v->xchgs[i]->waiting;
	for (size_t i = 0; i < v->children.n; i++) {
		const struct child *c = v->children.v[i];
		calm &= (c->state == CHILD_UP || c->state == CHILD_REPLACED) && !c->want_rekey &&
			!c->held_out;
	}
	return calm;
}

/* It may end before: where all copies of a message are lost, and after a delete; but a child SA that is deleted is
 * made anew at first. */
static bool died(const struct v1_pair *p, unsigned deletes)
{
	const struct err *why = &p->client->failure;

	if (p->client->phase != IKE_DEAD)
		return false;
	if (why->kind == ERR_SILENT ?
			p->wire.loss == 0 && (!deletes || !p->wire.jitter) :
			deletes <= (strstr(why->text, "deleted the tunnel's child SA") != NULL))
		fail_msg("it died: %s", why->text);
	v1_pair_check_dead(p, why->kind, 0);
	return true;
}

/* The gateway's half of the client's phase 1. Where both renewed it at once each takes its own for the newest and
 * deletes the other's in the end, which may not be heard of. */
static struct v1_sa *known(const struct v1_pair *p)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (p->gw->sas[i] &&
			memcmp(p->gw->sas[i]->cky_r, p->client->sa->cky_r, IKE_SPI_LEN) == 0)
			return p->gw->sas[i];
	return NULL;
}

static void life(struct v1_pair *p)
{
	unsigned deletes = 0, n = 1 + net_random(&p->net, DEEDS_MAX);

	v1_pair_connect(p);
	p->cfg.xauth = false; /* which the gateway's own phase 1 knows nothing of */
	for (unsigned i = 0; i < n && !died(p, deletes); i++) {
		if (net_random(&p->net, 2))
			client_acts(p);
		else
			gateway_acts(p, &deletes);
		v1_pair_run(p, stress_pause(&p->net));
	}
	p->net.cfg = (struct net_config){ .delay = 20 };
	for (int i = 0; !v1_pair_until(p, settled, SECONDS(1)); i++)
		if (i == SETTLED_S)
			fail_msg("the two do not come to rest");
	if (died(p, deletes))
		return;
	if (deletes == 0 || p->wire.loss + p->wire.jitter == 0) {
		p->gw->sa = known(p);
		assert_true(p->gw->sa || p->wire.loss > 0);
		if (p->gw->sa)
			v1_pair_check_up(p, 1);
	}
	v1_stop(p->client, p->net.now, &p->ob);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_dead(p, ERR_NONE, 0);
}

void stress_v1(void **seed)
{
	struct v1_pair *p = v1_pair_new(*(const uint32_t *)*seed);

	stress_begin(&p->wire, &p->net);
	p->login = net_random(&p->net, 2);
	p->cfg.dpd_interval = stress_seconds(&p->net, 10);
	p->cfg.child_lifetime = stress_seconds(&p->net, 120);
	p->cfg.ike_lifetime = stress_seconds(&p->net, 180);
	life(p);
	v1_pair_done(p);
}
