/*
 * Everything that reads a message in the clear: header, payload chain, and each payload by its codec.
 *
 * Input: an IKE message. Its length field is made to fit, so that the fuzzer need not guess it, unless
 * the first octet of the initiator's SPI is 0xff.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/ike/v2_sa.h"
#include "base/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct proposals ike, esp, more;

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text, size_t size)
{
	demand(memchr(text, 0, size) != NULL);
	for (; *text; text++)
		demand((uint8_t)*text >= 0x20 && *text != 0x7f);
}

static void read_sa(struct bytes body)
{
	struct bytes spi;
	struct suite s;
	uint8_t number;

	if (v2_sa_read_choice(body, &ike, PROTO_IKE, &spi, &s, NULL))
		demand(s.encr && s.prf && s.ke && (s.encr->aead || s.integ));
	if (v2_sa_read_choice(body, &esp, PROTO_ESP, &spi, &s, NULL))
		demand(s.encr && (s.encr->aead || s.integ));
	if (v2_sa_choose(body, &ike, PROTO_IKE, &spi, &number, &s, NULL))
		demand(spi.n == IKE_SPI_LEN && s.encr && s.prf);
	if (v2_sa_choose(body, &esp, PROTO_ESP, &spi, &number, &s, NULL))
		demand(spi.n == 4 && s.encr);
}

static void read_ts(struct bytes body)
{
	struct selectors *ts = malloc(sizeof(*ts));
	char text[SELECTOR_TEXT_MAX];

	demand(ts != NULL);
	if (v2_ts_read(body, ts, NULL))
		for (size_t i = 0; i < ts->n; i++) {
			demand(selector_valid(&ts->v[i]));
			check_text(selector_text(text, &ts->v[i]), sizeof(text));
		}
	free(ts);
}

static void read_cp(struct bytes body)
{
	struct granted *g = malloc(sizeof(*g));

	demand(g != NULL);
	if (v2_cp_read(body, g, NULL)) {
		demand(g->n_addrs <= NETCONF_ADDRS && g->n_dns <= NETCONF_DNS &&
			g->n_domains <= NETCONF_DOMAINS && g->n_subnets <= GRANTED_SUBNETS);
		check_text(g->version, sizeof(g->version));
		for (size_t i = 0; i < g->n_domains; i++)
			demand(memchr(g->domains[i], 0, sizeof(g->domains[i])) != NULL);
		for (size_t i = 0; i < g->n_addrs; i++)
			demand(g->addrs[i].len <= 8 * addr_len(g->addrs[i].family));
	}
	free(g);
}

static void read_id(struct bytes body)
{
	struct identity id;
	char text[ID_TEXT_MAX];

	if (!id_read(&id, body, NULL))
		return;
	demand(id.len > 0 && id.len <= sizeof(id.data));
	check_text(id_text(text, &id), sizeof(text));
	demand(id_same(&id, &id));
}

static void read_payload(const struct payload *p)
{
	char text[NOTIFY_TEXT_MAX];
	struct bytes value;
	struct notify n;
	uint16_t group;

	read_sa(p->body);
	read_ts(p->body);
	read_cp(p->body);
	read_id(p->body);
	if (v2_ke_read(p->body, &group, &value))
		demand(value.n > 0);
	if (notify_read(&n, p->body))
		check_text(notify_text(text, n.type), sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *own = malloc(size ? size : 1), inner, unknown;
	struct payloads p;
	struct ike_hdr h;
	struct err e;

	demand(own != NULL);
	if (!ike.n) {
		demand(crypto_init(&e));
		prop_default(&ike, PROTO_IKE, TIER_LEGACY);
		demand(prop_parse(&more, PROTO_IKE, TIER_DEFAULT,
			"aes128gcm16-prfsha256-x25519-ecp256-ke1_ecp384-ke1_none-ke2_ecp256-ke7_ecp384",
			NULL));
		ike.v[ike.n++] = more.v[0];
		prop_default(&esp, PROTO_ESP, TIER_LEGACY);
	}
	if (size)
		memcpy(own, data, size);
	if (size >= IKE_HDR_LEN && own[0] != 0xff) {
		struct wr w = wr_init(own + 24, 4);
		wr_u32(&w, (uint32_t)size);
	}
	if (ike_hdr_read(&h, (struct bytes){ own, size }, NULL) &&
		payloads_read(&p, h.next, (struct bytes){ own + IKE_HDR_LEN, size - IKE_HDR_LEN },
			&inner, &unknown, NULL)) {
		demand(p.n <= PAYLOADS_MAX);
		for (size_t i = 0; i < p.n; i++) {
			const uint8_t *at = p.v[i].body.p;
			demand(at >= own && at + p.v[i].body.n <= own + size);
			read_payload(&p.v[i]);
		}
	}
	free(own);
	return 0;
}
