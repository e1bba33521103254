#include "v2_sa.h"

#include <stdlib.h>
#include <string.h>

uint32_t v2_new_spi(struct v2 *v)
{
	uint32_t spi;

	do /* 0 to 255 are reserved, RFC 4303 section 2.1 */
		spi = rng_u32(v->rng);
	while (spi < 256 || v2_child_find(v, spi));
	return spi;
}

struct v2_child *v2_child_find(const struct v2 *v, uint32_t spi_in)
{
	for (size_t i = 0; i < v->n_children; i++)
		if (v->children[i]->spi_in == spi_in)
			return v->children[i];
	return NULL;
}

struct v2_child *v2_child_by_out(const struct v2 *v, const struct v2_sa *sa, uint32_t spi_out)
{
	for (size_t i = 0; i < v->n_children; i++) {
		struct v2_child *c = v->children[i];
		if (c->sa == sa && c->spi_out == spi_out && c->state != CHILD_LINGERING)
			return c;
	}
	return NULL;
}

static void spec_fill(
	const struct v2 *v, const struct v2_child *c, enum sa_dir dir, struct sa_spec *s)
{
	s->dir = dir;
	s->mode = c->mode;
	s->spi = dir == SA_IN ? c->spi_in : c->spi_out;
	s->child = c->number;
	s->encap = c->encap;
	s->local = v->path.local;
	s->remote = v->path.remote;
	if (v->natt)
		s->local.port = v->path.local_natt_port;
	s->encr = c->suite.encr->id;
	s->encr_bits = c->suite.encr->key_bits;
	s->integ = c->suite.integ ? c->suite.integ->id : 0;
	s->esn = c->suite.esn;
	s->ecn = true; /* RFC 7296 section 2.24 */
	s->replay_window = v->cfg->replay_window;
	s->local_ts = c->local_ts;
	s->remote_ts = c->remote_ts;
}

static void uninstall(const struct v2 *v, enum sa_dir dir, uint32_t spi, struct outbox *ob)
{
	outbox_sa_remove(ob, &(struct sa_ref){ dir, spi, v->path.remote, v->path.local });
}

static void held_out_free(struct v2_child *c)
{
	if (c->held_out)
		wipe(c->held_out, sizeof(*c->held_out));
	free(c->held_out);
	c->held_out = NULL;
}

static struct v2_child *child_new(struct v2 *v, struct v2_sa *sa, const struct v2_child_terms *t)
{
	struct v2_child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->number = t->number;
	c->sa = sa;
	c->spi_in = t->spi_in;
	c->spi_out = t->spi_out;
	c->suite = t->suite;
	c->mode = t->mode;
	c->encap = v->natt;
	c->local_ts = t->local_ts;
	c->remote_ts = t->remote_ts;
	c->adopt_at = TIME_NEVER;
	c->rekey_at = c->expire_at = TIME_NEVER;
	if (v->cfg->child_lifetime) {
		c->rekey_at = v->now + jittered(v->cfg->child_lifetime * 9 / 10, v->rng);
		c->expire_at = v->now + v->cfg->child_lifetime;
	}
	return c;
}

struct v2_child *v2_child_add(struct v2 *v, struct v2_sa *sa, const struct v2_child_terms *t,
	const struct ke_secret *shared, bool hold_out, struct outbox *ob, struct err *e)
{
	struct v2_child *c = v->n_children < V2_CHILDREN_MAX ? child_new(v, sa, t) : NULL;
	struct sa_spec *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));

	if (!c || !in || !out) {
		err_set(e, ERR_LOCAL, "no room for another child SA");
		goto failed;
	}
	spec_fill(v, c, SA_IN, in);
	spec_fill(v, c, SA_OUT, out);
	if (!v2_keymat(sa, &t->suite, shared, t->ni, t->nr, t->initiator, in, out, e))
		goto failed;
	outbox_sa_install(ob, in);
	c->held_out = out;
	c->adopt_at = v->now + ADOPT_MS;
	c->unsure_until = v->now + UNSURE_MS;
	v->children[v->n_children++] = c;
	if (!hold_out)
		v2_child_adopt(c, true, ob);
	wipe(in, sizeof(*in));
	free(in);
	return c;
failed:
	if (in)
		wipe(in, sizeof(*in));
	if (out)
		wipe(out, sizeof(*out));
	free(in);
	free(out);
	free(c);
	return NULL;
}

void v2_child_adopt(struct v2_child *c, bool sure, struct outbox *ob)
{
	if (c->held_out)
		outbox_sa_install(ob, c->held_out);
	held_out_free(c);
	c->adopt_at = TIME_NEVER;
	if (sure)
		c->unsure_until = 0;
}

void v2_child_linger(struct v2 *v, struct v2_child *c, struct outbox *ob)
{
	if (c->state == CHILD_LINGERING)
		return;
	if (!c->held_out)
		uninstall(v, SA_OUT, c->spi_out, ob);
	held_out_free(c);
	c->state = CHILD_LINGERING;
	c->adopt_at = c->rekey_at = c->expire_at = TIME_NEVER;
	c->want_rekey = false;
	c->linger_until = v->now + LINGER_MS;
}

void v2_child_remove(struct v2 *v, struct v2_child *c, struct outbox *ob)
{
	if (!c->held_out && c->state != CHILD_LINGERING)
		uninstall(v, SA_OUT, c->spi_out, ob);
	held_out_free(c);
	uninstall(v, SA_IN, c->spi_in, ob);
	size_t i = 0;
	while (i + 1 < v->n_children && v->children[i] != c)
		i++;
	v->children[i] = v->children[--v->n_children];
	free(c);
}

void v2_children_clear(struct v2 *v, struct v2_sa *sa, struct outbox *ob)
{
	for (size_t i = v->n_children; i-- > 0;)
		if (!sa || v->children[i]->sa == sa)
			v2_child_remove(v, v->children[i], ob);
}
