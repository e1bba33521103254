/*
 * How the engine is configured, from the profile, from what was typed, and for one gateway of several.
 */
#ifndef SESSION_CONFIGURE_H
#define SESSION_CONFIGURE_H

#include "state.h"

void configure_engine(struct session *s);
/* Who logs in, as far as the profile tells; s->user is empty where it does not. Behind configure_engine. */
void configure_user(struct session *s);
/* For the gateway that is tried now, s->gateway: whom it must prove to be, and what it is called. */
void configure_gateway(struct session *s);
void configure_login(struct session *s);
/* Whether addresses are asked for, and those that the profile names: for each attempt anew, for on the way less is
 * asked of a gateway that has none. */
void configure_addresses(struct session *s);
/* The addresses in hand, which pools give again to who asks for them. */
void configure_same_addresses(struct session *s);
/* For a new login beside the tunnel: with the same addresses, and the tunnel's IKE SA shall live. */
void configure_beside(struct session *s);
/* What is to be typed by nobody: the answer that worked, else the profile's. NULL: ask, for there is none
 * or the gateway has refused it. */
const struct passphrase *configure_password(const struct session *s);

#endif
