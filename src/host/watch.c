#include "priv.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"

/*
 * What happens to the machine's network. The kernel tells of everything, ours included; what counts
 * is whether the way to the gateway is another one than before. So a message that might matter only
 * makes us look, and an event is reported when the answer differs.
 */

/* An interface that is taken down this long is meant to be down, and not on its way to another name or
 * setting. */
enum { DOWN_MS = 1000 };

bool watch_add(struct host *h, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(h->events, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool open_events(struct host *h)
{
	h->events = epoll_create1(EPOLL_CLOEXEC);
	h->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	return h->events >= 0 && h->timer >= 0 && watch_add(h, nl_socket_get_fd(h->monitor)) &&
		watch_add(h, h->timer);
}

bool watch_open(struct host *h, struct err *e)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
		RTNLGRP_IPV6_IFINFO };

	h->monitor =
		nl_listen(NETLINK_ROUTE, groups, ARRAY_LEN(groups), "the machine's network", e);
	return h->monitor &&
		(open_events(h) ||
			err_set(e, ERR_LOCAL, "watching the machine's network: %s",
				strerror(errno)));
}

void watch_close(struct host *h)
{
	nl_socket_free(h->monitor);
	if (h->timer >= 0)
		close(h->timer);
	if (h->events >= 0)
		close(h->events);
}

void watch_again(struct host *h, unsigned ms)
{
	struct itimerspec at = { .it_value = { ms / 1000, (ms % 1000) * 1000000L + 1 } }, set;

	/* What comes first is looked at first, and asks again for what is still to come. */
	if (timerfd_gettime(h->timer, &set) == 0 && (set.it_value.tv_sec || set.it_value.tv_nsec) &&
		(set.it_value.tv_sec < at.it_value.tv_sec ||
			(set.it_value.tv_sec == at.it_value.tv_sec &&
				set.it_value.tv_nsec < at.it_value.tv_nsec)))
		return;
	timerfd_settime(h->timer, 0, &at, NULL);
}

unsigned too_often(struct lately *l, unsigned most, unsigned ms)
{
	int64_t now = (int64_t)clock_now();

	if (l->n == 0 || now - l->since >= ms)
		*l = (struct lately){ .since = now };
	return l->n++ < most ? 0 : (unsigned)(l->since + ms - now);
}

static bool timer_rang(const struct host *h)
{
	uint64_t times;

	return read(h->timer, &times, sizeof(times)) == sizeof(times);
}

int host_event_fd(const struct host *h)
{
	return h->events;
}

static bool route_matters(const struct nlmsghdr *m)
{
	const struct rtmsg *r = nlmsg_data(m);

	if (nlmsg_datalen(m) < (int)sizeof(*r) || (r->rtm_flags & RTM_F_CLONED))
		return false;
	uint32_t table = nl_attr_u32(m, sizeof(*r), RTA_TABLE, r->rtm_table);
	return r->rtm_protocol != HOST_ROUTE_PROTO && table != RT_TABLE_LOCAL &&
		(table < HOST_TABLE_FIRST || table >= HOST_TABLE_FIRST + HOST_TABLES);
}

/* The interface that a message about one is about, -1: it is cut short. */
static int link_of(const struct nlmsghdr *m)
{
	return nlmsg_datalen(m) >= (int)sizeof(struct ifinfomsg) ?
		((const struct ifinfomsg *)nlmsg_data(m))->ifi_index :
		-1;
}

/* What IPv6 makes of an interface: told besides, and only of ours is it of interest. */
static bool about_ipv6(const struct nlmsghdr *m)
{
	return ((const struct ifinfomsg *)nlmsg_data(m))->ifi_family == AF_INET6;
}

/* Whether a message may be about the way to the gateway, and not about our own interface. */
static bool message_matters(const struct host *h, const struct nlmsghdr *m)
{
	switch (m->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_matters(m);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return nlmsg_datalen(m) >= (int)sizeof(struct ifaddrmsg) &&
			(int)((const struct ifaddrmsg *)nlmsg_data(m))->ifa_index != h->link;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_of(m) >= 0 && link_of(m) != h->link && !about_ipv6(m);
	default:
		return false;
	}
}

/* Whether something of ours may be gone; the kernel drops an interface's IPv4 routes without a word. */
static bool message_of_ours(const struct host *h, const struct nlmsghdr *m)
{
	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_of(m) == h->link;
	case RTM_DELADDR:
		return nlmsg_datalen(m) >= (int)sizeof(struct ifaddrmsg) &&
			(int)((const struct ifaddrmsg *)nlmsg_data(m))->ifa_index == h->link;
	case RTM_DELROUTE:
		return route_is_ours(h, m);
	case RTM_DELRULE:
		return rule_is_ours(h, m);
	default:
		return false;
	}
}

/* A message about our own interface only makes us look as well: it may be older than what we did. */
static bool interface_gone(struct host *h)
{
	struct way w = { .link = h->link };

	if (!h->link || h->link_gone || !link_look(h->sk, &w, NULL))
		return false;
	if (w.link == 0)
		return true;
	int64_t now = (int64_t)clock_now();
	if (!h->plan.up || w.up)
		h->down_since = 0;
	else if (h->down_since == 0)
		h->down_since = now;
	else if (now - h->down_since >= DOWN_MS)
		return true;
	if (h->down_since)
		watch_again(h, (unsigned)(h->down_since + DOWN_MS - now));
	return false;
}

/* What the messages that came together are about. */
struct news {
	const struct host *h;
	bool matters; /* it may be the way to the gateway */
	bool ours; /* our own interface, addresses, routes, rules */
};

static void note(const struct nlmsghdr *m, void *arg)
{
	struct news *news = arg;

	news->matters |= message_matters(news->h, m);
	news->ours |= message_of_ours(news->h, m);
}

static bool way_same(const struct way *a, const struct way *b)
{
	return a->found == b->found && a->running == b->running && a->link == b->link &&
		a->mtu == b->mtu && addr_same(&a->local, &b->local) &&
		addr_same(&a->next_hop, &b->next_hop);
}

/* Networks on the link and reverse path checking follow the machine to where it is now. */
static void follow(struct host *h)
{
	struct err e;

	if (h->want && !netconf_apply(h, h->want, &e))
		host_warn(h, "after a change of the network: %s", e.text);
}

enum host_event host_next_event(struct host *h)
{
	struct way way, was = h->way;
	struct news news = { .h = h };

	bool lost = nl_hear(h->monitor, note, &news), rang = timer_rang(h);
	bool matters = news.matters || lost, ours = news.ours || lost || rang;
	guards_mend(h);
	dns_watch_news(h);
	if (rang || matters)
		dns_watch_look(h);
	if (ours && interface_gone(h)) {
		h->link_gone = true;
		return HOST_INTERFACE_GONE;
	}
	if (ours)
		host_mend(h);
	if (!matters)
		return HOST_NOTHING;
	lan_forget(h);
	follow(h);
	if (h->watched.family == FAMILY_NONE)
		return HOST_PATH_CHANGED;
	if (!way_find(h, &h->watched, &way, NULL))
		return HOST_PATH_CHANGED;
	if (way.inside && !was.inside) {
		struct err e;
		(void)!way_inside(&e, h, &h->watched);
		host_warn(h, "%s", e.text);
	}
	h->way = way;
	if (!way.found || !way.running)
		/* While there is no way, anything new may be one, to another address perhaps. */
		return was.found && was.running ? HOST_LINK_DOWN : HOST_PATH_CHANGED;
	return lost || !way_same(&way, &was) ? HOST_PATH_CHANGED : HOST_NOTHING;
}
