/*
 * `doctor`: what this machine can do, and what is in the way. Looks, and changes nothing.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

/* root: "" for this machine, a folder in tests. False when something is in the way of connecting. */
bool doctor_look(const char *root, FILE *to);

#endif
