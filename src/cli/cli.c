#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/complete.h"
#include "cli/load.h"
#include "cli/prompt.h"
#include "host/host.h"
#include "doctor.h"
#include "show.h"

enum { PASSPHRASE_TRIES = 3 };

/* --- help -------------------------------------------------------------------------------------- */

void cli_usage(FILE *to)
{
	char *commands = commands_help(AT_SHELL);
	struct option_info opt;
	char head[40], story[128];

	fputs("usage: vpnc-ike [OPTIONS] COMMAND [ARGS]\n\n", to);
	fputs(commands ? commands : "", to);
	free(commands);
	fputc('\n', to);
	for (size_t i = 0; options_row(i, &opt); i++) {
		snprintf(head, sizeof(head), "%s%s%s", opt.name, opt.arg ? " " : "",
			opt.arg ? opt.arg : "");
		snprintf(story, sizeof(story), "%s%s%s", opt.story, opt.words ? ": " : "",
			opt.words ? opt.words : "");
		help_entry(to, head, story);
	}
	fputs("\nThe manual: vpnc-ike(1); profiles: vpnc-ike.profile(5).\n", to);
}

static int run_help(const struct options *o)
{
	struct err e;

	if (o->version) {
		printf("vpnc-ike %s\n", VPNC_IKE_VERSION);
		return DOWN_ASKED;
	}
	if (o->n_args == 0) {
		cli_usage(stdout);
		return DOWN_ASKED;
	}
	char *text = commands_help_on(o->args[0], AT_SHELL, &e);
	if (!text)
		return cli_complain(DOWN_USAGE, "vpnc-ike help lists the commands", "%s", e.text);
	fputs(text, stdout);
	free(text);
	return DOWN_ASKED;
}

/* --- profiles ---------------------------------------------------------------------------------- */

static struct load_request request_of(const struct options *o, const char *profile)
{
	return (struct load_request){
		.profile = profile,
		.profile_dir = o->profile_dir,
		.sets = o->sets,
		.n_sets = o->n_sets,
	};
}

static void print_problems(FILE *to, const struct load_report *report)
{
	char text[LOAD_PROBLEM_TEXT_MAX];

	for (size_t i = 0; i < report->n && i < LOAD_PROBLEMS_MAX; i++)
		fprintf(to, "%s\n", load_problem_text(text, sizeof(text), &report->v[i]));
	if (report->n > LOAD_PROBLEMS_MAX)
		fprintf(to, "and %zu more\n", report->n - LOAD_PROBLEMS_MAX);
}

static char *advice_on(
	const struct options *o, const struct load_report *report, char out[EVENT_TEXT_MAX])
{
	char again[OPTIONS_AGAIN_MAX];

	if (report->absent)
		snprintf(out, EVENT_TEXT_MAX, "vpnc-ike list, which names the profiles there are");
	else
		snprintf(out, EVENT_TEXT_MAX,
			"set right what is named above; %.200s check %.100s looks again",
			options_again(again, o), o->args[0]);
	return out;
}

/* One problem is what failed. Of several, all are told before, and the first to who reads only the event. */
static void refuse_profile(const struct options *o, const struct load_report *report)
{
	struct down d = { .status = DOWN_PROFILE };
	char text[LOAD_PROBLEM_TEXT_MAX];

	load_problem_text(text, sizeof(text), &report->v[0]);
	if (report->n == 1) {
		snprintf(d.what, sizeof(d.what), "%.390s", text);
	} else {
		print_problems(stderr, report);
		snprintf(d.what, sizeof(d.what), "the profile %.50s has %zu problems%s%.300s",
			o->args[0], report->n, o->json ? ", first: " : "", o->json ? text : "");
	}
	snprintf(d.said, sizeof(d.said), "nothing; it was not asked");
	advice_on(o, report, d.advice);
	cli_failed(o, o->args[0], &d);
}

/* A file that somebody may miss in the list. */
static void tell_misnamed(const struct load_list *l)
{
	char name[PROFILE_NAME_MAX], file[PROFILE_PATH_MAX];
	struct err e;

	for (size_t i = 0; i < l->n_misnamed; i++)
		if (!load_name(l->misnamed[i].file, name, &e))
			fprintf(stderr, "%s is not listed: %s\n",
				text_safe(file, sizeof(file), l->misnamed[i].file,
					strlen(l->misnamed[i].file)),
				e.text);
}

static int run_list(const struct options *o)
{
	struct load_list l;
	struct err e;
	int status = DOWN_ASKED;

	if (!load_list(o->profile_dir, &l, &e))
		return cli_complain(
			DOWN_OTHER, "--profile-dir with the folder of your profiles", "%s", e.text);
	for (size_t i = 0; i < l.n; i++) {
		struct load_request rq = request_of(o, l.v[i].file);
		rq.values_only = true;
		if (!show_list_line(&rq, l.v[i].name))
			status = DOWN_OTHER;
	}
	tell_misnamed(&l);
	if (l.n == 0) {
		char dirs[LOAD_DIRS_MAX][PROFILE_PATH_MAX];
		size_t n = load_dirs(o->profile_dir, dirs);
		fputs("no profiles (NAME.conf) in", stderr);
		for (size_t i = 0; i < n; i++)
			fprintf(stderr, "%s %s", i ? "," : "", dirs[i]);
		fputc('\n', stderr);
	}
	load_list_free(&l);
	return status;
}

static int run_show(const struct options *o)
{
	struct load_request rq = request_of(o, o->args[0]);
	struct load_report *report = malloc(sizeof(*report));
	struct profile *p = NULL;

	if (!report)
		return DOWN_OTHER;
	rq.values_only = true;
	enum load_result result = load_profile(&rq, &p, report);
	if (result == LOAD_OK)
		show_profile(p);
	else
		refuse_profile(o, report);
	profile_free(p);
	free(report);
	return result == LOAD_OK ? DOWN_ASKED : DOWN_PROFILE;
}

/* It may well be right. */
static void warn_of_profile(const struct profile *p)
{
	const char *coded = profile_coded_psk(p);

	if (coded)
		printf("warning: secrets.%s: the key begins with %s: in strongSwan's files one like that "
		       "is decoded, here it is taken as it stands\n",
			p->psk_file[0] ? "psk-file" : "psk", coded);
}

static int run_check(const struct options *o)
{
	struct load_request rq = request_of(o, o->args[0]);
	struct load_report *report = malloc(sizeof(*report));
	struct profile *p = NULL;

	if (!report)
		return DOWN_OTHER;
	rq.thorough = true;
	enum load_result result = load_profile(&rq, &p, report);
	int status = DOWN_ASKED;
	if (result == LOAD_BAD) {
		char advice[EVENT_TEXT_MAX];
		print_problems(stdout, report);
		status = cli_complain(DOWN_PROFILE, advice_on(o, report, advice),
			"the profile %s has %zu problem%s", o->args[0], report->n,
			plural(report->n));
	} else {
		char name[PROFILE_PATH_MAX];
		printf("%s: no problems\n",
			text_safe(name, sizeof(name), o->args[0], strlen(o->args[0])));
	}
	if (result == LOAD_OK)
		warn_of_profile(p);
	if (result == LOAD_NEED_PASSPHRASE)
		fputs("(the private key was not looked at: it needs its pass phrase)\n", stdout);
	profile_free(p);
	free(report);
	return status;
}

/* Asks for the pass phrase of the private key, and loads again. */
static enum load_result load_asking(const struct options *o, struct load_request *rq,
	struct profile **out, struct load_report *report, struct err *e)
{
	enum load_result result = load_profile(rq, out, report);
	struct ask q = { .kind = ASK_KEY_PASSPHRASE };
	struct passphrase answer = { 0 };
	char name[100];

	if (result != LOAD_NEED_PASSPHRASE)
		return result;
	snprintf(q.prompt, sizeof(q.prompt), "Pass phrase of the private key for %s",
		text_safe(name, sizeof(name), o->args[0], strlen(o->args[0])));
	struct prompt *prompt = prompt_new(o->no_input, e);
	for (int i = 0; i < PASSPHRASE_TRIES && result == LOAD_NEED_PASSPHRASE; i++) {
		if (!prompt || !prompt_wait(prompt, &q, &answer, e))
			break;
		rq->key_passphrase = &answer;
		result = load_profile(rq, out, report);
		err_set(e, ERR_CONFIG, "the pass phrase of the private key is wrong");
	}
	rq->key_passphrase = NULL;
	passphrase_wipe(&answer);
	prompt_free(prompt);
	return result;
}

int cli_load(const struct options *o, struct profile **out)
{
	struct load_request rq = request_of(o, o->args[0]);
	struct load_report *report = malloc(sizeof(*report));
	struct down d = { .status = DOWN_PROFILE,
		.said = "nothing; it was not asked",
		.advice = "give secrets.key-passphrase in the profile, or answer at a terminal" };
	struct err e = { .kind = ERR_NONE };

	if (!report)
		return DOWN_OTHER;
	enum load_result result = load_asking(o, &rq, out, report, &e);
	if (result == LOAD_BAD)
		refuse_profile(o, report);
	if (result == LOAD_NEED_PASSPHRASE) {
		snprintf(d.what, sizeof(d.what), "%s", e.text);
		cli_failed(o, o->args[0], &d);
	}
	free(report);
	return result == LOAD_OK ? DOWN_ASKED : DOWN_PROFILE;
}

/* --- the rest ---------------------------------------------------------------------------------- */

static int run_clean(void)
{
	struct outbox events;
	size_t removed = 0;
	struct err e;

	outbox_init(&events);
	bool ok = host_clean(NULL, &events, &removed, &e);
	for (size_t i = 0; i < events.n; i++)
		if (events.actions[i].kind == ACT_EVENT)
			printf("%s\n", ((const struct event *)outbox_get(&events, i))->text);
	outbox_free(&events);
	if (!ok)
		return cli_complain(DOWN_MACHINE,
			geteuid() != 0 ? "sudo vpnc-ike clean" :
					 "set right what is named above, and vpnc-ike clean again",
			"%s", e.text);
	printf("%zu thing%s removed\n", removed, plural(removed));
	return DOWN_ASKED;
}

/* The machine, and then the profile, when one is named. */
static int run_doctor(const struct options *o)
{
	struct host_kernel kernel;

	host_kernel_look(&kernel);
	bool well = doctor_look("", &kernel, stdout);
	int status = o->n_args > 0 ? run_check(o) : DOWN_ASKED;

	return well ? status :
		      cli_complain(DOWN_MACHINE, "what stands beside it there",
			      "this machine lacks what is marked BAD above");
}

static int run_complete(const struct options *o)
{
	struct complete c;

	complete_shell(&c, o->args, o->n_args);
	for (size_t i = 0; i < c.n; i++)
		printf("%s\n", c.words[i]);
	return DOWN_ASKED;
}

int cli_run(const struct options *o)
{
	switch (o->command->id) {
	case DO_HELP:
		return run_help(o);
	case DO_LIST:
		return run_list(o);
	case DO_SHOW:
		return run_show(o);
	case DO_CHECK:
		return run_check(o);
	case DO_CLEAN:
		return run_clean();
	case DO_IMPORT:
		return cli_import(o);
	case DO_DOCTOR:
		return run_doctor(o);
	case DO_COMPLETE:
		return run_complete(o);
	default:
		return cli_complain(
			DOWN_USAGE, "it at the prompt", "%s is not said here", o->command->name);
	}
}
