#include "v1_sa.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"

/*
 * XAUTH, draft-beaulieu-ike-xauth-02: the gateway asks, in any number of rounds, and says at last
 * whether it is content.
 *
 *	                                  <--  HDR*, HASH, ATTR(REQUEST: TYPE, NAME, PASSWORD ...)
 *	HDR*, HASH, ATTR(REPLY: ...)      -->
 *	                                  <--  HDR*, HASH, ATTR(SET: STATUS)
 *	HDR*, HASH, ATTR(ACK: STATUS)     -->
 *
 * It runs over a phase 1 in which the gateway proved itself already.
 */

enum {
	XAUTH_TYPE = 16520,
	XAUTH_USER_NAME = 16521,
	XAUTH_USER_PASSWORD = 16522,
	XAUTH_PASSCODE = 16523,
	XAUTH_MESSAGE = 16524,
	XAUTH_CHALLENGE = 16525,
	XAUTH_DOMAIN = 16526,
	XAUTH_STATUS = 16527,
	XAUTH_NEXT_PIN = 16528,
	XAUTH_ANSWER = 16529,
};

enum {
	XAUTH_FIRST = XAUTH_TYPE,
	XAUTH_LAST = XAUTH_ANSWER,
	XAUTH_TYPE_CHAP = 1,
	XAUTH_STATUS_OK = 1
};

enum { ATTR_REQUEST = 1, ATTR_REPLY = 2, ATTR_SET = 3, ATTR_ACK = 4 };

static const struct prompt_row {
	uint16_t attr;
	enum ask_kind kind;
	bool echo;
	const char *label;
} prompt_rows[] = {
	{ XAUTH_USER_NAME, ASK_USER, true, "User name" },
	{ XAUTH_USER_PASSWORD, ASK_PASSWORD, false, "Password" },
	{ XAUTH_PASSCODE, ASK_CODE, false, "Passcode" },
	{ XAUTH_DOMAIN, ASK_CODE, true, "Domain" } /* or none */,
	{ XAUTH_NEXT_PIN, ASK_PIN, false, "New PIN" },
	{ XAUTH_ANSWER, ASK_CODE, false, "Answer" },
};

static const struct prompt_row *prompt_row(uint16_t attr)
{
	for (size_t i = 0; i < ARRAY_LEN(prompt_rows); i++)
		if (prompt_rows[i].attr == attr)
			return &prompt_rows[i];
	return NULL;
}

static struct v1_xchg *login_xchg(const struct v1 *v)
{
	return v->login->sa ? v1_xchg_find(v, v->login->sa, v->login->mid) : NULL;
}

void v1_login_clear(struct v1 *v)
{
	if (!v->login)
		return;
	struct v1_xchg *x = login_xchg(v);
	if (x && x->forget_at == TIME_NEVER)
		x->forget_at = v->now + V1_FORGET_MS;
	wipe(v->login, sizeof(*v->login));
}

/* --- one round --------------------------------------------------------------------------------------- */

/* What is known answers the first time; when the gateway asks again it was not what it wanted. */
static void answer_from_profile(struct v1 *v, struct v1_sa *sa, struct v1_prompt *p)
{
	const struct eap_config *known = &v->cfg->eap;

	if (p->attr == XAUTH_USER_NAME && known->user && known->user[0]) {
		p->answered = passphrase_set(&p->text, known->user, strlen(known->user));
	} else if (p->attr == XAUTH_USER_NAME && v->user.len > 0) {
		p->text = v->user;
		p->answered = true;
	}
	if (p->attr != XAUTH_USER_PASSWORD || sa->own_words)
		return;
	const struct passphrase *secret = known->password ? known->password :
		v->password.len > 0                       ? &v->password :
							    NULL;
	if (!secret)
		return;
	p->text = *secret;
	p->answered = sa->own_words = true;
}

static bool take_request(struct v1_step *s, struct v1_login *l, struct rd attrs)
{
	struct v1_attr a;

	while (v1_attr_next(&attrs, &a)) {
		if (a.type == XAUTH_TYPE) {
			l->typed = true;
			l->type = (uint16_t)v1_attr_number(&a);
		} else if (a.type == XAUTH_MESSAGE) {
			text_safe(l->message, sizeof(l->message), a.value.p, a.value.n);
		} else if (a.type == XAUTH_CHALLENGE && !l->message[0]) {
			/* of OTP and S/KEY: for the user to calculate with */
			text_safe(l->message, sizeof(l->message), a.value.p, a.value.n);
		} else if (prompt_row(a.type) && l->n < V1_PROMPTS_MAX) {
			l->prompts[l->n].attr = a.type;
			answer_from_profile(s->v, s->sa, &l->prompts[l->n]);
			l->n++;
		}
	}
	if (l->type == XAUTH_TYPE_CHAP)
		return err_set(s->e, ERR_PEER,
			"the gateway wants the login by RADIUS-CHAP, which is not supported");
	return !attrs.bad || err_set(s->e, ERR_DROP, "a malformed request for the login");
}

static void ask(struct v1 *v, const struct v1_prompt *p, struct outbox *ob)
{
	const struct prompt_row *row = prompt_row(p->attr);
	struct ask *a = outbox_add(ob, ACT_ASK, sizeof(*a));
	struct v1_xchg *x = login_xchg(v);

	if (x)
		x->forget_at = TIME_NEVER; /* a phone may have to be found */
	v->login->ask_id = ++v->next_ask;
	if (!v->login->asked_at)
		v->login->asked_at = v->now;
	if (!a)
		return;
	a->id = v->login->ask_id;
	/* A second password is a token, which nobody may keep and say again. */
	a->kind = p->attr == XAUTH_USER_PASSWORD && v->login->sa->own_words ? ASK_CODE : row->kind;
	a->echo = row->echo;
	if (v->login->message[0] && row->kind != ASK_USER)
		snprintf(a->prompt, sizeof(a->prompt), "%s", v->login->message);
	else
		snprintf(a->prompt, sizeof(a->prompt), "%s", row->label);
}

static bool reply(struct v1 *v, struct outbox *ob, struct err *e)
{
	struct v1_login *l = v->login;
	struct v1_xchg *x = login_xchg(v);
	uint8_t buf[V1_PROMPTS_MAX * (PASSPHRASE_MAX + 4) + 4];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!x)
		return err_set(e, ERR_PEER,
			"the gateway took too many other exchanges up during the login");
	if (l->typed)
		v1_attr_short(&w, XAUTH_TYPE, l->type);
	for (size_t i = 0; i < l->n; i++)
		v1_attr_write(&w, l->prompts[i].attr,
			(struct bytes){ l->prompts[i].text.text, l->prompts[i].text.len });
	bool ok = v1_config_send(
		v, x, ATTR_REPLY, l->identifier, (struct bytes){ buf, w.len }, ob, e);
	wipe(buf, sizeof(buf));
	bool late = l->asked_at && v->now - l->asked_at >= IKE_LATE_MS;
	l->sa->wait_until = v->now + (late ? V1_LATE_WAIT_MS : V1_VERDICT_WAIT_MS);
	v1_login_clear(v);
	return ok;
}

/* The next question, or the reply when all are answered. */
static bool go_on(struct v1 *v, struct outbox *ob, enum v1_state *next, struct err *e)
{
	struct v1_login *l = v->login;

	for (size_t i = 0; i < l->n; i++)
		if (!l->prompts[i].answered) {
			ask(v, &l->prompts[i], ob);
			*next = V1_ASK;
			return true;
		}
	*next = V1_XAUTH;
	return reply(v, ob, e);
}

const char v1_only_the_key[] =
	"the gateway proved only that it knows the group's shared key; everyone who knows it could "
	"ask for your password";

bool v1_xauth_request(struct v1_step *s, uint16_t identifier, struct rd attrs)
{
	struct v1 *v = s->v;

	if (s->sa->state == V1_REPLACED)
		return err_set(s->e, ERR_DROP, "a login for a phase 1 that was replaced");
	if (!v->cfg->xauth)
		return err_set(s->e, ERR_PEER,
			"the gateway wants a user to log in (XAUTH), which the profile "
			"does not provide for");
	if (s->sa->rounds++ >= V1_ROUNDS_MAX)
		return err_set(s->e, ERR_PEER, "the gateway keeps asking for the login");
	if (s->sa->rounds == 1 && s->sa->first && !v1_is_signed(s->sa->method))
		outbox_event(s->ob, EV_WARNING, LEVEL_WARN, "%s", v1_only_the_key);
	v1_login_clear(v);
	*v->login = (struct v1_login){ .sa = s->sa, .mid = s->h->mid, .identifier = identifier };
	if (!take_request(s, v->login, attrs))
		return false;
	if (v->login->message[0])
		outbox_event(s->ob, EV_GATEWAY_SAID, LEVEL_INFO, "%s", v->login->message);
	s->sa->wait_until = TIME_NEVER;
	return go_on(v, s->ob, &s->next, s->e);
}

bool v1_xauth_answer(struct v1 *v, const struct passphrase *text, struct outbox *ob,
	enum v1_state *next, struct err *e)
{
	struct v1_login *l = v->login;

	for (size_t i = 0; i < l->n; i++) {
		struct v1_prompt *p = &l->prompts[i];
		if (p->answered)
			continue;
		if (!text)
			return err_set(e, ERR_CONFIG, "%s is needed and was not given",
				prompt_row(p->attr)->label);
		p->text = *text;
		p->answered = true;
		if (p->attr == XAUTH_USER_NAME)
			v->user = *text;
		if (p->attr == XAUTH_USER_PASSWORD && !l->sa->own_words) {
			v->password = *text; /* a second one is a token: nothing for renewals */
			l->sa->own_words = true;
		}
		break;
	}
	return go_on(v, ob, next, e);
}

bool v1_xauth_status(struct v1_step *s, uint16_t identifier, struct rd attrs)
{
	uint8_t buf[8];
	struct wr w = wr_init(buf, sizeof(buf));
	char text[EVENT_TEXT_MAX] = "";
	bool content = false;
	struct v1_attr a;

	while (v1_attr_next(&attrs, &a)) {
		if (a.type == XAUTH_STATUS)
			content = v1_attr_number(&a) == XAUTH_STATUS_OK;
		else if (a.type == XAUTH_MESSAGE)
			text_safe(text, sizeof(text), a.value.p, a.value.n);
	}
	if (attrs.bad || !s->v->cfg->xauth)
		return err_set(s->e, ERR_DROP, "a malformed or unexpected end of the login");
	v1_attr_write(&w, XAUTH_STATUS, (struct bytes){ 0 });
	if (!v1_config_send(
		    s->v, s->x, ATTR_ACK, identifier, (struct bytes){ buf, w.len }, s->ob, s->e))
		return false;
	if (text[0])
		outbox_event(s->ob, EV_GATEWAY_SAID, LEVEL_INFO, "%s", text);
	if (!content)
		return err_notify(
			s->e, ERR_PEER, V1_XAUTH_REFUSED, "the gateway refuses the login");
	s->sa->rounds = 0;
	s->sa->own_words = false;
	s->sa->logged_in = true;
	if (s->sa->state == V1_REPLACED || s->sa->state == V1_CONFIG)
		return true; /* what follows has been, or is under way */
	if (s->sa == s->v->sa) { /* it only wanted to know again */
		s->sa->wait_until = TIME_NEVER;
		s->next = V1_UP;
		return true;
	}
	return v1_after_login(s->v, s->sa, &s->next, s->ob, s->e);
}

/* --- transactions of both kinds -------------------------------------------------------------------------- */

/* What the request is about: the first attribute of XAUTH's range decides. */
static bool about_login(struct rd attrs, bool *status)
{
	struct v1_attr a;
	bool login = false;

	*status = false;
	while (v1_attr_next(&attrs, &a)) {
		login = login || (a.type >= XAUTH_FIRST && a.type <= XAUTH_LAST);
		*status = *status || a.type == XAUTH_STATUS;
	}
	return login;
}

bool v1_transaction_recv(struct v1_step *s)
{
	struct bytes body = payload_find(s->p, V1P_ATTR)->body;
	struct rd r = rd_init(body.p, body.n);
	uint8_t type = rd_u8(&r);
	bool status, login;

	rd_u8(&r);
	uint16_t identifier = rd_u16(&r);
	if (r.bad)
		return err_set(s->e, ERR_DROP, "a malformed transaction");
	login = about_login(r, &status);
	if (type == ATTR_REPLY && s->x && s->x->kind == V1X_PULL)
		return v1_config_reply(s, r);
	if (type != ATTR_REQUEST && type != ATTR_SET)
		return err_set(
			s->e, ERR_DROP, "a transaction of type %u that nobody waits for", type);
	if (!s->x && !(s->x = v1_xchg_accept(s, V1X_ANSWER)))
		return err_set(s->e, ERR_DROP, "no room for another exchange");
	if (s->x->kind != V1X_ANSWER)
		return err_set(s->e, ERR_DROP, "a transaction of the wrong direction");
	if (type == ATTR_SET)
		return status ? v1_xauth_status(s, identifier, r) :
				v1_config_push(s, identifier, r);
	if (login)
		return v1_xauth_request(s, identifier, r);
	return v1_config_send(s->v, s->x, ATTR_REPLY, identifier, (struct bytes){ 0 }, s->ob, s->e);
}
