/*
 * The option negotiation automaton of RFC 1661 section 4: (state, event) -> actions, state.
 */
#ifndef PPP_FSM_H
#define PPP_FSM_H

#include <stdbool.h>

enum fsm_state { /* RFC 1661 section 4.2, with the numbers of its table */
	FSM_INITIAL,
	FSM_STARTING,
	FSM_CLOSED,
	FSM_STOPPED,
	FSM_CLOSING,
	FSM_STOPPING,
	FSM_REQ_SENT,
	FSM_ACK_RCVD,
	FSM_ACK_SENT,
	FSM_OPENED,
	FSM_STATES,
};

enum fsm_event { /* section 4.3 */
	FSM_UP,
	FSM_DOWN,
	FSM_OPEN,
	FSM_CLOSE,
	FSM_TO_MORE, /* TO+: timeout, tries are left */
	FSM_TO_LAST, /* TO- */
	FSM_RCR_GOOD, /* RCR+: a Configure-Request that we accept */
	FSM_RCR_BAD, /* RCR- */
	FSM_RCA, /* Configure-Ack */
	FSM_RCN, /* Configure-Nak, Configure-Reject */
	FSM_RTR, /* Terminate-Request */
	FSM_RTA, /* Terminate-Ack */
	FSM_RUC, /* a code that we do not know */
	FSM_RXJ_HARMLESS, /* RXJ+: a Code-Reject or Protocol-Reject that we can live with */
	FSM_RXJ_FATAL, /* RXJ- */
	FSM_RXR, /* Echo-Request, Echo-Reply, Discard-Request */
	FSM_EVENTS,
};

enum fsm_action { /* section 4.4; a set of them */
	FSM_TLU = 1 << 0, /* This-Layer-Up */
	FSM_TLD = 1 << 1, /* This-Layer-Down */
	FSM_TLS = 1 << 2, /* This-Layer-Started */
	FSM_TLF = 1 << 3, /* This-Layer-Finished */
	FSM_IRC = 1 << 4, /* Initialize-Restart-Count */
	FSM_ZRC = 1 << 5, /* Zero-Restart-Count */
	FSM_SCR = 1 << 6, /* Send-Configure-Request */
	FSM_SCA = 1 << 7, /* Send-Configure-Ack */
	FSM_SCN = 1 << 8, /* Send-Configure-Nak or Configure-Reject */
	FSM_STR = 1 << 9, /* Send-Terminate-Request */
	FSM_STA = 1 << 10, /* Send-Terminate-Ack */
	FSM_SCJ = 1 << 11, /* Send-Code-Reject */
	FSM_SER = 1 << 12, /* Send-Echo-Reply */
};

/* Moves on and returns the set of actions. An event that the table has a dash for changes nothing. */
unsigned fsm_step(enum fsm_state *state, enum fsm_event event);
/* The Restart timer runs in this state: it has TO events. */
bool fsm_timed(enum fsm_state state);

#endif
