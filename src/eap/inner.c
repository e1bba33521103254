#include "inner.h"

#include <stdio.h>
#include <string.h>

/* All of them: who is told the password is known by then. */
static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_GTC, EAP_MD5 };

static bool inner_begin(struct eap *x, struct err *e)
{
	struct eap_tunnel *t = x->tunnel;

	t->inner_config = (struct eap_config){ .user = x->user,
		.password = x->password_own ? &x->password : x->config->password,
		.methods = methods,
		.n_methods = sizeof(methods) };
	t->inner = eap_new(&t->inner_config, x->rng, e);
	return t->inner != NULL;
}

bool inner_may_end(const struct eap *x)
{
	return x->tunnel->inner && eap_may_end(x->tunnel->inner);
}

/* The question is passed on as the outer method's own, and so is what comes of it. */
static enum eap_step ask(struct eap *x, const struct eap_result *in, struct eap_result *r)
{
	r->ask = in->ask;
	r->err = in->err;
	if (in->err.kind != ERR_NONE)
		x->reason = in->err;
	x->wanted = x->tunnel->inner->wanted;
	return STEP_ASK;
}

enum eap_step inner_packet(
	struct eap *x, struct bytes packet, struct eap_result *in, struct eap_result *r)
{
	struct eap_tunnel *t = x->tunnel;

	if (!t->inner && !inner_begin(x, &r->err))
		return STEP_FAIL;
	if (t->asked)
		eap_answer(t->inner, x->answer, in);
	else
		eap_input(t->inner, packet, in);
	memcpy(r->notice, in->notice, sizeof(r->notice));
	switch (in->verdict) {
	case EAP_V_ASK:
		return ask(x, in, r);
	case EAP_V_SEND:
		r->err = in->err;
		if (in->err.kind != ERR_NONE)
			return STEP_CONCEDE;
		return eap_may_end(t->inner) ? STEP_LAST : STEP_REPLY;
	case EAP_V_SUCCESS:
		return STEP_LAST;
	case EAP_V_FAILURE:
		r->err = in->err;
		return in->err.kind == ERR_PEER ? STEP_CONCEDE : STEP_FAIL;
	case EAP_V_IGNORE:
		break;
	}
	/* RFC 5281 section 11.2.1: nobody but the server can have sent it, and it waits. */
	err_set(&r->err, ERR_PEER, "inside of %s the gateway sent what makes no sense: %s",
		x->method->name, in->err.text);
	return STEP_FAIL;
}
