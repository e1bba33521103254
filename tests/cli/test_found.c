#include "cli/found.h"
#include "cli/load.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct found_whom whom(void)
{
	struct found_whom w = { .host = "vpn.example.org", .port = 500 };

	assert_true(addr_parse(&w.addr, "192.0.2.1"));
	return w;
}

/* These are accepted, all others refused. */
static struct probe_found accepting(const char *words)
{
	struct probe_found f = { .v2 = PROBE_ACCEPTED, .v1 = PROBE_SILENT };
	const char *names[] = { "xauth-psk", "psk", "hybrid", "xauth-cert", "cert" };
	const struct alg *a;
	char word[64];

	for (size_t i = 0; (a = alg_row(i)); i++) {
		if (a->type == TRANSFORM_ESN)
			continue;
		snprintf(word, sizeof(word), " %s ", a->name);
		f.algs[f.n_algs++] = (struct probe_alg){ a,
			strstr(words, word) ? PROBE_ACCEPTED : PROBE_REFUSED };
	}
	for (size_t i = 0; i < PROBE_METHODS; i++)
		f.methods[i] = (struct probe_method){ .name = names[i], .verdict = PROBE_SILENT };
	return f;
}

static void has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text ? text : "(nothing)");
}

/* The profile is one, and says so much. */
static void makes(const struct probe_found *f, const char *const *parts)
{
	struct found_whom w = whom();
	struct load_report *report = calloc(1, sizeof(*report));
	char *text = found_profile(f, &w);
	struct profile *p = NULL;

	for (; *parts; parts++)
		has(text, *parts);
	assert_int_equal(load_text("x", text, strlen(text), &p, report), LOAD_OK);
	profile_free(p);
	free(report);
	free(text);
}

static void fits_a_terminal(void **state)
{
	struct probe_found f =
		accepting(" aes256gcm16 aes256 3des sha256 prfsha256 modp1024 x25519 ");
	struct found_whom w = whom();
	char *text = found_text(&f, &w, NULL), *line, *rest = NULL;

	(void)state;
	has(text, "vpn.example.org, at 192.0.2.1\nIKEv2: yes\n");
	has(text, "\n  encryption  aes256gcm16 aes256 3des(weak)\n");
	has(text, "\n  groups      x25519 modp1024(weak)\n");
	has(text, "\nIKEv1: no answer\n");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= 80);
		assert_int_not_equal(line[strlen(line) - 1], ' ');
	}
	free(text);
}

static void what_the_gateway_says_is_safe(void **state)
{
	struct probe_found f = accepting(" aes128 sha256 prfsha256 x25519 ");
	struct found_whom w = whom();

	(void)state;
	w.host = "evil\x1b[2J";
	char *text = found_text(&f, &w, NULL);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

static void profiles(void **state)
{
	struct probe_found f = accepting(" aes128 sha256 prfsha256 modp2048 ");

	(void)state;
	f.login = PROBE_LOGIN_EAP;
	makes(&f,
		(const char *[]){
			"type = ikev2\n", "auth = eap\n", "gateway = vpn.example.org\n", NULL });
	f.login = PROBE_LOGIN_UNPROVED;
	makes(&f, (const char *[]){ "auth = eap\n", "# ca = \n", NULL });
	f.login = PROBE_LOGIN_REFUSED;
	makes(&f, (const char *[]){ "auth = psk\n", "# psk = \n", NULL });
	f = accepting(" aes128 sha1 prfsha1 modp2048 ");
	makes(&f, (const char *[]){ "security = compat\n", NULL });
	f = accepting(" 3des sha1 prfsha1 modp1024 ");
	makes(&f, (const char *[]){ "security = legacy\n", NULL });
}

/* What is not among what is offered by itself is named; what is, is not. */
static void profiles_name_what_is_unusual(void **state)
{
	static const struct {
		const char *accepted, *security, *proposal; /* proposal NULL: none is named */
	} rows[] = {
		{ " aes256gcm16 prfsha256 x25519 ", NULL, NULL },
		{ " aes192 sha256 prfsha256 modp2048 ", NULL, "aes192-sha256-modp2048" },
		{ " aes256 sha1 prfsha1 modp4096 ", "compat", "aes256-sha1-modp4096" },
		{ " 3des sha1 prfsha1 modp2048 ", "legacy", "3des-sha1-modp2048" },
		{ " aes128 sha1 prfsha1 modp1024 ", "legacy", NULL }, /* by the last resort */
		{ " aes256 sha512 prfsha512 modp1024 ", "legacy", "aes256-sha512-modp1024" },
	};
	struct found_whom w = whom();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe_found f = accepting(rows[i].accepted);
		char *text = found_profile(&f, &w);
		makes(&f, (const char *[]){ "type = ikev2\n", rows[i].security, NULL });
		makes(&f, (const char *[]){ rows[i].proposal, NULL });
		if (!rows[i].proposal && strstr(text, "proposals"))
			fail_msg("%s: %s", rows[i].accepted, text);
		free(text);
	}
}

/* RFC 9370: nothing is known of them. */
static void additional_key_exchanges(void **state)
{
	static const char hybrid[] = "[connection]\ngateway = 192.0.2.1\n[ike]\n"
				     "proposals = aes128gcm16-prfsha256-x25519-ke1_ecp384\n";
	struct probe_found f = accepting(" aes128gcm16 prfsha256 x25519 ");
	struct load_report *report = calloc(1, sizeof(*report));
	struct found_whom w = whom();
	struct profile *p;

	(void)state;
	assert_int_equal(load_text("x", hybrid, strlen(hybrid), &p, report), LOAD_OK);
	char *text = found_text(&f, &w, p);
	has(text, "aes128gcm16-prfsha256-x25519; additional key exchanges are not asked for");
	free(text);
	profile_free(p);
	free(report);
}

/* The last resort of legacy counts for the profile that is there as well. */
static void own_profile(void **state)
{
	static const char legacy[] = "[connection]\ngateway = 192.0.2.1\nsecurity = legacy\n";
	struct probe_found f = accepting(" aes128 sha1 prfsha1 modp1024 ");
	struct load_report *report = calloc(1, sizeof(*report));
	struct found_whom w = whom();
	struct profile *p;

	(void)state;
	assert_int_equal(load_text("x", legacy, strlen(legacy), &p, report), LOAD_OK);
	char *text = found_text(&f, &w, p);
	has(text, "they would agree on aes128-sha1-modp1024");
	free(text);
	profile_free(p);
	free(report);
}

static void profiles_of_ikev1(void **state)
{
	struct suite suite = { .encr = alg_by_name(TRANSFORM_ENCR, "3des"),
		.prf = alg_by_name(TRANSFORM_PRF, "prfsha1"),
		.ke = alg_by_name(TRANSFORM_KE, "modp1024") };
	struct probe_found f = accepting(" ");
	struct found_whom w = whom();

	(void)state;
	f.v2 = PROBE_SILENT;
	assert_null(found_profile(&f, &w));
	f.v1 = PROBE_ACCEPTED;
	f.methods[1] = (struct probe_method){ "psk", PROBE_ACCEPTED, suite };
	makes(&f, (const char *[]){ "type = l2tp\n", "security = legacy\n", "# user = \n", NULL });
	f.methods[0] = (struct probe_method){ "xauth-psk", PROBE_ACCEPTED, suite };
	makes(&f, (const char *[]){ "type = ikev1\n", "auth = xauth-psk\n", "# psk = \n", NULL });
	f.methods[0].suite.prf = alg_by_name(TRANSFORM_PRF, "prfmd5");
	f.methods[0].suite.integ = alg_by_name(TRANSFORM_INTEG, "md5");
	makes(&f, (const char *[]){ "proposals = 3des-md5-modp1024\n", NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits_a_terminal),
		cmocka_unit_test(what_the_gateway_says_is_safe),
		cmocka_unit_test(profiles),
		cmocka_unit_test(profiles_name_what_is_unusual),
		cmocka_unit_test(additional_key_exchanges),
		cmocka_unit_test(own_profile),
		cmocka_unit_test(profiles_of_ikev1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
