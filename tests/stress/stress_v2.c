#include <stdlib.h>

#include "pair/pair.h"
#include "stress.h"

/*
 * An IKEv2 life: a login, rekeys of child and IKE SA, deletes, further children, questions whether the
 * other lives, and moves to another address, from both sides at any moment; and now and then the
 * IKE SA is left and resumed (RFC 5723). Then the network is
 * perfect for a while, after which both sides must have the same SAs and nothing else.
 */

static void move(struct pair *p)
{
	struct path path = p->path;

	if (!p->cfg.mobike || !p->gwc.mobike)
		return;
	p->path.local.ip[3] = path.local.ip[3] = (uint8_t)(10 + net_random(&p->net, 2));
	path.remote.port = p->client.v2->path.remote.port;
	(void)!v2_move(p->client.v2, p->net.now, &path, &p->ob);
	/* This is nothing, but lets it act. */
	pair_os(p, &(struct os_input){ .kind = OS_SEND_FAILED });
}

/* By a ticket that the gateway may not take any more, for it has just rekeyed the IKE SA. */
static void resume(struct pair *p)
{
	struct ike_view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	v2_view(p->client.v2, view);
	if (view->ticket_until > p->net.now && view->phase == IKE_UP) {
		pair_resume(p);
		pair_until(p, pair_decided, SECONDS(600));
	}
	free(view);
}

static void client_acts(struct pair *p)
{
	static const enum command commands[] = { CMD_REKEY_CHILD, CMD_REKEY_IKE, CMD_REKEY_ALL };
	const struct children *all = &p->client.v2->children;
	struct os_input in = { .kind = OS_RESUMED };
	uint32_t what = net_random(&p->net, p->cfg.resumption ? 7 : 6);

	if (what == 0 && all->n > 0) {
		in.kind = OS_SA_EXPIRING;
		in.spi = all->v[net_random(&p->net, (uint32_t)all->n)]->spi_in;
	}
	if (what <= 1)
		pair_os(p, &in);
	else if (what == 2)
		move(p);
	else if (what == 6)
		resume(p);
	else
		pair_try_command(p, commands[what - 3]);
}

/* Most gateways do one thing at a time, but what they want piles up behind a lost message. */
static void gateway_acts(struct pair *p, unsigned *deletes)
{
	static const unsigned wants[] = { GW_REKEY_CHILD, GW_REKEY_CHILD, GW_REKEY_IKE,
		GW_REKEY_IKE, GW_REKEY_CHILD | GW_REKEY_IKE, GW_NEW_CHILD, GW_DPD,
		GW_DELETE_CHILD };
	unsigned want = wants[net_random(&p->net, ARRAY_LEN(wants))];

	*deletes += want == GW_DELETE_CHILD;
	pair_gw(p, want);
}

static bool settled(const struct pair *p)
{
	const struct v2 *v = p->client.v2;
	bool calm = pair_quiet(p) && !p->gw.want;
	size_t sas = 0, gw_sas = 0;

	if (pair_dead(p))
		return true;
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		gw_sas += p->gw.sas[i] && p->net.now < p->gw.sas[i]->gone_at;
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		sas += v->sas[i] != NULL;
	for (size_t i = 0; i < v->children.n; i++) {
		const struct child *c = v->children.v[i];
		calm &= c->state == CHILD_UP && !c->held_out && !c->want_rekey;
	}
	for (size_t i = 0; i < p->gw.n_children; i++)
		calm &= p->gw.children[i]->state == GWC_UP && !p->gw.children[i]->held;
	return calm && sas == 1 && gw_sas == 1;
}

/* The gateway may wait for something to come by a child SA before it sends by that (section 2.8). */
static void use_all(struct pair *p)
{
	for (size_t i = 0; i < p->gw.n_children; i++)
		if (plane_find(&p->net.plane[CLIENT], SA_OUT, p->gw.children[i]->spi_in))
			gw_esp(&p->gw, p->net.now, p->gw.children[i]->spi_in, &p->ob);
	pair_gw(p, 0);
}

/* It may end before: where all copies of a message are lost, and where the gateway deletes the child SA that was
 * made for one that it had deleted, or has no ear for it before it would be too late. */
static bool died(struct pair *p, unsigned deletes)
{
	const struct err *why = client_failure(&p->client);
	bool lossy = p->wire.loss > 0;

	if (!pair_dead(p))
		return false;
	if (p->from && why->notify) {
		pair_check_dead(p, ERR_PEER, TICKET_NACK);
		return true;
	}
	if (why->kind == ERR_SILENT ?
			!lossy :
			deletes <= !lossy || !strstr(why->text, "deleted the tunnel's child SA"))
		fail_msg("it died: %s", why->text);
	pair_check_dead(p, why->kind, 0);
	return true;
}

static void life(struct pair *p)
{
	unsigned deletes = 0, n = 1 + net_random(&p->net, DEEDS_MAX);

	pair_until(p, pair_decided, SECONDS(600));
	for (unsigned i = 0; i < n && !died(p, deletes); i++) {
		if (net_random(&p->net, 2))
			client_acts(p);
		else
			gateway_acts(p, &deletes);
		pair_run(p, stress_pause(&p->net));
	}
	p->net.cfg = (struct net_config){ .delay = 20 };
	for (int i = 0; !pair_until(p, settled, SECONDS(1)); i++) {
		use_all(p);
		if (i == SETTLED_S)
			fail_msg("the two do not come to rest");
	}
	if (died(p, deletes))
		return;
	/* What the last move said goes for all of them: RFC 4555 section 3.5. */
	for (size_t i = 0; i < p->net.plane[GATEWAY].n; i++)
		p->net.plane[GATEWAY].sa[i]->encap = p->gw.encap;
	pair_check_up(p, p->gw.n_children);
	assert_true(p->gw.n_children > 0);
	bool ours = net_random(&p->net, 2);
	if (ours)
		pair_stop(p);
	else
		pair_gw(p, GW_DELETE_IKE);
	pair_run(p, SECONDS(30));
	pair_check_dead(p, ours ? ERR_NONE : ERR_PEER, 0);
	assert_int_equal(p->gw.phase, GW_CLOSED);
	assert_int_equal(p->net.plane[GATEWAY].n, 0);
}

void stress_v2(void **seed)
{
	struct pair p;

	pair_init(&p, *(const uint32_t *)*seed);
	stress_begin(&p.wire, &p.net);
	p.cfg.dpd_interval = stress_seconds(&p.net, 10);
	p.cfg.child_lifetime = stress_seconds(&p.net, 120);
	p.cfg.ike_lifetime = stress_seconds(&p.net, 180);
	p.esp = net_random(&p.net, 2) ? "aes128gcm16-x25519-noesn" : "aes128gcm16-noesn";
	p.gwc.esp = p.esp;
	p.cfg.mobike = net_random(&p.net, 2);
	p.gwc.mobike = net_random(&p.net, 2);
	p.gwc.fake_nat = net_random(&p.net, 4) == 0;
	p.ping_every = net_random(&p.net, 2) ? 150 : 0;
	if (net_random(&p.net, 3) == 0)
		pair_additional(&p);
	p.cfg.resumption = net_random(&p.net, 3) == 0;
	p.gwc.tickets = (enum gw_tickets)net_random(&p.net, 4);
	p.gwc.ticket_life = 60 + net_random(&p.net, 600);
	pair_start(&p);
	life(&p);
	pair_free(&p);
}
