#include "ppp_private.h"

#include <string.h>

/* EAP as the carrier of PPP hands it on (RFC 3748 section 3.1): the gateway repeats what is lost. */

static void act_on(struct ppp *p, struct eap_result *r, struct outbox *ob)
{
	if (r->notice[0])
		outbox_event(ob, EV_GATEWAY_SAID, LEVEL_INFO, "%s", r->notice);
	if (r->log[0])
		outbox_log(ob, LEVEL_DEBUG, "%s", r->log);
	switch (r->verdict) {
	case EAP_V_IGNORE:
		outbox_log(ob, LEVEL_DEBUG, "PPP: %s", r->err.text);
		break;
	case EAP_V_SEND: {
		struct wr w = frame_begin(p, PPP_EAP);
		if (r->err.kind !=
			ERR_NONE) /* the method failed; the gateway may yet say less of it */
			p->auth.reason = r->err;
		wr_bytes(&w, r->out, r->len);
		frame_end(p, &w);
		auth_await_verdict(p);
		break;
	}
	case EAP_V_ASK:
		p->auth.wanted = WANT_EAP;
		if (r->err.kind != ERR_NONE)
			outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", r->err.text);
		auth_ask(p, &r->ask, ob);
		break;
	case EAP_V_SUCCESS:
		auth_done(p);
		break;
	case EAP_V_FAILURE:
		ppp_fail(p, p->auth.reason.kind != ERR_NONE ? &p->auth.reason : &r->err);
		break;
	}
	wipe(r, sizeof(*r));
}

/* A gateway may make us log in again while the link is up: that is a new conversation. A late copy of
 * its last request, overtaken by the Success, is none. */
static bool begin(struct ppp *p, struct bytes packet, struct err *e)
{
	struct auth *a = &p->auth;
	struct rd r = rd_init(packet.p, packet.n);
	bool request = rd_u8(&r) == EAP_REQUEST;

	if (a->eap && !(a->done && request && !eap_repeats(a->eap, packet)))
		return true;
	eap_free(a->eap);
	a->done = false;
	a->eap_config = (struct eap_config){ .user = a->user,
		.password = p->config->password,
		.methods = p->config->eap,
		.n_methods = p->config->n_eap,
		.tls = p->config->tls,
		.ttls = p->config->ttls };
	a->eap = eap_new(&a->eap_config, p->rng, e);
	return a->eap != NULL;
}

void auth_eap_input(struct ppp *p, struct bytes info, struct outbox *ob)
{
	struct eap_result result;
	struct err e;

	if (!begin(p, info, &e)) {
		ppp_fail(p, &e);
		return;
	}
	eap_input(p->auth.eap, info, &result);
	act_on(p, &result, ob);
}

void auth_eap_answer(struct ppp *p, const struct passphrase *text, struct outbox *ob)
{
	struct eap_result result;

	eap_answer(p->auth.eap, text, &result);
	act_on(p, &result, ob);
}
