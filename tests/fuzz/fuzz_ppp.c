/*
 * A gateway and a user made of fuzz against the client's end of a PPP link.
 *
 * Input: one octet of configuration, then records: kind, length in two octets, octets. Kinds: a
 * frame, an answer, no answer, time that goes by (length is tenths of a second), a frame of the protocol
 * that the first octet picks, with the lengths made right so that more of them get further.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ipsum.h"
#include "base/names.h"
#include "base/types.h"
#include "ppp/ppp.h"
#include "ppp/ra.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_PASSWORD = 1, WITH_USER = 2, WITH_IPV6 = 4, ONLY_MSCHAPV2 = 8, STOP_AT_THE_END = 16 };
enum { FRAME, ANSWER, NO_ANSWER, TIME, MADE, ADVERT, KINDS };

struct world {
	struct ppp *ppp;
	struct outbox ob;
	uint64_t now;
	uint32_t question;
};

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text, size_t size)
{
	char again[EVENT_TEXT_MAX];

	demand(memchr(text, 0, size) != NULL);
	demand(strcmp(text_safe(again, sizeof(again), text, strlen(text)), text) == 0);
}

/* A frame of ours has a whole packet with its own length, and nothing behind it. */
static void check_frame(struct bytes frame)
{
	uint16_t protocol;
	struct bytes info;

	demand(frame.n <= PPP_FRAME_MAX + 64 && ppp_read_frame(frame, &protocol, &info));
	struct rd r = rd_init(info.p, info.n);
	rd_u16(&r);
	demand(rd_u16(&r) == info.n && !r.bad);
}

static void check(struct world *w)
{
	struct ppp_view v;
	struct bytes frame;
	unsigned frames = 0;

	for (size_t i = 0; i < w->ob.n; i++) {
		const void *what = outbox_get(&w->ob, i);
		demand(w->ob.actions[i].kind == ACT_ASK || w->ob.actions[i].kind == ACT_EVENT);
		if (w->ob.actions[i].kind == ACT_ASK) {
			w->question = ((const struct ask *)what)->id;
			check_text(((const struct ask *)what)->prompt, PROMPT_TEXT_MAX);
		} else {
			check_text(((const struct event *)what)->text, EVENT_TEXT_MAX);
		}
	}
	outbox_clear(&w->ob);
	for (; ppp_output(w->ppp, &frame); frames++)
		check_frame(frame);
	demand(frames <= 8);
	ppp_view(w->ppp, &v);
	check_text(v.failure.text, sizeof(v.failure.text));
	demand(v.failure.kind != ERR_BUG);
	demand((v.phase == PPP_DEAD) >= (v.failure.kind != ERR_NONE));
	demand(v.phase != PPP_UP || v.ipv4 || v.local6.family == FAMILY_V6);
	demand(!v.ipv4 || v.local.family == FAMILY_V4);
	demand(v.phase != PPP_DEAD || ppp_deadline(w->ppp) == TIME_NEVER);
	demand(ppp_deadline(w->ppp) > w->now);
}

static void made(struct world *w, struct bytes b)
{
	static const uint16_t protocols[] = { PPP_LCP, PPP_PAP, PPP_CHAP, PPP_EAP, PPP_IPCP,
		PPP_IPV6CP, PPP_CCP };
	uint8_t room[2048];
	struct wr frame = wr_init(room, sizeof(room));
	struct rd r = rd_init(b.p, b.n);

	wr_u16(&frame, protocols[rd_u8(&r) % ARRAY_LEN(protocols)]);
	wr_u8(&frame, rd_u8(&r) % 16);
	wr_u8(&frame, rd_u8(&r));
	wr_u16(&frame, (uint16_t)(4 + r.left));
	wr_bytes(&frame, r.p, r.left);
	if (!frame.bad)
		ppp_input(w->ppp, w->now, (struct bytes){ room, frame.len }, &w->ob);
}

/* A router advertisement of the gateway's whose checksum is right; all behind that is the input's. */
static void advert(struct world *w, struct bytes b)
{
	static const uint8_t addrs[32] = { 0xfe, 0x80, [15] = 9, [16] = 0xff, [17] = 2, [31] = 1 };
	uint8_t room[2048];
	struct wr frame = wr_init(room, sizeof(room));
	size_t len = 4 + b.n;

	wr_u16(&frame, PPP_IPV6);
	wr_u32(&frame, 6u << 28);
	wr_u32(&frame, (uint32_t)len << 16 | 58 << 8 | 255);
	wr_bytes(&frame, addrs, sizeof(addrs));
	wr_u32(&frame, 134u << 24);
	wr_bytes(&frame, b.p, b.n);
	if (frame.bad)
		return;
	uint32_t sum = ipsum_add(ipsum_pseudo(addrs, 16, 58, len), room + 42, len);
	wr_patch_u16(&frame, 44, ipsum_fold(sum));
	ppp_input(w->ppp, w->now, (struct bytes){ room, frame.len }, &w->ob);
}

static void record(struct world *w, uint8_t kind, struct bytes b)
{
	struct passphrase text;

	switch (kind % KINDS) {
	case FRAME:
		ppp_input(w->ppp, w->now, b, &w->ob);
		break;
	case ANSWER:
		if (passphrase_set(&text, b.p, b.n))
			ppp_answer(w->ppp, w->now, w->question, &text, &w->ob);
		break;
	case NO_ANSWER:
		ppp_answer(w->ppp, w->now, w->question, NULL, &w->ob);
		break;
	case TIME:
		w->now += 100 * (b.n + 1);
		break;
	case MADE:
		made(w, b);
		break;
	case ADVERT:
		advert(w, b);
		break;
	}
	/* A deadline that has come is served, as an edge would. */
	for (unsigned i = 0; ppp_deadline(w->ppp) <= w->now; i++) {
		demand(i < 16);
		ppp_tick(w->ppp, w->now, &w->ob);
	}
	check(w);
}

static void converse(struct world *w, struct rd *in)
{
	while (in->left > 0) {
		uint8_t kind = rd_u8(in);
		size_t n = rd_u16(in);
		if (n > in->left)
			n = in->left;
		/* A copy of its own size: reading past the end is then seen. */
		uint8_t *own = malloc(n ? n : 1);
		demand(own != NULL);
		rd_copy(in, own, n);
		record(w, kind, (struct bytes){ own, n });
		free(own);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t methods[] = { EAP_MSCHAPV2, EAP_GTC, EAP_MD5 }, seed[RNG_SEED_LEN];
	struct rd in = rd_init(data, size);
	uint8_t flags = rd_u8(&in);
	struct world w = { .now = 1000 };
	struct passphrase password;
	struct rng rng;

	rng_seed(&rng, seed);
	if (!passphrase_set(&password, "clientPass", 10))
		return 0;
	struct ppp_config config = { .user = flags & WITH_USER ? "User" : "",
		.password = flags & WITH_PASSWORD ? &password : NULL,
		.auth = { PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP, PPP_AUTH_PAP, PPP_AUTH_EAP },
		.n_auth = flags & ONLY_MSCHAPV2 ? 1 : PPP_AUTHS,
		.eap = methods,
		.n_eap = ARRAY_LEN(methods),
		.mru = 1400,
		.ipv4 = true,
		.ipv6 = flags & WITH_IPV6,
		.echo_interval = SECONDS(30) };
	outbox_init(&w.ob);
	w.ppp = ppp_new(&config, &rng, NULL);
	demand(w.ppp != NULL);
	ppp_start(w.ppp, w.now, &w.ob);
	check(&w);
	converse(&w, &in);
	if (flags & STOP_AT_THE_END)
		ppp_stop(w.ppp, w.now, &w.ob);
	ppp_free(w.ppp);
	outbox_free(&w.ob);
	return 0;
}
