/*
 * Answers as they should not be: the gateway means them (it seals and signs them), or a forger was
 * faster. The outcome is always one of: ignored, and then the connection completes; or it fails
 * cleanly, for a reason of the right kind. Never is a tunnel made of it that the gateway does not have
 * just so.
 */
#include <openssl/bn.h>
#include <stdio.h>

#include "impair.h"
#include "pair.h"
#include "people.h"

enum during { HANDSHAKE, REKEY_CHILD, REKEY_IKE };
enum proof { PSK, CERT, EAP };

/* The answer comes from somebody else first, and the gateway's own 500 ms later. */
enum forged {
	THEN_UP, /* it is ignored, and the gateway's own answer is taken (T-32) */
	THEN_AUTH, /* it is believed at first, and then the signature does not fit (T-29) */
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

static char modp_top[2 * 256 + 1]; /* p - 1 of group 14 */

/* --- IKE_SA_INIT: what the gateway answers, and what a forger does ------------------------------ */

static const struct row init[] = {
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER },
	{ "no KE", { EDIT(EDIT_DROP, KE) }, .kind = ERR_PEER },
	{ "no nonce", { EDIT(EDIT_DROP, NONCE) }, .kind = ERR_PEER },
	{ "SA twice", { EDIT(EDIT_DUP, SA) }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
	{ "nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_PEER },
	{ "proposal 0", { SET(SA, 4, "00") }, .kind = ERR_PEER },
	{ "proposal 99", { SET(SA, 4, "63") }, .kind = ERR_PEER },
	{ "a proposal for ESP", { SET(SA, 5, "03") }, .kind = ERR_PEER },
	{ "T-12 encryption that was not offered", { SET(SA, 14, "000c") }, .kind = ERR_PEER },
	{ "T-12 encryption NULL", { SET(SA, 14, "000b") }, .kind = ERR_PEER },
	{ "T-12 a longer key than offered", { SET(SA, 18, "0100") }, .kind = ERR_PEER },
	{ "T-12 encryption that nobody knows", { SET(SA, 14, "fffe") }, .kind = ERR_PEER },
	{ "the last transform is missing", { EDIT(EDIT_CUT, SA, .at = 28), SET(SA, 2, "001c") },
		.kind = ERR_PEER },
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
	{ "T-08 x25519 of zeros", { SET(KE, 4, ZEROS_32) }, .kind = ERR_PEER },
	{ "T-08 MODP 0", { EDIT(EDIT_CUT, KE, .at = 4), EDIT(EDIT_GROW, KE, .at = 256) },
		.kind = ERR_PEER, .modp = true },
	{ "T-08 MODP 1",
		{ EDIT(EDIT_CUT, KE, .at = 4), EDIT(EDIT_GROW, KE, .at = 256), SET(KE, -1, "01") },
		.kind = ERR_PEER, .modp = true },
	{ "T-08 MODP p - 1", { SET(KE, 4, modp_top) }, .kind = ERR_PEER, .modp = true },
	{ "a nonce of 15 octets", { EDIT(EDIT_CUT, NONCE, .at = 15) }, .kind = ERR_PEER },
	{ "a nonce of 257 octets", { EDIT(EDIT_GROW, NONCE, .at = 225) }, .kind = ERR_PEER },
	{ "an unknown critical payload",
		{ { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "00" } }, .kind = ERR_PEER },
	{ "an unknown payload", { { .op = EDIT_ADD, .payload = 200, .hex = "00" } },
		.kind = ERR_NONE, .forged = THEN_AUTH },
	{ "T-07 a payload of IKEv1", { { .op = EDIT_ADD, .payload = 1, .hex = "00000001" } },
		.kind = ERR_NONE, .forged = THEN_AUTH },
	{ "65 payloads", { EDIT(EDIT_MANY, V, .at = 65) }, .kind = ERR_SILENT },
	{ "a payload longer than the message", { EDIT(EDIT_LENGTH, NONCE, .at = 4000) },
		.kind = ERR_SILENT },
	{ "a payload of length 3",
		{ EDIT(EDIT_BODY, V, .hex = ""), ADD(V, ""), EDIT(EDIT_LENGTH, V, .at = -1) },
		.kind = ERR_SILENT },
	{ "an SK payload in the clear", { ADD(SK, ZEROS_64) }, .kind = ERR_SILENT },
	{ "T-32 NO_PROPOSAL_CHOSEN", { ONLY("0000000e") }, .kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ "T-32 INVALID_SYNTAX", { ONLY("00000007") }, .kind = ERR_PEER, .notify = INVALID_SYNTAX },
	{ "T-32 INVALID_MAJOR_VERSION", { ONLY("00000005") }, .kind = ERR_PEER,
		.notify = INVALID_MAJOR_VERSION },
	{ "T-32 AUTHENTICATION_FAILED", { ONLY("00000018") }, .kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ "T-32 an error that nobody knows", { ONLY("00002000") }, .kind = ERR_PEER,
		.notify = 0x2000 },
	{ "an error beside a good answer", { ADD(N, "0000000e") }, .kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ "a notify cut short", { ADD(N, "0000") }, .kind = ERR_NONE, .forged = THEN_AUTH },
	{ "a notify with an SPI longer than itself", { ADD(N, "00ff000e") }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
	{ "an empty cookie", { ONLY("00004006") }, .kind = ERR_SILENT },
	{ "a cookie of 65 octets",
		{ { .op = EDIT_NOTHING }, ADD(N, "00004006"), EDIT(EDIT_GROW, N, .at = 65) },
		.kind = ERR_SILENT },
	{ "a wanted group that was not offered", { ONLY("0000001100ff") }, .kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ "a wanted group that we have used", { ONLY("00000011001f") }, .kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ "a wanted group of one octet", { ONLY("000000111f") }, .kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ "odd signature hashes", { ADD(N, "0000402f000200") }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
	{ "a NAT detection hash of 3 octets", { ADD(N, "00004004aabbcc") }, .kind = ERR_NONE,
		.forged = THEN_AUTH },
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
	{ "IDr an address of 3 octets", { EDIT(EDIT_BODY, IDr, .hex = "01000000c00002") },
		.kind = ERR_PEER },
	{ "no AUTH", { EDIT(EDIT_DROP, AUTH) }, .kind = ERR_AUTH },
	{ "AUTH twice", { EDIT(EDIT_DUP, AUTH) }, .kind = ERR_NONE },
	{ "T-25 AUTH of another method", { SET(AUTH, 0, "01") }, .kind = ERR_AUTH },
	{ "T-25 AUTH of method 0", { SET(AUTH, 0, "00") }, .kind = ERR_AUTH },
	{ "T-25 AUTH method NULL (RFC 7619)", { SET(AUTH, 0, "0d") }, .kind = ERR_AUTH },
	{ "T-25 AUTH with a bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = 4, .hex = "80") },
		.kind = ERR_AUTH },
	{ "T-25 AUTH with the last bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = -1, .hex = "01") },
		.kind = ERR_AUTH },
	{ "T-25 AUTH cut by an octet", { EDIT(EDIT_CUT, AUTH, .at = 35) }, .kind = ERR_AUTH },
	{ "T-25 AUTH empty", { EDIT(EDIT_CUT, AUTH, .at = 4) }, .kind = ERR_AUTH },
	{ "T-25 AUTH not even a method", { EDIT(EDIT_CUT, AUTH, .at = 0) }, .kind = ERR_AUTH },
	{ "T-25 AUTH of zeros", { SET(AUTH, 4, ZEROS_32) }, .kind = ERR_AUTH },
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
	{ "T-09 TSi outside of what was asked", { SET(TSi, 8, "0000ffffac100000ac10ffff") },
		.kind = ERR_PEER },
	{ "T-09 TSr ends before it starts", { SET(TSr, 12, "0a0500000a040000") },
		.kind = ERR_PEER },
	{ "T-09 TSr with ports the wrong way", { SET(TSr, 8, "00090003") }, .kind = ERR_PEER },
	{ "T-09 no selector in TSr", { SET(TSr, 0, "00") }, .kind = ERR_PEER },
	{ "T-09 two selectors in TSr, one there", { SET(TSr, 0, "02") }, .kind = ERR_PEER },
	{ "T-09 TSr of an unknown kind", { SET(TSr, 4, "09") }, .kind = ERR_PEER },
	{ "T-09 TSr of the other family", { SET(TSr, 4, "08") }, .kind = ERR_PEER },
	{ "T-09 selector of length 0", { SET(TSr, 6, "0000") }, .kind = ERR_PEER },
	{ "T-09 TSr narrower", { SET(TSr, 12, "0a0300000a03ffff") }, .kind = ERR_NONE },
	{ "transport mode, unasked", { ADD(N, "00004007") }, .kind = ERR_PEER },
	{ "IPComp, unasked", { ADD(N, "0000400b123403") }, .kind = ERR_NONE },
	{ "an unknown critical payload",
		{ { .op = EDIT_ADD_CRITICAL, .payload = 200, .hex = "00" } }, .kind = ERR_PEER },
	{ "an unknown payload", { { .op = EDIT_ADD, .payload = 200, .hex = "00" } },
		.kind = ERR_NONE },
	{ "EAP where nobody wants it", { ADD(EAP, "0101000501") }, .kind = ERR_NONE },
	{ "65 payloads", { EDIT(EDIT_MANY, V, .at = 65) }, .kind = ERR_SILENT },
	{ "a payload longer than the message", { EDIT(EDIT_LENGTH, TSr, .at = 400) },
		.kind = ERR_SILENT },
	{ "an encrypted payload inside", { ADD(SK, ZEROS_64), EDIT(EDIT_ONLY, SK) },
		.kind = ERR_SILENT },
	{ "CP that is a request", { EDIT(EDIT_SET, CP, .at = 0, .hex = "01") }, .kind = ERR_PEER },
	{ "CP cut short", { EDIT(EDIT_CUT, CP, .at = 9) }, .kind = ERR_PEER },
	{ "CP attribute longer than CP", { SET(CP, 6, "ffff") }, .kind = ERR_PEER },
	{ "CP empty", { EDIT(EDIT_BODY, CP, .hex = "02000000") }, .kind = ERR_NONE },
	{ "CP not even a type", { EDIT(EDIT_BODY, CP, .hex = "") }, .kind = ERR_PEER },
	{ "CP with an address of 3 octets",
		{ EDIT(EDIT_BODY, CP, .hex = "0200000000010003c00002") }, .kind = ERR_NONE },
	{ "CP with a prefix of 129 bits",
		{ EDIT(EDIT_BODY, CP,
			.hex = "0200000000080011 20010db8000000000000000000000001 81") },
		.kind = ERR_NONE },
	{ "CP twice", { EDIT(EDIT_DUP, CP) }, .kind = ERR_NONE },
	{ "an error beside AUTH", { ADD(N, "00000018") }, .kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ "only an error", { ONLY("00000018") }, .kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ "only a status", { ONLY("00004000") }, .kind = ERR_AUTH },
	{ "an AUTH_LIFETIME of 3 octets", { ADD(N, "00004013000e10") }, .kind = ERR_NONE },

	{ "T-25 signature with a bit flipped", { EDIT(EDIT_FLIP, AUTH, .at = 40, .hex = "10") },
		.kind = ERR_AUTH, .proof = CERT },
	{ "T-25 signature of zeros",
		{ EDIT(EDIT_CUT, AUTH, .at = 4), EDIT(EDIT_GROW, AUTH, .at = 64) },
		.kind = ERR_AUTH, .proof = CERT },
	{ "T-25 signature empty", { EDIT(EDIT_CUT, AUTH, .at = 4) }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "T-25 a shared key's method instead of a signature", { SET(AUTH, 0, "02") },
		.kind = ERR_AUTH, .proof = CERT },
	{ "T-25 method 9 for what is method 14", { SET(AUTH, 0, "09") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "T-25 AlgorithmIdentifier of length 255", { SET(AUTH, 4, "ff") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "no CERT", { EDIT(EDIT_DROP, CERT) }, .kind = ERR_AUTH, .proof = CERT },
	{ "CERT of nonsense", { EDIT(EDIT_BODY, CERT, .hex = "0430030201ff") }, .kind = ERR_AUTH,
		.proof = CERT },
	{ "CERT empty", { EDIT(EDIT_BODY, CERT, .hex = "") }, .kind = ERR_AUTH, .proof = CERT },
	{ "CERT with a bit flipped", { EDIT(EDIT_FLIP, CERT, .at = -20, .hex = "01") },
		.kind = ERR_AUTH, .proof = CERT },
	{ "CERT of an unknown encoding", { SET(CERT, 0, "07") }, .kind = ERR_AUTH, .proof = CERT },
	{ "17 CERT", { EDIT(EDIT_MANY, CERT, .at = 16) }, .kind = ERR_AUTH, .proof = CERT },

	{ "EAP of nonsense", { EDIT(EDIT_BODY, EAP, .hex = "ffffffff") }, .kind = ERR_PEER,
		.proof = EAP },
	{ "EAP empty", { EDIT(EDIT_BODY, EAP, .hex = "") }, .kind = ERR_PEER, .proof = EAP },
	{ "EAP shorter than it says", { EDIT(EDIT_BODY, EAP, .hex = "0101ffff01") },
		.kind = ERR_PEER, .proof = EAP },
	{ "EAP failure at once", { EDIT(EDIT_BODY, EAP, .hex = "04010004") }, .kind = ERR_PEER,
		.proof = EAP },
	{ "no EAP", { EDIT(EDIT_DROP, EAP) }, .kind = ERR_PEER, .proof = EAP },
	{ "EAP, last answer: AUTH with a bit flipped",
		{ EDIT(EDIT_FLIP, AUTH, .at = -1, .hex = "01") }, .kind = ERR_AUTH, .proof = EAP,
		.mid = 4 },
	{ "EAP, last answer: AUTH of zeros", { SET(AUTH, 4, ZEROS_32) }, .kind = ERR_AUTH,
		.proof = EAP, .mid = 4 },
	{ "EAP, last answer: no AUTH", { EDIT(EDIT_DROP, AUTH) }, .kind = ERR_PEER, .proof = EAP,
		.mid = 4 },
	{ "EAP, last answer: AUTH of another method", { SET(AUTH, 0, "0e") }, .kind = ERR_AUTH,
		.proof = EAP, .mid = 4 },
	{ "EAP, last answer: no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER, .proof = EAP,
		.mid = 4 },
	{ "EAP, last answer: only an error", { ONLY("00000018") }, .kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED, .proof = EAP, .mid = 4 },
	{ "EAP, last answer: nothing", { { .op = EDIT_NOTHING } }, .kind = ERR_PEER, .proof = EAP,
		.mid = 4 },
	{ "EAP, more EAP after success", { EDIT(EDIT_DROP, AUTH), ADD(EAP, "0104000501") },
		.kind = ERR_PEER, .proof = EAP, .mid = 4 },
	{ "an EAP response", { EDIT(EDIT_BODY, EAP, .hex = "0201000501") }, .kind = ERR_PEER,
		.proof = EAP },
};

/* --- CREATE_CHILD_SA: answers to ours ------------------------------------------------------------- */

static const struct row child[] = {
	{ "no SA", { EDIT(EDIT_DROP, SA) }, .kind = ERR_PEER },
	{ "no nonce", { EDIT(EDIT_DROP, NONCE) }, .kind = ERR_PEER },
	{ "no KE", { EDIT(EDIT_DROP, KE) }, .kind = ERR_PEER },
	{ "no TSi", { EDIT(EDIT_DROP, TSi) }, .kind = ERR_PEER },
	{ "KE of another group", { SET(KE, 0, "0013") }, .kind = ERR_PEER },
	{ "KE of zeros", { SET(KE, 4, ZEROS_32) }, .kind = ERR_PEER },
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
	{ "KE of zeros", { SET(KE, 4, ZEROS_32) }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "IKE SPI 0", { SET(SA, 8, "0000000000000000") }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "IKE SPI of 4 octets", { SET(SA, 6, "04") }, .kind = ERR_PEER, .during = REKEY_IKE },
	{ "encryption that was not offered", { SET(SA, 22, "000b") }, .kind = ERR_PEER,
		.during = REKEY_IKE },
	{ "payloads in reverse", { { .op = EDIT_REVERSE } }, .kind = ERR_NONE,
		.during = REKEY_IKE },
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
		p->cfg.eap = (struct eap_config){
			.user = "anna", .password = &password, .methods = methods, .n_methods = 1
		};
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
			len = IKE_HDR_LEN +
				edit_chain(&x->row->edits[i], &copy[16], copy + IKE_HDR_LEN,
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

/* --- the end ------------------------------------------------------------------------------------------------- */

static void fill_constants(void)
{
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL);

	assert_true(BN_sub_word(p, 1));
	char *hex = BN_bn2hex(p);
	snprintf(modp_top, sizeof(modp_top), "%s", hex);
	OPENSSL_free(hex);
	BN_free(p);
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
		tests[n++] = (struct CMUnitTest){ rows[i].name, run, NULL, NULL, (void *)&rows[i] };
	return n;
}

int main(void)
{
	static struct CMUnitTest tests[2 * ARRAY_LEN(init) + ARRAY_LEN(auth) + ARRAY_LEN(child)];
	size_t n = 0;

	n = add(tests, n, init, ARRAY_LEN(init), init_meant);
	n = add(tests, n, init, ARRAY_LEN(init), init_forged);
	n = add(tests, n, auth, ARRAY_LEN(auth), auth_meant);
	n = add(tests, n, child, ARRAY_LEN(child), child_meant);
	return _cmocka_run_group_tests("rows", tests, n, setup, teardown);
}
