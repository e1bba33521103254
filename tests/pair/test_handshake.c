/*
 * From IKE_SA_INIT to a tunnel and back, by every kind of proof; and every way in which it fails.
 */
#include "pair.h"
#include "lib/pki.h"
#include "people.h"

struct row {
	const char *name;
	enum person gw; /* NOBODY: the gateway proves itself by the psk */
	enum person user; /* NOBODY: the user does, or by EAP */
	uint8_t eap;
	enum person eap_gw; /* the server of EAP-TLS, where it is not the gateway */
	bool ask; /* the profile holds no password */
	const char *ike, *esp; /* of both; NULL: the default of the pair */
	const char *gw_ike, *gw_esp; /* of the gateway, where it has others */
	struct gw_config
		with; /* of it cookies, wrong_groups, no_*, fake_nat, refuse_*, narrow, address,
	                        * transport, edits and hashes */
	const char *psk, *password, *remote_id; /* of the client, where they differ */
	bool nat, force_encap, transport;
	enum person pin; /* whose certificate is pinned */
	bool encap; /* the ESP SAs shall be in UDP */
	enum err_kind kind; /* ERR_NONE: it comes up */
	uint16_t notify;
	unsigned eap_octets_max; /* at most so many octets of EAP may have come in; 0: no matter */
};

#define IN_INIT    .exchange = IKE_SA_INIT
#define IN_AUTH(n) .exchange = IKE_AUTH, .mid = (n)
#define NO_CERT                                                      \
	{                                                            \
		IN_AUTH(1), .op = EDIT_DROP, .payload = PAYLOAD_CERT \
	}

static const struct row good[] = {
	{ .name = "psk" },
	{ .name = "psk, with cookies", .with.cookies = 5 },
	{ .name = "psk, another group first",
		.ike = "aes128gcm16-prfsha256-x25519-ecp256",
		.gw_ike = "aes128gcm16-prfsha256-ecp256" },
	{ .name = "psk, cookies and another group",
		.ike = "aes128gcm16-prfsha256-x25519-ecp384",
		.gw_ike = "aes128gcm16-prfsha256-ecp384",
		.with.cookies = 2 },
	{ .name = "psk, no fragmentation", .with.no_fragments = true },
	{ .name = "psk, no NAT detection", .with.no_nat_detection = true },
	{ .name = "psk, behind a NAT", .nat = true, .encap = true },
	{ .name = "psk, a NAT that is none", .with.fake_nat = true, .encap = true },
	{ .name = "psk, encapsulation forced", .force_encap = true, .encap = true },
	{ .name = "psk, transport mode", .transport = true, .with.transport = true },
	{ .name = "psk, transport mode behind a NAT",
		.transport = true,
		.with.transport = true,
		.nat = true,
		.encap = true },
	{ .name = "psk, narrowed", .with.narrow = "10.0.0.0/8" },
	{ .name = "psk, no address assigned", .with.address = "" },
	{ .name = "psk, an IPv6 address", .with.address = "2001:db8::5" },
	{ .name = "RSA", .gw = GW_RSA, .user = USER_RSA },
	{ .name = "RSA without signature hashes, by SHA-1", .gw = GW_RSA, .with.no_hashes = true },
	{ .name = "ECDSA", .gw = GW_ECDSA, .user = USER_ECDSA },
	{ .name = "ECDSA without signature hashes",
		.gw = GW_ECDSA,
		.user = USER_ECDSA,
		.with.no_hashes = true },
	{ .name = "ECDSA 384", .gw = GW_ECDSA_384, .user = USER_ECDSA },
	{ .name = "Ed25519", .gw = GW_ED25519, .user = USER_ED25519 },
	{ .name = "a chain, in fragments", .gw = GW_CHAIN, .user = USER_RSA },
	{ .name = "a certificate against a psk", .gw = GW_ECDSA },
	{ .name = "a pinned certificate", .gw = GW_ECDSA, .pin = GW_ECDSA },
	{ .name = "a pinned certificate that is not sent",
		.gw = GW_ECDSA,
		.pin = GW_ECDSA,
		.with.edits = { NO_CERT } },
	{ .name = "a psk against a certificate", .user = USER_ECDSA },
	{ .name = "EAP-MSCHAPv2", .gw = GW_ECDSA, .eap = EAP_MSCHAPV2 },
	{ .name = "EAP-MD5", .gw = GW_ECDSA, .eap = EAP_MD5 },
	{ .name = "EAP-GTC", .gw = GW_ECDSA, .eap = EAP_GTC, .ask = true },
	{ .name = "EAP-TLS", .gw = GW_ECDSA, .user = USER_ECDSA, .eap = EAP_TLS },
	{ .name = "EAP-TLS, by TLS 1.2 and with RSA",
		.gw = GW_RSA,
		.user = USER_RSA,
		.eap = EAP_TLS,
		.with.eap_tls = 0x0303 },
	{ .name = "EAP-TLS, messages that need fragments",
		.gw = GW_CHAIN,
		.user = USER_RSA,
		.eap = EAP_TLS,
		.with.eap_tls = 0x0303,
		.eap_gw = GW_RSA },
	{ .name = "EAP-MSCHAPv2, the password asked for",
		.gw = GW_RSA,
		.eap = EAP_MSCHAPV2,
		.ask = true },
	{ .name = "EAP-MSCHAPv2 against a psk", .eap = EAP_MSCHAPV2 },
	{ .name = "AES-CBC, SHA-1 and MODP",
		.ike = "aes256-sha1-modp2048",
		.esp = "aes256-sha1-noesn" },
	{ .name = "AES-CBC and SHA-2, ESN",
		.ike = "aes128-sha256-ecp256",
		.esp = "aes128-sha256-esn" },
	{ .name = "SHA-512, ECP-521", .ike = "aes256-sha512-ecp521", .esp = "aes256-sha512-noesn" },
	{ .name = "ChaCha20-Poly1305, X448",
		.ike = "chacha20poly1305-prfsha512-x448",
		.esp = "chacha20poly1305-esn" },
	{ .name = "AES-GCM-256, SHA-384",
		.ike = "aes256gcm16-prfsha384-ecp384",
		.esp = "aes256gcm16-noesn" },
	{ .name = "AES-CTR", .ike = "aes128ctr-sha256-x25519", .esp = "aes128ctr-sha256-noesn" },
	{ .name = "AES-CCM", .ike = "aes128ccm16-prfsha256-x25519", .esp = "aes128ccm16-noesn" },
	{ .name = "3DES", .ike = "3des-sha1-modp2048", .esp = "3des-sha1-noesn" },
	{ .name = "the second proposal",
		.ike = "aes256gcm16-prfsha384-ecp384, aes128-sha256-ecp384",
		.gw_ike = "aes128-sha256-ecp384",
		.esp = "aes256gcm16-noesn, aes128-sha256-noesn",
		.gw_esp = "aes128-sha256-noesn" },
};

static const struct row bad[] = {
	{ .name = "wrong psk",
		.psk = "not what the gateway has",
		.kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ .name = "the gateway has another psk, and EAP",
		.eap = EAP_MSCHAPV2,
		.psk = "not what the gateway has",
		.kind = ERR_AUTH },
	{ .name = "wrong name with a psk", .remote_id = "other.example.org", .kind = ERR_AUTH },
	{ .name = "wrong CA", .gw = GW_OTHER_CA, .user = USER_ECDSA, .kind = ERR_AUTH },
	{ .name = "wrong name", .gw = GW_OTHER_NAME, .user = USER_ECDSA, .kind = ERR_AUTH },
	{ .name = "expired", .gw = GW_EXPIRED, .user = USER_ECDSA, .kind = ERR_AUTH },
	{ .name = "the user's certificate is not believed",
		.gw = GW_ECDSA,
		.user = USER_OTHER_CA,
		.kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ .name = "wrong password, MSCHAPv2",
		.gw = GW_ECDSA,
		.eap = EAP_MSCHAPV2,
		.password = "nonsense",
		.kind = ERR_PEER },
	{ .name = "wrong password, MD5",
		.gw = GW_ECDSA,
		.eap = EAP_MD5,
		.password = "nonsense",
		.kind = ERR_PEER },
	{ .name = "EAP-TLS, the user's certificate is not believed",
		.gw = GW_ECDSA,
		.user = USER_OTHER_CA,
		.eap = EAP_TLS,
		.kind = ERR_PEER },
	{ .name = "EAP-TLS, nor by TLS 1.2",
		.gw = GW_ECDSA,
		.user = USER_OTHER_CA,
		.eap = EAP_TLS,
		.with.eap_tls = 0x0303,
		.kind = ERR_PEER },
	{ .name = "T-23 EAP-TLS, a server of another CA",
		.gw = GW_ECDSA,
		.user = USER_ECDSA,
		.eap = EAP_TLS,
		.eap_gw = GW_OTHER_CA,
		.kind = ERR_AUTH },
	{ .name = "T-23 EAP-TLS, a server of another name",
		.gw = GW_ECDSA,
		.user = USER_ECDSA,
		.eap = EAP_TLS,
		.eap_gw = GW_OTHER_NAME,
		.kind = ERR_AUTH },
	/* That our alert ended it is no matter of the user's. */
	{ .name = "T-23 EAP-TLS, and the gateway answers our alert with a notify",
		.gw = GW_ECDSA,
		.user = USER_ECDSA,
		.eap = EAP_TLS,
		.eap_gw = GW_OTHER_CA,
		.with.refuse_eap = AUTHENTICATION_FAILED,
		.kind = ERR_AUTH },
	{ .name = "wrong code, GTC",
		.gw = GW_ECDSA,
		.eap = EAP_GTC,
		.ask = true,
		.password = "nonsense",
		.kind = ERR_PEER },
	{ .name = "no algorithms in common",
		.gw_ike = "aes256-sha512-ecp521",
		.kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ .name = "no algorithms for ESP in common",
		.gw_esp = "aes256-sha512-noesn",
		.kind = ERR_PEER,
		.notify = NO_PROPOSAL_CHOSEN },
	{ .name = "refused",
		.with.refuse_auth = AUTHENTICATION_FAILED,
		.kind = ERR_PEER,
		.notify = AUTHENTICATION_FAILED },
	{ .name = "no address to be had",
		.with.refuse_child = INTERNAL_ADDRESS_FAILURE,
		.kind = ERR_PEER,
		.notify = INTERNAL_ADDRESS_FAILURE },
	{ .name = "traffic selectors refused",
		.with.refuse_child = TS_UNACCEPTABLE,
		.kind = ERR_PEER,
		.notify = TS_UNACCEPTABLE },
	{ .name = "IKE_SA_INIT refused",
		.with.refuse_init = INVALID_SYNTAX,
		.kind = ERR_PEER,
		.notify = INVALID_SYNTAX },
	{ .name = "tunnel mode where transport mode was asked for",
		.transport = true,
		.kind = ERR_PEER },
	{ .name = "a method that the profile does not allow",
		.gw = GW_ECDSA,
		.eap = EAP_OTP,
		.kind = ERR_PEER },

	/* T-22: a gateway with a good certificate of somebody else learns nothing of the user. */
	{ .name = "T-22 rogue gateway, MSCHAPv2",
		.gw = GW_OTHER_NAME,
		.eap = EAP_MSCHAPV2,
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },
	{ .name = "T-22 rogue gateway, GTC",
		.gw = GW_OTHER_NAME,
		.eap = EAP_GTC,
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },
	{ .name = "T-22 rogue gateway of another CA",
		.gw = GW_OTHER_CA,
		.eap = EAP_MD5,
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },
	{ .name = "T-22 the proof is missing, EAP starts",
		.gw = GW_ECDSA,
		.eap = EAP_GTC,
		.with.edits = { { IN_AUTH(1), .op = EDIT_DROP, .payload = PAYLOAD_AUTH } },
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },
	{ .name = "T-22 the proof is of nothing, EAP starts",
		.gw = GW_ECDSA,
		.eap = EAP_GTC,
		.with.edits = { { IN_AUTH(1), .op = EDIT_FLIP, .payload = PAYLOAD_AUTH, .at = -1,
			.hex = "01" } },
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },
	/* What is pinned need not be sent, but it has to be what signed. */
	{ .name = "no certificate, and none is pinned",
		.gw = GW_ECDSA,
		.with.edits = { NO_CERT },
		.kind = ERR_AUTH },
	{ .name = "no certificate, another one is pinned",
		.gw = GW_ECDSA,
		.pin = GW_ECDSA_384,
		.with.edits = { NO_CERT },
		.kind = ERR_AUTH },
	{ .name = "no certificate, the pinned one is another host's",
		.gw = GW_OTHER_NAME,
		.pin = GW_OTHER_NAME,
		.remote_id = "gw2.example.org",
		.with.edits = { NO_CERT },
		.kind = ERR_AUTH },
	{ .name = "T-22 only EAP in the answer",
		.gw = GW_ECDSA,
		.eap = EAP_MSCHAPV2,
		.with.edits = { { IN_AUTH(1), .op = EDIT_ONLY, .payload = PAYLOAD_EAP } },
		.kind = ERR_AUTH,
		.eap_octets_max = 1 },

	/* T-20: success before the method said so. */
	{ .name = "T-20 success instead of identity",
		.gw = GW_ECDSA,
		.eap = EAP_MSCHAPV2,
		.with.edits = { { IN_AUTH(1), .op = EDIT_BODY, .payload = PAYLOAD_EAP,
			.hex = "03010004" } },
		.kind = ERR_AUTH },
	{ .name = "T-20 success instead of the method",
		.gw = GW_ECDSA,
		.eap = EAP_MSCHAPV2,
		.with.edits = { { IN_AUTH(2), .op = EDIT_BODY, .payload = PAYLOAD_EAP,
			.hex = "03010004" } },
		.kind = ERR_AUTH },
	{ .name = "T-20 success instead of the gateway's proof",
		.gw = GW_ECDSA,
		.eap = EAP_MSCHAPV2,
		.with.edits = { { IN_AUTH(3), .op = EDIT_BODY, .payload = PAYLOAD_EAP,
			.hex = "03020004" } },
		.kind = ERR_AUTH },
};

static struct trust *pinned; /* of the row */

static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_MD5, EAP_GTC, EAP_TLS };
static struct tls_config tls;
static struct passphrase password;

static void set_algorithms(struct pair *p, const struct row *r)
{
	if (r->ike)
		p->ike = r->ike;
	if (r->esp)
		p->esp = r->esp;
	p->gwc.ike = r->gw_ike ? r->gw_ike : r->ike;
	p->gwc.esp = r->gw_esp ? r->gw_esp : r->esp;
}

static void set_proofs(struct pair *p, const struct row *r)
{
	const struct credential *user = person(r->user);

	p->cfg.local_auth = r->eap ? IKE_AUTH_BY_EAP : user ? IKE_AUTH_BY_CERT : IKE_AUTH_BY_PSK;
	p->cfg.remote_psk = r->gw == NOBODY;
	p->cfg.trust = people_trust();
	p->cfg.security = TIER_LEGACY;
	p->cfg.remote_id_strict = r->remote_id != NULL;
	if (r->remote_id)
		assert_true(id_parse(&p->cfg.remote_id, r->remote_id, NULL));
	if (r->pin) {
		struct err e;
		pinned = trust_new(&e);
		assert_ok(
			&e, pinned && trust_pin(pinned, cert_der(person(r->pin)->certs.v[0]), &e));
		p->cfg.trust = pinned;
		p->cfg.pinned = true;
	}
	if (user) {
		p->cfg.certs = &user->certs;
		p->cfg.key = user->key;
	}
	const char *words = r->password ? r->password : p->password;
	p->password = words;
	assert_true(passphrase_set(&password, words, strlen(words)));
	tls = (struct tls_config){ .trust = people_trust(),
		.server = "gw.example.org",
		.now = PKI_NOW,
		.certs = user ? &user->certs : NULL,
		.key = user ? user->key : NULL };
	p->cfg.eap = (struct eap_config){ .user = "anna",
		.tls = &tls,
		.password = r->ask ? NULL : &password,
		.methods = methods,
		.n_methods = ARRAY_LEN(methods) };
}

static void set_gateway(struct pair *p, const struct row *r)
{
	struct gw_config with = r->with, *g = &p->gwc;

	with.id = g->id;
	with.psk = g->psk;
	with.user = g->user;
	with.password = "correct horse";
	with.ike = g->ike;
	with.esp = g->esp;
	with.nonce_i = with.nonce_r = -1;
	with.by_cert = r->gw != NOBODY;
	with.own = person(r->gw);
	with.client = p->cfg.local_auth;
	with.trust = people_trust();
	with.eap = r->eap;
	with.eap_own = person(r->eap_gw);
	with.eap_client_ca = people_ca();
	with.address = r->with.address ? (r->with.address[0] ? r->with.address : NULL) : "10.1.2.3";
	*g = with;
	if (r->gw == GW_OTHER_NAME)
		g->id = "gw.example.org"; /* it lies */
	if (r->psk)
		p->psk = r->psk;
}

static void unpin(void)
{
	trust_free(pinned);
	pinned = NULL;
}

static void run_row(struct pair *p, const struct row *r, uint32_t seed)
{
	pair_init(p, seed);
	set_algorithms(p, r);
	set_proofs(p, r);
	set_gateway(p, r);
	p->wire.nat = r->nat;
	p->cfg.force_encap = r->force_encap;
	p->cfg.mode = r->transport ? SA_TRANSPORT : SA_TUNNEL;
	pair_connect(p);
}

static void comes_up(void **state)
{
	const struct row *r = *state;
	struct pair p;

	run_row(&p, r, 1);
	pair_settle(&p);
	pair_check_up(&p, 1);
	const struct sa_spec *out = p.net.plane[CLIENT].sa[1];
	assert_int_equal(out->encap, r->encap);
	assert_int_equal(out->encap ? out->local.port : 4500, 4500);
	assert_int_equal(p.asks > 0, r->ask);
	assert_int_equal(p.client.v2->granted.n_addrs, p.gwc.address != NULL);
	pair_gw(&p, GW_REKEY_CHILD);
	pair_settle(&p);
	pair_command(&p, CMD_REKEY_ALL);
	pair_settle(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.client.v2->rekeys_child, 2);
	assert_int_equal(p.client.v2->rekeys_ike, 1);
	pair_stop(&p);
	pair_run(&p, 5000);
	pair_check_dead(&p, ERR_NONE, 0);
	assert_int_equal(p.gw.phase, GW_CLOSED);
	pair_free(&p);
	unpin();
}

static void fails(void **state)
{
	const struct row *r = *state;
	struct pair p;

	run_row(&p, r, 1);
	pair_check_dead(&p, r->kind, r->notify);
	pair_run(&p, 5000);
	if (r->eap_octets_max) {
		assert_int_equal(p.gw.eap_octets, 0);
		assert_false(p.gw.user_seen);
	}
	assert_int_equal(p.net.plane[GATEWAY].n, 0);
	pair_free(&p);
	unpin();
}

static bool swallow(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	(void)f;
	return from == *(enum end *)arg;
}

/* Nobody answers: ten tries over 24 seconds, then the end. */
static void silence(void **state)
{
	enum end from = GATEWAY;
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	pair_start(&p);
	pair_tap(&p, swallow, &from);
	pair_until(&p, pair_decided, SECONDS(600));
	pair_check_dead(&p, ERR_SILENT, 0);
	assert_int_equal(p.net.sent[CLIENT], 10);
	assert_true(p.net.now > SECONDS(18) && p.net.now < SECONDS(26));
	pair_free(&p);
}

static bool up(const struct pair *p)
{
	return client_phase(&p->client) == IKE_UP;
}

static bool in_auth(const struct pair *p)
{
	return p->gw.phase == GW_HALF;
}

/* It falls silent after IKE_SA_INIT, and after the tunnel is up (dead peer detection). */
static void silence_later(void **state)
{
	bool (*const when[])(const struct pair *) = { in_auth, up };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(when); i++) {
		enum end from = GATEWAY;
		struct pair p;
		pair_init(&p, 1);
		p.cfg.dpd_interval = SECONDS(30);
		pair_start(&p);
		assert_true(pair_until(&p, when[i], SECONDS(10)));
		if (i == 1)
			pair_run(&p, SECONDS(300)); /* the gateway answers: nothing happens */
		assert_int_equal(client_phase(&p.client), i == 1 ? IKE_UP : IKE_CONNECTING);
		pair_tap(&p, swallow, &from);
		uint64_t then = p.net.now;
		pair_until(&p, pair_dead, SECONDS(600));
		pair_check_dead(&p, ERR_SILENT, 0);
		assert_true(p.net.now - then < SECONDS(30 + 60));
		pair_free(&p);
	}
}

/* ESP that comes in is proof enough of life: nobody asks. */
static void esp_is_a_sign_of_life(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	p.cfg.dpd_interval = SECONDS(30);
	pair_connect(&p);
	pair_run(&p, 100);
	unsigned sent = p.net.sent[CLIENT];
	for (int i = 0; i < 20; i++) {
		pair_os(&p, &(struct os_input){ .kind = OS_INBOUND, .ok = true });
		pair_run(&p, SECONDS(10));
	}
	assert_int_equal(p.net.sent[CLIENT], sent);
	pair_run(&p, SECONDS(60));
	assert_true(p.net.sent[CLIENT] > sent);
	pair_free(&p);
}

/* Behind a NAT an octet goes out every 20 seconds of silence (RFC 3948 section 4). */
static void keepalive(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	p.wire.nat = true;
	pair_connect(&p);
	pair_run(&p, 100);
	unsigned sent = p.net.sent[CLIENT];
	pair_run(&p, SECONDS(100));
	assert_int_equal(p.net.sent[CLIENT] - sent, 5);
	pair_free(&p);
}

/* The user would not say the password. */
static void no_answer_of_the_user(void **state)
{
	static const struct row r = { .gw = GW_ECDSA, .eap = EAP_MSCHAPV2, .ask = true };
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	set_proofs(&p, &r);
	set_gateway(&p, &r);
	p.password = NULL;
	pair_connect(&p);
	pair_check_dead(&p, ERR_CONFIG, 0);
	assert_int_equal(p.asks, 1);
	pair_free(&p);
}

static bool no_large_ones(void *arg, struct net *n, enum end from, struct flight *f)
{
	unsigned *dropped = arg;

	(void)n;
	if (from != CLIENT || f->len <= 700)
		return false;
	++*dropped;
	return true;
}

/* Somewhere on the way datagrams over 700 octets are lost: IKE_AUTH with a certificate is cut smaller
 * after a few tries (RFC 7383 section 2.5.1). */
static void large_datagrams_dropped(void **state)
{
	static const struct row r = { .gw = GW_ECDSA, .user = USER_RSA };
	unsigned dropped = 0;
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	set_proofs(&p, &r);
	set_gateway(&p, &r);
	pair_start(&p);
	pair_tap(&p, no_large_ones, &dropped);
	pair_until(&p, pair_decided, SECONDS(60));
	pair_run(&p, 100);
	pair_check_up(&p, 1);
	assert_in_range(dropped, 2, 6);
	pair_free(&p);
}

/* What the client asked for and got. */
static void what_was_granted(void **state)
{
	struct pair p;
	char text[SELECTOR_TEXT_MAX];

	(void)state;
	pair_init(&p, 1);
	p.gwc.narrow = "10.9.0.0/16";
	pair_connect(&p);
	pair_run(&p, 100);
	pair_check_up(&p, 1);
	const struct granted *g = v2_granted(p.client.v2);
	assert_int_equal(g->n_addrs, 1);
	assert_string_equal(prefix_text(text, &g->addrs[0]), "10.1.2.3/32");
	assert_int_equal(g->n_dns, 1);
	assert_int_equal(g->dns[0].ip[3], 53);
	assert_int_equal(g->n_domains, 1);
	assert_string_equal(g->domains[0], "corp.example");
	assert_int_equal(p.client.v2->children.v[0]->remote_ts.n, 1);
	assert_string_equal(
		selector_text(text, &p.client.v2->children.v[0]->remote_ts.v[0]), "10.9.0.0/16");
	pair_free(&p);
}

static int teardown(void **state)
{
	people_free();
	return pair_group_teardown(state);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(good) + ARRAY_LEN(bad)];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(silence),
		cmocka_unit_test(silence_later),
		cmocka_unit_test(esp_is_a_sign_of_life),
		cmocka_unit_test(keepalive),
		cmocka_unit_test(no_answer_of_the_user),
		cmocka_unit_test(what_was_granted),
		cmocka_unit_test(large_datagrams_dropped),
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		tests[n++] =
			(struct CMUnitTest){ good[i].name, comes_up, NULL, NULL, (void *)&good[i] };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tests[n++] = (struct CMUnitTest){ bad[i].name, fails, NULL, NULL, (void *)&bad[i] };
	int failed = cmocka_run_group_tests_name("rows", tests, pair_group_setup, teardown);
	return failed + cmocka_run_group_tests_name("others", others, pair_group_setup, teardown);
}
