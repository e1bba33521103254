/*
 * The inside of a session, shared by what drives it (session.c, attempt.c, dial.c) and what tells of it
 * (status.c).
 */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include "engine.h"
#include "line.h"
#include "netconf.h"
#include "session/session.h"

enum phase {
	PHASE_NEW,
	PHASE_GUARDING, /* the kill switch is being set up */
	PHASE_ASKING, /* for what the profile does not hold */
	PHASE_RESOLVING,
	PHASE_CONNECTING, /* the engine works */
	PHASE_INQUIRING, /* others are asked whether the gateway's certificate is revoked */
	PHASE_DIALLING, /* the SA for L2TP is there, the line works */
	PHASE_CONFIGURING, /* the machine is being set up */
	PHASE_UP,
	PHASE_WAITING, /* before the next attempt */
	PHASE_STOPPING,
	PHASE_DOWN,
};

/* Identifiers of questions: the engine's count up from 1, the line's from ASK_LINE. */
enum { ASK_LINE = 0x20000000, ASK_OWN = 0x40000000, ASK_ID_USER = ASK_OWN, ASK_ID_PSK, ASK_ID_PPK };
enum {
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MOST_MS = 30000,
	LASTED_MS =
		60000, /* a tunnel that was up for so long was one: the next attempt is the first */
	REFUSALS_MAX =
		3, /* a gateway that proved itself and refuses us so often will not change its mind */
	REFUSALS_UNSURE_MAX = 12, /* ... and one under load that may have mixed something up */
	PSK_LONG = 20, /* characters of a shared key that nobody guesses */
	ELSEWHERE_MS = 2000, /* an address that is renewed goes and comes */
	RESUMES_MAX = 3, /* rounds by a ticket that nobody answers, before one without */
	NAME_AFTER = 2, /* attempts by the address that worked, before the name is resolved again */
};

struct twin { /* another connection of this identity (twin.h) */
	bool suspect; /* may have cost us the tunnel that was lost last, */
	uint64_t lost_at; /* then, */
	unsigned attempts; /* with so many attempts counted; */
	unsigned times; /* so often in a row it was back at once */
	bool known; /* it was told */
};

struct resume { /* by a ticket, in the place of a login (resume.h) */
	struct resumption *from; /* NULL: there is none */
	bool now; /* this round of attempts is by it */
	unsigned rounds; /* so many in a row were */
};

struct silence { /* a stage that lasts (silence.h) */
	bool waits; /* for the gateway */
	enum ike_stage stage;
	uint64_t tell_at;
};

struct reauth { /* a new login beside the tunnel (reauth.h) */
	struct engine *next,
		*old; /* who logs in, and who carried the tunnel before; NULL: nobody */
	uint64_t asked_for; /* the reauth_at of the login that this is about */
	uint64_t again_at; /* the next try for it */
	unsigned refusals; /* of passwords */
	bool failed; /* last_error is of the last try */
	bool typing; /* the password that a try has asked for, which was given up: the next one waits for it */
};

struct inquiring { /* asking others (inquire.h) */
	struct inquiry *about; /* NULL: nobody is asked */
	struct evidence *fetched; /* all they said so far; NULL: nothing */
	bool done; /* and so the next attempt goes by what is known */
	uint32_t id; /* of the last question */
	uint64_t until; /* then it is over */
};

struct session {
	const struct profile *p;
	struct rng rng;
	struct ike_config cfg;
	struct proposals last_resort; /* security = legacy: offered after the default was refused */
	struct engine *engine;
	enum phase phase;
	uint64_t now, wall_at;
	time_t wall;

	char user[EAP_USER_MAX];
	struct tls_config tls; /* of EAP over TLS */
	char eap_server[ID_TEXT_MAX]; /* whom its server must prove to be */
	struct err
		eap_server_refused; /* why methods over TLS are left out; ERR_NONE: they are not */
	uint8_t plain_eap[EAP_METHODS_MAX]; /* those that are left then */
	struct passphrase psk, ppk, password; /* answers of the user, kept for reconnecting */
	struct err refusal; /* of the password that is known: the next attempt asks for another */
	enum ask_kind asked; /* the engine's last question */
	uint64_t asked_at;
	uint32_t question; /* ... as long as it has no answer, 0: it has; may outlive its engine */
	struct passphrase last_answer;
	bool late; /* ... which took IKE_LATE_MS */

	size_t gateway; /* index of the profile's gateway being tried */
	struct err
		passed; /* what the last one that was left for another refused, ERR_NONE: nothing */
	enum ike_stage passed_stage;
	size_t n_paths, path; /* and of its paths */
	struct path paths[PATHS_MAX];
	bool was_up; /* the tunnel carried traffic once, */
	struct addr worked; /* with this address ... */
	size_t worked_gateway; /* ... of that gateway */
	bool unnamed; /* its name is not found now: the address will have to do */
	unsigned attempts, refusals;
	uint64_t next_attempt;
	uint64_t up_at;
	struct twin twin;
	struct silence silence;
	bool cut_off; /* the machine has no way to where the gateway is */
	uint64_t
		leave_at; /* ... and is still so then: it goes to elsewhere, another address of the gateway */
	struct addr elsewhere;
	bool resumed;

	struct line_config line_config;
	struct line *line; /* L2TP only */
	struct line_view line_view; /* after the last call into the line */
	enum line_stage line_told; /* the stage that was told last */
	uint16_t l2tp_port; /* our port inside the SA, with the gateway of ... */
	size_t l2tp_gateway; /* ... this number, counted from 1 */
	uint16_t l2tp_usual; /* the port that worked with it last, or the first to try */
	bool l2tp_other; /* this is the second port tried on this way */
	bool l2tp_taken; /* for another program on this machine has the first */
	bool l2tp_silent; /* the server may have the last connection yet: the next takes a port ... */
	bool l2tp_fresh; /* ... that it has not seen, and this is that one */
	struct err
		l2tp_eap; /* why EAP is left out: what it came to on this way; ERR_NONE: it is not */
	bool l2tp_no_eap; /* it worked without, so it will again */
	bool l2tp_warned; /* of a gateway that proved only to know the shared key */
	uint32_t lines; /* so far: each has identifiers of its own for its questions */
	struct ppp_view ppp; /* as the machine was set up for it */

	bool again; /* the machine is being set up for a tunnel that is up */
	bool encap; /* ESP is in UDP, as the machine was set up for it */
	size_t n_children; /* those that the machine was set up for, by their numbers */
	uint32_t children[IKE_CHILDREN_MAX];
	struct machine machine;
	bool guarded; /* the kill switch is up */
	struct netconf *netconf; /* as asked for last */
	struct reauth reauth;
	struct inquiring inquiring;
	struct resume resume;
	unsigned
		installing; /* SAs that the data plane has been given, and has not said yet whether it has them */
	uint32_t rekeys_ike, rekeys_child, reconnects;
	struct ike_view
		view; /* when the engine was followed last, and of what it leads to nothing may be left */
	struct err last_error;
	enum ike_stage last_stage;
	bool nameless; /* IKEv2: the gateway may not know the name that we call it, so we do not, ... */
	struct err refused_name; /* ... for it said this; ERR_NONE once the tunnel was up */
};

struct weak { /* algorithms in use, each once */
	size_t n;
	const char *v[STATUS_WEAK];
};
void session_weak(const struct ike_view *v, struct weak *out); /* status.c */

/* Whether it is the user who is looked at: by IKE, or by PPP. */
static inline bool stage_is_login(enum ike_stage stage)
{
	return stage == STAGE_EAP || stage == STAGE_PPP_LOGIN;
}

static inline time_t session_wall(const struct session *s)
{
	return s->wall + (time_t)((s->now - s->wall_at) / 1000);
}

#endif
