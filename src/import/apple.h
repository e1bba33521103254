/*
 * What the files that read Apple's profiles share.
 */
#ifndef IMPORT_APPLE_H
#define IMPORT_APPLE_H

#include "foreign.h"
#include "plist.h"

/* One payload of type com.apple.vpn.managed. */
struct apple_vpn {
	struct import_profile *p;
	const struct xml *payload; /* its dictionary */
	const struct xml *payloads; /* the array that holds it and the certificates */
	const struct foreign_ca *ca; /* of the whole file */
};

/* One function for each VPNType: fills in the profile. */
void apple_ikev2(struct apple_vpn *v);
void apple_ipsec(struct apple_vpn *v);
void apple_l2tp(struct apple_vpn *v);

/* [section] key = the text of that key, where there is one. */
void apple_text(struct apple_vpn *v, const struct xml *dict, const char *from, const char *section,
	const char *key);
/* The certificate and key that PayloadCertificateUUID of the dictionary names. */
void apple_own_certificate(struct apple_vpn *v, const struct xml *dict);
void apple_ca(struct apple_vpn *v);
/* The same of a secret, which is text or octets: those that are no text have to be added by hand. */
void apple_secret(struct apple_vpn *v, const struct xml *dict, const char *from,
	const char *section, const char *key);

/* What becomes of a key of a dictionary, beside what is carried over. */
enum apple_told { TOLD_NOT, TOLD_WHEN_ON, TOLD_ALWAYS };
struct apple_key {
	const char *key;
	enum apple_told told;
	const char *why;
};
/* Tells of the keys of that dictionary that are not, or in part, carried over, and of those that no row
 * knows. name is how notes call the dictionary. */
void apple_tell(struct apple_vpn *v, const struct xml *dict, const char *name,
	const struct apple_key *rows, size_t n);

#endif
