#include "ppp_private.h"

/* Compression is refused by a Protocol-Reject (RFC 1962 section 2 leaves it to either side), and
 * with it MPPE, which is negotiated there: the carrier encrypts, and better. Only for the words when
 * a gateway insists do we look whether MPPE was wanted: its option with any bit of encryption set
 * (RFC 3078 section 2.1). */

enum { CCP_MPPC = 18, MPPC_LEN = 4, MPPE_BITS = 0x000000e0 };

bool ccp_wants_mppe(struct bytes info)
{
	struct cp_packet k;

	if (!cp_read(&k, info) || k.code != CP_CONFIGURE_REQUEST)
		return false;
	struct rd r = rd_init(k.data.p, k.data.n);
	while (r.left > 0) {
		uint8_t type = rd_u8(&r), len = rd_u8(&r);
		if (len < 2)
			return false;
		struct rd value = rd_sub(&r, len - 2u);
		if (type == CCP_MPPC && value.left == MPPC_LEN && (rd_u32(&value) & MPPE_BITS))
			return true;
	}
	return false;
}
