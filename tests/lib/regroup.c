#include "lib/regroup.h"

#include <string.h>

void regroup_add(struct regroup *r, const void *packet, size_t len)
{
	memcpy(r->packets[r->n].data, packet, len);
	r->packets[r->n++].len = len;
}

static void gather(struct regroup *r, struct gro_group *x)
{
	gro_finish(&r->gro, x, &r->header);
	r->whole_len = 0;
	for (uint16_t i = x->first; i > 0; i = r->gro.packets[i - 1].next) {
		const struct gro_packet *p = &r->gro.packets[i - 1];
		size_t skip = i == x->first ? 0 : x->header;
		memcpy(r->whole + r->whole_len, p->data + skip, p->len - skip);
		r->whole_len += p->len - skip;
	}
}

/* The originals are looked for from where the group's last one was, so their order counts. */
static const char *compare(
	struct regroup *r, const struct regroup *before, const struct gro_group *x)
{
	uint8_t out[REGROUP_ROOM];
	struct gso run;
	size_t i = 0;

	if (r->whole_len != x->total)
		return "the length is not the sum";
	if (!gso_read(&run, &r->header, r->whole, r->whole_len))
		return "what was joined cannot be split";
	if (run.count != x->n)
		return "another number comes out";
	for (uint16_t at = x->first; at > 0; at = r->gro.packets[at - 1].next, i++) {
		if (gso_len(&run, i) != before->packets[at - 1].len)
			return "another length comes out";
		gso_write(&run, i, out);
		if (memcmp(out, before->packets[at - 1].data, gso_len(&run, i)) != 0)
			return "other octets come out";
	}
	return NULL;
}

const char *regroup_check(struct regroup *r, unsigned kinds, size_t *groups)
{
	static struct regroup before;
	size_t seen = 0;

	before = *r;
	gro_start(&r->gro, kinds);
	for (size_t i = 0; i < r->n; i++)
		if (!gro_add(&r->gro, r->packets[i].data, r->packets[i].len))
			return "no room";
	*groups = r->gro.n_groups;
	for (size_t i = 0; i < r->gro.n_groups; i++) {
		struct gro_group *x = &r->gro.groups[i];
		gather(r, x);
		seen += x->n;
		if (x->n == 1) { /* nothing about it may have changed, whatever it is */
			if (r->whole_len != before.packets[x->first - 1].len ||
				memcmp(r->whole, before.packets[x->first - 1].data, r->whole_len) !=
					0)
				return "one packet was changed";
			continue;
		}
		const char *wrong = compare(r, &before, x);
		if (wrong)
			return wrong;
	}
	return seen == r->n ? NULL : "some are missing";
}
