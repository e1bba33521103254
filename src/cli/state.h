/*
 * Files of ours in the invoking user's state folder, ~/.local/state/vpnc-ike: what was typed at the
 * prompt, and the last failure. They are opened with the user's rights even when we are root, so
 * that a link planted there reaches nothing that the user could not reach anyway.
 */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdio.h>

/* Mode "r" or "w"; a file written is new and of mode 0600. NULL: not there, or not allowed. */
FILE *state_open(const char *name, const char *mode);

#endif
