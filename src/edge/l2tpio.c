#define _GNU_SOURCE /* recvmmsg, sendmmsg */

#include "l2tpio.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp/esp.h"
#include "carry.h"
#include "esp/flow.h"
#include "l2tp/data.h"
#include "ppp/ppp.h"
#include "tunio.h"

enum {
	HEAD = L2TP_DATA_HEADER_MAX + PPP_HEADER_LEN, /* room in front of every packet */
	ROOM = HEAD + L2TP_MESSAGE_MAX,
	BATCH = 64,
	READS = 64, /* from the TUN, before the others get their turn */
	SEND_WAIT_MS = 5,
};

struct l2tpio {
	int udp;
	uint16_t mtu;
	struct carry carry;
	struct inbox inbox;
	uint64_t drops;
	struct tunio tun;
	size_t queued; /* messages that wait in rooms and iov */
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	uint8_t rooms[BATCH][ROOM];
};

struct l2tpio *l2tpio_new(int tun, int udp)
{
	struct l2tpio *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	tunio_init(&x->tun, tun, TUN_ALL);
	x->udp = udp;
	for (size_t i = 0; i < BATCH; i++)
		x->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &x->iov[i], .msg_iovlen = 1 };
	return x;
}

void l2tpio_free(struct l2tpio *x)
{
	if (!x)
		return;
	l2tpio_socket(x, -1);
	close(x->tun.fd);
	wipe(x, sizeof(*x)); /* packets in clear */
	free(x);
}

void l2tpio_socket(struct l2tpio *x, int udp)
{
	if (x->udp >= 0)
		close(x->udp);
	x->udp = udp;
}

void l2tpio_set_mtu(struct l2tpio *x, uint16_t mtu)
{
	x->mtu = mtu;
}

void l2tpio_link(struct l2tpio *x, const struct l2tp_link *link)
{
	carry_set(&x->carry, link);
}

/* --- outbound -------------------------------------------------------------------------------------- */

/* The socket is full: its queue is a few milliseconds long, and what waits for it meanwhile waits in the
 * TUN's, which is fair. */
static bool has_room(int udp)
{
	struct pollfd p = { .fd = udp, .events = POLLOUT };

	return poll(&p, 1, SEND_WAIT_MS) > 0;
}

/* What is queued leaves. One that the kernel refuses, for instance with what ICMP said, which proves
 * nothing, is lost as on the way. While there is no SA to carry it the kernel says that a socket with all
 * its room is full. */
static void flush(struct l2tpio *x)
{
	bool waited = false;
	size_t at = 0;

	while (at < x->queued) {
		int n = sendmmsg(x->udp, x->messages + at, (unsigned)(x->queued - at), 0);
		bool full = n <= 0 && errno == EAGAIN;
		if (full && (waited || !has_room(x->udp)))
			break;
		waited = full;
		if (n > 0) {
			at += (size_t)n;
		} else if (!full && errno != EINTR) {
			x->drops++;
			at++;
		}
	}
	x->drops += x->queued - at;
	x->queued = 0;
}

/* Where the next message is put together. */
static uint8_t *place(struct l2tpio *x)
{
	if (x->queued == BATCH)
		flush(x);
	return x->rooms[x->queued] + HEAD;
}

/* The header of a data message, before a frame of len octets at frame. */
static struct iovec with_header(struct l2tpio *x, uint8_t *frame, size_t len)
{
	uint8_t header[L2TP_DATA_HEADER_MAX];
	size_t n = l2tp_data_header(&x->carry.session, header, len);

	memcpy(frame - n, header, n);
	return (struct iovec){ .iov_base = frame - n, .iov_len = n + len };
}

/* A packet of the inner interface becomes a data message. */
static void queue_packet(struct l2tpio *x, const struct gso *run, size_t i)
{
	uint8_t *packet = place(x), *frame = packet - PPP_HEADER_LEN;
	size_t len = gso_len(run, i);

	if (len > L2TP_MESSAGE_MAX) {
		x->drops++;
		return;
	}
	gso_write(run, i, packet);
	esp_clamp_mss(packet, len, x->mtu);
	carry_ppp_header(frame, run->flow.family);
	x->iov[x->queued++] = with_header(x, frame, PPP_HEADER_LEN + len);
}

static void tun_work(struct l2tpio *x)
{
	struct gso run;

	for (size_t reads = 0; reads < READS && tunio_read(&x->tun, &run); reads++) {
		bool up = x->udp >= 0 && carry_takes_packets(&x->carry);
		for (size_t i = 0; i < run.count && up; i++)
			queue_packet(x, &run, i);
		x->drops += up ? run.count == 0 : 1;
	}
	flush(x);
}

void l2tpio_send(struct l2tpio *x, const struct l2tp_datagram *d)
{
	uint8_t *at = place(x);

	if (x->udp < 0 || d->len > L2TP_MESSAGE_MAX ||
		(d->frame && x->carry.session.session == 0)) {
		x->drops++;
		return;
	}
	memcpy(at, d->data, d->len);
	x->iov[x->queued++] = d->frame ? with_header(x, at, d->len) :
					 (struct iovec){ .iov_base = at, .iov_len = d->len };
	flush(x);
}

/* --- inbound ---------------------------------------------------------------------------------------- */

/* To where it belongs. */
static void take(struct l2tpio *x, uint8_t *data, size_t len)
{
	struct bytes datagram = { data, len }, packet;
	struct flow f;

	switch (carry_read(&x->carry, datagram, &packet)) {
	case CARRY_MESSAGE:
		inbox_put(&x->inbox, datagram);
		return;
	case CARRY_PACKET:
		if (flow_read(&f, packet.p, packet.n)) {
			uint8_t *at = data + ((const uint8_t *)packet.p - data);
			esp_clamp_mss(at, f.total, x->mtu);
			tunio_put(&x->tun, at, f.total);
			return;
		}
		break;
	case CARRY_NOTHING:
		break;
	}
	x->drops++;
}

static void udp_work(struct l2tpio *x)
{
	int n;

	if (x->udp < 0)
		return;
	for (size_t i = 0; i < BATCH; i++)
		x->iov[i] = (struct iovec){ .iov_base = x->rooms[i], .iov_len = ROOM };
	do
		n = recvmmsg(x->udp, x->messages, BATCH, 0, NULL);
	while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	for (int i = 0; i < n; i++)
		if (!(x->messages[i].msg_hdr.msg_flags & MSG_TRUNC))
			take(x, x->rooms[i], x->messages[i].msg_len);
	tunio_flush(&x->tun);
}

void l2tpio_work(struct l2tpio *x)
{
	tun_work(x);
	udp_work(x);
}

bool l2tpio_next(struct l2tpio *x, struct bytes *payload)
{
	return inbox_next(&x->inbox, payload);
}

uint64_t l2tpio_drops(const struct l2tpio *x)
{
	return x->drops + x->tun.errors;
}
