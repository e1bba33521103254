/*
 * bench_connect [-i FILE] [-k SIGNAL] ADDRESS SECONDS COMMAND...: runs the command and measures how
 * long it takes from its exec until ADDRESS, behind its tunnel, answers the first ping, of which one
 * goes out every half millisecond. Then the command is ended with the signal (15) and waited for. One
 * line: "MILLISECONDS CPU-MILLISECONDS RSS-KIB PSS-KIB START-MICROSECONDS", of the process itself at
 * the moment of the reply. FILE is its stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_NS = 500000 };

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t = { 0 };

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += p[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void ping(int fd, const struct sockaddr_in *to, uint16_t number)
{
	struct icmphdr h = { .type = ICMP_ECHO };

	h.un.echo.id = htons((uint16_t)getpid());
	h.un.echo.sequence = htons(number);
	h.checksum = checksum(&h, sizeof(h));
	/* There may be no way to it yet. */
	(void)!sendto(fd, &h, sizeof(h), 0, (const struct sockaddr *)to, sizeof(*to));
}

static bool answered(int fd, const struct sockaddr_in *from)
{
	uint8_t data[256];
	struct sockaddr_in src;
	socklen_t len = sizeof(src);
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&src, &len)) > 0) {
		const struct icmphdr *h = (const void *)(data + 4 * (data[0] & 15));
		if (n >= 28 && src.sin_addr.s_addr == from->sin_addr.s_addr &&
			h->type == ICMP_ECHOREPLY && h->un.echo.id == htons((uint16_t)getpid()))
			return true;
	}
	return false;
}

static bool wait_for_reply(int fd, const struct sockaddr_in *to, pid_t pid, uint64_t seconds)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), at = begin, next = begin;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (uint16_t number = 0; at - begin < seconds * 1000000000;
		at = clock_ns(CLOCK_MONOTONIC)) {
		if (at >= next) {
			ping(fd, to, ++number);
			next += INTERVAL_NS;
			if (number % 64 == 0 && waitpid(pid, NULL, WNOHANG) == pid)
				return false;
		}
		struct timespec wait = { .tv_nsec = next > at ? (long)(next - at) : 0 };
		if (ppoll(&p, 1, &wait, NULL) > 0 && answered(fd, to))
			return true;
	}
	return false;
}

static pid_t start(char **command, const char *input)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid(); /* getpass then reads stdin, there being no terminal */
	int in = open(input ? input : "/dev/null", O_RDONLY), out = open("/dev/null", O_WRONLY);
	const char *log = getenv("BENCH_LOG");
	if (log)
		out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(command[0], command);
	_exit(127);
}

/* memory PID KEY: a line of its smaps_rollup, KiB */
static unsigned long memory(pid_t pid, const char *key)
{
	char path[64], line[256];
	unsigned long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *input = NULL;
	int sig = SIGTERM, option;

	while ((option = getopt(argc, argv, "+i:k:")) != -1) {
		if (option == 'i')
			input = optarg;
		else
			sig = atoi(optarg);
	}
	argv += optind;
	if (argc - optind < 3 || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1) {
		fprintf(stderr, "bench_connect [-i FILE] [-k SIGNAL] ADDRESS SECONDS COMMAND...\n");
		return 2;
	}
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	prctl(PR_SET_TIMERSLACK, 1L);
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), end, cpu;
	pid_t pid = start(argv + 2, input);
	clockid_t its = CLOCK_MONOTONIC;
	if (fd < 0 || pid < 0 || clock_getcpuclockid(pid, &its) != 0) {
		perror("bench_connect");
		return 1;
	}
	bool ok = wait_for_reply(fd, &to, pid, strtoull(argv[1], NULL, 10));
	end = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(its);
	if (ok)
		printf("%.2f %.2f %lu %lu %llu\n", (double)(end - begin) / 1e6, (double)cpu / 1e6,
			memory(pid, "Rss:"), memory(pid, "Pss:"),
			(unsigned long long)(begin / 1000));
	kill(pid, sig);
	waitpid(pid, NULL, 0);
	if (!ok)
		fprintf(stderr, "%s: no reply\n", argv[2]);
	return !ok;
}
