#include "cli/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "json.h"

/* RFC 3339, in UTC. */
static void put_time(struct json *j, const char *name, time_t t)
{
	struct tm tm;
	char text[40];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		json_text(j, name, text);
	else
		json_null(j, name);
}

static void put_left(struct json *j, const char *name, int64_t seconds)
{
	if (seconds < 0)
		json_null(j, name);
	else
		json_number(j, name, seconds);
}

static void put_addr(struct json *j, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	json_text(j, "address", a->family == FAMILY_NONE ? "" : addr_text(text, a));
	json_unsigned(j, "port", a->port);
}

static void put_spi(struct json *j, const char *name, const uint8_t *spi, size_t n)
{
	char text[24];

	json_text(j, name, text_hex(text, sizeof(text), spi, n));
}

static void put_spi32(struct json *j, const char *name, uint32_t spi)
{
	const uint8_t octets[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8),
		(uint8_t)spi };

	put_spi(j, name, octets, sizeof(octets));
}

/* Of a list that is cut: how many there are. */
static void put_total(struct json *j, const char *name, size_t n)
{
	char key[40];

	snprintf(key, sizeof(key), "%s_total", name);
	json_unsigned(j, key, n);
}

static void put_texts(
	struct json *j, const char *name, const char *texts, size_t size, size_t n, size_t max)
{
	json_open(j, name, '[');
	for (size_t i = 0; i < n && i < max; i++)
		json_text(j, NULL, texts + i * size);
	json_close(j, ']');
}

static void put_selectors(
	struct json *j, const char *name, const char (*ts)[SELECTOR_TEXT_MAX], size_t n)
{
	put_texts(j, name, ts[0], sizeof(ts[0]), n, STATUS_TS);
	put_total(j, name, n);
}

static void put_child(struct json *j, const struct status_child *c)
{
	json_open(j, NULL, '{');
	put_spi32(j, "spi_in", c->spi_in);
	put_spi32(j, "spi_out", c->spi_out);
	json_text(j, "mode", c->mode == SA_TUNNEL ? "tunnel" : "transport");
	json_bool(j, "encap", c->encap);
	json_text(j, "proposal", c->proposal);
	put_selectors(j, "local_ts", c->local_ts, c->n_local);
	put_selectors(j, "remote_ts", c->remote_ts, c->n_remote);
	json_unsigned(j, "bytes_in", c->bytes_in);
	json_unsigned(j, "bytes_out", c->bytes_out);
	json_unsigned(j, "packets_in", c->packets_in);
	json_unsigned(j, "packets_out", c->packets_out);
	json_unsigned(j, "replay_drops", c->replay_drops);
	json_unsigned(j, "integrity_failures", c->integrity_failures);
	put_left(j, "rekey_in", c->rekey_in);
	json_close(j, '}');
}

static void put_peers(struct json *j, const struct status *st)
{
	json_open(j, "gateway", '{');
	json_text(j, "name", st->gateway.name);
	put_addr(j, &st->gateway.address);
	json_text(j, "id", st->gateway.id);
	json_text(j, "vendor", st->gateway.vendor);
	json_text(j, "revocation", st->gateway.revocation);
	json_close(j, '}');
	json_open(j, "local", '{');
	put_addr(j, &st->local.address);
	json_text(j, "id", st->local.id);
	json_bool(j, "nat", st->local.nat);
	json_close(j, '}');
	json_open(j, "ike", '{');
	json_number(j, "version", st->ike.version);
	put_spi(j, "spi_i", st->ike.spi_i, sizeof(st->ike.spi_i));
	put_spi(j, "spi_r", st->ike.spi_r, sizeof(st->ike.spi_r));
	json_text(j, "proposal", st->ike.proposal);
	put_left(j, "rekey_in", st->ike.rekey_in);
	put_left(j, "reauth_in", st->ike.reauth_in);
	json_bool(j, "quantum_safe", st->ike.quantum_safe);
	json_bool(j, "resumed", st->ike.resumed);
	put_left(j, "ticket_for", st->ike.ticket_for);
	json_close(j, '}');
}

static void put_routes(
	struct json *j, const struct status *st, const char *name, enum route_kind kind)
{
	char text[ADDR_TEXT_MAX];

	json_open(j, name, '[');
	for (size_t i = 0; i < st->n_routes && i < STATUS_ROUTES; i++)
		if (st->routes[i].kind == kind)
			json_text(j, NULL, prefix_text(text, &st->routes[i].dst));
	json_close(j, ']');
	put_total(j, name, st->n_of_kind[kind]);
}

/* Of the routes: those that another tunnel has, for it is asked first. */
static void put_rivals(struct json *j, const struct status *st)
{
	char text[ADDR_TEXT_MAX];

	json_open(j, "elsewhere", '[');
	for (size_t i = 0; i < st->n_routes && i < STATUS_ROUTES; i++) {
		if (!st->rivals[i][0])
			continue;
		json_open(j, NULL, '{');
		json_text(j, "network", prefix_text(text, &st->routes[i].dst));
		json_text(j, "interface", st->rivals[i]);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_network(struct json *j, const struct status *st)
{
	char text[ADDR_TEXT_MAX];
	const char *unused = render_dns_unused(st);

	json_open(j, "address", '[');
	for (size_t i = 0; i < st->n_addrs; i++)
		json_text(j, NULL, prefix_text(text, &st->addrs[i]));
	json_close(j, ']');
	json_open(j, "dns", '{');
	json_open(j, "servers", '[');
	for (size_t i = 0; i < st->n_dns; i++)
		json_text(j, NULL, addr_text(text, &st->dns[i]));
	json_close(j, ']');
	put_texts(j, "domains", st->domains[0], sizeof(st->domains[0]), st->n_domains,
		NETCONF_DOMAINS);
	json_text(j, "via", st->dns_via);
	json_text(j, "unused", unused ? unused : "");
	json_close(j, '}');
	put_routes(j, st, "routes", ROUTE_TUNNEL);
	put_rivals(j, st);
	put_routes(j, st, "bypassed", ROUTE_BYPASS);
	put_routes(j, st, "blocked", ROUTE_BLOCK);
	json_text(j, "interface", st->interface);
	json_unsigned(j, "mtu", st->mtu);
}

static void put_ppp(struct json *j, const struct status *st)
{
	char text[ADDR_TEXT_MAX] = "";

	if (!st->ppp.auth[0])
		return;
	if (st->ppp.peer.family != FAMILY_NONE)
		addr_text(text, &st->ppp.peer);
	json_open(j, "ppp", '{');
	json_text(j, "auth", st->ppp.auth);
	json_text(j, "peer", text);
	json_unsigned(j, "mru", st->ppp.mru);
	json_unsigned(j, "source_port", st->ppp.source_port);
	json_text(j, "server", st->ppp.server);
	json_close(j, '}');
}

char *render_status_json(const struct status *st, time_t since)
{
	static const char *const killswitch[] = {
		[KILLSWITCH_NO] = "no",
		[KILLSWITCH_YES] = "yes",
		[KILLSWITCH_STRICT] = "strict",
	};
	struct json j = { 0 };

	json_open(&j, NULL, '{');
	json_text(&j, "profile", st->profile);
	json_text(&j, "state", render_state(st->state));
	json_text(&j, "type", st->type ? st->type : "");
	json_text(&j, "dataplane", st->dataplane ? st->dataplane : "");
	if (st->up_for < 0)
		json_null(&j, "since");
	else
		put_time(&j, "since", since);
	put_peers(&j, st);
	json_open(&j, "children", '[');
	for (size_t i = 0; i < st->n_children && i < STATUS_CHILDREN; i++)
		put_child(&j, &st->children[i]);
	json_close(&j, ']');
	put_network(&j, st);
	put_ppp(&j, st);
	json_text(&j, "killswitch", killswitch[st->killswitch]);
	json_text(&j, "keylog", st->keylog ? st->keylog : "");
	put_texts(&j, "weak", st->weak[0], sizeof(st->weak[0]), st->n_weak, STATUS_WEAK);
	json_open(&j, "rekeys", '{');
	json_unsigned(&j, "ike", st->rekeys_ike);
	json_unsigned(&j, "child", st->rekeys_child);
	json_close(&j, '}');
	json_unsigned(&j, "reconnects", st->reconnects);
	json_text(&j, "last_error", st->last_error);
	json_close(&j, '}');
	return json_done(&j);
}

/* What every event begins with. */
static void event_open(struct json *j, const char *event, const char *profile, time_t wall)
{
	json_open(j, NULL, '{');
	json_text(j, "event", event);
	json_text(j, "profile", profile);
	put_time(j, "time", wall);
}

char *render_event_json(const struct event *ev, const char *profile, time_t wall)
{
	static const char *const kinds[] = {
		[EV_STAGE] = "stage",
		[EV_UP] = "connected",
		[EV_REKEYED] = "rekeyed",
		[EV_NOT_REKEYED] = "not_rekeyed",
		[EV_MOVED] = "moved",
		[EV_GATEWAY_SAID] = "gateway_said",
		[EV_WARNING] = "warning",
		[EV_LOST] = "lost",
		[EV_RECONNECTING] = "reconnecting",
		[EV_LOG] = "log",
	};
	static const char *const levels[] = {
		[LEVEL_ERROR] = "error",
		[LEVEL_WARN] = "warn",
		[LEVEL_INFO] = "info",
		[LEVEL_DEBUG] = "debug",
		[LEVEL_TRACE] = "trace",
	};
	struct json j = { 0 };

	event_open(&j, kinds[ev->kind], profile, wall);
	json_text(&j, "level", levels[ev->level]);
	json_text(&j, "text", ev->text);
	json_close(&j, '}');
	return json_done(&j);
}

char *render_answer_json(const struct answer *a, const char *profile, time_t wall)
{
	struct json j = { 0 };
	size_t n = strlen(a->text);
	char *text = strndup(a->text, n > 0 && a->text[n - 1] == '\n' ? n - 1 : n);

	if (!text)
		return NULL;
	event_open(&j, "answer", profile, wall);
	json_text(&j, "command", a->command);
	json_number(&j, "status", a->status);
	if (a->object)
		json_raw(&j, "answer", text);
	else
		json_text(&j, "text", text);
	json_close(&j, '}');
	free(text);
	return json_done(&j);
}

char *render_down_json(const struct down *d, const char *profile, time_t wall)
{
	struct json j = { 0 };

	event_open(&j, "down", profile, wall);
	json_number(&j, "status", d->status);
	json_text(&j, "what", d->what);
	json_text(&j, "said", d->said);
	json_text(&j, "try", d->advice);
	json_close(&j, '}');
	return json_done(&j);
}
