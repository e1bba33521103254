#include "crypto/mschap.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/types.h"
#include "crypto/prf.h"
#include "ossl.h"

enum {
	HASH_LEN = 16, /* MD4 */
	SHA1_LEN = 20,
	CHALLENGE_LEN = 8, /* what is left of the three parts, RFC 2759 section 8.2 */
	PASSWORD_UNITS = 256, /* UTF-16 units, RFC 2759 section 8: 0-to-256-unicode-char */
	MASTER_LEN = 16,
};

/* One letter of well-formed UTF-8 (RFC 3629), or false. */
static bool utf8_next(struct rd *r, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = rd_u8(r);
	unsigned more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

	if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4)
		return false;
	*code = more ? lead & (0x3fu >> more) : lead;
	for (unsigned i = 0; i < more; i++) {
		uint8_t next = rd_u8(r);
		if ((next & 0xc0) != 0x80)
			return false;
		*code = *code << 6 | (next & 0x3f);
	}
	return *code >= least[more] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
}

static void put_unit(struct wr *w, uint32_t unit)
{
	wr_u8(w, (uint8_t)unit);
	wr_u8(w, (uint8_t)(unit >> 8));
}

/* To UTF-16, little end first. */
static bool password_unicode(const struct passphrase *password, struct wr *w, struct err *e)
{
	struct rd r = rd_init(password->text, password->len);
	uint32_t code;

	while (r.left > 0) {
		if (!utf8_next(&r, &code))
			return err_set(e, ERR_CONFIG, "the password is not valid UTF-8");
		if (code >= 0x10000) {
			put_unit(w, 0xd800 + ((code - 0x10000) >> 10));
			put_unit(w, 0xdc00 + ((code - 0x10000) & 0x3ff));
		} else {
			put_unit(w, code);
		}
	}
	return !w->bad ||
		err_set(e, ERR_CONFIG, "the password has more than %d letters", PASSWORD_UNITS);
}

/* MD4 of the password, and of that again. */
static bool password_hashes(const struct passphrase *password, uint8_t hash[DIGEST_MAX],
	uint8_t hash_hash[DIGEST_MAX], struct err *e)
{
	uint8_t unicode[2 * PASSWORD_UNITS];
	struct wr w = wr_init(unicode, sizeof(unicode));
	struct bytes one = { unicode, 0 }, two = { hash, HASH_LEN };
	size_t n;

	bool ok = password_unicode(password, &w, e);
	one.n = w.len;
	ok = ok && digest("MD4", &one, 1, hash, &n, e) && digest("MD4", &two, 1, hash_hash, &n, e);
	wipe(unicode, sizeof(unicode));
	return ok;
}

/* Seven octets of key become eight, each with a parity bit, which DES ignores, at its end. */
static void des_key(const uint8_t *seven, uint8_t eight[8])
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned before = i > 0 ? seven[i - 1] : 0, here = i < 7 ? seven[i] : 0;
		eight[i] = (uint8_t)((before << (8 - i) | here >> i) & 0xfe);
	}
}

/* ChallengeResponse, RFC 2759 section 8.5: the hash, padded to 21 octets, makes three DES keys. */
static bool challenge_response(const uint8_t challenge[CHALLENGE_LEN], const uint8_t hash[HASH_LEN],
	uint8_t out[MSCHAP_RESPONSE_LEN], struct err *e)
{
	uint8_t padded[21] = { 0 }, key[8];
	OSSL_LIB_CTX *lib = ossl_legacy(e);

	if (!lib)
		return false;
	EVP_CIPHER *des = EVP_CIPHER_fetch(lib, "DES-ECB", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = des && ctx;
	memcpy(padded, hash, HASH_LEN);
	for (size_t i = 0; ok && i < 3; i++) {
		int n = 0;
		des_key(padded + 7 * i, key);
		ok = EVP_EncryptInit_ex2(ctx, des, key, NULL, NULL) == 1 &&
			EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
			EVP_EncryptUpdate(ctx, out + 8 * i, &n, challenge, CHALLENGE_LEN) == 1 &&
			n == 8;
	}
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(des);
	wipe(padded, sizeof(padded));
	wipe(key, sizeof(key));
	return ok || ossl_err(e, ERR_LOCAL, "DES");
}

/* GenerateAuthenticatorResponse, RFC 2759 section 8.7. */
static bool authenticator_response(const uint8_t hash_hash[HASH_LEN],
	const uint8_t challenge[CHALLENGE_LEN], struct mschap *out, struct err *e)
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	uint8_t first[DIGEST_MAX], second[DIGEST_MAX];
	size_t n;
	struct bytes parts[] = { { hash_hash, HASH_LEN }, { out->nt_response, MSCHAP_RESPONSE_LEN },
		{ magic1, sizeof(magic1) - 1 } };
	struct bytes again[] = { { first, SHA1_LEN }, { challenge, CHALLENGE_LEN },
		{ magic2, sizeof(magic2) - 1 } };

	if (!digest("SHA1", parts, ARRAY_LEN(parts), first, &n, e) ||
		!digest("SHA1", again, ARRAY_LEN(again), second, &n, e))
		return false;
	memcpy(out->authenticator, "S=", 2);
	for (size_t i = 0; i < SHA1_LEN; i++)
		snprintf(out->authenticator + 2 + 2 * i, 3, "%02X", second[i]);
	return true;
}

/* GetAsymmetricStartKey, RFC 3079 section 3.4, into 16 octets. */
static bool start_key(
	const uint8_t master[MASTER_LEN], const char *magic, uint8_t *out, struct err *e)
{
	static const uint8_t pad1[40];
	uint8_t pad2[40], hash[DIGEST_MAX];
	struct bytes parts[] = { { master, MASTER_LEN }, { pad1, sizeof(pad1) },
		{ magic, strlen(magic) }, { pad2, sizeof(pad2) } };
	size_t n;

	memset(pad2, 0xf2, sizeof(pad2));
	bool ok = digest("SHA1", parts, ARRAY_LEN(parts), hash, &n, e);
	if (ok)
		memcpy(out, hash, MASTER_LEN);
	wipe(hash, sizeof(hash));
	return ok;
}

/* The MSK is the same octets on both ends, so it is written from the authenticator's end: its
 * MasterReceiveKey, then its MasterSendKey (as a RADIUS server hands them to the gateway in
 * MS-MPPE-Recv-Key and MS-MPPE-Send-Key), then zeros. What the authenticator receives with the
 * client sends with, hence "client send" first. */
static bool make_msk(const uint8_t hash_hash[HASH_LEN], struct mschap *out, struct err *e)
{
	static const char magic1[] = "This is the MPPE Master Key";
	static const char client_send[] = "On the client side, this is the send key; "
					  "on the server side, it is the receive key.";
	static const char client_receive[] = "On the client side, this is the receive key; "
					     "on the server side, it is the send key.";
	uint8_t master[DIGEST_MAX];
	struct bytes parts[] = { { hash_hash, HASH_LEN }, { out->nt_response, MSCHAP_RESPONSE_LEN },
		{ magic1, sizeof(magic1) - 1 } };
	size_t n;

	secret_wipe(&out->msk);
	out->msk.len = MSCHAP_MSK_LEN;
	bool ok = digest("SHA1", parts, ARRAY_LEN(parts), master, &n, e) &&
		start_key(master, client_send, out->msk.data, e) &&
		start_key(master, client_receive, out->msk.data + MASTER_LEN, e);
	wipe(master, sizeof(master));
	return ok;
}

bool mschap_compute(const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const char *user, const struct passphrase *password, struct mschap *out, struct err *e)
{
	struct bytes parts[] = { { peer_challenge, MSCHAP_CHALLENGE_LEN },
		{ authenticator_challenge, MSCHAP_CHALLENGE_LEN }, { user, strlen(user) } };
	uint8_t challenge[DIGEST_MAX], hash[DIGEST_MAX], hash_hash[DIGEST_MAX];
	size_t n;

	memset(out, 0, sizeof(*out));
	/* ChallengeHash, RFC 2759 section 8.2: its first 8 octets are the challenge. */
	bool ok = digest("SHA1", parts, ARRAY_LEN(parts), challenge, &n, e) &&
		password_hashes(password, hash, hash_hash, e) &&
		challenge_response(challenge, hash, out->nt_response, e) &&
		authenticator_response(hash_hash, challenge, out, e) && make_msk(hash_hash, out, e);
	wipe(hash, sizeof(hash));
	wipe(hash_hash, sizeof(hash_hash));
	if (!ok)
		wipe(out, sizeof(*out));
	return ok;
}

void mschap_warm(void)
{
	static const uint8_t challenge[MSCHAP_CHALLENGE_LEN];
	static const struct passphrase nothing;
	struct mschap out;
	struct err e;

	(void)!mschap_compute(challenge, challenge, "", &nothing, &out, &e);
	wipe(&out, sizeof(out));
}
