#include "v1_pair.h"

/* IKEv1 from the first message to the last delete, on good and bad networks. */

static void connects(void **state)
{
	struct v1_pair *p = v1_pair_new(1);

	(void)state;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->granted.n_addrs, 1);
	assert_false(p->client->natt);
	v1_stop(p->client, p->net.now, &p->ob);
	v1_pair_run(p, 1000);
	v1_pair_check_dead(p, ERR_NONE, 0);
	assert_null(p->gw->sa); /* it was told */
	v1_pair_done(p);
}

static bool rekeyed(const struct v1_pair *p)
{
	return p->events[EV_REKEYED] > 0;
}

/* We rekey, and go on sending by the old SA: the gateway has not got our last message yet. */
static void sends_by_the_old_sa_until_the_gateway_is_ready(void **state)
{
	struct v1_pair *p = v1_pair_new(32);

	(void)state;
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(1));
	v1_pair_command(p, CMD_REKEY_CHILD);
	assert_true(v1_pair_until(p, rekeyed, SECONDS(5)));
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_OUT), 1);
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 2);
	v1_pair_run(p, SECONDS(4));
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_OUT), 2);
	v1_pair_run(p, SECONDS(30));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

static bool note_expected(void *arg, struct net *n, enum end from, struct flight *f)
{
	enum { EXCHANGE_AT = 18 };
	uint32_t *spi = arg;

	if (from == CLIENT && f->len > EXCHANGE_AT && f->data[EXCHANGE_AT] == V1_QUICK_MODE &&
		!*spi)
		*spi = n->plane[CLIENT].expected;
	return false;
}

/* There are gateways that send by the new SA before we have their answer. */
static void expected_before_asked(void **state)
{
	struct v1_pair *p = v1_pair_new(33);
	uint32_t spi = 0;

	(void)state;
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(1));
	assert_int_equal(p->net.plane[CLIENT].expected, 0);
	p->net.tap = note_expected;
	p->net.tap_arg = &spi;
	v1_pair_command(p, CMD_REKEY_CHILD);
	assert_true(v1_pair_until(p, rekeyed, SECONDS(5)));
	assert_int_not_equal(spi, 0);
	assert_non_null(plane_find(&p->net.plane[CLIENT], SA_IN, spi));
	assert_int_equal(p->net.plane[CLIENT].expected, 0);
	v1_pair_run(p, SECONDS(30));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* Every datagram comes twice: what ends an exchange is not answered, or both sides would answer each
 * other for ever. */
static void twice_is_not_for_ever(void **state)
{
	struct v1_pair *p = v1_pair_new(31);

	(void)state;
	p->wire.dup = 100;
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(5));
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(10));
	unsigned sent = p->net.sent[CLIENT] + p->net.sent[GATEWAY];
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(p->net.sent[CLIENT] + p->net.sent[GATEWAY], sent);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

static void connects_through_nat(void **state)
{
	struct v1_pair *p = v1_pair_new(2);

	(void)state;
	p->wire.nat = true;
	v1_pair_start(p);
	assert_true(addr_parse(&p->gw->path.remote, "203.0.113.7"));
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_true(p->client->natt && p->client->nat_local);
	v1_pair_done(p);
}

static void wrong_key(void **state)
{
	struct v1_pair *p = v1_pair_new(6);

	(void)state;
	assert_true(passphrase_set(&p->gw_psk, "another key", 11));
	v1_pair_connect(p);
	assert_int_equal(p->client->stage, STAGE_AUTH);
	v1_pair_check_dead(p, ERR_SILENT, 0);
	v1_pair_done(p);
}

/* --- transport mode, as L2TP wants it ---------------------------------------------------------- */

static struct v1_pair *fresh_l2tp(uint32_t seed, uint16_t port)
{
	struct v1_pair *p = v1_pair_new(seed);

	p->cfg.mode = p->gw_cfg.mode = SA_TRANSPORT;
	p->cfg.pfs = p->gw_cfg.pfs = TRI_AUTO;
	p->cfg.ts_proto = 17;
	p->cfg.local_ts_port = port;
	p->cfg.remote_ts_port = 1701;
	return p;
}

static void check_l2tp(struct v1_pair *p, const char *local, bool encap)
{
	const struct child *c = p->client->children.v[0];
	char text[SELECTOR_TEXT_MAX];

	v1_pair_check_up(p, 1);
	assert_int_equal(c->mode, SA_TRANSPORT);
	assert_int_equal(c->encap, encap);
	assert_null(c->suite.ke); /* L2TP gateways know no PFS */
	assert_string_equal(selector_text(text, &c->local_ts.v[0]), local);
	assert_string_equal(selector_text(text, &c->remote_ts.v[0]), "198.51.100.1[udp/1701]");
	for (size_t i = 0; i < p->net.plane[CLIENT].n; i++)
		assert_string_equal(
			selector_text(text, &p->net.plane[CLIENT].sa[i]->local_ts.v[0]), local);
}

static void transport_mode(void **state)
{
	static const struct {
		uint16_t port;
		const char *local;
	} rows[] = { { 1701, "192.0.2.10[udp/1701]" }, { 50001, "192.0.2.10[udp/50001]" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct v1_pair *p = fresh_l2tp(7, rows[i].port);
		v1_pair_connect(p);
		check_l2tp(p, rows[i].local, false);
		assert_int_equal(p->client->granted.n_addrs, 0); /* nor mode configuration */
		v1_pair_gw_rekeys(p);
		v1_pair_run(p, SECONDS(60));
		check_l2tp(p, rows[i].local, false);
		v1_pair_command(p, CMD_REKEY_ALL);
		v1_pair_run(p, SECONDS(60));
		check_l2tp(p, rows[i].local, false);
		assert_int_equal(p->client->rekeys_child, 2);
		v1_pair_done(p);
	}
}

/* The client behind NAT: both addresses of both sides go along, the initiator's first. */
static void transport_mode_behind_nat(void **state)
{
	struct v1_pair *p = fresh_l2tp(8, 50001);

	(void)state;
	p->wire.nat = true;
	v1_pair_start(p);
	p->ob.log_level = LEVEL_INFO;
	assert_true(addr_parse(&p->gw->path.remote, "203.0.113.7"));
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	check_l2tp(p, "192.0.2.10[udp/50001]", true);
	assert_string_equal(p->noted[GATEWAY],
		"the gateway's own address is 192.0.2.10, we see it at 203.0.113.7");
	assert_string_equal(p->noted[CLIENT], "");
	v1_pair_done(p);
}

static bool translate_gateway(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	if (from == GATEWAY)
		memcpy(f->src.ip, ((const struct addr *)arg)->ip, sizeof(f->src.ip));
	return false;
}

/* The gateway behind NAT: its IDs and NAT-OA name an address that we cannot know. */
static void transport_mode_gateway_behind_nat(void **state)
{
	struct v1_pair *p = fresh_l2tp(9, 1701);
	struct addr seen;

	(void)state;
	assert_true(addr_parse(&seen, "198.51.100.1"));
	v1_pair_start(p);
	p->ob.log_level = LEVEL_INFO;
	p->net.tap = translate_gateway;
	p->net.tap_arg = &seen;
	assert_true(addr_parse(&p->gw->path.local, "10.0.0.1"));
	p->gw->path.local.port = 500;
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	check_l2tp(p, "192.0.2.10[udp/1701]", true);
	assert_false(p->client->nat_local);
	assert_true(p->client->nat_remote);
	assert_string_equal(p->noted[CLIENT],
		"the gateway's own address is 10.0.0.1, we see it at 198.51.100.1");
	v1_pair_done(p);
}

static void renewals(void **state)
{
	struct v1_pair *p = v1_pair_new(8);

	(void)state;
	v1_pair_connect(p);
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, SECONDS(40));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 1);
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, SECONDS(40));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_ike, 1);
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, SECONDS(10));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 2);
	v1_pair_gw_renews(p);
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_ike, 2);
	assert_int_equal(
		p->client->rekeys_child, 3); /* the gateway may let it end with its phase 1 */
	v1_pair_command(p, CMD_REKEY_ALL);
	v1_pair_run(p, SECONDS(40));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* --- lifetimes by time and volume ------------------------------------------------------------------ */

static void says_less(const struct v1_pair *p, struct ikew *k)
{
	static const uint8_t less[] = { 0x80, 1, 0, 1, 0x80, 2, 0, 60, 0x80, 1, 0, 2, 0x80, 2, 4,
		0 };

	v1_notify_write(k, p->gw->sa, V1_RESPONDER_LIFETIME, (struct bytes){ less, sizeof(less) });
}

/* RESPONDER-LIFETIME: a minute or a megabyte. The volume is the data plane's to watch. */
static void responder_lifetime(void **state)
{
	struct v1_pair *p = v1_pair_new(20);

	(void)state;
	p->append = says_less;
	p->cfg.pfs = TRI_NO;
	p->cfg.child_lifetime = SECONDS(3600);
	v1_pair_connect(p);
	assert_int_equal(p->client->phase, IKE_UP);
	const struct child *c = p->client->children.v[0];
	assert_in_range(c->expire_at, p->net.now + 59000, p->net.now + 60000);
	assert_true(c->rekey_at < c->expire_at);
	assert_int_equal(p->net.plane[CLIENT].n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(p->net.plane[CLIENT].sa[i]->octets_max, 1 << 20);
	v1_pair_done(p);
}

/* A notify of the gateway about ESP, up to its SPI, which has so many octets; the rest is to be added. */
static void begin_notify(struct ikew *k, uint8_t *buf, size_t cap, uint16_t type, uint8_t spi_len)
{
	ikew_chain(k, buf, cap);
	ikew_payload(k, V1P_N);
	wr_u32(&k->w, DOI_IPSEC);
	wr_u8(&k->w, PROTO_ESP);
	wr_u8(&k->w, spi_len);
	wr_u16(&k->w, type);
}

/* The gateway has lost the child: it is made anew, with PFS as before, whatever else is asked meanwhile. */
static void child_unknown_there(void **state)
{
	struct v1_pair *p = v1_pair_new(24);
	uint8_t buf[64];
	struct ikew k;

	(void)state;
	v1_pair_connect(p);
	uint32_t lost = p->client->children.v[0]->spi_out;
	for (unsigned in_data = 0; in_data < 2; in_data++) {
		begin_notify(&k, buf, sizeof(buf), INVALID_SPI, in_data ? 0 : 4);
		wr_u32(&k.w, p->client->children.v[0]->spi_out);
		if (in_data)
			v1_pair_command(p, CMD_REKEY_CHILD);
		v1_pair_gw_info(p, &k);
		v1_pair_run(p, SECONDS(60));
		assert_int_equal(p->client->rekeys_child, in_data + 1);
		assert_false(p->client->no_pfs);
		v1_pair_check_up(p, 1);
	}
	assert_int_not_equal(p->client->children.v[0]->spi_out, lost);
	v1_pair_done(p);
}

/* The same in a message of its own, after the child was made: the next one comes at once, and keeps to it. */
static void lifetime_afterwards(void **state)
{
	static const uint8_t less[] = { 0x80, 1, 0, 2, 0x80, 2, 4, 0 };
	struct v1_pair *p = v1_pair_new(23);
	uint8_t buf[64];
	struct ikew k;

	(void)state;
	p->cfg.child_lifetime = SECONDS(3600);
	v1_pair_connect(p);
	uint32_t first = p->client->children.v[0]->spi_in;
	for (int i = 0; i < 2; i++) {
		begin_notify(&k, buf, sizeof(buf), V1_RESPONDER_LIFETIME, 4);
		wr_u32(&k.w, p->client->children.v[0]->spi_out);
		wr_bytes(&k.w, less, sizeof(less));
		v1_pair_gw_info(p, &k);
		v1_pair_run(p, SECONDS(30));
		assert_int_equal(p->client->rekeys_child, 1); /* said again it is nothing new */
	}
	v1_pair_check_up(p, 1);
	assert_int_not_equal(p->client->children.v[0]->spi_in, first);
	for (size_t i = 0; i < p->net.plane[CLIENT].n; i++)
		assert_int_equal(p->net.plane[CLIENT].sa[i]->octets_max, 1 << 20);
	v1_pair_done(p);
}

/* The gateway's own quick mode, which replaces the child: its lifetimes come back in our answer. */
static void gateway_rekeys_for(struct v1_pair *p, struct v1_life life)
{
	struct v1 *gw = p->gw;
	struct v1_xchg *x = v1_xchg_new(gw, gw->sa, V1X_QUICK, v1_new_mid(gw, gw->sa));
	struct v1_esp_form f = { .mode = SA_TUNNEL, .life = life };
	const struct child *old = gw->children.v[0];
	struct v1_offer *o = x->offer;
	uint8_t buf[1024];
	struct ikew k;
	struct err e;

	gw->now = p->net.now;
	o->ni_len = V1_NONCE_LEN;
	o->spi_in = child_new_spi(&gw->children, gw->rng);
	o->old_spi_in = old->spi_in;
	o->number = old->number;
	o->proposals = p->gw_esp;
	o->local_ts = old->local_ts.v[0];
	o->remote_ts = old->remote_ts.v[0];
	ikew_chain(&k, buf, sizeof(buf));
	v1_sa_write_phase2(&k, &p->gw_esp, &f, o->spi_in);
	ikew_bytes(&k, V1P_NONCE, (struct bytes){ o->ni, o->ni_len });
	v1_selector_write(&k, &o->local_ts);
	v1_selector_write(&k, &o->remote_ts);
	assert_ok(&e, v1_send(gw, x, V1_QUICK_MODE, (struct bytes){ 0 }, &k, true, &p->ob, &e));
	v1_pair_perform_gw(p);
}

static void lifetimes_of_the_gateway(void **state)
{
	struct v1_pair *p = v1_pair_new(21);

	(void)state;
	p->cfg.pfs = p->gw_cfg.pfs = TRI_NO;
	p->cfg.child_lifetime = SECONDS(3600);
	v1_pair_connect(p);
	gateway_rekeys_for(p, (struct v1_life){ SECONDS(600), 4096 });
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	for (int end = 0; end < ENDS; end++) {
		const struct plane *plane = &p->net.plane[end];
		assert_int_equal(plane->sa[plane->n - 1]->octets_max, 4096);
	}
	/* The data plane says that the volume is nearly used up. */
	uint32_t spi = p->net.plane[CLIENT].sa[p->net.plane[CLIENT].n - 1]->spi;
	v1_os(p->client, p->net.now, &(struct os_input){ .kind = OS_SA_EXPIRING, .spi = spi },
		&p->ob);
	v1_pair_run(p, SECONDS(40));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_child, 2);
	v1_pair_done(p);
}

/* What nothing more leaves by is not waited for: the new SA is sent by at once. */
static void spent_before_its_successor(void **state)
{
	struct v1_pair *p = v1_pair_new(22);
	const struct plane *plane = &p->net.plane[CLIENT];

	(void)state;
	v1_pair_connect(p);
	uint32_t old = plane_sends_by(plane)->spi;
	v1_os(p->client, p->net.now, &(struct os_input){ .kind = OS_SA_EXPIRING, .spi = old },
		&p->ob);
	v1_os(p->client, p->net.now, &(struct os_input){ .kind = OS_SA_EXPIRED, .spi = old },
		&p->ob);
	v1_pair_run(p, SECONDS(1));
	assert_int_equal(p->client->rekeys_child, 1);
	assert_int_not_equal(plane_sends_by(plane)->spi, old);
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* Both sides renew the same child at once. Nothing in IKEv1 says which one stays: both come about, and
 * the same one is in use at both ends when all has settled. */
static void both_rekey(void **state)
{
	(void)state;
	for (uint32_t seed = 30; seed < 60; seed++) {
		struct v1_pair *p = v1_pair_new(seed);
		p->wire.jitter = 60;
		v1_pair_connect(p);
		v1_pair_gw_rekeys(p);
		v1_pair_command(p, CMD_REKEY_CHILD);
		v1_pair_run(p, SECONDS(120));
		v1_pair_check_up(p, 1);
		assert_in_range(p->client->rekeys_child, 1, 2);
		v1_pair_command(p, CMD_REKEY_ALL);
		v1_pair_run(p, SECONDS(120));
		v1_pair_check_up(p, 1);
		v1_pair_done(p);
	}
}

/* The same with phase 1. Whichever of the two is deleted: there is one left, or a third is made. */
static void both_renew(void **state)
{
	(void)state;
	for (uint32_t seed = 60; seed < 90; seed++) {
		struct v1_pair *p = v1_pair_new(seed);
		p->wire.jitter = 60;
		v1_pair_connect(p);
		v1_pair_gw_renews(p);
		v1_pair_command(p, CMD_REKEY_IKE);
		v1_pair_run(p, SECONDS(120));
		assert_int_equal(p->client->phase, IKE_UP);
		assert_int_equal(p->client->children.n, 1);
		assert_non_null(p->client->sa);
		assert_int_equal(p->client->sa->state, V1_UP);
		assert_true(p->client->rekeys_ike >= 1 && p->client->rekeys_ike <= 3);
		v1_pair_done(p);
	}
}

static void dead_peer(void **state)
{
	struct v1_pair *p = v1_pair_new(9);

	(void)state;
	p->cfg.dpd_interval = SECONDS(10);
	v1_pair_connect(p);
	v1_pair_run(p, SECONDS(300)); /* it answers */
	v1_pair_check_up(p, 1);
	p->net.cfg.loss = 100;
	v1_pair_run(p, SECONDS(90));
	v1_pair_check_dead(p, ERR_SILENT, 0);
	v1_pair_done(p);
}

/* The selectors of the quick mode are more than the gateway serves. */
static void refused_selectors(void **state)
{
	struct v1_pair *p = v1_pair_new(10);
	struct prefix served;

	(void)state;
	assert_true(prefix_parse(&served, "10.9.0.0/16"));
	v1_pair_start(p);
	selector_from_prefix(&p->gw->pairs[0].local, &served);
	v1_pair_until(p, v1_pair_decided, SECONDS(60));
	v1_pair_check_dead(p, ERR_PEER, V1_INVALID_ID_INFORMATION);
	v1_pair_done(p);
}

/* T-31: nothing that is not authentic takes the tunnel down. */
static void forgeries(void **state)
{
	struct v1_pair *p = v1_pair_new(11);
	uint8_t message[256];
	size_t len;

	(void)state;
	v1_pair_connect(p);
	struct v1_sa *sa = p->client->sa;
	struct ike_hdr h = { .version = 0x10, .exchange = V1_INFORMATIONAL, .mid = 4711 };
	memcpy(h.spi_i, sa->cky_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->cky_r, IKE_SPI_LEN);
	for (int encrypted = 0; encrypted < 2; encrypted++)
		for (int proto = PROTO_IKE; proto <= PROTO_ESP; proto++) {
			struct ikew k;
			h.flags = encrypted ? V1_FLAG_ENCRYPTED : 0;
			ikew_message(&k, message, sizeof(message), &h);
			ikew_bytes(&k, V1P_HASH, (struct bytes){ message, 20 });
			ikew_payload(&k, V1P_D);
			wr_u32(&k.w, DOI_IPSEC);
			wr_u8(&k.w, (uint8_t)proto);
			wr_u8(&k.w, proto == PROTO_ESP ? 4 : 16);
			wr_u16(&k.w, 1);
			if (proto == PROTO_ESP)
				wr_u32(&k.w, p->client->children.v[0]->spi_out);
			else
				wr_bytes(&k.w, message, 16);
			assert_true(ikew_end(&k, &len));
			v1_pair_inject(p, message, len);
			v1_pair_check_up(p, 1);
		}
	/* every length, and both versions (T-05, T-07) */
	for (len = 0; len < 120; len++) {
		message[17] = len & 1 ? 0x20 : 0x10;
		if (len >= IKE_HDR_LEN)
			message[27] = (uint8_t)len;
		v1_pair_inject(p, message, len);
	}
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

static const struct child *only_child(const struct v1_pair *p)
{
	const struct child *up = NULL;

	for (size_t i = 0; i < p->client->children.n; i++) {
		const struct child *c = p->client->children.v[i];
		if (c->state != CHILD_UP)
			continue;
		assert_null(up);
		up = c;
	}
	assert_non_null(up);
	return up;
}

/* Deletes twice in one message (T-10): phase 1 is made anew, as a child is left, and the child; a gateway
 * that deletes that as well does not want us any more. */
static void deletes(void **state)
{
	struct v1_pair *p = v1_pair_new(12);
	uint8_t buf[256];
	struct ikew k;

	(void)state;
	v1_pair_connect(p);
	ikew_chain(&k, buf, sizeof(buf));
	for (int i = 0; i < 2; i++) {
		ikew_payload(&k, V1P_D);
		wr_u32(&k.w, DOI_IPSEC);
		wr_u8(&k.w, PROTO_IKE);
		wr_u8(&k.w, 16);
		wr_u16(&k.w, 1);
		wr_bytes(&k.w, p->gw->sa->cky_i, 8);
		wr_bytes(&k.w, p->gw->sa->cky_r, 8);
	}
	v1_pair_gw_info(p, &k);
	v1_pair_run(p, SECONDS(40));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->rekeys_ike, 1);
	assert_int_equal(p->client->rekeys_child, 1); /* some gateways forget it with its phase 1 */
	ikew_chain(&k, buf, sizeof(buf));
	for (int i = 0; i < 2; i++)
		v1_pair_delete_child(&k, only_child(p)->spi_out);
	v1_pair_gw_info(p, &k);
	v1_pair_run(p, SECONDS(5));
	assert_int_equal(p->events[EV_WARNING], 1);
	assert_int_equal(p->client->phase, IKE_UP);
	ikew_chain(&k, buf, sizeof(buf));
	v1_pair_delete_child(&k, only_child(p)->spi_out); /* another one */
	v1_pair_gw_info(p, &k);
	v1_pair_run(p, SECONDS(5));
	v1_pair_check_dead(p, ERR_PEER, 0); /* it means it */
	v1_pair_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects),
		cmocka_unit_test(connects_through_nat),
		cmocka_unit_test(twice_is_not_for_ever),
		cmocka_unit_test(expected_before_asked),
		cmocka_unit_test(sends_by_the_old_sa_until_the_gateway_is_ready),
		cmocka_unit_test(wrong_key),
		cmocka_unit_test(transport_mode),
		cmocka_unit_test(transport_mode_behind_nat),
		cmocka_unit_test(transport_mode_gateway_behind_nat),
		cmocka_unit_test(renewals),
		cmocka_unit_test(responder_lifetime),
		cmocka_unit_test(lifetime_afterwards),
		cmocka_unit_test(child_unknown_there),
		cmocka_unit_test(lifetimes_of_the_gateway),
		cmocka_unit_test(spent_before_its_successor),
		cmocka_unit_test(both_rekey),
		cmocka_unit_test(both_renew),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(refused_selectors),
		cmocka_unit_test(forgeries),
		cmocka_unit_test(deletes),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, v1_pair_group_teardown);
}
