#include "whole.h"

#include "people.h"

struct profile *profile_eap(void)
{
	static const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "eap" },
		{ "local", "eap", "mschapv2" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
	};

	return profile_of(settings, ARRAY_LEN(settings));
}

void whole_finish(struct pair *p, struct profile *profile)
{
	pair_free(p);
	profile_done(profile);
}

void whole_begin(struct pair *p, const struct profile *profile, uint32_t seed)
{
	pair_init(p, seed);
	p->profile = profile;
}

void whole_begin_eap(struct pair *p, const struct profile *profile)
{
	whole_begin(p, profile, 31);
	p->gwc.by_cert = true;
	p->gwc.own = person(GW_ECDSA);
	p->gwc.client = IKE_AUTH_BY_EAP;
	p->gwc.eap = EAP_MSCHAPV2;
}

void whole_up_by_eap(struct pair *p, const struct profile *profile)
{
	whole_begin_eap(p, profile);
	pair_connect(p);
	assert_int_equal(client_phase(&p->client), IKE_UP);
}
