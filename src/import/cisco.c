#include "cisco.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/secret.h"
#include "base/types.h"
#include "crypto/cisco.h"
#include "foreign.h"

void cisco_group(struct import_profile *p, const char *what, const char *group)
{
	import_set(p, "local", "id", "keyid:%s", group);
	import_set(p, "ike", "aggressive", "yes");
	import_note(p, IMPORT_TODO, what,
		"a group's name with its key means aggressive mode, in which who listens can guess the "
		"key at leisure; try ike.aggressive = no");
}

/* --- algorithms ------------------------------------------------------------------------------------------ */

static const struct {
	unsigned number;
	const char *name;
} groups[] = { { 2, "modp1024" }, { 5, "modp1536" }, { 14, "modp2048" }, { 15, "modp3072" },
	{ 16, "modp4096" }, { 17, "modp6144" }, { 18, "modp8192" } };

/* "dh2", "2", "modp1024"; NULL: none that there is here. */
static const char *group_name(const char *text)
{
	const char *digits = strncasecmp(text, "dh", 2) == 0 ? text + 2 : text;
	char *end;
	unsigned long number = strtoul(digits, &end, 10);

	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if ((end != digits && !*end && groups[i].number == number) ||
			strcasecmp(groups[i].name, text) == 0)
			return groups[i].name;
	return NULL;
}

/* 3DES and MD5 only where the group is as old as they are. */
static void offer(struct import_profile *p, const char *section, const char *what,
	const char *group, bool old)
{
	static const char *const ciphers[] = { "aes256-sha256", "aes256-sha1", "aes128-sha1",
		"3des-sha1", "3des-md5" };
	char list[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < (old ? ARRAY_LEN(ciphers) : 3); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s%s%s", i ? ", " : "",
			ciphers[i], group ? "-" : "", group ? group : "");
	foreign_proposals(p, section, what, list);
}

void cisco_offer(struct import_profile *p, const char *what, const char *dh, const char *pfs)
{
	const char *group = group_name(dh), *child = pfs ? group_name(pfs) : NULL;

	if (!group) {
		import_note(p, IMPORT_LEFT, what, "%s: there is no such group here", dh);
		return;
	}
	bool old = strcmp(group, "modp1024") == 0 || strcmp(group, "modp1536") == 0;
	offer(p, "ike", what, group, old);
	if (pfs && (strcasecmp(pfs, "nopfs") == 0 || strcmp(pfs, "0") == 0))
		import_set(p, "esp", "pfs", "no");
	else if (child)
		import_set(p, "esp", "pfs", "yes");
	offer(p, "esp", what, child, old);
}

/* --- secrets --------------------------------------------------------------------------------------------- */

void cisco_secret(struct import_profile *p, const char *key, const char *what, const char *plain,
	const char *hidden)
{
	uint8_t octets[CISCO_HIDDEN_MAX];
	char clear[CISCO_HIDDEN_MAX];
	struct err e;
	size_t n = 0;

	if (plain || !hidden) {
		if (plain)
			import_set(p, "secrets", key, "%s", plain);
		return;
	}
	if (!octets_from_hex(octets, sizeof(octets), &n, hidden))
		import_note(p, IMPORT_TODO, what, "it is no password as Cisco hides them");
	else if (!cisco_reveal(clear, (struct bytes){ octets, n }, &e))
		import_note(p, IMPORT_TODO, what, "%s", e.text);
	else
		import_set(p, "secrets", key, "%s", clear);
	wipe(clear, sizeof(clear));
}
