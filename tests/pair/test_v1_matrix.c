/*
 * T-11 and T-31 for IKEv1: every state of a phase 1 x every exchange x protected, encrypted with
 * other keys, or in the clear. What is not protected changes nothing and gets no answer, in any
 * state; what is protected is answered where the table says so, and nothing else changes.
 */
#include "v1_pair.h"

static const uint8_t exchanges[] = { V1_MAIN_MODE, V1_AGGRESSIVE_MODE, V1_INFORMATIONAL,
	V1_TRANSACTION, V1_QUICK_MODE, 0, 33 /* new group mode */, 34 /* IKE_SA_INIT */, 255 };

/* --- how to get there ------------------------------------------------------------------------------ */

/* From then on messages are lost: those of one end that begin with the message number `from`. */
struct gate {
	enum end end;
	uint8_t exchange; /* 0: all */
	unsigned from, seen;
	bool all; /* both ends', whatever they are */
};

static bool shut(void *arg, struct net *n, enum end from, struct flight *f)
{
	struct gate *g = arg;

	(void)n;
	if (g->all)
		return true;
	if (from != g->end || f->len < IKE_HDR_LEN || (g->exchange && f->data[18] != g->exchange))
		return false;
	return g->seen++ >= g->from;
}

static void begin(struct v1_pair *p, struct gate *g, uint64_t ms)
{
	v1_pair_start(p);
	p->net.tap = shut;
	p->net.tap_arg = g;
	v1_pair_run(p, ms);
}

static void gateway_main(struct v1_pair *p, struct gate *g, unsigned from)
{
	*g = (struct gate){ .end = GATEWAY, .exchange = V1_MAIN_MODE, .from = from };
	begin(p, g, 300);
}

static void in_sa_sent(struct v1_pair *p, struct gate *g)
{
	gateway_main(p, g, 0);
}

static void in_ke_sent(struct v1_pair *p, struct gate *g)
{
	gateway_main(p, g, 1);
}

static void in_id_sent(struct v1_pair *p, struct gate *g)
{
	gateway_main(p, g, 2);
}

static void in_aggr_sent(struct v1_pair *p, struct gate *g)
{
	p->cfg.aggressive = true;
	*g = (struct gate){ .all = true };
	begin(p, g, 300);
}

static void in_xauth(struct v1_pair *p, struct gate *g)
{
	static const struct v1_round nothing[] = { { 0 } };

	p->login = true;
	p->rounds = nothing;
	*g = (struct gate){ .end = GATEWAY, .exchange = V1_TRANSACTION };
	begin(p, g, 300);
}

static void in_ask(struct v1_pair *p, struct gate *g)
{
	p->login = p->mute = true;
	*g = (struct gate){ .end = GATEWAY, .exchange = V1_TRANSACTION, .from = 1 };
	begin(p, g, 300);
}

static void in_config(struct v1_pair *p, struct gate *g)
{
	*g = (struct gate){ .end = GATEWAY, .exchange = V1_TRANSACTION };
	begin(p, g, 300);
}

static void in_up(struct v1_pair *p, struct gate *g)
{
	*g = (struct gate){ .end = GATEWAY, .exchange = 255 };
	begin(p, g, 600);
	v1_pair_check_up(p, 1);
	*g = (struct gate){ .all = true };
}

static void in_quick(struct v1_pair *p, struct gate *g)
{
	in_up(p, g);
	v1_pair_command(p, CMD_REKEY_CHILD);
}

static void in_replaced(struct v1_pair *p, struct gate *g)
{
	in_up(p, g);
	g->all = false;
	g->from = 1000;
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, 300);
	g->all = true;
}

static void gateway_renews(struct v1_pair *p, struct gate *g, unsigned from)
{
	in_up(p, g);
	*g = (struct gate){ .end = CLIENT, .exchange = V1_MAIN_MODE, .from = from };
	v1_pair_gw_renews(p);
	v1_pair_run(p, 300);
	g->all = true;
}

static void in_sa_answered(struct v1_pair *p, struct gate *g)
{
	gateway_renews(p, g, 0);
}

static void in_ke_answered(struct v1_pair *p, struct gate *g)
{
	gateway_renews(p, g, 1);
}

static const struct state_row {
	const char *name;
	void (*bring)(struct v1_pair *p, struct gate *g);
	enum v1_state state;
	bool keys, informational, transaction, quick; /* ... are answered, when protected */
} states[] = {
	{ "first message sent", in_sa_sent, V1_SA_SENT, false, false, false, false },
	{ "key exchange sent", in_ke_sent, V1_KE_SENT, false, false, false, false },
	{ "identity sent", in_id_sent, V1_ID_SENT, true, false, false, false },
	{ "aggressive mode sent", in_aggr_sent, V1_AGGR_SENT, false, false, false, false },
	{ "login awaited", in_xauth, V1_XAUTH, true, true, true, false },
	{ "user asked", in_ask, V1_ASK, true, true, true, false },
	{ "configuration asked for", in_config, V1_CONFIG, true, true, true, false },
	{ "up", in_up, V1_UP, true, true, true, true },
	{ "up, rekeying the child", in_quick, V1_UP, true, true, true, true },
	{ "replaced", in_replaced, V1_REPLACED, true, true, true, true },
	{ "answered the gateway once", in_sa_answered, V1_SA_ANSWERED, false, false, false, false },
	{ "answered the gateway twice", in_ke_answered, V1_KE_ANSWERED, true, false, false, false },
};

/* --- what is fed, and what becomes of it -------------------------------------------------------------- */

struct print { /* of all that a message might change */
	enum ike_phase phase;
	size_t n_children;
	bool waits[V1_SAS_MAX];
	enum v1_state states[V1_SAS_MAX];
	enum child_state children[4];
	uint32_t spis[4];
	bool held_out[4];
};

static void take_print(const struct v1 *v, struct print *f)
{
	memset(f, 0, sizeof(*f));
	f->phase = v->phase;
	f->n_children = v->children.n;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i]) {
			f->states[i] = v->sas[i]->state;
			f->waits[i] = v->sas[i]->p1->waiting;
		}
	for (size_t i = 0; i < v->children.n && i < ARRAY_LEN(f->children); i++) {
		f->children[i] = v->children.v[i]->state;
		f->spis[i] = v->children.v[i]->spi_in;
		f->held_out[i] = v->children.v[i]->held_out != NULL;
	}
}

static struct v1_sa *in_state(const struct v1 *v, enum v1_state state)
{
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (v->sas[i] && v->sas[i]->state == state)
			return v->sas[i];
	fail_msg("no phase 1 is in state %d", state);
	return NULL;
}

enum protection { CLEAR, WRONG_KEY, WRONG_HASH, PROTECTED, PROTECTIONS };

struct message {
	uint8_t exchange;
	enum protection how;
	uint32_t mid;
};

/* What does most harm where it is believed, or is answered without a change. */
static void content(
	const struct v1_pair *p, const struct v1_sa *sa, const struct message *m, struct ikew *k)
{
	uint8_t sequence[4] = { 0, 0, 0, 1 };

	if (m->how == PROTECTED && m->exchange == V1_INFORMATIONAL) {
		v1_notify_write(k, sa, V1_R_U_THERE, (struct bytes){ sequence, 4 });
	} else if (m->how == PROTECTED && m->exchange == V1_TRANSACTION) {
		ikew_payload(k, V1P_ATTR);
		wr_u32(&k->w, 0x01000007); /* a request that is none for the login */
		wr_u32(&k->w, 0x00070000);
	} else if (m->how == PROTECTED) {
		ikew_bytes(k, V1P_NONCE, (struct bytes){ "0123456789abcdef", 16 });
	} else {
		ikew_payload(k, V1P_D);
		wr_u32(&k->w, DOI_IPSEC);
		wr_u32(&k->w, PROTO_IKE << 24 | 16 << 16 | 1);
		wr_bytes(&k->w, sa->cky_i, IKE_SPI_LEN);
		wr_bytes(&k->w, sa->cky_r, IKE_SPI_LEN);
		for (size_t i = 0; i < p->client->children.n; i++) {
			ikew_payload(k, V1P_D);
			wr_u32(&k->w, DOI_IPSEC);
			wr_u32(&k->w, PROTO_ESP << 24 | 4 << 16 | 1);
			wr_u32(&k->w, p->client->children.v[i]->spi_out);
		}
	}
}

static size_t in_the_clear(const struct v1_pair *p, const struct v1_sa *sa, const struct message *m,
	uint8_t *buf, size_t cap)
{
	struct ike_hdr h = { .version = 0x10, .exchange = m->exchange, .mid = m->mid };
	struct ikew k;
	size_t len;

	memcpy(h.spi_i, sa->cky_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->cky_r, IKE_SPI_LEN);
	ikew_message(&k, buf, cap, &h);
	content(p, sa, m, &k);
	assert_true(ikew_end(&k, &len));
	return len;
}

/* Sealed with the client's own keys, which are the gateway's too; then spoilt where that is wanted. */
static size_t sealed(
	struct v1_pair *p, struct v1_sa *sa, const struct message *m, uint8_t *buf, size_t cap)
{
	struct v1_sa twin = *sa;
	struct v1_xchg x = { .sa = &twin, .mid = m->mid };
	struct outbox ob;
	uint8_t chain[512];
	struct ikew k;
	struct err e;

	outbox_init(&ob);
	if (m->how == WRONG_KEY)
		twin.key.data[0] ^= 1;
	if (m->how == WRONG_HASH)
		twin.skeyid_a.data[0] ^= 1;
	v1_phase2_iv(&twin, m->mid, x.iv);
	if (m->mid == 0) /* as if it were of phase 1 */
		memcpy(x.iv, sa->p1->iv, sizeof(x.iv));
	ikew_chain(&k, chain, sizeof(chain));
	content(p, sa, m, &k);
	assert_ok(&e, v1_send(p->gw, &x, m->exchange, (struct bytes){ 0 }, &k, false, &ob, &e));
	const struct send *s = outbox_get(&ob, 0);
	assert_true(s->len <= cap);
	memcpy(buf, s->data, s->len);
	size_t len = s->len;
	kept_free(&x.sent);
	outbox_free(&ob);
	return len;
}

/* Feeds it; returns how many datagrams the client sent. */
static size_t feed(struct v1_pair *p, struct v1_sa *sa, const struct message *m)
{
	struct datagram d = {
		.on = PORT_IKE, .local = p->client->path.local, .remote = p->client->path.remote
	};
	struct outbox ob;
	uint8_t buf[1024];
	size_t sent = 0;

	d.data = buf;
	d.len = m->how == CLEAR ? in_the_clear(p, sa, m, buf, sizeof(buf)) :
				  sealed(p, sa, m, buf, sizeof(buf));
	outbox_init(&ob);
	v1_datagram(p->client, p->net.now, &d, &ob);
	for (size_t i = 0; i < ob.n; i++)
		sent += ob.actions[i].kind == ACT_SEND;
	outbox_free(&ob);
	return sent;
}

static bool answered(const struct state_row *r, const struct message *m)
{
	if (m->how != PROTECTED || m->mid == 0)
		return false;
	return (m->exchange == V1_INFORMATIONAL && r->informational) ||
		(m->exchange == V1_TRANSACTION && r->transaction) ||
		(m->exchange == V1_QUICK_MODE && r->quick);
}

static void one(const struct state_row *r, const struct message *m)
{
	static const char *const words[] = { "in the clear", "with a wrong key",
		"with a wrong hash", "protected" };
	struct v1_pair *p = v1_pair_new(11);
	struct print before, after;
	struct gate g;

	r->bring(p, &g);
	struct v1_sa *sa = in_state(p->client, r->state);
	take_print(p->client, &before);
	size_t sent = feed(p, sa, m);
	take_print(p->client, &after);
	if (sent != answered(r, m))
		fail_msg("%s: exchange %u %s, message id %x: %zu answers", r->name, m->exchange,
			words[m->how], m->mid, sent);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s: exchange %u %s, message id %x: something changed", r->name,
			m->exchange, words[m->how], m->mid);
	v1_pair_done(p);
}

static void matrix(void **state)
{
	const struct state_row *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++)
		for (int how = CLEAR; how < PROTECTIONS; how++)
			for (uint32_t mid = 0; mid < 2; mid++)
				if (how == CLEAR || r->keys)
					one(r,
						&(struct message){ .exchange = exchanges[i],
							.how = (enum protection)how,
							.mid = mid * 0x1234 });
}

/* One that is dead takes nothing either. */
static void afterwards(void **state)
{
	struct v1_pair *p = v1_pair_new(11);
	struct outbox ob;
	uint8_t octets[64] = { 0 };
	struct datagram d = { .data = octets, .len = sizeof(octets) };
	struct gate g;
	struct err e;

	(void)state;
	in_up(p, &g);
	v1_stop(p->client, p->net.now, &p->ob);
	v1_pair_run(p, SECONDS(10));
	outbox_init(&ob);
	assert_int_equal(p->client->phase, IKE_DEAD);
	v1_datagram(p->client, p->net.now, &d, &ob);
	v1_tick(p->client, p->net.now, &ob);
	v1_answer(p->client, p->net.now, 1, NULL, &ob);
	v1_os(p->client, p->net.now, &(struct os_input){ .kind = OS_RESUMED }, &ob);
	v1_stop(p->client, p->net.now, &ob);
	assert_int_equal(v1_deadline(p->client), TIME_NEVER);
	assert_false(v1_command(p->client, p->net.now, CMD_REKEY_ALL, &ob, &e));
	assert_int_equal(ob.n, 0);
	outbox_free(&ob);
	v1_pair_done(p);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(states) + 1];

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		tests[i] = (struct CMUnitTest){ states[i].name, matrix, NULL, NULL,
			(void *)&states[i] };
	tests[ARRAY_LEN(states)] = (struct CMUnitTest)cmocka_unit_test(afterwards);
	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
