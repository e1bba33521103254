#include <stdlib.h>

#include "people.h"
#include "v1_pair.h"

/* What becomes of the tunnel when its phase 1 is deleted, replaced or refused. */

static void delete_phase1(struct v1_pair *p, struct v1_sa *by)
{
	p->gw->now = p->net.now;
	v1_delete_sa(p->gw, by, &p->ob);
	v1_pair_perform_gw(p);
}

static struct v1_pair *long_lived(uint32_t seed)
{
	struct v1_pair *p = v1_pair_new(seed);

	p->cfg.dpd_interval = SECONDS(10);
	p->cfg.child_lifetime = SECONDS(3600);
	p->cfg.ike_lifetime = SECONDS(3600 * 8);
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	return p;
}

/* It is deleted, and the gateway is gone: nothing is left that could ask whether it lives. */
static void deleted_and_silent(void **state)
{
	struct v1_pair *p = long_lived(101);

	(void)state;
	delete_phase1(p, p->gw->sa);
	v1_pair_run(p, 21);
	net_lose_all(&p->net);
	p->net.cfg.loss = 100;
	v1_pair_run(p, SECONDS(300));
	v1_pair_check_dead(p, ERR_SILENT, 0);
	v1_pair_done(p);
}

/* It is deleted, and the gateway does not take us any more. */
static void deleted_and_refused(void **state)
{
	struct v1_pair *p = long_lived(111);

	(void)state;
	delete_phase1(p, p->gw->sa);
	assert_true(passphrase_set(&p->gw_psk, "another key", 11));
	v1_pair_run(p, SECONDS(300));
	v1_pair_check_dead(p, ERR_SILENT, 0);
	v1_pair_done(p);
}

/* The gateway deletes the new phase 1 before it is done: beside an old one there is another try. */
static void renewal_deleted(void **state)
{
	(void)state;
	for (int old_is_gone = 0; old_is_gone < 2; old_is_gone++) {
		struct v1_pair *p = v1_pair_new(112);
		p->login = true;
		v1_pair_connect(p);
		struct v1_sa *old = p->gw->sa;
		p->cfg.xauth = false; /* as in v1_pair_start */
		if (old_is_gone)
			delete_phase1(p, old);
		else
			v1_pair_command(p, CMD_REKEY_IKE);
		v1_pair_run(p, 30);
		p->cfg.xauth = true;
		v1_pair_run(p, 300);
		assert_ptr_not_equal(p->gw->sa, old);
		assert_int_equal(p->client->rekeys_ike, 0); /* it waits for the login */
		p->cfg.xauth = false;
		delete_phase1(p, p->gw->sa);
		v1_pair_run(p, SECONDS(60));
		if (old_is_gone) {
			v1_pair_check_dead(p, ERR_PEER, 0);
		} else {
			v1_pair_check_up(p, 1);
			assert_int_equal(p->client->rekeys_ike, 1);
		}
		v1_pair_done(p);
	}
}

static bool drop_last(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	return *(bool *)arg && from == GATEWAY && !f->esp && f->len > IKE_HDR_LEN &&
		f->data[18] == V1_MAIN_MODE && f->data[19] & V1_FLAG_ENCRYPTED;
}

/* The gateway has the new phase 1, which we do not know for its last message is lost, and deletes all that it has:
 * our own last message has no answer any more, but a new beginning has. Once: who never gets that far is refused. */
static void renewal_forgotten(void **state)
{
	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		struct v1_pair *p = long_lived(115);
		struct v1_sa *old = p->gw->sa;
		bool drop = true;
		p->net.tap = drop_last;
		p->net.tap_arg = &drop;
		v1_pair_command(p, CMD_REKEY_IKE);
		v1_pair_run(p, 300);
		assert_ptr_not_equal(p->gw->sa, old);
		delete_phase1(p, old);
		v1_sa_drop(p->gw, old);
		v1_sa_drop(p->gw, p->gw->sa);
		drop = refused;
		v1_pair_run(p, SECONDS(300));
		if (refused) {
			v1_pair_check_dead(p, ERR_SILENT, 0);
		} else {
			v1_pair_check_up(p, 1);
			assert_int_equal(p->client->rekeys_ike, 1);
		}
		v1_pair_done(p);
	}
}

static void by_certificate(struct ike_config *c, enum person who, const char *other)
{
	const struct credential *own = person(who);

	c->local_auth = IKE_AUTH_BY_CERT;
	c->remote_psk = false;
	c->certs = &own->certs;
	c->key = own->key;
	c->trust = people_trust();
	assert_true(id_parse(&c->remote_id, other, NULL));
}

/* With signatures the keys of a new phase 1 are those of whoever answers it: before he has proved who he is he ends
 * nothing that stands, nor does what he says keep a gateway alive that is gone. */
static void not_proved_yet(void **state)
{
	static const uint8_t sequence[] = { 0, 0, 0, 7 };
	struct v1_pair *p = v1_pair_new(117);
	bool drop = true;
	uint8_t buf[256];
	struct ikew k;

	(void)state;
	by_certificate(&p->cfg, USER_ECDSA, "gw.example.org");
	by_certificate(&p->gw_cfg, GW_ECDSA, "anna@example.org");
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	const struct v1_sa *old = p->gw->sa;
	p->net.tap = drop_last;
	p->net.tap_arg = &drop;
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, 300);
	assert_ptr_not_equal(p->gw->sa, old);
	/* Who has not answered our proof yet makes IVs from that. */
	struct v1_sa *theirs = p->gw->sa, answered = *theirs;
	for (size_t i = 0; i < V1_SAS_MAX; i++)
		if (p->client->sas[i] && p->client->sas[i]->state == V1_ID_SENT)
			memcpy(theirs->last_block, p->client->sas[i]->last_block, V1_BLOCK_MAX);
	uint64_t heard_at = p->client->heard_at;
	ikew_chain(&k, buf, sizeof(buf));
	v1_pair_delete_child(&k, p->gw->children.v[0]->spi_in);
	ikew_payload(&k, V1P_D);
	wr_u32(&k.w, DOI_IPSEC);
	wr_u8(&k.w, PROTO_IKE);
	wr_u8(&k.w, 2 * IKE_SPI_LEN);
	wr_u16(&k.w, 1);
	wr_bytes(&k.w, old->cky_i, IKE_SPI_LEN);
	wr_bytes(&k.w, old->cky_r, IKE_SPI_LEN);
	v1_notify_write(&k, p->gw->sa, V1_R_U_THERE, (struct bytes){ sequence, sizeof(sequence) });
	v1_pair_gw_info(p, &k);
	memcpy(theirs->last_block, answered.last_block, V1_BLOCK_MAX);
	v1_pair_run(p, 100);
	assert_int_equal(p->client->heard_at, heard_at);
	assert_int_equal(p->client->children.n, 1);
	assert_int_equal(p->client->children.v[0]->state, CHILD_UP);
	assert_memory_equal(p->client->sa->cky_i, old->cky_i, IKE_SPI_LEN);
	assert_int_equal(p->client->sa->gone_at, TIME_NEVER);
	drop = false;
	v1_pair_run(p, SECONDS(60));
	assert_int_equal(p->client->rekeys_ike, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* There are gateways that name UDP and port 500 with what they are called. */
static void identity_with_port(void **state)
{
	struct v1_pair *p = v1_pair_new(118);

	(void)state;
	memcpy(p->gw_cfg.local_id.reserved, "\x11\x01\xf4", 3);
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* In the place of the gateway: the first message of main mode is answered by NO-PROPOSAL-CHOSEN. */
static bool no_proposal(void *arg, struct net *n, enum end from, struct flight *f)
{
	static const uint8_t behind[] = { V1P_N, 0x10, V1_INFORMATIONAL, 0, 0, 0, 0, 1, 0, 0, 0,
		IKE_HDR_LEN + 12, 0, 0, 0, 12, 0, 0, 0, 1, PROTO_IKE, 0, 0, NO_PROPOSAL_CHOSEN };
	uint8_t m[16 + sizeof(behind)] = { 0 };

	(void)arg;
	if (f->esp || from != CLIENT || f->len <= IKE_HDR_LEN || f->data[18] != V1_MAIN_MODE)
		return false;
	memcpy(m, f->data, 8);
	memcpy(m + 16, behind, sizeof(behind));
	net_send(n, CLIENT, &f->dst, &f->src, m, sizeof(m), 1);
	return true;
}

/* Whoever asked for it hears the gateway's word, and it is asked again later. */
static void renewal_refused(void **state)
{
	struct v1_pair *p = long_lived(132);

	(void)state;
	p->net.tap = no_proposal;
	v1_pair_command(p, CMD_REKEY_IKE);
	v1_pair_run(p, V1_HINT_WAIT_MS + SECONDS(1));
	assert_int_equal(p->events[EV_NOT_REKEYED], 1);
	assert_string_equal(
		p->heard, "renewing phase 1 failed: the gateway answers NO-PROPOSAL-CHOSEN (14)");
	assert_int_equal(p->client->rekeys_ike, 0);
	p->net.tap = NULL;
	v1_pair_run(p, SECONDS(90));
	assert_int_equal(p->client->rekeys_ike, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* It is asked again and again, until the keys must not be used any longer. */
static void renewal_refused_to_the_end(void **state)
{
	struct v1_pair *p = v1_pair_new(133);

	(void)state;
	p->cfg.dpd_interval = SECONDS(10);
	p->cfg.ike_lifetime = SECONDS(1800);
	v1_pair_connect(p);
	p->net.tap = no_proposal;
	v1_pair_run(p, SECONDS(1795));
	assert_true(p->events[EV_NOT_REKEYED] >= 1);
	v1_pair_check_up(p, 1);
	v1_pair_run(p, SECONDS(15));
	v1_pair_check_dead(p, ERR_SILENT, 0);
	assert_non_null(strstr(p->client->failure.text, "reached the end of its life"));
	v1_pair_done(p);
}

static size_t phase1s(const struct v1_pair *p)
{
	size_t n = 0;

	for (size_t i = 0; i < V1_SAS_MAX; i++)
		n += p->client->sas[i] != NULL;
	return n;
}

/* More renewals at once than there are places for what they replace. */
static void renewed_often(void **state)
{
	struct v1_pair *p = long_lived(103);

	(void)state;
	for (uint32_t i = 1; i <= 2 * V1_SAS_MAX; i++) {
		v1_pair_command(p, CMD_REKEY_IKE);
		v1_pair_run(p, SECONDS(1));
		v1_pair_check_up(p, 1);
		assert_int_equal(p->client->rekeys_ike, i);
	}
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_int_equal(phase1s(p), 1);
	v1_pair_done(p);
}

static bool keys_are_agreed_on(const struct v1_pair *p)
{
	return v1_idle(p->client) == WAIT_KEYS;
}

/* While the gateway chooses, a key pair of the group that it was offered first is made. It may choose
 * another. */
static void pair_made_while_waiting(void **state)
{
	static const char *const chosen[] = { "aes256-sha1-ecp256", "aes256-sha1-modp2048" };
	uint8_t public[KE_PUBLIC_MAX];
	struct err e;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(chosen); i++) {
		struct v1_pair *p = v1_pair_new(171 + i);
		assert_ok(&e,
			prop_parse(&p->ike, PROTO_IKE, TIER_LEGACY,
				"aes256-sha1-ecp256,aes256-sha1-modp2048", &e));
		assert_ok(&e, prop_parse(&p->gw_ike, PROTO_IKE, TIER_LEGACY, chosen[i], &e));
		v1_pair_start(p);
		const struct v1_phase1 *p1 = p->client->sas[0]->p1;
		assert_null(p1->ke);
		for (unsigned again = 0; again < 2; again++)
			assert_int_equal(v1_idle(p->client), WAIT_CHOICE);
		assert_int_equal(ke_group(p1->ke)->id, KE_ECP256);
		struct bytes made = ke_public(p1->ke);
		memcpy(public, made.p, made.n);
		assert_true(v1_pair_until(p, keys_are_agreed_on, SECONDS(10)));
		bool same = ke_public(p1->ke).n == made.n &&
			memcmp(ke_public(p1->ke).p, public, made.n) == 0;
		assert_int_equal(same, i == 0);
		assert_true(v1_pair_until(p, v1_pair_decided, SECONDS(600)));
		v1_pair_check_up(p, 1);
		assert_int_equal(v1_idle(p->client), WAIT_PROOF);
		v1_pair_done(p);
	}
}

/* What anybody can send in the gateway's name. */
static void first_message(struct v1_pair *p, uint8_t cookie)
{
	struct ike_hdr h = { .version = 0x10, .exchange = V1_MAIN_MODE };
	uint8_t message[1024];
	struct ikew k;
	size_t len;

	memset(h.spi_i, cookie, sizeof(h.spi_i));
	ikew_message(&k, message, sizeof(message), &h);
	v1_sa_write_phase1(&k, &p->ike, NULL, V1_PSK, SECONDS(3600));
	assert_true(ikew_end(&k, &len));
	v1_pair_inject(p, message, len);
}

/* They do not keep the gateway from renewing phase 1, nor us. */
static void first_messages_of_others(void **state)
{
	struct v1_pair *p = v1_pair_new(123);

	(void)state;
	v1_pair_connect(p);
	for (uint8_t i = 1; i <= 12; i++) {
		first_message(p, i);
		assert_in_range(phase1s(p), 2, 2 + V1_HALF_OPEN_MAX);
		if (i == 6)
			v1_pair_gw_renews(p);
		v1_pair_run(p, i < 6 ? SECONDS(1) : 40);
	}
	v1_pair_run(p, SECONDS(1));
	assert_int_equal(p->client->rekeys_ike, 1);
	v1_pair_check_up(p, 1);
	for (uint8_t i = 1; i <= V1_SAS_MAX; i++) {
		first_message(p, (uint8_t)(100 + i));
		v1_pair_command(p, CMD_REKEY_IKE);
		v1_pair_run(p, SECONDS(1));
	}
	assert_int_equal(p->client->rekeys_ike, 1 + V1_SAS_MAX);
	v1_pair_run(p, SECONDS(60));
	v1_pair_check_up(p, 1);
	assert_int_equal(phase1s(p), 1);
	v1_pair_done(p);
}

static bool drop_quick(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	return *(bool *)arg && from == GATEWAY && !f->esp && f->len > IKE_HDR_LEN &&
		f->data[18] == V1_QUICK_MODE;
}

static bool renewed(const struct v1_pair *p)
{
	return p->client->rekeys_ike > 0;
}

/* Our rekey of the child is under way by a phase 1 that we renewed, and the gateway deletes that at once. */
static void rekey_lost(void **state)
{
	struct v1_pair *p = long_lived(108);
	struct v1_sa *old = p->gw->sa;
	bool drop = true;

	(void)state;
	p->net.tap = drop_quick;
	p->net.tap_arg = &drop;
	p->client->children.v[0]->rekey_at = p->net.now;
	v1_pair_command(p, CMD_REKEY_IKE);
	assert_true(v1_pair_until(p, renewed, SECONDS(10)));
	v1_pair_run(p, 100);
	assert_int_not_equal(p->net.plane[CLIENT].expected, 0);
	delete_phase1(p, old);
	v1_pair_run(p, 200);
	drop = false;
	v1_pair_run(p, SECONDS(60));
	assert_int_equal(p->client->rekeys_child, 1);
	assert_int_equal(p->net.plane[CLIENT].expected, 0);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

static bool drop_ours(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	return *(bool *)arg && from == CLIENT && !f->esp && f->len > IKE_HDR_LEN &&
		f->data[18] == V1_QUICK_MODE;
}

/* The same with one of the gateway's that has not our answer: nothing of it stays. */
static void rekey_of_the_gateway_lost(void **state)
{
	struct v1_pair *p = long_lived(113);
	struct v1_sa *old = p->gw->sa;
	bool drop = true;

	(void)state;
	p->net.tap = drop_ours;
	p->net.tap_arg = &drop;
	v1_pair_gw_rekeys(p);
	v1_pair_run(p, 100);
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 2);
	v1_pair_command(p, CMD_REKEY_IKE);
	assert_true(v1_pair_until(p, renewed, SECONDS(10)));
	delete_phase1(p, old);
	v1_pair_run(p, 200);
	assert_int_equal(plane_count(&p->net.plane[CLIENT], SA_IN), 1);
	drop = false;
	v1_pair_run(p, SECONDS(60));
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* The second message for a second, the third for as long as the phase 1 before stays. */
static bool drop_third(void *arg, struct net *n, enum end from, struct flight *f)
{
	uint64_t since = *(uint64_t *)arg;

	if (f->esp || f->len <= IKE_HDR_LEN || f->data[18] != V1_QUICK_MODE)
		return false;
	return from == GATEWAY ? n->now < since + SECONDS(1) :
				 f->len < 100 && n->now < since + V1_OVERLAP_MS + SECONDS(1);
}

/* The last message of our rekey is lost again and again, and phase 1 is renewed meanwhile: the old one stays for as
 * long as the gateway asks by it, or it would not have what we send by. */
static void third_lost(void **state)
{
	struct v1_pair *p = long_lived(116);
	uint64_t since = p->net.now + 200;

	(void)state;
	v1_pair_run(p, 200);
	p->net.tap = drop_third;
	p->net.tap_arg = &since;
	v1_pair_command(p, CMD_REKEY_ALL);
	v1_pair_run(p, SECONDS(60));
	assert_int_equal(p->client->rekeys_ike, 1);
	assert_int_equal(p->client->rekeys_child, 1);
	v1_pair_check_up(p, 1);
	assert_int_equal(phase1s(p), 1);
	v1_pair_done(p);
}

/* A phase 1 that is to be renewed before there is a tunnel waits for that, and not by looking all the time. */
static void due_before_it_is_up(void **state)
{
	struct v1_pair *p = v1_pair_new(119);
	bool drop = true;

	(void)state;
	p->cfg.ike_lifetime = SECONDS(50);
	v1_pair_start(p);
	p->net.tap = drop_ours;
	p->net.tap_arg = &drop;
	v1_pair_run(p, SECONDS(45));
	assert_int_equal(p->client->phase, IKE_CONNECTING);
	drop = false;
	v1_pair_run(p, SECONDS(20));
	assert_int_equal(p->client->rekeys_ike, 1);
	v1_pair_check_up(p, 1);
	v1_pair_done(p);
}

/* What the data plane was told to expect is taken back where the connection ends meanwhile. */
static void stopped_while_rekeying(void **state)
{
	struct v1_pair *p = long_lived(114);
	bool drop = true;

	(void)state;
	p->net.tap = drop_quick;
	p->net.tap_arg = &drop;
	v1_pair_command(p, CMD_REKEY_CHILD);
	v1_pair_run(p, 100);
	assert_int_not_equal(p->net.plane[CLIENT].expected, 0);
	v1_stop(p->client, p->net.now, &p->ob);
	v1_pair_run(p, 100);
	assert_int_equal(p->net.plane[CLIENT].expected, 0);
	v1_pair_check_dead(p, ERR_NONE, 0);
	v1_pair_done(p);
}

/* What a phase 1 that is made now says of the address that it comes from. */
static bool says_where_from(const struct v1_pair *p)
{
	const struct v1_sa *sa = p->client->sa;
	struct addr local = v1_local(p->client);
	uint8_t room[256], hash[DIGEST_MAX];
	struct ikew k;
	size_t len;

	ikew_chain(&k, room, sizeof(room));
	v1_nat_d_write(p->client, sa, &k);
	v1_nat_hash(sa, &local, hash, &len);
	return memcmp(room + k.w.len - len, hash, len) == 0; /* it comes last */
}

static void port_500_is_shut(void **state)
{
	struct v1_pair *p = v1_pair_new(113);
	unsigned passed = 0;

	(void)state;
	p->cfg.force_encap = false;
	v1_pair_start(p);
	net_lose_all(&p->net);
	p->net.tap = net_shuts_500;
	p->net.tap_arg = &passed;
	v1_pair_run(p, SECONDS(3));
	v1_pair_check_up(p, 1);
	assert_int_equal(p->client->path.remote.port, 4500);
	assert_true(p->net.plane[CLIENT].sa[0]->encap);
	/* The gateway that sees no NAT after a renewal would refuse the next child in UDP. */
	for (unsigned i = 0; i < 2; i++) {
		if (i == 0)
			v1_pair_command(p, CMD_REKEY_IKE);
		else
			v1_pair_gw_renews(p);
		v1_pair_run(p, SECONDS(3));
		assert_int_equal(p->client->rekeys_ike, i + 1);
		assert_false(p->client->sa->first);
		assert_false(says_where_from(p));
	}
	v1_pair_done(p);
}

/* Anybody's word from the other port: it is no answer once the first message has been answered. */
static void other_port_too_late(void **state)
{
	struct v1_pair *p = v1_pair_new(114);
	uint8_t message[IKE_HDR_LEN] = { 0 };

	(void)state;
	p->cfg.force_encap = false;
	v1_pair_connect(p);
	v1_pair_check_up(p, 1);
	assert_false(p->client->natt);
	memcpy(message, p->client->sa->cky_i, IKE_SPI_LEN);
	memcpy(message + IKE_SPI_LEN, p->client->sa->cky_r, IKE_SPI_LEN);
	message[17] = 0x10;
	message[18] = V1_MAIN_MODE;
	message[27] = sizeof(message);
	struct datagram d = { .on = PORT_NATT,
		.local = p->client->path.local,
		.remote = p->client->path.remote,
		.data = message,
		.len = sizeof(message) };
	d.remote.port = 4500;
	v1_datagram(p->client, p->net.now, &d, &p->ob);
	assert_false(p->client->natt);
	assert_int_equal(p->client->path.remote.port, 500);
	v1_pair_done(p);
}

static int group_teardown(void **state)
{
	people_free();
	return v1_pair_group_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_500_is_shut),
		cmocka_unit_test(other_port_too_late),
		cmocka_unit_test(deleted_and_silent),
		cmocka_unit_test(deleted_and_refused),
		cmocka_unit_test(renewal_deleted),
		cmocka_unit_test(renewal_forgotten),
		cmocka_unit_test(not_proved_yet),
		cmocka_unit_test(identity_with_port),
		cmocka_unit_test(renewal_refused),
		cmocka_unit_test(renewal_refused_to_the_end),
		cmocka_unit_test(renewed_often),
		cmocka_unit_test(pair_made_while_waiting),
		cmocka_unit_test(first_messages_of_others),
		cmocka_unit_test(rekey_lost),
		cmocka_unit_test(rekey_of_the_gateway_lost),
		cmocka_unit_test(third_lost),
		cmocka_unit_test(due_before_it_is_up),
		cmocka_unit_test(stopped_while_rekeying),
	};

	return cmocka_run_group_tests(tests, v1_pair_group_setup, group_teardown);
}
