#include "ecn.h"

#include "base/ipsum.h"
#include "tcpip.h"

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3, ECN_MASK = 3 };

static bool is_v4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

uint8_t ip_tos(const uint8_t *packet)
{
	return is_v4(packet) ? packet[1] : (uint8_t)(get_u16(packet) >> 4);
}

uint8_t ecn_enter(const uint8_t *packet, bool known)
{
	return known ? ip_tos(packet) : (uint8_t)(ip_tos(packet) & ~ECN_MASK);
}

static void set_ecn(uint8_t *packet, uint8_t ecn)
{
	if (!is_v4(packet)) {
		packet[1] = (uint8_t)((packet[1] & ~(ECN_MASK << 4)) | ecn << 4);
		return;
	}
	packet[1] = (uint8_t)((packet[1] & ~ECN_MASK) | ecn);
	put_u16(packet + 10, 0);
	put_u16(packet + 10, ipsum_fold(ipsum_add(0, packet, (size_t)(packet[0] & 0x0f) * 4)));
}

bool ecn_leave(uint8_t *packet, uint8_t outer)
{
	uint8_t inner = ip_tos(packet) & ECN_MASK;

	outer &= ECN_MASK;
	if (inner == NOT_ECT)
		return outer != CE;
	if (inner != CE && (outer == CE || (outer == ECT_1 && inner == ECT_0)))
		set_ecn(packet, outer);
	return true;
}
