/*
 * What a probe offers.
 */
#ifndef IKE_PROBE_OFFER_H
#define IKE_PROBE_OFFER_H

#include "ike/probe.h"

/* Everything that is asked about, but of only's type this alone (NULL: everything); what does not use it stays
 * away. */
void probe_offer(const struct probe_found *f, const struct alg *only, struct proposals *out);

#endif
