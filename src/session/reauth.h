/*
 * A new login beside the tunnel that is up, where the gateway asks for one (AUTH_LIFETIME, RFC 4478): make before break
 * (RFC 7296 section 2.8.3). IKEv2 alone.
 *
 * s->engine carries the tunnel, as ever. At its view's reauth_at another engine begins, s->reauth.next, by the same
 * path and from IKE_SA_INIT on; questions for the user are its own. Then one of these:
 *   it is up: it becomes s->engine, the machine is set up for it, and the one before is s->reauth.old until it has
 *   said goodbye and what was on its way has come in;
 *   it fails: the tunnel goes on, and another try may follow before login_ends, when s->engine fails by itself;
 *   the tunnel is lost meanwhile: it becomes s->engine too, and what was a new login is a reconnect;
 *   this machine's address changes: the next try begins from there.
 * There is neither but while the tunnel is up, or the machine is set up for it once more.
 */
#ifndef SESSION_REAUTH_H
#define SESSION_REAUTH_H

#include "state.h"

/* After each call into an engine, as the last thing: begins when it is time, and goes on with what there is. */
void reauth_follow(struct session *s, struct outbox *ob);
void reauth_tick(struct session *s, struct outbox *ob);
uint64_t reauth_deadline(const struct session *s);
/* Whom the message is for; s->engine where nobody knows it. */
struct engine *reauth_engine_for(const struct session *s, const struct datagram *d);
/* Results for whoever has the SA; that ESP comes in says something of s->engine only. */
void reauth_os(struct session *s, const struct os_input *in, struct outbox *ob);
/* Whom the user answers. NULL: nobody any more, but the next try begins with that password. */
struct engine *reauth_answered(struct session *s, const struct passphrase *text);
/* s->engine has gone over to another address of this machine. */
void reauth_moved(struct session *s, struct outbox *ob);
/* s->engine is dead, because of e; true: the new login goes on in its place. */
bool reauth_goes_on(struct session *s, const struct err *e, struct outbox *ob);
void reauth_keys(const struct session *s, struct outbox *ob);
/* Nothing of it is left; gateways hear it. */
void reauth_end(struct session *s, struct outbox *ob);

#endif
