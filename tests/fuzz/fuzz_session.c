/*
 * A whole session under any sequence of inputs: datagrams of strangers and near misses, answers,
 * results of the system, commands, time, and the real gateway in between.
 *
 * Input: one octet of configuration, then records: kind (enum kind), an octet of detail, length in two
 * octets, octets.
 */
#include <stdlib.h>

#include "../../src/session/state.h"
#include "pair/pair.h"
#include "pair/people.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WITH_EAP = 1,
	NO_PSK = 2,
	LOSSY = 4,
	NO_RECONNECT = 8,
	BEHIND_NAT = 16,
	ADDITIONAL = 32,
	TICKETS = 64
};
enum kind { RAW, HEADED, TICK, OS, ANSWER, COMMAND, STOP, GATEWAY_ACTS, KINDS };

static void demand(bool good)
{
	if (!good)
		abort();
}

static struct profile *profile_for(uint8_t config)
{
	static const char *const always[][3] = {
		{ "connection", "gateway", "198.51.100.1" },
		{ "remote", "id", "gw.example.org" },
		{ "local", "id", "anna@example.org" },
	};
	struct profile_problem problem;
	struct profile *p = profile_new("fuzz");
	struct err e;

	demand(p != NULL);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		demand(profile_set(p, always[i][0], always[i][1], always[i][2], &e));
	demand(profile_set(p, "ike", "proposals",
		config & ADDITIONAL ? "aes128gcm16-prfsha256-x25519-ke1_ecp256-ke4_ecp384" :
				      "aes128gcm16-prfsha256-x25519",
		&e));
	demand(profile_set(p, "esp", "proposals",
		config & ADDITIONAL ? "aes128gcm16-x25519-noesn-ke2_ecp256" :
				      "aes128gcm16-x25519-noesn",
		&e));
	demand(profile_set(p, "local", "auth", config & WITH_EAP ? "eap" : "psk", &e));
	demand(profile_set(p, "remote", "auth", config & WITH_EAP ? "cert" : "psk", &e));
	demand(profile_set(p, "connection", "reconnect", config & NO_RECONNECT ? "no" : "yes", &e));
	if (!(config & NO_PSK))
		demand(profile_set(p, "secrets", "psk", "a long shared key of both", &e));
	demand(profile_finish(p, &problem, 1) == 0);
	p->trust = people_trust();
	return p;
}

static void datagram(struct pair *p, uint8_t detail, struct bytes octets)
{
	static const uint8_t exchanges[] = { IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL,
		IKE_SESSION_RESUME, IKE_AUTH, IKE_INTERMEDIATE, IKE_FOLLOWUP_KE };
	uint8_t buf[IKE_DATAGRAM_MAX + 8];
	const struct v2 *v = p->client.v2;
	size_t n = octets.n;

	if (n > sizeof(buf) - IKE_HDR_LEN || !v)
		return;
	memcpy(buf + IKE_HDR_LEN, octets.p, n);
	n += IKE_HDR_LEN;
	if (v->sa) { /* the right SPIs and length, the rest as the detail says */
		struct ike_hdr h = { .next = detail,
			.version = 0x20,
			.exchange = exchanges[detail % ARRAY_LEN(exchanges)],
			.flags = detail & 0x28,
			.mid = detail & 0x10 ? v->sa->req.mid : v->sa->mid_in,
			.len = (uint32_t)n };
		struct wr w = wr_init(buf, IKE_HDR_LEN);
		memcpy(h.spi_i, v->sa->spi_i, IKE_SPI_LEN);
		memcpy(h.spi_r, v->sa->spi_r, IKE_SPI_LEN);
		ike_hdr_write(&w, &h);
	}
	net_send(&p->net, CLIENT, &p->path.remote, &p->path.local, buf, n, 1);
	pair_run(p, 2);
}

static void raw(struct pair *p, struct bytes octets)
{
	net_send(&p->net, CLIENT, &p->path.remote, &p->path.local, octets.p, octets.n, 1);
	pair_run(p, 2);
}

static void os(struct pair *p, uint8_t detail, struct bytes octets)
{
	struct rd r = rd_init(octets.p, octets.n);
	struct os_input in = { .kind = (enum os_kind)(detail % (OS_INTERFACE_GONE + 1)),
		.ok = detail & 0x80,
		.spi = rd_u32(&r),
		.n_paths = detail >> 4 & 1,
		.paths = { p->path } };

	if (p->client.v2 && p->client.v2->children.n > 0 && detail & 0x40)
		in.spi = p->client.v2->children.v[0]->spi_in;
	if (detail & 0x20)
		in.paths[0].local.ip[3] ^= rd_u8(&r);
	if (!in.ok)
		err_set(&in.err, ERR_LOCAL, "the fuzzer says no");
	pair_os(p, &in);
}

static void record(struct pair *p, struct rd *r)
{
	static const enum command commands[] = { CMD_REKEY_IKE, CMD_REKEY_CHILD, CMD_REKEY_ALL,
		CMD_RECONNECT };
	uint8_t kind = rd_u8(r), detail = rd_u8(r);
	size_t n = rd_u16(r);
	struct bytes octets = { r->p, n < r->left ? n : r->left };
	struct passphrase text;

	rd_bytes(r, octets.n);
	switch ((enum kind)(kind % KINDS)) {
	case RAW:
		raw(p, octets);
		break;
	case HEADED:
		datagram(p, detail, octets);
		break;
	case TICK:
		pair_run(p, (uint64_t)detail * 100);
		break;
	case OS:
		os(p, detail, octets);
		break;
	case ANSWER:
		if (!passphrase_set(&text, octets.p, octets.n))
			return;
		pair_answer(p, detail & 0x80 ? ASK_OWN + (detail & 1) : detail,
			detail & 0x40 ? NULL : &text);
		break;
	case COMMAND:
		pair_try_command(p, commands[detail % ARRAY_LEN(commands)]);
		break;
	case STOP:
		pair_stop(p);
		break;
	case GATEWAY_ACTS:
		if (p->gw.phase == GW_UP)
			pair_gw(p, detail & 63);
		break;
	case KINDS:
		break;
	}
}

static void check(const struct pair *p)
{
	const struct session *s = p->client.session;

	demand(s->last_error.kind != ERR_BUG && s->last_error.kind != ERR_DROP);
	demand(p->net.plane[CLIENT].errors == 0);
	demand((s->phase == PHASE_DOWN) == (p->downs == 1) && p->downs <= 1);
	if (s->phase == PHASE_DOWN)
		demand(p->net.plane[CLIENT].n == 0 && p->netconf.n_addrs == 0 && !s->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct rd r = rd_init(data, size);
	uint8_t config = rd_u8(&r);
	struct pair p;
	struct err e;

	if (!ready)
		demand(crypto_init(&e));
	ready = true;
	struct profile *profile = profile_for(config);
	pair_init(&p, 1);
	p.profile = profile;
	p.wire.nat = config & BEHIND_NAT;
	if (config & ADDITIONAL)
		pair_additional(&p);
	if (config & LOSSY)
		p.wire = (struct net_config){
			.seed = 3, .loss = 20, .dup = 20, .delay = 10, .jitter = 50
		};
	p.gwc.client = config & WITH_EAP ? IKE_AUTH_BY_EAP : IKE_AUTH_BY_PSK;
	p.gwc.eap = EAP_MD5;
	p.gwc.tickets = config & TICKETS ? GW_TICKETS : GW_TICKETS_UNKNOWN;
	p.gwc.by_cert = config & WITH_EAP;
	p.gwc.own = person(GW_ED25519);
	pair_start(&p);
	for (unsigned i = 0; r.left > 0 && i < 64; i++) {
		record(&p, &r);
		check(&p);
	}
	pair_run(&p, SECONDS(30));
	check(&p);
	pair_stop(&p);
	pair_stop(&p);
	check(&p);
	demand(p.client.session->phase == PHASE_DOWN);
	pair_free(&p);
	profile->trust = NULL; /* everybody's */
	profile_free(profile);
	return 0;
}
