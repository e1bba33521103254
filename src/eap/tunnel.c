#include "tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5216 section 3.1 and RFC 5281 section 9.1; a request, behind its type:
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+-----------------------------------------------+
 * |L M S     Ver  |  if L: length of the whole message (4 octets) ...
 * +---------------+-----------------------------------------------+
 * |  octets of TLS ...
 * +-------------------------------
 *
 * A packet with M is answered by an empty one, and so is our own with M by the server. The version of all
 * that is done here is 0: which is also what a reserved field must be sent as. */
enum { FLAG_LENGTH = 0x80, FLAG_MORE = 0x40, FLAG_START = 0x20 };

static struct eap_tunnel *tunnel_new(const struct eap *x, struct err *e)
{
	struct eap_tunnel *t = calloc(1, sizeof(*t));

	if (!t) {
		err_set(e, ERR_LOCAL, "no memory for EAP");
		return NULL;
	}
	t->tls = tls_new(x->config->tls, e);
	if (t->tls)
		return t;
	free(t);
	return NULL;
}

void eap_tunnel_free(struct eap_tunnel *t)
{
	if (!t)
		return;
	eap_free(t->inner);
	tls_free(t->tls);
	wipe(t, sizeof(*t));
	free(t);
}

static enum eap_step malformed(const struct eap *x, const char *what, struct eap_result *r)
{
	err_set(&r->err, ERR_PEER, "an %s packet of the gateway %s", x->method->name, what);
	return STEP_FAIL;
}

/* What TLS has to say, or as much of it as goes into a packet; with nothing to say, an acknowledgement. */
static enum eap_step send_part(struct eap_tunnel *t, struct wr *out)
{
	size_t left = tls_pending(t->tls);
	bool more = left > TUNNEL_PART_MAX, first = !t->sending;
	size_t n = more ? TUNNEL_PART_MAX : left;

	wr_u8(out, more ? (first ? FLAG_LENGTH | FLAG_MORE : FLAG_MORE) : 0);
	if (more && first)
		wr_u32(out, (uint32_t)left);
	uint8_t *room = wr_room(out, n);
	if (room)
		tls_output(t->tls, room, n);
	t->sending = more;
	return more ? STEP_REPLY : t->then;
}

/* Whatever TLS found wrong, the server is told by an alert and then has the last word; for the alert that it
 * sent itself it gets an empty packet (RFC 5216 section 2.1.3). */
static enum eap_step tls_failed(struct eap_tunnel *t, struct wr *out, const struct err *e)
{
	t->phase = TUNNEL_OVER;
	t->then = STEP_CONCEDE;
	return e->kind == ERR_LOCAL ? STEP_FAIL : send_part(t, out);
}

static enum eap_step start(
	struct eap *x, uint8_t flags, struct rd *in, struct wr *out, struct eap_result *r)
{
	struct eap_tunnel *t = x->tunnel;

	if (!(flags & FLAG_START))
		return malformed(x, "comes before the start", r);
	/* What follows in it are hints for resumption (RFC 5281 section 9.2), or of what nobody sends. */
	rd_bytes(in, in->left);
	t->phase = TUNNEL_SHAKING;
	t->then = STEP_REPLY;
	if (!tls_input(t->tls, (struct bytes){ NULL, 0 }, &r->err))
		return tls_failed(t, out, &r->err);
	return send_part(t, out);
}

/* Appends a packet's octets to the message. */
static const char *gather(struct eap_tunnel *t, uint8_t flags, size_t total, struct rd *in)
{
	bool first = t->in_len == 0, more = flags & FLAG_MORE;
	size_t n = in->left;

	if (first)
		t->in_total = total;
	else if ((flags & FLAG_LENGTH) && total != t->in_total)
		return "gives its message another length";
	if (n == 0 && more)
		return "is empty, with more to come";
	if (t->in_total > sizeof(t->in) || n > sizeof(t->in) - t->in_len)
		return "belongs to a message that is too long";
	memcpy(t->in + t->in_len, rd_bytes(in, n), n);
	t->in_len += n;
	/* The length of what came in one packet is of no use, and not always right. */
	if (first && !more)
		return NULL;
	if (t->in_total > 0 && (more ? t->in_len >= t->in_total : t->in_len != t->in_total))
		return "does not fit the length of its message";
	return NULL;
}

static enum eap_step look_inside(struct eap *x, struct wr *out, struct eap_result *r,
	enum eap_step (*inside)(struct eap *x, struct bytes plain, struct eap_result *r))
{
	struct eap_tunnel *t = x->tunnel;
	enum eap_step step = inside(x, (struct bytes){ t->plain, t->plain_len }, r);

	t->asked = step == STEP_ASK;
	if (t->asked)
		return step;
	wipe(t->plain, t->plain_len);
	t->plain_len = 0;
	if (step == STEP_FAIL)
		return step;
	t->then = step;
	return send_part(t, out);
}

static enum eap_step read_message(struct eap *x, struct wr *out, struct eap_result *r,
	enum eap_step (*inside)(struct eap *x, struct bytes plain, struct eap_result *r))
{
	struct eap_tunnel *t = x->tunnel;
	bool ok = tls_input(t->tls, (struct bytes){ t->in, t->in_len }, &r->err);

	t->in_len = t->in_total = 0;
	if (!ok)
		return tls_failed(t, out, &r->err);
	t->then = STEP_REPLY;
	if (!tls_is_up(t->tls))
		return send_part(t, out);
	if (t->phase == TUNNEL_SHAKING) {
		char about[TLS_ABOUT_MAX];
		snprintf(r->log, sizeof(r->log), "%s: %s", x->method->name,
			tls_about(about, t->tls));
	}
	t->phase = TUNNEL_INSIDE;
	t->plain_len = tls_read(t->tls, t->plain);
	return look_inside(x, out, r, inside);
}

enum eap_step eap_tunnel_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r,
	enum eap_step (*inside)(struct eap *x, struct bytes plain, struct eap_result *r))
{
	if (!x->tunnel)
		x->tunnel = tunnel_new(x, &r->err);
	struct eap_tunnel *t = x->tunnel;
	if (!t)
		return STEP_FAIL;
	if (t->asked)
		return look_inside(x, out, r, inside);
	uint8_t flags = rd_u8(in);
	size_t total = flags & FLAG_LENGTH ? rd_u32(in) : 0;
	if (in->bad)
		return malformed(x, "is cut short", r);
	if (t->phase == TUNNEL_NEW)
		return start(x, flags, in, out, r);
	if (t->phase == TUNNEL_OVER) {
		r->err = x->reason; /* which is not that there is more */
		return STEP_FAIL;
	}
	if (flags & FLAG_START)
		return malformed(x, "starts anew", r);
	if (t->sending)
		return in->left == 0 && !(flags & FLAG_MORE) ?
			send_part(t, out) :
			malformed(x, "does not wait for all of ours", r);
	const char *wrong = gather(t, flags, total, in);
	if (wrong)
		return malformed(x, wrong, r);
	if (flags & FLAG_MORE) {
		wr_u8(out, 0);
		return STEP_REPLY;
	}
	return read_message(x, out, r, inside);
}

bool eap_tunnel_key(struct eap *x, const char *label, struct err *e)
{
	uint8_t material[128]; /* MSK and EMSK */
	struct tls *tls = x->tunnel->tls;
	struct bytes context = { NULL, 0 };

	if (tls_is_13(tls)) {
		label = "EXPORTER_EAP_TLS_Key_Material";
		context = (struct bytes){ &x->method->type, 1 };
	}
	bool ok = tls_export(tls, label, context, material, sizeof(material), e) &&
		secret_set(&x->msk, material, sizeof(material) / 2);
	wipe(material, sizeof(material));
	return ok;
}

bool eap_tls_failed(const struct eap *x)
{
	return x->tunnel && x->tunnel->phase == TUNNEL_OVER;
}
