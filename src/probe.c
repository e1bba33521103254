#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/cli.h"
#include "cli/found.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/save.h"
#include "edge/prober.h"

enum { TELL_MS = 200 };

struct probing {
	const struct options *o;
	struct profile *profile; /* NULL: a host was named */
	struct trust *trust; /* of our own where there is no profile */
	struct probe_config config;
	struct found_whom whom;
	struct probe_found found;
};

/* --- whom to ask ----------------------------------------------------------------------------------------- */

static bool is_profile(const struct options *o)
{
	struct load_list l = { 0 };
	char name[PROFILE_NAME_MAX];
	bool found = strchr(o->args[0], '/') != NULL;

	if (found || !load_name(o->args[0], name, NULL) || !load_list(o->profile_dir, &l, NULL))
		return found;
	for (size_t i = 0; i < l.n; i++)
		found |= strcmp(l.v[i].name, name) == 0;
	load_list_free(&l);
	return found;
}

static int by_profile(struct probing *p)
{
	int status = cli_load(p->o, &p->profile);

	if (status != DOWN_ASKED)
		return status;
	const struct profile *f = p->profile;
	p->whom = (struct found_whom){ .host = f->gateways[0], .port = f->port };
	p->config = (struct probe_config){ .local_id = f->local_id,
		.remote_id = f->remote_id,
		.trust = f->trust,
		.pinned = f->remote_certificate[0] != 0 };
	return DOWN_ASKED;
}

static int by_host(struct probing *p)
{
	p->whom = (struct found_whom){ .host = p->o->args[0], .port = UDP_PORT_IKE };
	return DOWN_ASKED;
}

/* Who proves to be whom: what the profile says, else the name that was typed and the system's CAs. */
static int complete(struct probing *p)
{
	struct err e;

	if (!id_given(&p->config.remote_id) && !id_parse(&p->config.remote_id, p->whom.host, NULL))
		p->config.remote_id = (struct identity){ .type = ID_NONE };
	if (p->config.trust)
		return DOWN_ASKED;
	p->trust = trust_new(&e);
	if (!p->trust || !trust_add_system(p->trust, &e))
		return cli_refuse(p->o, DOWN_MACHINE, "install ca-certificates", &e);
	p->config.trust = p->trust;
	return DOWN_ASKED;
}

/* --- asking ------------------------------------------------------------------------------------------------ */

static void tell_progress(const struct probing *p, const struct probe_found *f)
{
	char addr[ADDR_TEXT_MAX];

	if (!options_erases(STDERR_FILENO))
		return;
	addr_text(addr, &p->whom.addr);
	if (f->asked > 0)
		fprintf(stderr, "\rasking %s: %zu of %zu\033[K", addr, f->asked,
			f->n_algs + PROBE_METHODS + 2);
	else
		fprintf(stderr, "\rasking %s: no answer yet\033[K", addr);
}

static void end_progress(void)
{
	if (options_erases(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static bool answered(const struct probe_found *f)
{
	return f->v2 == PROBE_ACCEPTED || f->v2 == PROBE_REFUSED || f->v1 == PROBE_ACCEPTED ||
		f->v1 == PROBE_REFUSED;
}

static bool ask(struct probing *p, struct err *e)
{
	struct prober *prober = prober_open(&p->whom.addr, &p->config, e);

	if (!prober)
		return false;
	while (prober_wait(prober, TELL_MS, e))
		tell_progress(p, prober_found(prober));
	end_progress();
	p->found = *prober_found(prober);
	prober_close(prober);
	if (e->kind != ERR_NONE)
		return false;
	return answered(&p->found) ||
		err_set(e, ERR_SILENT, "%.200s does not answer, neither IKEv2 nor IKEv1",
			p->whom.host);
}

/* Each of its addresses, until one answers. */
static bool ask_addresses(struct probing *p, struct err *e)
{
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct err later, *why = e;
	size_t n;

	if (!prober_resolve(p->whom.host, p->whom.port, addrs, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		p->whom.addr = addrs[i];
		if (ask(p, why))
			return true;
		why = &later; /* the first is the one that the system thinks best */
	}
	return false;
}

/* --- what is told -------------------------------------------------------------------------------------------- */

static int fail(const struct probing *p, const struct err *e)
{
	struct down d = { .status = e->kind == ERR_LOCAL ? DOWN_MACHINE : DOWN_UNREACHABLE };

	snprintf(d.what, sizeof(d.what), "%s", e->text);
	snprintf(d.said, sizeof(d.said), "nothing");
	snprintf(d.advice, sizeof(d.advice),
		"look whether the name is right and the network lets UDP ports 500 and 4500 through: "
		"another network, such as a telephone's, tells");
	cli_failed(p->o, p->o->args[0], &d);
	return d.status;
}

/* It answered, and to nothing of what there is here. */
static int nothing_in_common(const struct probing *p)
{
	struct down d = { .status = DOWN_NO_PROPOSAL };
	const struct err *word = &p->found.v2_word;

	snprintf(d.what, sizeof(d.what), "the gateway accepts nothing that was asked about");
	snprintf(d.said, sizeof(d.said), "%s",
		word->kind != ERR_NONE ? word->text : "nothing in common");
	snprintf(d.advice, sizeof(d.advice),
		"ask its administrator for the algorithms, and whether it serves this address");
	cli_failed(p->o, p->o->args[0], &d);
	return d.status;
}

static bool is_sound(const char *name, const char *text)
{
	struct load_report *report = malloc(sizeof(*report));
	struct profile *loaded = NULL;
	bool ok = report && load_text(name, text, strlen(text), &loaded, report) == LOAD_OK;

	profile_free(loaded);
	free(report);
	return ok;
}

static int write_profile(const struct probing *p)
{
	char name[PROFILE_NAME_MAX], path[PROFILE_PATH_MAX], again[OPTIONS_AGAIN_MAX];
	char *text = found_profile(&p->found, &p->whom);
	struct err e;

	if (!load_name(p->o->write, name, &e)) {
		free(text);
		return cli_refuse(p->o, DOWN_USAGE, "another NAME behind --write", &e);
	}
	bool ok = text && is_sound(name, text) ?
		save_profile(p->o->profile_dir, name, text, path, &e) :
		err_set(&e, ERR_BUG, "no profile could be made of it");
	free(text);
	if (!ok)
		return cli_refuse(p->o, e.kind == ERR_CONFIG ? DOWN_PROFILE : DOWN_MACHINE,
			"another NAME behind --write, or --profile-dir", &e);
	printf("saved as %s\n%s connect %s\n", path, options_again(again, p->o), name);
	return DOWN_ASKED;
}

static int tell(const struct probing *p)
{
	const struct probe_found *f = &p->found;
	char *text = found_text(f, &p->whom, p->profile);

	fputs(text ? text : "out of memory\n", stdout);
	free(text);
	if (f->v2 != PROBE_ACCEPTED && f->v1 != PROBE_ACCEPTED)
		return nothing_in_common(p);
	return p->o->write ? write_profile(p) : DOWN_ASKED;
}

int probe_run(const struct options *o)
{
	struct probing *p = calloc(1, sizeof(*p));
	struct err e;

	if (!p)
		return DOWN_OTHER;
	p->o = o;
	int status = is_profile(o) ? by_profile(p) : by_host(p);
	if (status == DOWN_ASKED)
		status = complete(p);
	if (status == DOWN_ASKED)
		status = ask_addresses(p, &e) ? tell(p) : fail(p, &e);
	trust_free(p->trust);
	profile_free(p->profile);
	free(p);
	return status;
}
