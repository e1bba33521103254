#include "priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "host/clock.h"

/*
 * /etc/resolv.conf that we wrote, and that the DHCP client of the next network writes, too: from then on
 * all names would be asked in the clear. What it wrote becomes the file of before, and ours is written
 * again; but not so often that two programs that insist would do nothing else.
 */

enum { AGAIN = 3, AGAIN_MS = 20000 };
enum { WHOLE_MS = 200 }; /* who replaces it is done with that after this time */

static void add_folder(int fd, const char *path)
{
	char folder[PATH_MAX];

	if (folder_of(folder, path))
		inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE);
}

/* The file as well as its folder: it may be a mount of its own. Without inotify it is looked at when
 * the network changes. */
void dns_watch_begin(struct host *h)
{
	char *real = realpath(RESOLV_CONF, NULL);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	dns_watch_end(h);
	if (fd >= 0) {
		add_folder(fd, RESOLV_CONF);
		if (real) {
			add_folder(fd, real);
			inotify_add_watch(fd, real, IN_CLOSE_WRITE);
		}
		if (watch_add(h, fd))
			h->dns_watch.inotify = fd;
		else
			close(fd);
	}
	free(real);
}

void dns_watch_end(struct host *h)
{
	if (h->dns_watch.inotify > 0)
		close(h->dns_watch.inotify);
	h->dns_watch.inotify = 0;
}

void dns_watch_news(struct host *h)
{
	char events[4096];
	bool any = false;

	while (h->dns_watch.inotify > 0 && read(h->dns_watch.inotify, events, sizeof(events)) > 0)
		any = true;
	if (any)
		watch_again(h, WHOLE_MS);
}

/* The tunnel that came last has its servers there, until it ends. */
static void another_has_it(struct host *h, bool covered)
{
	if (covered == h->dns_covered)
		return;
	h->dns_covered = covered;
	if (covered)
		host_warn(h,
			"another tunnel has its name servers in " RESOLV_CONF
			" now: this one's are not in use until that ends");
	else
		host_warn(h,
			"the other tunnel's name servers are gone from " RESOLV_CONF
			": this one's are in use again");
}

static void write_again(struct host *h)
{
	dns_again(h);
	if (h->dns_via != DNS_NONE)
		host_warn(h,
			"somebody else has rewritten " RESOLV_CONF
			": it names the tunnel's servers again");
}

/* A machine that goes from one network to the next has it written often, and then no more. */
static void give_way(struct host *h, unsigned ms)
{
	dns_undo(h);
	h->dns_watch.again_at = clock_now() + ms;
	watch_again(h, ms);
	host_warn(h,
		"somebody else rewrites " RESOLV_CONF
		" again and again: names are not asked through the tunnel for %u s",
		ms / 1000 + 1);
}

static void end_of_giving_way(struct host *h)
{
	uint64_t now = clock_now(), at = h->dns_watch.again_at;

	if (at == 0)
		return;
	if (now < at) {
		watch_again(h, (unsigned)(at - now));
		return;
	}
	h->dns_watch.again_at = 0;
	write_again(h);
}

void dns_watch_look(struct host *h)
{
	enum resolv_whose whose;
	unsigned wait;

	end_of_giving_way(h);

	if (h->dns_via != DNS_FILE ||
		!resolv_file_whose(h->dir, RESOLV_CONF, h->name, &whose, NULL))
		return;
	if (whose != RESOLV_SOMEBODYS) {
		another_has_it(h, whose == RESOLV_ANOTHERS);
		return;
	}
	wait = too_often(&h->dns_watch.lately, AGAIN, AGAIN_MS);
	if (wait)
		give_way(h, wait);
	else
		write_again(h);
}
