#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/load.h"
#include "cli/render.h"
#include "state.h"

#define FAILURE_FILE "last-failure"

int cli_complain(int status, const char *advice, const char *fmt, ...)
{
	char text[LOAD_PROBLEM_TEXT_MAX], what[sizeof(text)], how[EVENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "vpnc-ike: %s\nthe gateway said: nothing; it was not asked\ntry: %s\n",
		text_safe(what, sizeof(what), text, strlen(text)),
		text_safe(how, sizeof(how), advice, strlen(advice)));
	return status;
}

int cli_refuse(const struct options *o, int status, const char *advice, const struct err *e)
{
	struct down d = { .status = status, .said = "nothing; it was not asked" };

	snprintf(d.what, sizeof(d.what), "%s", e->text);
	snprintf(d.advice, sizeof(d.advice), "%s", advice);
	if (o->json && o->command && o->command->id == DO_CONNECT)
		cli_event_down(o->n_args > 0 ? o->args[0] : "", &d);
	return cli_complain(status, advice, "%s", e->text);
}

/* "/etc/vpnc-ike/office.conf" and "office" are the same profile. */
static void name_of(const char *profile, char name[PROFILE_NAME_MAX])
{
	if (!load_name(profile, name, NULL))
		snprintf(name, PROFILE_NAME_MAX, "?");
}

void cli_event_down(const char *profile, const struct down *d)
{
	char name[PROFILE_NAME_MAX];

	name_of(profile, name);
	char *text = render_down_json(d, name, time(NULL));
	if (text)
		puts(text);
	fflush(stdout);
	free(text);
}

void cli_failed(const struct options *o, const char *profile, const struct down *d)
{
	char *text = render_failure(d, options_color(o, STDERR_FILENO));
	char *plain = render_failure(d, false);
	FILE *f = state_open(FAILURE_FILE, "w");
	char name[PROFILE_NAME_MAX];

	if (o->json)
		cli_event_down(profile, d);
	fputs(text ? text : "out of memory\n", stderr);
	name_of(profile, name);
	if (f && plain)
		fprintf(f, "%s\n%s", name, plain);
	if (f)
		fclose(f);
	free(text);
	free(plain);
}

char *cli_explain(const char *profile)
{
	char line[EVENT_TEXT_MAX + 64], name[PROFILE_NAME_MAX], *text = NULL;
	FILE *f = state_open(FAILURE_FILE, "r"), *out = NULL;
	size_t len = 0;

	if (!f)
		return NULL;
	bool wanted = fgets(line, sizeof(line), f) != NULL;
	line[wanted ? strcspn(line, "\n") : 0] = 0;
	if (wanted && profile) {
		name_of(profile, name);
		wanted = strcmp(line, name) == 0;
	}
	if (wanted)
		out = open_memstream(&text, &len);
	if (out) {
		fprintf(out, "%s: ", line);
		while (fgets(line, sizeof(line), f))
			fputs(line, out);
		fclose(out);
	}
	fclose(f);
	return text;
}
