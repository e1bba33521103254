/*
 * A foreign profile that may hold anything: none breaks the readers, and what they make of it is a profile's text
 * that says no more than they set.
 *
 * Input: which format it is said to be (an octet), and the file.
 */
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

#include "base/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
	if (!good)
		abort();
}

/* As many lines as settings, sections and the one at the top. */
static void check(const struct import_profile *p)
{
	char *text = import_text(p);
	size_t lines = 0, sections = 0;

	demand(text != NULL);
	for (const char *at = text; *at; at++) {
		lines += *at == '\n';
		sections += *at == '[' && (at == text || at[-1] == '\n');
		demand((uint8_t)*at >= 0x20 || *at == '\n');
	}
	demand(lines == 1 + sections + p->n_entries);
	free(text);
	for (size_t i = 0; i < p->n_notes; i++)
		demand(!strpbrk(p->notes[i].what, "\n\r\x1b") &&
			!strpbrk(p->notes[i].why, "\n\r\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "x.mobileconfig", "VpnSettings.xml", "x.sswan",
		"swanctl.conf", "ipsec.conf", "x.nmconnection", "x.pcf", "x.pbk", "x.conf", "x" };
	struct import im = { 0 };
	struct err e;

	if (size == 0)
		return 0;
	if (import_read(names[data[0] % ARRAY_LEN(names)], (struct bytes){ data + 1, size - 1 },
		    &im, &e))
		for (size_t i = 0; i < im.n; i++)
			check(im.v[i]);
	import_free(&im);
	return 0;
}
