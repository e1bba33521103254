#include "ppp_private.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"

/* Logging in: which ways there are, what the user gives, and what is sent again. */

enum { NO_ALGORITHM = -1, MS_CHAP_1 = 0x80 };

/* THE table of ways: protocol and, for CHAP, algorithm (RFC 1661 section 6.2, RFC 1994 section 3,
 * RFC 2759 section 2). */
static const struct {
	uint16_t protocol;
	int algorithm;
	const char *name;
} ways[PPP_AUTHS] = {
	[PPP_AUTH_MSCHAPV2] = { PPP_CHAP, 0x81, "MS-CHAPv2" },
	[PPP_AUTH_CHAP] = { PPP_CHAP, 5, "CHAP" },
	[PPP_AUTH_PAP] = { PPP_PAP, NO_ALGORITHM, "PAP" },
	[PPP_AUTH_EAP] = { PPP_EAP, NO_ALGORITHM, "EAP" },
};

const char *auth_name(enum ppp_auth way)
{
	return ways[way].name;
}

bool auth_allowed(const struct ppp *p, enum ppp_auth way)
{
	for (size_t i = 0; i < p->config->n_auth; i++)
		if (p->config->auth[i] == way)
			return way != PPP_AUTH_EAP || p->config->n_eap > 0;
	return false;
}

void auth_write_option(enum ppp_auth way, struct wr *w)
{
	wr_u16(w, ways[way].protocol);
	if (ways[way].algorithm != NO_ALGORITHM)
		wr_u8(w, (uint8_t)ways[way].algorithm);
}

bool auth_read_option(struct rd value, enum ppp_auth *way, char words[48])
{
	uint16_t protocol = rd_u16(&value);
	int algorithm = protocol == PPP_CHAP ? rd_u8(&value) : NO_ALGORITHM;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (ways[i].protocol != protocol || ways[i].algorithm != algorithm)
			continue;
		*way = (enum ppp_auth)i;
		snprintf(words, 48, "%s", ways[i].name);
		return true;
	}
	if (algorithm == MS_CHAP_1)
		snprintf(words, 48, "MS-CHAP version 1");
	else if (protocol == PPP_CHAP)
		snprintf(words, 48, "CHAP with algorithm %d", algorithm);
	else
		snprintf(words, 48, "protocol %04x", protocol);
	return false;
}

/* --- what the user gives ---------------------------------------------------------------------------- */

void auth_ask(struct ppp *p, const struct ask *ask, struct outbox *ob)
{
	struct ask *a = outbox_add(ob, ACT_ASK, sizeof(*a));

	p->auth.give_up = p->auth.timer = TIME_NEVER; /* people take their time */
	if (!a)
		return;
	*a = *ask;
	a->id = ++p->auth.ask_id;
}

const char *auth_user(struct ppp *p, struct outbox *ob)
{
	struct auth *a = &p->auth;

	if (a->user[0]) {
		text_safe(a->shown, sizeof(a->shown), a->user, strlen(a->user));
		return a->user;
	}
	if (a->wanted == WANT_NOTHING)
		auth_ask(p, &(struct ask){ .kind = ASK_USER, .echo = true, .prompt = "User name" },
			ob);
	a->wanted = WANT_USER;
	return NULL;
}

const struct passphrase *auth_password(struct ppp *p, struct outbox *ob)
{
	struct auth *a = &p->auth;
	struct ask ask = { .kind = ASK_PASSWORD, .again = a->passwords > 0 };

	if (a->password_own)
		return &a->password;
	if (p->config->password && !a->password_refused)
		return p->config->password;
	if (a->passwords > 0)
		snprintf(ask.prompt, sizeof(ask.prompt), "Password for %s (try %u of %d)", a->shown,
			a->passwords + 1, AUTH_PASSWORDS);
	else
		snprintf(ask.prompt, sizeof(ask.prompt), "Password for %s", a->shown);
	if (a->wanted == WANT_NOTHING)
		auth_ask(p, &ask, ob);
	a->wanted = WANT_PASSWORD;
	return NULL;
}

static bool take_answer(struct ppp *p, const struct passphrase *text, struct err *e)
{
	struct auth *a = &p->auth;

	if (!text && a->reason.kind != ERR_NONE) { /* why it is asked at all is the news */
		*e = a->reason;
		return false;
	}
	if (!text)
		return err_set(e, ERR_CONFIG, "no %s was given",
			a->wanted == WANT_USER ? "user name" : "password");
	if (a->wanted == WANT_PASSWORD) {
		a->password = *text;
		a->password_own = true;
		return true;
	}
	if (text->len == 0 || text->len >= EAP_USER_MAX || memchr(text->text, 0, text->len))
		return err_set(e, ERR_CONFIG, "a user name has 1 to %d octets", EAP_USER_MAX - 1);
	memcpy(a->user, text->text, text->len + 1);
	return true;
}

void auth_answer(struct ppp *p, uint32_t id, const struct passphrase *text, struct outbox *ob)
{
	struct auth *a = &p->auth;
	enum auth_wanted wanted = a->wanted;
	struct err e;

	if (wanted == WANT_NOTHING || id != a->ask_id)
		return;
	if (wanted != WANT_EAP && !take_answer(p, text, &e)) {
		ppp_fail(p, &e);
		return;
	}
	a->wanted = WANT_NOTHING;
	a->give_up = p->now + AUTH_WAIT_MS;
	if (wanted == WANT_EAP)
		auth_eap_answer(p, text, ob);
	else if (a->way == PPP_AUTH_PAP)
		pap_send(p, ob);
	else
		chap_respond(p, ob);
}

/* --- the course of it --------------------------------------------------------------------------------- */

void auth_start(struct ppp *p, enum ppp_auth way, struct outbox *ob)
{
	struct auth *a = &p->auth;

	outbox_log(ob, LEVEL_DEBUG, "PPP: logging in by %s", auth_name(way));
	a->way = way;
	a->started = true;
	a->passwords = 0;
	err_clear(&a->reason);
	a->give_up = p->now + AUTH_WAIT_MS;
	if (way == PPP_AUTH_PAP)
		pap_send(p, ob);
}

static bool eap_in_vain(const struct ppp *p)
{
	const struct auth *a = &p->auth;

	return a->way == PPP_AUTH_EAP && !a->done && a->eap && !eap_began(a->eap) &&
		p->config->auth[0] != PPP_AUTH_EAP;
}

/* The reason stays: it tells why the link went. */
void auth_stop(struct ppp *p)
{
	struct auth *a = &p->auth;

	if (a->started)
		a->eap_in_vain = eap_in_vain(p);
	a->started = a->done = false;
	a->wanted = WANT_NOTHING;
	a->timer = a->give_up = TIME_NEVER;
	a->packet_len = a->challenge_len = 0;
	a->proof_open = false;
	wipe(a->packet, sizeof(a->packet));
	wipe(&a->mschap, sizeof(a->mschap));
	eap_free(a->eap);
	a->eap = NULL;
}

void auth_repeat(struct ppp *p)
{
	struct wr w = frame_begin(p, ways[p->auth.way].protocol);

	wr_bytes(&w, p->auth.packet, p->auth.packet_len);
	frame_end(p, &w);
}

void auth_await_verdict(struct ppp *p)
{
	if (p->auth.give_up != TIME_NEVER)
		p->auth.give_up = p->now + AUTH_VERDICT_MS;
}

void auth_send(struct ppp *p, uint8_t code, uint8_t id, struct bytes data)
{
	struct auth *a = &p->auth;
	struct wr w = wr_init(a->packet, sizeof(a->packet));

	wr_u8(&w, code);
	wr_u8(&w, id);
	wr_u16(&w, (uint16_t)(CP_HEADER_LEN + data.n));
	wr_bytes(&w, data.p, data.n);
	a->id = id;
	a->packet_len = w.len;
	a->tries = 1;
	a->timer = a->done ? TIME_NEVER : p->now + RESTART_MS;
	auth_await_verdict(p);
	auth_repeat(p);
}

void auth_input(struct ppp *p, uint16_t protocol, struct bytes info, struct outbox *ob)
{
	struct auth *a = &p->auth;

	if (!a->started || ways[a->way].protocol != protocol)
		return;
	if (!a->done && a->give_up < p->now + AUTH_WAIT_MS)
		a->give_up = p->now + AUTH_WAIT_MS;
	switch (a->way) {
	case PPP_AUTH_PAP:
		pap_input(p, info);
		break;
	case PPP_AUTH_CHAP:
	case PPP_AUTH_MSCHAPV2:
		chap_input(p, info, ob);
		break;
	case PPP_AUTH_EAP:
		auth_eap_input(p, info, ob);
		break;
	case PPP_AUTHS:
		break;
	}
}

void auth_gateway_goes_on(struct ppp *p)
{
	struct auth *a = &p->auth;

	if (a->started && a->way == PPP_AUTH_EAP && a->eap && eap_may_end(a->eap))
		auth_done(p);
}

static void gave_up(struct ppp *p)
{
	struct err e = p->auth.reason;

	if (e.kind == ERR_NONE)
		err_set(&e, ERR_SILENT, "the gateway did not go on with the login by %s",
			auth_name(p->auth.way));
	ppp_fail(p, &e);
}

/* RFC 1994 section 4.2: the Success may have been lost, so a Response is sent again; RFC 1334
 * section 2.1 says the same of PAP. Once it was sent often enough it is only waited for. */
void auth_tick(struct ppp *p)
{
	struct auth *a = &p->auth;

	if (p->now >= a->give_up) {
		gave_up(p);
	} else if (p->now >= a->timer) {
		auth_repeat(p);
		a->tries++;
		a->timer = a->tries < AUTH_TRIES ? p->now + RESTART_MS : TIME_NEVER;
	}
}

uint64_t auth_deadline(const struct ppp *p)
{
	return p->auth.timer < p->auth.give_up ? p->auth.timer : p->auth.give_up;
}
