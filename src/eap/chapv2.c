#include "eap/chapv2.h"

#include <ctype.h>
#include <string.h>

#include "base/names.h"

/* RFC 2759 section 6 */
static const struct name error_words[] = {
	{ 646, "the account may not log in at this hour" },
	{ 647, "the account is disabled or locked" },
	{ 648, "the password has expired and must be changed, which this program cannot do" },
	{ 649, "the account may not dial in" },
	{ CHAPV2_WRONG_PASSWORD,
		"the user name or the password is wrong, or this method is "
		"not allowed for the account" },
	{ 709, "the password could not be changed" },
	{ 0, NULL },
};

bool chapv2_respond(const uint8_t challenge[MSCHAP_CHALLENGE_LEN], const char *user,
	const struct passphrase *password, struct rng *rng, struct wr *out, struct mschap *m,
	struct err *e)
{
	uint8_t ours[MSCHAP_CHALLENGE_LEN];
	const char *slash = strchr(user, '\\');

	rng_fill(rng, ours, sizeof(ours));
	wipe(m, sizeof(*m));
	if (!mschap_compute(challenge, ours, slash ? slash + 1 : user, password, m, e))
		return false;
	wr_bytes(out, ours, sizeof(ours));
	wr_zeros(out, 8);
	wr_bytes(out, m->nt_response, sizeof(m->nt_response));
	wr_u8(out, 0);
	return true;
}

/* " M=" and words, or nothing; Windows Server 2019 leaves the blank out. */
static bool message_follows(const struct rd *r)
{
	return r->left == 0 || r->p[0] == ' ' || r->p[0] == 0 ||
		(r->left >= 2 && memcmp(r->p, "M=", 2) == 0);
}

/* "S=" and 40 digits, then perhaps a message. Upper case is a MUST in section 5, but not one that
 * the proof depends on. */
bool chapv2_proved(const struct mschap *m, struct bytes text, bool *malformed)
{
	char proof[MSCHAP_AUTH_TEXT_LEN];
	struct rd r = rd_init(text.p, text.n);
	const uint8_t *sent = rd_bytes(&r, sizeof(proof));

	*malformed = !sent || !message_follows(&r);
	if (*malformed)
		return false;
	for (size_t i = 0; i < sizeof(proof); i++)
		proof[i] = (char)toupper(sent[i]);
	return same_bytes(proof, m->authenticator, sizeof(proof));
}

/* --- the text of a failure ---------------------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(struct rd *in, uint8_t *out, size_t n)
{
	bool good = in->left == 2 * n;

	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(rd_u8(in)), low = hex_digit(rd_u8(in));
		good = good && high >= 0 && low >= 0;
		out[i] = good ? (uint8_t)(high << 4 | low) : 0;
	}
	return good;
}

/* 0 for what is no number or needs more than 10 digits. */
static uint32_t decimal_read(struct rd *in)
{
	uint64_t v = 0;

	if (in->left > 10)
		return 0;
	while (in->left > 0) {
		uint8_t c = rd_u8(in);
		if (c < '0' || c > '9')
			return 0;
		v = 10 * v + (c - '0');
	}
	return v > UINT32_MAX ? 0 : (uint32_t)v;
}

static void field_read(struct chapv2_failure *f, uint8_t key, struct rd *value)
{
	switch (key) {
	case 'E':
		f->error = decimal_read(value);
		break;
	case 'R':
		f->retry = decimal_read(value) == 1;
		break;
	case 'C':
		f->has_challenge = hex_read(value, f->challenge, sizeof(f->challenge));
		break;
	case 'V': /* the version of a password change that we do not do */
		f->version = decimal_read(value);
		break;
	default:
		break;
	}
}

/* Fields are separated by spaces, M= goes to the end. */
void chapv2_read_failure(struct chapv2_failure *f, struct bytes text)
{
	struct rd in = rd_init(text.p, text.n);

	*f = (struct chapv2_failure){ 0 };
	while (in.left > 0) {
		size_t n = 0;
		if (in.left >= 2 && memcmp(in.p, "M=", 2) == 0) {
			f->text = (struct bytes){ in.p + 2, in.left - 2 };
			return;
		}
		while (n < in.left && in.p[n] != ' ')
			n++;
		struct rd field = rd_sub(&in, n);
		uint8_t key = rd_u8(&field);
		if (rd_u8(&field) == '=')
			field_read(f, key, &field);
		rd_u8(&in); /* the space */
	}
}

void chapv2_failure_words(const struct chapv2_failure *f, const char *user, struct err *e)
{
	const char *words = name_find(error_words, f->error);
	char text[160];

	text_safe(text, sizeof(text), f->text.p, f->text.n);
	err_set(e, ERR_PEER, "the gateway refused %s: %s (error %u)%s%s%s", user,
		words ? words : "it gave no known reason", f->error, text[0] ? ". It says \"" : "",
		text, text[0] ? "\"" : "");
}
