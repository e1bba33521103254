/*
 * T-11: every state of an IKE SA x every exchange x request or answer x protected or not. A message
 * is either ignored (not a word is sent, nothing changes), or answered (one reply, nothing changes
 * but the message ID), or answered as before (a request that had its reply), or, where it is the very answer that is waited for, taken.
 */
#include "pair.h"

static const uint8_t exchanges[] = { IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL,
	IKE_SESSION_RESUME, IKE_INTERMEDIATE, IKE_FOLLOWUP_KE, 0, 4 /* aggressive mode of IKEv1 */,
	255 };

/* --- how to get there ------------------------------------------------------------------------------ */

/* From then on the gateway's messages are lost, or the client's. */
struct gate {
	uint8_t exchange; /* 0: all */
	uint32_t mid; /* from this message ID on */
	bool clients;
	bool additional; /* with additional key exchanges */
};

static bool shut(void *arg, struct net *n, enum end from, struct flight *f)
{
	const struct gate *g = arg;

	(void)n;
	return from == (g->clients ? CLIENT : GATEWAY) &&
		(!g->exchange || (f->data[18] == g->exchange && f->data[23] >= g->mid));
}

static void begin(struct pair *p, struct gate *g, bool eap, bool mute)
{
	static const uint8_t methods[] = { EAP_GTC };

	pair_init(p, 11);
	p->mute = mute;
	if (g->additional)
		pair_additional(p);
	if (eap) {
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		p->cfg.eap =
			(struct eap_config){ .user = "anna", .methods = methods, .n_methods = 1 };
		p->gwc.eap = EAP_GTC;
	}
	pair_start(p);
	pair_tap(p, shut, g);
	pair_run(p, 300);
}

static void in_init(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = IKE_SA_INIT };
	begin(p, g, false, false);
}

/* From the ticket of an IKE SA that was up. */
static void in_resumption(struct pair *p, struct gate *g, uint8_t exchange)
{
	*g = (struct gate){ .exchange = INFORMATIONAL, .mid = 99 };
	pair_init(p, 11);
	p->cfg.resumption = true;
	p->gwc.tickets = GW_TICKETS;
	pair_connect(p);
	pair_tap(p, shut, g);
	g->exchange = exchange;
	g->mid = 0;
	pair_resume(p);
	pair_run(p, 300);
}

static void in_resume(struct pair *p, struct gate *g)
{
	in_resumption(p, g, IKE_SESSION_RESUME);
}

static void in_resume_auth(struct pair *p, struct gate *g)
{
	in_resumption(p, g, IKE_AUTH);
}

static void in_ticket(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = INFORMATIONAL };
	pair_init(p, 11);
	p->cfg.resumption = true;
	p->gwc.tickets = GW_TICKETS_LATER;
	pair_start(p);
	pair_tap(p, shut, g);
	pair_run(p, 300);
	*g = (struct gate){ 0 };
}

static void in_intermediate(struct pair *p, struct gate *g)
{
	*g = (struct gate){ IKE_INTERMEDIATE, 2, true, true };
	begin(p, g, false, false);
}

static void in_series(struct pair *p, struct gate *g, enum command c)
{
	*g = (struct gate){ IKE_FOLLOWUP_KE, 0, true, true };
	begin(p, g, false, false);
	pair_command(p, c);
	pair_run(p, 100);
}

static void in_series_child(struct pair *p, struct gate *g)
{
	in_series(p, g, CMD_REKEY_CHILD);
}

static void in_series_ike(struct pair *p, struct gate *g)
{
	in_series(p, g, CMD_REKEY_IKE);
}

static void in_auth(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = IKE_AUTH, .mid = 1 };
	begin(p, g, false, false);
}

static void in_eap(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = IKE_AUTH, .mid = 2 };
	begin(p, g, true, false);
}

static void in_ask(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = INFORMATIONAL, .mid = 99 };
	begin(p, g, true, true);
}

static void in_finish(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = IKE_AUTH, .mid = 4 };
	begin(p, g, true, false);
}

static void in_up(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = INFORMATIONAL, .mid = 99 };
	begin(p, g, false, false);
	*g = (struct gate){ 0 };
}

static void in_rekey_child(struct pair *p, struct gate *g)
{
	in_up(p, g);
	pair_command(p, CMD_REKEY_CHILD);
}

static void in_rekey_ike(struct pair *p, struct gate *g)
{
	in_up(p, g);
	pair_command(p, CMD_REKEY_IKE);
}

static void in_dpd(struct pair *p, struct gate *g)
{
	in_up(p, g);
	pair_os(p, &(struct os_input){ .kind = OS_RESUMED, .ok = true });
	pair_run(p, 1);
}

static void in_delete_child(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = INFORMATIONAL, .mid = 99 };
	begin(p, g, false, false);
	pair_gw(p, GW_NEW_CHILD);
	pair_run(p, 200);
	*g = (struct gate){ 0 };
	p->client.v2->children.v[0]->state = CHILD_DELETING;
	pair_os(p, &(struct os_input){ .kind = OS_INBOUND, .ok = true });
	pair_run(p, 1);
}

static void in_replaced(struct pair *p, struct gate *g)
{
	*g = (struct gate){ .exchange = INFORMATIONAL, .mid = 0 };
	begin(p, g, false, false);
	pair_gw(p, GW_REKEY_IKE);
	pair_run(p, 100);
	*g = (struct gate){ 0 };
}

static void in_deleting(struct pair *p, struct gate *g)
{
	in_up(p, g);
	pair_stop(p);
}

static const struct state_row {
	const char *name;
	void (*bring)(struct pair *p, struct gate *g);
	enum v2_state state;
	enum v2_task task;
	uint8_t waits_for; /* the exchange whose answer is taken, 0: none */
	bool answers; /* requests of the gateway */
} states[] = {
	{ "IKE_SA_INIT sent", in_init, V2_INIT, TASK_INIT, 0, false },
	{ "IKE_SESSION_RESUME sent", in_resume, V2_RESUME, TASK_RESUME, 0, false },
	{ "IKE_AUTH sent, resuming", in_resume_auth, V2_AUTH, TASK_RESUME_AUTH, IKE_AUTH, false },
	{ "IKE_INTERMEDIATE sent", in_intermediate, V2_INTERMEDIATE, TASK_INTERMEDIATE,
		IKE_INTERMEDIATE, false },
	{ "IKE_AUTH sent", in_auth, V2_AUTH, TASK_AUTH, IKE_AUTH, false },
	{ "EAP response sent", in_eap, V2_EAP, TASK_EAP, IKE_AUTH, false },
	{ "user asked", in_ask, V2_ASK, TASK_NONE, 0, false },
	{ "AUTH after EAP sent", in_finish, V2_FINISH, TASK_FINISH, IKE_AUTH, false },
	{ "up", in_up, V2_UP, TASK_NONE, 0, true },
	{ "up, rekeying the child", in_rekey_child, V2_UP, TASK_REKEY_CHILD, CREATE_CHILD_SA,
		true },
	{ "up, rekeying the IKE SA", in_rekey_ike, V2_UP, TASK_REKEY_IKE, CREATE_CHILD_SA, true },
	{ "up, rekeying the child, further keys", in_series_child, V2_UP, TASK_REKEY_CHILD,
		IKE_FOLLOWUP_KE, true },
	{ "up, rekeying the IKE SA, further keys", in_series_ike, V2_UP, TASK_REKEY_IKE,
		IKE_FOLLOWUP_KE, true },
	{ "up, asking for life", in_dpd, V2_UP, TASK_DPD, INFORMATIONAL, true },
	{ "up, asking for a ticket", in_ticket, V2_UP, TASK_TICKET, INFORMATIONAL, true },
	{ "up, deleting a child", in_delete_child, V2_UP, TASK_DELETE_CHILD, INFORMATIONAL, true },
	{ "replaced", in_replaced, V2_REPLACED, TASK_NONE, 0, true },
	{ "deleting", in_deleting, V2_DELETING, TASK_DELETE_IKE, INFORMATIONAL, true },
};

/* --- what is fed, and what becomes of it -------------------------------------------------------------- */

struct print { /* of all that a message might change */
	enum ike_phase phase;
	size_t sas, children;
	uint32_t mid_out, mid_in;
	enum v2_state states[V2_SAS_MAX];
	enum v2_task tasks[V2_SAS_MAX];
	enum child_state children_states[8];
};

static void take_print(const struct v2 *v, const struct v2_sa *sa, struct print *f)
{
	memset(f, 0, sizeof(*f));
	f->phase = v->phase;
	f->children = v->children.n;
	for (size_t i = 0; i < V2_SAS_MAX; i++) {
		if (!v->sas[i])
			continue;
		f->sas++;
		f->states[i] = v->sas[i]->state;
		f->tasks[i] = v->sas[i]->req.task;
		if (v->sas[i] == sa) {
			f->mid_out = sa->mid_out;
			f->mid_in = sa->mid_in;
		}
	}
	for (size_t i = 0; i < v->children.n && i < ARRAY_LEN(f->children_states); i++)
		f->children_states[i] = v->children.v[i]->state;
}

static struct v2_sa *in_state(const struct v2 *v, enum v2_state state)
{
	for (size_t i = 0; i < V2_SAS_MAX; i++)
		if (v->sas[i] && v->sas[i]->state == state)
			return v->sas[i];
	fail_msg("no IKE SA is in state %d", state);
	return NULL;
}

static struct v2_sa *gateways_half(struct gateway *g, const struct v2_sa *sa)
{
	for (size_t i = 0; i < GW_SAS_MAX; i++)
		if (g->sas[i] && memcmp(g->sas[i]->spi_i, sa->spi_i, IKE_SPI_LEN) == 0)
			return g->sas[i];
	return NULL;
}

struct message {
	uint8_t exchange;
	bool response, sealed;
	bool goodbye; /* in the clear: with a delete of the IKE SA */
	bool wrong_end; /* sealed: the flag says that the client sent it */
	uint32_t mid;
};

static size_t in_the_clear(
	const struct v2_sa *sa, const struct message *m, uint8_t *buf, size_t cap)
{
	static const uint8_t all[4] = { PROTO_IKE };
	struct ike_hdr h = { .version = 0x20,
		.exchange = m->exchange,
		.mid = m->mid,
		.flags = (m->response ? FLAG_RESPONSE : 0) | (sa->initiator ? 0 : FLAG_INITIATOR) };
	struct ikew k;
	size_t len;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	ikew_message(&k, buf, cap, &h);
	if (m->goodbye)
		ikew_bytes(&k, PAYLOAD_D, (struct bytes){ all, sizeof(all) });
	assert_true(ikew_end(&k, &len));
	return len;
}

/* Feeds it; returns how many datagrams the client sent. */
static size_t feed(struct pair *p, const struct v2_sa *sa, const struct message *m)
{
	struct datagram d = { .on = PORT_IKE, .local = p->path.local, .remote = p->path.remote };
	struct v2_sa *half = gateways_half(&p->gw, sa);
	struct outbox from_gw, ob;
	uint8_t buf[256];
	size_t sent = 0;

	outbox_init(&from_gw);
	outbox_init(&ob);
	if (m->sealed) {
		assert_non_null(half);
		half->initiator = half->initiator != m->wrong_end;
		gw_forge(&p->gw, p->net.now, half, m->exchange, m->response, m->mid, PAYLOAD_NONE,
			(struct bytes){ buf, 0 }, &from_gw);
		half->initiator = half->initiator != m->wrong_end;
		const struct send *s = outbox_get(&from_gw, 0);
		d.data = s->data;
		d.len = s->len;
	} else {
		d.data = buf;
		d.len = in_the_clear(sa, m, buf, sizeof(buf));
	}
	client_datagram(&p->client, p->net.now, &d, &ob);
	for (size_t i = 0; i < ob.n; i++)
		sent += ob.actions[i].kind == ACT_SEND;
	outbox_free(&from_gw);
	outbox_free(&ob);
	return sent;
}

enum outcome { IGNORED, ANSWERED, REPEATED, TAKEN };

static enum outcome expected(
	const struct state_row *r, const struct message *m, const struct v2_sa *sa)
{
	if (!m->sealed || m->wrong_end || m->exchange == IKE_SA_INIT ||
		m->exchange == IKE_SESSION_RESUME)
		return IGNORED;
	if (m->response)
		return r->waits_for && r->waits_for == m->exchange && m->mid == sa->req.mid ?
			TAKEN :
			IGNORED;
	if (sa->replied && m->mid == sa->mid_in - 1)
		return REPEATED;
	return r->answers && m->mid == sa->mid_in ? ANSWERED : IGNORED;
}

static void one(const struct state_row *r, struct message m, int mid)
{
	static const char *const words[] = { "ignored", "answered", "answered as before", "taken" };
	struct print before, after;
	struct gate g;
	struct pair p;

	r->bring(&p, &g);
	struct v2 *v = p.client.v2;
	struct v2_sa *sa = in_state(v, r->state);
	assert_int_equal(sa->req.task, r->task);
	m.mid = (m.response ? sa->req.mid : sa->mid_in) + (uint32_t)mid;
	enum outcome want = expected(r, &m, sa);
	take_print(v, sa, &before);
	size_t sent = feed(&p, sa, &m);
	take_print(v, sa, &after);
	if (want == ANSWERED)
		before.mid_in++;
	bool same = memcmp(&before, &after, sizeof(before)) == 0;
	if (sent != (want == ANSWERED || want == REPEATED) && want != TAKEN)
		fail_msg("%s: exchange %u, %s, %s, mid %+d: %zu datagrams sent, should be %s",
			r->name, m.exchange, m.response ? "answer" : "request",
			m.sealed ? "sealed" : "in the clear", mid, sent, words[want]);
	if (same != (want != TAKEN))
		fail_msg("%s: exchange %u, %s, %s, mid %+d: %s, should be %s", r->name, m.exchange,
			m.response ? "answer" : "request", m.sealed ? "sealed" : "in the clear",
			mid, same ? "nothing changed" : "something changed", words[want]);
	pair_free(&p);
}

static void matrix(void **state)
{
	const struct state_row *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++)
		for (int response = 0; response < 2; response++)
			for (int mid = -1; mid < 2; mid++) {
				struct message m = { .exchange = exchanges[i],
					.response = response };
				one(r, m, mid);
				m.goodbye = true;
				one(r, m, mid);
				m.goodbye = false;
				m.sealed = true;
				if (r->state == V2_INIT || r->state == V2_RESUME) /* no keys yet */
					continue;
				one(r, m, mid);
				m.wrong_end = true;
				one(r, m, mid);
			}
}

/* A client that was not yet started, or is dead, takes nothing either. */
static void before_and_after(void **state)
{
	struct gate g;
	struct pair p;
	struct outbox ob;
	uint8_t octets[64] = { 0 };
	struct datagram d = { .data = octets, .len = sizeof(octets) };

	(void)state;
	outbox_init(&ob);
	in_deleting(&p, &g);
	pair_run(&p, SECONDS(10));
	pair_check_dead(&p, ERR_NONE, 0);
	v2_datagram(p.client.v2, p.net.now, &d, &ob);
	v2_tick(p.client.v2, p.net.now, &ob);
	v2_answer(p.client.v2, p.net.now, 1, NULL, &ob);
	v2_os(p.client.v2, p.net.now, &(struct os_input){ .kind = OS_RESUMED }, &ob);
	v2_stop(p.client.v2, p.net.now, &ob);
	assert_int_equal(v2_deadline(p.client.v2), TIME_NEVER);
	assert_false(client_command(&p.client, p.net.now, CMD_REKEY_ALL, &ob));
	assert_int_equal(ob.n, 0);
	outbox_free(&ob);
	pair_free(&p);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(states) + 1];

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		tests[i] = (struct CMUnitTest){ states[i].name, matrix, NULL, NULL,
			(void *)&states[i] };
	tests[ARRAY_LEN(states)] = (struct CMUnitTest)cmocka_unit_test(before_and_after);
	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
