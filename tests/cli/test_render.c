#include "cli/render.h"
#include "lib/test.h"
#include "../../src/cli/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/types.h"

/* --- JSON --- */

static void json_strings_are_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "[\"plain\"]" },
		{ "", "[\"\"]" },
		{ "say \"hi\"", "[\"say \\\"hi\\\"\"]" },
		{ "back\\slash", "[\"back\\\\slash\"]" },
		{ "a\nb\tc\x1b\x7f", "[\"a\\nb\\u0009c\\u001b\\u007f\"]" },
		{ "gr\xc3\xbc\xc3\x9f", "[\"gr\xc3\xbc\xc3\x9f\"]" },
		{ "</script>", "[\"</script>\"]" },
		{ "cut \xc3", "[\"cut \\ufffd\"]" },
		{ "\xff\xf0\x9f\x94\x92\x80", "[\"\\ufffd\xf0\x9f\x94\x92\\ufffd\"]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json j = { 0 };
		json_open(&j, NULL, '[');
		json_text(&j, NULL, cases[i].in);
		json_close(&j, ']');
		char *text = json_done(&j);
		assert_string_equal(text, cases[i].out);
		free(text);
	}
}

static void json_values_and_commas(void **state)
{
	struct json j = { 0 };

	(void)state;
	json_open(&j, NULL, '{');
	json_number(&j, "a", INT64_MIN);
	json_unsigned(&j, "b", UINT64_MAX);
	json_open(&j, "c", '[');
	json_close(&j, ']');
	json_open(&j, "d", '[');
	json_open(&j, NULL, '{');
	json_bool(&j, "x", true);
	json_close(&j, '}');
	json_null(&j, NULL);
	json_close(&j, ']');
	json_bool(&j, "e\"", false);
	json_close(&j, '}');
	char *text = json_done(&j);
	assert_string_equal(text,
		"{\"a\":-9223372036854775808,\"b\":18446744073709551615,\"c\":[],"
		"\"d\":[{\"x\":true},null],\"e\\\"\":false}");
	free(text);
}

/* --- a status to look at --- */

static void fill(struct status *st)
{
	*st = (struct status){
		.state = STATE_UP, .type = "ikev2", .dataplane = "userspace", .up_for = 3725
	};
	snprintf(st->profile, sizeof(st->profile), "office");
	snprintf(st->gateway.revocation, sizeof(st->gateway.revocation), "good");
	snprintf(st->gateway.name, sizeof(st->gateway.name), "vpn.example.org");
	snprintf(st->gateway.id, sizeof(st->gateway.id), "CN=\"gw\"");
	addr_parse(&st->gateway.address, "192.0.2.1");
	st->gateway.address.port = 4500;
	addr_parse(&st->local.address, "2001:db8::7");
	st->local.address.port = 4500;
	st->local.nat = true;
	st->ike.version = 2;
	memcpy(st->ike.spi_i, "\x00\x01\x02\x03\x04\x05\x06\xff", 8);
	snprintf(st->ike.proposal, sizeof(st->ike.proposal), "aes256gcm16-prfsha384-x25519");
	st->ike.rekey_in = 7200;
	st->ike.reauth_in = st->ike.ticket_for = -1;
	st->n_children = 1;
	struct status_child *c = &st->children[0];
	*c = (struct status_child){ .spi_in = 0xc0000001,
		.spi_out = 0x0000abcd,
		.mode = SA_TUNNEL,
		.encap = true,
		.n_local = 1,
		.n_remote = 9,
		.bytes_in = 1400000,
		.bytes_out = 5300,
		.packets_in = 1200,
		.packets_out = 40,
		.rekey_in = 1234 };
	snprintf(c->proposal, sizeof(c->proposal), "aes256gcm16");
	snprintf(c->local_ts[0], sizeof(c->local_ts[0]), "10.9.0.5/32");
	for (size_t i = 0; i < STATUS_TS; i++)
		snprintf(c->remote_ts[i], sizeof(c->remote_ts[i]), "10.%zu.0.0/16", i);
	st->n_addrs = 1;
	prefix_parse(&st->addrs[0], "10.9.0.5/32");
	st->n_dns = 1;
	addr_parse(&st->dns[0], "10.0.0.53");
	st->n_domains = 1;
	snprintf(st->domains[0], sizeof(st->domains[0]), "corp.example");
	snprintf(st->dns_via, sizeof(st->dns_via), "systemd-resolved");
	st->n_routes = 3;
	st->n_of_kind[ROUTE_TUNNEL] = st->n_of_kind[ROUTE_BYPASS] = st->n_of_kind[ROUTE_BLOCK] = 1;
	st->routes[0].kind = ROUTE_TUNNEL;
	prefix_parse(&st->routes[0].dst, "10.0.0.0/8");
	st->routes[1].kind = ROUTE_BYPASS;
	prefix_parse(&st->routes[1].dst, "192.168.1.0/24");
	st->routes[2].kind = ROUTE_BLOCK;
	prefix_parse(&st->routes[2].dst, "::/0");
	snprintf(st->interface, sizeof(st->interface), "vpn0");
	st->mtu = 1400;
	st->n_weak = 1;
	snprintf(st->weak[0], sizeof(st->weak[0]), "sha1");
	st->rekeys_child = 2;
}

static void status_as_json(void **state)
{
	static struct status st;

	(void)state;
	fill(&st);
	char *text = render_status_json(&st, 1700000000);
	assert_string_equal(text,
		"{\"profile\":\"office\",\"state\":\"up\",\"type\":\"ikev2\",\"dataplane\":\"userspace\","
		"\"since\":\"2023-11-14T22:13:20Z\","
		"\"gateway\":{\"name\":\"vpn.example.org\",\"address\":\"192.0.2.1\",\"port\":4500,"
		"\"id\":\"CN=\\\"gw\\\"\",\"vendor\":\"\",\"revocation\":\"good\"},"
		"\"local\":{\"address\":\"2001:db8::7\",\"port\":4500,\"id\":\"\",\"nat\":true},"
		"\"ike\":{\"version\":2,\"spi_i\":\"00010203040506ff\",\"spi_r\":\"0000000000000000\","
		"\"proposal\":\"aes256gcm16-prfsha384-x25519\",\"rekey_in\":7200,\"reauth_in\":null,"
		"\"quantum_safe\":false,\"resumed\":false,\"ticket_for\":null},"
		"\"children\":[{\"spi_in\":\"c0000001\",\"spi_out\":\"0000abcd\",\"mode\":\"tunnel\",\"encap\":true,"
		"\"proposal\":\"aes256gcm16\",\"local_ts\":[\"10.9.0.5/32\"],\"local_ts_total\":1,\"remote_ts\":[\"10.0.0.0/16\","
		"\"10.1.0.0/16\",\"10.2.0.0/16\",\"10.3.0.0/16\",\"10.4.0.0/16\",\"10.5.0.0/16\",\"10.6.0.0/16\","
		"\"10.7.0.0/16\"],\"remote_ts_total\":9,\"bytes_in\":1400000,\"bytes_out\":5300,\"packets_in\":1200,\"packets_out\":40,"
		"\"replay_drops\":0,\"integrity_failures\":0,\"rekey_in\":1234}],"
		"\"address\":[\"10.9.0.5/32\"],"
		"\"dns\":{\"servers\":[\"10.0.0.53\"],\"domains\":[\"corp.example\"],\"via\":\"systemd-resolved\",\"unused\":\"\"},"
		"\"routes\":[\"10.0.0.0/8\"],\"routes_total\":1,\"elsewhere\":[],"
		"\"bypassed\":[\"192.168.1.0/24\"],\"bypassed_total\":1,"
		"\"blocked\":[\"::/0\"],\"blocked_total\":1,"
		"\"interface\":\"vpn0\",\"mtu\":1400,\"killswitch\":\"no\",\"keylog\":\"\",\"weak\":[\"sha1\"],"
		"\"rekeys\":{\"ike\":0,\"child\":2},\"reconnects\":0,\"last_error\":\"\"}");
	free(text);
}

static void nothing_is_known_yet(void **state)
{
	static struct status st = { .up_for = -1 };

	(void)state;
	char *text = render_status_json(&st, 0);
	assert_non_null(strstr(
		text, "\"state\":\"connecting\",\"type\":\"\",\"dataplane\":\"\",\"since\":null"));
	free(text);
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, ": connecting"));
	free(text);
}

static void check_width(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		if (n > 80)
			fail_msg("%zu columns: %.*s", n, (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void status_at_a_glance(void **state)
{
	static struct status st;

	(void)state;
	fill(&st);
	char *text = render_status_text(&st, false);
	assert_string_equal(text,
		"office: up for 1h02m (ikev2, userspace)\n"
		"  gateway   vpn.example.org at 192.0.2.1:4500\n"
		"            proved to be CN=\"gw\", not revoked\n"
		"  from      [2001:db8::7]:4500, behind NAT\n"
		"  ike       aes256gcm16-prfsha384-x25519, new keys in 2h00m\n"
		"  child     aes256gcm16 in UDP, new keys in 20m34s\n"
		"            10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16, 10.4.0.0/16,\n"
		"            10.5.0.0/16, 10.6.0.0/16, 10.7.0.0/16, and 1 more\n"
		"            in 1.4 MB, 1200 packets; out 5.3 kB, 40 packets\n"
		"  address   10.9.0.5/32, on vpn0, MTU 1400\n"
		"  routes    10.0.0.0/8\n"
		"  dns       10.0.0.53, corp.example, via systemd-resolved\n"
		"  blocked   ::/0\n"
		"            WEAK sha1\n"
		"  rekeyed   IKE SA 0, child SA 2 times; reconnected 0 times\n");
	check_width(text);
	free(text);
	st.killswitch = KILLSWITCH_STRICT;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text,
		"  blocked   ::/0\n"
		"            all that is not in the tunnel (kill switch, strict)\n"));
	free(text);
	st.ike.reauth_in = 4000;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text,
		", new keys in 2h00m\n"
		"            the gateway wants a new login, in 1h06m\n"
		"  child "));
	free(text);
	st.ike.reauth_in = 0;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "the gateway wants a new login, now\n"));
	free(text);
	st.ike.resumed = true;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, ", now\n            resumed without a new login\n  child "));
	free(text);
	st.ike.ticket_for = 3600;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text,
		"            resumed without a new login; can be resumed after a loss, for 1h00m\n"));
	free(text);
	char *json = render_status_json(&st, 1700000000);
	assert_non_null(strstr(json, "\"resumed\":true,\"ticket_for\":3600}"));
	free(json);
	st.ike.resumed = false;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "\n            can be resumed after a loss, for 1h00m\n"));
	free(text);
	/* One is one. */
	st.children[0].packets_in = st.children[0].packets_out = 1;
	st.rekeys_ike = st.rekeys_child = st.reconnects = 1;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "in 1.4 MB, 1 packet; out 5.3 kB, 1 packet\n"));
	assert_non_null(strstr(text, "IKE SA 1, child SA 1 time; reconnected 1 time\n"));
	free(text);
	text = render_status_text(&st, true);
	assert_non_null(strstr(text, "\033[32mup\033[0m"));
	free(text);
	/* Lifetimes of 0. */
	st.ike.rekey_in = st.children[0].rekey_in = -1;
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "aes256gcm16-prfsha384-x25519, new keys never\n"));
	assert_non_null(strstr(text, "aes256gcm16 in UDP, new keys never\n"));
	free(text);
}

/* Whoever looks at the status sees it. */
static void keys_are_written(void **state)
{
	static struct status st;

	(void)state;
	fill(&st);
	st.keylog = "/tmp/\033[2Jkeys";
	char *text = render_status_text(&st, false);
	assert_non_null(strstr(text, "  keys      KEYS ARE WRITTEN to /tmp/"));
	assert_null(strchr(text, '\033'));
	free(text);
	text = render_status_json(&st, 0);
	assert_non_null(strstr(text, "\"keylog\":\"/tmp/\\u001b[2Jkeys\","));
	free(text);
}

/* Counts beyond the arrays are counts, not lengths. */
static void more_than_the_arrays_hold(void **state)
{
	static struct status st;
	static const struct status none = { .up_for = -1 };

	(void)state;
	fill(&st);
	st.n_children = STATUS_CHILDREN + 7;
	st.n_routes = STATUS_ROUTES + 5;
	st.n_of_kind[ROUTE_TUNNEL] = STATUS_ROUTES + 3; /* the last two are bypasses */
	st.n_of_kind[ROUTE_BYPASS] = 2;
	for (size_t i = 0; i < STATUS_CHILDREN; i++)
		st.children[i] = st.children[0];
	for (size_t i = 0; i < STATUS_ROUTES; i++)
		st.routes[i] = st.routes[0];
	char *text = render_status_json(&st, 0);
	assert_non_null(text);
	assert_non_null(strstr(text,
		"\"routes_total\":67,\"elsewhere\":[],\"bypassed\":[],\"bypassed_total\":2,"));
	free(text);
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "and 59 more"));
	free(text);
	text = render_routes(&st);
	assert_non_null(strstr(text, "and 5 more"));
	free(text);
	text = render_traffic(&none, &st, 2, 80);
	assert_non_null(strstr(text, "in 45 MB/s, 38400 packets/s"));
	free(text);
}

static void traffic(void **state)
{
	static struct status before, now;

	(void)state;
	fill(&before);
	fill(&now);
	now.children[0].bytes_in += 3000000;
	now.children[0].packets_in += 2000;
	now.children[0].bytes_out = 100; /* a new SA: it counts from zero */
	char *text = render_traffic(&before, &now, 2.0, 80);
	assert_string_equal(text, "in 1.5 MB/s, 1000 packets/s   out 50 B/s, 0 packets/s");
	free(text);
	text = render_traffic(&before, &now, 2.0, 40);
	assert_string_equal(text, "in 1.5 MB/s   out 50 B/s");
	free(text);
	text = render_traffic(&before, &now, 2.0, 20);
	assert_string_equal(text, "rx 1.5 MB tx 50 B");
	free(text);
	text = render_traffic(&before, &now, 2.0, 10); /* on one row whatever comes */
	assert_string_equal(text, "rx 1.5 MB");
	free(text);
	text = render_traffic(&before, &now, 0, 80);
	assert_non_null(strstr(text, "in 3.0 MB/s"));
	free(text);
}

static void events_and_failures(void **state)
{
	const struct event ev = {
		.kind = EV_GATEWAY_SAID, .level = LEVEL_WARN, .text = "say \"hi\""
	};
	struct down d = { .status = DOWN_NOT_ACCEPTED,
		.what = "the gateway did not accept the key",
		.said = "AUTHENTICATION_FAILED (24)",
		.advice = "check secrets.psk" };
	const struct answer routes = { .command = "routes", .text = "one\ntwo\n" };
	const struct answer object = { .command = "status", .text = "{\"a\":1}", .object = true };

	(void)state;
	char *text = render_event_json(&ev, "office", 0);
	assert_string_equal(text,
		"{\"event\":\"gateway_said\",\"profile\":\"office\",\"time\":\"1970-01-01T00:00:00Z\","
		"\"level\":\"warn\",\"text\":\"say \\\"hi\\\"\"}");
	free(text);
	text = render_down_json(&d, "office", 0);
	assert_non_null(strstr(text,
		"\"status\":6,\"what\":\"the gateway did not accept the key\","
		"\"said\":\"AUTHENTICATION_FAILED (24)\",\"try\":\"check secrets.psk\"}"));
	free(text);
	text = render_answer_json(&routes, "office", 0);
	assert_string_equal(text,
		"{\"event\":\"answer\",\"profile\":\"office\",\"time\":\"1970-01-01T00:00:00Z\","
		"\"command\":\"routes\",\"status\":0,\"text\":\"one\\ntwo\"}");
	free(text);
	text = render_answer_json(&object, "office", 0);
	assert_non_null(strstr(text, "\"command\":\"status\",\"status\":0,\"answer\":{\"a\":1}}"));
	free(text);
	text = render_failure(&d, false);
	assert_string_equal(text,
		"the gateway did not accept the key\nthe gateway said: AUTHENTICATION_FAILED (24)\n"
		"try: check secrets.psk\n");
	free(text);
	/* Three lines there are, whatever was typed, */
	d = (struct down){ .what = "a\033[2J\nb", .said = "\xc2\x9b", .advice = "\rc \xc3\xbc" };
	text = render_failure(&d, false);
	assert_string_equal(text, "a?[2J b\nthe gateway said: ??\ntry: ?c \xc3\xbc\n");
	free(text);
	/* and whatever is missing. */
	d = (struct down){ .status = DOWN_OTHER };
	text = render_failure(&d, false);
	assert_non_null(strstr(text, "\nthe gateway said: nothing\ntry: "));
	free(text);
}

static void names_and_servers(void **state)
{
	static struct status st;
	static const struct status none = { .up_for = -1 };

	(void)state;
	fill(&st);
	char *text = render_dns(&st);
	assert_string_equal(
		text, "  server  10.0.0.53\n  domain  corp.example\n  via     systemd-resolved\n");
	free(text);
	st.dns_via[0] = 0;
	text = render_dns(&st);
	assert_non_null(strstr(text, "not in use: they could not be set"));
	free(text);
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "not in use: they could not be set"));
	check_width(text);
	free(text);
	st.dns_covered = true;
	text = render_dns(&st);
	assert_non_null(strstr(text, "not in use: another tunnel's took their place"));
	free(text);
	text = render_status_json(&st, 0);
	assert_non_null(strstr(text, "\"via\":\"\",\"unused\":\"another tunnel's"));
	free(text);
	text = render_dns(&none);
	assert_non_null(strstr(text, "no name servers"));
	free(text);
	text = render_routes(&st);
	assert_non_null(strstr(text, "::/0                                         nowhere"));
	free(text);
	snprintf(st.rivals[0], sizeof(st.rivals[0]), "vpn7");
	text = render_routes(&st);
	assert_non_null(strstr(text, "into another tunnel (vpn7)\n"));
	free(text);
	text = render_status_text(&st, false);
	assert_non_null(strstr(text, "10.0.0.0/8 (but goes into vpn7)"));
	check_width(text);
	free(text);
	text = render_status_json(&st, 0);
	assert_non_null(strstr(
		text, "\"elsewhere\":[{\"network\":\"10.0.0.0/8\",\"interface\":\"vpn7\"}]"));
	free(text);
	text = render_routes(&none);
	assert_non_null(strstr(text, "no routes"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(json_values_and_commas),
		cmocka_unit_test(status_as_json),
		cmocka_unit_test(nothing_is_known_yet),
		cmocka_unit_test(status_at_a_glance),
		cmocka_unit_test(keys_are_written),
		cmocka_unit_test(more_than_the_arrays_hold),
		cmocka_unit_test(traffic),
		cmocka_unit_test(events_and_failures),
		cmocka_unit_test(names_and_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
