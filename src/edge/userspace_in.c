#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ecn.h"
#include "esp/flow.h"
#include "transport.h"
#include "userspace.h"

/* From the UDP socket to the TUN, or to the session. */

bool userspace_l2tp_next(struct dataplane *dp, struct bytes *payload)
{
	return inbox_next(&userspace_of(dp)->inbox, payload);
}

/* What came out of the SA, to where it belongs; true: a packet for the TUN. */
static bool carried(struct userspace *us, struct esp_packet *p)
{
	struct flow f;

	switch (carry_open(&us->carry, p)) {
	case CARRY_PACKET:
		if (flow_read(&f, p->data, p->len))
			return true;
		break;
	case CARRY_MESSAGE:
		inbox_put(&us->inbox, (struct bytes){ p->data, p->len });
		return false;
	case CARRY_NOTHING:
		break;
	}
	us->drops.malformed++;
	return false;
}

static uint32_t datagram_spi(const struct udp_datagram *d)
{
	struct rd r = rd_init(d->dg.data, d->dg.len);

	return rd_u32(&r);
}

/* What was written already is not needed any more where transport_restore puts its header. */
static bool restore(struct userspace *us, struct us_sa *sa, struct esp_packet *p, uint8_t tos)
{
	tunio_flush(&us->tun);
	return transport_restore(p, esp_spec(sa->esp), tos);
}

static void deliver(struct userspace *us, struct us_sa *sa, struct esp_packet *p, uint8_t tos)
{
	const struct sa_spec *spec = esp_spec(sa->esp);

	if (esp_authentic(p->verdict))
		userspace_used(us, sa);
	if (p->verdict != ESP_OK)
		return;
	bool transport = spec->mode == SA_TRANSPORT;
	if (carry_on(&us->carry) ? !transport || !carried(us, p) :
				   transport && !restore(us, sa, p, tos))
		return;
	if (!transport && !ecn_leave(p->data, tos)) {
		us->drops.congestion++;
		return;
	}
	esp_clamp_mss(p->data, p->len, us->mtu);
	tunio_put(&us->tun, p->data, p->len);
}

/* At most a batch of datagrams for one SA. */
static void input_run(struct userspace *us, struct us_sa *sa, struct udp_datagram *d, size_t n)
{
	struct esp_packet packets[UDP_BATCH];

	for (size_t i = 0; i < n; i++)
		packets[i] = (struct esp_packet){ .room = d[i].room,
			.room_len = d[i].room_len,
			.data = d[i].room + (d[i].dg.data - d[i].room),
			.len = d[i].dg.len };
	esp_open(sa->esp, packets, n);
	for (size_t i = 0; i < n; i++)
		deliver(us, sa, &packets[i], d[i].tos);
	userspace_expiring(us, sa);
}

void userspace_esp_early(struct userspace *us, struct us_sa *sa)
{
	struct udp_datagram d[EARLY_PACKETS];
	size_t n = early_take(&us->early, esp_spec(sa->esp)->spi, d);

	if (n == 0)
		return;
	input_run(us, sa, d, n);
	tunio_flush(&us->tun); /* it writes from these buffers */
	for (size_t i = 0; i < n; i++)
		free(d[i].room);
}

/* Some may be for an SA whose keys are on their way. */
static void without_sa(struct userspace *us, uint32_t spi, const struct udp_datagram *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!early_keep(&us->early, spi, &d[i]))
			us->drops.unknown_spi++;
}

/* Where it came from does not matter: the check value tells who sent it (RFC 4303 section 2.1 wants
 * the SPI alone for a unicast SA), and IKE decides whether to follow a peer that moved. */
void userspace_esp_input(struct dataplane *dp, struct udp_datagram *d, size_t n)
{
	struct userspace *us = userspace_of(dp);

	for (size_t i = 0, run; i < n; i += run) {
		uint32_t spi = datagram_spi(&d[i]);
		for (run = 1; i + run < n && run < UDP_BATCH && datagram_spi(&d[i + run]) == spi;)
			run++;
		struct us_sa *sa = userspace_inbound(us, spi);
		if (sa)
			input_run(us, sa, &d[i], run);
		else
			without_sa(us, spi, &d[i], run);
	}
	tunio_flush(&us->tun);
}
