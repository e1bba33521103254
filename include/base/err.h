/*
 * Errors that carry a sentence and a kind.
 *
 * Every function that can fail returns bool and takes a struct err last; `return err_set(...)` is
 * the idiom, `return err_ctx(...)` adds where it happened on the way up. The kind decides what the
 * program does; the sentence states facts for a person, without advice (session/hints adds that).
 * Sentences never contain secrets. A struct err is a plain value: copy it freely.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

enum err_kind {
	ERR_NONE,
	ERR_DROP, /* bad or unauthenticated input: counted, traced, nothing changes */
	ERR_PEER, /* the gateway refused or cannot do what was asked; notify says why, if it did */
	ERR_AUTH, /* the gateway did not prove to be who the profile says */
	ERR_SILENT, /* no answer: name, route, or nothing came back */
	ERR_CONFIG, /* the profile or a secret is bad, missing or unsafe */
	ERR_LOCAL, /* this machine: privilege, kernel, memory, device */
	ERR_BUG, /* our own mistake; never reached by what a peer sends */
};

enum { ERR_TEXT_MAX = 400 };

struct err {
	enum err_kind kind;
	uint16_t notify; /* the peer's notify message type, 0 when it sent none */
	char text[ERR_TEXT_MAX];
};

/* All three return false, so that `return err_set(...)` leaves a function that failed. e may be NULL. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
bool err_notify(struct err *e, enum err_kind kind, uint16_t notify, const char *fmt, ...)
	PRINTF(4, 5);
/* Puts "where: " before the sentence that is there. */
bool err_ctx(struct err *e, const char *fmt, ...) PRINTF(2, 3);
void err_clear(struct err *e);

#endif
