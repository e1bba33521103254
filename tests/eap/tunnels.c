#include "tunnels.h"

#include <stdio.h>

#include "base/types.h"
#include "crypto/alg.h"

struct authority pki;

int authority_make(void **state)
{
	struct err e;

	(void)state;
	assert_ok(&e, crypto_begin(&e));
	pki.ca_key = pki_key("EC", "P-256");
	pki.key = pki_key("EC", "P-256");
	pki.ca = pki_issue(
		&(struct pki_spec){ .cn = "Root", .key = pki.ca_key, .ca = true }, NULL, NULL);
	pki.other_ca = pki_issue(
		&(struct pki_spec){ .cn = "Another", .key = pki.key, .ca = true }, NULL, NULL);
	return 0;
}

int authority_free(void **state)
{
	(void)state;
	X509_free(pki.ca);
	X509_free(pki.other_ca);
	EVP_PKEY_free(pki.ca_key);
	EVP_PKEY_free(pki.key);
	return 0;
}

X509 *authority_issue(struct pki_spec spec)
{
	if (!spec.cn)
		spec.cn = "radius";
	if (!spec.san)
		spec.san = "DNS:radius.example";
	spec.key = pki.key;
	return pki_issue(&spec, pki.ca, pki.ca_key);
}

/* Large enough that it never goes into one packet. */
static void give_own(struct tunnel_test *t)
{
	char names[1200] = "email:alice@example.org";
	struct pki_file f = { .len = 0 };
	X509 *cert;
	struct err e;
	bool need;

	for (size_t n = strlen(names); n + 40 < sizeof(names); n = strlen(names))
		snprintf(names + n, sizeof(names) - n, ",DNS:n%zu.departments.example.org", n);
	cert = authority_issue(
		(struct pki_spec){ .cn = "alice", .extended = "clientAuth", .san = names });
	pki_pem_cert(&f, cert);
	pki_pem_cert(&f, pki.ca);
	pki_pem_key(&f, pki.key, NULL);
	assert_ok(&e, load_credentials(pki_bytes(&f), NULL, &t->own, &t->own_key, &need, &e));
	X509_free(cert);
}

void tunnel_begin(struct tunnel_test *t, const struct tunnel_spec *spec)
{
	struct err e;

	memset(t, 0, sizeof(*t));
	t->spec = *spec;
	t->cert = spec->cert ? spec->cert : authority_issue((struct pki_spec){ .cn = NULL });
	t->server = tls_server_new(&(struct tls_server_spec){ .cert = t->cert,
		.key = pki.key,
		.client_ca = spec->client_ca,
		.version = spec->version });
	if (spec->own)
		give_own(t);
	t->tls = (struct tls_config){ .trust = pki_trust(pki.ca),
		.server = spec->server ? spec->server : "radius.example",
		.now = PKI_NOW,
		.certs = &t->own,
		.key = t->own_key };
	if (spec->password)
		assert_true(passphrase_set(&t->password, spec->password, strlen(spec->password)));
	t->config = (struct eap_config){ .user = spec->user ? spec->user : "",
		.password = spec->password ? &t->password : NULL,
		.methods = &t->spec.type,
		.n_methods = 1,
		.ttls = spec->ttls,
		.tls = &t->tls };
	t->eap = eap_new(&t->config, &t->rng, &e);
	if (!t->eap)
		fail_msg("%s", e.text);
}

void tunnel_end(struct tunnel_test *t)
{
	eap_free(t->eap);
	tls_server_free(t->server);
	trust_free(t->tls.trust);
	cert_list_free(&t->own);
	key_free(t->own_key);
	if (!t->spec.cert)
		X509_free(t->cert);
}

void tunnel_ask(struct tunnel_test *t, struct bytes octets)
{
	uint8_t packet[EAP_PACKET_MAX];
	struct wr w = wr_init(packet, sizeof(packet));

	wr_u8(&w, EAP_REQUEST);
	wr_u8(&w, ++t->id);
	wr_u16(&w, (uint16_t)(5 + octets.n));
	wr_u8(&w, t->spec.type);
	wr_bytes(&w, octets.p, octets.n);
	assert_false(w.bad);
	eap_input(t->eap, (struct bytes){ packet, w.len }, &t->r);
}

void tunnel_verdict(struct tunnel_test *t, enum eap_code code)
{
	uint8_t packet[] = { (uint8_t)code, t->id, 0, 4 };

	eap_input(t->eap, (struct bytes){ packet, sizeof(packet) }, &t->r);
}

/* The head of an answer: its flags; what is behind them is in rest. */
static uint8_t answer(struct tunnel_test *t, struct rd *rest)
{
	struct rd r = rd_init(t->r.out, t->r.len);

	if (t->r.verdict != EAP_V_SEND)
		fail_msg("verdict %d: %s", t->r.verdict, t->r.err.text);
	assert_true(t->r.len <= 1020);
	assert_int_equal(rd_u8(&r), EAP_RESPONSE);
	assert_int_equal(rd_u8(&r), t->id);
	assert_int_equal(rd_u16(&r), t->r.len);
	assert_int_equal(rd_u8(&r), t->spec.type);
	uint8_t flags = rd_u8(&r);
	assert_false(r.bad);
	assert_int_equal(flags & 0x3f, 0);
	*rest = r;
	return flags;
}

void tunnel_message(struct tunnel_test *t, struct bytes message)
{
	size_t part = t->spec.part ? t->spec.part : 1000, at = 0;
	uint8_t packet[EAP_PACKET_MAX];
	struct rd rest;

	do {
		struct wr w = wr_init(packet, sizeof(packet));
		size_t n = message.n - at < part ? message.n - at : part;
		bool first = at == 0 && n < message.n, more = at + n < message.n;
		wr_u8(&w, (uint8_t)((first ? 0x80 : 0) | (more ? 0x40 : 0)));
		if (first)
			wr_u32(&w, (uint32_t)message.n);
		wr_bytes(&w, (const uint8_t *)message.p + at, n);
		at += n;
		tunnel_ask(t, (struct bytes){ packet, w.len });
		if (more) {
			assert_int_equal(answer(t, &rest), 0);
			assert_int_equal(rest.left, 0);
		}
	} while (at < message.n);
}

void tunnel_take(struct tunnel_test *t)
{
	size_t total = 0, got = 0;
	struct rd rest;
	uint8_t flags;

	for (bool first = true;; first = false) {
		flags = answer(t, &rest);
		assert_int_equal((flags & 0x80) != 0, first && (flags & 0x40));
		if (flags & 0x80)
			total = rd_u32(&rest);
		got += rest.left;
		t->parts++;
		t->server_failed |=
			!tls_server_input(t->server, (struct bytes){ rest.p, rest.left });
		if (!(flags & 0x40))
			break;
		assert_true(t->r.len > 1010);
		tunnel_ask(t, (struct bytes){ "\0", 1 });
	}
	if (total)
		assert_int_equal(got, total);
}

static bool next_message(struct tunnel_test *t)
{
	static uint8_t octets[65536];
	size_t n = tls_server_output(t->server, octets, sizeof(octets));

	if (n == 0)
		return false;
	tunnel_message(t, (struct bytes){ octets, n });
	return t->r.verdict == EAP_V_SEND;
}

void tunnel_start(struct tunnel_test *t)
{
	tunnel_ask(t, (struct bytes){ "\x20", 1 });
	tunnel_take(t);
}

void tunnel_handshake(struct tunnel_test *t)
{
	tunnel_start(t);
	while (next_message(t))
		tunnel_take(t);
}

void tunnel_until_asked(struct tunnel_test *t)
{
	tunnel_start(t);
	while (next_message(t))
		tunnel_take(t);
	tunnel_expect(t, EAP_V_ASK, ERR_NONE, "");
}

void tunnel_say(struct tunnel_test *t, struct bytes plain)
{
	assert_true(tls_server_write(t->server, plain));
	if (next_message(t))
		tunnel_take(t);
}

void tunnel_expect(const struct tunnel_test *t, enum eap_verdict verdict, enum err_kind kind,
	const char *words)
{
	if (t->r.verdict != verdict || t->r.err.kind != kind || !strstr(t->r.err.text, words))
		fail_msg("verdict %d, kind %d: \"%s\"; expected %d, %d: \"%s\"", t->r.verdict,
			t->r.err.kind, t->r.err.text, verdict, kind, words);
}

void tunnel_told_to_nobody(const struct tunnel_spec *spec)
{
	struct tunnel_spec other = *spec;
	struct tunnel_test t;

	other.server = "other.example";
	tunnel_begin(&t, &other);
	tunnel_handshake(&t);
	tunnel_expect(&t, EAP_V_SEND, ERR_AUTH, "and the profile wants other.example");
	assert_false(tls_server_is_up(t.server));
	tunnel_verdict(&t, EAP_SUCCESS);
	tunnel_expect(&t, EAP_V_FAILURE, ERR_AUTH, "");
	tunnel_end(&t);
}
