/*
 * Identities: the ID payloads of both IKE versions (RFC 7296 section 3.5, RFC 2407 section 4.6.2).
 */
#ifndef IKE_ID_H
#define IKE_ID_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/types.h"

struct cert;

enum id_type {
	ID_NONE = 0, /* not on the wire: no identity was given */
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_RFC822_ADDR = 3, /* USER_FQDN in IKEv1 */
	ID_IPV4_ADDR_SUBNET = 4, /* 4 and 8: IKEv1 phase 2 only */
	ID_IPV6_ADDR = 5,
	ID_IPV6_ADDR_SUBNET = 6,
	ID_IPV4_ADDR_RANGE = 7,
	ID_IPV6_ADDR_RANGE = 8,
	ID_DER_ASN1_DN = 9,
	ID_KEY_ID = 11,
	ID_NULL = 13, /* RFC 7619 */
};

enum { ID_DATA_MAX = 1024, ID_TEXT_MAX = 600 };

struct identity {
	uint8_t type; /* enum id_type */
	/* As they came; in IKEv1 protocol and port. Who proves who he is covers them. */
	uint8_t reserved[3];
	uint16_t len;
	uint8_t data[ID_DATA_MAX];
};

/* "192.0.2.1", "2001:db8::1", "vpn.example.org", "user@host", "CN=..., O=...", "keyid:TEXT" (also
 * "keyid:0xHEX"), "fqdn:", "email:", "dn:" to force a type. CONFIG on failure. */
bool id_parse(struct identity *id, const char *text, struct err *e) MUST_CHECK;
bool id_from_addr(struct identity *id, const struct addr *a);
/* From a payload's body behind the generic header (type, 3 reserved octets, data). PEER on failure. */
bool id_read(struct identity *id, struct bytes body, struct err *e) MUST_CHECK;
/* "vpn.example.org", "CN=gw, O=Example", "keyid:..."; safe to print. */
char *id_text(char out[ID_TEXT_MAX], const struct identity *id);
bool id_same(const struct identity *a, const struct identity *b); /* names without regard to case */
/* Does the certificate prove that its owner is id? (RFC 4945 section 3.1) */
bool id_proved_by(const struct identity *id, const struct cert *c);
bool id_given(const struct identity *id);

#endif
