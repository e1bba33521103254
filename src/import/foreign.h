/*
 * What readers share that a foreign file and our profiles say in different ways. `what` is the foreign name
 * for notes.
 */
#ifndef IMPORT_FOREIGN_H
#define IMPORT_FOREIGN_H

#include "import/import.h"

/* [section] id = text; what is none of our forms is a key ID. */
void foreign_identity(struct import_profile *p, const char *section, const char *text);
/* [ike] or [esp] proposals, separated by commas: those that this program can do, at the lowest
 * connection.security that allows them. */
void foreign_proposals(
	struct import_profile *p, const char *section, const char *what, const char *list);
/* [local] auth for a certificate of ours: in IKEv2's own way, or inside of EAP. */
void foreign_by_certificate(struct import_profile *p, bool eap_tls);
bool foreign_is_eap_tls(const struct import_profile *p); /* it came out as the latter */
/* The ports of a child or a connection are those of L2TP. */
bool foreign_is_l2tp(const char *ports);
/* [esp] key = traffic selectors, unless they are everything, which is asked for anyhow. */
void foreign_selectors(struct import_profile *p, const char *key, const char *selectors);
/* [ppp] auth: those that the foreign program would log in by, and no others, or a server could have the password
 * in the clear that it was not to get. */
enum { FOREIGN_MSCHAPV2 = 1, FOREIGN_CHAP = 2, FOREIGN_PAP = 4, FOREIGN_EAP = 8 };
void foreign_ppp_auth(struct import_profile *p, const char *what, unsigned may);
/* Lists of words with commas, semicolons or white space between, gathered from one or more texts. What is not
 * of that kind becomes a note, and so does what does not fit a value. */
struct foreign_list {
	struct import_profile *p;
	const char *what;
	bool (*is)(const char *word);
	size_t lost;
	char kept[IMPORT_VALUE_MAX];
};
bool foreign_is_address(const char *word);
bool foreign_is_prefix(const char *word);
bool foreign_is_domain(const char *word);
/* Whom to call, by name or address; %any, networks and ranges are whom a gateway lets in. */
bool foreign_is_gateway(const char *word);
void foreign_add(struct foreign_list *list, const char *text);
/* [section] key = the list, unless it is empty. */
void foreign_set(struct foreign_list *list, const char *section, const char *key);

/* strongSwan's third policy of revocation, which ours has no word for: to be strict where the certificate names
 * somebody to ask. It was taken for soft. */
void foreign_ifuri(struct import_profile *p, const char *key);
/* auth: by which keys and signatures alone the gateway is believed there. */
void foreign_strength(struct import_profile *p, const char *what, const char *auth);

/* Certificates of CAs, gathered from several places and attached as one file of PEM. */
struct foreign_ca {
	size_t n;
	struct cert *v[16];
};
/* PEM or DER. False when there is no certificate in it. */
bool foreign_ca_add(struct foreign_ca *ca, struct bytes file) MUST_CHECK;
void foreign_ca_attach(const struct foreign_ca *ca, struct import_profile *p, const char *key);
void foreign_ca_free(struct foreign_ca *ca);

#endif
