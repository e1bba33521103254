#include "edge_private.h"

#include <string.h>

#include "crypto/alg.h"
#include "eap/eap.h"

/* Whoever has not answered for so long is far enough away for what takes a millisecond. */
enum { NEAR_MS = 3 };

/* Whether the gateway may choose MS-CHAPv2 for the login. */
static bool may_be_mschap(const struct profile *p)
{
	bool eap = memchr(p->eap, EAP_MSCHAPV2, p->n_eap) != NULL;

	for (size_t i = 0; p->type == CONN_L2TP && i < p->n_ppp_auth; i++)
		if (p->ppp_auth[i] == PPP_AUTH_MSCHAPV2 || (p->ppp_auth[i] == PPP_AUTH_EAP && eap))
			return true;
	return p->local_auth == LOCAL_EAP && eap;
}

/* Whether the answer may be about to come, which should not have to wait. If so it is time at warm_at. */
static bool is_near(struct edge *g)
{
	uint64_t now = clock_now();

	if (g->far_at == 0)
		g->far_at = now + NEAR_MS;
	if (now >= g->far_at)
		return false;
	g->warm_at = g->far_at;
	return true;
}

static void warm_up(struct edge *g, enum ike_wait wait)
{
	static const enum warm until[] = {
		[WAIT_CHOICE] = WARM_TABLES, [WAIT_KEYS] = WARM_TRUST, [WAIT_PROOF] = WARM_STEPS
	};
	const struct profile *p = g->profile;
	struct warm_for what = { .trust = p->trust, .mschap = may_be_mschap(p) };

	/* What has signed by now needs no warming. */
	if (wait != WAIT_PROOF)
		what.own = p->own_key;
	g->warm_at = TIME_NEVER;
	while (g->n_ready == 0 && g->warm < until[wait]) {
		if (g->warm == WARM_SIGNATURE && what.own && is_near(g))
			break;
		crypto_warm(g->warm++, &what);
		g->n_ready = loop_look(&g->loop, g->ready);
	}
}

/* It is told when it is needed why it cannot be made. */
static void try_dataplane(struct edge *g)
{
	struct err e;

	if (g->n_ready > 0 || g->dp || g->kernel || g->unready)
		return;
	g->unready = !edge_need_dataplane(g, &e);
	g->n_ready = loop_look(&g->loop, g->ready);
}

void edge_while_waiting(struct edge *g)
{
	enum ike_wait wait = session_idle(g->session);

	warm_up(g, wait);
	if (wait != WAIT_PROOF)
		return;
	try_dataplane(g);
	if (g->n_ready == 0 && g->profile->lan)
		host_foresee(g->host);
}
