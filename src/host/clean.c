#include "priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Taking back what a journal says, newest first. TUN interfaces, and the addresses and routes on
 * them, are gone with the process that held the descriptor, and so is what systemd-resolved knew
 * about them.
 */

struct cleaning {
	int dir;
	struct nl_sock *sk;
	const char *name;
	bool elsewhere; /* it ran in another network namespace, whose routing is out of reach */
	struct outbox *events;
	size_t removed;
};

PRINTF(2, 3) static void told(struct cleaning *c, const char *fmt, ...)
{
	char text[EVENT_TEXT_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->removed++;
	if (c->events)
		outbox_event(c->events, EV_LOG, LEVEL_INFO, "%s: removed %s", c->name, text);
}

static bool clean_rule(struct cleaning *c, unsigned long family, unsigned long pref,
	unsigned long table, struct err *e)
{
	struct step s = { .op = STEP_DEL, .code = -1, .item = { .kind = ITEM_RULE,
		.pref = (uint32_t)pref, .table = (uint32_t)table, .dst.family = (uint8_t)family } };
	size_t routes = 0;

	/* Only what can be ours, whatever the line says. */
	if ((family != 4 && family != 6) || table < HOST_TABLE_FIRST ||
		table >= HOST_TABLE_FIRST + HOST_TABLES || pref != HOST_RULE_FIRST + table - HOST_TABLE_FIRST)
		return err_set(e, ERR_LOCAL, "the journal of %s is damaged", c->name);
	if (!steps_run(c->sk, &s, 1, e))
		return false;
	if (s.code == 0)
		told(c, "IPv%lu rule %lu", family, pref);
	if (!routes_flush(c->sk, (uint8_t)family, (uint32_t)table, &routes, e))
		return false;
	if (routes > 0) {
		told(c, "%zu IPv%lu routes in table %lu", routes, family, table);
		c->removed += routes - 1;
	}
	return true;
}

static bool clean_dns(struct cleaning *c, const char *line, struct err *e)
{
	const char *record = line;
	bool kept = false;

	if (line_word(&record, "resolvconf ")) {
		const char *program = resolvconf_program();
		if (program && !resolvconf_unset(program, record, e))
			return false;
		told(c, "the name servers given to resolvconf");
		return true;
	}
	if (!resolv_file_unset(c->dir, RESOLV_CONF, c->name, &kept, e))
		return false;
	if (!kept)
		told(c, "the name servers in " RESOLV_CONF);
	else if (c->events)
		outbox_event(c->events, EV_WARNING, LEVEL_WARN, "%s: " RESOLV_CONF
			" was rewritten by somebody else since, and is left as it is", c->name);
	return true;
}

static bool clean_line(struct cleaning *c, const char *line, struct err *e)
{
	unsigned long family, pref, table;
	const char *at = line;
	bool changed = false;

	if (line_word(&at, "netns ") || line_word(&at, "resolved "))
		return true;
	if (line_word(&at, "resolv"))
		return clean_dns(c, line, e);
	if (c->elsewhere)
		return true;
	if (line_word(&at, "rule v") && line_number(&at, &family) && line_word(&at, " ") &&
		line_number(&at, &pref) && line_word(&at, " table ") && line_number(&at, &table) && !*at)
		return clean_rule(c, family, pref, table, e);
	if (strncmp(line, "sysctl ", 7) == 0) {
		if (!rp_filter_undo(c->dir, c->name, line, &changed, e))
			return false;
		if (changed)
			told(c, "the change of %s", line + 7);
		return true;
	}
	return err_set(e, ERR_LOCAL, "the journal of %s has a line that is not known: %s", c->name, line);
}

static bool ran_elsewhere(const struct journal_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const char *at = lines->v[i];
		unsigned long id;
		if (line_word(&at, "netns ") && line_number(&at, &id))
			return id != netns_id();
	}
	return false;
}

/* The caller holds the instance's lock, so it is dead. */
bool clean_instance(int dir, struct nl_sock *sk, const char *name, struct outbox *events,
	size_t *removed, struct err *e)
{
	struct cleaning c = { .dir = dir, .sk = sk, .name = name, .events = events };
	struct journal_lines *lines = malloc(sizeof(*lines));

	if (!lines)
		return err_set(e, ERR_LOCAL, "no memory");
	bool ok = journal_read(dir, name, lines, e);
	c.elsewhere = ok && ran_elsewhere(lines);
	for (size_t i = ok ? lines->n : 0; ok && i-- > 0;)
		ok = clean_line(&c, lines->v[i], e);
	free(lines);
	*removed += c.removed;
	if (!ok)
		return err_ctx(e, "cleaning up after %s", name);
	if (c.elsewhere && events)
		outbox_event(events, EV_WARNING, LEVEL_WARN,
			"%s ran in another network namespace: what it left there was not removed", name);
	run_dir_unlink(dir, name, ".journal");
	run_dir_unlink(dir, name, ".sock");
	return true;
}

/* Whether a dead instance's leavings are in reach from this network namespace. */
static bool within_reach(int dir, const char *name)
{
	struct journal_lines *lines = malloc(sizeof(*lines));
	bool here = lines && journal_read(dir, name, lines, NULL) && !ran_elsewhere(lines);

	free(lines);
	return here;
}

static bool clean_one(int dir, struct nl_sock *sk, const char *name, bool asked,
	struct outbox *events, size_t *removed, struct err *e)
{
	struct lock_info info;
	bool live;
	int fd = instance_lock(dir, name, &info, &live, e);

	if (fd < 0)
		return live;
	bool reached = asked || within_reach(dir, name);
	bool ok = !reached || clean_instance(dir, sk, name, events, removed, e);
	if (ok && reached)
		run_dir_unlink(dir, name, ".lock");
	close(fd);
	return ok;
}

bool clean_dead(int dir, struct nl_sock *sk, struct outbox *events, size_t *removed, struct err *e)
{
	char (*names)[INSTANCE_MAX + 1] = NULL;
	size_t n = 0;
	bool ok = run_dir_list(dir, ".lock", &names, &n, e);

	for (size_t i = 0; i < n && ok; i++)
		ok = clean_one(dir, sk, names[i], false, events, removed, e);
	free(names);
	return ok;
}

bool host_clean(const char *instance, struct outbox *events, size_t *removed, struct err *e)
{
	*removed = 0;
	if (instance && !instance_name_ok(instance))
		return err_set(e, ERR_CONFIG, "\"%s\" cannot be the name of a profile", instance);
	if (access(HOST_RUN_DIR, F_OK) < 0)
		return true;
	int dir = run_dir_open(HOST_RUN_DIR, e);
	int lock = dir < 0 ? -1 : run_dir_lock(dir, e);
	struct nl_sock *sk = lock < 0 ? NULL : nl_connect_route(e);
	bool ok = sk && (instance ? clean_one(dir, sk, instance, true, events, removed, e) :
		clean_dead(dir, sk, events, removed, e));
	nl_socket_free(sk);
	if (lock >= 0)
		close(lock);
	if (dir >= 0)
		close(dir);
	return ok;
}
