#include "netconf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "mtu.h"
#include "pushed.h"

struct builder {
	const struct profile *p;
	const struct ike_view *view;
	const struct granted *g;
	const struct line_view *line; /* NULL: there is no L2TP */
	struct selectors whole; /* with L2TP: what the line carries */
	const struct machine *machine;
	const struct path *path;
	struct outbox *ob;
	struct route *routes;
	size_t n, cap;
	bool failed;
	bool full[2]; /* IPv4, IPv6: everything goes into the tunnel */
	size_t n_lost[2]; /* networks of these families that were agreed on and have no address, */
	struct prefix lost[2]; /* and the first of them */
	struct netconf head; /* its routes stay empty until the end */
};

static const uint8_t families[] = { FAMILY_V4, FAMILY_V6 };

static int family_index(uint8_t family)
{
	return family == FAMILY_V6;
}

static void add_route(struct builder *b, enum route_kind kind, const struct prefix *dst)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 64;
		struct route *grown = realloc(b->routes, cap * sizeof(*grown));
		if (!grown) {
			b->failed = true;
			return;
		}
		b->routes = grown;
		b->cap = cap;
	}
	b->routes[b->n++] = (struct route){ kind, *dst };
}

static bool accepted(const struct builder *b, const struct prefix *p)
{
	for (size_t i = 0; i < b->p->accept.n; i++)
		if (prefix_inside(p, &b->p->accept.v[i]))
			return true;
	return b->p->accept.n == 0;
}

static void refuse(struct builder *b, const char *what, const char *which, const char *why)
{
	outbox_event(b->ob, EV_WARNING, LEVEL_WARN, "refused the %s %s that the gateway pushes: %s",
		what, which, why);
}

static bool is_host(const struct prefix *p, const struct addr *a)
{
	return p->family == a->family && p->len == 8 * addr_len(p->family) &&
		prefix_covers(p, a->ip);
}

/* Why something that was pushed is not taken; NULL: it is. */
static const char *objection(const struct builder *b, const struct prefix *p)
{
	const char *why = pushed_unsafe(p);

	/* This would cut off the packets that carry the tunnel. */
	if (!why && is_host(p, &b->view->remote))
		why = "it is the gateway itself";
	return why;
}

static bool has_address(const struct builder *b, uint8_t family)
{
	for (size_t i = 0; i < b->head.n_addrs; i++)
		if (b->head.addrs[i].family == family)
			return true;
	return false;
}

/* Whether a child SA takes packets from any address of the family; what the line carries, one does. */
static bool takes_from(const struct builder *b, uint8_t family)
{
	for (size_t i = 0; !b->line && i < b->view->n_children; i++)
		for (size_t j = 0; j < b->view->children[i].local_ts->n; j++)
			if (b->view->children[i].local_ts->v[j].family == family)
				return true;
	return b->line;
}

/* A family can be used through the tunnel when an address of it was assigned, or none at all was. */
static bool family_usable(const struct builder *b, uint8_t family)
{
	return (has_address(b, family) || b->head.n_addrs == 0) && takes_from(b, family);
}

/* What is meant for the tunnel does not leave in the clear only because it cannot be carried. */
static void add_lost(struct builder *b, const struct prefix *dst)
{
	int f = family_index(dst->family);

	if (b->n_lost[f]++ == 0)
		b->lost[f] = *dst;
	add_route(b, ROUTE_BLOCK, dst);
}

static void add_pushed_route(struct builder *b, const struct prefix *dst)
{
	char text[ADDR_TEXT_MAX];
	const char *why = objection(b, dst);

	if (!why && !accepted(b, dst))
		why = "network.accept does not list it";
	if (why) {
		refuse(b, "route", prefix_text(text, dst), why);
		return;
	}
	if (family_usable(b, dst->family))
		add_route(b, ROUTE_TUNNEL, dst);
	else
		add_lost(b, dst);
}

/* What goes through the tunnel: the gateway's side of child SA i, or all that the line carries; NULL
 * past the end. */
static const struct selectors *carried(const struct builder *b, size_t i)
{
	if (b->line)
		return i == 0 ? &b->whole : NULL;
	return i < b->view->n_children ? b->view->children[i].remote_ts : NULL;
}

/* What has this address is asked for by it on the link, or far from here, and would not be found any more. */
static const char *needed(const struct builder *b, const struct prefix *host)
{
	if (is_host(host, &b->path->next_hop))
		return "it is this network's router";
	for (size_t i = 0; i < SESSION_NAME_SERVERS; i++)
		if (is_host(host, &b->machine->name_servers[i]))
			return "it is a name server of this machine";
	return NULL;
}

static void take_addresses(struct builder *b)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < b->g->n_addrs; i++) {
		struct prefix host = prefix_host(b->g->addrs[i].family, b->g->addrs[i].ip);
		const char *why = objection(b, &host);
		why = why ? why : needed(b, &host);
		if (why)
			refuse(b, "address", prefix_text(text, &host), why);
		else if (b->head.n_addrs < NETCONF_ADDRS)
			b->head.addrs[b->head.n_addrs++] = b->g->addrs[i];
	}
}

/* What transport mode carries goes to the gateway itself. In user space it must come by the interface;
 * our own packets, which carry it, do not follow the routes of the tunnel. */
static void route_to_gateway(struct builder *b)
{
	struct prefix host = prefix_host(b->view->remote.family, b->view->remote.ip);

	if (!b->machine->kernel)
		add_route(b, ROUTE_TUNNEL, &host);
}

static void routes_from_selectors(struct builder *b)
{
	struct prefix list[256];
	const struct selectors *ts;

	for (size_t i = 0; (ts = carried(b, i)); i++) {
		if (!b->line && b->view->children[i].mode == SA_TRANSPORT) {
			route_to_gateway(b);
			continue;
		}
		for (size_t j = 0; j < ts->n; j++) {
			size_t n = selector_prefixes(&ts->v[j], list, ARRAY_LEN(list));
			for (size_t k = 0; k < n && k < ARRAY_LEN(list); k++)
				add_pushed_route(b, &list[k]);
		}
	}
}

static bool selected(const struct builder *b, const struct prefix *p)
{
	const struct selectors *ts;
	struct selector s;

	selector_from_prefix(&s, p);
	for (size_t i = 0; (ts = carried(b, i)); i++)
		for (size_t j = 0; j < ts->n; j++)
			if (selector_inside(&s, &ts->v[j]))
				return true;
	return false;
}

/* What the gateway wants in the tunnel, where its selectors would carry everything. */
static void routes_from_subnets(struct builder *b)
{
	for (size_t i = 0; i < b->g->n_subnets; i++)
		if (selected(b, &b->g->subnets[i]))
			add_pushed_route(b, &b->g->subnets[i]);
}

/* For what the user names: own addresses will do, of which nothing was assigned. */
static bool has_source(const struct builder *b, uint8_t family)
{
	return b->line ? family_usable(b, family) : takes_from(b, family);
}

static void routes_from_profile(struct builder *b)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < b->p->route_list.n; i++) {
		const struct prefix *dst = &b->p->route_list.v[i];
		if (!selected(b, dst) || !has_source(b, dst->family))
			outbox_event(b->ob, EV_WARNING, LEVEL_WARN,
				"the gateway does not carry %s of network.routes: it goes nowhere; "
				"leave network.routes out for what the gateway carries",
				prefix_text(text, dst));
		add_route(b, ROUTE_TUNNEL, dst);
	}
}

static bool routed(const struct builder *b, const struct prefix *p)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->routes[i].kind == ROUTE_TUNNEL && prefix_inside(p, &b->routes[i].dst))
			return true;
	return false;
}

/* Two halves are everything, and then it is said in one piece as well. */
static void find_full(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct prefix low = { .family = families[i], .len = 1 },
				    high = { .family = families[i], .len = 1, .ip = { 0x80 } };
		b->full[i] = routed(b, &low) && routed(b, &high);
		if (b->full[i])
			add_route(b, ROUTE_TUNNEL, &(struct prefix){ .family = families[i] });
	}
}

/* A full tunnel for one family must not leave the other outside: a name with both kinds of
 * addresses would be reached in the clear. */
static void block_other_family(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!b->full[i] && b->full[1 - i])
			add_route(b, ROUTE_BLOCK, &(struct prefix){ .family = families[i] });
}

/* Once for a family; that a full tunnel keeps all of the other family inside is no news. */
static void tell_lost(struct builder *b)
{
	char text[ADDR_TEXT_MAX], more[32];

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		size_t n = b->n_lost[i];
		if (n == 0 || (b->full[1 - i] && b->lost[i].len == 0))
			continue;
		snprintf(more, sizeof(more), " and %zu more", n - 1);
		outbox_event(b->ob, EV_WARNING, LEVEL_WARN,
			"the gateway carries %s%s but %s %s address%s: %s nowhere",
			prefix_text(text, &b->lost[i]), n > 1 ? more : "",
			has_address(b, families[i]) ? "nothing from" : "gave no",
			families[i] == FAMILY_V6 ? "IPv6" : "IPv4",
			has_address(b, families[i]) ? "es" : "", n > 1 ? "they go" : "it goes");
	}
}

/* Whether any of its addresses are, be it for some protocols and ports only. */
static bool carried_in_part(const struct builder *b, const struct selector *named)
{
	struct selector s = *named, common;
	const struct selectors *ts;

	s.proto = 0;
	s.port_lo = 0;
	s.port_hi = UINT16_MAX;
	for (size_t i = 0; (ts = carried(b, i)); i++)
		for (size_t j = 0; j < ts->n; j++)
			if (selector_narrow(&common, &s, &ts->v[j]))
				return true;
	return false;
}

/* What the profile names for the tunnel and the gateway takes nothing of; the engine has said why. Everything, in one
 * piece or two, is no name but an offer. */
static void block_uncarried(struct builder *b)
{
	struct prefix list[256];

	for (size_t i = 0; !b->line && i < b->p->remote_ts.n; i++) {
		const struct selector *s = &b->p->remote_ts.v[i];
		size_t n = carried_in_part(b, s) ? 0 : selector_prefixes(s, list, ARRAY_LEN(list));
		for (size_t k = 0; k < n && k < ARRAY_LEN(list); k++)
			if (list[k].len > 1 && !objection(b, &list[k]))
				add_route(b, ROUTE_BLOCK, &list[k]);
	}
}

/* Past a kill switch only what the profile says goes, and everything is not what stays out of a tunnel. */
static void exclude_pushed(struct builder *b)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < b->g->n_excluded; i++) {
		const struct prefix *p = &b->g->excluded[i];
		const char *why = pushed_unsafe(p);
		if (!why && !accepted(b, p))
			why = "network.accept does not list it";
		if (!why && b->p->killswitch != KILLSWITCH_NO)
			why = "the kill switch lets nothing past the tunnel but network.exclude";
		if (!why && p->len < 2)
			why = "it is too much to stay outside";
		if (why)
			refuse(b, "exclusion of", prefix_text(text, p), why);
		else
			add_route(b, ROUTE_BYPASS, p);
	}
}

static void take_routes(struct builder *b)
{
	if (b->p->routes == CHOICE_AUTO && b->g->split)
		routes_from_subnets(b);
	else if (b->p->routes == CHOICE_AUTO)
		routes_from_selectors(b);
	else if (b->p->routes == CHOICE_LIST)
		routes_from_profile(b);
	if (b->p->routes == CHOICE_AUTO)
		block_uncarried(b);
	find_full(b);
	block_other_family(b);
	tell_lost(b);
	if (b->p->routes == CHOICE_AUTO)
		exclude_pushed(b);
	for (size_t i = 0; i < b->p->exclude.n; i++)
		add_route(b, ROUTE_BYPASS, &b->p->exclude.v[i]);
}

static int route_order(const struct route *a, const struct route *b)
{
	int c = a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : a->dst.family - b->dst.family;

	c = c ? c : a->dst.len - b->dst.len;
	return c ? c : memcmp(a->dst.ip, b->dst.ip, sizeof(a->dst.ip));
}

struct placed {
	struct route route;
	size_t at;
};

static int placed_order(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;
	int c = route_order(&a->route, &b->route);

	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

/* Each only once, where it came first. Sorted, for there may be thousands. */
static void drop_repeated(struct builder *b)
{
	struct placed *sorted = calloc(b->n + 1, sizeof(*sorted));
	bool *again = calloc(b->n + 1, sizeof(*again));
	size_t n = 0;

	b->failed |= !sorted || !again;
	for (size_t i = 0; i < b->n && !b->failed; i++)
		sorted[i] = (struct placed){ b->routes[i], i };
	if (b->n > 1 && !b->failed)
		qsort(sorted, b->n, sizeof(*sorted), placed_order);
	for (size_t i = 1; i < b->n && !b->failed; i++)
		again[sorted[i].at] = route_order(&sorted[i - 1].route, &sorted[i].route) == 0;
	for (size_t i = 0; i < b->n && !b->failed; i++)
		if (!again[i])
			b->routes[n++] = b->routes[i];
	b->n = n;
	free(sorted);
	free(again);
}

static void take_dns_server(struct builder *b, const struct addr *a)
{
	struct prefix host = prefix_host(a->family, a->ip);

	if (b->head.n_dns == NETCONF_DNS)
		return;
	b->head.dns[b->head.n_dns++] = *a;
	/* Questions go through the tunnel also where the routes are fewer than the selectors. */
	if (b->p->routes != CHOICE_NONE && selected(b, &host) && family_usable(b, a->family) &&
		!routed(b, &host))
		add_route(b, ROUTE_TUNNEL, &host);
}

static void take_pushed_dns(struct builder *b)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < b->g->n_dns; i++) {
		const struct addr *a = &b->g->dns[i];
		struct prefix host = prefix_host(a->family, a->ip);
		const char *why = pushed_unsafe(&host);
		/* It gets a route of its own, so it is no less pushed than a route is. */
		if (!why && !accepted(b, &host))
			why = "network.accept does not list it";
		if (!why && !family_usable(b, a->family))
			continue;
		/* Or our questions go, in the clear, to whomever the gateway names. */
		if (!why && !selected(b, &host))
			why = "the tunnel does not carry it";
		if (why)
			refuse(b, "DNS server", addr_text(text, a), why);
		else
			take_dns_server(b, a);
	}
}

/* Where all goes into the tunnel but what is on the link, a name server there is asked outside, as before. */
static void tell_servers_here(struct builder *b)
{
	char text[ADDR_TEXT_MAX];

	if (!b->full[0] && !b->full[1])
		return;
	for (size_t i = 0; i < SESSION_NAME_SERVERS; i++) {
		const struct addr *a = &b->machine->name_servers[i];
		struct prefix host = prefix_host(a->family, a->ip);
		if (!a->family || !prefix_is_lan(&host))
			continue;
		outbox_event(b->ob, EV_WARNING, LEVEL_WARN,
			"the tunnel has no name servers: names are asked of %s as before, outside "
			"of the tunnel if that is in this network; right would be those behind the "
			"gateway in network.dns, or network.lan = no",
			addr_text(text, a));
		return;
	}
}

static void take_domain(struct builder *b, const char *text, bool pushed)
{
	char safe[DOMAIN_TEXT_MAX];

	if (b->head.n_domains == NETCONF_DOMAINS)
		return;
	if (domain_clean(b->head.domains[b->head.n_domains], text))
		b->head.n_domains++;
	else if (pushed)
		refuse(b, "domain", text_safe(safe, sizeof(safe), text, strlen(text)),
			"it is no domain name");
}

static void take_dns(struct builder *b)
{
	if (b->p->dns == CHOICE_NONE)
		return;
	if (b->p->dns == CHOICE_AUTO)
		take_pushed_dns(b);
	for (size_t i = 0; b->p->dns == CHOICE_LIST && i < b->p->n_dns; i++)
		take_dns_server(b, &b->p->dns_list[i]);
	if (b->head.n_dns == 0 && b->p->lan)
		tell_servers_here(b);
	for (size_t i = 0; i < b->p->n_domains; i++)
		take_domain(b, b->p->domains[i], false);
	bool pushed = b->p->dns == CHOICE_AUTO && b->p->n_domains == 0;
	for (size_t i = 0; pushed && i < b->g->n_domains; i++)
		take_domain(b, b->g->domains[i], true);
	b->head.dns_default = b->full[0] || b->full[1] || b->head.n_domains == 0;
}

/* PPP has limits of its own. */
static uint16_t ppp_mtu(const struct profile *p, const struct ike_view *view,
	const struct ppp_view *ppp, uint16_t path_mtu)
{
	uint16_t fits = p->mtu ? p->mtu : mtu_line(view, path_mtu);
	uint16_t most = ppp->peer_mru < PPP_MRU_DEFAULT ? ppp->peer_mru : PPP_MRU_DEFAULT;

	return fits < most ? fits : most;
}

static uint16_t inner_mtu(const struct builder *b, uint16_t path_mtu)
{
	bool v6 = false;

	if (b->line)
		return ppp_mtu(b->p, b->view, &b->line->ppp, path_mtu);
	if (b->p->mtu)
		return b->p->mtu;
	for (size_t i = 0; i < b->head.n_addrs; i++)
		v6 = v6 || b->head.addrs[i].family == FAMILY_V6;
	uint16_t mtu = mtu_children(b->view, path_mtu);
	return v6 && mtu < IPV6_LEAST_MTU ? IPV6_LEAST_MTU : mtu;
}

static void line_address(struct granted *out, const struct addr *a)
{
	if (a->family != FAMILY_NONE)
		out->addrs[out->n_addrs++] = prefix_host(a->family, a->ip);
}

/* As if a gateway of IKE had granted it. IPv6 needs room for its packets. */
static void line_granted(struct granted *out, const struct ppp_view *ppp, bool v6)
{
	*out = (struct granted){ 0 };
	line_address(out, &ppp->local);
	if (v6)
		line_address(out, &ppp->local6);
	for (uint32_t i = 0; i < ppp->n_dns; i++)
		out->dns[out->n_dns++] = ppp->dns[i];
}

/* Packets from another address are not what was agreed on. */
static void none_left(const struct granted *g, struct err *e)
{
	char text[ADDR_TEXT_MAX], more[32];
	struct prefix host = prefix_host(g->addrs[0].family, g->addrs[0].ip);

	prefix_text(text, &host);
	text[strcspn(text, "/")] = 0;
	snprintf(more, sizeof(more), " (and %" PRIu32 " more)", g->n_addrs - 1);
	err_set(e, ERR_PEER, "the gateway gave %s%s, which cannot be this machine's address", text,
		g->n_addrs > 1 ? more : "");
}

static struct netconf *build(const struct profile *p, const struct ike_view *view,
	const struct granted *g, const struct line_view *line, const struct machine *machine,
	const struct path *path, struct outbox *ob, struct err *e)
{
	struct builder b = { .p = p,
		.view = view,
		.g = g,
		.line = line,
		.machine = machine,
		.path = path,
		.ob = ob };

	for (size_t i = 0; line && i < g->n_addrs; i++)
		selector_all(&b.whole.v[b.whole.n++], g->addrs[i].family);
	b.head.lan = p->lan;
	b.head.killswitch = p->killswitch;
	b.head.gateway = view->remote;
	take_addresses(&b);
	if (g->n_addrs > 0 && b.head.n_addrs == 0) {
		none_left(g, e);
		return NULL;
	}
	take_routes(&b);
	take_dns(&b);
	drop_repeated(&b);
	b.head.mtu = inner_mtu(&b, path->mtu);
	b.head.n_routes = (uint32_t)b.n;

	size_t size = sizeof(b.head) + b.n * sizeof(*b.routes);
	struct netconf *copy = b.failed ? NULL : malloc(size);
	struct netconf *action = copy ? outbox_add(ob, ACT_NETCONF, size) : NULL;
	if (action) {
		*copy = b.head;
		if (b.n > 0)
			memcpy(copy->routes, b.routes, b.n * sizeof(*b.routes));
		memcpy(action, copy, size);
	}
	free(b.routes);
	if (!action) {
		free(copy);
		ob->failed = true;
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	return copy;
}

struct netconf *netconf_build(const struct profile *p, const struct ike_view *view,
	const struct granted *g, const struct line_view *line, const struct machine *machine,
	const struct path *path, struct outbox *ob, struct err *e)
{
	struct granted *by_line = line ? malloc(sizeof(*by_line)) : NULL;

	if (line && !by_line) {
		ob->failed = true;
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	if (line)
		line_granted(by_line, &line->ppp,
			ppp_mtu(p, view, &line->ppp, path->mtu) >= IPV6_LEAST_MTU);
	struct netconf *made = build(p, view, line ? by_line : g, line, machine, path, ob, e);
	free(by_line);
	return made;
}

bool netconf_guard(const struct profile *p, enum killswitch kill, struct outbox *ob)
{
	size_t n = kill == KILLSWITCH_NO ? 0 : p->exclude.n;
	struct netconf *c = outbox_add(ob, ACT_NETCONF, sizeof(*c) + n * sizeof(c->routes[0]));

	if (!c)
		return false;
	c->killswitch = kill;
	c->lan = p->lan;
	for (c->n_routes = 0; c->n_routes < n; c->n_routes++)
		c->routes[c->n_routes] = (struct route){ ROUTE_BYPASS, p->exclude.v[c->n_routes] };
	return true;
}
