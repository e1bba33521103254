#include "lib/lns.h"

#include "base/types.h"
#include "crypto/prf.h"

enum { RESEND_MS = 1000 };
enum { AVP_M = 0x8000, AVP_H = 0x4000 };

void lns_preset(struct lns_config *cfg)
{
	*cfg = (struct lns_config){
		.tunnel = 0x1234, .session = 0x5678, .version = 1, .window = 4
	};
}

void lns_init(struct lns *l, const struct lns_config *cfg)
{
	memset(l, 0, sizeof(*l));
	l->cfg = *cfg;
	l->resend = l->hello_at = TIME_NEVER;
}

static void emit(struct lns *l, struct bytes datagram)
{
	assert_true(l->n < LNS_OUT && datagram.n <= sizeof(l->out[0].data));
	unsigned slot = (l->first + l->n++) % LNS_OUT;

	memcpy(l->out[slot].data, datagram.p, datagram.n);
	l->out[slot].len = datagram.n;
}

bool lns_output(struct lns *l, struct bytes *datagram)
{
	if (l->n == 0)
		return false;
	*datagram = (struct bytes){ l->out[l->first].data, l->out[l->first].len };
	l->first = (l->first + 1) % LNS_OUT;
	l->n--;
	return true;
}

/* --- AVPs ------------------------------------------------------------------------------------------- */

static void md5(const struct bytes *parts, size_t n, uint8_t out[16])
{
	uint8_t hash[DIGEST_MAX];
	struct err e;
	size_t len;

	assert_ok(&e, digest("MD5", parts, n, hash, &len, &e));
	memcpy(out, hash, 16);
}

static const uint8_t vector[16] = "a random vector";

/* RFC 2661 section 4.3: length, value and some padding, hidden. */
static void hide(struct lns *l, uint16_t type, struct bytes value, struct wr *w)
{
	uint8_t plain[128] = { (uint8_t)(value.n >> 8), (uint8_t)value.n }, pad[16];
	uint8_t number[2] = { (uint8_t)(type >> 8), (uint8_t)type };
	size_t n = 2 + value.n + 5;

	memcpy(plain + 2, value.p, value.n);
	for (size_t i = 0; i < n; i += 16) {
		struct bytes first[] = { { number, 2 }, BYTES(l->cfg.secret), { vector, 16 } };
		struct bytes next[] = { BYTES(l->cfg.secret), { plain + (i ? i - 16 : 0), 16 } };
		md5(i ? next : first, i ? 2 : 3, pad);
		for (size_t j = 0; j < 16; j++)
			plain[i + j] ^= pad[j];
	}
	wr_u16(w, (uint16_t)(AVP_M | AVP_H | (6 + n)));
	wr_u16(w, 0);
	wr_u16(w, type);
	wr_bytes(w, plain, n);
}

static void avp(
	struct lns *l, struct wr *w, uint16_t type, const void *value, size_t n, bool hideable)
{
	if (l->cfg.hide && hideable) {
		hide(l, type, (struct bytes){ value, n }, w);
		return;
	}
	wr_u16(w, (uint16_t)(AVP_M | (6 + n)));
	wr_u16(w, 0);
	wr_u16(w, type);
	wr_bytes(w, value, n);
}

static void avp_number(struct lns *l, struct wr *w, uint16_t type, uint16_t v, bool hideable)
{
	uint8_t octets[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	avp(l, w, type, octets, 2, hideable);
}

/* --- the channel -------------------------------------------------------------------------------------- */

static void transmit(struct lns *l, uint16_t ns)
{
	size_t slot = ns % LNS_QUEUE;
	struct wr w = wr_init(l->queue[slot].data + 8, 4);

	wr_u16(&w, ns);
	wr_u16(&w, l->nr);
	emit(l, (struct bytes){ l->queue[slot].data, l->queue[slot].len });
}

void lns_send(struct lns *l, uint16_t type, bool mandatory, bool of_session, struct bytes avps)
{
	size_t slot = l->ns % LNS_QUEUE;
	struct wr w = wr_init(l->queue[slot].data, LNS_MESSAGE_MAX);

	assert_true((uint16_t)(l->ns - l->una) < LNS_QUEUE);
	wr_u16(&w, 0xc802);
	wr_u16(&w, (uint16_t)(12 + 8 + avps.n));
	wr_u16(&w, l->peer_tunnel);
	wr_u16(&w, of_session ? l->peer_session : 0);
	wr_u32(&w, 0);
	wr_u16(&w, mandatory ? 0x8008 : 8);
	wr_u16(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, type);
	wr_bytes(&w, avps.p, avps.n);
	assert_false(w.bad);
	l->queue[slot].len = w.len;
	transmit(l, l->ns++);
	if (l->resend == TIME_NEVER)
		l->resend = l->now + RESEND_MS;
}

static void ack(struct lns *l)
{
	uint8_t zlb[12];
	struct wr w = wr_init(zlb, sizeof(zlb));

	wr_u16(&w, 0xc802);
	wr_u16(&w, 12);
	wr_u16(&w, l->peer_tunnel);
	wr_u16(&w, 0);
	wr_u16(&w, l->ns);
	wr_u16(&w, l->nr);
	emit(l, (struct bytes){ zlb, sizeof(zlb) });
}

static void result_send(struct lns *l, uint16_t type, uint16_t result, int error, const char *text)
{
	uint8_t room[256], value[128];
	struct wr w = wr_init(room, sizeof(room)), v = wr_init(value, sizeof(value));

	wr_u16(&v, result);
	if (error >= 0)
		wr_u16(&v, (uint16_t)error);
	wr_bytes(&v, text, strlen(text));
	avp_number(l, &w, type == 4 ? 9 : 14, type == 4 ? l->cfg.tunnel : l->cfg.session, false);
	avp(l, &w, 1, value, v.len, false);
	lns_send(l, type, true, type == 14, (struct bytes){ room, w.len });
}

void lns_stop(struct lns *l, uint16_t result, int error, const char *text)
{
	result_send(l, 4, result, error, text);
}

void lns_cdn(struct lns *l, uint16_t result, int error, const char *text)
{
	result_send(l, 14, result, error, text);
}

/* --- what the client says ---------------------------------------------------------------------------------- */

static struct bytes find(struct rd avps, uint16_t type)
{
	while (avps.left > 0) {
		size_t n = rd_u16(&avps) & 0x3ff;
		uint16_t vendor = rd_u16(&avps), this = rd_u16(&avps);
		struct rd value = rd_sub(&avps, n - 6);
		assert_false(avps.bad);
		if (vendor == 0 && this == type)
			return (struct bytes){ value.p, value.left };
	}
	return (struct bytes){ NULL, 0 };
}

static uint16_t number(struct bytes v)
{
	struct rd r = rd_init(v.p, v.n);

	return rd_u16(&r);
}

static const uint8_t our_challenge[16] = "lns challenge 1";

static void sccrp(struct lns *l, struct rd in)
{
	uint8_t room[LNS_MESSAGE_MAX - 64], proof[16], two = 2;
	struct wr w = wr_init(room, sizeof(room));
	struct bytes challenge = find(in, 11), host = find(in, 7);

	l->peer_tunnel = number(find(in, 9));
	assert_true(l->peer_tunnel != 0 && host.n < sizeof(l->hostname));
	memcpy(l->hostname, host.p, host.n);
	assert_int_equal(find(in, 3).n, 4);
	avp_number(l, &w, 2, (uint16_t)(l->cfg.version << 8), false);
	if (l->cfg.hide)
		avp(l, &w, 36, vector, sizeof(vector), false);
	avp(l, &w, 3, "\0\0\0\3", 4, true);
	avp(l, &w, 7, "lns", 3, false);
	avp(l, &w, 8, "a vendor of servers", 19, true);
	if (l->cfg.tunnel)
		avp_number(l, &w, 9, l->cfg.tunnel, true);
	if (l->cfg.window)
		avp_number(l, &w, 10, l->cfg.window, false);
	if (l->cfg.challenge)
		avp(l, &w, 11, our_challenge, sizeof(our_challenge), true);
	if (challenge.p && l->cfg.secret) {
		struct bytes parts[] = { { &two, 1 }, BYTES(l->cfg.secret), challenge };
		md5(parts, 3, proof);
		proof[0] ^= l->cfg.lies;
		avp(l, &w, 13, proof, 16, true);
	}
	wr_bytes(&w, l->cfg.extra, l->cfg.extra_len);
	lns_send(l, 2, true, false, (struct bytes){ room, w.len });
}

static void scccn(struct lns *l, struct rd in)
{
	uint8_t want[16], three = 3;
	struct bytes proof = find(in, 13);

	l->established = true;
	l->hello_at = l->cfg.hello_ms ? l->now + l->cfg.hello_ms : TIME_NEVER;
	if (!l->cfg.challenge)
		return;
	struct bytes parts[] = { { &three, 1 }, BYTES(l->cfg.secret), { our_challenge, 16 } };
	md5(parts, 3, want);
	if (proof.n != 16 || memcmp(proof.p, want, 16) != 0) {
		l->wrong_proofs++;
		lns_stop(l, 4, -1, "");
	}
}

static void icrp(struct lns *l, struct rd in)
{
	uint8_t room[128];
	struct wr w = wr_init(room, sizeof(room));

	l->peer_session = number(find(in, 14));
	assert_true(l->peer_session != 0);
	assert_int_equal(find(in, 15).n, 4);
	if (l->cfg.hide)
		avp(l, &w, 36, vector, sizeof(vector), false);
	if (l->cfg.session)
		avp_number(l, &w, 14, l->cfg.session, true);
	lns_send(l, 11, true, true, (struct bytes){ room, w.len });
}

static void deliver(struct lns *l, struct bytes body)
{
	struct rd in = rd_init(body.p, body.n);
	struct bytes type = find(in, 0);

	assert_int_equal(type.n, 2);
	uint16_t t = number(type);
	if (l->n_seen < ARRAY_LEN(l->seen))
		l->seen[l->n_seen++] = t;
	if (t == 4 || t == 14) {
		struct bytes result = find(in, 1);
		l->result = number(result);
		if (result.n >= 4)
			l->error = number((struct bytes){ (const uint8_t *)result.p + 2, 2 });
		l->closed = l->closed || t == 4;
		l->up = false;
	}
	if (l->cfg.mute || l->closed)
		return;
	if (t == 1)
		sccrp(l, in);
	else if (t == 3)
		scccn(l, in);
	else if (t == 10)
		icrp(l, in);
	else if (t == 12)
		l->up = find(in, 24).n == 4 && find(in, 19).n == 4;
}

static bool data_input(struct lns *l, uint16_t flags, struct rd r, struct bytes *frame)
{
	if (flags & 0x4000) {
		size_t len = rd_u16(&r);
		assert_int_equal(len, r.left + 4);
	}
	if (rd_u16(&r) != l->cfg.tunnel || rd_u16(&r) != l->cfg.session)
		fail_msg("data for another session");
	if (flags & 0x0800) {
		l->sequenced++;
		l->last_data_ns = rd_u16(&r);
		rd_u16(&r);
	}
	assert_false(r.bad);
	*frame = (struct bytes){ r.p, r.left };
	return l->up;
}

bool lns_input(struct lns *l, uint64_t now, struct bytes datagram, struct bytes *frame)
{
	struct rd r = rd_init(datagram.p, datagram.n);
	uint16_t flags = rd_u16(&r);

	l->now = now;
	if (!(flags & 0x8000))
		return data_input(l, flags, r, frame);
	assert_int_equal(flags, 0xc802);
	assert_int_equal(rd_u16(&r), datagram.n);
	uint16_t tunnel = rd_u16(&r);
	rd_u16(&r);
	uint16_t ns = rd_u16(&r), nr = rd_u16(&r);
	assert_false(r.bad);
	assert_true(tunnel == 0 || tunnel == l->cfg.tunnel);
	if ((int16_t)(nr - l->una) > 0 && (int16_t)(nr - l->ns) <= 0)
		l->una = nr;
	l->resend = l->una == l->ns ? TIME_NEVER : now + RESEND_MS;
	if (r.left == 0) {
		l->acks++;
		return false;
	}
	unsigned before = l->n;
	if (ns == l->nr) {
		l->nr++;
		deliver(l, (struct bytes){ r.p, r.left });
	}
	if (l->n == before)
		ack(l);
	return false;
}

void lns_data(struct lns *l, struct bytes frame)
{
	uint8_t room[2048];
	struct wr w = wr_init(room, sizeof(room));
	size_t len = 6 + (l->cfg.no_length ? 0 : 2) + (l->cfg.sequence ? 4 : 0) +
		(l->cfg.offset ? 5 : 0);

	wr_u16(&w,
		(uint16_t)(2 | (l->cfg.no_length ? 0 : 0x4000) | (l->cfg.sequence ? 0x0800 : 0) |
			(l->cfg.offset ? 0x0200 : 0)));
	if (!l->cfg.no_length)
		wr_u16(&w, (uint16_t)(len + frame.n));
	wr_u16(&w, l->peer_tunnel);
	wr_u16(&w, l->peer_session);
	if (l->cfg.sequence) {
		wr_u16(&w, l->data_ns++);
		wr_u16(&w, 0);
	}
	if (l->cfg.offset) {
		wr_u16(&w, 3);
		wr_bytes(&w, "pad", 3);
	}
	wr_bytes(&w, frame.p, frame.n);
	if (!l->cfg.no_length)
		wr_u16(&w, 0xdead); /* beyond the length: to be ignored */
	assert_false(w.bad);
	emit(l, (struct bytes){ room, w.len });
}

void lns_tick(struct lns *l, uint64_t now)
{
	l->now = now;
	if (now >= l->resend) {
		l->resend = now + RESEND_MS;
		for (uint16_t ns = l->una; ns != l->ns; ns++)
			transmit(l, ns);
	}
	if (now >= l->hello_at) {
		l->hello_at = now + l->cfg.hello_ms;
		lns_send(l, 6, true, false, BYTES(""));
	}
}

uint64_t lns_deadline(const struct lns *l)
{
	return l->resend < l->hello_at ? l->resend : l->hello_at;
}
