/*
 * Messages as they should not be. Three kinds: what the gateway means (it seals and signs it), what
 * somebody on the way changed, and what a stranger sends. The outcome is always one of: ignored, and
 * then the connection completes; or it fails cleanly, for a reason of the right kind. Never is a
 * tunnel made of it that the gateway does not have just so.
 */
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"
#include "people.h"

enum during { HANDSHAKE, REKEY_CHILD, REKEY_IKE };
enum proof { PSK, CERT, EAP };

/* The answer comes from somebody else first, and the gateway's own 500 ms later. */
enum forged {
	THEN_UP,   /* it is ignored, and the gateway's own answer is taken (T-32) */
	THEN_AUTH, /* it is believed at first, and then the signature does not fit (T-29) */
	NO_FORGER, /* believed, and the rest is silence: nothing protects IKE_SA_INIT against this */
};

struct row {
	const char *name;
	struct edit edits[4];
	enum err_kind kind; /* ERR_NONE: it completes */
	uint16_t notify;
	enum forged forged;
	enum proof proof;
	bool modp;
	enum during during;
	uint32_t mid; /* of the IKE_AUTH answer; 0: the first */
};

#define EDIT(operation, type, ...) { .op = (operation), .payload = PAYLOAD_##type, __VA_ARGS__ }
#define SET(type, where, what) EDIT(EDIT_SET, type, .at = (where), .hex = (what))
#define ADD(type, what) EDIT(EDIT_ADD, type, .hex = (what))
/* A message of one notify: protocol and SPI size, type, data. */
#define ONLY(what) { .op = EDIT_NOTHING }, EDIT(EDIT_ADD, N, .hex = (what))

static char modp_top[2 * 256 + 1]; /* p - 1 of group 14 */
static char zeros32[2 * 32 + 1], zeros64[2 * 64 + 1];

/* --- IKE_SA_INIT: what the gateway answers, and what a forger does ------------------------------ */

static const struct row init[] = {
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER },
	{ "no KE", { EDIT(EDIT_DROP, KE) }, .kind = ERR_PEER },
	{ "no nonce", { EDIT(EDIT_DROP, NONCE) }, .kind = ERR_PEER },
	{ "SA twice", { EDIT(EDIT_DUP, SA) }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_PEER },
	{ "proposal 0", { SET(SA, 4, "00") }, .kind = ERR_PEER },
	{ "proposal 99", { SET(SA, 4, "63") }, .kind = ERR_PEER },
	{ "a proposal for ESP", { SET(SA, 5, "03") }, .kind = ERR_PEER },
	{ "T-12 encryption that was not offered", { SET(SA, 14, "000c") }, .kind = ERR_PEER },
	{ "T-12 encryption NULL", { SET(SA, 14, "000b") }, .kind = ERR_PEER },
	{ "T-12 a longer key than offered", { SET(SA, 18, "0100") }, .kind = ERR_PEER },
	{ "T-12 encryption that nobody knows", { SET(SA, 14, "fffe") }, .kind = ERR_PEER },
	{ "the last transform is missing", { EDIT(EDIT_CUT, SA, .at = 28), SET(SA, 2, "001c") }, .kind = ERR_PEER },
	{ "a transform twice", { EDIT(EDIT_SET, SA, .at = 24, .hex = "01") }, .kind = ERR_PEER },
	{ "SA cut short", { EDIT(EDIT_CUT, SA, .at = 11) }, .kind = ERR_PEER },
	{ "transform of length 0", { SET(SA, 10, "0000") }, .kind = ERR_PEER },
	{ "octets behind the proposal", { EDIT(EDIT_GROW, SA, .at = 4) }, .kind = ERR_PEER },
	{ "T-08 KE of another group", { SET(KE, 0, "0013") }, .kind = ERR_PEER },
	{ "T-08 KE of an unknown group", { SET(KE, 0, "0401") }, .kind = ERR_PEER },
	{ "T-08 KE too short", { EDIT(EDIT_CUT, KE, .at = 35) }, .kind = ERR_PEER },
	{ "T-08 KE too long", { EDIT(EDIT_GROW, KE, .at = 1) }, .kind = ERR_PEER },
	{ "T-08 KE empty", { EDIT(EDIT_CUT, KE, .at = 4) }, .kind = ERR_PEER },
	{ "T-08 KE not even a group", { EDIT(EDIT_CUT, KE, .at = 1) }, .kind = ERR_PEER },
	{ "T-08 x25519 of zeros", { SET(KE, 4, zeros32) }, .kind = ERR_PEER },
	{ "T-08 MODP 0", { EDIT(EDIT_CUT, KE, .at = 4), EDIT(EDIT_GROW, KE, .at = 256) }, .kind = ERR_PEER,
		.modp = true },
	{ "T-08 MODP 1", { EDIT(EDIT_CUT, KE, .at = 4), EDIT(EDIT_GROW, KE, .at = 256), SET(KE, -1, "01") },
		.kind = ERR_PEER, .modp = true },
	{ "T-08 MODP p - 1", { SET(KE, 4, modp_top) }, .kind = ERR_PEER, .modp = true },
	{ "a nonce of 15 octets", { EDIT(EDIT_CUT, NONCE, .at = 15) }, .kind = ERR_PEER },
	{ "a nonce of 257 octets", { EDIT(EDIT_GROW, NONCE, .at = 225) }, .kind = ERR_PEER },
	{ "an unknown critical payload", { { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "00" } },
		.kind = ERR_PEER },
	{ "an unknown payload", { { .op = EDIT_ADD, .payload = 200, .hex = "00" } }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
	{ "T-07 a payload of IKEv1", { { .op = EDIT_ADD, .payload = 1, .hex = "00000001" } }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
	{ "65 payloads", { EDIT(EDIT_MANY, V, .at = 65) }, .kind = ERR_SILENT },
	{ "a payload longer than the message", { EDIT(EDIT_LENGTH, NONCE, .at = 4000) }, .kind = ERR_SILENT },
	{ "a payload of length 3", { EDIT(EDIT_BODY, V, .hex = ""), ADD(V, ""),
		EDIT(EDIT_LENGTH, V, .at = -1) }, .kind = ERR_SILENT },
	{ "an SK payload in the clear", { ADD(SK, zeros64) }, .kind = ERR_SILENT },
	{ "T-32 NO_PROPOSAL_CHOSEN", { ONLY("0000000e") }, .kind = ERR_PEER, .notify = NO_PROPOSAL_CHOSEN },
	{ "T-32 INVALID_SYNTAX", { ONLY("00000007") }, .kind = ERR_PEER, .notify = INVALID_SYNTAX },
	{ "T-32 INVALID_MAJOR_VERSION", { ONLY("00000005") }, .kind = ERR_PEER, .notify = INVALID_MAJOR_VERSION },
	{ "T-32 AUTHENTICATION_FAILED", { ONLY("00000018") }, .kind = ERR_PEER, .notify = AUTHENTICATION_FAILED },
	{ "T-32 an error that nobody knows", { ONLY("00002000") }, .kind = ERR_PEER, .notify = 0x2000 },
	{ "an error beside a good answer", { ADD(N, "0000000e") }, .kind = ERR_PEER, .notify = NO_PROPOSAL_CHOSEN },
	{ "a notify cut short", { ADD(N, "0000") }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "a notify with an SPI longer than itself", { ADD(N, "00ff000e") }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "an empty cookie", { ONLY("00004006") }, .kind = ERR_SILENT },
	{ "a cookie of 65 octets", { { .op = EDIT_NOTHING }, ADD(N, "00004006"),
		EDIT(EDIT_GROW, N, .at = 65) }, .kind = ERR_SILENT },
	{ "a wanted group that was not offered", { ONLY("0000001100ff") }, .kind = ERR_PEER, .notify = NO_PROPOSAL_CHOSEN },
	{ "a wanted group that we have used", { ONLY("00000011001f") }, .kind = ERR_PEER, .notify = NO_PROPOSAL_CHOSEN },
	{ "a wanted group of one octet", { ONLY("000000111f") }, .kind = ERR_PEER, .notify = NO_PROPOSAL_CHOSEN },
	{ "odd signature hashes", { ADD(N, "0000402f000200") }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "a NAT detection hash of 3 octets", { ADD(N, "00004004aabbcc") }, .kind = ERR_NONE, .forged = THEN_AUTH },
};

/* --- IKE_AUTH: the gateway means it ---------------------------------------------------------------- */

static const struct row auth[] = {
	{ "nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_AUTH },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE },
	{ "no IDr", { EDIT(EDIT_DROP, IDr) }, .kind = ERR_AUTH },
	{ "IDr twice", { EDIT(EDIT_DUP, IDr) }, .kind = ERR_NONE },
	{ "IDr of another type", { SET(IDr, 0, "0b") }, .kind = ERR_AUTH },
	{ "IDr of 0 octets", { EDIT(EDIT_BODY, IDr, .hex = "") }, .kind = ERR_PEER },
	{ "IDr without a name", { EDIT(EDIT_CUT, IDr, .at = 4) }, .kind = ERR_PEER },
	{ "IDr of 1025 octets", { EDIT(EDIT_GROW, IDr, .at = 1025) }, .kind = ERR_PEER },
	{ "IDr an address of 3 octets", { EDIT(EDIT_BODY, IDr, .hex = "01000000c00002") }, .kind = ERR_PEER },
	{ "no AUTH", { EDIT(EDIT_DROP, AUTH) }, .kind = ERR_AUTH },
	{ "AUTH twice", { EDIT(EDIT_DUP, AUTH) }, .kind = ERR_NONE },
	{ "T-25 AUTH of another method", { SET(AUTH, 0, "01") }, .kind = ERR_AUTH },
	{ "T-25 AUTH of method 0", { SET(AUTH, 0, "00") }, .kind = ERR_AUTH },
	{ "T-25 AUTH method NULL (RFC 7619)", { SET(AUTH, 0, "0d") }, .kind = ERR_AUTH },
	{ "T-25 AUTH with a bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = 4, .hex = "80") }, .kind = ERR_AUTH },
	{ "T-25 AUTH with the last bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = -1, .hex = "01") }, .kind = ERR_AUTH },
	{ "T-25 AUTH cut by an octet", { EDIT(EDIT_CUT, AUTH, .at = 35) }, .kind = ERR_AUTH },
	{ "T-25 AUTH empty", { EDIT(EDIT_CUT, AUTH, .at = 4) }, .kind = ERR_AUTH },
	{ "T-25 AUTH not even a method", { EDIT(EDIT_CUT, AUTH, .at = 0) }, .kind = ERR_AUTH },
	{ "T-25 AUTH of zeros", { SET(AUTH, 4, zeros32) }, .kind = ERR_AUTH },
	{ "T-25 AUTH an octet longer", { EDIT(EDIT_GROW, AUTH, .at = 1) }, .kind = ERR_AUTH },
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER },
	{ "SA twice", { EDIT(EDIT_DUP, SA) }, .kind = ERR_NONE },
	{ "no TSi", { EDIT(EDIT_DROP, TSi) }, .kind = ERR_PEER },
	{ "no TSr", { EDIT(EDIT_DROP, TSr) }, .kind = ERR_PEER },
	{ "proposal 0", { SET(SA, 4, "00") }, .kind = ERR_PEER },
	{ "proposal 99", { SET(SA, 4, "63") }, .kind = ERR_PEER },
	{ "AH", { SET(SA, 5, "02") }, .kind = ERR_PEER },
	{ "ESP SPI 0", { SET(SA, 8, "00000000") }, .kind = ERR_PEER },
	{ "ESP SPI 255", { SET(SA, 8, "000000ff") }, .kind = ERR_PEER },
	{ "ESP SPI of 3 octets", { SET(SA, 6, "03") }, .kind = ERR_PEER },
	{ "T-12 encryption that was not offered", { SET(SA, 18, "000b") }, .kind = ERR_PEER },
	{ "ESN that was not offered", { SET(SA, -1, "01") }, .kind = ERR_PEER },
	{ "T-09 TSr outside of what was asked", { SET(TSr, 12, "0b000000") }, .kind = ERR_PEER },
	{ "T-09 TSr of more than was asked", { SET(TSr, 16, "ffffffff") }, .kind = ERR_PEER },
	{ "T-09 TSi outside of what was asked", { SET(TSi, 8, "0000ffffac100000ac10ffff") }, .kind = ERR_PEER },
	{ "T-09 TSr ends before it starts", { SET(TSr, 12, "0a0500000a040000") }, .kind = ERR_PEER },
	{ "T-09 TSr with ports the wrong way", { SET(TSr, 8, "00090003") }, .kind = ERR_PEER },
	{ "T-09 no selector in TSr", { SET(TSr, 0, "00") }, .kind = ERR_PEER },
	{ "T-09 two selectors in TSr, one there", { SET(TSr, 0, "02") }, .kind = ERR_PEER },
	{ "T-09 TSr of an unknown kind", { SET(TSr, 4, "09") }, .kind = ERR_PEER },
	{ "T-09 TSr of the other family", { SET(TSr, 4, "08") }, .kind = ERR_PEER },
	{ "T-09 selector of length 0", { SET(TSr, 6, "0000") }, .kind = ERR_PEER },
	{ "T-09 TSr narrower", { SET(TSr, 12, "0a0300000a03ffff") }, .kind = ERR_NONE },
	{ "transport mode, unasked", { ADD(N, "00004007") }, .kind = ERR_PEER },
	{ "IPComp, unasked", { ADD(N, "0000400b123403") }, .kind = ERR_NONE },
	{ "an unknown critical payload", { { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "00" } },
		.kind = ERR_PEER },
	{ "an unknown payload", { { .op = EDIT_ADD, .payload = 200, .hex = "00" } }, .kind = ERR_NONE },
	{ "EAP where nobody wants it", { ADD(EAP, "0101000501") }, .kind = ERR_NONE },
	{ "65 payloads", { EDIT(EDIT_MANY, V, .at = 65) }, .kind = ERR_SILENT },
	{ "a payload longer than the message", { EDIT(EDIT_LENGTH, TSr, .at = 400) }, .kind = ERR_SILENT },
	{ "an encrypted payload inside", { ADD(SK, zeros64), EDIT(EDIT_ONLY, SK) }, .kind = ERR_SILENT },
	{ "CP that is a request", { EDIT(EDIT_SET, CP, .at = 0, .hex = "01") }, .kind = ERR_PEER },
	{ "CP cut short", { EDIT(EDIT_CUT, CP, .at = 9) }, .kind = ERR_PEER },
	{ "CP attribute longer than CP", { SET(CP, 6, "ffff") }, .kind = ERR_PEER },
	{ "CP empty", { EDIT(EDIT_BODY, CP, .hex = "02000000") }, .kind = ERR_NONE },
	{ "CP not even a type", { EDIT(EDIT_BODY, CP, .hex = "") }, .kind = ERR_PEER },
	{ "CP with an address of 3 octets", { EDIT(EDIT_BODY, CP, .hex = "0200000000010003c00002") },
		.kind = ERR_NONE },
	{ "CP with a prefix of 129 bits", { EDIT(EDIT_BODY, CP,
		.hex = "0200000000080011 20010db8000000000000000000000001 81") }, .kind = ERR_NONE },
	{ "CP twice", { EDIT(EDIT_DUP, CP) }, .kind = ERR_NONE },
	{ "an error beside AUTH", { ADD(N, "00000018") }, .kind = ERR_PEER, .notify = AUTHENTICATION_FAILED },
	{ "only an error", { ONLY("00000018") }, .kind = ERR_PEER, .notify = AUTHENTICATION_FAILED },
	{ "only a status", { ONLY("00004000") }, .kind = ERR_AUTH },
	{ "an AUTH_LIFETIME of 3 octets", { ADD(N, "00004013000e10") }, .kind = ERR_NONE },

	{ "T-25 signature with a bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = 40, .hex = "10") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "T-25 signature of zeros", { EDIT(EDIT_CUT, AUTH, .at = 4), EDIT(EDIT_GROW, AUTH, .at = 64) },
		.kind = ERR_AUTH, .proof = CERT },
	{ "T-25 signature empty", { EDIT(EDIT_CUT, AUTH, .at = 4) }, .kind = ERR_AUTH, .proof = CERT },
	{ "T-25 a shared key's method instead of a signature", { SET(AUTH, 0, "02") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "T-25 method 9 for what is method 14", { SET(AUTH, 0, "09") }, .kind = ERR_AUTH, .proof = CERT },
	{ "T-25 AlgorithmIdentifier of length 255", { SET(AUTH, 4, "ff") }, .kind = ERR_AUTH, .proof = CERT },
	{ "no CERT", { EDIT(EDIT_DROP, CERT) }, .kind = ERR_AUTH, .proof = CERT },
	{ "CERT of nonsense", { EDIT(EDIT_BODY, CERT, .hex = "0430030201ff") }, .kind = ERR_AUTH, .proof = CERT },
	{ "CERT empty", { EDIT(EDIT_BODY, CERT, .hex = "") }, .kind = ERR_AUTH, .proof = CERT },
	{ "CERT with a bit flipped", { EDIT(EDIT_FLIP, CERT, .at = -20, .hex = "01") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "CERT of an unknown encoding", { SET(CERT, 0, "07") }, .kind = ERR_AUTH, .proof = CERT },
	{ "17 CERT", { EDIT(EDIT_MANY, CERT, .at = 16) }, .kind = ERR_AUTH, .proof = CERT },

	{ "EAP of nonsense", { EDIT(EDIT_BODY, EAP, .hex = "ffffffff") }, .kind = ERR_PEER, .proof = EAP },
	{ "EAP empty", { EDIT(EDIT_BODY, EAP, .hex = "") }, .kind = ERR_PEER, .proof = EAP },
	{ "EAP shorter than it says", { EDIT(EDIT_BODY, EAP, .hex = "0101ffff01") }, .kind = ERR_PEER,
		.proof = EAP },
	{ "EAP failure at once", { EDIT(EDIT_BODY, EAP, .hex = "04010004") }, .kind = ERR_PEER, .proof = EAP },
	{ "no EAP", { EDIT(EDIT_DROP, EAP) }, .kind = ERR_PEER, .proof = EAP },
	{ "EAP, last answer: AUTH with a bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = -1, .hex = "01") },
		.kind = ERR_AUTH, .proof = EAP, .mid = 4 },
	{ "EAP, last answer: AUTH of zeros", { SET(AUTH, 4, zeros32) }, .kind = ERR_AUTH, .proof = EAP,
		.mid = 4 },
	{ "EAP, last answer: no AUTH", { EDIT(EDIT_DROP, AUTH) }, .kind = ERR_PEER, .proof = EAP, .mid = 4 },
	{ "EAP, last answer: AUTH of another method", { SET(AUTH, 0, "0e") }, .kind = ERR_AUTH,
		.proof = EAP, .mid = 4 },
	{ "EAP, last answer: no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER, .proof = EAP, .mid = 4 },
	{ "EAP, last answer: only an error", { ONLY("00000018") }, .kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED, .proof = EAP, .mid = 4 },
	{ "EAP, last answer: nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_PEER, .proof = EAP, .mid = 4 },
	{ "EAP, more EAP after success", { EDIT(EDIT_DROP, AUTH), ADD(EAP, "0104000501") },
		.kind = ERR_PEER, .proof = EAP, .mid = 4 },
	{ "an EAP response", { EDIT(EDIT_BODY, EAP, .hex = "0201000501") }, .kind = ERR_PEER, .proof = EAP },
};

/* --- CREATE_CHILD_SA: answers to ours ------------------------------------------------------------- */

static const struct row child[] = {
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER },
	{ "no nonce", { EDIT(EDIT_DROP, NONCE) }, .kind = ERR_PEER },
	{ "no KE", { EDIT(EDIT_DROP, KE) }, .kind = ERR_PEER },
	{ "no TSi", { EDIT(EDIT_DROP, TSi) }, .kind = ERR_PEER },
	{ "KE of another group", { SET(KE, 0, "0013") }, .kind = ERR_PEER },
	{ "KE of zeros", { SET(KE, 4, zeros32) }, .kind = ERR_PEER },
	{ "a short nonce", { EDIT(EDIT_CUT, NONCE, .at = 15) }, .kind = ERR_PEER },
	{ "SPI 0", { SET(SA, 8, "00000000") }, .kind = ERR_PEER },
	{ "no key exchange although one was asked for", { EDIT(EDIT_DROP, KE), SET(SA, 31, "00") },
		.kind = ERR_PEER },
	{ "TSr of more than there was", { SET(TSr, 16, "ffffffff") }, .kind = ERR_PEER },
	{ "nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_PEER },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE },
	{ "no further SAs", { ONLY("00000023") }, .kind = ERR_PEER, .notify = NO_ADDITIONAL_SAS },
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "no nonce", { EDIT(EDIT_DROP, NONCE) }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "no KE", { EDIT(EDIT_DROP, KE) }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "KE of zeros", { SET(KE, 4, zeros32) }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "IKE SPI 0", { SET(SA, 8, "0000000000000000") }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "IKE SPI of 4 octets", { SET(SA, 6, "04") }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "encryption that was not offered", { SET(SA, 22, "000b") }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE, .during = REKEY_IKE },
};

static struct passphrase password;
static const uint8_t methods[] = { EAP_GTC };

static void prepare(struct pair *p, const struct row *r)
{
	struct prefix lan;

	pair_init(p, 3);
	assert_true(prefix_parse(&lan, "10.0.0.0/8"));
	selector_from_prefix(&p->cfg.remote_ts.v[0], &lan);
	selector_from_prefix(&p->cfg.local_ts.v[0], &lan);
	p->cfg.remote_ts.n = p->cfg.local_ts.n = 1;
	if (r->modp)
		p->ike = p->gwc.ike = "aes128gcm16-prfsha256-modp2048";
	p->cfg.remote_id_strict = true;
	p->cfg.trust = p->gwc.trust = people_trust();
	p->cfg.remote_psk = r->proof == PSK;
	p->gwc.by_cert = r->proof != PSK;
	p->gwc.own = r->proof == PSK ? NULL : person(GW_ECDSA);
	p->gwc.eap = EAP_GTC;
	if (r->proof == EAP) {
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		assert_true(passphrase_set(&password, "correct horse", 13));
		p->cfg.eap = (struct eap_config){ .user = "anna", .password = &password,
			.methods = methods, .n_methods = 1 };
	}
}

static void set_edits(struct pair *p, const struct row *r, uint8_t exchange)
{
	for (size_t i = 0; i < ARRAY_LEN(r->edits); i++) {
		p->gwc.edits[i] = r->edits[i];
		p->gwc.edits[i].exchange = exchange;
		p->gwc.edits[i].any_mid = exchange == CREATE_CHILD_SA;
		p->gwc.edits[i].mid = exchange != IKE_AUTH ? 0 : r->mid ? r->mid : 1;
	}
}

/* The gateway says so again and again. */
static void meant(void **state, uint8_t exchange)
{
	const struct row *r = *state;
	struct pair p;

	prepare(&p, r);
	if (exchange != CREATE_CHILD_SA)
		set_edits(&p, r, exchange);
	pair_connect(&p);
	if (exchange == CREATE_CHILD_SA) {
		pair_run(&p, 100);
		pair_check_up(&p, 1);
		set_edits(&p, r, exchange);
		pair_command(&p, r->during == REKEY_IKE ? CMD_REKEY_IKE : CMD_REKEY_CHILD);
	}
	pair_run(&p, SECONDS(60));
	if (r->kind == ERR_NONE)
		assert_int_equal(client_phase(&p.client), IKE_UP);
	else
		pair_check_dead(&p, r->kind, r->notify);
	assert_int_equal(plane_count(&p.net.plane[CLIENT], SA_IN), r->kind == ERR_NONE);
	pair_free(&p);
}

static void init_meant(void **state)
{
	meant(state, IKE_SA_INIT);
}

static void auth_meant(void **state)
{
	meant(state, IKE_AUTH);
}

static void child_meant(void **state)
{
	meant(state, CREATE_CHILD_SA);
}

/* --- the forger ------------------------------------------------------------------------------------- */

struct forger {
	const struct row *row;
	bool done;
};

static bool forge_first_answer(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct forger *x = arg;
	uint8_t copy[8192];
	size_t len = f->len;

	if (from != GATEWAY || x->done)
		return false;
	x->done = true;
	memcpy(copy, f->data, len);
	for (size_t i = 0; i < ARRAY_LEN(x->row->edits); i++)
		if (x->row->edits[i].op != EDIT_NONE)
			len = IKE_HDR_LEN + edit_chain(&x->row->edits[i], &copy[16], copy + IKE_HDR_LEN,
				len - IKE_HDR_LEN, sizeof(copy) - IKE_HDR_LEN);
	copy[26] = (uint8_t)(len >> 8);
	copy[27] = (uint8_t)len;
	net_send(n, CLIENT, &f->src, &f->dst, copy, len, 20);
	net_send(n, CLIENT, &f->src, &f->dst, f->data, f->len, 520);
	return true;
}

static void init_forged(void **state)
{
	const struct row *r = *state;
	struct forger x = { r, false };
	struct pair p;

	prepare(&p, r);
	pair_start(&p);
	pair_tap(&p, forge_first_answer, &x);
	pair_run(&p, SECONDS(60));
	if (r->forged == THEN_UP)
		pair_check_up(&p, 1);
	else
		pair_check_dead(&p, ERR_AUTH, 0);
	pair_free(&p);
}

/* --- bits and lengths ----------------------------------------------------------------------------------- */

struct spoiler {
	enum end from;
	unsigned skip;  /* which of its datagrams */
	size_t at;      /* octet */
	uint8_t mask;   /* flipped there; 0: the datagram ends there */
	size_t len;     /* how long it was */
};

static bool spoil(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct spoiler *x = arg;

	(void)n;
	if (from != x->from || x->skip-- != 0)
		return false;
	x->len = f->len;
	if (x->mask && x->at < f->len)
		f->data[x->at] ^= x->mask;
	else if (x->at < f->len)
		f->len = x->at;
	return false;
}

/* Every octet of the first IKE_AUTH answer has a bit flipped, one handshake each, and every length it
 * could be cut to: all of it is ignored, and the retransmission completes. */
static void auth_answer_spoilt(void **state)
{
	struct spoiler x = { .len = 1 };

	(void)state;
	for (uint8_t mask = 0x01; mask; mask = mask == 0x01 ? 0x80 : mask == 0x80 ? 0 : mask)
		for (size_t at = 0; at < x.len; at++) {
			struct pair p;
			x = (struct spoiler){ GATEWAY, 1, at, mask, 0 };
			pair_init(&p, 5);
			pair_start(&p);
			pair_tap(&p, spoil, &x);
			pair_run(&p, 3000);
			pair_check_up(&p, 1);
			pair_free(&p);
		}
	assert_true(x.len > 200);
}

static void auth_answer_cut(void **state)
{
	struct spoiler x = { .len = 1 };

	(void)state;
	for (size_t at = 0; at < x.len; at++) {
		struct pair p;
		x = (struct spoiler){ GATEWAY, 1, at, 0, 0 };
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_run(&p, 3000);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* The same for the unprotected first answer: it completes, or fails for a reason; what comes up is
 * the same on both sides. */
static void init_answer_spoilt(void **state)
{
	struct spoiler x = { .len = 1 };
	unsigned up = 0, failed = 0;

	(void)state;
	for (size_t at = 0; at < 2 * x.len; at++) {
		struct pair p;
		bool cut = at >= x.len && x.len > 1;
		x = (struct spoiler){ GATEWAY, 0, cut ? at - x.len : at, cut ? 0 : 0x04, 0 };
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_until(&p, pair_decided, SECONDS(600));
		pair_run(&p, 1000);
		if (client_phase(&p.client) == IKE_UP) {
			pair_check_up(&p, 1);
			up++;
		} else {
			enum err_kind kind = client_failure(&p.client)->kind;
			assert_true(kind == ERR_AUTH || kind == ERR_PEER || kind == ERR_SILENT);
			pair_check_dead(&p, kind, client_failure(&p.client)->notify);
			failed++;
		}
		pair_free(&p);
	}
	assert_true(up > 200 && failed > 50);
}

/* Our own messages too: the gateway sees a spoilt one first, and ours comes again. */
static void own_messages_spoilt(void **state)
{
	(void)state;
	for (size_t at = 0; at < 350; at += 7) {
		struct spoiler x = { CLIENT, 1, at, 0x20, 0 };
		struct pair p;
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, spoil, &x);
		pair_run(&p, 3000);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* --- reflection, replay, strangers ------------------------------------------------------------------------ */

static bool reflect(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)arg;
	if (from == CLIENT)
		net_send(n, CLIENT, &f->dst, &f->src, f->data, f->len, 1);
	return false;
}

/* T-30: everything that we send comes back to us first, all life long. */
static void reflected(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	pair_start(&p);
	pair_tap(&p, reflect, NULL);
	pair_run(&p, 3000);
	pair_check_up(&p, 1);
	pair_command(&p, CMD_REKEY_ALL);
	pair_gw(&p, GW_REKEY_CHILD | GW_REKEY_IKE);
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static bool mirror_header(void *arg, struct net *n, enum end from, struct flight *f)
{
	uint8_t copy[4096];

	(void)arg;
	if (from != CLIENT || f->len > sizeof(copy))
		return false;
	memcpy(copy, f->data, f->len);
	copy[19] = copy[19] == FLAG_INITIATOR ? FLAG_RESPONSE : FLAG_INITIATOR;
	memcpy(copy + 8, "\x01\x02\x03\x04\x05\x06\x07\x08", copy[18] == IKE_SA_INIT ? 8 : 0);
	net_send(n, CLIENT, &f->dst, &f->src, copy, f->len, 1);
	return false;
}

/* The same with the flags made to fit: in IKE_SA_INIT our own nonce comes back (and no choice was
 * made in SA), later it is not authentic. */
static void reflected_as_answers(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	pair_start(&p);
	pair_tap(&p, mirror_header, NULL);
	pair_run(&p, 3000);
	pair_check_up(&p, 1);
	pair_free(&p);
}

static void own_nonce(void *arg, struct flight *f)
{
	struct pair *p = arg;
	struct payloads pl;
	uint8_t inner, unknown;

	assert_true(payloads_read(&pl, f->data[16], (struct bytes){ f->data + IKE_HDR_LEN,
		f->len - IKE_HDR_LEN }, &inner, &unknown, NULL));
	const struct payload *n = payload_find(&pl, PAYLOAD_NONCE);
	memcpy((uint8_t *)(uintptr_t)n->body.p, p->client.v2->hs->ni, NONCE_LEN);
}

static void spi_zero(void *arg, struct flight *f)
{
	(void)arg;
	memset(f->data + 8, 0, IKE_SPI_LEN);
}

static void spi_ours(void *arg, struct flight *f)
{
	(void)arg;
	memcpy(f->data + 8, f->data, IKE_SPI_LEN);
}

static void mid_one(void *arg, struct flight *f)
{
	(void)arg;
	f->data[23] = 1;
}

static void version_three(void *arg, struct flight *f)
{
	(void)arg;
	f->data[17] = 0x30;
}

static void version_one(void *arg, struct flight *f)
{
	(void)arg;
	f->data[17] = 0x10;
}

static void other_address(void *arg, struct flight *f)
{
	(void)arg;
	f->src.ip[3] ^= 1;
}

static void as_request(void *arg, struct flight *f)
{
	(void)arg;
	f->data[19] = 0;
}

static const struct {
	const char *name;
	void (*change)(void *pair, struct flight *f);
	enum err_kind kind; /* when it is always so */
} header_rows[] = {
	{ "our own nonce comes back", own_nonce, ERR_PEER },
	{ "the gateway's SPI is zero", spi_zero, ERR_PEER },
	{ "the gateway's SPI is ours", spi_ours, ERR_PEER },
	{ "message ID 1", mid_one, ERR_SILENT },
	{ "version 3", version_three, ERR_SILENT },
	{ "version 1", version_one, ERR_SILENT },
	{ "from another address", other_address, ERR_SILENT },
	{ "not marked as an answer", as_request, ERR_SILENT },
};

struct header_arg {
	size_t row;
	struct pair *p;
	bool always, done;
};

static bool change_header(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct header_arg *x = arg;

	if (from != GATEWAY || f->data[18] != IKE_SA_INIT || (x->done && !x->always))
		return false;
	if (!x->always)
		net_send(n, CLIENT, &f->src, &f->dst, f->data, f->len, 500);
	x->done = true;
	header_rows[x->row].change(x->p, f);
	return false;
}

/* Always so, and once so by a forger before the gateway's own answer. */
static void headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(header_rows); i++) {
		struct header_arg x = { .row = i / 2, .always = i % 2 };
		struct pair p;
		x.p = &p;
		pair_init(&p, 5);
		pair_start(&p);
		pair_tap(&p, change_header, &x);
		pair_run(&p, SECONDS(60));
		if (x.always)
			pair_check_dead(&p, header_rows[x.row].kind, 0);
		else
			pair_check_up(&p, 1);
		assert_true(x.done);
		pair_free(&p);
	}
}

static void pair_up(struct pair *p)
{
	pair_init(p, 5);
	pair_connect(p);
	pair_run(p, 100);
	pair_check_up(p, 1);
}

/* T-31: an INFORMATIONAL in the clear, with a delete or an error, changes nothing. */
static void unprotected(void **state)
{
	static const struct {
		uint8_t exchange, flags, payload;
		const char *hex;
	} rows[] = {
		{ INFORMATIONAL, 0, PAYLOAD_D, "01000000" },
		{ INFORMATIONAL, FLAG_RESPONSE, PAYLOAD_D, "01000000" },
		{ INFORMATIONAL, 0, PAYLOAD_N, "00000004" },
		{ INFORMATIONAL, FLAG_RESPONSE, PAYLOAD_N, "0000000b" },
		{ IKE_AUTH, FLAG_RESPONSE, PAYLOAD_N, "00000018" },
		{ CREATE_CHILD_SA, FLAG_RESPONSE, PAYLOAD_N, "0000002c" },
		{ IKE_SA_INIT, FLAG_RESPONSE, PAYLOAD_N, "0000000e" },
	};
	struct pair p;
	uint8_t buf[128], body[32];
	struct ikew k;
	size_t len;

	(void)state;
	pair_up(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (uint32_t mid = 0; mid < 4; mid++) {
			struct ike_hdr h = { .version = 0x20, .exchange = rows[i].exchange,
				.flags = rows[i].flags, .mid = mid };
			memcpy(h.spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(h.spi_r, p.gw.sa->spi_r, IKE_SPI_LEN);
			ikew_message(&k, buf, sizeof(buf), &h);
			ikew_bytes(&k, rows[i].payload, (struct bytes){ body,
				test_hex(rows[i].hex, body, sizeof(body)) });
			assert_true(ikew_end(&k, &len));
			unsigned sent = p.net.sent[CLIENT];
			pair_inject(&p, buf, len, 1);
			pair_run(&p, 10);
			assert_int_equal(p.net.sent[CLIENT], sent); /* T-33: not a word */
		}
	pair_settle(&p);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* T-05, T-33: any octets of any length: no answer, no change. */
static void noise(void **state)
{
	uint8_t buf[12000];
	struct pair p;

	(void)state;
	pair_up(&p);
	unsigned sent = p.net.sent[CLIENT];
	for (size_t len = 0; len < 300; len++) {
		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)net_random(&p.net, 256);
		if (len >= IKE_HDR_LEN && len % 2) { /* with a header that fits */
			memcpy(buf, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(buf + 8, p.gw.sa->spi_r, IKE_SPI_LEN);
			buf[17] = 0x20;
			buf[18] = (uint8_t)(34 + len % 4);
			memcpy(buf + 24, (uint8_t[]){ 0, 0, (uint8_t)(len >> 8), (uint8_t)len }, 4);
		}
		pair_inject(&p, buf, len, 1);
		pair_run(&p, 2);
	}
	memset(buf, 0, sizeof(buf));
	for (size_t len = IKE_DATAGRAM_MAX - 1; len < IKE_DATAGRAM_MAX + 3; len++)
		pair_inject(&p, buf, len, 1);
	pair_run(&p, 100);
	assert_int_equal(p.net.sent[CLIENT], sent);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* --- detours without end -------------------------------------------------------------------------------- */

static void cookies_without_end(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.gwc.cookies = 6;
	pair_connect(&p);
	pair_check_dead(&p, ERR_PEER, 0);
	pair_free(&p);
}

static void groups_without_end(void **state)
{
	static const uint16_t groups[] = { KE_ECP256, KE_X25519 };
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.ike = "aes128gcm16-prfsha256-x25519-ecp256";
	p.gwc.ike = "aes128gcm16-prfsha256-ecp256";
	p.gwc.wrong_groups = 100;
	p.gwc.wanted_group = groups[0];
	pair_start(&p);
	for (unsigned i = 0; i < 200 && !pair_decided(&p); i++) {
		p.gwc.wanted_group = groups[p.gw.wrong_groups % 2];
		pair_run(&p, 20);
	}
	pair_run(&p, SECONDS(4));
	assert_in_range(p.gw.wrong_groups, 6, 10); /* the last one is sent again while it waits */
	pair_check_dead(&p, ERR_PEER, 0);
	pair_free(&p);
}

/* --- the gateway's requests ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned want;
	struct edit edits[4];
	uint16_t notify; /* what it hears; 0: nothing, it goes well */
} request_rows[] = {
	{ "child: no SA", GW_REKEY_CHILD, { EDIT(EDIT_DROP, SA) }, INVALID_SYNTAX },
	{ "child: no nonce", GW_REKEY_CHILD, { EDIT(EDIT_DROP, NONCE) }, INVALID_SYNTAX },
	{ "child: no TSi", GW_REKEY_CHILD, { EDIT(EDIT_DROP, TSi) }, INVALID_SYNTAX },
	{ "child: no TSr", GW_REKEY_CHILD, { EDIT(EDIT_DROP, TSr) }, INVALID_SYNTAX },
	{ "child: no KE", GW_REKEY_CHILD, { EDIT(EDIT_DROP, KE) }, INVALID_KE_PAYLOAD },
	{ "child: KE of zeros", GW_REKEY_CHILD, { SET(KE, 4, zeros32) }, INVALID_SYNTAX },
	{ "child: KE too short", GW_REKEY_CHILD, { EDIT(EDIT_CUT, KE, .at = 20) }, INVALID_SYNTAX },
	{ "child: KE of another group", GW_REKEY_CHILD, { SET(KE, 0, "000e") }, INVALID_KE_PAYLOAD },
	{ "child: a short nonce", GW_REKEY_CHILD, { EDIT(EDIT_CUT, NONCE, .at = 15) }, INVALID_SYNTAX },
	{ "child: a long nonce", GW_REKEY_CHILD, { EDIT(EDIT_GROW, NONCE, .at = 225) }, INVALID_SYNTAX },
	{ "child: SPI 0", GW_REKEY_CHILD, { SET(SA, 8, "00000000") }, INVALID_SYNTAX },
	{ "child: SPI of 8 octets", GW_REKEY_CHILD, { SET(SA, 6, "08") }, NO_PROPOSAL_CHOSEN },
	{ "child: nothing acceptable", GW_REKEY_CHILD, { SET(SA, 18, "000b") }, NO_PROPOSAL_CHOSEN },
	{ "child: AH", GW_REKEY_CHILD, { SET(SA, 5, "02") }, NO_PROPOSAL_CHOSEN },
	{ "child: SA cut short", GW_REKEY_CHILD, { EDIT(EDIT_CUT, SA, .at = 20) }, INVALID_SYNTAX },
	{ "child: TSr outside", GW_REKEY_CHILD, { SET(TSi, 12, "0b0000000b0000ff") }, TS_UNACCEPTABLE },
	{ "child: TSr the wrong way", GW_REKEY_CHILD, { SET(TSr, 12, "0a0500000a040000") },
		INVALID_SYNTAX },
	{ "child: TS of 0 selectors", GW_REKEY_CHILD, { SET(TSi, 0, "00") }, INVALID_SYNTAX },
	{ "child: REKEY_SA of nobody", GW_REKEY_CHILD, { SET(N, 4, "01020304") }, CHILD_SA_NOT_FOUND },
	{ "child: REKEY_SA without SPI", GW_REKEY_CHILD, { EDIT(EDIT_BODY, N, .hex = "03004009") },
		CHILD_SA_NOT_FOUND },
	{ "child: REKEY_SA with 8 octets", GW_REKEY_CHILD,
		{ EDIT(EDIT_BODY, N, .hex = "0308400901020304 05060708") }, CHILD_SA_NOT_FOUND },
	{ "child: an unknown critical payload", GW_REKEY_CHILD,
		{ { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "" } }, UNSUPPORTED_CRITICAL_PAYLOAD },
	{ "child: an unknown payload", GW_REKEY_CHILD, { { .op = EDIT_ADD, .payload = 200, .hex = "" } }, 0 },
	{ "child: 65 payloads", GW_REKEY_CHILD, { EDIT(EDIT_MANY, V, .at = 65) }, INVALID_SYNTAX },
	{ "child: nothing", GW_REKEY_CHILD, { { .op = EDIT_NOTHING } }, INVALID_SYNTAX },
	{ "child: in reverse", GW_REKEY_CHILD, { { .op = EDIT_REVERSE } }, 0 },
	{ "IKE: no SA", GW_REKEY_IKE, { EDIT(EDIT_DROP, SA) }, INVALID_SYNTAX },
	{ "IKE: no KE", GW_REKEY_IKE, { EDIT(EDIT_DROP, KE) }, INVALID_KE_PAYLOAD },
	{ "IKE: KE of zeros", GW_REKEY_IKE, { SET(KE, 4, zeros32) }, INVALID_SYNTAX },
	{ "IKE: SPI 0", GW_REKEY_IKE, { SET(SA, 8, "0000000000000000") }, INVALID_SYNTAX },
	{ "IKE: SPI of 4 octets", GW_REKEY_IKE, { SET(SA, 6, "04") }, NO_PROPOSAL_CHOSEN },
	{ "IKE: nothing acceptable", GW_REKEY_IKE, { SET(SA, 22, "000b") }, NO_PROPOSAL_CHOSEN },
	{ "IKE: a short nonce", GW_REKEY_IKE, { EDIT(EDIT_CUT, NONCE, .at = 3) }, INVALID_SYNTAX },
	{ "IKE: in reverse", GW_REKEY_IKE, { { .op = EDIT_REVERSE } }, 0 },
	{ "delete: count too high", GW_DPD, { ADD(D, "0304000201020304") }, INVALID_SYNTAX },
	{ "delete: SPIs of 8 octets", GW_DPD, { ADD(D, "030800010102030405060708") }, INVALID_SYNTAX },
	{ "delete: cut short", GW_DPD, { ADD(D, "0304") }, INVALID_SYNTAX },
	{ "delete: of AH", GW_DPD, { ADD(D, "0204000101020304") }, 0 },
	{ "delete: of a protocol that nobody knows", GW_DPD, { ADD(D, "6304000101020304") }, 0 },
	{ "delete: T-10 of nobody, twice", GW_DPD,
		{ ADD(D, "0304000101020304"), ADD(D, "0304000201020304 01020304") }, 0 },
	{ "a notify that nobody knows", GW_DPD, { ADD(N, "0000f000") }, 0 },
	{ "an error notify", GW_DPD, { ADD(N, "0000000b") }, 0 },
	{ "a notify cut short", GW_DPD, { ADD(N, "00") }, 0 },
	{ "a configuration payload", GW_DPD, { ADD(CP, "03000000") }, 0 },
};

/* A bad request gets its error and changes nothing; the next good one is answered. */
static void requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
		static const struct row none;
		struct pair p;
		prepare(&p, &none);
		pair_connect(&p);
		pair_run(&p, 100);
		pair_check_up(&p, 1);
		for (size_t j = 0; j < ARRAY_LEN(p.gwc.edits); j++) {
			p.gwc.edits[j] = request_rows[i].edits[j];
			p.gwc.edits[j].exchange = request_rows[i].want == GW_DPD ? INFORMATIONAL : CREATE_CHILD_SA;
			p.gwc.edits[j].request = p.gwc.edits[j].any_mid = true;
		}
		struct gw_child *child0 = p.gw.children[0];
		pair_gw(&p, request_rows[i].want);
		memset(p.gwc.edits, 0, sizeof(p.gwc.edits));
		if (request_rows[i].notify == CHILD_SA_NOT_FOUND)
			child0->state = GWC_REPLACED; /* it lied about it, and keeps it */
		pair_run(&p, 1000);
		if (p.gw.last_notify != request_rows[i].notify)
			fail_msg("%s: notify %u, not %u", request_rows[i].name, p.gw.last_notify,
				request_rows[i].notify);
		if (request_rows[i].notify == CHILD_SA_NOT_FOUND)
			child0->state = GWC_UP;
		pair_gw(&p, GW_REKEY_CHILD | GW_DPD);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* --- retransmission ------------------------------------------------------------------------------------- */

struct echo {
	uint8_t exchange;
	unsigned drop, seen;
	size_t len;
	uint8_t first[4096];
};

static bool compare_answers(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct echo *x = arg;

	(void)n;
	if (from != CLIENT || f->data[18] != x->exchange || !(f->data[19] & FLAG_RESPONSE))
		return false;
	if (x->seen++ == 0) {
		x->len = f->len;
		memcpy(x->first, f->data, f->len);
	}
	assert_int_equal(f->len, x->len);
	assert_memory_equal(f->data, x->first, x->len);
	return x->seen <= x->drop;
}

/* A request that comes again, because our answer was lost, gets the same octets, and nothing is done
 * twice; one that is older gets nothing. */
static void same_answer_again(void **state)
{
	static const unsigned wants[] = { GW_REKEY_CHILD, GW_REKEY_IKE, GW_DPD, GW_NEW_CHILD };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct echo *x = calloc(1, sizeof(*x));
		struct pair p;
		assert_non_null(x);
		x->drop = 3;
		x->exchange = wants[i] == GW_DPD ? INFORMATIONAL : CREATE_CHILD_SA;
		pair_up(&p);
		pair_tap(&p, compare_answers, x);
		pair_gw(&p, wants[i]);
		pair_run(&p, SECONDS(20));
		assert_int_equal(x->seen, 4);
		pair_tap(&p, NULL, NULL);
		pair_settle(&p);
		pair_check_up(&p, wants[i] == GW_NEW_CHILD ? 2 : 1);
		free(x);
		pair_free(&p);
	}
}

/* Our own request goes out again byte for byte. */
static bool compare_requests(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct echo *x = arg;

	(void)n;
	if (from != CLIENT || f->data[18] != x->exchange)
		return from == GATEWAY;
	if (x->seen++ == 0) {
		x->len = f->len;
		memcpy(x->first, f->data, f->len);
	}
	assert_int_equal(f->len, x->len);
	assert_memory_equal(f->data, x->first, x->len);
	return true;
}

static void same_request_again(void **state)
{
	struct echo *x = calloc(1, sizeof(*x));
	struct pair p;

	(void)state;
	assert_non_null(x);
	x->exchange = CREATE_CHILD_SA;
	pair_up(&p);
	pair_tap(&p, compare_requests, x);
	pair_command(&p, CMD_REKEY_CHILD);
	pair_run(&p, SECONDS(120));
	assert_int_equal(x->seen, 10);
	pair_check_dead(&p, ERR_SILENT, 0);
	free(x);
	pair_free(&p);
}

/* --- fragments ------------------------------------------------------------------------------------------------ */

/* An INFORMATIONAL request of the gateway in fragments: {number, total, octets, fill}. */
struct frag {
	uint16_t number, total;
	uint16_t len; /* of a vendor id payload's content; 0: the empty fragment */
};

static const struct {
	const char *name;
	struct frag v[8];
	bool answered;
} frag_rows[] = {
	{ "T-03 two, in order", { { 1, 2, 8 }, { 2, 2, 8 } }, true },
	{ "T-03 two, the last first", { { 2, 2, 8 }, { 1, 2, 8 } }, true },
	{ "T-03 one of one", { { 1, 1, 8 } }, true },
	{ "T-03 one of two", { { 1, 2, 8 } }, false },
	{ "T-03 total 0", { { 1, 0, 8 } }, false },
	{ "T-03 number 0", { { 0, 2, 8 }, { 1, 2, 8 } }, false },
	{ "T-03 number over total", { { 3, 2, 8 }, { 1, 2, 8 } }, false },
	{ "T-03 total 256", { { 1, 256, 8 } }, false },
	{ "T-03 total 65535", { { 65535, 65535, 8 } }, false },
	{ "T-03 a copy with other octets is not taken", { { 1, 2, 8 }, { 1, 2, 12 }, { 2, 2, 8 } }, true },
	{ "T-03 a shrinking total is old", { { 1, 3, 8 }, { 1, 2, 8 }, { 2, 2, 8 } }, false },
	{ "T-03 a growing total starts over", { { 1, 2, 8 }, { 2, 3, 8 }, { 3, 3, 8 }, { 1, 3, 8 } }, true },
	{ "T-04 an empty fragment", { { 1, 2, 0 }, { 2, 2, 8 } }, false },
};

static void send_fragment(struct pair *p, const struct frag *f, uint8_t fill)
{
	uint8_t content[16] = { PAYLOAD_V, 0, 0, 8, fill, fill, fill, fill, PAYLOAD_V, 0, 0, 4 };
	struct ike_hdr h = { .version = 0x20, .exchange = INFORMATIONAL, .mid = p->gw.sa->mid_out };

	if (f->number == f->total)
		content[0] = PAYLOAD_NONE;
	memcpy(h.spi_i, p->gw.sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, p->gw.sa->spi_r, IKE_SPI_LEN);
	gw_fragment(&p->gw, p->net.now, &h, f->number, f->total,
		f->number == 1 ? PAYLOAD_V : PAYLOAD_NONE, (struct bytes){ content, f->len }, &p->ob);
	net_perform(&p->net, GATEWAY, &p->ob);
	outbox_clear(&p->ob);
}

static void fragments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frag_rows); i++) {
		struct pair p;
		pair_up(&p);
		unsigned sent = p.net.sent[CLIENT];
		for (size_t j = 0; j < ARRAY_LEN(frag_rows[i].v); j++)
			if (frag_rows[i].v[j].number || frag_rows[i].v[j].total)
				send_fragment(&p, &frag_rows[i].v[j], (uint8_t)j);
		pair_run(&p, 100);
		if ((p.net.sent[CLIENT] > sent) != frag_rows[i].answered)
			fail_msg("%s: %s", frag_rows[i].name, frag_rows[i].answered ? "no answer" : "answered");
		if (frag_rows[i].answered)
			p.gw.sa->mid_out++;
		pair_gw(&p, GW_REKEY_CHILD); /* and whatever is half there is in nobody's way */
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* T-03: more than 64 KiB in all; T-04: 255 fragments in the worst order are a matter of moments. */
static void many_fragments(void **state)
{
	static uint8_t content[1200];
	struct pair p;

	(void)state;
	for (int round = 0; round < 2; round++) {
		size_t len = round ? sizeof(content) : 4;
		pair_up(&p);
		unsigned sent = p.net.sent[CLIENT];
		for (uint16_t n = 255; n > 0; n--) {
			struct ike_hdr h = { .version = 0x20, .exchange = INFORMATIONAL, .mid = p.gw.sa->mid_out };
			memcpy(h.spi_i, p.gw.sa->spi_i, IKE_SPI_LEN);
			memcpy(h.spi_r, p.gw.sa->spi_r, IKE_SPI_LEN);
			memcpy(content, "\x2b\x00\x00\x04", 4); /* a chain of empty vendor ids */
			gw_fragment(&p.gw, p.net.now, &h, n, 255, n == 1 ? PAYLOAD_V : PAYLOAD_NONE,
				(struct bytes){ content, len }, &p.ob);
			net_perform(&p.net, GATEWAY, &p.ob);
			outbox_clear(&p.ob);
		}
		pair_run(&p, 100);
		/* Too large in all: never taken. 255 payloads: refused, with a word. */
		assert_int_equal(p.net.sent[CLIENT] - sent, round ? 0 : 1);
		if (!round)
			p.gw.sa->mid_out++;
		pair_gw(&p, GW_DPD);
		pair_settle(&p);
		pair_check_up(&p, 1);
		pair_free(&p);
	}
}

/* Fragments from a gateway that did not say that it can. */
static void fragments_unasked(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 5);
	p.cfg.fragmentation = false;
	pair_connect(&p);
	pair_run(&p, 100);
	unsigned sent = p.net.sent[CLIENT];
	send_fragment(&p, &(struct frag){ 1, 1, 8 }, 0);
	pair_run(&p, 100);
	assert_int_equal(p.net.sent[CLIENT], sent);
	pair_check_up(&p, 1);
	pair_free(&p);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void fill_constants(void)
{
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL);

	assert_true(BN_sub_word(p, 1));
	char *hex = BN_bn2hex(p);
	snprintf(modp_top, sizeof(modp_top), "%s", hex);
	OPENSSL_free(hex);
	BN_free(p);
	memset(zeros32, '0', sizeof(zeros32) - 1);
	memset(zeros64, '0', sizeof(zeros64) - 1);
}

static int setup(void **state)
{
	fill_constants();
	return pair_group_setup(state);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

static size_t add(struct CMUnitTest *tests, size_t n, const struct row *rows, size_t count,
	CMUnitTestFunction run)
{
	for (size_t i = 0; i < count; i++)
		if (run != init_forged || rows[i].forged != NO_FORGER)
			tests[n++] = (struct CMUnitTest){ rows[i].name, run, NULL, NULL, (void *)&rows[i] };
	return n;
}

int main(void)
{
	static struct CMUnitTest tests[2 * ARRAY_LEN(init) + ARRAY_LEN(auth) + ARRAY_LEN(child)];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(auth_answer_spoilt),
		cmocka_unit_test(auth_answer_cut),
		cmocka_unit_test(init_answer_spoilt),
		cmocka_unit_test(own_messages_spoilt),
		cmocka_unit_test(reflected),
		cmocka_unit_test(reflected_as_answers),
		cmocka_unit_test(headers),
		cmocka_unit_test(unprotected),
		cmocka_unit_test(noise),
		cmocka_unit_test(cookies_without_end),
		cmocka_unit_test(groups_without_end),
		cmocka_unit_test(requests),
		cmocka_unit_test(same_answer_again),
		cmocka_unit_test(same_request_again),
		cmocka_unit_test(fragments),
		cmocka_unit_test(many_fragments),
		cmocka_unit_test(fragments_unasked),
	};
	size_t n = 0;

	n = add(tests, n, init, ARRAY_LEN(init), init_meant);
	n = add(tests, n, init, ARRAY_LEN(init), init_forged);
	n = add(tests, n, auth, ARRAY_LEN(auth), auth_meant);
	n = add(tests, n, child, ARRAY_LEN(child), child_meant);
	int failed = _cmocka_run_group_tests("rows", tests, n, setup, teardown);
	return failed + cmocka_run_group_tests_name("others", others, setup, teardown);
}
