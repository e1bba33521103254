#include "conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/types.h"

/* --- the tree ---------------------------------------------------------------------------------------------- */

static struct conf_node *add_node(
	struct conf *c, struct conf_node *parent, const char *name, size_t len, struct err *e)
{
	struct conf_node **end = parent ? &parent->first : &c->root;

	if (c->n_nodes == CONF_NODES_MAX || len >= CONF_NAME_MAX) {
		err_set(e, ERR_CONFIG,
			len >= CONF_NAME_MAX ? "a name of %zu letters" : "more than %zu entries",
			len >= CONF_NAME_MAX ? len : (size_t)CONF_NODES_MAX);
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	struct conf_node *n = *end = calloc(1, sizeof(*n));
	if (!n) {
		err_set(e, ERR_LOCAL, "out of memory");
		return NULL;
	}
	memcpy(n->name, name, len);
	n->parent = parent;
	c->n_nodes++;
	return n;
}

static void free_node(struct conf_node *n)
{
	if (n->value)
		wipe(n->value, strlen(n->value));
	free(n->value);
	for (size_t i = 0; i < n->n_refs; i++)
		free(n->refs[i]);
	free(n);
}

/* Without recursion: from each leaf to its parent. */
void conf_free(struct conf *c)
{
	struct conf_node *n = c->root;

	while (n) {
		if (n->first) {
			struct conf_node *child = n->first;
			n->first = NULL;
			n = child;
			continue;
		}
		struct conf_node *then = n->next ? n->next : n->parent;
		free_node(n);
		n = then;
	}
	*c = (struct conf){ 0 };
}

/* --- reading --------------------------------------------------------------------------------------------------- */

struct reader {
	struct conf *c;
	const char *p, *end;
	unsigned line;
	struct err *e;
};

static bool fail(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_CONFIG, "line %u: %s", r->line, what);
}

/* A NUL is none of them. */
static bool is_one_of(char c, const char *letters)
{
	return c && strchr(letters, c);
}

static void skip_comment(struct reader *r)
{
	while (r->p < r->end && *r->p != '\n')
		r->p++;
}

static void skip_blank(struct reader *r)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '#') {
			skip_comment(r);
			if (r->p == r->end)
				return;
		}
		if (*r->p == '\n')
			r->line++;
		else if (!is_one_of(*r->p, " \t\r"))
			return;
	}
}

static size_t name_length(const struct reader *r)
{
	size_t n = 0;

	while (r->p + n < r->end && r->p[n] && !strchr(" \t\r\n={}#:,\"", r->p[n]))
		n++;
	return n;
}

/* The room that the rest of the file would have taken is given back. */
static bool keep_only(char **text, size_t n, struct err *e)
{
	char *exact = strdup(*text);

	wipe(*text, n);
	free(*text);
	*text = exact;
	return exact || err_set(e, ERR_LOCAL, "out of memory");
}

/* In quotes as many lines as there are, with the four escapes; else up to the end of the line, a comment, or
 * the end of the section. */
static bool read_value(struct reader *r, char **out)
{
	size_t n = 0;

	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
	*out = calloc(1, (size_t)(r->end - r->p) + 1);
	if (!*out)
		return err_set(r->e, ERR_LOCAL, "out of memory");
	if (r->p < r->end && *r->p == '"') {
		for (r->p++; r->p < r->end && *r->p != '"'; r->p++) {
			static const char letters[] = "ntr", means[] = "\n\t\r";
			r->line += *r->p == '\n';
			if (*r->p == '\\' && r->p + 1 < r->end) {
				const char *is = r->p[1] ? strchr(letters, r->p[1]) : NULL;
				(*out)[n++] = is ? means[is - letters] : r->p[1];
				r->p++;
			} else {
				(*out)[n++] = *r->p;
			}
		}
		if (r->p == r->end)
			return fail(r, "a quote does not end");
		r->p++;
	} else {
		while (r->p < r->end && !is_one_of(*r->p, "\r\n#}"))
			(*out)[n++] = *r->p++;
		while (n > 0 && ((*out)[n - 1] == ' ' || (*out)[n - 1] == '\t'))
			(*out)[--n] = 0;
	}
	return !memchr(*out, 0, n) ? keep_only(out, n, r->e) : fail(r, "a NUL stands in it");
}

/* name : a, b.c { */
static bool read_refs(struct reader *r, struct conf_node *section)
{
	do {
		r->p++;
		skip_blank(r);
		size_t n = name_length(r);
		if (n == 0 || section->n_refs == CONF_REFS_MAX)
			return fail(
				r, "a section takes over from what has no name, or from too many");
		char *ref = section->refs[section->n_refs] = strndup(r->p, n);
		if (!ref)
			return err_set(r->e, ERR_LOCAL, "out of memory");
		section->n_refs++;
		r->p += n;
		skip_blank(r);
	} while (r->p < r->end && *r->p == ',');
	return true;
}

static bool is_include(const struct reader *r, size_t n)
{
	return n == 7 && memcmp(r->p, "include", 7) == 0 && r->p + n < r->end && r->p[n] != '=' &&
		strchr(" \t", r->p[n]);
}

/* One entry of a section; *in becomes the section that it opens. */
static bool read_entry(struct reader *r, struct conf_node **in)
{
	size_t n = name_length(r);

	if (n == 0)
		return fail(r, "a name is missing");
	if (is_include(r, n)) {
		r->c->includes++;
		skip_comment(r);
		return true;
	}
	struct conf_node *node = add_node(r->c, *in, r->p, n, r->e);
	if (!node)
		return err_ctx(r->e, "line %u", r->line);
	r->p += n;
	skip_blank(r);
	if (r->p < r->end && *r->p == '=') {
		r->p++;
		return read_value(r, &node->value);
	}
	if (r->p < r->end && *r->p == ':' && !read_refs(r, node))
		return false;
	if (r->p == r->end || *r->p != '{')
		return fail(r, "= or { is missing behind a name");
	r->p++;
	*in = node;
	return true;
}

bool conf_read(struct conf *c, struct bytes file, struct err *e)
{
	struct reader r = {
		.c = c, .p = file.p, .end = (const char *)file.p + file.n, .line = 1, .e = e
	};
	unsigned depth = 0;

	*c = (struct conf){ 0 };
	struct conf_node *in = add_node(c, NULL, "", 0, e);
	bool ok = true;
	if (!in)
		return false;
	for (skip_blank(&r); ok && r.p < r.end; skip_blank(&r)) {
		struct conf_node *before = in;
		if (*r.p == '}' && in->parent) {
			in = in->parent;
			depth--;
			r.p++;
			continue;
		}
		ok = *r.p == '}' ? fail(&r, "a } too many") : read_entry(&r, &in);
		if (ok && in != before && ++depth > CONF_DEPTH_MAX)
			ok = fail(&r, "sections are too deep in each other");
	}
	if (ok && depth > 0)
		ok = fail(&r, "a } is missing");
	if (!ok)
		conf_free(c);
	return ok;
}

/* --- asking ---------------------------------------------------------------------------------------------------- */

static const struct conf_node *own(
	const struct conf_node *section, const char *name, size_t len, bool is_section)
{
	const struct conf_node *last = NULL;

	for (const struct conf_node *n = section->first; n; n = n->next)
		if (strlen(n->name) == len && memcmp(n->name, name, len) == 0 &&
			!n->value == is_section)
			last = n;
	return last;
}

static const struct conf_node *at_path(const struct conf *c, const char *path)
{
	const struct conf_node *n = c->root;

	while (n && *path) {
		size_t len = strcspn(path, ".");
		n = own(n, path, len, true);
		path += len + (path[len] == '.');
	}
	return n;
}

static void chain_of(const struct conf *c, const struct conf_node *section, struct conf_chain *out)
{
	*out = (struct conf_chain){ .n = 1, .v = { section } };
	for (size_t i = 0; i < out->n; i++)
		for (size_t j = 0; j < out->v[i]->n_refs; j++) {
			const struct conf_node *ref = at_path(c, out->v[i]->refs[j]);
			bool known = !ref;
			for (size_t k = 0; k < out->n; k++)
				known |= out->v[k] == ref;
			if (!known && out->n < ARRAY_LEN(out->v))
				out->v[out->n++] = ref;
		}
}

static const struct conf_node *look(
	const struct conf *c, const struct conf_node *section, const char *name, bool is_section)
{
	const struct conf_node *found = NULL;
	struct conf_chain chain;

	if (!section)
		return NULL;
	chain_of(c, section, &chain);
	for (size_t i = 0; i < chain.n && !found; i++)
		found = own(chain.v[i], name, strlen(name), is_section);
	return found;
}

const char *conf_value(const struct conf *c, const struct conf_node *section, const char *key)
{
	const struct conf_node *n = look(c, section, key, false);

	return n ? n->value : NULL;
}

const struct conf_node *conf_section(
	const struct conf *c, const struct conf_node *section, const char *name)
{
	return look(c, section, name, true);
}

void conf_walk(struct conf_walk *w, const struct conf *c, const struct conf_node *section,
	const char *begins, bool sections)
{
	*w = (struct conf_walk){ .c = c, .begins = begins, .sections = sections };
	if (!section)
		return;
	chain_of(c, section, &w->chain);
	w->next = section->first;
}

const struct conf_node *conf_next(struct conf_walk *w)
{
	while (w->at < w->chain.n) {
		const struct conf_node *n = w->next;
		if (!n) {
			w->at++;
			w->next = w->at < w->chain.n ? w->chain.v[w->at]->first : NULL;
			continue;
		}
		w->next = n->next;
		if (!n->value == w->sections &&
			strncmp(n->name, w->begins, strlen(w->begins)) == 0 &&
			look(w->c, w->chain.v[0], n->name, w->sections) == n)
			return n;
	}
	return NULL;
}
