/*
 * What vpnc's and Cisco's own profiles have in common: IKEv1 with a group's name and key, and XAUTH.
 */
#ifndef IMPORT_CISCO_H
#define IMPORT_CISCO_H

#include "import/import.h"
#include "keyfile.h"

/* The group, by whose name the gateway finds its key. `what` is the foreign name, for notes. */
void cisco_group(struct import_profile *p, const char *what, const char *group);
/* What these clients offer with the Diffie-Hellman group of that number ("2", "dh2"). pfs: a group also, or
 * "nopfs"; NULL: as the gateway likes. */
void cisco_offer(struct import_profile *p, const char *what, const char *dh, const char *pfs);
/* secrets.key = plain, or hidden in hexadecimal; either may be NULL. */
void cisco_secret(struct import_profile *p, const char *key, const char *what, const char *plain,
	const char *hidden);
/* A profile out of vpnc's words in the sections "vpn" and "vpn-secrets". */
bool cisco_vpnc(struct import *im, const char *name, struct keyfile *k, struct err *e) MUST_CHECK;

#endif
