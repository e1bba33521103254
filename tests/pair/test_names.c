/*
 * What the gateway is called (IDr of IKE_AUTH), and gateways that do not go by that.
 */
#include <stdlib.h>

#include "ike/id.h"
#include "pair.h"
#include "people.h"
#include "profiles.h"

struct heard { /* by the gateway: requests that begin IKE_AUTH, and IDr in the last, type 0 for none */
	unsigned n;
	int type;
	struct identity id;
};

static void hear_idr(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	struct payloads *p = malloc(sizeof(*p));
	uint8_t inner, unknown;
	struct err e;
	struct heard *h = arg;

	assert_non_null(p);
	if (!sent && !response && exchange == IKE_AUTH &&
		payloads_read(p, first, chain, &inner, &unknown, &e)) {
		const struct payload *idr = payload_find(p, PAYLOAD_IDr);
		h->id = (struct identity){ .type = ID_NONE };
		assert_true(!idr || id_read(&h->id, idr->body, &e));
		h->type = h->id.type;
		h->n++;
	}
	free(p);
}

/* Both know the same key, whatever names they have. id and send as in the profile, id NULL: not set. */
static struct profile *calls(const char *gateway, const char *id, const char *send)
{
	const struct setting settings[] = {
		{ "connection", "gateway", gateway },
		{ "remote", "auth", "psk" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
		{ "ike", "send-remote-id", send },
		{ "remote", "id", id },
	};

	return profile_of(settings, ARRAY_LEN(settings) - (id == NULL));
}

static void start(struct pair *p, const struct profile *profile, struct heard *h)
{
	*h = (struct heard){ 0 };
	p->profile = profile;
	pair_start(p);
	p->gw.hear = hear_idr;
	p->gw.hear_arg = h;
}

static void connect_to(struct pair *p, const struct profile *profile, struct heard *h)
{
	start(p, profile, h);
	pair_run(p, SECONDS(3));
}

static void names_the_gateway(void **state)
{
	static const struct {
		const char *gateway, *id, *send;
		int type;
	} rows[] = {
		{ "198.51.100.1", NULL, "auto", 0 },
		{ "198.51.100.1", NULL, "yes", ID_IPV4_ADDR },
		{ "198.51.100.1", "198.51.100.1", "auto", ID_IPV4_ADDR },
		{ "198.51.100.1", "gw.example.org", "no", 0 },
		{ "gw.example.org", NULL, "auto", ID_FQDN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile = calls(rows[i].gateway, rows[i].id, rows[i].send);
		struct pair p;
		struct heard h;
		pair_init(&p, 30);
		p.gwc.id = rows[i].id ? rows[i].id : rows[i].gateway;
		connect_to(&p, profile, &h);
		assert_int_equal(client_phase(&p.client), IKE_UP);
		assert_int_equal(h.n, 1);
		if (h.type != rows[i].type)
			fail_msg("row %zu: an IDr of type %d", i, h.type);
		pair_free(&p);
		profile_free(profile);
	}
}

/* The dot is the resolver's, who then looks nowhere else; nobody is called so. */
static void an_absolute_name(void **state)
{
	struct profile *profile = calls("gw.example.org.", NULL, "auto");
	char name[ID_TEXT_MAX];
	struct pair p;
	struct heard h;

	(void)state;
	pair_init(&p, 30);
	p.gwc.id = "gw.example.org";
	connect_to(&p, profile, &h);
	assert_string_equal(id_text(name, &h.id), "gw.example.org");
	assert_int_equal(client_phase(&p.client), IKE_UP);
	pair_free(&p);
	profile_free(profile);
}

/* It has nothing that goes by the name which its users type, but proves what it has to. The next time it is not
 * called by that at once. */
static void goes_by_another_name(void **state)
{
	struct profile *profile = calls("gw.example.org", NULL, "auto");
	struct pair p;
	struct heard h;

	(void)state;
	pair_init(&p, 30);
	p.gwc.id = "office.example.org";
	p.gwc.own_name_only = true;
	connect_to(&p, profile, &h);
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.type, 0);
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(10));
	assert_int_equal(client_phase(&p.client), IKE_UP);
	assert_int_equal(p.events[EV_UP], 2);
	assert_int_equal(h.n, 3);
	pair_free(&p);
	profile_free(profile);
}

/* Why it ends, where the name is not the reason or not the only one. */
static void refused_all_the_same(void **state)
{
	static const struct {
		const char *id, *send, *gw_id, *psk, *what;
		enum down_status status;
		unsigned n;
	} rows[] = {
		/* not who the profile says */
		{ "gw.example.org", "auto", "office.example.org", "a long shared key of both",
			"office.example.org", DOWN_NOT_THE_GATEWAY, 2 },
		/* the key is wrong, and it never sees another name */
		{ NULL, "auto", "gw.example.org", "another key", "AUTHENTICATION_FAILED",
			DOWN_NOT_ACCEPTED, 2 },
		/* the user wants it called so */
		{ NULL, "yes", "office.example.org", "a long shared key of both",
			"AUTHENTICATION_FAILED", DOWN_NOT_ACCEPTED, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile = calls("gw.example.org", rows[i].id, rows[i].send);
		struct pair p;
		struct heard h;
		pair_init(&p, 30);
		p.gwc.id = rows[i].gw_id;
		p.gwc.own_name_only = true;
		p.gwc.psk = rows[i].psk;
		connect_to(&p, profile, &h);
		assert_int_equal(p.downs, 1);
		if (p.down.status != rows[i].status || !strstr(p.down.what, rows[i].what) ||
			h.n != rows[i].n)
			fail_msg("row %zu: status %d after %u, %s", i, p.down.status, h.n,
				p.down.what);
		pair_free(&p);
		profile_free(profile);
	}
}

/* ... and silence that follows is not what is told. */
static bool swallow_second(void *arg, struct net *n, enum end from, struct flight *f)
{
	const struct pair *p = arg;

	(void)n;
	return from == CLIENT && !f->esp && p->gw.phase == GW_REFUSED;
}

static void refused_and_then_silent(void **state)
{
	struct profile *profile = calls("gw.example.org", NULL, "auto");
	struct pair p;
	struct heard h;

	(void)state;
	pair_init(&p, 30);
	p.gwc.refuse_auth = AUTHENTICATION_FAILED;
	start(&p, profile, &h);
	pair_tap(&p, swallow_second, &p);
	pair_run(&p, SECONDS(300));
	assert_int_equal(p.downs, 1);
	assert_int_equal(h.n, 1);
	assert_int_equal(p.down.status, DOWN_NOT_ACCEPTED);
	assert_non_null(strstr(p.down.what, "AUTHENTICATION_FAILED"));
	pair_free(&p);
	profile_free(profile);
}

/* A gateway that takes signatures by PSS alone, or has no need of them: an RSA key is tried by both, each with the
 * gateway's name and without. What was found is kept. */
static void signs_by_pss(void **state)
{
	static const struct {
		bool pss_only, own_name_only;
		enum person user;
		enum ike_phase phase;
		unsigned asked;
	} rows[] = { { false, false, USER_RSA, IKE_UP, 1 }, { true, false, USER_RSA, IKE_UP, 3 },
		{ true, true, USER_RSA, IKE_UP, 4 }, { false, false, USER_OTHER_CA, IKE_DEAD, 2 } };
	static const struct setting by_cert[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "cert" },
		{ "local", "certificate", "user.pem" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile = profile_trusting(profile_of(by_cert, ARRAY_LEN(by_cert)));
		struct pair p;
		struct heard h;
		profile->own_certs = person(rows[i].user)->certs;
		profile->own_key = person(rows[i].user)->key;
		pair_init(&p, 30);
		p.gwc.by_cert = true;
		p.gwc.own = person(GW_RSA);
		p.gwc.client = IKE_AUTH_BY_CERT;
		p.gwc.trust = people_trust();
		p.gwc.pss_only = rows[i].pss_only;
		p.gwc.own_name_only = rows[i].own_name_only;
		if (rows[i].own_name_only)
			p.gwc.id = "gate.example.org";
		connect_to(&p, profile, &h);
		assert_int_equal(client_phase(&p.client), rows[i].phase);
		assert_int_equal(h.n, rows[i].asked);
		pair_free(&p);
		profile_done(profile);
	}
	people_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_gateway),
		cmocka_unit_test(an_absolute_name),
		cmocka_unit_test(goes_by_another_name),
		cmocka_unit_test(refused_all_the_same),
		cmocka_unit_test(refused_and_then_silent),
		cmocka_unit_test(signs_by_pss),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
