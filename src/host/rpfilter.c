#include "priv.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Reverse path checking on the way in.
 *
 * What the gateway sends arrives on the outer interface. With rp_filter = 1 the kernel asks how a
 * packet to the gateway would leave, without the mark that our own sockets' packets carry, finds
 * the tunnel as soon as the tunnel covers the gateway's address, and drops what came in elsewhere.
 * With 2 any way back will do. The kernel takes the larger of the interface's value and that of
 * "all", so setting the interface's is enough. IPv6 has no such check.
 *
 * A route around the tunnel to the gateway's address would do as well, but would let everything the
 * machine sends to that address out in the clear (TunnelCrack's ServerIP).
 */

#define CONF "/proc/sys/net/ipv4/conf/"

/* The sysctl of the interface towards the gateway, when it is strict and the tunnel is in the way. */
static bool rp_filter_in_the_way(
	struct host *h, const struct netconf *want, char path[128], char before[16])
{
	char name[IF_NAMESIZE], all[16];
	struct way way;

	if (want->gateway.family != FAMILY_V4 || !leads_inside(want, &want->gateway))
		return false;
	if (!way_find(h, &want->gateway, &way, NULL) || !way.found || way.link == h->link ||
		!if_indextoname((unsigned)way.link, name))
		return false;
	snprintf(path, 128, CONF "%s/rp_filter", name);
	if (!sysctl_read(path, before, 16) || !sysctl_read(CONF "all/rp_filter", all, sizeof(all)))
		return false;
	long strictest = strtol(before, NULL, 10), of_all = strtol(all, NULL, 10);
	return (strictest > of_all ? strictest : of_all) == 1;
}

static void rp_filter_line(char out[JOURNAL_LINE_MAX], const char *path, const char *before)
{
	snprintf(out, JOURNAL_LINE_MAX, "sysctl %s %.*s", path, (int)strcspn(before, "\n"), before);
}

/* Another instance that made the same change is in the journal with the same line; its change is
 * ours too from now on, and the last one takes it back. */
static bool rp_filter_inherit(struct host *h, const char *path, char before[16])
{
	char line[JOURNAL_LINE_MAX];

	for (int was = 0; was < 2; was++) {
		snprintf(before, 16, "%d\n", was);
		rp_filter_line(line, path, before);
		if (journal_shared(h->dir, h->name, line))
			return true;
	}
	return false;
}

static bool rp_filter_set(struct host *h, const char *path, const char *before, struct err *e)
{
	char line[JOURNAL_LINE_MAX];

	rp_filter_line(line, path, before);
	if (!journal_add(&h->journal, e, "%s", line))
		return false;
	snprintf(h->rp_path, sizeof(h->rp_path), "%s", path);
	snprintf(h->rp_before, sizeof(h->rp_before), "%s", before);
	return sysctl_write(path, "2\n", e);
}

/* The sysctl of the way to the gateway, where it has one; "" otherwise. */
static void rp_filter_path(struct host *h, const struct netconf *want, char path[128])
{
	char name[IF_NAMESIZE];
	struct way way;

	path[0] = 0;
	if (want->gateway.family == FAMILY_V4 && way_find(h, &want->gateway, &way, NULL) &&
		way.found && if_indextoname((unsigned)way.link, name))
		snprintf(path, 128, CONF "%s/rp_filter", name);
}

bool rp_filter_adapt(struct host *h, const struct netconf *want, struct err *e)
{
	char path[128], now[16], before[16];
	bool ok = true;

	rp_filter_path(h, want, path);
	if (h->rp_path[0] && strcmp(h->rp_path, path) == 0 && want->n_routes > 0)
		return true;
	rp_filter_restore(h);
	int lock = run_dir_lock(h->dir, e);
	if (lock < 0)
		return false;
	if (rp_filter_in_the_way(h, want, path, before))
		ok = rp_filter_set(h, path, before, e);
	else if (path[0] && want->n_routes > 0 && sysctl_read(path, now, sizeof(now)) &&
		strcmp(now, "2\n") == 0 && rp_filter_inherit(h, path, before))
		ok = rp_filter_set(h, path, before, e);
	close(lock);
	return ok || err_ctx(e, "letting the gateway's packets in");
}

/* line is "sysctl PATH VALUE". Somebody who set it to another value meanwhile meant it. */
bool rp_filter_undo(int dir, const char *self, const char *line, bool *changed, struct err *e)
{
	const char *at = line;
	char path[128], value[16], now[16];

	*changed = false;
	if (!line_word(&at, "sysctl "))
		return true;
	size_t n = strcspn(at, " ");
	snprintf(path, sizeof(path), "%.*s", (int)n, at);
	snprintf(value, sizeof(value), "%.8s\n", at[n] ? at + n + 1 : "");
	if (strncmp(path, CONF, strlen(CONF)) != 0 || strstr(path, "..") ||
		journal_shared(dir, self, line))
		return true;
	/* An interface that is gone took its settings along. */
	if (!sysctl_read(path, now, sizeof(now)) || strcmp(now, "2\n") != 0)
		return true;
	*changed = true;
	return sysctl_write(path, value, e);
}

void rp_filter_restore(struct host *h)
{
	char line[JOURNAL_LINE_MAX];
	struct err e;
	bool changed;

	if (!h->rp_path[0])
		return;
	int lock = run_dir_lock(h->dir, &e);
	rp_filter_line(line, h->rp_path, h->rp_before);
	if (lock < 0 || !rp_filter_undo(h->dir, h->name, line, &changed, &e))
		host_warn(h, "%s", e.text);
	else
		journal_undone(&h->journal, "%s", line);
	h->rp_path[0] = 0;
	if (lock >= 0)
		close(lock);
}
