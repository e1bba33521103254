/*
 * ipsec.conf of strongSwan and libreswan as sections that take over what others say.
 */
#ifndef IMPORT_IPSEC_H
#define IMPORT_IPSEC_H

#include "import/import.h"
#include "keyfile.h"

enum { IPSEC_CONNS_MAX = 128, IPSEC_CHAIN_MAX = 32 };

struct ipsec_file {
	struct keyfile k; /* the section of "conn NAME" is NAME, of others the whole line */
	unsigned includes; /* files that were not read */
};

bool ipsec_read(struct ipsec_file *f, struct bytes file, struct err *e) MUST_CHECK;
void ipsec_free(struct ipsec_file *f);

/* A connection with all that it takes over by also=, each once, and conn %default behind. */
struct ipsec_conn {
	struct keyfile *k;
	const char *chain[IPSEC_CHAIN_MAX];
	size_t n;
	const char *us, *them; /* "left" and "right", or the other way round */
	struct import_profile *p;
};

void ipsec_chain(struct ipsec_conn *c, struct ipsec_file *f, const char *name);
/* What is said first along the chain; NULL: nothing. side: "", c->us or c->them, before the key. */
const char *ipsec_value(struct ipsec_conn *c, const char *side, const char *key);
bool ipsec_is(struct ipsec_conn *c, const char *side, const char *key, const char *value);
/* What holds for all connections; NULL: nothing. */
const char *ipsec_setup(struct ipsec_conn *c, const char *key);
/* section.proposals out of ike=, esp= and the like, in strongSwan's or libreswan's words. */
void ipsec_proposals(struct ipsec_conn *c, const char *key, const char *section);

#endif
