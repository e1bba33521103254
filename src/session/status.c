#include "state.h"

#include <stdio.h>
#include <string.h>

#include "hints.h"

static enum conn_state state_of(const struct session *s)
{
	switch (s->phase) {
	case PHASE_NEW:
	case PHASE_GUARDING:
	case PHASE_ASKING:
	case PHASE_RESOLVING:
	case PHASE_CONNECTING:
	case PHASE_INQUIRING:
	case PHASE_DIALLING:
	case PHASE_CONFIGURING:
		return s->was_up ? STATE_RECONNECTING : STATE_CONNECTING;
	case PHASE_UP:
		return s->view.rekeying ? STATE_REKEYING : STATE_UP;
	case PHASE_WAITING:
		return STATE_RECONNECTING;
	case PHASE_STOPPING:
	case PHASE_DOWN:
		break;
	}
	return STATE_DOWN;
}

static int64_t seconds_left(uint64_t at, uint64_t now)
{
	return at == TIME_NEVER ? -1 : at > now ? (int64_t)((at - now) / 1000) : 0;
}

static void add_weak(struct weak *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i], name) == 0)
			return;
	if (w->n < STATUS_WEAK)
		w->v[w->n++] = name;
}

static void weak_suite(struct weak *w, const struct suite *x)
{
	const struct alg *const algs[] = { x->encr, x->integ, x->prf, x->ke };

	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algs[i] && alg_weak(algs[i]))
			add_weak(w, algs[i]->name);
	for (size_t i = 0; i < ADDKE_MAX; i++)
		if (x->addke[i] && alg_weak(x->addke[i]))
			add_weak(w, x->addke[i]->name);
}

void session_weak(const struct ike_view *v, struct weak *out)
{
	out->n = 0;
	weak_suite(out, &v->suite);
	if (v->sha1)
		add_weak(out, "rsa-sha1");
	for (size_t i = 0; i < v->n_children; i++)
		weak_suite(out, &v->children[i].suite);
}

static void status_weak(const struct ike_view *v, struct status *out)
{
	struct weak w;

	session_weak(v, &w);
	out->n_weak = w.n;
	for (size_t i = 0; i < w.n; i++)
		snprintf(out->weak[i], sizeof(out->weak[i]), "%s", w.v[i]);
}

static void status_suite(char text[STATUS_TEXT], const struct suite *x)
{
	char t[SUITE_TEXT_MAX];

	snprintf(text, STATUS_TEXT, "%s", suite_text(t, x));
}

static void status_selectors(
	size_t *n, char out[STATUS_TS][SELECTOR_TEXT_MAX], const struct selectors *ts)
{
	*n = ts->n;
	for (size_t i = 0; i < ts->n && i < STATUS_TS; i++)
		selector_text(out[i], &ts->v[i]);
}

static void status_children(const struct ike_view *v, uint64_t now, struct status *out)
{
	for (size_t i = 0; i < v->n_children && i < STATUS_CHILDREN; i++) {
		const struct ike_child_view *c = &v->children[i];
		struct status_child *o = &out->children[out->n_children++];
		o->spi_in = c->spi_in;
		o->spi_out = c->spi_out;
		o->mode = c->mode;
		o->encap = c->encap;
		o->rekey_in = seconds_left(c->rekey_at, now);
		status_suite(o->proposal, &c->suite);
		status_selectors(&o->n_local, o->local_ts, c->local_ts);
		status_selectors(&o->n_remote, o->remote_ts, c->remote_ts);
	}
}

static void status_network(const struct netconf *n, struct status *out)
{
	out->n_addrs = n->n_addrs;
	memcpy(out->addrs, n->addrs, sizeof(out->addrs));
	out->n_dns = n->n_dns;
	memcpy(out->dns, n->dns, sizeof(out->dns));
	out->n_domains = n->n_domains;
	memcpy(out->domains, n->domains, sizeof(out->domains));
	out->n_routes = n->n_routes;
	for (size_t i = 0; i < n->n_routes && i < STATUS_ROUTES; i++)
		out->routes[i] = n->routes[i];
	for (size_t i = 0; i < n->n_routes; i++)
		out->n_of_kind[n->routes[i].kind]++;
	out->mtu = n->mtu;
}

static void status_line(const struct session *s, struct status *out)
{
	const struct line_view *v = &s->line_view;

	out->ppp.source_port = s->l2tp_port;
	out->ppp.port_for_now = s->l2tp_taken || s->l2tp_fresh;
	snprintf(out->ppp.auth, sizeof(out->ppp.auth), "%s", v->ppp.auth);
	snprintf(out->ppp.server, sizeof(out->ppp.server), "%s%s%s", v->l2tp.host,
		v->l2tp.vendor[0] ? ", " : "", v->l2tp.vendor);
	out->ppp.peer = v->ppp.remote;
	out->ppp.mru = v->ppp.peer_mru;
}

void session_status(const struct session *s, uint64_t now, struct status *out)
{
	struct ike_view view, *v = &view;

	memset(out, 0, sizeof(*out));
	snprintf(out->profile, sizeof(out->profile), "%s", s->p->name);
	out->state = state_of(s);
	out->type = s->p->type == CONN_IKEV2 ? "ikev2" :
		s->p->type == CONN_IKEV1     ? "ikev1" :
					       "l2tp";
	out->up_for = s->phase == PHASE_UP ? (int64_t)((now - s->up_at) / 1000) : -1;
	snprintf(out->gateway.name, sizeof(out->gateway.name), "%s", s->p->gateways[s->gateway]);
	out->ike.version = s->p->type == CONN_IKEV2 ? 2 : 1;
	out->ike.rekey_in = out->ike.reauth_in = out->ike.ticket_for = -1;
	out->rekeys_ike = s->rekeys_ike;
	out->rekeys_child = s->rekeys_child;
	out->reconnects = s->reconnects;
	memcpy(out->last_error, s->last_error.text, sizeof(out->last_error));
	out->killswitch = s->guarded ? s->p->killswitch : KILLSWITCH_NO;
	if (s->netconf)
		status_network(s->netconf, out);
	if (!s->engine)
		return;
	engine_view(s->engine, v);
	snprintf(out->gateway.id, sizeof(out->gateway.id), "%s", v->remote_id);
	snprintf(out->gateway.vendor, sizeof(out->gateway.vendor), "%.*s",
		(int)sizeof(v->vendor) - 1, v->vendor);
	snprintf(out->gateway.revocation, sizeof(out->gateway.revocation), "%s", v->revocation);
	snprintf(out->local.id, sizeof(out->local.id), "%s", v->local_id);
	out->gateway.address = v->remote;
	out->local.address = v->local;
	out->local.nat = v->nat;
	memcpy(out->ike.spi_i, v->spi_i, sizeof(out->ike.spi_i));
	memcpy(out->ike.spi_r, v->spi_r, sizeof(out->ike.spi_r));
	if (v->phase == IKE_UP) {
		out->ike.rekey_in = seconds_left(v->rekey_at, now);
		out->ike.reauth_in = seconds_left(v->reauth_at, now);
		if (v->ticket_until > now)
			out->ike.ticket_for = seconds_left(v->ticket_until, now);
	}
	out->rekeys_ike += v->rekeys_ike;
	out->rekeys_child += v->rekeys_child;
	out->ike.quantum_safe = v->quantum_safe;
	out->ike.resumed = v->resumed;
	status_suite(out->ike.proposal, &v->suite);
	status_children(v, now, out);
	status_weak(v, out);
	if (s->line_view.phase == LINE_UP)
		status_line(s, out);
}

bool session_explain(const struct session *s, struct down *out)
{
	if (s->last_error.kind == ERR_NONE)
		return false;
	hint_down(out, s->p, s->last_stage, &s->last_error);
	return true;
}

void session_hint(struct down *out, const struct profile *p, const struct err *e)
{
	hint_down(out, p, STAGE_RESOLVE, e);
}
