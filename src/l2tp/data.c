#include "l2tp/data.h"

#include "l2tp_private.h"

/*  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+---+-+-+-+-+-------+-------+-------------------------------+
 * |T|L|0 0|S|0|O|P|0 0 0 0|  Ver  |         Length (if L)         |
 * +-+-+---+-+-+-+-+-------+-------+-------------------------------+
 * |           Tunnel ID           |           Session ID          |
 * +-------------------------------+-------------------------------+
 * |           Ns (if S)           |           Nr (if S)           |
 * +-------------------------------+-------------------------------+
 * |      Offset Size (if O)       |    Offset pad... (if O)
 * +-------------------------------+                 (section 3.1) */

bool l2tp_is_control(struct bytes datagram)
{
	struct rd r = rd_init(datagram.p, datagram.n);

	return rd_u16(&r) & HEADER_T;
}

bool l2tp_data_read(struct l2tp_session *s, struct bytes datagram, struct bytes *frame)
{
	struct rd r = rd_init(datagram.p, datagram.n);
	uint16_t flags = rd_u16(&r);
	size_t len = datagram.n;

	if ((flags & HEADER_T) || (flags & HEADER_VERSION) != L2TP_VERSION)
		return false;
	if (flags & HEADER_L)
		len = rd_u16(&r);
	size_t before = datagram.n - r.left;
	if (r.bad || len > datagram.n || len < before)
		return false;
	r.left = len - before; /* what is behind the length is padding */
	if (rd_u16(&r) != s->tunnel || rd_u16(&r) != s->session)
		return false;
	if (flags & HEADER_S)
		rd_u32(&r);
	if (flags & HEADER_O)
		rd_bytes(&r, rd_u16(&r));
	if (r.bad || s->tunnel == 0 || s->session == 0)
		return false;
	s->sequenced = flags & HEADER_S;
	*frame = (struct bytes){ r.p, r.left };
	return true;
}

size_t l2tp_data_header_len(const struct l2tp_session *s)
{
	return s->sequenced ? 12 : 8;
}

size_t l2tp_data_header(
	struct l2tp_session *s, uint8_t header[L2TP_DATA_HEADER_MAX], size_t frame_len)
{
	struct wr w = wr_init(header, L2TP_DATA_HEADER_MAX);

	wr_u16(&w, HEADER_L | (s->sequenced ? HEADER_S : 0) | L2TP_VERSION);
	wr_u16(&w, 0);
	wr_u16(&w, s->peer_tunnel);
	wr_u16(&w, s->peer_session);
	if (s->sequenced) {
		wr_u16(&w, s->ns++);
		wr_u16(&w, 0); /* Nr has no meaning in data messages (section 5.4) */
	}
	wr_patch_u16(&w, 2, (uint16_t)(w.len + frame_len));
	return w.len;
}
