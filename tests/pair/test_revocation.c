/*
 * What a client makes of a gateway whose certificate was revoked, or may have been: by CRLs of its own, and by what
 * the gateway sends along.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/session/state.h"
#include "lib/revoked.h"
#include "pair.h"
#include "people.h"
#include "profiles.h"
#include "relogin.h"
#include "resuming.h"

enum { CRL = 7, OCSP = 14 };

enum piece { NOTHING, GOOD_CRL, REVOKING_CRL, OLD_CRL, GOOD_OCSP, REVOKING_OCSP, LATER_OCSP, JUNK };

static X509 *x509_of(const struct cert *c)
{
	struct bytes der = cert_der(c);
	const uint8_t *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	assert_non_null(x);
	return x;
}

/* Seconds from PKI_NOW to what is made now. */
static long later;

static uint8_t make_for(
	enum person who, struct pki_file *f, enum piece piece, const OCSP_REQUEST *question)
{
	X509 *gw = x509_of(person(who)->certs.v[0]);
	struct ocsp_spec ocsp = { .from = later - 3600,
		.to = later + 3600,
		.about = gw,
		.issuer = people_ca(),
		.signer_key = people_ca_key(),
		.question = question };
	struct crl_spec crl = { .revoked = piece == REVOKING_CRL ? gw : NULL };

	f->len = 0;
	if (piece == OLD_CRL) {
		crl.from = -2000;
		crl.to = -1000;
	}
	if (piece == REVOKING_OCSP)
		ocsp.status = V_OCSP_CERTSTATUS_REVOKED;
	if (piece == LATER_OCSP)
		ocsp.response = OCSP_RESPONSE_STATUS_TRYLATER;
	if (piece == JUNK)
		f->data[f->len++] = 0x30;
	else if (piece >= GOOD_OCSP)
		pki_ocsp(f, &ocsp);
	else {
		X509_CRL *made = pki_crl(&crl, people_ca(), people_ca_key());
		pki_der_crl(f, made);
		X509_CRL_free(made);
	}
	X509_free(gw);
	return piece >= GOOD_OCSP && piece != JUNK ? OCSP : CRL;
}

static uint8_t make(struct pki_file *f, enum piece piece)
{
	return make_for(GW_ECDSA, f, piece, NULL);
}

static void add_crl(struct evidence *ev, enum piece piece)
{
	struct pki_file *f = calloc(1, sizeof(*f));
	size_t added;
	struct err e;

	assert_non_null(f);
	make(f, piece);
	assert_ok(&e, evidence_add_crl(ev, pki_bytes(f), "crl.pem", &added, &e));
	free(f);
}

static void set_up(struct pair *p, enum revocation policy, enum person gw)
{
	pair_init(p, 91);
	p->gwc.by_cert = true;
	p->gwc.own = person(gw);
	p->cfg.remote_psk = false;
	p->cfg.trust = people_trust();
	p->cfg.revocation = policy;
}

struct row {
	enum revocation policy;
	enum piece own, sent;
	const char *told; /* how the view begins, of a tunnel that is up ... */
	const char *refusal; /* ... or what the failure has in it */
};

static void check(const struct row *r)
{
	struct evidence *own = evidence_new(NULL);
	struct pki_file *f = calloc(1, sizeof(*f));
	struct ike_view *v = calloc(1, sizeof(*v));
	struct pair p;

	assert_true(own && f && v);
	set_up(&p, r->policy, GW_ECDSA);
	if (r->own)
		add_crl(own, r->own);
	p.cfg.crls = own;
	if (r->sent) {
		p.gwc.evidence[0].encoding = make(f, r->sent);
		p.gwc.evidence[0].der = pki_bytes(f);
	}
	pair_connect(&p);
	v2_view(p.client.v2, v);
	if (r->told) {
		pair_check_up(&p, 1);
		if (strncmp(v->revocation, r->told, strlen(r->told)) != 0)
			fail_msg("\"%s\" is not \"%s\"", v->revocation, r->told);
		assert_int_equal(p.events[EV_WARNING],
			r->own != NOTHING && strncmp(r->told, "unknown", 7) == 0);
	} else {
		pair_check_dead(&p, ERR_AUTH, 0);
		if (!strstr(v->failure.text, r->refusal))
			fail_msg("\"%s\" lacks \"%s\"", v->failure.text, r->refusal);
		assert_false(v->proved);
	}
	assert_int_equal(p.gw.ocsp_wanted, r->policy >= REVOCATION_SOFT);
	pair_free(&p);
	evidence_free(own);
	free(f);
	free(v);
}

static void what_is_at_hand(void **state)
{
	static const struct row rows[] = {
		{ REVOCATION_OFF, REVOKING_CRL, REVOKING_CRL, "unchecked", NULL },
		{ REVOCATION_LOCAL, NOTHING, NOTHING, "unchecked", NULL },
		{ REVOCATION_LOCAL, NOTHING, JUNK, "unchecked", NULL },
		{ REVOCATION_LOCAL, GOOD_CRL, NOTHING, "good", NULL },
		{ REVOCATION_LOCAL, OLD_CRL, NOTHING, "unknown: whether the certificate", NULL },
		{ REVOCATION_LOCAL, REVOKING_CRL, NOTHING, NULL, "(crl.pem)" },
		{ REVOCATION_LOCAL, NOTHING, GOOD_CRL, "good", NULL },
		{ REVOCATION_LOCAL, NOTHING, REVOKING_CRL, NULL, "(sent by the gateway)" },
		{ REVOCATION_LOCAL, NOTHING, GOOD_OCSP, "good", NULL },
		{ REVOCATION_LOCAL, NOTHING, OLD_CRL, "unknown: whether the certificate", NULL },
		{ REVOCATION_LOCAL, NOTHING, REVOKING_OCSP, NULL, "says the OCSP responder" },
		{ REVOCATION_LOCAL, REVOKING_CRL, GOOD_OCSP, NULL, "(crl.pem)" },
		{ REVOCATION_HARD, NOTHING, NOTHING, NULL,
			"is revoked is not known: there is neither" },
		{ REVOCATION_HARD, OLD_CRL, NOTHING, NULL, "is not of this time" },
		{ REVOCATION_HARD, OLD_CRL, GOOD_OCSP, "good", NULL },
		{ REVOCATION_HARD, GOOD_CRL, NOTHING, "good", NULL },
		{ REVOCATION_HARD, NOTHING, GOOD_CRL, "good", NULL },
		{ REVOCATION_HARD, NOTHING, GOOD_OCSP, "good", NULL },
		{ REVOCATION_HARD, NOTHING, LATER_OCSP, NULL, "tryLater" },
		{ REVOCATION_HARD, NOTHING, JUNK, NULL, "no CRL" },
		{ REVOCATION_HARD, NOTHING, REVOKING_CRL, NULL, "is revoked since" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

/* Who is asked for a password must have been looked at before. */
static void before_the_login(void **state)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2 };
	struct pki_file *f = calloc(1, sizeof(*f));
	struct pair p;

	(void)state;
	assert_non_null(f);
	set_up(&p, REVOCATION_LOCAL, GW_ECDSA);
	p.gwc.evidence[0].encoding = make(f, REVOKING_OCSP);
	p.gwc.evidence[0].der = pki_bytes(f);
	p.cfg.local_auth = p.gwc.client = IKE_AUTH_BY_EAP;
	p.cfg.eap = (struct eap_config){ .user = "anna", .methods = methods, .n_methods = 1 };
	p.gwc.eap = EAP_MSCHAPV2;
	pair_connect(&p);
	pair_check_dead(&p, ERR_AUTH, 0);
	assert_int_equal(p.asks, 0);
	assert_false(p.gw.user_seen);
	pair_free(&p);
	free(f);
}

/* Of an intermediate CA as of the gateway itself. */
static void every_certificate_of_the_chain(void **state)
{
	struct evidence *ev = evidence_new(NULL);
	struct pair p;
	X509_CRL *crl = pki_crl(&(struct crl_spec){ .revoked = NULL }, people_intermediate(),
		people_intermediate_key());
	struct pki_file *f = calloc(1, sizeof(*f));
	size_t added;
	struct err e;

	(void)state;
	assert_true(ev && f);
	pki_der_crl(f, crl);
	assert_ok(&e, evidence_add_crl(ev, pki_bytes(f), "crl.pem", &added, &e));
	for (int i = 0; i < 2; i++) {
		set_up(&p, REVOCATION_HARD, GW_CHAIN);
		p.cfg.crls = ev;
		pair_connect(&p);
		if (i == 0) {
			pair_check_dead(&p, ERR_AUTH, 0);
			assert_non_null(strstr(p.client.v2->failure.text,
				"CN=An intermediate CA\" is revoked is not known"));
			add_crl(ev, GOOD_CRL); /* the CA's */
		} else {
			pair_check_up(&p, 1);
		}
		pair_free(&p);
	}
	X509_CRL_free(crl);
	evidence_free(ev);
	free(f);
}

static void what_the_user_is_told(void **state)
{
	static const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "psk" },
		{ "local", "id", "anna@example.org" },
		{ "remote", "auth", "cert" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
		{ "remote", "revocation", "hard" },
	};
	static const struct {
		enum piece own;
		const char *advice;
	} rows[] = { { NOTHING, "remote.crl" }, { REVOKING_CRL, "new certificate" },
		{ GOOD_CRL, NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct profile *profile =
			profile_trusting(profile_of(settings, ARRAY_LEN(settings)));
		struct status *st = calloc(1, sizeof(*st));
		struct pair p;
		struct err e;
		assert_non_null(st);
		assert_non_null(profile->crls = evidence_new(&e));
		if (rows[i].own)
			add_crl(profile->crls, rows[i].own);
		pair_init(&p, 92);
		p.profile = profile;
		p.gwc.by_cert = true;
		p.gwc.own = person(GW_ECDSA);
		p.gwc.psk = "a long shared key of both";
		pair_connect(&p);
		session_status(p.client.session, p.net.now, st);
		if (rows[i].advice) {
			assert_int_equal(p.downs, 1);
			assert_int_equal(p.down.status, DOWN_NOT_THE_GATEWAY);
			if (!strstr(p.down.advice, rows[i].advice))
				fail_msg("%s", p.down.advice);
		} else {
			pair_check_up(&p, 1);
			assert_string_equal(st->gateway.revocation, "good");
		}
		pair_free(&p);
		profile_done(profile);
		free(st);
	}
}

/* --- asking others ------------------------------------------------------------------------------ */

/* What is at http://ocsp.example.org/, and at /ca.crl there. */
static enum piece responder, list;
static bool mute, other_nonce;
static struct pki_file served;

static OCSP_REQUEST *question_of(const struct fetch *what)
{
	const uint8_t *p = what->data;
	OCSP_REQUEST *r = d2i_OCSP_REQUEST(NULL, &p, (long)what->len);

	assert_non_null(r);
	if (other_nonce) {
		OCSP_REQUEST_free(r);
		r = OCSP_REQUEST_new();
		OCSP_request_add1_nonce(r, NULL, 16);
	}
	return r;
}

static bool serve(struct pair *p, const struct fetch *what, struct os_input *in)
{
	bool is_list = strcmp(what->url, "http://ocsp.example.org/ca.crl") == 0;

	assert_true(is_list || strcmp(what->url, "http://ocsp.example.org/") == 0);
	assert_string_equal(what->type, is_list ? "" : "application/ocsp-request");
	assert_int_equal(what->len > 0, !is_list);
	/* Nothing is asked before the gateway has proved itself, and nothing carries traffic meanwhile. */
	assert_int_equal(p->gw.phase, GW_UP);
	assert_int_equal(p->events[EV_UP], 0);
	if (mute)
		return false;
	enum piece piece = is_list ? list : responder;
	in->ok = piece != NOTHING;
	if (in->ok) {
		OCSP_REQUEST *question = is_list ? NULL : question_of(what);
		make_for(GW_ASKED_ABOUT, &served, piece, question);
		OCSP_REQUEST_free(question);
		in->body = pki_bytes(&served);
	} else {
		err_set(&in->err, ERR_SILENT, "%s: 192.0.2.9:80 cannot be reached", what->url);
	}
	return true;
}

static struct profile *asking(const char *policy)
{
	const struct setting settings[] = {
		{ "connection", "gateway", "gw.example.org" },
		{ "local", "auth", "psk" },
		{ "local", "id", "anna@example.org" },
		{ "remote", "auth", "cert" },
		{ "secrets", "psk", "a long shared key of both" },
		{ "ike", "proposals", "aes128gcm16-prfsha256-x25519" },
		{ "esp", "proposals", "aes128gcm16-x25519-noesn" },
		{ "remote", "revocation", policy },
	};

	return profile_trusting(profile_of(settings, ARRAY_LEN(settings)));
}

static void begin_asking(struct pair *p, const struct profile *profile, enum person gw)
{
	pair_init(p, 93);
	p->profile = profile;
	p->gwc.by_cert = true;
	p->gwc.own = person(gw);
	p->gwc.psk = "a long shared key of both";
	p->serve = serve;
}

/* The responder has said that the certificate is good. */
static void up_by_asking(struct pair *p, const struct profile *profile)
{
	responder = GOOD_OCSP;
	mute = other_nonce = false;
	begin_asking(p, profile, GW_ASKED_ABOUT);
	pair_connect(p);
	pair_check_up(p, 1);
}

struct asked {
	const char *policy;
	enum piece responder, list;
	bool mute, other_nonce;
	unsigned fetches;
	const char *told, *refusal; /* as in struct row */
};

static void check_asking(const struct asked *r)
{
	struct profile *profile = asking(r->policy);
	struct status *st = calloc(1, sizeof(*st));
	struct pair p;

	assert_non_null(st);
	responder = r->responder;
	list = r->list;
	mute = r->mute;
	other_nonce = r->other_nonce;
	begin_asking(&p, profile, GW_ASKED_ABOUT);
	pair_connect(&p);
	pair_run(&p, SECONDS(11));
	session_status(p.client.session, p.net.now, st);
	if (r->told) {
		pair_check_up(&p, 1);
		if (strncmp(st->gateway.revocation, r->told, strlen(r->told)) != 0)
			fail_msg("\"%s\" is not \"%s\"", st->gateway.revocation, r->told);
	} else {
		assert_int_equal(p.downs, 1);
		assert_int_equal(p.down.status, DOWN_NOT_THE_GATEWAY);
		if (!strstr(p.down.what, r->refusal))
			fail_msg("\"%s\" lacks \"%s\"", p.down.what, r->refusal);
		assert_int_equal(p.events[EV_UP], 0);
	}
	assert_int_equal(p.fetches, r->fetches);
	pair_free(&p);
	profile_done(profile);
	free(st);
}

static void others_are_asked(void **state)
{
	static const struct asked rows[] = {
		{ "local", GOOD_OCSP, GOOD_CRL, false, false, 0, "unchecked", NULL },
		{ "off", GOOD_OCSP, GOOD_CRL, false, false, 0, "unchecked", NULL },
		{ "soft", GOOD_OCSP, NOTHING, false, false, 1, "good", NULL },
		{ "hard", GOOD_OCSP, NOTHING, false, false, 1, "good", NULL },
		{ "soft", REVOKING_OCSP, NOTHING, false, false, 1, NULL,
			"says the OCSP responder (http://ocsp.example.org/)" },
		{ "hard", REVOKING_OCSP, GOOD_CRL, false, false, 1, NULL, "is revoked since" },
		{ "hard", NOTHING, GOOD_CRL, false, false, 2, "good", NULL },
		{ "hard", LATER_OCSP, GOOD_CRL, false, false, 2, "good", NULL },
		{ "hard", JUNK, GOOD_CRL, false, false, 2, "good", NULL },
		{ "hard", GOOD_OCSP, GOOD_CRL, false, true, 2, "good", NULL },
		{ "hard", GOOD_OCSP, NOTHING, false, true, 2, NULL, "cannot be reached" },
		{ "soft", NOTHING, REVOKING_CRL, false, false, 2, NULL,
			"says the CRL of its CA (http://ocsp.example.org/ca.crl)" },
		{ "soft", NOTHING, NOTHING, false, false, 2, "unknown: whether the certificate",
			NULL },
		{ "hard", NOTHING, NOTHING, false, false, 2, NULL,
			"is not known: http://ocsp.example.org/ca.crl: 192.0.2.9:80 cannot be reached" },
		{ "hard", LATER_OCSP, OLD_CRL, false, false, 2, NULL, "is not of this time" },
		{ "soft", NOTHING, NOTHING, true, false, 1, "unknown: whether the certificate",
			NULL },
		{ "hard", NOTHING, NOTHING, true, false, 1, NULL,
			"http://ocsp.example.org/: no answer in time" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_asking(&rows[i]);
}

/* What was sent along, or is in a file, need not be asked for. */
static void not_asked_without_need(void **state)
{
	struct profile *profile = asking("hard");
	struct pki_file *f = calloc(1, sizeof(*f));
	struct pair p;

	(void)state;
	assert_non_null(f);
	begin_asking(&p, profile, GW_ASKED_ABOUT);
	p.gwc.evidence[0].encoding = make_for(GW_ASKED_ABOUT, f, GOOD_OCSP, NULL);
	p.gwc.evidence[0].der = pki_bytes(f);
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.fetches, 0);
	pair_free(&p);
	profile_done(profile);
	free(f);
}

/* Where a certificate names no address there is nobody to ask, and the gateway is not called twice. */
static void nowhere_to_ask(void **state)
{
	struct profile *soft = asking("soft"), *hard = asking("hard");
	struct pair p;

	(void)state;
	begin_asking(&p, soft, GW_ECDSA);
	pair_connect(&p);
	pair_check_up(&p, 1);
	assert_int_equal(p.fetches, 0);
	assert_int_equal(p.events[EV_WARNING], 1);
	pair_free(&p);
	begin_asking(&p, hard, GW_ECDSA);
	pair_connect(&p);
	assert_int_equal(p.down.status, DOWN_NOT_THE_GATEWAY);
	assert_non_null(strstr(p.down.what, "and no certificate names an address to ask at"));
	pair_free(&p);
	profile_done(soft);
	profile_done(hard);
}

/* What is answered is kept for as long as it is good. */
static void asked_again_when_it_is_old(void **state)
{
	struct profile *profile = asking("hard");
	struct pair p;

	(void)state;
	up_by_asking(&p, profile);
	for (unsigned asked = 1; asked <= 2; asked++) {
		p.events[EV_UP] = 0;
		pair_command(&p, CMD_RECONNECT);
		pair_run(&p, SECONDS(5));
		pair_check_up(&p, 1);
		assert_int_equal(p.events[EV_UP], 1);
		assert_int_equal(p.fetches, asked);
		/* What is old is not kept. */
		assert_int_equal(evidence_len(p.client.session->inquiring.fetched), 1);
		later += 7200;
		pair_run(&p, SECONDS(7200));
	}
	later = 0;
	pair_free(&p);
	profile_done(profile);
}

/* Nobody answers for a while, and with each attempt they are asked again. */
static void comes_back_when_they_answer(void **state)
{
	struct profile *profile = asking("hard");
	struct pair p;

	(void)state;
	up_by_asking(&p, profile);
	later += 7200;
	pair_run(&p, SECONDS(7200));
	responder = list = NOTHING;
	p.events[EV_UP] = p.fetches = 0;
	pair_command(&p, CMD_RECONNECT);
	pair_run(&p, SECONDS(60));
	assert_int_equal(p.events[EV_UP], 0);
	assert_int_equal(p.downs, 0);
	assert_true(p.fetches >= 4);
	assert_int_equal(p.fetches, 2 * p.events[EV_RECONNECTING] - 2);
	responder = GOOD_OCSP;
	pair_run(&p, SECONDS(60));
	assert_int_equal(p.events[EV_UP], 1);
	pair_check_up(&p, 1);
	later = 0;
	pair_free(&p);
	profile_done(profile);
}

/* A tunnel that is up does not end for what is not known any more when the gateway wants a new login. */
static void not_asked_beside_a_tunnel(void **state)
{
	struct relogin *w = relogin_new(true);
	struct pki_file *f = calloc(1, sizeof(*f));
	X509_CRL *crl = pki_crl(
		&(struct crl_spec){ .from = -3600, .to = 100 }, people_ca(), people_ca_key());
	size_t added;
	struct err e;

	(void)state;
	assert_non_null(f);
	pki_der_crl(f, crl);
	w->profile->revocation = REVOCATION_HARD;
	w->profile->crls = evidence_new(&e);
	assert_ok(&e, evidence_add_crl(w->profile->crls, pki_bytes(f), "a.crl", &added, &e));
	relogin_up(w);
	relogin_to(w, LIFE - LEAD + 15);
	assert_int_equal(w->p.other.phase, GW_UP);
	assert_int_equal(w->p.gw.phase, GW_CLOSED);
	assert_int_equal(w->p.events[EV_LOST], 0);
	relogin_free(w);
	X509_CRL_free(crl);
	free(f);
}

static void stopped_while_asking(void **state)
{
	struct profile *profile = asking("hard");
	struct pair p;

	(void)state;
	mute = true;
	begin_asking(&p, profile, GW_ASKED_ABOUT);
	pair_start(&p);
	pair_run(&p, SECONDS(2));
	assert_int_equal(p.fetches, 1);
	assert_int_equal(p.downs, 0);
	/* An answer to another question changes nothing. */
	pair_os(&p, &(struct os_input){ .kind = OS_FETCHED, .spi = 77 });
	pair_run(&p, SECONDS(1));
	assert_int_equal(p.fetches, 1);
	pair_stop(&p);
	pair_run(&p, SECONDS(1));
	assert_int_equal(p.downs, 1);
	assert_int_equal(p.down.status, DOWN_ASKED);
	pair_free(&p);
	profile_done(profile);
	people_free();
}

/* By a ticket (RFC 5723) the gateway shows no certificate, so there would be nothing to look at; and what
 * is said of it is what was found at the login. */
static void hard_is_looked_at_every_time(void **state)
{
	(void)state;
	for (int hard = 0; hard < 2; hard++) {
		struct resuming *w = resuming_new(true);
		w->profile->revocation = hard ? REVOCATION_HARD : REVOCATION_LOCAL;
		w->profile->crls = evidence_new(NULL);
		assert_non_null(w->profile->crls);
		add_crl(w->profile->crls, GOOD_CRL);
		resuming_up(w);
		resuming_lose(w, true);
		assert_int_equal(client_phase(&w->p.client), IKE_UP);
		assert_int_equal(w->p.gw.resumes, hard ? 0 : 1);
		assert_string_equal(w->p.client.session->view.revocation, "good");
		resuming_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_at_hand),
		cmocka_unit_test(before_the_login),
		cmocka_unit_test(every_certificate_of_the_chain),
		cmocka_unit_test(what_the_user_is_told),
		cmocka_unit_test(others_are_asked),
		cmocka_unit_test(not_asked_without_need),
		cmocka_unit_test(nowhere_to_ask),
		cmocka_unit_test(asked_again_when_it_is_old),
		cmocka_unit_test(comes_back_when_they_answer),
		cmocka_unit_test(not_asked_beside_a_tunnel),
		cmocka_unit_test(stopped_while_asking),
		cmocka_unit_test(hard_is_looked_at_every_time),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
