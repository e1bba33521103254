#include "priv.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void host_warn(struct host *h, const char *fmt, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	outbox_event(&h->warnings, EV_WARNING, LEVEL_WARN, "%s", text);
}

void host_warnings(struct host *h, struct outbox *events)
{
	for (size_t i = 0; i < h->warnings.n; i++) {
		const struct event *ev = outbox_get(&h->warnings, i);
		outbox_event(events, ev->kind, ev->level, "%s", ev->text);
	}
	outbox_clear(&h->warnings);
}

unsigned long netns_id(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

/* A strict kill switch goes on without a gap: its policies, journal and slot are ours now. */
static bool inherit(struct host *h, struct err *e)
{
	struct lock_info info = { .pid = getpid(), .slot = h->slot };

	h->kill = KILLSWITCH_STRICT;
	h->xfrm = nl_connect_xfrm(e);
	if (!h->xfrm || !policies_list(h->xfrm, HOST_POLICY_TAG + h->slot, &h->policies, e))
		return false;
	killswitch_sort(&h->policies);
	return instance_lock_write(h->lock, &info, e) &&
		journal_open(&h->journal, h->dir, h->name, e);
}

/* With the directory's lock held: what dead instances left goes first, so that their slots and
 * shared rules are settled before this one takes its own. */
static bool take_instance(struct host *h, struct err *e)
{
	struct cleaning c = {
		.dir = h->dir, .sk = h->sk, .events = &h->warnings, .keep_strict = true
	};
	struct lock_info info;
	bool live;

	h->lock = instance_lock(h->dir, h->name, &info, &live, e);
	if (h->lock < 0)
		return live ? err_set(e, ERR_LOCAL,
				      "%s is connected already, by process %ld: "
				      "vpnc-ike down %s ends that",
				      h->name, (long)info.pid, h->name) :
			      false;
	if (!clean_instance(&c, h->name, &h->inherited, e) || !clean_dead(&c, e))
		return err_ctx(e, "removing what a killed instance left");
	struct err why;
	if (!clean_forgotten(&c, &why))
		host_warn(h, "the name servers of before are not back: %s", why.text);
	if (h->inherited) {
		h->slot = info.slot;
		return inherit(h, e);
	}
	if (!slot_find(h->dir, h->name, &h->slot, e))
		return false;
	info = (struct lock_info){ .pid = getpid(), .slot = h->slot };
	return instance_lock_write(h->lock, &info, e) &&
		journal_open(&h->journal, h->dir, h->name, e) &&
		journal_add(&h->journal, e, "netns %lu", netns_id());
}

static bool may_change_network(struct nl_sock *sk, struct err *e)
{
	/* Asking for what does not exist shows the privilege and changes nothing. */
	struct step s = { .op = STEP_DEL,
		.item = { .kind = ITEM_RULE,
			.pref = HOST_RULE_FIRST - 2,
			.table = HOST_TABLE_FIRST + HOST_TABLES,
			.dst.family = FAMILY_V4 } };

	return steps_run(sk, &s, 1, e) || err_ctx(e, "changing the machine's network");
}

struct host *host_open(const char *instance, struct err *e)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(e, ERR_LOCAL, "no memory");
		return NULL;
	}
	h->dir = h->lock = h->journal.fd = h->events = h->timer = -1;
	outbox_init(&h->warnings);
	if (!instance_name_ok(instance)) {
		err_set(e, ERR_CONFIG,
			"a profile's name has 1 to %d characters, no space and no slash, "
			"and does not begin with a dot",
			INSTANCE_MAX);
		goto failed;
	}
	snprintf(h->name, sizeof(h->name), "%s", instance);
	h->sk = nl_connect_route(e);
	if (!h->sk || !may_change_network(h->sk, e) || !watch_open(h, e))
		goto failed;
	h->dir = run_dir_open(HOST_RUN_DIR, e);
	int lock = h->dir < 0 ? -1 : run_dir_lock(h->dir, e);
	if (lock < 0)
		goto failed;
	bool ok = take_instance(h, e);
	close(lock);
	if (ok)
		return h;
failed:
	host_close(h, NULL);
	return NULL;
}

/* What is set up goes in the reverse order of host_netconf: names first, so that nobody asks a
 * server that cannot be reached any more, then routing, then the interface. */
static void undo_all(struct host *h)
{
	struct netconf nothing = { .killswitch =
					   h->kill == KILLSWITCH_STRICT ? h->kill : KILLSWITCH_NO,
		.lan = h->want && h->want->lan };
	struct err e;

	if (!netconf_apply(h, &nothing, &e)) {
		host_warn(h, "%s", e.text);
		dns_undo(h); /* whatever else stays */
	}
	if (h->kill == KILLSWITCH_STRICT)
		host_warn(h,
			"the kill switch stays up: nothing leaves this machine but to the gateway until "
			"\"%s\" is connected and goes down as asked, or \"vpnc-ike clean\" lifts it",
			h->name);
	rp_filter_restore(h);
	xfrm_close(h);
	xfrm_link_remove(h);
	if (h->link) {
		struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = h->link };
		struct nl_msg *m = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);
		struct nl_reply none = { 0 };
		int code = 0;
		/* Gone already when the caller has closed its descriptor. */
		if (m && nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO) == 0 &&
			!nl_ask(h->sk, m, &none, &code, "removing the TUN interface", &e) &&
			code != ENODEV)
			host_warn(h, "%s", e.text);
		nl_reply_free(&none);
	}
}

static void leave_instance(struct host *h)
{
	/* A journal that still has lines is left for the next start, or `clean`. */
	struct journal_lines *left = malloc(sizeof(*left));
	if (h->journal.fd >= 0 && left && journal_read(h->dir, h->name, left, NULL) && left->n <= 1)
		run_dir_unlink(h->dir, h->name, ".journal");
	free(left);
	journal_close(&h->journal);
	/* And what it tells of has the slot in the lock: the journal of a killed instance, too, that this one
	 * could not clean up after. */
	if (!run_dir_has(h->dir, h->name, ".journal"))
		run_dir_unlink(h->dir, h->name, ".lock");
	close(h->lock);
}

void host_close(struct host *h, struct outbox *events)
{
	if (!h)
		return;
	if (h->journal.fd >= 0)
		undo_all(h);
	if (h->lock >= 0)
		leave_instance(h);
	if (h->dir >= 0)
		close(h->dir);
	if (events)
		host_warnings(h, events);
	nl_socket_free(h->sk);
	nl_socket_free(h->xfrm);
	nl_socket_free(h->policy_news);
	nl_socket_free(h->filter_news);
	watch_close(h);
	nl_socket_free(h->netfilter);
	outbox_free(&h->warnings);
	plan_free(&h->plan);
	policies_free(&h->policies);
	lan_forget(h);
	free(h->want);
	free(h);
}

bool host_netconf(struct host *h, const struct netconf *want, struct err *e)
{
	return netconf_apply(h, want, e);
}

void host_view(const struct host *h, struct host_view *out)
{
	static const char *const via[] = { [DNS_NONE] = "",
		[DNS_RESOLVED] = "systemd-resolved",
		[DNS_RESOLVCONF] = "resolvconf",
		[DNS_FILE] = RESOLV_CONF };

	*out = (struct host_view){ .dns_changed = h->dns_via != DNS_NONE, .killswitch = h->kill };
	out->no_ipv6 = h->want && h->ipv6 != IPV6_WORKS;
	out->dns_covered = h->dns_via == DNS_FILE && h->dns_covered;
	link_name_now(h, out->interface);
	snprintf(out->dns_via, sizeof(out->dns_via), "%s", out->dns_covered ? "" : via[h->dns_via]);
}
