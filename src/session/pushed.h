/*
 * What of all that a gateway may push is taken from none, whoever it is.
 */
#ifndef SESSION_PUSHED_H
#define SESSION_PUSHED_H

#include "base/outbox.h"

/* Never routed, whoever asks: this host, the link, multicast and what is reserved. What it is, NULL: none of it. */
const char *pushed_unsafe(const struct prefix *p);

/* Letters, digits, '-' and '_' in labels of 1 to 63, lower-cased, the final dot removed; false for
 * anything else. */
bool domain_clean(char out[DOMAIN_TEXT_MAX], const char *text);

#endif
