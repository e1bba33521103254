/*
 * strongSwan's configuration files (swanctl.conf(5)): sections in braces, key = value, comments, quotes, and
 * sections that take over what others say. A tree that lives as long as its struct conf; included files are
 * not read.
 */
#ifndef IMPORT_CONF_H
#define IMPORT_CONF_H

#include "base/bytes.h"
#include "base/err.h"

enum { CONF_NODES_MAX = 4096, CONF_DEPTH_MAX = 16, CONF_NAME_MAX = 64, CONF_REFS_MAX = 8 };

struct conf_node {
	char name[CONF_NAME_MAX];
	char *value; /* NULL: it is a section */
	struct conf_node *first, *next, *parent; /* first of a section */
	size_t n_refs;
	char *refs[CONF_REFS_MAX]; /* names of sections, from the root: "a.b" */
};

struct conf {
	struct conf_node *root;
	size_t n_nodes;
	unsigned includes; /* files that were not read */
};

/* A section and all that it takes over, each once: what is said first counts. */
struct conf_chain {
	size_t n;
	const struct conf_node *v[64];
};

/* CONFIG with the line where it makes no sense. */
bool conf_read(struct conf *c, struct bytes file, struct err *e) MUST_CHECK;
void conf_free(struct conf *c); /* wipes values */
/* What a section says, or else one that it takes over; NULL: nothing, or not of that kind. */
const char *conf_value(const struct conf *c, const struct conf_node *section, const char *key);
const struct conf_node *conf_section(
	const struct conf *c, const struct conf_node *section, const char *name);
/* Goes over the sections, or the keys, of a section and of those that it takes over, as long as their names
 * begin so; of two of the same name the one that counts. */
struct conf_walk {
	const struct conf *c;
	struct conf_chain chain;
	const char *begins;
	bool sections;
	size_t at;
	const struct conf_node *next;
};
void conf_walk(struct conf_walk *w, const struct conf *c, const struct conf_node *section,
	const char *begins, bool sections);
const struct conf_node *conf_next(struct conf_walk *w); /* NULL: that was all */

#endif
