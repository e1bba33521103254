#include "carry.h"

#include <string.h>

#include "base/ipsum.h"
#include "esp/flow.h"
#include "ppp/ra.h"

void carry_set(struct carry *c, const struct l2tp_link *link)
{
	bool same = c->link.tunnel == link->tunnel && c->link.session == link->session;

	c->link = *link;
	if (!same) /* another session counts anew */
		c->session = (struct l2tp_session){ .tunnel = link->tunnel,
			.session = link->session,
			.peer_tunnel = link->peer_tunnel,
			.peer_session = link->peer_session };
}

bool carry_on(const struct carry *c)
{
	return c->link.local_port != 0;
}

bool carry_takes_packets(const struct carry *c)
{
	return c->link.packets && c->session.session != 0;
}

size_t carry_before_payload(void)
{
	return CARRY_UDP_HEADER;
}

size_t carry_before_frame(const struct carry *c)
{
	return CARRY_UDP_HEADER + l2tp_data_header_len(&c->session);
}

size_t carry_before_packet(const struct carry *c)
{
	return carry_before_frame(c) + PPP_HEADER_LEN;
}

static void write_ports(const struct carry *c, struct wr *w)
{
	wr_u16(w, c->link.local_port);
	wr_u16(w, c->link.remote_port);
}

bool carry_selects(const struct carry *c, const struct sa_spec *spec)
{
	uint8_t ports[4];
	struct wr w = wr_init(ports, sizeof(ports));

	write_ports(c, &w);
	return spec->mode == SA_TRANSPORT &&
		flow_selected_payload(spec, IP_UDP, ports, sizeof(ports));
}

/* Room in front, n octets of it. */
static bool put_before(struct esp_packet *p, const void *octets, size_t n)
{
	if ((size_t)(p->data - p->room) < n)
		return false;
	p->data -= n;
	p->len += n;
	memcpy(p->data, octets, n);
	return true;
}

/* IPv4 does without the checksum (RFC 768), which a NAT on the way would spoil and ESP makes needless;
 * IPv6 does not (RFC 8200 section 8.1). */
static uint16_t udp_sum(const struct esp_packet *p, const struct sa_spec *spec)
{
	uint8_t addrs[32];
	size_t n = addr_len(spec->local.family);

	if (spec->local.family != FAMILY_V6)
		return 0;
	memcpy(addrs, spec->local.ip, n);
	memcpy(addrs + n, spec->remote.ip, n);
	uint16_t sum =
		ipsum_fold(ipsum_add(ipsum_pseudo(addrs, n, IP_UDP, p->len), p->data, p->len));
	return sum == 0 ? 0xffff : sum;
}

bool carry_payload(struct carry *c, struct esp_packet *p, const struct sa_spec *spec)
{
	uint8_t header[CARRY_UDP_HEADER];
	struct wr w = wr_init(header, sizeof(header));

	if (p->len > UINT16_MAX - sizeof(header))
		return false;
	write_ports(c, &w);
	wr_u16(&w, (uint16_t)(sizeof(header) + p->len));
	wr_u16(&w, 0);
	if (!put_before(p, header, sizeof(header)))
		return false;
	struct wr sum = wr_init(p->data + 6, 2);
	wr_u16(&sum, udp_sum(p, spec));
	p->next_header = IP_UDP;
	return true;
}

bool carry_frame(struct carry *c, struct esp_packet *p, const struct sa_spec *spec)
{
	uint8_t header[L2TP_DATA_HEADER_MAX];

	if (c->session.session == 0 || p->len > UINT16_MAX - sizeof(header))
		return false;
	return put_before(p, header, l2tp_data_header(&c->session, header, p->len)) &&
		carry_payload(c, p, spec);
}

void carry_ppp_header(uint8_t header[PPP_HEADER_LEN], uint8_t family)
{
	struct wr w = wr_init(header, PPP_HEADER_LEN);

	wr_u16(&w, 0xff03); /* address and control: uncompressed, as everybody understands them */
	wr_u16(&w, family == FAMILY_V4 ? PPP_IPV4 : PPP_IPV6);
}

bool carry_packet(struct carry *c, struct esp_packet *p, uint8_t family, const struct sa_spec *spec)
{
	uint8_t header[PPP_HEADER_LEN];

	carry_ppp_header(header, family);
	return c->link.packets && put_before(p, header, sizeof(header)) && carry_frame(c, p, spec);
}

enum carry_what carry_read(struct carry *c, struct bytes payload, struct bytes *packet)
{
	struct bytes frame;
	uint16_t protocol;

	if (!l2tp_data_read(&c->session, payload, &frame) ||
		!ppp_read_frame(frame, &protocol, packet) ||
		(protocol != PPP_IPV4 && protocol != PPP_IPV6) ||
		(protocol == PPP_IPV6 && ra_is(*packet)))
		return CARRY_MESSAGE;
	return c->link.packets ? CARRY_PACKET : CARRY_NOTHING;
}

static void narrow(struct esp_packet *p, struct bytes to)
{
	p->data = p->room + ((const uint8_t *)to.p - p->room);
	p->len = to.n;
}

/* The port is the SA's business as well, but a selector may say any port. The checksum has nothing to
 * tell: the check value of ESP has vouched for the datagram. */
enum carry_what carry_open(struct carry *c, struct esp_packet *p)
{
	struct rd r = rd_init(p->data, p->len);
	uint16_t from = rd_u16(&r), to = rd_u16(&r), len = rd_u16(&r);
	struct bytes packet;

	rd_u16(&r);
	if (r.bad || p->next_header != IP_UDP || from != c->link.remote_port ||
		to != c->link.local_port || len < CARRY_UDP_HEADER || len > p->len)
		return CARRY_NOTHING;
	struct bytes payload = { r.p, len - CARRY_UDP_HEADER };
	enum carry_what what = carry_read(c, payload, &packet);
	narrow(p, what == CARRY_PACKET ? packet : payload);
	return what;
}
