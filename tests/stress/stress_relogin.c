#include "../../src/session/state.h"
#include "pair/people.h"
#include "pair/relogin.h"
#include "stress.h"

/*
 * The life of a session whose gateway wants a new login every ten minutes (AUTH_LIFETIME): the logins come about, or not,
 * while both sides rekey, the machine moves, the data plane is full, the gateway lets in nobody, gives another address or
 * closes the connection, and whoever is to type the password takes his time. Then all is well for a while, after which
 * there must be one tunnel and nothing else.
 */

enum { LOGINS = 5, CALM_S = 1500 };

static struct gateway *up_at(struct pair *p)
{
	return p->other.phase == GW_UP && net_random(&p->net, 2) ? &p->other : &p->gw;
}

static void gateway_acts(struct pair *p)
{
	static const unsigned wants[] = { GW_REKEY_CHILD, GW_REKEY_IKE, GW_DPD,
		GW_REKEY_CHILD | GW_REKEY_IKE };
	bool closes = net_random(&p->net, 16) == 0;
	struct gateway *g = up_at(p);

	if (g->phase == GW_UP)
		pair_gw_at(p, g,
			closes ? GW_DELETE_IKE : wants[net_random(&p->net, ARRAY_LEN(wants))]);
}

static void move(struct pair *p)
{
	struct os_input in = { .kind = OS_PATH_CHANGED, .n_paths = 1 };

	p->path.local.ip[3] = (uint8_t)(10 + net_random(&p->net, 2));
	in.paths[0] = p->path;
	pair_os(p, &in);
}

static void answer(struct pair *p)
{
	struct passphrase password;

	passphrase_set(&password, p->password, strlen(p->password));
	if (p->client.session->question)
		pair_answer(p, p->client.session->question, &password);
}

static void client_acts(struct pair *p)
{
	static const enum command commands[] = { CMD_REKEY_CHILD, CMD_REKEY_IKE, CMD_REKEY_ALL };
	struct session *s = p->client.session;
	uint32_t what = net_random(&p->net, 16);

	if (what < ARRAY_LEN(commands))
		pair_try_command(p, commands[what]);
	else if (what == ARRAY_LEN(commands) && net_random(&p->net, 8) == 0)
		pair_try_command(p, CMD_RECONNECT);
	else if (what < 6)
		move(p);
	else if (what < 8)
		pair_os(p, &(struct os_input){ .kind = OS_RESUMED });
	else if (what < 10)
		p->mute = !p->mute;
	else if (what < 11 && s->phase == PHASE_UP && !s->reauth.next)
		passphrase_wipe(&s->password);
	else
		answer(p);
}

static void world_acts(struct pair *p)
{
	static const char *const addresses[] = { "10.1.2.3", "10.1.2.4", "127.0.0.1" };
	const struct session *s = p->client.session;
	bool up = s->phase == PHASE_UP;

	p->full = s->reauth.next && net_random(&p->net, 4) == 0;
	p->gwc.refuse_last = up && net_random(&p->net, 6) == 0 ? AUTHENTICATION_FAILED : 0;
	p->gwc.address = addresses[net_random(&p->net, up ? 3 : 2)];
}

static bool calm(const struct pair *p)
{
	const struct session *s = p->client.session;

	return client_phase(&p->client) == IKE_DEAD ||
		(s->phase == PHASE_UP && !s->reauth.next && !s->reauth.old && pair_quiet(p) &&
			s->engine->v2->children.n == 1);
}

static bool due(const struct pair *p)
{
	const struct session *s = p->client.session;

	return client_phase(&p->client) == IKE_DEAD ||
		(s->phase == PHASE_UP && s->view.reauth_at < p->net.now + 1000);
}

/* All is well again, and whoever was asked has come back. */
static void relent(struct pair *p)
{
	p->full = p->mute = false;
	p->gwc.refuse_last = 0;
	p->gwc.address = "10.1.2.3";
	for (int i = 0; i < 20; i++, pair_run(p, SECONDS(2)))
		answer(p);
}

static void live(struct pair *p)
{
	for (int logins = 0; logins < LOGINS; logins++) {
		if (!pair_until(p, due, SECONDS(CALM_S)))
			fail_msg("it is never time to log in");
		uint32_t deeds = net_random(&p->net, DEEDS_MAX);
		while (deeds-- > 0 && client_phase(&p->client) != IKE_DEAD) {
			uint32_t who = net_random(&p->net, 8);
			if (who == 0)
				world_acts(p);
			else if (who <= 2)
				gateway_acts(p);
			else
				client_acts(p);
			pair_run(p, stress_pause(&p->net) / 4);
		}
		relent(p);
	}
	p->net.cfg = (struct net_config){ .delay = 20 };
	relent(p);
}

static void check(struct pair *p)
{
	const struct session *s = p->client.session;

	assert_int_equal(p->net.plane[CLIENT].errors, 0);
	if (s->phase == PHASE_DOWN) { /* it was refused again and again, here or there */
		assert_true(p->down.status == DOWN_LOST || p->down.status == DOWN_MACHINE);
		assert_int_equal(p->net.plane[CLIENT].n, 0);
		return;
	}
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 1);
	const struct sa_spec *out = plane_sends_by(&p->net.plane[CLIENT]);
	assert_true(out && plane_find(&p->net.plane[GATEWAY], SA_IN, out->spi));
	assert_int_equal(p->netconf.n_addrs, 1);
	pair_stop(p);
	pair_run(p, SECONDS(5));
	assert_int_equal(p->down.status, DOWN_ASKED);
	assert_int_equal(p->net.plane[CLIENT].n, 0);
	assert_int_equal(p->net.plane[CLIENT].errors, 0);
}

void stress_relogin(void **seed)
{
	struct relogin *w = relogin_new(true);
	struct pair *p = &w->p;

	p->wire.seed = *(const uint32_t *)*seed;
	stress_begin(&p->wire, &p->net);
	w->profile->mobike = net_random(&p->net, 2);
	p->gwc.mobike = net_random(&p->net, 2);
	p->plain_esp = net_random(&p->net, 2);
	pair_connect(p);
	if (client_phase(&p->client) == IKE_UP) {
		live(p);
		if (!pair_until(p, calm, SECONDS(CALM_S)))
			fail_msg("the two do not come to rest");
		check(p);
	}
	relogin_free(w);
	people_free();
}
