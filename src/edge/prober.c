#include "edge/prober.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/udp.h"
#include "host/clock.h"
#include "host/host.h"

struct prober {
	struct probe *probe;
	struct udp *udp;
	struct outbox ob;
	struct udp_datagram received[UDP_BATCH];
};

/* --- the name ---------------------------------------------------------------------------------------- */

static void wait_for_resolver(struct resolver *r)
{
	int fds[RESOLVE_FDS_MAX];
	uint32_t events[RESOLVE_FDS_MAX];
	struct pollfd polls[RESOLVE_FDS_MAX];
	size_t n = resolver_fds(r, fds, events);
	bool any = false;

	for (size_t i = 0; i < n; i++)
		polls[i] = (struct pollfd){ .fd = fds[i],
			.events = (short)((events[i] & EPOLLIN ? POLLIN : 0) |
				(events[i] & EPOLLOUT ? POLLOUT : 0)) };
	(void)!poll(polls, n, resolver_timeout(r));
	for (size_t i = 0; i < n; i++)
		if (polls[i].revents) {
			resolver_work(r, fds[i], events[i]);
			any = true;
		}
	if (!any)
		resolver_work(r, -1, 0);
}

bool prober_resolve(const char *host, uint16_t port, struct addr out[RESOLVE_ADDRS_MAX], size_t *n,
	struct err *e)
{
	struct resolver *r = resolver_new(host_name_servers_before, e);

	*n = 0;
	if (!r)
		return false;
	resolver_ask(r, host, port);
	while (!resolver_result(r, out, n, e))
		wait_for_resolver(r);
	resolver_free(r);
	return *n > 0;
}

/* --- sockets ------------------------------------------------------------------------------------------- */

/* Past a tunnel that is up, where the privilege for that is there. */
static int open_socket(const struct addr *gateway, struct addr *local, struct err *e)
{
	struct sockaddr_storage ss = { 0 };
	uint32_t mark = HOST_MARK;
	struct addr remote = *gateway;
	int fd = socket(gateway->family == FAMILY_V4 ? AF_INET : AF_INET6,
		SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		err_set(e, ERR_LOCAL, "there is no socket: %s", strerror(errno));
		return -1;
	}
	(void)!setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	/* Connected only to see which address the system takes towards it; its answers may come from
	 * another port. */
	remote.port = UDP_PORT_IKE;
	socklen_t len = (socklen_t)addr_to_sockaddr(&ss, &remote);
	bool ok = connect(fd, (const struct sockaddr *)&ss, len) == 0;
	int why = errno;
	len = sizeof(ss);
	ok = ok && getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
		addr_from_sockaddr(local, &ss);
	if (!ok) {
		close(fd);
		err_set(e, ERR_SILENT, "there is no way to the gateway: %s", strerror(why));
		return -1;
	}
	ss = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	(void)!connect(fd, (const struct sockaddr *)&ss, sizeof(sa_family_t));
	return fd;
}

/* Dissolving the association gives back an address and a port that were chosen by it. */
static int open_bound(const struct addr *gateway, struct addr *local, struct err *e)
{
	struct sockaddr_storage ss = { 0 };
	int fd = open_socket(gateway, local, e);
	struct addr any = { .family = gateway->family };
	socklen_t len = (socklen_t)addr_to_sockaddr(&ss, &any);

	if (fd < 0)
		return -1;
	struct addr bound = any;
	if (bind(fd, (const struct sockaddr *)&ss, len) == 0 && (len = sizeof(ss)) &&
		getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
		addr_from_sockaddr(&bound, &ss)) {
		local->port = bound.port;
		return fd;
	}
	err_set(e, ERR_LOCAL, "a port cannot be bound: %s", strerror(errno));
	close(fd);
	return -1;
}

static struct udp *open_udp(const struct addr *gateway, struct path *path, struct err *e)
{
	struct udp_socket sockets[2] = { { .fd = -1, .which = PORT_IKE, .family = gateway->family },
		{ .fd = -1, .which = PORT_NATT, .family = gateway->family } };
	struct udp *u = NULL;
	struct addr local;

	*path = (struct path){ .remote = *gateway };
	sockets[0].fd = open_bound(gateway, &path->local, e);
	sockets[0].port = path->local.port;
	if (sockets[0].fd >= 0)
		sockets[1].fd = open_bound(gateway, &local, e);
	if (sockets[1].fd >= 0) {
		path->local_natt_port = sockets[1].port = local.port;
		u = udp_new(sockets, 2, e);
	}
	for (size_t i = 0; !u && i < 2; i++)
		if (sockets[i].fd >= 0)
			close(sockets[i].fd);
	return u;
}

/* --- the surface ------------------------------------------------------------------------------------- */

/* What the kernel will not send is as if it had got lost: the question is asked again. */
static void perform(struct prober *p)
{
	struct err e;

	for (size_t i = 0; i < p->ob.n; i++)
		if (p->ob.actions[i].kind == ACT_SEND)
			(void)!udp_send(p->udp, outbox_get(&p->ob, i), &e);
	outbox_clear(&p->ob);
}

struct prober *prober_open(
	const struct addr *gateway, const struct probe_config *config, struct err *e)
{
	struct prober *p = calloc(1, sizeof(*p));
	uint8_t seed[RNG_SEED_LEN];
	struct path path;

	if (!p || getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		free(p);
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	outbox_init(&p->ob);
	p->udp = open_udp(gateway, &path, e);
	p->probe = p->udp ? probe_new(config, seed, e) : NULL;
	wipe(seed, sizeof(seed));
	if (!p->probe) {
		prober_close(p);
		return NULL;
	}
	probe_start(p->probe, clock_now(), clock_wall(), &path, &p->ob);
	perform(p);
	return p;
}

void prober_close(struct prober *p)
{
	if (!p)
		return;
	probe_free(p->probe);
	udp_close(p->udp);
	outbox_free(&p->ob);
	free(p);
}

static void take(struct prober *p, int fd)
{
	size_t n = udp_receive(p->udp, fd, p->received);

	for (size_t i = 0; i < n; i++)
		if (p->received[i].class == UDP_IKE)
			probe_datagram(p->probe, clock_now(), &p->received[i].dg, &p->ob);
}

bool prober_wait(struct prober *p, int ms, struct err *e)
{
	uint64_t now = clock_now(), at = probe_deadline(p->probe);
	struct pollfd polls[4];
	int fds[4];
	size_t n = udp_fds(p->udp, fds);

	*e = (struct err){ .kind = ERR_NONE };
	if (at == TIME_NEVER)
		return false;
	if (at < now + (uint64_t)ms)
		ms = at > now ? (int)(at - now) : 0;
	for (size_t i = 0; i < n; i++)
		polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(polls, n, ms) < 0 && errno != EINTR)
		return err_set(e, ERR_LOCAL, "poll: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		if (polls[i].revents)
			take(p, fds[i]);
	if (clock_now() >= at)
		probe_tick(p->probe, clock_now(), &p->ob);
	perform(p);
	return true;
}

const struct probe_found *prober_found(const struct prober *p)
{
	return probe_found(p->probe);
}
