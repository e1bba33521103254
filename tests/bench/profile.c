#include "profile.h"

#include "lib/test.h"

struct profile *bench_profile(void)
{
	static const char *const settings[][3] = { { "connection", "gateway", "gw.example.org" },
		{ "remote", "auth", "psk" }, { "remote", "id", "gw.example.org" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" } };
	struct profile_problem problems[4];
	struct profile *p = profile_new("bench");
	struct err e;

	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		assert_ok(&e, profile_set(p, settings[i][0], settings[i][1], settings[i][2], &e));
	assert_int_equal(profile_finish(p, problems, ARRAY_LEN(problems)), 0);
	return p;
}
