#include "profiles.h"

#include "lib/test.h"
#include "people.h"

struct profile *profile_of(const struct setting *s, size_t n)
{
	struct profile_problem problems[4];
	struct profile *p = profile_new("test");
	struct err e;

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		assert_ok(&e, profile_set(p, s[i].section, s[i].key, s[i].value, &e));
	if (profile_finish(p, problems, ARRAY_LEN(problems)) > 0)
		fail_msg("%s.%s: %s", problems[0].section, problems[0].key, problems[0].err.text);
	return p;
}

struct profile *profile_psk(void)
{
	static const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "remote", "auth", "psk" },
		{ "remote", "id", "gw.example.org" },
		{ "local", "id", "anna@example.org" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};

	return profile_of(settings, ARRAY_LEN(settings));
}

struct profile *profile_trusting(struct profile *p)
{
	p->trust = people_trust();
	return p;
}

void profile_done(struct profile *p)
{
	p->trust = NULL;
	p->own_certs.n = 0;
	p->own_key = NULL;
	profile_free(p);
}
