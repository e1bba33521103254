#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

const char *render_state(enum conn_state s)
{
	static const char *const names[] = {
		[STATE_CONNECTING] = "connecting",
		[STATE_UP] = "up",
		[STATE_REKEYING] = "rekeying",
		[STATE_RECONNECTING] = "reconnecting",
		[STATE_DOWN] = "down",
	};

	return names[s];
}

/* --- pieces ------------------------------------------------------------------------------------ */

static const char *const bold = "1", *const green = "32", *const yellow = "33", *const red = "31";

/* Text in a colour, where colours are wanted. */
static void put_colored(FILE *f, bool color, const char *code, const char *text)
{
	if (color)
		fprintf(f, "\033[%sm%s\033[0m", code, text);
	else
		fputs(text, f);
}

enum { SHORT_MAX = 32 };

/* "35s", "12m", "3h20m", "4d2h": two units say enough. */
static char *short_time(char out[SHORT_MAX], int64_t s)
{
	if (s < 60)
		snprintf(out, SHORT_MAX, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(out, SHORT_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, SHORT_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(out, SHORT_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400, s % 86400 / 3600);
	return out;
}

/* "in 12m05s"; less than nothing is never. */
static char *short_left(char out[SHORT_MAX], int64_t s)
{
	char t[SHORT_MAX];

	snprintf(out, SHORT_MAX, "%s%.20s", s < 0 ? "never" : "in ", s < 0 ? "" : short_time(t, s));
	return out;
}

/* "1.4 MB", in powers of 1000. */
static char *short_size(char out[SHORT_MAX], double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	size_t unit = 0;

	while (n >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		n /= 1000;
		unit++;
	}
	snprintf(out, SHORT_MAX, unit > 0 && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return out;
}

/* The label of a line, and all lines behind it start in one column. */
static void label(FILE *f, const char *name)
{
	fprintf(f, "  %-9s ", name);
}

/* Words on as many lines of 80 columns as they need, lined up behind the label. */
struct list {
	FILE *f;
	const char *name;
	size_t column;
	size_t n;
};

static void list_add(struct list *l, const char *word)
{
	size_t len = strlen(word);

	if (l->n == 0) {
		label(l->f, l->name);
		l->column = 12;
	} else if (l->column + 2 + len > 79) {
		fprintf(l->f, ",\n%12s", "");
		l->column = 12;
	} else {
		fputs(", ", l->f);
		l->column += 2;
	}
	fputs(word, l->f);
	l->column += len;
	l->n++;
}

static void list_end(struct list *l, size_t left_out)
{
	char more[40];

	if (left_out > 0) {
		snprintf(more, sizeof(more), "and %zu more", left_out);
		list_add(l, more);
	}
	if (l->n > 0)
		fputc('\n', l->f);
}

/* Closes the stream over *text: NULL when memory ran out. */
static char *finish(FILE *f, char **text)
{
	bool bad = ferror(f);

	if (fclose(f) != 0 || bad) {
		free(*text);
		return NULL;
	}
	return *text;
}

/* --- status ------------------------------------------------------------------------------------ */

static const char *state_color(enum conn_state s)
{
	switch (s) {
	case STATE_UP:
	case STATE_REKEYING:
		return green;
	case STATE_CONNECTING:
	case STATE_RECONNECTING:
		return yellow;
	case STATE_DOWN:
		break;
	}
	return red;
}

static void put_head(FILE *f, const struct status *st, bool color)
{
	char t[SHORT_MAX];

	put_colored(f, color, bold, st->profile);
	fputs(": ", f);
	put_colored(f, color, state_color(st->state), render_state(st->state));
	if (st->up_for >= 0)
		fprintf(f, " for %s", short_time(t, st->up_for));
	fprintf(f, " (%s, %s)\n", st->type ? st->type : "?",
		st->dataplane ? st->dataplane : "no data plane yet");
}

static void put_peer(FILE *f, const struct status *st)
{
	char a[ADDR_TEXT_MAX];

	label(f, "gateway");
	fputs(st->gateway.name, f);
	if (st->gateway.address.family != FAMILY_NONE)
		fprintf(f, " at %s", addr_port_text(a, &st->gateway.address));
	fputc('\n', f);
	if (st->gateway.id[0]) {
		label(f, "");
		fprintf(f, "proved to be %s%s%s%s\n", st->gateway.id,
			st->gateway.vendor[0] ? ", " : "", st->gateway.vendor,
			strcmp(st->gateway.revocation, "good") == 0 ? ", not revoked" : "");
		if (strncmp(st->gateway.revocation, "unknown", 7) == 0) {
			label(f, "");
			fputs("whether its certificate is revoked is not known\n", f);
		}
	}
	if (st->local.address.family != FAMILY_NONE) {
		label(f, "from");
		fprintf(f, "%s%s%s%s\n", addr_port_text(a, &st->local.address),
			st->local.nat ? ", behind NAT" : "", st->local.id[0] ? ", as " : "",
			st->local.id);
	}
}

static void put_children(FILE *f, const struct status *st)
{
	char in[SHORT_MAX], out[SHORT_MAX], t[SHORT_MAX];

	for (size_t i = 0; i < st->n_children && i < STATUS_CHILDREN; i++) {
		const struct status_child *c = &st->children[i];
		label(f, i == 0 ? "child" : "");
		fprintf(f, "%s%s, new keys %s\n", c->proposal, c->encap ? " in UDP" : "",
			short_left(t, c->rekey_in));
		struct list l = { .f = f, .name = "" };
		for (size_t k = 0; k < c->n_remote && k < STATUS_TS; k++)
			list_add(&l, c->remote_ts[k]);
		list_end(&l, c->n_remote > STATUS_TS ? c->n_remote - STATUS_TS : 0);
		label(f, "");
		fprintf(f, "in %s, %" PRIu64 " packet%s; out %s, %" PRIu64 " packet%s\n",
			short_size(in, (double)c->bytes_in), c->packets_in, plural(c->packets_in),
			short_size(out, (double)c->bytes_out), c->packets_out,
			plural(c->packets_out));
		if (c->replay_drops || c->integrity_failures) {
			label(f, "");
			fprintf(f, "dropped: %" PRIu64 " replayed, %" PRIu64 " forged or damaged\n",
				c->replay_drops, c->integrity_failures);
		}
	}
}

enum { ROUTES_SHOWN = 8 };

const char *render_dns_unused(const struct status *st)
{
	if (st->n_dns == 0 || st->dns_via[0])
		return NULL;
	return st->dns_covered ? "another tunnel's took their place" : "they could not be set";
}

enum { ROUTE_WORD_MAX = ADDR_TEXT_MAX + 40 };

/* Where another tunnel is asked first: into which it goes. */
static char *route_word(char out[ROUTE_WORD_MAX], const struct status *st, size_t at)
{
	char p[ADDR_TEXT_MAX];

	prefix_text(p, &st->routes[at].dst);
	if (st->rivals[at][0])
		snprintf(out, ROUTE_WORD_MAX, "%s (but goes into %s)", p, st->rivals[at]);
	else
		snprintf(out, ROUTE_WORD_MAX, "%s", p);
	return out;
}

static void put_routes(FILE *f, const struct status *st, const char *name, enum route_kind kind)
{
	struct list l = { .f = f, .name = name };
	char text[ROUTE_WORD_MAX];
	size_t shown = 0;

	for (size_t i = 0; i < st->n_routes && i < STATUS_ROUTES; i++)
		if (st->routes[i].kind == kind && shown < ROUTES_SHOWN) {
			list_add(&l, route_word(text, st, i));
			shown++;
		}
	list_end(&l, st->n_of_kind[kind] - shown);
}

static void put_inside(FILE *f, const struct status *st)
{
	struct list l = { .f = f, .name = "address" };
	char text[ROUTE_WORD_MAX];
	const char *unused = render_dns_unused(st);

	for (size_t i = 0; i < st->n_addrs; i++)
		list_add(&l, prefix_text(text, &st->addrs[i]));
	if (st->interface[0] && st->mtu > 0) {
		snprintf(text, sizeof(text), "on %s, MTU %u", st->interface, st->mtu);
		list_add(&l, text);
	}
	list_end(&l, 0);
	put_routes(f, st, "routes", ROUTE_TUNNEL);
	l = (struct list){ .f = f, .name = "dns" };
	for (size_t i = 0; i < st->n_dns; i++)
		list_add(&l, addr_text(text, &st->dns[i]));
	for (size_t i = 0; i < st->n_domains && i < NETCONF_DOMAINS; i++)
		list_add(&l, st->domains[i]);
	if (unused) {
		snprintf(text, sizeof(text), "not in use: %s", unused);
		list_add(&l, text);
	} else if (l.n > 0 && st->dns_via[0]) {
		snprintf(text, sizeof(text), "via %s", st->dns_via);
		list_add(&l, text);
	}
	list_end(&l, 0);
}

static void put_ppp(FILE *f, const struct status *st)
{
	char text[ADDR_TEXT_MAX];

	if (!st->ppp.auth[0])
		return;
	label(f, "l2tp");
	fprintf(f, "%s\n", st->ppp.server);
	label(f, "ppp");
	fprintf(f, "logged in by %s", st->ppp.auth);
	if (st->ppp.peer.family != FAMILY_NONE)
		fprintf(f, ", to %s", addr_text(text, &st->ppp.peer));
	fprintf(f, ", MRU %u\n", st->ppp.mru);
}

/* What goes nowhere: what the gateway refused or the tunnel cannot carry, and by the kill switch all else. */
static void put_blocked(FILE *f, const struct status *st)
{
	put_routes(f, st, "blocked", ROUTE_BLOCK);
	if (st->killswitch == KILLSWITCH_NO)
		return;
	label(f, st->n_of_kind[ROUTE_BLOCK] > 0 ? "" : "blocked");
	fprintf(f, "all that is not in the tunnel (kill switch%s)\n",
		st->killswitch == KILLSWITCH_STRICT ? ", strict" : "");
}

/* Loudly, in whatever colour. */
static void put_keylog(FILE *f, const struct status *st, bool color)
{
	char path[1024];

	if (!st->keylog)
		return;
	text_safe(path, sizeof(path), st->keylog, strlen(st->keylog));
	label(f, "keys");
	put_colored(f, color, red, "KEYS ARE WRITTEN");
	fprintf(f, " to %s\n", path);
}

static void put_warnings(FILE *f, const struct status *st, bool color)
{
	if (st->n_weak > 0) {
		label(f, "");
		put_colored(f, color, yellow, "WEAK");
		for (size_t i = 0; i < st->n_weak && i < STATUS_WEAK; i++)
			fprintf(f, "%s %s", i ? "," : "", st->weak[i]);
		fputc('\n', f);
	}
	if (st->rekeys_ike || st->rekeys_child || st->reconnects) {
		label(f, "rekeyed");
		fprintf(f, "IKE SA %u, child SA %u time%s; reconnected %u time%s\n", st->rekeys_ike,
			st->rekeys_child, plural(st->rekeys_child), st->reconnects,
			plural(st->reconnects));
	}
	if (st->last_error[0]) {
		label(f, "last");
		put_colored(f, color, red, st->last_error);
		fputc('\n', f);
	}
}

static void put_ticket(FILE *f, const struct status *st)
{
	char t[SHORT_MAX];

	if (!st->ike.resumed && st->ike.ticket_for < 0)
		return;
	label(f, "");
	fprintf(f, "%s", st->ike.resumed ? "resumed without a new login" : "");
	if (st->ike.ticket_for >= 0)
		fprintf(f, "%scan be resumed after a loss, for %s", st->ike.resumed ? "; " : "",
			short_time(t, st->ike.ticket_for));
	fputc('\n', f);
}

char *render_status_text(const struct status *st, bool color)
{
	char *text = NULL, t[SHORT_MAX];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	put_head(f, st, color);
	put_peer(f, st);
	if (st->ike.proposal[0]) {
		label(f, "ike");
		fprintf(f, "%s, new keys %s%s\n", st->ike.proposal, short_left(t, st->ike.rekey_in),
			st->ike.quantum_safe ? ", quantum safe" : "");
	}
	if (st->ike.reauth_in >= 0) {
		label(f, "");
		fprintf(f, "the gateway wants a new login, %s%s\n",
			st->ike.reauth_in > 0 ? "in " : "now",
			st->ike.reauth_in > 0 ? short_time(t, st->ike.reauth_in) : "");
	}
	put_ticket(f, st);
	put_children(f, st);
	put_ppp(f, st);
	put_inside(f, st);
	put_blocked(f, st);
	put_keylog(f, st, color);
	put_warnings(f, st, color);
	return finish(f, &text);
}

/* --- the rest ---------------------------------------------------------------------------------- */

/* What was typed and what a file holds may stand in the sentences of a failure. */
char *render_failure(const struct down *d, bool color)
{
	char *text = NULL, what[sizeof(d->what)], said[sizeof(d->said)], advice[sizeof(d->advice)];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	text_safe(what, sizeof(what), d->what, strlen(d->what));
	text_safe(said, sizeof(said), d->said, strlen(d->said));
	text_safe(advice, sizeof(advice), d->advice, strlen(d->advice));
	put_colored(f, color, red, what[0] ? what : "it failed");
	fprintf(f, "\nthe gateway said: %s\ntry: %s\n", said[0] ? said : "nothing",
		advice[0] ? advice : "again, with --log-level debug");
	return finish(f, &text);
}

char *render_routes(const struct status *st)
{
	static const char *const kinds[] = {
		[ROUTE_TUNNEL] = "into the tunnel",
		[ROUTE_BYPASS] = "past the tunnel",
		[ROUTE_BLOCK] = "nowhere",
	};
	char *text = NULL, p[ADDR_TEXT_MAX];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (size_t i = 0; i < st->n_routes && i < STATUS_ROUTES; i++) {
		fprintf(f, "  %-44s ", prefix_text(p, &st->routes[i].dst));
		if (st->rivals[i][0])
			fprintf(f, "into another tunnel (%s)\n", st->rivals[i]);
		else
			fprintf(f, "%s\n", kinds[st->routes[i].kind]);
	}
	if (st->n_routes > STATUS_ROUTES)
		fprintf(f, "  and %zu more\n", st->n_routes - STATUS_ROUTES);
	if (st->n_routes == 0)
		fputs("  no routes\n", f);
	return finish(f, &text);
}

char *render_dns(const struct status *st)
{
	char *text = NULL, a[ADDR_TEXT_MAX];
	const char *unused = render_dns_unused(st);
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (size_t i = 0; i < st->n_dns; i++)
		fprintf(f, "  server  %s\n", addr_text(a, &st->dns[i]));
	for (size_t i = 0; i < st->n_domains && i < NETCONF_DOMAINS; i++)
		fprintf(f, "  domain  %s\n", st->domains[i]);
	if (st->dns_via[0])
		fprintf(f, "  via     %s\n", st->dns_via);
	else if (unused)
		fprintf(f, "  not in use: %s\n  names are asked %s\n", unused,
			st->dns_covered ? "there until it ends" : "as before (log has the reason)");
	if (st->n_dns == 0)
		fputs("  the tunnel has no name servers\n", f);
	return finish(f, &text);
}

/* Counters begin again with every new SA: what is less than before starts from nothing. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return (double)(now >= before ? now - before : now) / (seconds > 0 ? seconds : 1);
}

enum {
	TRAFFIC_COLUMNS = 72, /* with packets that are counted in millions */
	TRAFFIC_NARROW = 28
};

char *render_traffic(
	const struct status *before, const struct status *now, double seconds, unsigned columns)
{
	uint64_t sums[2][4] = { { 0 } };
	const struct status *both[] = { before, now };
	char in[SHORT_MAX], out[SHORT_MAX], *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < both[s]->n_children && i < STATUS_CHILDREN; i++) {
			const struct status_child *c = &both[s]->children[i];
			sums[s][0] += c->bytes_in;
			sums[s][1] += c->bytes_out;
			sums[s][2] += c->packets_in;
			sums[s][3] += c->packets_out;
		}
	short_size(in, rate(sums[0][0], sums[1][0], seconds));
	short_size(out, rate(sums[0][1], sums[1][1], seconds));
	if (columns < TRAFFIC_NARROW)
		fprintf(f, "rx %s tx %s", in, out);
	else if (columns < TRAFFIC_COLUMNS)
		fprintf(f, "in %s/s   out %s/s", in, out);
	else
		fprintf(f, "in %s/s, %.0f packets/s   out %s/s, %.0f packets/s", in,
			rate(sums[0][2], sums[1][2], seconds), out,
			rate(sums[0][3], sums[1][3], seconds));
	if (!finish(f, &text))
		return NULL;
	if (columns > 0 && len >= columns) /* it is written over, which more than a row cannot be */
		text[columns - 1] = 0;
	return text;
}
