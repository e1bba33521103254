#include "eap/eap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "tunnel.h"

enum {
	EAP_HEADER_LEN = 4,
	EAP_EXPANDED = 254,
	EAP_ROUNDS_MAX = 100, /* requests in one conversation: it cannot go on for ever */
};

/* THE table of methods. Those without a function are here for their names: gateways offer them. */
static const struct eap_method methods[] = {
	{ EAP_MSCHAPV2, "mschapv2", "EAP-MSCHAPv2", mschapv2_request },
	{ EAP_MD5, "md5", "EAP-MD5", md5_request },
	{ EAP_GTC, "gtc", "EAP-GTC", gtc_request },
	{ EAP_TLS, "tls", "EAP-TLS", tls_request },
	{ EAP_TTLS, "ttls", "EAP-TTLS", ttls_request },
	{ EAP_PEAP, "peap", "EAP-PEAP", peap_request },
	{ EAP_OTP, NULL, "EAP-OTP", NULL },
	{ 18, NULL, "EAP-SIM", NULL },
	{ 23, NULL, "EAP-AKA", NULL },
	{ 43, NULL, "EAP-FAST", NULL },
	{ 50, NULL, "EAP-AKA'", NULL },
	{ 52, NULL, "EAP-pwd", NULL },
	{ EAP_EXPANDED, NULL, "a vendor's own EAP method", NULL },
};

static const struct eap_method *method_find(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].type == type)
			return &methods[i];
	return NULL;
}

uint8_t eap_type_by_name(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].word && strcasecmp(methods[i].word, word) == 0)
			return methods[i].type;
	return 0;
}

bool eap_type_over_tls(uint8_t type)
{
	return type == EAP_TLS || type == EAP_TTLS || type == EAP_PEAP;
}

const char *eap_type_name(uint8_t type)
{
	const struct eap_method *m = method_find(type);

	return m ? m->name : "an unknown EAP method";
}

static void set_user(struct eap *x, const char *user, size_t len)
{
	memcpy(x->user, user, len);
	x->user[len] = 0;
	text_safe(x->shown, sizeof(x->shown), user, len);
}

struct eap *eap_new(const struct eap_config *config, struct rng *rng, struct err *e)
{
	if (config->n_methods == 0 || config->n_methods > EAP_ALLOWED_MAX) {
		err_set(e, ERR_CONFIG, "between 1 and %d EAP methods must be allowed",
			EAP_ALLOWED_MAX);
		return NULL;
	}
	for (size_t i = 0; i < config->n_methods; i++) {
		const struct eap_method *m = method_find(config->methods[i]);
		if (!m || !m->request || (eap_type_over_tls(m->type) && !config->tls)) {
			err_set(e, ERR_CONFIG, "%s (%u) is not supported",
				eap_type_name(config->methods[i]), config->methods[i]);
			return NULL;
		}
	}
	if (strlen(config->user) >= EAP_USER_MAX) {
		err_set(e, ERR_CONFIG, "the user name is longer than %d octets", EAP_USER_MAX - 1);
		return NULL;
	}
	struct eap *x = calloc(1, sizeof(*x));
	if (!x) {
		err_set(e, ERR_LOCAL, "no memory for EAP");
		return NULL;
	}
	x->config = config;
	x->rng = rng;
	set_user(x, config->user, strlen(config->user));
	return x;
}

void eap_free(struct eap *x)
{
	if (!x)
		return;
	eap_tunnel_free(x->tunnel);
	wipe(x, sizeof(*x));
	free(x);
}

const struct secret *eap_msk(const struct eap *x)
{
	return x->progress == PROGRESS_SUCCESS && x->msk.len > 0 ? &x->msk : NULL;
}

bool eap_may_end(const struct eap *x)
{
	return x->progress == PROGRESS_MAY_END && x->wanted == WANT_NOTHING;
}

bool eap_began(const struct eap *x)
{
	return x->n_methods > 0;
}

uint8_t eap_type_in_use(const struct eap *x)
{
	return x->method ? x->method->type : 0;
}

const char *eap_method_name(const struct eap *x)
{
	return x->method ? x->method->name : "EAP";
}

/* --- what the user gives --------------------------------------------------------------------- */

const char *eap_user(struct eap *x, struct eap_result *r)
{
	if (x->user[0])
		return x->user;
	x->wanted = WANT_USER;
	r->ask = (struct ask){ .kind = ASK_USER, .echo = true, .prompt = "User name" };
	return NULL;
}

const struct passphrase *eap_password(struct eap *x, struct eap_result *r)
{
	if (x->password_own)
		return &x->password;
	if (x->config->password && !x->password_refused)
		return x->config->password;
	x->wanted = WANT_PASSWORD;
	r->ask = (struct ask){ .kind = ASK_PASSWORD, .again = x->tries > 0 };
	if (x->tries > 0)
		snprintf(r->ask.prompt, sizeof(r->ask.prompt), "Password for %s (try %u of %d)",
			x->shown, x->tries + 1, EAP_TRIES_MAX);
	else
		snprintf(r->ask.prompt, sizeof(r->ask.prompt), "Password for %s", x->shown);
	return NULL;
}

void eap_password_forget(struct eap *x)
{
	passphrase_wipe(&x->password);
	x->password_own = false;
	x->password_refused = true;
}

/* --- Identity, Notification, Nak (RFC 3748 sections 5.1 to 5.3) ------------------------------- */

/* A method may begin: none has, or one is through and the carrier allows another behind it. */
static bool may_begin(const struct eap *x)
{
	return x->progress == PROGRESS_OPEN ||
		(x->progress == PROGRESS_MAY_END && x->config->sequence && x->n_methods < 2);
}

static enum eap_step identity_request(
	struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	const char *user;

	/* Section 2.1: Identity within a method is discarded. */
	if (!may_begin(x)) {
		err_set(&r->err, ERR_DROP, "the gateway asks for the identity within %s",
			eap_method_name(x));
		return STEP_IGNORE;
	}
	user = eap_user(x, r);
	if (!user) {
		/* Section 5.1: the text to show ends at the first NUL, options may follow. */
		const uint8_t *text = in->p;
		size_t len = strnlen((const char *)text, in->left);
		if (len > 0)
			text_safe(r->ask.prompt, sizeof(r->ask.prompt), text, len);
		return STEP_ASK;
	}
	wr_bytes(out, user, strlen(user));
	return STEP_REPLY;
}

static enum eap_step notification_request(struct eap *x, struct rd *in, struct eap_result *r)
{
	if (x->progress == PROGRESS_CONCEDED) {
		err_set(&r->err, ERR_DROP, "a notification after the failure");
		return STEP_IGNORE;
	}
	text_safe(r->notice, sizeof(r->notice), in->p, in->left);
	return STEP_REPLY;
}

static void write_type(struct wr *out, bool expanded, uint8_t type)
{
	if (!expanded) {
		wr_u8(out, type);
		return;
	}
	/* Section 5.7: type, vendor (0: IETF) in three octets, vendor's type. */
	wr_u8(out, EAP_EXPANDED);
	wr_zeros(out, 3);
	wr_u32(out, type);
}

/* Sections 5.3.1 and 5.3.2: a Nak in the format of the request, with all that would do. */
static void write_nak(struct wr *out, bool expanded, const struct eap_config *config)
{
	write_type(out, expanded, EAP_NAK);
	for (size_t i = 0; i < config->n_methods; i++)
		write_type(out, expanded, config->methods[i]);
}

/* --- requests --------------------------------------------------------------------------------- */

struct request {
	uint8_t type; /* EAP_EXPANDED: a vendor's */
	bool expanded; /* written in the expanded format */
	struct rd data;
};

/* RFC 3748 section 4.1 and, for the expanded format, 5.7: vendor 0 stands for the plain types. */
static bool request_read(struct request *q, struct bytes packet, struct err *e)
{
	struct rd r = rd_init(packet.p, packet.n);

	rd_bytes(&r, EAP_HEADER_LEN);
	q->type = rd_u8(&r);
	q->expanded = q->type == EAP_EXPANDED;
	if (q->expanded) {
		uint32_t vendor = (uint32_t)rd_u8(&r) << 16 | rd_u16(&r);
		uint32_t type = rd_u32(&r);
		if (vendor == 0 && type < EAP_EXPANDED)
			q->type = (uint8_t)type;
	}
	q->data = r;
	if (r.bad)
		return err_set(e, ERR_DROP, "an EAP request of %zu octet%s is too short", packet.n,
			plural(packet.n));
	/* Section 5: a Nak is a response only, and 0 is no type. */
	if (q->type == 0 || q->type == EAP_NAK)
		return err_set(e, ERR_DROP, "an EAP request of type %u", q->type);
	return true;
}

static bool is_allowed(const struct eap *x, uint8_t type)
{
	return memchr(x->config->methods, type, x->config->n_methods) != NULL;
}

static void method_begin(struct eap *x, uint8_t type)
{
	x->method = method_find(type);
	x->progress = PROGRESS_METHOD;
	x->n_methods++;
	x->tries = 0;
	x->naked = 0;
	err_clear(&x->reason);
	x->mschapv2 = MSCHAPV2_START;
	wipe(&x->mschap, sizeof(x->mschap));
	eap_tunnel_free(x->tunnel);
	x->tunnel = NULL;
	secret_wipe(&x->msk);
}

/* The method's word on where it stands. A further round, asked for or answered, takes back the
 * consent to a success. */
static void method_progress(struct eap *x, enum eap_step step)
{
	switch (step) {
	case STEP_REPLY:
	case STEP_ASK:
		x->progress = PROGRESS_METHOD;
		break;
	case STEP_LAST:
		x->progress = PROGRESS_MAY_END;
		break;
	case STEP_CONCEDE:
		x->progress = PROGRESS_CONCEDED;
		break;
	case STEP_IGNORE:
	case STEP_FAIL:
		break;
	}
}

static enum eap_step method_step(
	struct eap *x, struct request *q, struct wr *out, struct eap_result *r)
{
	if (!x->method || x->method->type != q->type) {
		/* Section 2.1: another method in the middle of one is discarded, without a Nak. */
		if (!may_begin(x)) {
			err_set(&r->err, ERR_DROP, "the gateway wants %s (%u) within %s",
				eap_type_name(q->type), q->type, eap_method_name(x));
			return STEP_IGNORE;
		}
		if (!is_allowed(x, q->type)) {
			x->naked = q->type;
			write_nak(out, q->expanded, x->config);
			return STEP_REPLY;
		}
		method_begin(x, q->type);
	}
	write_type(out, q->expanded, q->type);
	enum eap_step step = x->method->request(x, &q->data, out, r);
	method_progress(x, step);
	return step;
}

static enum eap_step request_step(
	struct eap *x, struct request *q, struct wr *out, struct eap_result *r)
{
	if (q->type != EAP_IDENTITY && q->type != EAP_NOTIFICATION)
		return method_step(x, q, out, r);
	write_type(out, q->expanded, q->type);
	if (q->type == EAP_IDENTITY)
		return identity_request(x, &q->data, out, r);
	return notification_request(x, &q->data, r);
}

static void eap_fail(struct eap *x, struct eap_result *r)
{
	x->progress = PROGRESS_FAILURE;
	x->wanted = WANT_NOTHING;
	r->verdict = EAP_V_FAILURE;
}

static void keep_request(struct eap *x, struct bytes packet)
{
	memmove(x->request, packet.p, packet.n); /* it is the kept one when its answer came */
	x->request_len = packet.n;
}

static void eap_respond(struct eap *x, struct wr *out, struct eap_result *r)
{
	wr_patch_u16(out, 2, (uint16_t)out->len);
	if (out->bad) {
		err_set(&r->err, ERR_BUG, "the response of %s does not fit", eap_method_name(x));
		eap_fail(x, r);
		return;
	}
	r->verdict = EAP_V_SEND;
	r->len = out->len;
	memcpy(x->response, r->out, out->len);
	x->response_len = out->len;
}

/* Reads a request, for the first time or again when the user has answered its question. */
static void eap_request(struct eap *x, struct bytes packet, struct eap_result *r)
{
	struct wr out = wr_init(r->out, sizeof(r->out));
	struct request q;

	if (!request_read(&q, packet, &r->err))
		return;
	x->identifier = ((const uint8_t *)packet.p)[1];
	wr_u8(&out, EAP_RESPONSE);
	wr_u8(&out, x->identifier);
	wr_u16(&out, 0);
	switch (request_step(x, &q, &out, r)) {
	case STEP_IGNORE:
		return;
	case STEP_ASK:
		keep_request(x, packet);
		r->verdict = EAP_V_ASK;
		return;
	case STEP_FAIL:
		eap_fail(x, r);
		return;
	case STEP_CONCEDE:
		x->reason = r->err;
		break;
	case STEP_REPLY:
	case STEP_LAST:
		break;
	}
	keep_request(x, packet);
	eap_respond(x, &out, r);
}

/* Section 4.1: the same request once more gets the same response once more. Some gateways do not
 * change the identifier from one request to the next, so that alone does not make it the same. What
 * is behind its length is padding. */
bool eap_repeats(const struct eap *x, struct bytes packet)
{
	return x->request_len > 0 && x->request_len <= packet.n &&
		memcmp(x->request, packet.p, x->request_len) == 0;
}

static void recv_request(struct eap *x, struct bytes packet, struct eap_result *r)
{
	if (x->wanted != WANT_NOTHING) {
		err_set(&r->err, ERR_DROP, "an EAP request while the user is being asked");
		return;
	}
	if (eap_repeats(x, packet)) {
		r->verdict = EAP_V_SEND;
		r->len = x->response_len;
		memcpy(r->out, x->response, x->response_len);
		if (x->progress == PROGRESS_CONCEDED)
			r->err = x->reason;
		return;
	}
	if (++x->rounds > EAP_ROUNDS_MAX) {
		err_set(&r->err, ERR_PEER, "the gateway came to no decision in %d EAP requests",
			EAP_ROUNDS_MAX);
		eap_fail(x, r);
		return;
	}
	eap_request(x, packet, r);
}

/* --- Success and Failure (RFC 3748 section 4.2) ----------------------------------------------- */

/* The identifier is that of the last response; old servers, written to RFC 2284, count one on. */
static bool is_current(const struct eap *x, uint8_t identifier, struct err *e)
{
	if (x->response_len == 0)
		return true;
	uint8_t ours = x->response[1];
	if (identifier == ours || identifier == (uint8_t)(ours + 1))
		return true;
	return err_set(e, ERR_DROP, "an EAP verdict with identifier %u, the last response had %u",
		identifier, ours);
}

/* A success before the method agrees is how a false gateway goes round the proof that it has to
 * give (CVE-2021-45079). The RFC has it ignored; behind a protected carrier only a gateway that
 * cannot be trusted sends one, so it is the end. */
static void recv_success(struct eap *x, uint8_t identifier, struct eap_result *r)
{
	if (x->progress != PROGRESS_MAY_END || x->wanted != WANT_NOTHING) {
		err_set(&r->err, ERR_AUTH, "the gateway said EAP-Success before %s was finished",
			x->method ? x->method->name : "any method");
		eap_fail(x, r);
		return;
	}
	if (!is_current(x, identifier, &r->err))
		return;
	x->progress = PROGRESS_SUCCESS;
	r->verdict = EAP_V_SUCCESS;
}

static void naked_words(const struct eap *x, struct err *e)
{
	char allowed[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < x->config->n_methods && n < sizeof(allowed); i++)
		n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", i ? ", " : "",
			eap_type_name(x->config->methods[i]));
	err_set(e, ERR_PEER, "the gateway wants %s (%u), the profile allows %s",
		eap_type_name(x->naked), x->naked, allowed);
}

static void failure_words(const struct eap *x, struct err *e)
{
	if (x->progress == PROGRESS_CONCEDED)
		*e = x->reason;
	else if (x->wanted != WANT_NOTHING)
		err_set(e, ERR_PEER, "the gateway did not wait for an answer to %s",
			eap_method_name(x));
	else if (x->naked)
		naked_words(x, e);
	else if (!x->method)
		err_set(e, ERR_PEER, "the gateway said EAP-Failure before any method");
	else if (x->mschapv2 == MSCHAPV2_PROVED)
		err_set(e, ERR_PEER,
			"the gateway accepted the password of %s, then said EAP-Failure", x->shown);
	else if (x->reason.kind !=
		ERR_NONE) /* of the password before, and nothing was said of the last */
		*e = x->reason;
	else
		err_set(e, ERR_PEER, "the gateway did not accept what it was given in %s",
			x->method->name);
}

static void recv_failure(struct eap *x, uint8_t identifier, struct eap_result *r)
{
	/* The RFC lets a failure behind a proven success go unheard, against forgers on an open
	 * link. Our carriers are protected and the gateway will not go on: waiting hides why. */
	if (!is_current(x, identifier, &r->err))
		return;
	failure_words(x, &r->err);
	eap_fail(x, r);
}

/* --- in and out ------------------------------------------------------------------------------- */

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     Code      |  Identifier   |            Length             |
 * +---------------+---------------+-------------------------------+
 * Section 4: octets behind Length are padding; a Length beyond what came is discarded. A Success or
 * Failure has nothing behind its header, but some gateways leave octets there: not looked at. */
void eap_input(struct eap *x, struct bytes packet, struct eap_result *r)
{
	struct rd in = rd_init(packet.p, packet.n);
	uint8_t code = rd_u8(&in);
	uint8_t identifier = rd_u8(&in);
	uint16_t len = rd_u16(&in);

	wipe(r, sizeof(*r)); /* a response may hold what the user typed */
	if (in.bad || len < EAP_HEADER_LEN || len > packet.n || len > EAP_PACKET_MAX) {
		err_set(&r->err, ERR_DROP, "an EAP packet of %zu octet%s with length %u", packet.n,
			plural(packet.n), len);
		return;
	}
	if (x->progress == PROGRESS_SUCCESS || x->progress == PROGRESS_FAILURE) {
		err_set(&r->err, ERR_DROP, "an EAP packet after the end");
		return;
	}
	packet.n = len;
	switch (code) {
	case EAP_REQUEST:
		recv_request(x, packet, r);
		break;
	case EAP_SUCCESS:
		recv_success(x, identifier, r);
		break;
	case EAP_FAILURE:
		recv_failure(x, identifier, r);
		break;
	default: /* section 4: discarded, and a peer is not given responses */
		err_set(&r->err, ERR_DROP, "an EAP packet with code %u", code);
	}
}

/* Takes over what was asked for; WANT_CODE is for the method that is read again. */
static bool take_answer(struct eap *x, const struct passphrase *text, struct err *e)
{
	switch (x->wanted) {
	case WANT_USER:
		if (text->len == 0 || text->len >= EAP_USER_MAX || memchr(text->text, 0, text->len))
			return err_set(
				e, ERR_CONFIG, "a user name has 1 to %d octets", EAP_USER_MAX - 1);
		set_user(x, text->text, text->len);
		break;
	case WANT_PASSWORD:
		x->password = *text;
		x->password_own = true;
		break;
	case WANT_CODE:
	case WANT_NOTHING:
		break;
	}
	return true;
}

static bool no_answer(const struct eap *x, struct err *e)
{
	static const char *const what[] = {
		[WANT_NOTHING] = "answer",
		[WANT_USER] = "user name",
		[WANT_PASSWORD] = "password",
		[WANT_CODE] = "answer to the gateway's question",
	};
	/* A second password is asked for because the gateway refused the first: that is the news. */
	if (x->reason.kind != ERR_NONE) {
		*e = x->reason;
		return false;
	}
	return err_set(e, ERR_CONFIG, "no %s was given", what[x->wanted]);
}

void eap_answer(struct eap *x, const struct passphrase *text, struct eap_result *r)
{
	wipe(r, sizeof(*r)); /* a response may hold what the user typed */
	if (x->wanted == WANT_NOTHING) {
		err_set(&r->err, ERR_DROP, "an answer to no question");
		return;
	}
	if (!text ? !no_answer(x, &r->err) : !take_answer(x, text, &r->err)) {
		eap_fail(x, r);
		return;
	}
	x->wanted = WANT_NOTHING;
	x->answer = text;
	eap_request(x, (struct bytes){ x->request, x->request_len }, r);
	x->answer = NULL;
}
