/*
 * The password of a group as Cisco's client hides it in its profiles (enc_GroupPwd, "IPSec obfuscated
 * secret"): the key stands beside what is hidden, so that it keeps nothing from anybody.
 */
#ifndef CRYPTO_CISCO_H
#define CRYPTO_CISCO_H

#include "base/bytes.h"
#include "base/err.h"

enum { CISCO_HIDDEN_MAX = 512, CISCO_HIDDEN_HEAD = 40 };

/* hidden: a seed of 20 octets, SHA-1 of the rest, and the rest. out is NUL-ended; the caller wipes it. CONFIG
 * when it is nothing of that kind. */
bool cisco_reveal(char out[CISCO_HIDDEN_MAX], struct bytes hidden, struct err *e) MUST_CHECK;

#endif
