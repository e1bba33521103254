#include "crypto/alg.h"

#include <string.h>
#include <strings.h>

#include "ossl.h"

/* Strengths are those of NIST SP 800-57 part 1 (tables 2 and 3), for the two curves of RFC 7748. */

#define ENCR(id_, bits, name_, v1i, v1e, ossl_, kernel_, key, salt, iv, block, strength_, tier) \
	{                                                                                       \
		.type = TRANSFORM_ENCR, .id = (id_), .key_bits = (bits), .name = (name_),       \
		.iana = #id_, .v1_ike = (v1i), .v1_esp = (v1e), .ossl = (ossl_),                \
		.kernel = (kernel_), .key_len = (key), .salt_len = (salt), .iv_len = (iv),      \
		.block_len = (block), .strength = (strength_), .ike_tier = (tier),              \
		.esp_tier = (tier)                                                              \
	}

/* Explicit IV of 8 octets in all of them: RFC 4106, 4309, 7634, and 5282 for IKE. */
#define AEAD(id_, bits, name_, v1e, ossl_, kernel_, key, salt, icv, tier)                        \
	{                                                                                        \
		.type = TRANSFORM_ENCR, .id = (id_), .key_bits = (bits), .name = (name_),        \
		.iana = #id_, .v1_esp = (v1e), .ossl = (ossl_), .kernel = (kernel_),             \
		.key_len = (key), .salt_len = (salt), .iv_len = 8, .block_len = 1,               \
		.out_len = (icv), .strength = 8 * (key), .ike_tier = (tier), .esp_tier = (tier), \
		.aead = true                                                                     \
	}

#define PRF(id_, name_, v1, digest_, out, strength_, tier)                                         \
	{                                                                                          \
		.type = TRANSFORM_PRF, .id = (id_), .name = (name_), .iana = #id_, .v1_ike = (v1), \
		.ossl = (digest_), .key_len = (out), .out_len = (out), .strength = (strength_),    \
		.ike_tier = (tier), .esp_tier = (tier)                                             \
	}

#define INTEG(id_, name_, v1i, v1e, digest_, kernel_, key, out, strength_, tier)                 \
	{                                                                                        \
		.type = TRANSFORM_INTEG, .id = (id_), .name = (name_), .iana = #id_,             \
		.v1_ike = (v1i), .v1_esp = (v1e), .ossl = (digest_), .kernel = (kernel_),        \
		.key_len = (key), .out_len = (out), .strength = (strength_), .ike_tier = (tier), \
		.esp_tier = (tier)                                                               \
	}

#define KE(id_, name_, iana_, v1, ossl_, out, strength_, tier)                       \
	{                                                                            \
		.type = TRANSFORM_KE, .id = (id_), .name = (name_), .iana = (iana_), \
		.v1_ike = (v1), .v1_esp = (v1), .ossl = (ossl_), .out_len = (out),   \
		.strength = (strength_), .ike_tier = (tier), .esp_tier = (tier)      \
	}

/* What the initiator sends and what comes back are of different lengths. */
#define KEM(id_, name_, iana_, out, reply, strength_)                                            \
	{                                                                                        \
		.type = TRANSFORM_KE, .id = (id_), .name = (name_), .iana = (iana_),             \
		.ossl = (iana_), .out_len = (out), .reply_len = (reply), .strength = (strength_) \
	}

/* In each type the strongest first, as far as one can say so; rows that differ in key size only
 * stand together. A check value of 8 octets is left to compat: RFC 8247 wants it for devices that
 * count every octet. */
static struct alg table[] = {
	AEAD(ENCR_AES_GCM_16, 256, "aes256gcm16", 20, "AES-256-GCM", "rfc4106(gcm(aes))", 32, 4, 16,
		TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_16, 192, "aes192gcm16", 20, "AES-192-GCM", "rfc4106(gcm(aes))", 24, 4, 16,
		TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_16, 128, "aes128gcm16", 20, "AES-128-GCM", "rfc4106(gcm(aes))", 16, 4, 16,
		TIER_DEFAULT),
	AEAD(ENCR_CHACHA20_POLY1305, 0, "chacha20poly1305", 0, "ChaCha20-Poly1305",
		"rfc7539esp(chacha20,poly1305)", 32, 4, 16, TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_16, 256, "aes256ccm16", 16, "AES-256-CCM", "rfc4309(ccm(aes))", 32, 3, 16,
		TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_16, 192, "aes192ccm16", 16, "AES-192-CCM", "rfc4309(ccm(aes))", 24, 3, 16,
		TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_16, 128, "aes128ccm16", 16, "AES-128-CCM", "rfc4309(ccm(aes))", 16, 3, 16,
		TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_12, 256, "aes256gcm12", 19, "AES-256-GCM", "rfc4106(gcm(aes))", 32, 4, 12,
		TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_12, 192, "aes192gcm12", 19, "AES-192-GCM", "rfc4106(gcm(aes))", 24, 4, 12,
		TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_12, 128, "aes128gcm12", 19, "AES-128-GCM", "rfc4106(gcm(aes))", 16, 4, 12,
		TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_12, 256, "aes256ccm12", 15, "AES-256-CCM", "rfc4309(ccm(aes))", 32, 3, 12,
		TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_12, 192, "aes192ccm12", 15, "AES-192-CCM", "rfc4309(ccm(aes))", 24, 3, 12,
		TIER_DEFAULT),
	AEAD(ENCR_AES_CCM_12, 128, "aes128ccm12", 15, "AES-128-CCM", "rfc4309(ccm(aes))", 16, 3, 12,
		TIER_DEFAULT),
	ENCR(ENCR_AES_CBC, 256, "aes256", 7, 12, "AES-256-CBC", "cbc(aes)", 32, 0, 16, 16, 256,
		TIER_DEFAULT),
	ENCR(ENCR_AES_CBC, 192, "aes192", 7, 12, "AES-192-CBC", "cbc(aes)", 24, 0, 16, 16, 192,
		TIER_DEFAULT),
	ENCR(ENCR_AES_CBC, 128, "aes128", 7, 12, "AES-128-CBC", "cbc(aes)", 16, 0, 16, 16, 128,
		TIER_DEFAULT),
	ENCR(ENCR_AES_CTR, 256, "aes256ctr", 0, 13, "AES-256-CTR", "rfc3686(ctr(aes))", 32, 4, 8, 1,
		256, TIER_DEFAULT),
	ENCR(ENCR_AES_CTR, 192, "aes192ctr", 0, 13, "AES-192-CTR", "rfc3686(ctr(aes))", 24, 4, 8, 1,
		192, TIER_DEFAULT),
	ENCR(ENCR_AES_CTR, 128, "aes128ctr", 0, 13, "AES-128-CTR", "rfc3686(ctr(aes))", 16, 4, 8, 1,
		128, TIER_DEFAULT),
	AEAD(ENCR_AES_GCM_8, 256, "aes256gcm8", 18, "AES-256-GCM", "rfc4106(gcm(aes))", 32, 4, 8,
		TIER_COMPAT),
	AEAD(ENCR_AES_GCM_8, 192, "aes192gcm8", 18, "AES-192-GCM", "rfc4106(gcm(aes))", 24, 4, 8,
		TIER_COMPAT),
	AEAD(ENCR_AES_GCM_8, 128, "aes128gcm8", 18, "AES-128-GCM", "rfc4106(gcm(aes))", 16, 4, 8,
		TIER_COMPAT),
	AEAD(ENCR_AES_CCM_8, 256, "aes256ccm8", 14, "AES-256-CCM", "rfc4309(ccm(aes))", 32, 3, 8,
		TIER_COMPAT),
	AEAD(ENCR_AES_CCM_8, 192, "aes192ccm8", 14, "AES-192-CCM", "rfc4309(ccm(aes))", 24, 3, 8,
		TIER_COMPAT),
	AEAD(ENCR_AES_CCM_8, 128, "aes128ccm8", 14, "AES-128-CCM", "rfc4309(ccm(aes))", 16, 3, 8,
		TIER_COMPAT),
	ENCR(ENCR_3DES, 0, "3des", 5, 3, "DES-EDE3-CBC", "cbc(des3_ede)", 24, 0, 8, 8, 112,
		TIER_LEGACY),

	PRF(PRF_HMAC_SHA2_512, "prfsha512", 6, "SHA512", 64, 256, TIER_DEFAULT),
	PRF(PRF_HMAC_SHA2_384, "prfsha384", 5, "SHA384", 48, 256, TIER_DEFAULT),
	PRF(PRF_HMAC_SHA2_256, "prfsha256", 4, "SHA256", 32, 256, TIER_DEFAULT),
	PRF(PRF_HMAC_SHA1, "prfsha1", 2, "SHA1", 20, 128, TIER_COMPAT),
	PRF(PRF_HMAC_MD5, "prfmd5", 1, "MD5", 16, 64, TIER_LEGACY),

	INTEG(AUTH_HMAC_SHA2_512_256, "sha512", 6, 7, "SHA512", "hmac(sha512)", 64, 32, 256,
		TIER_DEFAULT),
	INTEG(AUTH_HMAC_SHA2_384_192, "sha384", 5, 6, "SHA384", "hmac(sha384)", 48, 24, 256,
		TIER_DEFAULT),
	INTEG(AUTH_HMAC_SHA2_256_128, "sha256", 4, 5, "SHA256", "hmac(sha256)", 32, 16, 256,
		TIER_DEFAULT),
	INTEG(AUTH_HMAC_SHA1_96, "sha1", 2, 2, "SHA1", "hmac(sha1)", 20, 12, 128, TIER_COMPAT),
	INTEG(AUTH_HMAC_MD5_96, "md5", 1, 1, "MD5", "hmac(md5)", 16, 12, 64, TIER_LEGACY),

	/* RFC 8031 numbers them for IKEv2; strongSwan and libreswan use the same numbers in IKEv1. */
	KE(KE_X25519, "x25519", "Curve25519", 31, "X25519", 32, 128, TIER_DEFAULT),
	KE(KE_X448, "x448", "Curve448", 32, "X448", 56, 224, TIER_DEFAULT),
	KE(KE_ECP521, "ecp521", "521-bit random ECP group", 21, "P-521", 132, 256, TIER_DEFAULT),
	KE(KE_ECP384, "ecp384", "384-bit random ECP group", 20, "P-384", 96, 192, TIER_DEFAULT),
	KE(KE_ECP256, "ecp256", "256-bit random ECP group", 19, "P-256", 64, 128, TIER_DEFAULT),
	KE(KE_MODP8192, "modp8192", "8192-bit MODP group", 18, "modp_8192", 1024, 200,
		TIER_DEFAULT),
	KE(KE_MODP6144, "modp6144", "6144-bit MODP group", 17, "modp_6144", 768, 176, TIER_DEFAULT),
	KE(KE_MODP4096, "modp4096", "4096-bit MODP group", 16, "modp_4096", 512, 152, TIER_DEFAULT),
	KE(KE_MODP3072, "modp3072", "3072-bit MODP group", 15, "modp_3072", 384, 128, TIER_DEFAULT),
	KE(KE_MODP2048, "modp2048", "2048-bit MODP group", 14, "modp_2048", 256, 112, TIER_DEFAULT),
	KE(KE_MODP1536, "modp1536", "1536-bit MODP group", 5, "modp_1536", 192, 90, TIER_LEGACY),
	KE(KE_MODP1024, "modp1024", "1024-bit MODP group", 2, "modp_1024", 128, 80, TIER_LEGACY),
	/* draft-ietf-ipsecme-ikev2-mlkem; the strengths are those of the categories of FIPS 203. */
	KEM(KE_ML_KEM_1024, "mlkem1024", "ML-KEM-1024", 1568, 1568, 256),
	KEM(KE_ML_KEM_768, "mlkem768", "ML-KEM-768", 1184, 1088, 192),
	KEM(KE_ML_KEM_512, "mlkem512", "ML-KEM-512", 800, 768, 128),

	{ .type = TRANSFORM_ESN, .id = ESN_YES, .name = "esn", .iana = "ESN" },
	{ .type = TRANSFORM_ESN, .id = ESN_NO, .name = "noesn", .iana = "No ESN" },
};

const struct alg alg_ke_none = { .type = TRANSFORM_KE, .name = "none", .usable = ALG_USABLE };

/* Other spellings that people bring along from their old configuration. */
static const struct {
	const char *alias, *name;
} aliases[] = {
	{ "curve25519", "x25519" },
	{ "curve448", "x448" },
	{ "sha", "sha1" },
	{ "sha2_256", "sha256" },
	{ "sha2_384", "sha384" },
	{ "sha2_512", "sha512" },
};

const struct alg *alg_find(enum transform_type type, uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == type && table[i].id == id && table[i].key_bits == key_bits)
			return &table[i];
	return NULL;
}

const struct alg *alg_by_name(enum transform_type type, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (strcasecmp(name, aliases[i].alias) == 0)
			name = aliases[i].name;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == type && strcasecmp(name, table[i].name) == 0)
			return &table[i];
	return NULL;
}

const struct alg *alg_row(size_t i)
{
	return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

const struct alg *alg_prf_of_integ(const struct alg *integ)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == TRANSFORM_PRF && strcmp(table[i].ossl, integ->ossl) == 0)
			return &table[i];
	return NULL;
}

const char *tier_name(enum tier tier)
{
	static const char *const names[] = {
		[TIER_DEFAULT] = "default", [TIER_COMPAT] = "compat", [TIER_LEGACY] = "legacy"
	};

	return names[tier];
}

bool alg_quantum_safe(const struct alg *a)
{
	return a->type == TRANSFORM_KE && a->id >= KE_ML_KEM_512 && a->id <= KE_ML_KEM_1024;
}

bool alg_weak(const struct alg *a)
{
	switch (a->type) {
	case TRANSFORM_ENCR:
		return a->id == ENCR_3DES;
	case TRANSFORM_PRF:
		return a->id == PRF_HMAC_MD5 || a->id == PRF_HMAC_SHA1;
	case TRANSFORM_INTEG:
		return a->id == AUTH_HMAC_MD5_96 || a->id == AUTH_HMAC_SHA1_96;
	case TRANSFORM_KE:
		return a->id == KE_MODP1024 || a->id == KE_MODP1536;
	case TRANSFORM_ESN:
		return false;
	}
	return false;
}

void alg_set_usable(const struct alg *a, bool usable)
{
	table[a - table].usable = usable ? ALG_USABLE : ALG_MISSING;
}
