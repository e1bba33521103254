#include "relogin.h"

#include <stdlib.h>

#include "../../src/session/state.h"
#include "people.h"

#define LIFETIME_NOTIFY "0000401300000258" /* LIFE */

static void ask_for_logins(struct pair *p)
{
	p->twice = true;
	p->gwc.edits[0] = (struct edit){ .exchange = IKE_AUTH,
		.any_mid = true,
		.op = EDIT_ADD,
		.payload = PAYLOAD_N,
		.hex = LIFETIME_NOTIFY };
}

struct relogin *relogin_new(bool eap)
{
	struct relogin *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->profile = profile_trusting(eap ? profile_eap() : profile_psk());
	if (eap)
		whole_begin_eap(&w->p, w->profile);
	else
		whole_begin(&w->p, w->profile, 71);
	ask_for_logins(&w->p);
	return w;
}

void relogin_free(struct relogin *w)
{
	whole_finish(&w->p, w->profile);
	free(w);
}

/* Until so many seconds after the tunnel came up. */
void relogin_to(struct relogin *w, uint64_t seconds)
{
	uint64_t at = w->since + SECONDS(seconds);

	assert_true(at >= w->p.net.now);
	pair_run(&w->p, at - w->p.net.now);
}

/* From here on packets go both ways all the time. */
void relogin_ping(struct relogin *w)
{
	w->p.ping_every = 10;
	w->p.ping_at = w->p.net.now;
}

void relogin_up(struct relogin *w)
{
	pair_connect(&w->p);
	assert_int_equal(client_phase(&w->p.client), IKE_UP);
	w->since = w->p.net.now;
	relogin_to(w, LIFE - LEAD - 5);
	relogin_ping(w);
}

/* Nothing broke, and one tunnel is there, to that gateway. */
void relogin_check(struct relogin *w, const struct gateway *to, unsigned logins)
{
	struct pair *p = &w->p;
	struct status *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	assert_int_equal(client_phase(&p->client), IKE_UP);
	assert_int_equal(p->events[EV_UP], 1);
	assert_int_equal(p->events[EV_LOST], 0);
	assert_int_equal(p->events[EV_RECONNECTING], 0);
	assert_int_equal(p->resolves, 1);
	assert_int_equal(p->net.esp_lost, 0);
	for (int e = 0; e < ENDS; e++) {
		assert_int_equal(p->net.plane[e].errors, 0);
		assert_int_equal(plane_count(&p->net.plane[e], SA_IN), 1);
		assert_int_equal(plane_count(&p->net.plane[e], SA_OUT), 1);
	}
	assert_int_equal(to->phase, GW_UP);
	assert_int_equal((to == &p->gw ? &p->other : &p->gw)->phase, GW_CLOSED);
	assert_memory_equal(p->client.v2->sa->spi_i, to->sa->spi_i, IKE_SPI_LEN);
	assert_null(p->client.session->reauth.next);
	assert_null(p->client.session->reauth.old);
	session_status(p->client.session, p->net.now, st);
	assert_int_equal(st->state, STATE_UP);
	assert_int_equal(st->up_for, (p->net.now - w->since) / 1000);
	assert_int_equal(st->reconnects, 0);
	assert_true(st->rekeys_ike >= logins && st->rekeys_child >= logins);
	assert_true(st->ike.reauth_in > LIFE - LEAD - 60);
	assert_string_equal(st->last_error, "");
	free(st);
}

void relogin_stop(struct relogin *w)
{
	pair_stop(&w->p);
	assert_null(w->p.client.session->reauth.next); /* it asks nobody any more */
	pair_run(&w->p, SECONDS(5));
	assert_int_equal(w->p.down.status, DOWN_ASKED);
	assert_int_equal(w->p.net.plane[CLIENT].n, 0);
	assert_int_equal(w->p.net.plane[CLIENT].errors, 0);
	assert_int_not_equal(w->p.gw.phase, GW_UP);
	assert_int_not_equal(w->p.other.phase, GW_UP);
}
