#include "tunio.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

void tunio_init(struct tunio *t, int fd, unsigned allowed)
{
	memset(t, 0, offsetof(struct tunio, in)); /* 64 KiB less to touch */
	t->fd = fd;
	tunio_use(t, host_tun_offloads(fd, allowed));
}

/* What may be read in one piece may be written so. */
void tunio_use(struct tunio *t, unsigned offloads)
{
	t->offloads = offloads;
	gro_start(&t->gro,
		(offloads & TUN_TCP4 ? GRO_TCP4 : 0) | (offloads & TUN_TCP6 ? GRO_TCP6 : 0) |
			(offloads & TUN_UDP ? GRO_UDP4 | GRO_UDP6 : 0));
}

bool tunio_read(struct tunio *t, struct gso *run)
{
	struct iovec iov[2] = { { &t->in.header, sizeof(t->in.header) },
		{ t->in.packet, sizeof(t->in.packet) } };
	size_t before = t->offloads & TUN_HEADER ? sizeof(t->in.header) : 0;
	ssize_t n;

	memset(&t->in.header, 0, sizeof(t->in.header));
	do
		n = before ? readv(t->fd, iov, 2) : read(t->fd, t->in.packet, sizeof(t->in.packet));
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		t->errors += n < 0 && errno != EAGAIN;
		return false;
	}
	if ((size_t)n <= before || !gso_read(run, &t->in.header, t->in.packet, (size_t)n - before))
		run->count = 0;
	return true;
}

static void write_vector(struct tunio *t, struct iovec *iov, int n)
{
	ssize_t done;

	do
		done = writev(t->fd, iov, n);
	while (done < 0 && errno == EINTR);
	t->errors += done < 0;
}

void tunio_write(struct tunio *t, const uint8_t *packet, size_t len)
{
	struct virtio_net_hdr h = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)packet, len } };

	bool header = t->offloads & TUN_HEADER;

	write_vector(t, header ? iov : iov + 1, header ? 2 : 1);
}

static void write_group(struct tunio *t, struct gro_group *x)
{
	struct iovec iov[1 + GRO_PACKETS];
	struct virtio_net_hdr h;
	int n = 0;

	gro_finish(&t->gro, x, &h);
	if (t->offloads & TUN_HEADER)
		iov[n++] = (struct iovec){ &h, sizeof(h) };
	for (uint16_t i = x->first; i > 0; i = t->gro.packets[i - 1].next) {
		const struct gro_packet *p = &t->gro.packets[i - 1];
		size_t skip = i == x->first ? 0 : x->header;
		iov[n++] = (struct iovec){ p->data + skip, p->len - skip };
	}
	write_vector(t, iov, n);
}

void tunio_flush(struct tunio *t)
{
	for (size_t i = 0; i < t->gro.n_groups; i++)
		write_group(t, &t->gro.groups[i]);
	gro_start(&t->gro, t->gro.kinds);
}

void tunio_put(struct tunio *t, uint8_t *packet, size_t len)
{
	if (gro_add(&t->gro, packet, len))
		return;
	tunio_flush(t);
	(void)gro_add(&t->gro, packet, len); /* an empty batch takes it */
}
