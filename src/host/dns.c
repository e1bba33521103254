#include "priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Name servers: whoever manages them on this machine is asked, systemd-resolved first, for it alone
 * can ask some names here and others there. Names that cannot be asked through the tunnel are worth
 * a warning, not the end of the connection.
 */

static void dns_from(struct dns_want *out, const struct netconf *want)
{
	*out = (struct dns_want){ .all = want->dns_default };
	for (uint32_t i = 0; i < want->n_dns && i < NETCONF_DNS; i++)
		out->servers[out->n_servers++] = want->dns[i];
	for (uint32_t i = 0; i < want->n_domains && i < NETCONF_DOMAINS; i++)
		snprintf(out->domains[out->n_domains++], DOMAIN_TEXT_MAX, "%s", want->domains[i]);
}

static bool dns_same(const struct dns_want *a, const struct dns_want *b)
{
	bool same =
		a->all == b->all && a->n_servers == b->n_servers && a->n_domains == b->n_domains;

	for (uint32_t i = 0; same && i < a->n_servers; i++)
		same = addr_same(&a->servers[i], &b->servers[i]);
	for (uint32_t i = 0; same && i < a->n_domains; i++)
		same = strcmp(a->domains[i], b->domains[i]) == 0;
	return same;
}

static void record_name(char out[64], const struct host *h)
{
	snprintf(out, 64, "%s.vpnc-ike", h->tun);
}

static bool try_resolved(struct host *h, const struct dns_want *want, struct err *e)
{
	if (!journal_add(&h->journal, e, "resolved %s", h->tun))
		return false;
	if (resolved_set(h->link, want, e)) {
		h->dns_via = DNS_RESOLVED;
		return true;
	}
	(void)!resolved_revert(h->link, NULL);
	journal_undone(&h->journal, "resolved %s", h->tun);
	return false;
}

static bool try_resolvconf(
	struct host *h, const char *program, const struct dns_want *want, struct err *e)
{
	char record[64];

	record_name(record, h);
	if (!journal_add(&h->journal, e, "resolvconf %s", record))
		return false;
	if (resolvconf_set(program, record, want, e)) {
		h->dns_via = DNS_RESOLVCONF;
		return true;
	}
	/* It may have the record for all that, and what it wrote of it would become the file of before. */
	(void)!resolvconf_unset(program, record, NULL);
	journal_undone(&h->journal, "resolvconf %s", record);
	return false;
}

static bool try_file(struct host *h, const struct dns_want *want, struct err *e)
{
	int lock = run_dir_lock(h->dir, e);
	bool kept;

	if (lock < 0)
		return false;
	bool ok = journal_add(&h->journal, e, "resolv.conf");
	if (ok && !resolv_file_set(h->dir, RESOLV_CONF, h->name, want, e)) {
		ok = false;
		if (resolv_file_unset(h->dir, RESOLV_CONF, h->name, &kept, NULL))
			journal_undone(&h->journal, "resolv.conf");
	}
	close(lock);
	if (ok) {
		h->dns_via = DNS_FILE;
		h->dns_covered = false;
		dns_watch_begin(h);
	}
	return ok;
}

/* systemd-resolved asks by the tunnel's interface; all others ask where the routes lead, which are fewer than the
 * tunnel carries if the profile says so. */
static void warn_of_servers_outside(struct host *h, const struct netconf *c)
{
	char who[ADDR_TEXT_MAX];

	if (h->dns_via == DNS_NONE || h->dns_via == DNS_RESOLVED)
		return;
	for (uint32_t i = 0; i < c->n_dns && i < NETCONF_DNS; i++)
		if (!leads_inside(c, &c->dns[i]))
			host_warn(h,
				"no route leads to the name server %s through the tunnel: it is asked "
				"outside (network.routes, network.dns)",
				addr_text(who, &c->dns[i]));
}

static void warn_of_all_names(struct host *h, const struct dns_want *want)
{
	if (!want->all)
		host_warn(h,
			"all names are asked of the tunnel's name servers: to ask only those of its "
			"domains there takes systemd-resolved");
}

static void dns_set(struct host *h, const struct dns_want *want, bool again)
{
	const char *program = resolvconf_program();
	struct err e;

	if (resolved_here(RESOLV_CONF)) {
		if (try_resolved(h, want, &e))
			return;
		host_warn(
			h, "systemd-resolved does not take the tunnel's name servers: %s", e.text);
		return;
	}
	/* Without it there is one list of servers for all names, and the names behind the tunnel are
	 * what the person connects for. */
	if (!again)
		warn_of_all_names(h, want);
	if (program && try_resolvconf(h, program, want, &e))
		return;
	if (program)
		host_warn(h, "resolvconf did not work, " RESOLV_CONF " is written instead: %s",
			e.text);
	if (!try_file(h, want, &e))
		host_warn(h, "names are not asked through the tunnel: %s", e.text);
}

/* False: the file of before is not back. *kept: it was written by somebody else since. */
static bool take_back_file(struct host *h, bool *kept, struct err *e)
{
	int lock = run_dir_lock(h->dir, e);

	dns_watch_end(h);
	bool ok = lock >= 0 && resolv_file_unset(h->dir, RESOLV_CONF, h->name, kept, e);
	if (ok)
		journal_undone(&h->journal, "resolv.conf");
	if (lock >= 0)
		close(lock);
	return ok;
}

void dns_undo(struct host *h)
{
	const char *program = resolvconf_program();
	char record[64];
	bool ok = true, kept = false;
	struct err e;

	switch (h->dns_via) {
	case DNS_NONE:
		return;
	case DNS_RESOLVED:
		ok = resolved_revert(h->link, &e);
		/* It forgets the interface together with the kernel. */
		journal_undone(&h->journal, "resolved %s", h->tun);
		break;
	case DNS_RESOLVCONF:
		record_name(record, h);
		ok = !program || resolvconf_unset(program, record, &e);
		if (ok)
			journal_undone(&h->journal, "resolvconf %s", record);
		break;
	case DNS_FILE:
		ok = take_back_file(h, &kept, &e);
		break;
	}
	h->dns_via = DNS_NONE;
	if (!ok)
		host_warn(h, "the name servers of before are not back: %s", e.text);
	if (kept)
		host_warn(h,
			RESOLV_CONF " was rewritten by somebody else since, and is left as it is");
}

/* It did not work, and whoever manages names may be there again. */
static bool failed(const struct host *h)
{
	return h->dns.n_servers > 0 && h->dns_via == DNS_NONE && h->dns_watch.again_at == 0;
}

void dns_apply(struct host *h, const struct netconf *netconf)
{
	/* Not a change of the network that it is looked at for. */
	bool asked = netconf != h->want;
	struct dns_want want;

	dns_from(&want, netconf);
	if (dns_same(&want, &h->dns) && !(asked && failed(h)))
		return;
	dns_undo(h);
	h->dns_watch.again_at = 0;
	h->dns = want;
	if (want.n_servers > 0)
		dns_set(h, &want, false);
	warn_of_servers_outside(h, netconf);
}

const char *host_name_servers_before(void)
{
	static const char saved[] = HOST_RUN_DIR "/" RESOLV_SAVED;
	int dir = open(HOST_RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum resolv_whose whose;

	if (dir < 0)
		return NULL;
	bool ours = resolv_file_whose(dir, RESOLV_CONF, "", &whose, NULL) &&
		whose != RESOLV_SOMEBODYS && access(saved, R_OK) == 0;
	close(dir);
	return ours ? saved : NULL;
}

const char *host_name_servers(void)
{
	const char *uplinks = resolved_uplinks();
	const char *before = uplinks ? NULL : host_name_servers_before();

	return uplinks ? uplinks : before ? before : RESOLV_CONF;
}

size_t host_tunnel_servers(const struct host *h, struct addr out[NETCONF_DNS])
{
	memcpy(out, h->dns.servers, h->dns.n_servers * sizeof(out[0]));
	return h->dns.n_servers;
}

/* What is there now is the file of before from here on; or whoever wrote it manages names now. */
void dns_again(struct host *h)
{
	struct err e;
	bool kept;

	if (!take_back_file(h, &kept, &e)) {
		host_warn(h, "%s", e.text);
		return;
	}
	h->dns_via = DNS_NONE;
	dns_set(h, &h->dns, true);
}
