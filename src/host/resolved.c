#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sdbus.h"

/*
 * systemd-resolved, by its D-Bus interface org.freedesktop.resolve1.Manager (manual page
 * org.freedesktop.resolve1(5)). Settings belong to an interface and go with it.
 */

#define NAME  "org.freedesktop.resolve1"
#define PATH  "/org/freedesktop/resolve1"
#define IFACE "org.freedesktop.resolve1.Manager"

enum { CALL_USEC = 5 * 1000 * 1000 };

static const struct sdbus *sd; /* set by bus_open, without which nothing here goes on */

static sd_bus *bus_open(void)
{
	sd_bus *bus = NULL;

	sd = sdbus_load();
	if (!sd || sd->open_system(&bus) < 0)
		return NULL;
	sd->set_method_call_timeout(bus, CALL_USEC);
	return bus;
}

static void bus_close(sd_bus *bus)
{
	if (bus)
		sd->flush_close_unref(bus);
}

static bool name_owned(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	int owned = 0;

	if (sd->call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		    "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", NAME) >= 0)
		sd->message_read(reply, "b", &owned);
	sd->message_unref(reply);
	return owned;
}

/* The machine asks it: resolv.conf is one of its own files, or names its stub as the server. */
static bool manages(const char *resolv_conf)
{
	char text[8192];
	char *real = realpath(resolv_conf, NULL);
	bool its_own = real && strncmp(real, "/run/systemd/resolve/", 21) == 0;

	free(real);
	if (its_own)
		return true;
	int fd = open(resolv_conf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "nameserver", 10) != 0)
			continue;
		line += 10 + strspn(line + 10, " \t");
		if (strncmp(line, "127.0.0.53", 10) == 0 || strncmp(line, "127.0.0.54", 10) == 0)
			return true;
	}
	return false;
}

const char *resolved_uplinks(void)
{
	static const char uplinks[] = "/run/systemd/resolve/resolv.conf";

	return manages(RESOLV_CONF) && access(uplinks, R_OK) == 0 ? uplinks : NULL;
}

bool resolved_here(const char *resolv_conf)
{
	if (!manages(resolv_conf))
		return false;
	sd_bus *bus = bus_open();
	bool here = bus && name_owned(bus);
	bus_close(bus);
	return here;
}

/* granted: the name of an error that is none; may be NULL. */
static bool call_or(
	sd_bus *bus, sd_bus_message *m, const char *method, const char *granted, struct err *e)
{
	sd_bus_error why = SD_BUS_ERROR_NULL;
	int r = sd->call(bus, m, CALL_USEC, &why, NULL);
	bool ok = r >= 0 || (granted && why.name && strcmp(why.name, granted) == 0);

	if (!ok)
		err_set(e, ERR_LOCAL, "%s of systemd-resolved: %s", method,
			why.message ? why.message : strerror(-r));
	sd->error_free(&why);
	return ok;
}

static bool call(sd_bus *bus, sd_bus_message *m, const char *method, struct err *e)
{
	return call_or(bus, m, method, NULL, e);
}

static bool begin(sd_bus *bus, sd_bus_message **m, const char *method, int link, struct err *e)
{
	if (sd->message_new_method_call(bus, m, NAME, PATH, IFACE, method) >= 0 &&
		sd->message_append(*m, "i", link) >= 0)
		return true;
	return err_set(e, ERR_LOCAL, "%s of systemd-resolved: no memory", method);
}

/* SetLinkDNS(i ifindex, a(iay) addresses) */
static bool set_servers(sd_bus *bus, int link, const struct dns_want *want, struct err *e)
{
	sd_bus_message *m = NULL;
	bool ok = begin(bus, &m, "SetLinkDNS", link, e);
	int r = ok ? sd->message_open_container(m, 'a', "(iay)") : -ENOMEM;

	for (uint32_t i = 0; r >= 0 && i < want->n_servers; i++) {
		const struct addr *a = &want->servers[i];
		r = sd->message_open_container(m, 'r', "iay");
		if (r >= 0)
			r = sd->message_append(m, "i", a->family == FAMILY_V4 ? AF_INET : AF_INET6);
		if (r >= 0)
			r = sd->message_append_array(m, 'y', a->ip, addr_len(a->family));
		if (r >= 0)
			r = sd->message_close_container(m);
	}
	if (r >= 0)
		r = sd->message_close_container(m);
	if (ok && r < 0)
		ok = err_set(e, ERR_LOCAL, "SetLinkDNS of systemd-resolved: %s", strerror(-r));
	ok = ok && call(bus, m, "SetLinkDNS", e);
	sd->message_unref(m);
	return ok;
}

/* SetLinkDomains(i ifindex, a(sb) domains): all routing-only, for a gateway says which names it
 * knows (RFC 8598 section 3), not what to put behind a short one. "." takes every name. */
static bool set_domains(sd_bus *bus, int link, const struct dns_want *want, struct err *e)
{
	sd_bus_message *m = NULL;
	bool ok = begin(bus, &m, "SetLinkDomains", link, e);
	int r = ok ? sd->message_open_container(m, 'a', "(sb)") : -ENOMEM;

	for (uint32_t i = 0; r >= 0 && i < want->n_domains; i++)
		r = sd->message_append(m, "(sb)", want->domains[i], 1);
	if (r >= 0 && want->all)
		r = sd->message_append(m, "(sb)", ".", 1);
	if (r >= 0)
		r = sd->message_close_container(m);
	if (ok && r < 0)
		ok = err_set(e, ERR_LOCAL, "SetLinkDomains of systemd-resolved: %s", strerror(-r));
	ok = ok && call(bus, m, "SetLinkDomains", e);
	sd->message_unref(m);
	return ok;
}

/* SetLinkDefaultRoute(i ifindex, b enable), since version 240: an older one goes by the domains. */
static void set_default_route(sd_bus *bus, int link, bool all)
{
	sd_bus_message *m = NULL;

	if (begin(bus, &m, "SetLinkDefaultRoute", link, NULL) &&
		sd->message_append(m, "b", all) >= 0)
		(void)!call(bus, m, "SetLinkDefaultRoute", NULL);
	sd->message_unref(m);
}

bool resolved_set(int link, const struct dns_want *want, struct err *e)
{
	sd_bus *bus = bus_open();

	if (!bus)
		return err_set(e, ERR_LOCAL, "the system's message bus cannot be reached");
	bool ok = set_servers(bus, link, want, e) && set_domains(bus, link, want, e);
	if (ok)
		set_default_route(bus, link, want->all);
	bus_close(bus);
	return ok;
}

bool resolved_revert(int link, struct err *e)
{
	sd_bus *bus = bus_open();
	sd_bus_message *m = NULL;

	if (!bus)
		return err_set(e, ERR_LOCAL, "the system's message bus cannot be reached");
	/* It forgets an interface that is gone by itself. */
	bool ok = begin(bus, &m, "RevertLink", link, e) &&
		call_or(bus, m, "RevertLink", NAME ".NoSuchLink", e);
	sd->message_unref(m);
	bus_close(bus);
	return ok;
}
