#define _GNU_SOURCE /* sendmmsg */

#include "burst.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "route_to.h"

void burst_start(struct burst *b, bool segments)
{
	b->segments = segments;
	b->drops = 0;
	b->first = b->n = b->given = b->used = 0;
}

uint8_t *burst_room(struct burst *b, size_t len)
{
	/* A message more may be needed for each. */
	if (b->n + b->given == BURST_MESSAGES || len > sizeof(b->octets) - b->used)
		return NULL;
	uint8_t *room = b->octets + b->used;
	b->used += len;
	b->given++;
	return room;
}

static bool same_to(const struct burst_to *a, const struct burst_to *b)
{
	return a->fd == b->fd && a->tos == b->tos && addr_same(&a->remote, &b->remote) &&
		addr_same_host(&a->local, &b->local) && a->local.family == b->local.family;
}

static bool joins(const struct burst *b, const struct burst_message *m, const struct burst_to *to,
	size_t at, size_t len)
{
	return b->segments && m->at + m->len == at && m->len == m->segment * m->count &&
		len <= m->segment && m->count < BURST_SEGMENTS &&
		m->len + len <= BURST_MESSAGE_MAX && same_to(&m->to, to);
}

void burst_add(struct burst *b, const struct burst_to *to, const uint8_t *room, size_t len)
{
	struct burst_message *m = b->n > b->first ? &b->messages[b->n - 1] : NULL;
	size_t at = (size_t)(room - b->octets);

	b->given--;
	if (len == 0)
		return;
	if (m && joins(b, m, to, at, len)) {
		m->len += len;
		m->count++;
	} else {
		b->messages[b->n++] = (struct burst_message){
			.to = *to, .at = at, .len = len, .segment = len, .count = 1
		};
	}
}

/* --- sending ----------------------------------------------------------------------------------- */

struct envelope {
	struct route_to route;
	struct iovec iov;
};

static void lay_out(struct burst *b, const struct burst_message *m, size_t at, size_t len,
	struct envelope *env, struct mmsghdr *out)
{
	route_to(&env->route, &m->to.local, &m->to.remote);
	if (m->to.tos)
		route_tos(&env->route, m->to.remote.family, m->to.tos);
	if (len > m->segment)
		route_segment(&env->route, (uint16_t)m->segment);
	env->iov = (struct iovec){ b->octets + at, len };
	*out = (struct mmsghdr){ .msg_hdr = route_message(&env->route, &env->iov, 1) };
}

/* n datagrams of equal size have left, or are given up. */
static void gone(struct burst *b, size_t n)
{
	struct burst_message *m = &b->messages[b->first];
	size_t octets = n * m->segment < m->len ? n * m->segment : m->len;

	m->at += octets;
	m->len -= octets;
	m->count -= n;
	if (m->count == 0)
		b->first++;
}

enum outcome { WENT, FULL, AGAIN, REFUSED };

/* Worth trying again at once: an error that was left on the socket by something before. */
static enum outcome outcome_of(int done)
{
	if (done > 0)
		return WENT;
	if (errno == EAGAIN || errno == ENOBUFS)
		return FULL;
	return errno == EINTR || errno == ECONNREFUSED ? AGAIN : REFUSED;
}

/* The first message as so many datagrams: one that is larger than the path to be fragmented, or a network
 * card that cannot make checksums. */
static enum outcome send_apart(struct burst *b)
{
	struct mmsghdr out[BURST_SEGMENTS];
	struct envelope env[BURST_SEGMENTS];
	const struct burst_message *m = &b->messages[b->first];
	size_t n = m->count;

	for (size_t i = 0; i < n; i++) {
		size_t left = m->len - i * m->segment;
		lay_out(b, m, m->at + i * m->segment, left < m->segment ? left : m->segment,
			&env[i], &out[i]);
	}
	int done = sendmmsg(m->to.fd, out, (unsigned)n, MSG_DONTWAIT);
	enum outcome o = outcome_of(done);
	if (o == WENT)
		gone(b, (size_t)done);
	return o;
}

/* As many messages as go by the same socket. */
static enum outcome send_messages(struct burst *b)
{
	struct mmsghdr out[BURST_MESSAGES];
	struct envelope env[BURST_MESSAGES];
	int fd = b->messages[b->first].to.fd;
	size_t n = 0;

	for (size_t i = b->first; i < b->n && b->messages[i].to.fd == fd; i++, n++)
		lay_out(b, &b->messages[i], b->messages[i].at, b->messages[i].len, &env[n],
			&out[n]);
	int done = sendmmsg(fd, out, (unsigned)n, MSG_DONTWAIT);
	enum outcome o = outcome_of(done);
	for (int i = 0; i < done; i++)
		gone(b, b->messages[b->first].count);
	return o;
}

bool burst_flush(struct burst *b)
{
	size_t tries = 0;

	while (b->first < b->n) {
		enum outcome o = send_messages(b);
		if (o == REFUSED && b->messages[b->first].count > 1)
			o = send_apart(b);
		if (o == FULL)
			return false;
		if (o == WENT)
			tries = 0;
		if (o == REFUSED || (o == AGAIN && ++tries > BURST_MESSAGES)) {
			b->drops++;
			gone(b, 1);
		}
	}
	b->first = b->n = b->used = 0;
	return true;
}

int burst_waits(const struct burst *b)
{
	return b->first < b->n ? b->messages[b->first].to.fd : -1;
}
