#include "xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/secret.h"
#include "base/types.h"

/* expat 2.8 has another name for the number of a line, which the one of Debian 12 does not know. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { FILE_MAX = 4 << 20, ELEMENTS_MAX = 1 << 16, DEPTH_MAX = 48 };

struct xml_file {
	size_t n, cap; /* elements; an element takes four octets of the file at least */
	struct xml *v;
	struct wr text; /* names and text of all of them, each with a NUL behind */
};

struct reading {
	XML_Parser parser;
	struct xml_file *f;
	size_t depth;
	struct {
		struct xml *element;
		const struct xml **end; /* where the next one inside is hung up */
	} open[DEPTH_MAX];
	size_t text_from; /* of the innermost element, which has no other inside as yet */
	const char *why; /* it was given up */
};

static void give_up(struct reading *r, const char *why)
{
	if (!r->why)
		r->why = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *keep(struct reading *r, const char *text)
{
	const char *at = (const char *)r->f->text.base + r->f->text.len;

	wr_bytes(&r->f->text, text, strlen(text) + 1);
	return at;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;
	struct xml_file *f = r->f;
	const char *colon = strrchr(name, ':');

	(void)attributes;
	if (r->why)
		return;
	if (r->depth == DEPTH_MAX) {
		give_up(r, "its elements lie too deep in each other");
		return;
	}
	if (f->n == f->cap) {
		give_up(r, "it has too many elements");
		return;
	}
	struct xml *x = &f->v[f->n++];
	*x = (struct xml){ .name = keep(r, colon ? colon + 1 : name), .text = "" };
	if (r->depth > 0) {
		*r->open[r->depth - 1].end = x;
		r->open[r->depth - 1].end = &x->next;
	}
	r->open[r->depth].element = x;
	r->open[r->depth++].end = &x->child;
	r->text_from = f->text.len;
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct reading *r = arg;

	if (!r->why)
		wr_bytes(&r->f->text, text, (size_t)len);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;
	struct wr *text = &r->f->text;

	(void)name;
	if (r->why || r->depth == 0)
		return;
	struct xml *x = r->open[--r->depth].element;
	if (!x->child) {
		x->text = (const char *)text->base + r->text_from;
		wr_u8(text, 0);
	}
	if (text->bad)
		give_up(r, "it is larger than it looks");
}

/* A property list names its document type; only declarations inside the file itself are no good. */
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
	const XML_Char *public, int declares)
{
	(void)name;
	(void)system;
	(void)public;
	if (declares)
		give_up(arg, "it declares a document type of its own");
}

static void XMLCALL on_unknown_entity(void *arg, const XML_Char *name, int parameter)
{
	(void)name;
	(void)parameter;
	give_up(arg, "it uses an entity that is declared elsewhere");
}

static struct xml_file *new_file(size_t octets)
{
	struct xml_file *f = calloc(1, sizeof(*f));
	/* One octet of Latin-1 is two of UTF-8, and two of UTF-16 are three. */
	size_t text = 2 * octets + 1;
	uint8_t *base = f ? malloc(text) : NULL;

	if (!base) {
		free(f);
		return NULL;
	}
	f->text = wr_init(base, text);
	f->cap = octets / 4 + 1 < ELEMENTS_MAX ? octets / 4 + 1 : ELEMENTS_MAX;
	f->v = calloc(f->cap, sizeof(*f->v));
	if (f->v)
		return f;
	xml_free(f);
	return NULL;
}

static bool parse(struct reading *r, struct bytes file, struct err *e)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	XML_SetSkippedEntityHandler(r->parser, on_unknown_entity);
	bool ok = XML_Parse(r->parser, file.p, (int)file.n, XML_TRUE) == XML_STATUS_OK;
	if (r->why)
		return err_set(e, ERR_CONFIG, "no XML that is read here: %s", r->why);
	return ok ||
		err_set(e, ERR_CONFIG, "no XML: %s in line %lu",
			XML_ErrorString(XML_GetErrorCode(r->parser)),
			(unsigned long)XML_GetCurrentLineNumber(r->parser));
}

struct xml_file *xml_read(struct bytes file, struct err *e)
{
	if (file.n > FILE_MAX) {
		err_set(e, ERR_CONFIG, "larger than %d MiB", FILE_MAX >> 20);
		return NULL;
	}
	struct reading r = { .f = new_file(file.n) };
	r.parser = r.f ? XML_ParserCreate(NULL) : NULL;
	bool ok = r.parser ? parse(&r, file, e) : err_set(e, ERR_LOCAL, "out of memory");
	if (r.parser)
		XML_ParserFree(r.parser);
	if (ok)
		return r.f;
	xml_free(r.f);
	return NULL;
}

void xml_free(struct xml_file *f)
{
	if (!f)
		return;
	wipe(f->text.base, f->text.cap);
	free(f->text.base);
	free(f->v);
	free(f);
}

const struct xml *xml_root(const struct xml_file *f)
{
	return f->v;
}

const struct xml *xml_child(const struct xml *x, const char *name)
{
	for (const struct xml *c = x ? x->child : NULL; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}
