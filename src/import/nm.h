/*
 * What the readers of NetworkManager's kinds of VPN share.
 */
#ifndef IMPORT_NM_H
#define IMPORT_NM_H

#include "import/import.h"
#include "keyfile.h"

/* Of [vpn], or else of [vpn-secrets]. */
const char *nm_word(struct keyfile *k, const char *key);
bool nm_is(struct keyfile *k, const char *key, const char *value);
/* section.our_key = what key says, if anything. */
void nm_set(struct import_profile *p, struct keyfile *k, const char *key, const char *section,
	const char *our_key);
/* The same for a list of addresses and host names, which may say something of our own instead. */
void nm_gateway(struct import_profile *p, struct keyfile *k, const char *key);
/* ".../proposals", separated by commas or semicolons; "!" at the end is strongSwan's word for "no others". */
void nm_proposals(
	struct import_profile *p, struct keyfile *k, const char *key, const char *section);
/* flags: 1 an agent of the desktop keeps it, 2 it is never kept. */
void nm_secret(struct import_profile *p, struct keyfile *k, const char *key, const char *our_key);

void nm_strongswan(struct import_profile *p, struct keyfile *k);
void nm_l2tp(struct import_profile *p, struct keyfile *k);

#endif
