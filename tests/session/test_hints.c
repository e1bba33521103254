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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
