/*
 * $VPNC_IKE_ASKPASS: a program of the invoking user's that asks one question.
 */
#ifndef CLI_ASKPASS_H
#define CLI_ASKPASS_H

#include <sys/types.h>

#include "base/err.h"

/* Runs it as the invoking user with the question as its only argument. *out is where its answer can
 * be read, *done a descriptor that becomes readable when it ends. CONFIG on failure. */
bool askpass_start(const char *program, const char *question, pid_t *pid, int *out, int *done,
	struct err *e) MUST_CHECK;

#endif
