/*
 * The seeds of the fuzz targets of IKE, in tests/fuzz/seeds: recorded from handshakes of the pair.
 *
 * With PAIR_SEEDS=tests/fuzz/seeds in the environment they are written anew; without, they are read,
 * and each must still be what its target takes: a message that parses, records that add up.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"

/* --- writing --------------------------------------------------------------------------------------- */

struct recorder {
	const char *dir;
	uint8_t sk[65536]; /* the sk seed being written */
	size_t sk_len;
	bool recording;
	unsigned count;
	const char *name;
};

static void write_seed(
	const struct recorder *r, const char *target, const char *name, const void *p, size_t n)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", r->dir, target, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		fail_msg("cannot write %s", path);
}

/* As a message in the clear, for the parser. */
static void write_message(
	struct recorder *r, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	struct ike_hdr h = { .spi_i = "initiat",
		.spi_r = "respond",
		.next = first,
		.version = 0x20,
		.exchange = exchange,
		.flags = response ? FLAG_RESPONSE : FLAG_INITIATOR,
		.len = (uint32_t)(IKE_HDR_LEN + chain.n) };
	uint8_t buf[16384];
	struct wr w = wr_init(buf, sizeof(buf));
	char name[64];

	ike_hdr_write(&w, &h);
	wr_bytes(&w, chain.p, chain.n);
	snprintf(name, sizeof(name), "%s-%02u", r->name, r->count++);
	write_seed(r, "ike", name, buf, w.len);
}

static void record(struct recorder *r, uint8_t kind, uint8_t first, struct bytes chain)
{
	struct wr w = wr_init(r->sk + r->sk_len, sizeof(r->sk) - r->sk_len);

	wr_u8(&w, kind);
	wr_u8(&w, first);
	wr_u16(&w, (uint16_t)chain.n);
	wr_bytes(&w, chain.p, chain.n);
	r->sk_len += w.len;
}

static void hear(
	void *arg, bool sent, uint8_t exchange, bool response, uint8_t first, struct bytes chain)
{
	enum { ANSWER, CREATE, INFO, PROVED = 0x80 };
	struct recorder *r = arg;
	struct rd c = rd_init(chain.p, chain.n);

	if (chain.n > 0 && r->recording)
		write_message(r, exchange, response, first, chain);
	if (!sent || !r->recording)
		return;
	if (response && first == PAYLOAD_IDr) { /* the target makes IDr and AUTH itself */
		for (int i = 0; i < 2; i++) {
			first = rd_u8(&c);
			rd_u8(&c);
			rd_bytes(&c, rd_u16(&c) - 4u);
		}
		record(r, PROVED | ANSWER, first, (struct bytes){ c.p, c.left });
	} else {
		record(r,
			response                            ? ANSWER :
				exchange == CREATE_CHILD_SA ? CREATE :
							      INFO,
			first, chain);
	}
}

static void start(struct pair *p, struct recorder *r, uint8_t at, const char *name, bool eap)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_MD5, EAP_GTC };

	pair_init(p, 1);
	if (eap) {
		p->cfg.local_auth = p->gwc.client = IKE_AUTH_BY_EAP;
		p->cfg.eap =
			(struct eap_config){ .user = "anna", .methods = methods, .n_methods = 3 };
		p->gwc.eap = EAP_GTC;
	}
	r->sk[0] = at;
	r->sk_len = 1;
	r->count = 0;
	r->name = name;
	r->recording = at < 2;
	pair_start(p);
	p->gw.hear = hear;
	p->gw.hear_arg = r;
	pair_run(p, 300);
	r->recording = true;
}

static void finish(struct pair *p, struct recorder *r)
{
	pair_run(p, 1000);
	write_seed(r, "sk", r->name, r->sk, r->sk_len);
	pair_free(p);
}

static bool init_messages(void *arg, struct net *n, enum end from, struct flight *f)
{
	(void)n;
	if (f->data[18] == IKE_SA_INIT)
		write_seed(arg, "ike", from == CLIENT ? "init-request" : "init-answer", f->data,
			f->len);
	return false;
}

static void write_sk(struct recorder *r)
{
	static const struct {
		const char *name;
		uint8_t at;
		unsigned want;
		int command;
	} rows[] = {
		{ "gateway-rekeys-child", 2, GW_REKEY_CHILD, -1 },
		{ "gateway-rekeys-ike", 2, GW_REKEY_IKE, -1 },
		{ "gateway-new-child", 2, GW_NEW_CHILD, -1 },
		{ "gateway-deletes", 2, GW_DELETE_IKE, -1 },
		{ "client-rekeys-child", 3, 0, CMD_REKEY_CHILD },
		{ "client-rekeys-ike", 4, 0, CMD_REKEY_IKE },
	};
	struct pair p;

	start(&p, r, 0, "auth-psk", false);
	finish(&p, r);
	start(&p, r, 1, "auth-eap", true);
	finish(&p, r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		start(&p, r, rows[i].at, rows[i].name, false);
		if (rows[i].want)
			pair_gw(&p, rows[i].want);
		else
			pair_command(&p, (enum command)rows[i].command);
		finish(&p, r);
	}
}

static void write_init(struct recorder *r)
{
	struct pair p;

	pair_init(&p, 1);
	p.wire.delay = 600; /* so slow that the request comes again, for the tap came after it */
	pair_start(&p);
	pair_tap(&p, init_messages, r);
	pair_run(&p, 2000);
	pair_free(&p);
}

/* Records of fuzz_sk, fuzz_frag and fuzz_session, as they are typed here in hexadecimal. */
static const struct {
	const char *target, *name, *hex;
} typed[] = {
	{ "sk", "request-of-an-error", "02 0129 0008 00000008 0000000e" },
	{ "frag", "in-order", "0100010003210100 0100020003000100 0100030003000080" },
	{ "frag", "backwards", "0100030003000080 0100020003000100 0100010003210100" },
	{ "frag", "twice-and-smaller",
		"0100010002210100 0100010002210200 0100010003210100 0100020003000100 "
		"0100030003000100" },
	{ "frag", "too-large",
		"0100010014211000 0100020014001000 0100030014001000 0100040014001000 "
		"0100050014001000 0100060014001000 0100070014001000 0100080014001000 0100090014001000 "
		"01000a0014001000 01000b0014001000 01000c0014001000 01000d0014001000 01000e0014001000 "
		"01000f0014001000 0100100014001000 0100110014001000" },
	{ "frag", "nonsense", "01000000000000 04 0100050002210004 0101000100210004" },
	/* kind, detail, length: 2 time, 3 system, 4 answer, 5 command, 6 stop, 7 the gateway */
	{ "session", "up-rekey-down",
		"00 02ff0000 05020000 02ff0000 07030000 02ff0000 06000000 02ff0000" },
	{ "session", "ask-psk", "02 0480000761207365637265 02ff0000" },
	{ "session", "eap",
		"01 020a0000 04410004616e6e61 02020000 0402000d636f727265637420686f727365 02ff0000" },
	{ "session", "lost-and-back", "00 02ff0000 07080000 02ff0000 02ff0000 05030000 02ff0000" },
	{ "session", "collisions",
		"04 02ff0000 07030000 05020000 02ff0000 07020000 05000000 02ff0000" },
	{ "session", "system",
		"00 02ff0000 03830000 0385000100 03c6000400000000 0308000400000000 02ff0000" },
	{ "session", "strangers",
		"10 02100000 01a900082900000800000018 012a0004 00000004 000000050102030405" },
	{ "session", "install-fails", "08 02ff0000 0341000400000000 02ff0000" },
};

static void write_all(const char *dir)
{
	struct recorder *r = calloc(1, sizeof(*r));
	uint8_t buf[1024] = { 0 };

	assert_non_null(r);
	r->dir = dir;
	write_sk(r);
	write_init(r);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++)
		write_seed(r, typed[i].target, typed[i].name, buf,
			test_hex(typed[i].hex, buf, sizeof(buf)));
	free(r);
}

/* --- reading ------------------------------------------------------------------------------------------ */

static void read_message(const uint8_t *p, size_t n, const char *path)
{
	struct payloads pl;
	struct ike_hdr h;
	struct err e;
	uint8_t inner, unknown;

	if (!ike_hdr_read(&h, (struct bytes){ p, n }, &e) ||
		!payloads_read(&pl, h.next, (struct bytes){ p + IKE_HDR_LEN, n - IKE_HDR_LEN },
			&inner, &unknown, &e))
		fail_msg("%s: %s", path, e.text);
}

static void read_records(const uint8_t *p, size_t n, const char *path)
{
	struct rd r = rd_init(p, n);
	unsigned records = 0;

	rd_u8(&r);
	for (; r.left > 0; records++) {
		rd_u16(&r);
		rd_bytes(&r, rd_u16(&r));
	}
	if (r.bad || records == 0)
		fail_msg("%s: %u records that do not add up", path, records);
}

static void read_fragments(const uint8_t *p, size_t n, const char *path)
{
	(void)p;
	if (n == 0 || n % 8 != 0)
		fail_msg("%s: %zu octets are not records of 8", path, n);
}

static void read_all(const char *target, void (*read)(const uint8_t *p, size_t n, const char *path))
{
	char path[512];
	unsigned count = 0;

	snprintf(path, sizeof(path), "tests/fuzz/seeds/%s", target);
	DIR *d = opendir(path);
	if (!d)
		fail_msg("cannot read %s", path);
	for (struct dirent *f; (f = readdir(d));) {
		if (f->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "tests/fuzz/seeds/%s/%s", target, f->d_name);
		size_t n;
		char *text = test_file(path, &n);
		read((const uint8_t *)text, n, path);
		free(text);
		count++;
	}
	closedir(d);
	assert_in_range(count, 4, 100);
}

static void seeds(void **state)
{
	const char *dir = getenv("PAIR_SEEDS");

	(void)state;
	if (dir)
		write_all(dir);
	read_all("ike", read_message);
	read_all("sk", read_records);
	read_all("session", read_records);
	read_all("frag", read_fragments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds),
	};

	return cmocka_run_group_tests(tests, pair_group_setup, pair_group_teardown);
}
