/*
 * Memory that only connecting took, or new keys: given back a while after the tunnel is up again.
 */
#ifndef LEAN_H
#define LEAN_H

/* The free part of the heap, and the pages of code and constants, of the program and its libraries: most
 * of them are not needed again, and those that are come back from the page cache when they are touched. A
 * debugger's breakpoints go with them. */
void lean(void);

#endif
