/* The automaton against the table of RFC 1661 section 4.1, read here from its own notation. */
#include "../../src/ppp/fsm.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/types.h"

/* Columns are the states 0 to 9. The letters of footnotes are left out. */
static const char *const rfc[FSM_EVENTS] = {
	[FSM_UP] = "2 irc,scr/6 - - - - - - - -",
	[FSM_DOWN] = "- - 0 tls/1 0 1 1 1 1 tld/1",
	[FSM_OPEN] = "tls/1 1 irc,scr/6 3 5 5 6 7 8 9",
	[FSM_CLOSE] = "0 tlf/0 2 2 4 4 irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4",
	[FSM_TO_MORE] = "- - - - str/4 str/5 scr/6 scr/6 scr/8 -",
	[FSM_TO_LAST] = "- - - - tlf/2 tlf/3 tlf/3 tlf/3 tlf/3 -",
	[FSM_RCR_GOOD] = "- - sta/2 irc,scr,sca/8 4 5 sca/8 sca,tlu/9 sca/8 tld,scr,sca/8",
	[FSM_RCR_BAD] = "- - sta/2 irc,scr,scn/6 4 5 scn/6 scn/7 scn/6 tld,scr,scn/6",
	[FSM_RCA] = "- - sta/2 sta/3 4 5 irc/7 scr/6 irc,tlu/9 tld,scr/6",
	[FSM_RCN] = "- - sta/2 sta/3 4 5 irc,scr/6 scr/6 irc,scr/8 tld,scr/6",
	[FSM_RTR] = "- - sta/2 sta/3 sta/4 sta/5 sta/6 sta/6 sta/6 tld,zrc,sta/5",
	[FSM_RTA] = "- - 2 3 tlf/2 tlf/3 6 6 8 tld,scr/6",
	[FSM_RUC] = "- - scj/2 scj/3 scj/4 scj/5 scj/6 scj/7 scj/8 scj/9",
	[FSM_RXJ_HARMLESS] = "- - 2 3 4 5 6 6 8 9",
	[FSM_RXJ_FATAL] = "- - tlf/2 tlf/3 tlf/2 tlf/3 tlf/3 tlf/3 tlf/3 tld,irc,str/5",
	[FSM_RXR] = "- - 2 3 4 5 6 7 8 ser/9",
};

static unsigned action(const char *name, size_t n)
{
	static const struct {
		const char *name;
		enum fsm_action action;
	} names[] = {
		{ "tlu", FSM_TLU },
		{ "tld", FSM_TLD },
		{ "tls", FSM_TLS },
		{ "tlf", FSM_TLF },
		{ "irc", FSM_IRC },
		{ "zrc", FSM_ZRC },
		{ "scr", FSM_SCR },
		{ "sca", FSM_SCA },
		{ "scn", FSM_SCN },
		{ "str", FSM_STR },
		{ "sta", FSM_STA },
		{ "scj", FSM_SCJ },
		{ "ser", FSM_SER },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (n == 3 && memcmp(name, names[i].name, 3) == 0)
			return names[i].action;
	fail_msg("no action %.*s", (int)n, name);
	return 0;
}

/* "irc,scr/6", "6" or "-" in the given state. */
static void read_cell(
	const char *text, enum fsm_state state, unsigned *actions, enum fsm_state *next)
{
	const char *slash = strchr(text, '/');

	*actions = 0;
	*next = state;
	if (strcmp(text, "-") == 0)
		return;
	*next = (enum fsm_state)atoi(slash ? slash + 1 : text);
	for (const char *at = text; slash && at < slash;) {
		size_t n = strcspn(at, ",/");
		*actions |= action(at, n);
		at += n + 1;
	}
}

static void every_cell(void **state)
{
	char row[128], *rest, *cell;

	(void)state;
	for (unsigned event = 0; event < FSM_EVENTS; event++) {
		unsigned s = 0;
		snprintf(row, sizeof(row), "%s", rfc[event]);
		for (cell = strtok_r(row, " ", &rest); cell;
			cell = strtok_r(NULL, " ", &rest), s++) {
			enum fsm_state now = (enum fsm_state)s, next;
			unsigned actions;
			read_cell(cell, now, &actions, &next);
			unsigned got = fsm_step(&now, (enum fsm_event)event);
			if (got != actions || now != next)
				fail_msg("event %u in state %u: actions %x, state %d, wanted %s",
					event, s, got, now, cell);
		}
		assert_int_equal(s, FSM_STATES);
	}
}

/* The Restart timer runs exactly where the table has timeouts. */
static void timer(void **state)
{
	static const bool timed[FSM_STATES] = { [FSM_CLOSING] = true,
		[FSM_STOPPING] = true,
		[FSM_REQ_SENT] = true,
		[FSM_ACK_RCVD] = true,
		[FSM_ACK_SENT] = true };

	(void)state;
	for (unsigned s = 0; s < FSM_STATES; s++)
		assert_int_equal(fsm_timed((enum fsm_state)s), timed[s]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
