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

/* One instance of them. */
struct one {
	struct cleaning *c;
	const char *name;
	bool elsewhere; /* it ran in another network namespace, whose routing is out of reach */
	bool keep; /* its kill switch */
};

PRINTF(2, 3) static void told(struct one *c, const char *fmt, ...)
{
	char text[EVENT_TEXT_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->c->removed++;
	if (c->c->events)
		outbox_event(c->c->events, EV_LOG, LEVEL_INFO, "%s: removed %s", c->name, text);
}

static bool is_rule_of(unsigned long pref, unsigned long slot)
{
	for (unsigned class = 0; class < HOST_RULE_CLASSES; class ++)
		if (pref == HOST_RULE_FIRST + HOST_TABLES * class + slot)
			return true;
	return false;
}

static bool clean_rule(
	struct one *c, unsigned long family, unsigned long pref, unsigned long table, struct err *e)
{
	struct step s = { .op = STEP_DEL,
		.code = -1,
		.item = { .kind = ITEM_RULE,
			.pref = (uint32_t)pref,
			.table = (uint32_t)table,
			.dst.family = (uint8_t)family } };
	size_t routes = 0;

	/* Only what can be ours, whatever the line says. */
	if ((family != 4 && family != 6) || table < HOST_TABLE_FIRST ||
		table >= HOST_TABLE_FIRST + HOST_TABLES ||
		!is_rule_of(pref, table - HOST_TABLE_FIRST))
		return err_set(e, ERR_LOCAL, "the journal of %s is damaged", c->name);
	if (!steps_run(c->c->sk, &s, 1, e))
		return false;
	if (s.code == 0)
		told(c, "IPv%lu rule %lu", family, pref);
	if (!routes_flush(c->c->sk, (uint8_t)family, (uint32_t)table, &routes, e))
		return false;
	if (routes > 0) {
		told(c, "%zu IPv%lu routes in table %lu", routes, family, table);
		c->c->removed += routes - 1;
	}
	return true;
}

static bool clean_xfrm(struct one *c, unsigned long slot, struct err *e)
{
	size_t sas, policies;

	if (slot >= HOST_TABLES)
		return err_set(e, ERR_LOCAL, "the journal of %s is damaged", c->name);
	if (!xfrm_flush((unsigned)slot, &sas, &policies, e))
		return false;
	struct nl_sock *netfilter = NULL;
	await_clean(&netfilter, (unsigned)slot);
	nl_socket_free(netfilter);
	if (sas + policies > 0) {
		told(c, "%zu SAs and %zu policies of IPsec", sas, policies);
		c->c->removed += sas + policies - 1;
	}
	return true;
}

static bool clean_dns(struct one *c, const char *line, struct err *e)
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
	if (!resolv_file_unset(c->c->dir, RESOLV_CONF, c->name, &kept, e))
		return false;
	if (!kept)
		told(c, "the name servers in " RESOLV_CONF);
	else if (c->c->events)
		outbox_event(c->c->events, EV_WARNING, LEVEL_WARN,
			"%s: " RESOLV_CONF
			" was rewritten by somebody else since, and is left as it is",
			c->name);
	return true;
}

/* What is left of the kill switch stays in the journal. */
static bool clean_policies(struct one *c, unsigned long tag, struct err *e)
{
	size_t removed = 0, left = 0;

	if (tag < HOST_POLICY_TAG || tag >= HOST_POLICY_TAG + HOST_TABLES)
		return err_set(e, ERR_LOCAL, "the journal of %s is damaged", c->name);
	struct nl_sock *xfrm = nl_connect_xfrm(e);
	bool ok = xfrm && policies_flush(xfrm, (uint32_t)tag, c->keep, &removed, &left, e);
	nl_socket_free(xfrm);
	if (ok && removed > 0) {
		told(c, "%zu XFRM policies", removed);
		c->c->removed += removed - 1;
	}
	c->keep &= left > 0;
	return ok;
}

static bool clean_ingress(struct one *c, unsigned long slot, struct err *e)
{
	if (slot >= HOST_TABLES)
		return err_set(e, ERR_LOCAL, "the journal of %s is damaged", c->name);
	struct nl_sock *netfilter = NULL;
	bool ok = ingress_remove(&netfilter, (unsigned)slot, e);
	nl_socket_free(netfilter);
	if (!ok)
		return false;
	told(c, "the packet filter before the tunnel's addresses");
	return true;
}

static bool clean_line(struct one *c, const char *line, struct err *e)
{
	unsigned long family, pref, table, tag, group;
	const char *at = line;
	bool changed = false;

	if (line_word(&at, "netns ") || line_word(&at, "resolved ") ||
		line_word(&at, "killswitch "))
		return true;
	if (line_word(&at, "resolv"))
		return clean_dns(c, line, e);
	if (c->elsewhere)
		return true;
	if (line_word(&at, "rule v") && line_number(&at, &family) && line_word(&at, " ") &&
		line_number(&at, &pref) && line_word(&at, " table ") && line_number(&at, &table) &&
		!*at)
		return clean_rule(c, family, pref, table, e);
	if (line_word(&at, "policies ") && line_number(&at, &tag) && !*at)
		return clean_policies(c, tag, e);
	if (line_word(&at, "ingress ") && line_number(&at, &tag) && !*at)
		return clean_ingress(c, tag, e);
	if (line_word(&at, "xfrm ") && line_number(&at, &tag) && !*at)
		return clean_xfrm(c, tag, e);
	if (line_word(&at, "link ") && line_number(&at, &group) && line_word(&at, " ")) {
		if (!xfrm_link_clean(c->c->sk, group, &changed, e))
			return false;
		if (changed)
			told(c, "the interface %s", at);
		return true;
	}
	if (strncmp(line, "sysctl ", 7) == 0) {
		if (!rp_filter_undo(c->c->dir, c->name, line, &changed, e))
			return false;
		if (changed)
			told(c, "the change of %s", line + 7);
		return true;
	}
	return err_set(e, ERR_LOCAL,
		"the journal has a line that is not known: \"%s\"; when what it tells of is gone, "
		"remove " HOST_RUN_DIR "/%s.journal",
		line, c->name);
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

static bool has_line(const struct journal_lines *lines, const char *what)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strcmp(lines->v[i], what) == 0)
			return true;
	return false;
}

/* Once all else is gone, the journal tells of the kill switch alone. */
static bool keep_journal(struct one *c, const struct journal_lines *lines, struct err *e)
{
	struct journal j;

	if (!journal_open(&j, c->c->dir, c->name, e))
		return false;
	for (size_t i = 0; i < lines->n; i++)
		if (strncmp(lines->v[i], "netns ", 6) != 0 &&
			strncmp(lines->v[i], "policies ", 9) != 0 &&
			strcmp(lines->v[i], "killswitch strict") != 0)
			journal_undone(&j, "%s", lines->v[i]);
	journal_close(&j);
	return true;
}

/* The caller holds the instance's lock, so it is dead. */
bool clean_instance(struct cleaning *all, const char *name, bool *kept, struct err *e)
{
	struct one c = { .c = all, .name = name };
	struct journal_lines *lines = malloc(sizeof(*lines));

	*kept = false;
	if (!lines)
		return err_set(e, ERR_LOCAL, "no memory");
	bool ok = journal_read(all->dir, name, lines, e);
	c.elsewhere = ok && ran_elsewhere(lines);
	c.keep = ok && all->keep_strict && !c.elsewhere && has_line(lines, "killswitch strict");
	/* What cannot be taken back does not keep the rest; the first that cannot is told. */
	for (size_t i = ok ? lines->n : 0; i-- > 0;) {
		struct err why;
		bool undone = clean_line(&c, lines->v[i], &why);
		if (!undone && ok && e)
			*e = why;
		ok &= undone;
	}
	ok = ok && (!c.keep || keep_journal(&c, lines, e));
	free(lines);
	if (!ok)
		return err_ctx(e, "cleaning up after %s", name);
	if (c.elsewhere && all->events)
		outbox_event(all->events, EV_WARNING, LEVEL_WARN,
			"%s ran in another network namespace: what it left there was not removed",
			name);
	*kept = c.keep;
	if (!c.keep)
		run_dir_unlink(all->dir, name, ".journal");
	run_dir_unlink(all->dir, name, ".sock");
	return true;
}

/* Whether a dead instance's leavings are in reach from this network namespace; or cannot be known, which will
 * be told. */
static bool within_reach(int dir, const char *name)
{
	struct journal_lines *lines = malloc(sizeof(*lines));
	bool here = !lines || !journal_read(dir, name, lines, NULL) || !ran_elsewhere(lines);

	free(lines);
	return here;
}

static bool clean_one(struct cleaning *c, const char *name, bool asked, struct err *e)
{
	struct lock_info info;
	bool live, kept = false;
	int fd = instance_lock(c->dir, name, &info, &live, e);

	if (fd < 0)
		return live;
	bool reached = asked || within_reach(c->dir, name);
	bool ok = !reached || clean_instance(c, name, &kept, e);
	if (ok && reached && !kept)
		run_dir_unlink(c->dir, name, ".lock");
	close(fd);
	return ok;
}

static bool clean_each(struct cleaning *c, const char *suffix, struct err *e)
{
	char(*names)[INSTANCE_MAX + 1] = NULL;
	size_t n = 0;
	bool ok = run_dir_list(c->dir, suffix, &names, &n, e);

	for (size_t i = 0; i < n && ok; i++)
		ok = clean_one(c, names[i], false, e);
	free(names);
	return ok;
}

/* A journal whose lock somebody removed is one, too. */
bool clean_dead(struct cleaning *c, struct err *e)
{
	return clean_each(c, ".lock", e) && clean_each(c, ".journal", e);
}

bool clean_forgotten(struct cleaning *c, struct err *e)
{
	bool recovered;

	if (!resolv_file_recover(c->dir, RESOLV_CONF, &recovered, e))
		return false;
	c->removed += recovered;
	if (recovered && c->events)
		outbox_event(c->events, EV_LOG, LEVEL_INFO,
			"removed the name servers in " RESOLV_CONF
			" of an instance that went with the machine's power");
	return true;
}

bool host_clean(const char *instance, struct outbox *events, size_t *removed, struct err *e)
{
	struct cleaning c = { .events = events };

	*removed = 0;
	if (instance && !instance_name_ok(instance))
		return err_set(e, ERR_CONFIG, "\"%s\" cannot be the name of a profile", instance);
	if (access(HOST_RUN_DIR, F_OK) < 0 && access(RESOLV_CONF RESOLV_SUFFIX, F_OK) < 0)
		return true;
	c.dir = run_dir_open(HOST_RUN_DIR, e);
	int lock = c.dir < 0 ? -1 : run_dir_lock(c.dir, e);
	c.sk = lock < 0 ? NULL : nl_connect_route(e);
	bool ok = c.sk && (instance ? clean_one(&c, instance, true, e) : clean_dead(&c, e)) &&
		clean_forgotten(&c, e);
	*removed = c.removed;
	nl_socket_free(c.sk);
	if (lock >= 0)
		close(lock);
	if (c.dir >= 0)
		close(c.dir);
	return ok;
}
