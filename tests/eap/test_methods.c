/* EAP-MD5 and EAP-GTC. */
#include "script.h"

#include "base/types.h"

#define MD5_CHALLENGE "01 07 @ 04 10 000102030405060708090a0b0c0d0e0f"
#define MD5_RESPONSE  "02 07 @ 04 10 7be366c6c674e0bfcf9e8f4b9ef7e82a 'User'"

static const struct script md5[] = {
	{ "MD5", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY(MD5_CHALLENGE "'gateway'"), SEND(MD5_RESPONSE) },
			{ GATEWAY("03 07 @"), DONE },
		} },
	{ "MD5, with everything asked for", "", NULL, NULL, false, false,
		{
			{ GATEWAY(MD5_CHALLENGE), ASK(ASK_USER, "User name") },
			{ USER("User"), ASK(ASK_PASSWORD, "Password for User") },
			{ USER("clientPass"), SEND(MD5_RESPONSE) },
			{ GATEWAY("04 07 @"),
				FAIL(ERR_PEER, "did not accept what it was given in EAP-MD5") },
		} },
	{ "MD5, another challenge is another try", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY(MD5_CHALLENGE), SEND(MD5_RESPONSE) },
			{ GATEWAY("01 08 @ 04 01 ff"),
				ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED("did not accept the password of User") },
			{ USER("another"),
				SEND("02 08 @ 04 10 155bef65ad89ec92bf7261517f6054ce 'User'") },
			{ GATEWAY("03 08 @"), DONE },
		} },
	{ "MD5, three tries", "User", "clientPass", NULL, false, false,
		{
			{ GATEWAY(MD5_CHALLENGE), SEND(MD5_RESPONSE) },
			{ GATEWAY("01 08 @ 04 01 ff"),
				ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED("did not accept") },
			{ USER("b"), SEND("") },
			{ GATEWAY("01 09 @ 04 01 ff"),
				ASK(ASK_PASSWORD, "Password for User (try 3 of 3)"),
				REFUSED("did not accept") },
			{ USER("c"), SEND("") },
			{ GATEWAY("01 0a @ 04 01 ff"),
				FAIL(ERR_PEER, "did not accept the password of User") },
		} },
	{ "MD5, no second password: the refusal is the reason", "User", "clientPass", NULL, false,
		false,
		{
			{ GATEWAY(MD5_CHALLENGE), SEND(MD5_RESPONSE) },
			{ GATEWAY("01 08 @ 04 01 ff"),
				ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED("did not accept") },
			{ .answer = NULL, FAIL(ERR_PEER, "did not accept the password of User") },
		} },
	{ "MD5, no password", "User", NULL, NULL, false, false,
		{
			{ GATEWAY(MD5_CHALLENGE), ASK(ASK_PASSWORD, "Password for User") },
			{ .answer = NULL, FAIL(ERR_CONFIG, "no password was given") },
		} },
	{ "MD5 of nothing", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 07 @ 04"), FAIL(ERR_PEER, "malformed") },
		} },
	{ "MD5, size 0", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 07 @ 04 00 'gateway'"), FAIL(ERR_PEER, "malformed") },
		} },
	{ "MD5, size beyond the packet", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 07 @ 04 03 aabb"), FAIL(ERR_PEER, "malformed") },
		} },
	{ "MD5, size beyond the length but not the padding", "User", "x", NULL, false, false,
		{
			{ GATEWAY("01 07 0008 04 03 aabb cc"), FAIL(ERR_PEER, "malformed") },
		} },
};

static const struct script gtc[] = {
	{ "GTC, the profile's password", "User", "clientPass", "gtc", false, false,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY("01 02 @ 06 'Password: '"), SEND("02 02 @ 06 'clientPass'") },
			{ GATEWAY("03 02 @"), DONE },
		} },
	{ "GTC, other words for a password", "User", "clientPass", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'Please enter your PASSWORD'"),
				SEND("02 02 @ 06 'clientPass'") },
		} },
	{ "GTC, a password that was refused is asked for", "User", "clientPass", "gtc", false,
		false,
		{
			{ GATEWAY("01 02 @ 06 'Password: '"), SEND("02 02 @ 06 'clientPass'") },
			{ GATEWAY("01 03 @ 06 'Password: '"), ASK(ASK_PASSWORD, "Password: ") },
			{ USER("right"), SEND("02 03 @ 06 'right'") },
			{ GATEWAY("01 04 @ 06 'Next code'"), ASK(ASK_CODE, "Next code") },
			{ USER("1"), SEND("02 04 @ 06 '1'") },
			{ GATEWAY("01 05 @ 06 'And the next'"), ASK(ASK_CODE, "And the next") },
			{ USER(""), SEND("02 05 @ 06") },
			{ GATEWAY("04 05 @"), FAIL(ERR_PEER, "EAP-GTC") },
		} },
	{ "GTC, no password in the profile", "User", NULL, "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'Password: '"), ASK(ASK_PASSWORD, "Password: ") },
			{ USER("clientPass"), SEND("02 02 @ 06 'clientPass'") },
		} },
	{ "GTC, a code", "User", "clientPass", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'PASSCODE:'"), ASK(ASK_CODE, "PASSCODE:") },
			{ USER("123456"), SEND("02 02 @ 06 '123456'") },
			{ GATEWAY("01 02 @ 06 'PASSCODE:'"), SEND("02 02 @ 06 '123456'") },
			{ GATEWAY("03 02 @"), DONE },
		} },
	{ "GTC, a password that is none of the profile's: one-time", "User", "x", "gtc", false,
		false,
		{
			{ GATEWAY("01 02 @ 06 'One-time password:'"),
				ASK(ASK_CODE, "One-time password:") },
		} },
	{ "GTC, a password that is none of the profile's: new", "User", "x", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'Enter a new password'"),
				ASK(ASK_CODE, "Enter a new password") },
		} },
	{ "GTC, words to be made safe", "User", "x", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'Code' 0a 1b '[2J' ff"),
				ASK(ASK_CODE, "Code ?[2J?") },
		} },
	{ "GTC without a word", "User", "x", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06"), ASK(ASK_CODE, "Code") },
			{ .answer = NULL, FAIL(ERR_CONFIG, "no answer to the gateway's question") },
		} },
	{ "GTC, success while the user reads the next question", "User", "x", "gtc", false, false,
		{
			{ GATEWAY("01 02 @ 06 'Password: '"), SEND("02 02 @ 06 'x'") },
			{ GATEWAY("01 03 @ 06 'Code'"), ASK(ASK_CODE, "Code") },
			{ GATEWAY("03 03 @"), FAIL(ERR_AUTH, "before EAP-GTC was finished") },
		} },
};

static void md5_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(md5); i++)
		script_run(&md5[i]);
}

static void gtc_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gtc); i++)
		script_run(&gtc[i]);
}

/* The longest answer and the longest challenge go through whole. */
static void gtc_longest(void **state)
{
	struct peer p;
	struct eap_result r;
	struct passphrase text = { .len = PASSPHRASE_MAX };
	uint8_t in[2048];

	(void)state;
	memset(text.text, 'p', PASSPHRASE_MAX);
	peer_start(&p, "User", NULL, "gtc", false);
	memset(in, 'q', sizeof(in));
	memcpy(in, (uint8_t[]){ EAP_REQUEST, 1, 2048 >> 8, 0, EAP_GTC }, 5);
	eap_input(p.eap, (struct bytes){ in, sizeof(in) }, &r);
	assert_int_equal(r.verdict, EAP_V_ASK);
	assert_int_equal(strlen(r.ask.prompt), PROMPT_TEXT_MAX - 1);
	eap_answer(p.eap, &text, &r);
	assert_int_equal(r.verdict, EAP_V_SEND);
	assert_int_equal(r.len, 5 + PASSPHRASE_MAX);
	assert_memory_equal(r.out + 5, text.text, PASSPHRASE_MAX);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md5_conversations),
		cmocka_unit_test(gtc_conversations),
		cmocka_unit_test(gtc_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
