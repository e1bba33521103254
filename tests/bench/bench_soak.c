/*
 * bench_soak REKEYS RECONNECTS: a session and the scripted gateway of tests/pair live through so many
 * rekeys (of the IKE SA and its child, in turns by either side) and then reconnects, on the virtual
 * clock. Ten lines for each: what, how many, resident memory in KiB, open descriptors. Fails when the
 * last of a kind has more than a hundredth more memory than the third, or one descriptor more.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../pair/pair.h"
#include "../pair/profiles.h"

enum { POINTS = 10, WARM = 2 };

static unsigned long resident_kib(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void rekey(struct pair *p, unsigned i)
{
	if (i % 2)
		pair_gw(p, GW_REKEY_CHILD | GW_REKEY_IKE);
	else
		pair_command(p, CMD_REKEY_ALL);
	pair_run(p, SECONDS(60));
	pair_check_up(p, 1);
}

static void reconnect(struct pair *p, unsigned i)
{
	if (i % 2)
		pair_gw(p, GW_DELETE_IKE);
	else
		pair_command(p, CMD_RECONNECT);
	pair_run(p, SECONDS(60));
	pair_check_up(p, 1);
}

static bool curve(
	struct pair *p, const char *what, unsigned n, void (*once)(struct pair *, unsigned))
{
	unsigned long kib = 0, kib_warm = 0;
	unsigned fds = 0, fds_warm = 0, done = 0;

	for (unsigned point = 1; n >= POINTS && point <= POINTS; point++) {
		for (; done < n / POINTS * point; done++)
			once(p, done);
		kib = resident_kib();
		fds = descriptors();
		printf("%s %u %lu %u\n", what, done, kib, fds);
		fflush(stdout);
		if (point == WARM + 1) {
			kib_warm = kib;
			fds_warm = fds;
		}
	}
	return kib <= kib_warm + kib_warm / 100 && fds <= fds_warm;
}

int main(int argc, char **argv)
{
	struct err e;
	struct pair p;

	if (argc != 3 || !crypto_init(&e)) {
		fprintf(stderr, "bench_soak REKEYS RECONNECTS\n");
		return 2;
	}
	struct profile *profile = profile_psk();
	pair_init(&p, 1);
	p.profile = profile;
	pair_connect(&p);
	bool ok = curve(&p, "rekeys", (unsigned)atoi(argv[1]), rekey);
	ok &= curve(&p, "reconnects", (unsigned)atoi(argv[2]), reconnect);
	pair_free(&p);
	profile_free(profile);
	crypto_exit();
	if (!ok)
		fprintf(stderr, "it grows\n");
	return !ok;
}
