#include "mtu.h"

#include <stdlib.h>

#include "esp/esp.h"
#include "line.h"

enum {
	DEFAULT_MTU = 1500,
	FALLBACK_MTU = 1280,
	IPV4_HEADER_LEN = 20,
	IPV6_HEADER_LEN = 40,
};

/* What fits into the path with everything that the child SA puts around it. */
static uint16_t child_mtu(
	const struct ike_view *view, const struct ike_child_view *c, uint16_t path_mtu)
{
	struct sa_spec *spec = calloc(1, sizeof(*spec));

	if (!spec)
		return FALLBACK_MTU;
	spec->mode = c->mode;
	spec->encap = c->encap;
	spec->remote = view->remote;
	suite_specify(&c->suite, spec);
	uint16_t fits = esp_inner_mtu(spec, path_mtu ? path_mtu : DEFAULT_MTU);
	free(spec);
	return fits;
}

/* The smallest over the child SAs. */
uint16_t mtu_children(const struct ike_view *view, uint16_t path_mtu)
{
	uint16_t mtu = path_mtu ? path_mtu : DEFAULT_MTU;

	for (size_t i = 0; i < view->n_children; i++) {
		uint16_t fits = child_mtu(view, &view->children[i], path_mtu);
		mtu = fits < mtu ? fits : mtu;
	}
	return mtu;
}

uint16_t mtu_line(const struct ike_view *view, uint16_t path_mtu)
{
	size_t around = LINE_OVERHEAD +
		(view->remote.family == FAMILY_V6 ? IPV6_HEADER_LEN : IPV4_HEADER_LEN);
	uint16_t mtu = mtu_children(view, path_mtu);

	if (mtu < around + PPP_MRU_MIN)
		return PPP_MRU_MIN;
	mtu = (uint16_t)(mtu - around);
	return mtu < PPP_MRU_DEFAULT ? mtu : PPP_MRU_DEFAULT;
}
