#include "edge/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"

/*
 * As much of HTTP (RFC 9112) as one document takes: the question says HTTP/1.0, so its answer ends with the
 * connection or has a length, and comes in one piece.
 */

enum { HEAD_MAX = 16384 };

/* --- addresses ------------------------------------------------------------------------------------ */

static bool bad_url(const char *url, struct err *e)
{
	char shown[128];

	return err_set(e, ERR_CONFIG, "%s: not an address to fetch from",
		text_safe(shown, sizeof(shown), url, strlen(url)));
}

static bool read_port(const char *text, size_t n, uint16_t *port)
{
	unsigned value = 0;

	if (n == 0)
		return true; /* the colon may stand there alone, RFC 3986 section 3.2.3 */
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || value > 6553)
			return false;
		value = 10 * value + (unsigned)(text[i] - '0');
	}
	*port = (uint16_t)value;
	return value > 0 && value <= 65535;
}

bool http_url_read(const char *url, struct http_url *out, struct err *e)
{
	static const char scheme[] = "http://";
	const char *from = url + sizeof(scheme) - 1;

	*out = (struct http_url){ .port = 80 };
	if (strncasecmp(url, scheme, sizeof(scheme) - 1) != 0)
		return bad_url(url, e);
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return bad_url(url, e);
	size_t n = strcspn(from, "/?#");
	bool bracket = *from == '[';
	const char *end = bracket ? memchr(from, ']', n) : memchr(from, ':', n);
	size_t host = end ? (size_t)(end - from) - bracket : n;
	const char *rest = end ? end + bracket : from + n;
	if (memchr(from, '@', n) || (bracket && !end) || host == 0 || host >= sizeof(out->host) ||
		(rest < from + n &&
			(*rest != ':' ||
				!read_port(rest + 1, (size_t)(from + n - rest) - 1, &out->port))))
		return bad_url(url, e);
	memcpy(out->host, from + bracket, host);
	out->target = from + n;
	return true;
}

/* --- answers -------------------------------------------------------------------------------------- */

/* The line's end and what comes behind it, from `at` on. NULL: it has none. */
static const char *line_end(const char *at, const char *end, const char **next)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));

	if (!nl)
		return NULL;
	*next = nl + 1;
	return nl > at && nl[-1] == '\r' ? nl - 1 : nl;
}

static bool named(const char *line, const char *end, const char *name, const char **value)
{
	size_t n = strlen(name);

	if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	for (*value = line + n + 1; *value < end && (**value == ' ' || **value == '\t');)
		(*value)++;
	return true;
}

static bool read_length(const char *text, const char *end, size_t *length)
{
	*length = 0;
	for (; text < end && *text >= '0' && *text <= '9'; text++) {
		*length = 10 * *length + (size_t)(*text - '0');
		if (*length > FETCH_MOST)
			return false;
	}
	return text == end || *text == ' ' || *text == '\t';
}

/* "HTTP/1.1 200 OK" */
static bool read_status(const char *line, const char *end, struct err *e)
{
	size_t n = (size_t)(end - line);
	char shown[80];

	if (n < 12 || strncmp(line, "HTTP/1.", 7) != 0)
		return err_set(e, ERR_PEER, "the server does not speak HTTP");
	if (strncmp(line + 8, " 200", 4) == 0 && (n == 12 || line[12] == ' '))
		return true;
	return err_set(e, ERR_PEER, "the server answers \"%s\"",
		text_safe(shown, sizeof(shown), line + 9, n - 9));
}

/* *body: where it begins, NULL where that has not come. *length SIZE_MAX: none is given. */
static bool read_head(struct bytes all, const char **body, size_t *length, struct err *e)
{
	const char *at = all.p, *end = at + all.n, *next, *value;
	bool first = true;

	*body = NULL;
	*length = SIZE_MAX;
	for (const char *stop; (stop = line_end(at, end, &next)); at = next, first = false) {
		if (first && !read_status(at, stop, e))
			return false;
		if (!first && stop == at) {
			*body = next;
			return true;
		}
		if (named(at, stop, "Content-Length", &value) && !read_length(value, stop, length))
			return err_set(e, ERR_PEER, "the server's answer is too long");
		if (named(at, stop, "Transfer-Encoding", &value))
			return err_set(
				e, ERR_PEER, "the server answers in an encoding of HTTP/1.1");
	}
	return all.n <= HEAD_MAX ||
		err_set(e, ERR_PEER, "the server's answer does not come to its point");
}

bool http_answer_read(struct bytes all, bool whole, bool *done, struct bytes *body, struct err *e)
{
	const char *from;
	size_t length;

	*done = false;
	if (!read_head(all, &from, &length, e))
		return false;
	size_t have = from ? all.n - (size_t)(from - (const char *)all.p) : 0;
	if (from && (length != SIZE_MAX ? have >= length : whole)) {
		*done = true;
		*body = (struct bytes){ from, length != SIZE_MAX ? length : have };
		return true;
	}
	if (whole)
		return err_set(e, ERR_PEER, "the server's answer breaks off");
	return have <= FETCH_MOST || err_set(e, ERR_PEER, "the server's answer is too long");
}
