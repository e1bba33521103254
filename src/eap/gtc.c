#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "method.h"

static bool contains(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text; text++)
		if (strncasecmp(text, word, n) == 0)
			return true;
	return false;
}

/* "Password: ", "Enter your password": what the profile holds. Not a second factor, and not a new
 * password for one that has expired. */
static bool wants_password(const char *prompt)
{
	static const char *const other[] = {
		"one-time",
		"one time",
		"otp",
		"token",
		"code",
		"pin",
		"new",
		"change",
		"expire",
	};

	if (!contains(prompt, "password"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		if (contains(prompt, other[i]))
			return false;
	return true;
}

/* RFC 3748 section 5.6: a text to show in, what the user reads from a token out, in any number of
 * rounds. The gateway's words are shown as they are. The password of the profile answers only the
 * first round of the first method, and only where the words ask for a password: a second factor
 * is never guessed, and a password that was refused is not sent again. */
enum eap_step gtc_request(struct eap *x, struct rd *in, struct wr *out, struct eap_result *r)
{
	char prompt[PROMPT_TEXT_MAX];
	const struct passphrase *text = x->answer;

	text_safe(prompt, sizeof(prompt), in->p, in->left);
	bool password = wants_password(prompt);
	if (!text && password && x->n_methods == 1 && x->tries == 0)
		text = x->config->password;
	if (!text) {
		x->wanted = WANT_CODE;
		r->ask = (struct ask){ .kind = password ? ASK_PASSWORD : ASK_CODE,
			.again = password && x->tries > 0 };
		snprintf(r->ask.prompt, sizeof(r->ask.prompt), "%s", prompt[0] ? prompt : "Code");
		return STEP_ASK;
	}
	wr_bytes(out, text->text, text->len);
	x->tries++;
	return STEP_LAST;
}
