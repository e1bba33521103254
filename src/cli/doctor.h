/*
 * `doctor`: what this machine can do, and what is in the way. Looks, and leaves nothing behind.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "host/host.h"

/* root: "" for this machine, a folder in tests; kernel: what host_kernel_look found. False when
 * something is in the way of connecting. */
bool doctor_look(const char *root, const struct host_kernel *kernel, FILE *to);

#endif
