/*
 * A server made of fuzz against EAP-TLS, EAP-TTLS and PEAP: what it puts into packets, or what it says inside
 * of TLS that is up.
 *
 * Input: two octets of configuration, then records: kind, length in two octets, octets. A kind is a request
 * of the method (its octets behind the type), something said inside, an answer of the user, none, a Success or a
 * Failure. What is said inside is nothing where TLS is not up.
 */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/types.h"
#include "eap/eap.h"
#include "lib/pki.h"
#include "lib/tls_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_PASSWORD = 1, WITH_USER = 2, SHAKEN = 4, OLD_TLS = 8 };
enum { REQUEST, INSIDE, ANSWER, NO_ANSWER, SUCCESS, FAILURE, KINDS };

static EVP_PKEY *key;
static X509 *cert;
static struct trust *trust;

static void demand(bool good)
{
	if (!good)
		abort();
}

/* The server's certificate signs itself, and is what is trusted. */
static void make_server(void)
{
	struct pki_file f = { .len = 0 };
	size_t added;

	if (trust)
		return;
	key = pki_key("EC", "P-256");
	cert = pki_issue(
		&(struct pki_spec){ .cn = "s", .key = key, .san = "DNS:s.example" }, NULL, NULL);
	trust = trust_new(NULL);
	pki_pem_cert(&f, cert);
	demand(trust && trust_add(trust, pki_bytes(&f), &added, NULL));
}

struct box {
	struct eap_config config;
	struct tls_config tls;
	struct passphrase password;
	uint8_t type, id;
	struct rng rng;
	struct eap *eap;
	struct tls_server *server;
	bool over; /* a verdict was given */
	struct eap_result r;
};

static void check_text(const char *text, size_t size)
{
	char again[EVENT_TEXT_MAX];

	demand(memchr(text, 0, size) != NULL);
	demand(strcmp(text_safe(again, sizeof(again), text, strlen(text)), text) == 0);
}

static void check(struct box *b)
{
	const struct eap_result *r = &b->r;
	const struct secret *msk = eap_msk(b->eap);

	check_text(r->notice, sizeof(r->notice));
	check_text(r->log, sizeof(r->log));
	check_text(r->err.text, sizeof(r->err.text));
	check_text(r->ask.prompt, sizeof(r->ask.prompt));
	demand(r->err.kind != ERR_BUG);
	if (r->verdict == EAP_V_SUCCESS)
		demand(msk && msk->len == 64 && tls_server_is_up(b->server));
	else
		demand(!msk || b->over);
	b->over |= r->verdict == EAP_V_SUCCESS || r->verdict == EAP_V_FAILURE;
	if (r->verdict == EAP_V_SEND)
		demand(r->len >= 6 && r->len <= 1020 &&
			(size_t)(r->out[2] << 8 | r->out[3]) == r->len);
	else
		demand(r->len == 0);
}

/* In a copy of its own size: reading past the end is then seen. */
static void input(struct box *b, uint8_t code, struct bytes rest)
{
	size_t n = (code == EAP_REQUEST ? 5 : 4) + rest.n;
	uint8_t *own = malloc(n);
	struct wr w = wr_init(own, n);

	demand(own != NULL);
	wr_u8(&w, code);
	wr_u8(&w, code == EAP_REQUEST ? ++b->id : b->id);
	wr_u16(&w, (uint16_t)n);
	if (code == EAP_REQUEST)
		wr_u8(&w, b->type);
	wr_bytes(&w, rest.p, rest.n);
	eap_input(b->eap, (struct bytes){ own, n }, &b->r);
	free(own);
	check(b);
}

/* All parts of what was answered, to the server. */
static void take(struct box *b)
{
	for (int i = 0; i < 70 && b->r.verdict == EAP_V_SEND; i++) {
		uint8_t flags = b->r.out[5];
		size_t at = flags & 0x80 ? 10 : 6;
		if (at < b->r.len)
			(void)!tls_server_input(
				b->server, (struct bytes){ b->r.out + at, b->r.len - at });
		if (!(flags & 0x40))
			return;
		input(b, EAP_REQUEST, (struct bytes){ "\0", 1 });
	}
}

/* What the server has to say, whole: it is cut up by who fuzzes requests. */
static bool give(struct box *b)
{
	static uint8_t octets[4000];
	size_t n = tls_server_output(b->server, octets + 1, sizeof(octets) - 1);

	octets[0] = 0;
	if (n == 0)
		return false;
	input(b, EAP_REQUEST, (struct bytes){ octets, n + 1 });
	take(b);
	return true;
}

static void shake_hands(struct box *b)
{
	input(b, EAP_REQUEST, (struct bytes){ "\x20", 1 });
	take(b);
	for (int i = 0; i < 5 && give(b); i++)
		;
}

static void say_inside(struct box *b, struct bytes plain)
{
	uint8_t out[4096];

	while (tls_server_is_up(b->server) && tls_server_read(b->server, out, sizeof(out)) > 0)
		;
	if (!tls_server_is_up(b->server) || plain.n == 0 || plain.n > 3000)
		return;
	/* The fuzz may have broken TLS by a request of its own. */
	if (!tls_server_write(b->server, plain))
		return;
	give(b);
}

static void answer(struct box *b, struct bytes text)
{
	struct passphrase p;

	eap_answer(b->eap, text.p && passphrase_set(&p, text.p, text.n) ? &p : NULL, &b->r);
	check(b);
	take(b);
}

static void converse(struct box *b, struct rd *in)
{
	while (in->left > 0 && !b->over) {
		uint8_t kind = rd_u8(in) % KINDS;
		size_t n = rd_u16(in);
		if (n > in->left)
			n = in->left;
		struct bytes octets = { rd_bytes(in, n), n };
		if (kind == REQUEST && n < 4000)
			input(b, EAP_REQUEST, octets);
		else if (kind == INSIDE)
			say_inside(b, octets);
		else if (kind == ANSWER || kind == NO_ANSWER)
			answer(b, kind == ANSWER ? octets : (struct bytes){ NULL, 0 });
		else if (kind == SUCCESS || kind == FAILURE)
			input(b, kind == SUCCESS ? EAP_SUCCESS : EAP_FAILURE,
				(struct bytes){ NULL, 0 });
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t types[] = { EAP_TLS, EAP_TTLS, EAP_PEAP };
	struct rd in = rd_init(data, size);
	uint8_t flags = rd_u8(&in), way = rd_u8(&in);
	struct box *b = calloc(1, sizeof(*b));

	demand(b != NULL);
	make_server();
	b->type = types[way % 3];
	(void)!passphrase_set(&b->password, "clientPass", 10);
	b->tls = (struct tls_config){ .trust = trust, .server = "s.example", .now = PKI_NOW };
	b->config = (struct eap_config){ .user = flags & WITH_USER ? "User" : "",
		.password = flags & WITH_PASSWORD ? &b->password : NULL,
		.methods = &b->type,
		.n_methods = 1,
		.tls = &b->tls,
		.ttls = (enum eap_ttls)(way / 3 % 3) };
	b->server = tls_server_new(&(struct tls_server_spec){
		.cert = cert, .key = key, .version = flags & OLD_TLS ? TLS1_2_VERSION : 0 });
	b->eap = eap_new(&b->config, &b->rng, NULL);
	demand(b->eap != NULL);
	if (flags & SHAKEN)
		shake_hands(b);
	converse(b, &in);
	eap_free(b->eap);
	tls_server_free(b->server);
	free(b);
	return 0;
}
