#include "resuming.h"

#include <stdlib.h>

#include "../../src/session/state.h"

struct resuming *resuming_new(bool eap)
{
	struct resuming *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->profile = profile_trusting(eap ? profile_eap() : profile_psk());
	if (eap)
		whole_begin_eap(&w->p, w->profile);
	else
		whole_begin(&w->p, w->profile, 41);
	w->p.gwc.tickets = GW_TICKETS;
	return w;
}

void resuming_free(struct resuming *w)
{
	whole_finish(&w->p, w->profile);
	free(w);
}

void resuming_up(struct resuming *w)
{
	pair_connect(&w->p);
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
}

static bool lost(const struct pair *p)
{
	return p->events[EV_RECONNECTING] > 0;
}

void resuming_lose(struct resuming *w, bool remembers)
{
	net_tap *tap = w->p.net.tap;
	void *arg = w->p.net.tap_arg;

	w->p.events[EV_RECONNECTING] = 0;
	pair_tap(&w->p, net_deaf, NULL);
	assert_true(pair_until(&w->p, lost, SECONDS(200)));
	if (!remembers)
		w->p.gw.issued.ticket_len = 0;
	pair_tap(&w->p, tap, arg);
	pair_run(&w->p, SECONDS(10));
}

void resuming_check(struct resuming *w, unsigned resumes)
{
	struct pair *p = &w->p;

	assert_int_equal(client_phase(&p->client), IKE_UP);
	assert_int_equal(p->gw.resumes, resumes);
	assert_true(p->client.v2->resumed);
	assert_null(p->client.session->resume.from); /* used */
	pair_check_up(p, 1);
}
