/*
 * The terminal's settings, and that they come back on every way out, fatal signals included.
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Keeps the settings of fd, once, to be put back at exit and by a fatal signal. False: no terminal. */
bool term_guard(int fd);
/* It is the terminal of a shell that has us in the background: who reads from it or changes its
 * settings there is stopped. False also for what is no terminal. */
bool term_background(int fd);
/* Single keys, without echo; Ctrl-C is a key. *before, where not NULL, gets the settings to go back
 * to. False: no terminal, or in the background. */
bool term_raw(int fd, struct termios *before);
/* Lines without echo: what is typed too early may be a password. Ctrl-C stays a signal; Ctrl-Z would
 * leave the shell without echo and is none. Nothing happens in the background. False: no terminal. */
bool term_quiet(int fd);
/* Of the window that fd is: 80 columns where it is none or does not say. */
struct winsize term_size(int fd);
/* As it was when term_guard saw it first. */
void term_restore(void);

#endif
