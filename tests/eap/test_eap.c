#include "script.h"

#include "base/types.h"

static const struct script scripts[] = {
	{ "identity from the profile", "User", "x", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
		} },
	{ "identity with a text, which is not needed", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 01 @ 01 'Who?'"), SEND("02 01 @ 01 'User'") },
		} },
	{ "identity asked for", "", "x", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), ASK(ASK_USER, "User name") },
			{ USER("User"), SEND("02 01 @ 01 'User'") },
			{ GATEWAY("01 02 @ 01"), SEND("02 02 @ 01 'User'") },
		} },
	{ "identity asked for in the gateway's words, up to its NUL", "", "x", NULL, false, false,
		{
			{ GATEWAY("01 01 @ 01 'Your staff number' 1b 00 'options'"),
				ASK(ASK_USER, "Your staff number?") },
			{ USER("4711"), SEND("02 01 @ 01 '4711'") },
		} },
	{ "a name that must not reach the terminal as it is", "", NULL, NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), ASK(ASK_USER, "User name") },
			{ USER("U\x1b[2J\xf3r"), ASK(ASK_PASSWORD, "Password for U?[2J?r") },
		} },
	{ "no name given", "", "x", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), ASK(ASK_USER, "User name") },
			{ .answer = NULL, FAIL(ERR_CONFIG, "no user name was given") },
			{ GATEWAY("04 01 @"), IGNORE, .words = "after the end" },
		} },
	{ "an empty name", "", "x", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), ASK(ASK_USER, "User name") },
			{ USER(""), FAIL(ERR_CONFIG, "user name") },
		} },
	{ "an answer to no question", "User", "x", NULL, false, false,
		{
			{ USER("x"), IGNORE, .words = "no question" },
		} },
	{ "a notification is shown, safely, and changes nothing", "User", "clientPass", NULL, false,
		true,
		{
			{ GATEWAY("01 09 @ 02 'Hello' 07"), SEND("02 09 @ 02"), .words = "Hello?" },
			{ GATEWAY("01 09 @ 02 'Hello' 07"),
				SEND("02 09 @ 02") }, /* repeated: not shown again */
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 0a @ 02 'Soon'"), SEND("02 0a @ 02"), .words = "Soon" },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("01 0b @ 02 'Password expires tomorrow'"), SEND("02 0b @ 02"),
				.words = "Password expires tomorrow" },
			{ GATEWAY("03 0b @"), DONE },
		} },
	{ "Nak with all that is allowed", "User", "x", "gtc mschapv2", false, false,
		{
			{ GATEWAY("01 02 @ 0d 20"), SEND("02 02 @ 03 06 1a") },
			{ GATEWAY("01 03 @ 04 01 ff"),
				SEND("02 03 @ 03 06 1a") }, /* ours, but not allowed */
			{ GATEWAY("01 04 @ ff"), SEND("02 04 @ 03 06 1a") },
			{ GATEWAY("04 04 @"),
				FAIL(ERR_PEER,
					"wants an unknown EAP method (255), the profile allows "
					"EAP-GTC, EAP-MSCHAPv2") },
		} },
	{ "the reason of a failure is the method refused", "User", "x", "mschapv2", false, false,
		{
			{ GATEWAY("01 02 @ 0d 20"), SEND("02 02 @ 03 1a") },
			{ GATEWAY("04 02 @"),
				FAIL(ERR_PEER,
					"wants EAP-TLS (13), the profile allows EAP-MSCHAPv2") },
		} },
	{ "expanded Nak", "User", "x", "gtc mschapv2", false, false,
		{
			{ GATEWAY("01 02 @ fe 000014 00000006"),
				SEND("02 02 @ fe 000000 00000003 fe 000000 00000006 fe 000000 0000001a") },
			{ GATEWAY("01 03 @ fe 000000 0000000d"),
				SEND("02 03 @ fe 000000 00000003 fe 000000 00000006 fe 000000 0000001a") },
			{ GATEWAY("01 04 @ fe 000000 0000011a"), /* is not 0x1a */
				SEND("02 04 @ fe 000000 00000003 fe 000000 00000006 fe 000000 0000001a") },
		} },
	{ "the expanded format of a plain type", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY("01 01 @ fe 000000 00000001"),
				SEND("02 01 @ fe 000000 00000001 'User'") },
			{ GATEWAY("01 07 @ fe 000000 00000004 10 000102030405060708090a0b0c0d0e0f"),
				SEND("02 07 @ fe 000000 00000004 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 'User'") },
			{ GATEWAY("03 07 @"), DONE },
		} },
	{ "no Nak once a method has begun", "User", "clientPass", NULL, false, true,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 06 @ 0d 20"), IGNORE,
				.words = "EAP-TLS (13) within EAP-MSCHAPv2" },
			{ GATEWAY("01 06 @ 06 'Password: '"), IGNORE, .words = "EAP-GTC" },
			{ GATEWAY("01 06 @ 01"), IGNORE, .words = "identity" },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("01 07 @ 06 'Password: '"), IGNORE, .words = "EAP-GTC" },
			{ GATEWAY("01 07 @ 01"), IGNORE, .words = "identity" },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "a repeated request gets the same response, wherever it stands", "User", "clientPass",
		NULL, false, true,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(CHALLENGE "ffff"),
				FAIL(ERR_PEER, "Challenge (1) in answer to the Response") },
		} },
	{ "repeated to the end", "User", "clientPass", NULL, false, true,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
			{ GATEWAY("03 06 @"), IGNORE, .words = "after the end" },
			{ GATEWAY(PROVED), IGNORE, .words = "after the end" },
		} },
	{ "a request while the user thinks", "User", NULL, NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), ASK(ASK_PASSWORD, "Password for User") },
			{ GATEWAY(CHALLENGE), IGNORE, .words = "while the user is being asked" },
			{ GATEWAY("01 06 @ 02 'Hurry'"), IGNORE,
				.words = "while the user is being asked" },
			{ USER("clientPass"), SEND(RESPONSE) },
		} },
	{ "the gateway gives up while the user thinks", "User", NULL, NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), ASK(ASK_PASSWORD, "Password for User") },
			{ GATEWAY("04 05 @"), FAIL(ERR_PEER, "did not wait") },
			{ USER("clientPass"), IGNORE, .words = "no question" },
		} },
	{ "success out of nothing", "User", "x", NULL, false, false,
		{
			{ GATEWAY("03 01 @"),
				FAIL(ERR_AUTH, "EAP-Success before any method was finished") },
			{ GATEWAY(IDENTITY_REQUEST), IGNORE, .words = "after the end" },
		} },
	{ "success after the identity", "User", "x", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY("03 01 @"), FAIL(ERR_AUTH, "before any method") },
		} },
	{ "success after a notification", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 01 @ 02 'hi'"), SEND("02 01 @ 02"), .words = "hi" },
			{ GATEWAY("03 01 @"), FAIL(ERR_AUTH, "before any method") },
		} },
	{ "success after a Nak", "User", "x", "mschapv2", false, false,
		{
			{ GATEWAY("01 01 @ 0d 20"), SEND("02 01 @ 03 1a") },
			{ GATEWAY("03 01 @"), FAIL(ERR_AUTH, "before any method") },
		} },
	{ "success while the user is asked for the first password", "User", NULL, "md5", false,
		false,
		{
			{ GATEWAY("01 07 @ 04 01 ff"), ASK(ASK_PASSWORD, "Password for User") },
			{ GATEWAY("03 07 @"), FAIL(ERR_AUTH, "before EAP-MD5 was finished") },
		} },
	{ "success and failure of another time are not heard", "User", "clientPass", "md5", false,
		false,
		{
			{ GATEWAY("01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"),
				SEND("02 07 @ 04 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 'User'") },
			{ GATEWAY("03 06 @"), IGNORE, .words = "identifier 6" },
			{ GATEWAY("04 09 @"), IGNORE, .words = "identifier 9" },
			{ GATEWAY("03 08 @"), DONE }, /* one on, as of old */
		} },
	{ "five octets of success, the last behind the length", "User", "clientPass", "md5", false,
		false,
		{
			{ GATEWAY("01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"), SEND("") },
			{ GATEWAY("03 07 0004 06"), DONE },
		} },
	{ "five octets of success, the last within the length", "User", "clientPass", "md5", false,
		false,
		{
			{ GATEWAY("01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"), SEND("") },
			{ GATEWAY("03 07 0005 06"), DONE },
		} },
	{ "padding behind a request is not part of it", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY("01 01 0005 01 ffffff"), SEND("02 01 @ 01 'User'") },
			{ GATEWAY("01 01 0005 01"), SEND("02 01 @ 01 'User'") },
			{ GATEWAY("01 05 001c 1a 01 05 0017 10" GATEWAY_CHALLENGE "'gw' 0000"),
				SEND(RESPONSE) },
		} },
	{ "packets that are none", "User", "x", NULL, false, false,
		{
			{ GATEWAY(""), IGNORE, .words = "0 octets" },
			{ GATEWAY("01"), IGNORE, .words = "1 octet with" },
			{ GATEWAY("010100"), IGNORE, .words = "3 octets" },
			{ GATEWAY("03010000"), IGNORE, .words = "length 0" },
			{ GATEWAY("03010003"), IGNORE, .words = "length 3" },
			{ GATEWAY("0101000601"), IGNORE, .words = "length 6" },
			{ GATEWAY("01010004"), IGNORE, .words = "too short" },
			{ GATEWAY("01 01 @ fe 000000 000001"), IGNORE, .words = "too short" },
			{ GATEWAY("0001000501"), IGNORE, .words = "code 0" },
			{ GATEWAY("0201000501"), IGNORE, .words = "code 2" },
			{ GATEWAY("0501000501"), IGNORE, .words = "code 5" },
			{ GATEWAY("01 01 @ 00"), IGNORE, .words = "type 0" },
			{ GATEWAY("01 01 @ 03 1a"), IGNORE, .words = "type 3" },
			{ GATEWAY("01 01 @ fe 000000 00000003 fe 000000 0000001a"), IGNORE,
				.words = "type 3" },
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
		} },
	{ "failure before anything", "User", "x", NULL, false, false,
		{
			{ GATEWAY("04 01 @ "), FAIL(ERR_PEER, "EAP-Failure before any method") },
		} },
	{ "failure after the proof", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("04 06 @"),
				FAIL(ERR_PEER, "accepted the password of User, then") },
		} },
	{ "a second method where the carrier has a sequence", "User", "clientPass", NULL, true,
		false,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("01 07 @ 06 'Password or token'"),
				ASK(ASK_CODE, "Password or token") },
			{ USER("123456"), SEND("02 07 @ 06 '123456'") },
			{ GATEWAY("03 07 0004 06"), DONE },
		} },
	{ "a second method does not get the password of the first", "User", "clientPass", NULL,
		true, false,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("01 07 @ 06 'Password: '"), ASK(ASK_PASSWORD, "Password: ") },
			{ GATEWAY("03 07 @"), FAIL(ERR_AUTH, "before EAP-GTC was finished") },
		} },
	{ "a sequence with an identity and a Nak between", "User", "clientPass", "mschapv2 md5",
		true, false,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("01 07 @ 01"), SEND("02 07 @ 01 'User'") },
			{ GATEWAY("01 08 @ 06 'Token'"), SEND("02 08 @ 03 1a 04") },
			{ GATEWAY("01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"),
				SEND("02 07 @ 04 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 'User'") },
			{ GATEWAY("01 08 @ 01"), IGNORE, .words = "identity within EAP-MD5" },
			{ GATEWAY("01 08 @ 0d 20"), IGNORE, .words = "within EAP-MD5" },
			{ GATEWAY("03 07 @"), DONE },
		} },
	{ "a sequence that ends after the first has the first's key", "User", "clientPass", NULL,
		true, true,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "a sequence does not begin in the middle of a method", "User", "clientPass", NULL, true,
		false,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 06 @ 06 'Token'"), IGNORE,
				.words = "EAP-GTC (6) within EAP-MSCHAPv2" },
		} },
};

static void conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		script_run(&scripts[i]);
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(eap_type_by_name("mschapv2"), EAP_MSCHAPV2);
	assert_int_equal(eap_type_by_name("MD5"), EAP_MD5);
	assert_int_equal(eap_type_by_name("gtc"), EAP_GTC);
	assert_int_equal(eap_type_by_name("tls"), EAP_TLS);
	assert_int_equal(eap_type_by_name("ttls"), EAP_TTLS);
	assert_int_equal(eap_type_by_name("PEAP"), EAP_PEAP);
	assert_int_equal(eap_type_by_name("otp"), 0);
	assert_int_equal(eap_type_by_name(""), 0);
	assert_string_equal(eap_type_name(EAP_MSCHAPV2), "EAP-MSCHAPv2");
	assert_string_equal(eap_type_name(EAP_PEAP), "EAP-PEAP");
	assert_non_null(eap_type_name(200));
}

static void method_in_use(void **state)
{
	struct peer p;
	struct eap_result r;
	uint8_t in[64];

	(void)state;
	peer_start(&p, "User", "x", NULL, false);
	assert_string_equal(eap_method_name(p.eap), "EAP");
	size_t n = script_octets("01 01 @ 06 'Code'", in, sizeof(in));
	eap_input(p.eap, (struct bytes){ in, n }, &r);
	assert_int_equal(r.verdict, EAP_V_ASK);
	assert_false(r.ask.echo);
	assert_string_equal(eap_method_name(p.eap), "EAP-GTC");
	peer_stop(&p);
	eap_free(NULL);
}

static void bad_configuration(void **state)
{
	static const uint8_t none[] = { EAP_MSCHAPV2, EAP_TLS };
	char long_name[EAP_USER_MAX + 1];
	struct eap_config c = { .user = "User", .methods = none };
	struct rng rng = { .left = 0 };
	struct err e;

	(void)state;
	assert_refused(&e, ERR_CONFIG, eap_new(&c, &rng, &e));
	c.n_methods = 2;
	assert_refused(&e, ERR_CONFIG, eap_new(&c, &rng, &e));
	assert_non_null(strstr(e.text, "EAP-TLS (13) is not supported"));
	c.n_methods = EAP_ALLOWED_MAX + 1;
	assert_refused(&e, ERR_CONFIG, eap_new(&c, &rng, &e));
	memset(long_name, 'u', EAP_USER_MAX);
	long_name[EAP_USER_MAX] = 0;
	c = (struct eap_config){ .user = long_name, .methods = none, .n_methods = 1 };
	assert_refused(&e, ERR_CONFIG, eap_new(&c, &rng, &e));
	long_name[EAP_USER_MAX - 1] = 0;
	struct eap *x = eap_new(&c, &rng, &e);
	assert_non_null(x);
	eap_free(x);
}

/* The longest of everything fits, and a gateway that never decides is left. */
static void limits(void **state)
{
	static uint8_t in[EAP_PACKET_MAX + 1];
	struct peer p;
	struct eap_result r;
	unsigned rounds = 0;

	(void)state;
	peer_start(&p, "User", "x", NULL, false);
	memset(in, 'A', sizeof(in));
	memcpy(in, (uint8_t[]){ EAP_REQUEST, 1, EAP_PACKET_MAX >> 8, EAP_PACKET_MAX & 255, 2 }, 5);
	eap_input(p.eap, (struct bytes){ in, EAP_PACKET_MAX }, &r);
	assert_int_equal(r.verdict, EAP_V_SEND);
	assert_int_equal(strlen(r.notice), EVENT_TEXT_MAX - 1);
	in[3]++;
	eap_input(p.eap, (struct bytes){ in, EAP_PACKET_MAX + 1 }, &r);
	assert_int_equal(r.verdict, EAP_V_IGNORE);
	in[2] = 0;
	in[3] = 5;
	do {
		in[1]++;
		eap_input(p.eap, (struct bytes){ in, 5 }, &r);
	} while (r.verdict == EAP_V_SEND && ++rounds < 1000);
	assert_int_equal(r.verdict, EAP_V_FAILURE);
	assert_int_equal(r.err.kind, ERR_PEER);
	assert_int_equal(rounds, 99);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(names),
		cmocka_unit_test(method_in_use),
		cmocka_unit_test(bad_configuration),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
