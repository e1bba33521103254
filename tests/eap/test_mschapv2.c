#include "script.h"

#include <stdio.h>

#include "base/types.h"

#define FAILURE(text) "01 06 @ 1a 04 05 @" text
#define CONCEDED      "02 06 @ 1a 04"
/* The Response to a retry: to the challenge in the Failure, with the identifier counted on. */
#define RETRY_RESPONSE "02 06 @ 1a 02 06 @" RESPONSE_VALUE "'User'"
#define RETRY          FAILURE("'E=691 R=1 '" FAILED_CHALLENGE "' V=3 M=Try again'")
#define WRONG          "the user name or the password is wrong"

static const struct script good[] = {
	{ "RFC 2759 section 9.2", "User", "clientPass", NULL, false, true,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'User'") },
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 06 @ 1a 03 05 @" PROOF "' M=Welcome'"),
				SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "the domain is on the wire and not in the hash", "BIGCO\\User", "clientPass", NULL, false,
		true,
		{
			{ GATEWAY(IDENTITY_REQUEST), SEND("02 01 @ 01 'BIGCO\\User'") },
			{ GATEWAY(CHALLENGE),
				SEND("02 05 @ 1a 02 05 @" RESPONSE_VALUE "'BIGCO\\User'") },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "everything asked for", "", NULL, NULL, false, true,
		{
			{ GATEWAY(CHALLENGE), ASK(ASK_USER, "User name") },
			{ USER("User"), ASK(ASK_PASSWORD, "Password for User") },
			{ USER("clientPass"), SEND(RESPONSE) },
			{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "a challenge without a name, a proof in small letters", "User", "clientPass", NULL, false,
		true,
		{
			{ GATEWAY("01 05 @ 1a 01 05 @ 10" GATEWAY_CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 06 @ 1a 03 05 @ 's=407a5589115fd0d6209f510fe9c04566932cda56' 00"),
				SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "Windows Server 2019: no blank before the message", "User", "clientPass", NULL, false,
		true,
		{
			{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
			{ GATEWAY("01 06 @ 1a 03 05 @" PROOF "'M=Welcome'"),
				SEND(PROVED_RESPONSE) },
			{ GATEWAY("03 06 @"), DONE },
		} },
	{ "RFC 2759 section 9.1.4: a retry", "User", "wrong", NULL, false, true,
		{
			{ GATEWAY(CHALLENGE), SEND("") },
			{ GATEWAY(RETRY), ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED(WRONG) },
			{ USER("clientPass"), SEND(RETRY_RESPONSE) },
			{ GATEWAY("01 07 @ 1a 03 06 @" PROOF), SEND("02 07 @ 1a 03") },
			{ GATEWAY("03 07 @"), DONE },
		} },
	{ "RFC 2759 section 9.1.5: three in vain", "User", "wrong", NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), SEND("") },
			{ GATEWAY(RETRY), ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED("It says \"Try again\"") },
			{ USER("b"), SEND("") },
			{ GATEWAY("01 07 @ 1a 04 06 @ 'E=691 R=1 '" FAILED_CHALLENGE),
				ASK(ASK_PASSWORD, "Password for User (try 3 of 3)"),
				REFUSED(WRONG) },
			{ USER("c"), SEND("") },
			{ GATEWAY("01 08 @ 1a 04 07 @ 'E=691 R=1 '" FAILED_CHALLENGE),
				SEND("02 08 @ 1a 04"), .err = ERR_PEER, .words = WRONG },
			{ GATEWAY("04 08 @"), FAIL(ERR_PEER, "(error 691)") },
		} },
	{ "one in vain, then no word but Failure", "User", "wrong", NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), SEND("") },
			{ GATEWAY(RETRY), ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED(WRONG) },
			{ USER("b"), SEND("") },
			{ GATEWAY("04 06 @"), FAIL(ERR_PEER, "(error 691)") },
		} },
	{ "a retry that the user does not want", "User", "wrong", NULL, false, false,
		{
			{ GATEWAY(CHALLENGE), SEND("") },
			{ GATEWAY(RETRY), ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
				REFUSED(WRONG) },
			{ .answer = NULL, FAIL(ERR_PEER, WRONG) },
		} },
};

/* What a gateway may say no with, and what becomes of it. */
static const struct {
	const char *text, *words;
} failures[] = {
	{ "'E=691 R=0 '" FAILED_CHALLENGE "' V=3 M=Nope'",
		WRONG ", or this method is not allowed for the "
		      "account (error 691). It says \"Nope\"" },
	{ "'E=646 R=0'", "may not log in at this hour (error 646)" },
	{ "'E=647 R=1 '" FAILED_CHALLENGE, "the account is disabled or locked (error 647)" },
	{ "'E=648 R=0 '" FAILED_CHALLENGE "' V=3 M=Expired'",
		"the password has expired and must be changed" },
	{ "'E=649 R=0 V=3'", "the account may not dial in (error 649)" },
	{ "'E=709 R=0'", "could not be changed (error 709)" },
	{ "'E=0000000691'", WRONG },
	{ "'E=1234 R=0'", "no known reason (error 1234)" },
	{ "'E=12345678901 R=0'", "no known reason (error 0)" },
	{ "'E=4294967987 R=0'", "no known reason (error 0)" },
	{ "'E= R= C= V= M='", "no known reason (error 0)" },
	{ "'E=69x'", "no known reason (error 0)" },
	{ "'M=E=691 R=1'", "(error 0). It says \"E=691 R=1\"" },
	{ "'E=691 R=1'", WRONG }, /* a retry needs a challenge, */
	{ "'E=691 R=1 C=00'", WRONG }, /* a whole one, */
	{ "'E=691 R=1 '" FAILED_CHALLENGE "'0'", WRONG },
	{ "'E=691 R=1 C=5b5d7c7d7b3f2f3e3c2c60213226262g'", WRONG }, /* of hexadecimal digits */
	{ "'E=691 R=2 '" FAILED_CHALLENGE, WRONG },
	{ "'  E=691   R=0 '", WRONG },
	{ "", "no known reason" },
	{ "'='", "no known reason" },
	{ "'E'", "no known reason" },
	{ "'M'", "no known reason" },
	{ "'M=' 1b '[31m' ff 00", "It says \"?[31m??\"" },
};

static void run_all(const struct script *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		script_run(&s[i]);
}

static void conversations(void **state)
{
	(void)state;
	run_all(good, ARRAY_LEN(good));
}

static void failure_words(void **state)
{
	char packet[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		snprintf(packet, sizeof(packet), FAILURE("%s"), failures[i].text);
		const struct script s = { packet, "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(packet), SEND(CONCEDED), .err = ERR_PEER,
					.words = failures[i].words },
				{ GATEWAY(packet), SEND(CONCEDED), .err = ERR_PEER,
					.words = failures[i].words },
				{ GATEWAY("04 06 @"), FAIL(ERR_PEER, failures[i].words) },
			} };
		script_run(&s);
	}
}

/* The first message of the method in every wrong shape. */
static void malformed_challenges(void **state)
{
	static const char *const bad[] = {
		"01 05 @ 1a", "01 05 @ 1a 01", "01 05 @ 1a 01 05", "01 05 @ 1a 01 05 00",
		"01 05 @ 1a 01 05 @", "01 05 @ 1a 01 05 @ 10",
		"01 05 @ 1a 01 05 @ 10 5b5d7c7d7b3f2f3e3c2c6021322626", /* 15 octets */
		"01 05 @ 1a 01 05 @ 0f 5b5d7c7d7b3f2f3e3c2c6021322626", /* and saying so */
		"01 05 @ 1a 01 05 @ 11" GATEWAY_CHALLENGE "00",
		"01 05 @ 1a 01 05 @ 00" GATEWAY_CHALLENGE,
		"01 05 @ 1a 01 05 @ ff" GATEWAY_CHALLENGE,
		"01 05 0018 1a 01 05 0015 10" GATEWAY_CHALLENGE, /* cut by the EAP length */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct script s = { bad[i], "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(bad[i]), FAIL(ERR_PEER, "malformed") },
				{ GATEWAY(CHALLENGE), IGNORE, .words = "after the end" },
			} };
		script_run(&s);
	}
}

static void malformed_verdicts(void **state)
{
	static const char *const bad[] = {
		"01 06 @ 1a 03",
		"01 06 @ 1a 04", /* right in a response only */
		"01 06 @ 1a 03 05",
		"01 06 @ 1a 04 05",
		"01 06 @ 1a 03 05 00",
		"01 06 @ 1a 04 05 00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct script s = { bad[i], "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(bad[i]),
					FAIL(ERR_PEER, "packet of the gateway is malformed") },
			} };
		script_run(&s);
	}
}

/* EAP's length tells all: whatever MS-Length says is no reason to refuse a login. */
static void any_ms_length(void **state)
{
	static const struct {
		const char *challenge, *success;
	} rows[] = {
		{ "01 05 @ 1a 01 05 0000 10" GATEWAY_CHALLENGE, "01 06 @ 1a 03 05 0000" PROOF },
		{ "01 05 @ 1a 01 05 001a 10" GATEWAY_CHALLENGE, /* EAP's */
			"01 06 @ 1a 03 05 0033" PROOF },
		{ "01 05 @ 1a 01 05 ffff 10" GATEWAY_CHALLENGE, "01 06 @ 1a 03 05 ffff" PROOF },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct script s = { "any MS-Length", "User", "clientPass", NULL, false, true,
			{
				{ GATEWAY(rows[i].challenge), SEND(RESPONSE) },
				{ GATEWAY(rows[i].success), SEND(PROVED_RESPONSE) },
				{ GATEWAY("03 06 @"), DONE },
			} };
		script_run(&s);
	}
}

/* A gateway that does not know the password. */
static void no_proof(void **state)
{
	static const char *const bad[] = {
		"",
		"'S='",
		"'M=Welcome'",
		"'S=407A5589115FD0D6209F510FE9C04566932CDA5'", /* a digit less, */
		"'S=407A5589115FD0D6209F510FE9C04566932CDA566'", /* a digit more */
		"'S=407A5589115FD0D6209F510FE9C04566932CDA56M'",
		"'S=407A5589115FD0D6209F510FE9C04566932CDA57'",
		"'S=507A5589115FD0D6209F510FE9C04566932CDA56'",
		"'M=407A5589115FD0D6209F510FE9C04566932CDA56'",
		"'S=0000000000000000000000000000000000000000'",
		"'M=x S=407A5589115FD0D6209F510FE9C04566932CDA56'",
		"'S=' 000000000000000000000000000000000000000000000000000000000000000000000000 00000000",
	};
	char packet[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(packet, sizeof(packet), "01 06 @ 1a 03 05 @ %s", bad[i]);
		const struct script s = { packet, "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(packet),
					FAIL(ERR_AUTH,
						"did not prove that it knows the password of User") },
				{ GATEWAY("03 06 @"), IGNORE, .words = "after the end" },
			} };
		script_run(&s);
	}
}

/* Every operation in every state: only what the table holds goes on. */
static void out_of_order(void **state)
{
	static const struct {
		const char *name;
		struct line before[2];
		unsigned allowed; /* bits of the operations */
	} states[] = {
		{ "at the beginning", { { 0 } }, 1 << 1 },
		{ "in answer to the Response", { { GATEWAY(CHALLENGE), SEND(RESPONSE) } },
			1 << 3 | 1 << 4 },
		{ "after the Success",
			{ { GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(PROVED), SEND(PROVED_RESPONSE) } },
			0 },
		{ "after the Failure",
			{ { GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(FAILURE("'E=647 R=0'")), SEND(CONCEDED), .err = ERR_PEER,
					.words = "disabled" } },
			0 },
	};
	char packet[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		for (unsigned op = 0; op < 256; op++) {
			const char *body = op == 1 ? "10" GATEWAY_CHALLENGE :
				op == 3            ? PROOF :
						     "'E=691 R=0'";
			struct script s = { packet, "User", "clientPass", NULL, false, false,
				{ { 0 } } };
			size_t n = 0;
			if (op < 8 && states[i].allowed >> op & 1)
				continue;
			while (n < 2 && states[i].before[n].in) {
				s.lines[n] = states[i].before[n];
				n++;
			}
			snprintf(packet, sizeof(packet), "01 0a @ 1a %02x 0a @ %s", op, body);
			s.lines[n] = (struct line){ GATEWAY(packet),
				FAIL(op == 3 ? ERR_AUTH : ERR_PEER, states[i].name) };
			s.lines[n + 1] = (struct line){ GATEWAY("03 0a @"), IGNORE,
				.words = "after the end" };
			script_run(&s);
		}
	}
}

/* EAP-Success at every point where the gateway has not proved itself. */
static void early_success(void **state)
{
	static const struct script early[] = {
		{ "before the proof", "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY("03 05 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "before the proof, identifier one on", "User", "clientPass", NULL, true, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY("03 06 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "instead of the password", "User", NULL, NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), ASK(ASK_PASSWORD, "Password for User") },
				{ GATEWAY("03 05 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "after a failure", "User", "clientPass", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY(FAILURE("'E=691 R=0'")), SEND(CONCEDED), .err = ERR_PEER,
					.words = WRONG },
				{ GATEWAY("03 06 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "after a failure and a notification", "User", "wrong", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND("") },
				{ GATEWAY(FAILURE("'E=691 R=0'")), SEND(CONCEDED), .err = ERR_PEER,
					.words = WRONG },
				{ GATEWAY("01 06 @ 02 'All is well'"), IGNORE,
					.words = "after the failure" },
				{ GATEWAY("03 06 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "instead of another try", "User", "wrong", NULL, false, false,
			{
				{ GATEWAY(CHALLENGE), SEND("") },
				{ GATEWAY(RETRY),
					ASK(ASK_PASSWORD, "Password for User (try 2 of 3)"),
					REFUSED(WRONG) },
				{ GATEWAY("03 06 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
		{ "after a notification", "User", "clientPass", NULL, true, false,
			{
				{ GATEWAY(CHALLENGE), SEND(RESPONSE) },
				{ GATEWAY("01 06 @ 02 'All is well'"), SEND("02 06 @ 02"),
					.words = "All is well" },
				{ GATEWAY("03 06 @"),
					FAIL(ERR_AUTH, "before EAP-MSCHAPv2 was finished") },
			} },
	};

	(void)state;
	run_all(early, ARRAY_LEN(early));
}

static void key(void **state)
{
	static const char *const packets[] = { CHALLENGE, PROVED, "03 06 @" };
	uint8_t want[64] = { 0 }, in[128];
	struct eap_result r = { .verdict = EAP_V_IGNORE };
	struct peer p;

	(void)state;
	test_hex(INNER_KEY, want, 32);
	peer_start(&p, "User", "clientPass", NULL, false);
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		assert_null(eap_msk(p.eap));
		size_t n = script_octets(packets[i], in, sizeof(in));
		eap_input(p.eap, (struct bytes){ in, n }, &r);
	}
	assert_int_equal(r.verdict, EAP_V_SUCCESS);
	assert_non_null(eap_msk(p.eap));
	assert_int_equal(eap_msk(p.eap)->len, 64);
	assert_memory_equal(eap_msk(p.eap)->data, want, 64);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(failure_words),
		cmocka_unit_test(malformed_challenges),
		cmocka_unit_test(malformed_verdicts),
		cmocka_unit_test(any_ms_length),
		cmocka_unit_test(no_proof),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(early_success),
		cmocka_unit_test(key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
