#include "probe_offer.h"

static bool add_to(struct proposals *out, const struct alg *a, bool aead)
{
	struct proposal *o = &out->v[out->n];

	if (a->type == TRANSFORM_ENCR ? a->aead != aead : aead && a->type == TRANSFORM_INTEG)
		return true;
	if (o->n == PROPOSAL_ALGS_MAX)
		return false;
	o->algs[o->n++] = a;
	return true;
}

static bool has_type(const struct proposal *o, enum transform_type type)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->algs[i]->type == type)
			return true;
	return false;
}

/* One proposal of AEADs and one of the others: RFC 7296 section 3.3. */
static void close_proposal(struct proposals *out, bool aead)
{
	const struct proposal *o = &out->v[out->n];

	if (has_type(o, TRANSFORM_ENCR) && has_type(o, TRANSFORM_PRF) &&
		has_type(o, TRANSFORM_KE) && (aead || has_type(o, TRANSFORM_INTEG)))
		out->n++;
	else
		out->v[out->n].n = 0;
}

void probe_offer(const struct probe_found *f, const struct alg *only, struct proposals *out)
{
	*out = (struct proposals){ 0 };
	for (int aead = only && only->type == TRANSFORM_INTEG ? 0 : 1; aead >= 0; aead--) {
		for (size_t i = 0; i < f->n_algs; i++) {
			const struct alg *a = f->algs[i].alg;
			if (!only || a->type != only->type || a == only)
				(void)!add_to(out, a, aead);
		}
		close_proposal(out, aead);
	}
}

void probe_proposals(const struct probe_found *f, enum tier tier, struct proposals *out)
{
	*out = (struct proposals){ 0 };
	for (int aead = 1; aead >= 0; aead--) {
		for (size_t i = 0; i < f->n_algs; i++)
			if (f->algs[i].verdict == PROBE_ACCEPTED &&
				f->algs[i].alg->ike_tier <= tier)
				(void)!add_to(out, f->algs[i].alg, aead);
		close_proposal(out, aead);
	}
}

static const struct alg *first_accepted(
	const struct probe_found *f, const struct proposal *o, enum transform_type type)
{
	for (size_t i = 0; i < o->n; i++)
		for (size_t j = 0; j < f->n_algs && o->algs[i]->type == type; j++)
			if (f->algs[j].alg == o->algs[i] && f->algs[j].verdict == PROBE_ACCEPTED)
				return o->algs[i];
	return NULL;
}

bool probe_agrees(const struct probe_found *f, const struct proposals *offered, struct suite *out)
{
	for (size_t i = 0; i < offered->n; i++) {
		const struct proposal *o = &offered->v[i];
		*out = (struct suite){ .encr = first_accepted(f, o, TRANSFORM_ENCR),
			.prf = first_accepted(f, o, TRANSFORM_PRF),
			.integ = first_accepted(f, o, TRANSFORM_INTEG),
			.ke = first_accepted(f, o, TRANSFORM_KE) };
		if (out->encr && out->prf && out->ke && (out->encr->aead || out->integ))
			return true;
	}
	return false;
}
