#include "../../src/session/hints.h"
#include "ike/msg.h"
#include "lib/test.h"

/*
 * What a person is told of a failure: the status, what the gateway said, and what to try.
 */

static void tell(struct down *out, enum conn_type type, enum ike_stage stage, enum err_kind kind,
	uint16_t notify, const char *text)
{
	struct profile *p = profile_new("test");
	struct err e;

	assert_non_null(p);
	p->type = type;
	err_notify(&e, kind, notify, "%s", text);
	hint_down(out, p, stage, &e);
	profile_free(p);
	assert_string_equal(out->what, text);
}

/* Its notify where there was one; else its words, however they look. */
static void said(void **state)
{
	static const struct {
		enum conn_type type;
		enum ike_stage stage;
		enum err_kind kind;
		uint16_t notify;
		const char *text, *said;
	} rows[] = {
		{ CONN_IKEV2, STAGE_AUTH, ERR_PEER, AUTHENTICATION_FAILED,
			"the gateway answers AUTHENTICATION_FAILED (24)",
			"AUTHENTICATION_FAILED (24)" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the gateway refused bob: the password is wrong (error 691). It says \"No: locked\"",
			"the password is wrong (error 691). It says \"No: locked\"" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, 0,
			"the gateway did not accept what it was given in EAP-GTC",
			"the gateway did not accept what it was given in EAP-GTC" },
		{ CONN_IKEV2, STAGE_EAP, ERR_PEER, AUTHENTICATION_FAILED,
			"the gateway refused bob: the password is wrong (error 691)",
			"AUTHENTICATION_FAILED (24)" },
		{ CONN_IKEV1, STAGE_EAP, ERR_PEER, 0,
			"the gateway closed the connection during the login",
			"the gateway closed the connection during the login" },
		{ CONN_IKEV2, STAGE_UP, ERR_PEER, 0, "the gateway closed the connection",
			"the gateway closed the connection" },
		{ CONN_L2TP, STAGE_L2TP, ERR_PEER, 0,
			"the gateway refused the L2TP tunnel: it lacks the resources (result 2, error 4)",
			"it lacks the resources (result 2, error 4)" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0,
			"the gateway closed the L2TP tunnel: it is being shut down (result 6, error "
			"0). It says \"maintenance\"",
			"it is being shut down (result 6, error 0). It says \"maintenance\"" },
		{ CONN_L2TP, STAGE_PPP, ERR_PEER, 0,
			"the gateway ended the PPP link. It says \"Error: quota\"",
			"\"Error: quota\"" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0,
			"the gateway ended the PPP link. It says \"Idle timeout\"",
			"\"Idle timeout\"" },
		{ CONN_L2TP, STAGE_UP, ERR_PEER, 0, "the gateway ended the PPP link",
			"the gateway ended the PPP link" },
		/* What it did not say. */
		{ CONN_IKEV2, STAGE_UP, ERR_SILENT, 0, "the gateway does not answer", "nothing" },
		{ CONN_IKEV2, STAGE_UP, ERR_PEER, 0,
			"the tunnel's child SA reached the end of its life without being rekeyed",
			"nothing" },
		{ CONN_IKEV2, STAGE_EAP, ERR_AUTH, 0,
			"the gateway did not prove that it knows the password", "nothing" },
		{ CONN_IKEV1, STAGE_AUTH, ERR_PEER, 0,
			"the gateway's answer cannot be decrypted: the two sides do not have the same "
			"keys",
			"nothing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct down d;
		tell(&d, rows[i].type, rows[i].stage, rows[i].kind, rows[i].notify, rows[i].text);
		if (strcmp(d.said, rows[i].said) != 0)
			fail_msg("%s: it said %s", rows[i].text, d.said);
		assert_true(d.advice[0]);
	}
}

static void advice(void **state)
{
	static const struct {
		enum ike_stage stage;
		enum err_kind kind;
		const char *text;
		enum down_status status;
		const char *advice, *never;
	} rows[] = {
		{ STAGE_PPP, ERR_PEER,
			"the gateway ended the PPP link, after it was refused MPPE encryption. It says "
			"\"MPPE required\"",
			DOWN_REFUSED, "do without MPPE", "pool" },
		{ STAGE_PPP, ERR_PEER, "the gateway assigned no address", DOWN_REFUSED, "pool",
			"MPPE" },
		{ STAGE_PPP_LINK, ERR_SILENT,
			"the gateway did not agree on a PPP link: no answer to our LCP",
			DOWN_UNREACHABLE, "pppd", "authentication" },
		{ STAGE_PPP_LOGIN, ERR_SILENT, "the gateway did not go on with the login by PAP",
			DOWN_UNREACHABLE, "authentication server", "pppd" },
		{ STAGE_PPP_LINK, ERR_PEER,
			"the gateway wants us to log in by PAP, which the profile does not allow",
			DOWN_NOT_ACCEPTED, "ppp.auth", "secrets" },
		{ STAGE_L2TP, ERR_PEER,
			"the gateway ended the L2TP session: it lacks the resources (result 5)",
			DOWN_REFUSED, "does not take the call", "secrets" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct down d;
		tell(&d, CONN_L2TP, rows[i].stage, rows[i].kind, 0, rows[i].text);
		if (d.status != rows[i].status || !strstr(d.advice, rows[i].advice) ||
			strstr(d.advice, rows[i].never))
			fail_msg("%s: status %d, try: %s", rows[i].text, d.status, d.advice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
