/*
 * Profiles for sessions that play with the scripted gateway, as a file with these settings would make
 * them. Whatever is wrong with them ends the test.
 */
#ifndef TESTS_PAIR_PROFILES_H
#define TESTS_PAIR_PROFILES_H

#include "session/profile.h"

struct setting {
	const char *section, *key, *value;
};

struct profile *profile_of(const struct setting *s, size_t n);
/* The gateway's preset key and algorithms. */
struct profile *profile_psk(void);
/* Trusts the CA of these tests (people.h). */
struct profile *profile_trusting(struct profile *p);
/* Frees it, but for what belongs to the people: their trust, certificates and key. */
void profile_done(struct profile *p);

#endif
