/*
 * A small file of XML as a tree.
 *
 * Nothing of it can make us read another file or grow: a document type with declarations of its own is
 * refused, and so are entities that XML does not have by itself. Depth, elements and size are bounded.
 */
#ifndef IMPORT_XML_H
#define IMPORT_XML_H

#include "base/bytes.h"
#include "base/err.h"

struct xml {
	const char *name; /* without the prefix of a name space */
	const char *text; /* UTF-8, "" where elements are inside */
	const struct xml *child, *next; /* the first inside, the next beside it; or NULL */
};

struct xml_file;

/* NULL (CONFIG) when it is not XML as above. */
struct xml_file *xml_read(struct bytes file, struct err *e) MUST_CHECK;
void xml_free(struct xml_file *f); /* wipes it: there are secrets in such files */
const struct xml *xml_root(const struct xml_file *f);
/* The first element of that name inside, or NULL. x may be NULL. */
const struct xml *xml_child(const struct xml *x, const char *name);

#endif
