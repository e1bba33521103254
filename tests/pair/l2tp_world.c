#include "l2tp_world.h"

#include <stdlib.h>

#include "base/types.h"

void set(struct world *w, const char *section, const char *key, const char *value)
{
	struct err e;

	assert_ok(&e, profile_set(w->profile, section, key, value, &e));
}

/* Of the profile only what has no default. */
struct world *world_default(uint32_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->profile = profile_new("test");
	assert_non_null(w->profile);
	set(w, "connection", "type", "l2tp");
	set(w, "connection", "gateway", "198.51.100.1");
	set(w, "secrets", "psk", "a shared key");
	set(w, "secrets", "user", "User");
	set(w, "secrets", "password", "clientPass");
	v1_pair_init(&w->pair, seed);
	behind_init(&w->behind, seed);
	w->behind.wire.delay = 20;
	w->pair.profile = w->profile;
	w->pair.behind = &w->behind;
	/* Its identity is its address, as the profile expects. */
	w->pair.gw_cfg.local_id = (struct identity){ .type = ID_NONE };
	w->pair.gw_cfg.mode = SA_TRANSPORT;
	w->pair.gw_cfg.pfs = TRI_NO;
	return w;
}

struct world *world_new(uint32_t seed)
{
	struct world *w = world_default(seed);

	set(w, "ike", "proposals", "aes256-sha1-ecp256");
	set(w, "connection", "security", "legacy");
	set(w, "esp", "proposals", "aes128-sha1");
	return w;
}

void world_start(struct world *w)
{
	struct profile_problem problems[4];

	if (profile_finish(w->profile, problems, ARRAY_LEN(problems)) > 0)
		fail_msg("%s.%s: %s", problems[0].section, problems[0].key, problems[0].err.text);
	v1_pair_connect(&w->pair);
}

/* Until L2TP's first message is on its way. */
void world_dials(struct world *w)
{
	struct profile_problem none;

	assert_int_equal(profile_finish(w->profile, &none, 1), 0);
	v1_pair_start(&w->pair);
	while (w->behind.calls == 0)
		v1_pair_run(&w->pair, 1);
}

void world_free(struct world *w)
{
	assert_int_equal(w->behind.clear, 0);
	v1_pair_free(&w->pair);
	profile_free(w->profile);
	free(w);
}

void check_up(struct world *w)
{
	struct status *st = calloc(1, sizeof(*st));
	char text[ADDR_TEXT_MAX];

	assert_non_null(st);
	session_status(w->pair.session, w->pair.net.now, st);
	if (st->state != STATE_UP)
		fail_msg("state %d: %s", st->state, st->last_error);
	assert_string_equal(st->type, "l2tp");
	assert_int_equal(st->children[0].mode, SA_TRANSPORT);
	assert_true(server_up(&w->behind.ppp));
	assert_true(w->behind.link.packets);
	assert_int_equal(st->n_addrs, 1);
	assert_string_equal(prefix_text(text, &st->addrs[0]), "10.10.1.2/32");
	assert_string_equal(addr_text(text, &st->dns[0]), "10.10.1.1");
	assert_in_range(st->mtu, 1200, 1420);
	assert_true(st->ppp.auth[0] && st->ppp.mru > 0);
	free(st);
}

void check_down(struct world *w, enum down_status status, const char *words)
{
	assert_int_equal(w->pair.downs, 1);
	if (w->pair.down.status != status || !strstr(w->pair.down.what, words))
		fail_msg("status %d: %s; wanted %d, \"%s\"", w->pair.down.status, w->pair.down.what,
			status, words);
	assert_int_equal(w->pair.net.plane[CLIENT].n, 0);
	assert_int_equal(w->behind.link.local_port, 0);
	assert_int_equal(w->pair.netconf.n_addrs, 0);
	if (status != DOWN_ASKED)
		assert_true(w->pair.down.said[0] && w->pair.down.advice[0]);
}
