#include "fsm.h"

#include <stdint.h>

/* The table's own words. */
enum {
	X = -1, /* the dash: an illegal transition */
	tlu = FSM_TLU,
	tld = FSM_TLD,
	tls = FSM_TLS,
	tlf = FSM_TLF,
	irc = FSM_IRC,
	zrc = FSM_ZRC,
	scr = FSM_SCR,
	sca = FSM_SCA,
	scn = FSM_SCN,
	str = FSM_STR,
	sta = FSM_STA,
	scj = FSM_SCJ,
	ser = FSM_SER,
};

struct cell {
	uint16_t actions;
	int8_t next;
};

/* The table of section 4.1, as it stands there. Without its options: [p] passive and [r] restart are
 * not taken, so Stopped is the end of a negotiation that found no peer. */
static const struct cell table[FSM_EVENTS][FSM_STATES] = {
	/* clang-format off */
/*               0 Initial  1 Starting    2 Closed          3 Stopped                4 Closing   5 Stopping
 *               6 Req-Sent               7 Ack-Rcvd        8 Ack-Sent               9 Opened */
[FSM_UP]           = { { 0, 2 },   { irc|scr, 6 }, { 0, X },         { 0, X },              { 0, X },   { 0, X },
                       { 0, X },             { 0, X },         { 0, X },              { 0, X } },
[FSM_DOWN]         = { { 0, X },   { 0, X },       { 0, 0 },         { tls, 1 },            { 0, 0 },   { 0, 1 },
                       { 0, 1 },             { 0, 1 },         { 0, 1 },              { tld, 1 } },
[FSM_OPEN]         = { { tls, 1 }, { 0, 1 },       { irc|scr, 6 },   { 0, 3 },              { 0, 5 },   { 0, 5 },
                       { 0, 6 },             { 0, 7 },         { 0, 8 },              { 0, 9 } },
[FSM_CLOSE]        = { { 0, 0 },   { tlf, 0 },     { 0, 2 },         { 0, 2 },              { 0, 4 },   { 0, 4 },
                       { irc|str, 4 },       { irc|str, 4 },   { irc|str, 4 },        { tld|irc|str, 4 } },

[FSM_TO_MORE]      = { { 0, X },   { 0, X },       { 0, X },         { 0, X },              { str, 4 }, { str, 5 },
                       { scr, 6 },           { scr, 6 },       { scr, 8 },            { 0, X } },
[FSM_TO_LAST]      = { { 0, X },   { 0, X },       { 0, X },         { 0, X },              { tlf, 2 }, { tlf, 3 },
                       { tlf, 3 },           { tlf, 3 },       { tlf, 3 },            { 0, X } },

[FSM_RCR_GOOD]     = { { 0, X },   { 0, X },       { sta, 2 },       { irc|scr|sca, 8 },    { 0, 4 },   { 0, 5 },
                       { sca, 8 },           { sca|tlu, 9 },   { sca, 8 },            { tld|scr|sca, 8 } },
[FSM_RCR_BAD]      = { { 0, X },   { 0, X },       { sta, 2 },       { irc|scr|scn, 6 },    { 0, 4 },   { 0, 5 },
                       { scn, 6 },           { scn, 7 },       { scn, 6 },            { tld|scr|scn, 6 } },
[FSM_RCA]          = { { 0, X },   { 0, X },       { sta, 2 },       { sta, 3 },            { 0, 4 },   { 0, 5 },
                       { irc, 7 },           { scr, 6 },       { irc|tlu, 9 },        { tld|scr, 6 } },
[FSM_RCN]          = { { 0, X },   { 0, X },       { sta, 2 },       { sta, 3 },            { 0, 4 },   { 0, 5 },
                       { irc|scr, 6 },       { scr, 6 },       { irc|scr, 8 },        { tld|scr, 6 } },

[FSM_RTR]          = { { 0, X },   { 0, X },       { sta, 2 },       { sta, 3 },            { sta, 4 }, { sta, 5 },
                       { sta, 6 },           { sta, 6 },       { sta, 6 },            { tld|zrc|sta, 5 } },
[FSM_RTA]          = { { 0, X },   { 0, X },       { 0, 2 },         { 0, 3 },              { tlf, 2 }, { tlf, 3 },
                       { 0, 6 },             { 0, 6 },         { 0, 8 },              { tld|scr, 6 } },

[FSM_RUC]          = { { 0, X },   { 0, X },       { scj, 2 },       { scj, 3 },            { scj, 4 }, { scj, 5 },
                       { scj, 6 },           { scj, 7 },       { scj, 8 },            { scj, 9 } },
[FSM_RXJ_HARMLESS] = { { 0, X },   { 0, X },       { 0, 2 },         { 0, 3 },              { 0, 4 },   { 0, 5 },
                       { 0, 6 },             { 0, 6 },         { 0, 8 },              { 0, 9 } },
[FSM_RXJ_FATAL]    = { { 0, X },   { 0, X },       { tlf, 2 },       { tlf, 3 },            { tlf, 2 }, { tlf, 3 },
                       { tlf, 3 },           { tlf, 3 },       { tlf, 3 },            { tld|irc|str, 5 } },

[FSM_RXR]          = { { 0, X },   { 0, X },       { 0, 2 },         { 0, 3 },              { 0, 4 },   { 0, 5 },
                       { 0, 6 },             { 0, 7 },         { 0, 8 },              { ser, 9 } },
	/* clang-format on */
};

unsigned fsm_step(enum fsm_state *state, enum fsm_event event)
{
	const struct cell *c = &table[event][*state];

	if (c->next == X)
		return 0;
	*state = (enum fsm_state)c->next;
	return c->actions;
}

bool fsm_timed(enum fsm_state state)
{
	return table[FSM_TO_MORE][state].next != X;
}
