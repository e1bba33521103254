#include "link.h"

#include <stdio.h>

#include "base/types.h"

static const uint8_t eap_methods[] = { EAP_MSCHAPV2, EAP_MD5 };

void link_init(struct link *k, uint32_t seed, enum server_auth auth)
{
	uint8_t octets[RNG_SEED_LEN] = { (uint8_t)seed, (uint8_t)(seed >> 8), 7 };

	memset(k, 0, sizeof(*k));
	rng_seed(&k->rng, octets);
	assert_true(passphrase_set(&k->password, "clientPass", 10));
	k->cfg = (struct ppp_config){ .user = "User",
		.password = &k->password,
		.n_auth = PPP_AUTHS,
		.auth = { PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP, PPP_AUTH_PAP, PPP_AUTH_EAP },
		.n_eap = ARRAY_LEN(eap_methods),
		.eap = eap_methods,
		.mru = 1400,
		.ipv4 = true,
		.echo_interval = SECONDS(30) };
	server_preset(&k->server_cfg, auth);
	wire_init(&k->wire, seed);
	outbox_init(&k->ob);
	k->think = 2000;
	k->now = 1000000;
	k->answer_at = TIME_NEVER;
}

static void take_actions(struct link *k)
{
	struct bytes frame;

	for (size_t i = 0; i < k->ob.n; i++) {
		const void *what = outbox_get(&k->ob, i);
		if (k->ob.actions[i].kind == ACT_ASK) {
			const struct ask *a = what;
			k->question = a->id;
			k->answer_at = k->now + k->think;
			snprintf(k->prompt, sizeof(k->prompt), "%s", a->prompt);
		} else if (k->ob.actions[i].kind == ACT_EVENT) {
			const struct event *e = what;
			if (e->kind == EV_WARNING)
				snprintf(k->notice, sizeof(k->notice), "%s", e->text);
		} else {
			fail_msg("action %d of a PPP link", k->ob.actions[i].kind);
		}
	}
	outbox_clear(&k->ob);
	while (ppp_output(k->ppp, &frame))
		wire_send(&k->wire, k->now, TO_SERVER, frame);
	while (server_output(&k->server, &frame))
		wire_send(&k->wire, k->now, TO_CLIENT, frame);
	ppp_view(k->ppp, &k->view);
}

void link_start(struct link *k)
{
	struct err e;

	k->ppp = ppp_new(&k->cfg, &k->rng, &e);
	if (!k->ppp)
		fail_msg("%s", e.text);
	server_init(&k->server, &k->server_cfg, k->wire.random);
	ppp_start(k->ppp, k->now, &k->ob);
	take_actions(k);
}

void link_free(struct link *k)
{
	ppp_free(k->ppp);
	outbox_free(&k->ob);
}

static void answer(struct link *k)
{
	const char *text = k->asked < ARRAY_LEN(k->answers) ? k->answers[k->asked] : NULL;
	struct passphrase p;

	k->answer_at = TIME_NEVER;
	k->asked++;
	assert_true(passphrase_set(&p, text ? text : "", text ? strlen(text) : 0));
	ppp_answer(k->ppp, k->now, k->question, text ? &p : NULL, &k->ob);
}

/* One step: to the next thing that happens, not beyond the end. */
static void step(struct link *k, uint64_t end)
{
	uint64_t dues[] = { ppp_deadline(k->ppp), server_deadline(&k->server), wire_next(&k->wire),
		k->answer_at };
	uint8_t data[WIRE_FRAME_MAX];
	uint64_t next = end;
	size_t len;
	int to;

	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		next = dues[i] < next ? dues[i] : next;
	k->now = next > k->now ? next : k->now;
	if (wire_take(&k->wire, k->now, &to, data, &len)) {
		if (to == TO_CLIENT)
			ppp_input(k->ppp, k->now, (struct bytes){ data, len }, &k->ob);
		else
			server_input(&k->server, k->now, (struct bytes){ data, len });
	} else if (k->now >= k->answer_at) {
		answer(k);
	} else {
		ppp_tick(k->ppp, k->now, &k->ob);
		server_tick(&k->server, k->now);
	}
	take_actions(k);
}

static bool settled(const struct link *k)
{
	return k->view.phase == PPP_DEAD ||
		(k->view.phase == PPP_UP && k->view.ipv4 && server_up(&k->server));
}

void link_settle(struct link *k, uint64_t ms)
{
	uint64_t end = k->now + ms;

	for (unsigned steps = 0; k->now < end && !settled(k); steps++) {
		if (steps > 100000)
			fail_msg("it goes on for ever");
		step(k, end);
	}
}

void link_run(struct link *k, uint64_t ms)
{
	uint64_t end = k->now + ms;

	take_actions(k);
	for (unsigned steps = 0; k->now < end; steps++) {
		if (steps > 100000)
			fail_msg("it goes on for ever");
		step(k, end);
	}
}

void link_connect(struct link *k)
{
	link_start(k);
	link_settle(k, 120000);
}

void link_check_dead(struct link *k, enum err_kind kind, const char *words)
{
	if (k->view.phase != PPP_DEAD || k->view.failure.kind != kind ||
		!strstr(k->view.failure.text, words))
		fail_msg("phase %d, failure %d: %s; wanted %d \"%s\"", k->view.phase,
			k->view.failure.kind, k->view.failure.text, kind, words);
	assert_int_equal(ppp_deadline(k->ppp), TIME_NEVER);
}

void link_check_up(struct link *k, const char *auth)
{
	char text[ADDR_TEXT_MAX];

	if (k->view.phase != PPP_UP)
		fail_msg("phase %d, failure: %s", k->view.phase, k->view.failure.text);
	assert_true(server_up(&k->server));
	assert_string_equal(k->view.auth, auth);
	assert_string_equal(addr_text(text, &k->view.local), "10.10.1.2");
	assert_string_equal(addr_text(text, &k->view.remote), "10.10.1.1");
	assert_true(k->view.n_dns >= 1);
	assert_string_equal(addr_text(text, &k->view.dns[0]), "10.10.1.1");
}
