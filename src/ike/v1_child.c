#include "v1_sa.h"

#include <stdlib.h>
#include <string.h>

uint32_t v1_new_spi(struct v1 *v)
{
	uint32_t spi;

	do /* 0 to 255 are reserved, RFC 4303 section 2.1 */
		spi = rng_u32(v->rng);
	while (spi < 256 || v1_child_find(v, spi));
	return spi;
}

struct v1_child *v1_child_find(const struct v1 *v, uint32_t spi_in)
{
	for (size_t i = 0; i < v->n_children; i++)
		if (v->children[i]->spi_in == spi_in)
			return v->children[i];
	return NULL;
}

struct v1_child *v1_child_by_out(const struct v1 *v, uint32_t spi_out)
{
	for (size_t i = 0; i < v->n_children; i++)
		if (v->children[i]->spi_out == spi_out && v->children[i]->state != V1C_LINGERING)
			return v->children[i];
	return NULL;
}

static void spec_fill(
	const struct v1 *v, const struct v1_child *c, enum sa_dir dir, struct sa_spec *s)
{
	s->dir = dir;
	s->mode = c->mode;
	s->spi = dir == SA_IN ? c->spi_in : c->spi_out;
	s->child = c->number;
	s->encap = c->encap;
	s->local = v1_local(v);
	s->remote = v->path.remote;
	s->encr = c->suite.encr->id;
	s->encr_bits = c->suite.encr->key_bits;
	s->integ = c->suite.integ ? c->suite.integ->id : 0;
	s->replay_window = v->cfg->replay_window;
	s->octets_max = v->cfg->child_octets;
	s->packets_max = v->cfg->child_packets;
	s->local_ts = c->local_ts;
	s->remote_ts = c->remote_ts;
}

static void uninstall(const struct v1 *v, enum sa_dir dir, uint32_t spi, struct outbox *ob)
{
	outbox_sa_remove(ob, &(struct sa_ref){ dir, spi, v->path.remote, v->path.local });
}

static void spec_free(struct sa_spec *s)
{
	if (s)
		wipe(s, sizeof(*s));
	free(s);
}

static void set_lifetime(struct v1 *v, struct v1_child *c, uint64_t lifetime)
{
	c->rekey_at = lifetime ? v->now + jittered(lifetime * 9 / 10, v->rng) : TIME_NEVER;
	c->expire_at = lifetime ? v->now + lifetime : TIME_NEVER;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
	return a && b ? (a < b ? a : b) : a + b;
}

static struct v1_child *child_new(struct v1 *v, const struct v1_offer *o, const struct v1_terms *t)
{
	struct v1_child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->number = o->number;
	c->spi_in = o->spi_in;
	c->spi_out = t->spi;
	c->suite = t->suite;
	c->mode = t->mode;
	c->encap = v->natt;
	c->local_ts.n = c->remote_ts.n = 1;
	c->local_ts.v[0] = o->local_ts;
	c->remote_ts.v[0] = o->remote_ts;
	c->adopt_at = TIME_NEVER;
	set_lifetime(v, c, shorter(v->cfg->child_lifetime, t->lifetime));
	return c;
}

struct v1_child *v1_child_add(struct v1 *v, struct v1_sa *sa, const struct v1_offer *o,
	const struct v1_terms *t, const struct ke_secret *shared, bool hold_out, struct outbox *ob,
	struct err *e)
{
	struct v1_child *c = v->n_children < V1_CHILDREN_MAX ? child_new(v, o, t) : NULL;
	struct sa_spec *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));
	struct bytes ni = { o->ni, o->ni_len }, nr = { o->nr, o->nr_len };
	bool ok = c && in && out;

	if (ok) {
		spec_fill(v, c, SA_IN, in);
		spec_fill(v, c, SA_OUT, out);
		ok = v1_keymat(sa, &t->suite, shared, ni, nr, in, e) &&
			v1_keymat(sa, &t->suite, shared, ni, nr, out, e);
	} else {
		err_set(e, ERR_LOCAL, "no room for another child SA");
	}
	if (ok) {
		outbox_sa_install(ob, in);
		c->held_out = out;
		c->adopt_at = v->now + V1_ADOPT_MS;
		v->children[v->n_children++] = c;
		if (!hold_out)
			v1_child_adopt(v, c, ob);
	} else {
		spec_free(out);
		free(c);
	}
	spec_free(in);
	return ok ? c : NULL;
}

void v1_child_adopt(struct v1 *v, struct v1_child *c, struct outbox *ob)
{
	(void)v;
	if (c->held_out)
		outbox_sa_install(ob, c->held_out);
	spec_free(c->held_out);
	c->held_out = NULL;
	c->adopt_at = TIME_NEVER;
}

void v1_child_linger(struct v1 *v, struct v1_child *c, struct outbox *ob)
{
	if (c->state == V1C_LINGERING)
		return;
	if (!c->held_out)
		uninstall(v, SA_OUT, c->spi_out, ob);
	spec_free(c->held_out);
	c->held_out = NULL;
	c->state = V1C_LINGERING;
	c->adopt_at = c->rekey_at = c->expire_at = TIME_NEVER;
	c->want_rekey = false;
	c->until = v->now + V1_LINGER_MS;
}

void v1_child_remove(struct v1 *v, struct v1_child *c, struct outbox *ob)
{
	if (!c->held_out && c->state != V1C_LINGERING)
		uninstall(v, SA_OUT, c->spi_out, ob);
	spec_free(c->held_out);
	uninstall(v, SA_IN, c->spi_in, ob);
	size_t i = 0;
	while (i + 1 < v->n_children && v->children[i] != c)
		i++;
	v->children[i] = v->children[--v->n_children];
	free(c);
}

void v1_children_clear(struct v1 *v, struct outbox *ob)
{
	while (v->n_children > 0)
		v1_child_remove(v, v->children[v->n_children - 1], ob);
}

void v1_child_shorten(struct v1 *v, struct v1_child *c, uint64_t lifetime)
{
	if (lifetime && c->state == V1C_UP && v->now + lifetime < c->expire_at)
		set_lifetime(v, c, lifetime);
}
