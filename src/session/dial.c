#include "dial.h"

#include <string.h>

#include "attempt.h"
#include "configure.h"
#include "esp/flow.h"
#include "ike/v1.h"
#include "mtu.h"
#include "netconf.h"

enum { EPHEMERAL_FIRST = 49152, EPHEMERAL_COUNT = 16384 }; /* RFC 6335 section 6 */

void dial_configure(struct session *s)
{
	struct ike_config *c = &s->cfg;

	c->ts_proto = IP_UDP;
	c->remote_ts_port = L2TP_PORT;
}

static uint16_t ephemeral_port(struct session *s)
{
	return (uint16_t)(EPHEMERAL_FIRST + rng_below(&s->rng, EPHEMERAL_COUNT));
}

void dial_new_round(struct session *s)
{
	s->l2tp_other = false;
	if (!s->l2tp_no_eap)
		err_clear(&s->l2tp_eap);
	s->l2tp_fresh = s->l2tp_silent;
	s->l2tp_silent = false;
	s->l2tp_port = s->l2tp_fresh ? ephemeral_port(s) : s->l2tp_usual;
}

void dial_choose_port(struct session *s)
{
	const struct profile *p = s->p;
	uint16_t known = p->known_ports[s->gateway];

	if (s->l2tp_gateway != s->gateway + 1) {
		s->l2tp_gateway = s->gateway + 1;
		err_clear(&s->l2tp_eap);
		s->l2tp_no_eap = false;
		s->l2tp_other = s->l2tp_taken = s->l2tp_fresh = false;
		s->l2tp_port = p->source_port ? p->source_port : known ? known : L2TP_PORT;
		s->l2tp_usual = s->l2tp_port;
	}
	s->cfg.local_ts_port = s->l2tp_port;
}

void dial_worked(struct session *s)
{
	s->l2tp_other = false;
	s->l2tp_no_eap = s->l2tp_eap.kind != ERR_NONE;
	if (!s->l2tp_fresh)
		s->l2tp_usual = s->l2tp_port;
}

void dial_lost(struct session *s, const struct err *e)
{
	bool silent = e->kind == ERR_SILENT && s->p->type == CONN_L2TP && !s->p->source_port;
	/* A fresh port that did not come to be used is as good as before. */
	bool untried = s->l2tp_fresh && s->view.stage <= STAGE_INIT;

	s->l2tp_silent = silent && (s->phase == PHASE_UP || untried);
}

static void configure_line(struct session *s)
{
	const struct profile *p = s->p;
	uint16_t fits = mtu_line(&s->view, s->paths[s->path].mtu);

	s->line_config = (struct line_config){
		.local_port = s->l2tp_port,
		.remote_port = L2TP_PORT,
		.l2tp = { .hostname = p->l2tp_hostname,
			.secret = p->l2tp_secret_given ? &p->l2tp_secret : NULL,
			.hello_interval = p->hello_interval },
		.ppp = { .user = s->user,
			.password = configure_password(s),
			.n_eap = p->n_eap,
			.eap = p->eap,
			.tls = &s->tls,
			.ttls = p->ttls,
			.mru = p->mru ? p->mru : fits,
			.ipv4 = true,
			.ipv6 = fits >= IPV6_LEAST_MTU &&
				(p->addresses.n == 0 || prefix_list_has(&p->addresses, FAMILY_V6)),
			.echo_interval = p->hello_interval,
			.first_ask = ASK_LINE | s->lines++ % (ASK_LINE >> 8) << 8 },
	};
	struct ppp_config *ppp = &s->line_config.ppp;
	for (size_t i = 0; i < p->n_ppp_auth; i++)
		if (p->ppp_auth[i] != PPP_AUTH_EAP || s->l2tp_eap.kind == ERR_NONE)
			ppp->auth[ppp->n_auth++] = p->ppp_auth[i];
	for (size_t i = 0; i < p->addresses.n; i++)
		if (p->addresses.v[i].family == FAMILY_V4)
			addr_set(&ppp->want, FAMILY_V4, p->addresses.v[i].ip, 0);
}

void dial_start(struct session *s, struct outbox *ob)
{
	bool patient = s->p->source_port != 0 || s->l2tp_other;
	struct err e = { 0 };

	configure_line(s);
	s->line = line_new(&s->line_config, &s->rng, &e);
	if (!s->line) {
		session_fail(s, STAGE_L2TP, &e, ob);
		return;
	}
	if (s->p->remote_auth == REMOTE_PSK && !s->l2tp_warned)
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s", v1_only_the_key);
	s->l2tp_warned = true;
	s->phase = PHASE_DIALLING;
	outbox_event(ob, EV_STAGE, LEVEL_INFO, "calling the L2TP server");
	s->line_told = LINE_L2TP;
	line_start(s->line, s->now, patient, ob);
}

void dial_end(struct session *s, struct outbox *ob)
{
	if (!s->line)
		return;
	line_unlink(s->line, ob);
	line_free(s->line);
	s->line = NULL;
	s->line_view = (struct line_view){ 0 };
}

bool dial_other_port(struct session *s)
{
	if (s->p->source_port || s->l2tp_other)
		return false;
	s->l2tp_other = true;
	if (s->l2tp_fresh)
		s->l2tp_port = s->l2tp_usual;
	else
		s->l2tp_port = s->l2tp_port != L2TP_PORT ? L2TP_PORT : ephemeral_port(s);
	s->l2tp_fresh = false;
	return true;
}

static void tell_stage(struct session *s, struct outbox *ob)
{
	static const char *const stories[] = { [LINE_L2TP] = "",
		[LINE_LINK] = "opening the PPP link",
		[LINE_LOGIN] = "logging in",
		[LINE_NETWORK] = "agreeing on an address" };

	if (s->phase != PHASE_DIALLING || s->line_view.stage <= s->line_told)
		return;
	s->line_told = s->line_view.stage;
	outbox_event(ob, EV_STAGE, LEVEL_INFO, "%s", stories[s->line_told]);
}

enum ike_stage dial_stage(const struct session *s)
{
	static const enum ike_stage stages[] = { [LINE_L2TP] = STAGE_L2TP,
		[LINE_LINK] = STAGE_PPP_LINK,
		[LINE_LOGIN] = STAGE_PPP_LOGIN,
		[LINE_NETWORK] = STAGE_PPP };

	return s->phase == PHASE_DIALLING ? stages[s->line_view.stage] : STAGE_UP;
}

void dial_link_failed(struct session *s, const struct os_input *in, struct outbox *ob)
{
	if (!s->line || s->phase == PHASE_STOPPING)
		return;
	s->view.stage = dial_stage(s);
	attempt_hang_up(s, ob);
	if (in->port_taken && s->phase == PHASE_DIALLING && dial_other_port(s)) {
		s->l2tp_taken = true;
		outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s: trying port %u", in->err.text,
			s->l2tp_port);
		attempt_begin(s, ob);
		return;
	}
	attempt_failed(s, &in->err, ob);
}

bool dial_changed(const struct session *s)
{
	const struct ppp_view *was = &s->ppp, *is = &s->line_view.ppp;

	return s->line && s->line_view.phase == LINE_UP &&
		(!addr_same_host(&was->local, &is->local) ||
			!addr_same_host(&was->local6, &is->local6) ||
			was->peer_mru != is->peer_mru || was->n_dns != is->n_dns ||
			memcmp(was->dns, is->dns, is->n_dns * sizeof(is->dns[0])) != 0);
}

/* EAP stands behind other ways to log in, but the gateway asked for it first, and that was the end. */
static void call_without_eap(struct session *s, const struct err *e, struct outbox *ob)
{
	s->l2tp_eap = *e;
	outbox_event(ob, EV_WARNING, LEVEL_WARN, "%s: calling once more, without EAP", e->text);
	attempt_begin(s, ob);
}

void dial_follow(struct session *s, struct outbox *ob)
{
	if (!s->line)
		return;
	line_view(s->line, &s->line_view);
	tell_stage(s, ob);
	if (s->line_view.phase != LINE_DEAD)
		return;
	struct err e = s->line_view.failure;
	enum ike_stage stage = dial_stage(s);
	bool eap_in_vain = s->phase == PHASE_DIALLING && s->line_view.ppp.eap_in_vain;
	if (s->l2tp_eap.kind != ERR_NONE && s->line_view.ppp.no_way) {
		e = s->l2tp_eap; /* the profile does allow EAP: that is not the reason */
		s->l2tp_no_eap = false;
	}
	dial_end(s, ob);
	if (s->phase == PHASE_STOPPING) {
		engine_stop(s->engine, s->now, ob); /* and that ends it */
		return;
	}
	attempt_hang_up(s, ob);
	if (eap_in_vain) {
		call_without_eap(s, &e, ob);
		return;
	}
	s->view.stage = stage;
	if (e.kind == ERR_NONE)
		err_set(&e, ERR_PEER, "the gateway ended L2TP");
	dial_lost(s, &e);
	attempt_failed(s, &e, ob);
}
