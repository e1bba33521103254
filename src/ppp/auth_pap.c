#include "ppp_private.h"

#include <string.h>

#include "base/names.h"

/* PAP, RFC 1334 section 2.2:
 *
 *	Authenticate-Request: size, name, size, password  -->
 *	                         <--  Authenticate-Ack or -Nak: size, message */

enum { PAP_REQUEST = 1, PAP_ACK = 2, PAP_NAK = 3, PAP_FIELD_MAX = 255 };

void pap_send(struct ppp *p, struct outbox *ob)
{
	uint8_t room[2 * (1 + PAP_FIELD_MAX)];
	struct wr w = wr_init(room, sizeof(room));
	const char *user = auth_user(p, ob);
	const struct passphrase *password = user ? auth_password(p, ob) : NULL;
	struct err e;

	if (!password)
		return;
	if (password->len > PAP_FIELD_MAX) {
		err_set(&e, ERR_CONFIG, "PAP carries passwords of at most %d octets",
			PAP_FIELD_MAX);
		ppp_fail(p, &e);
		return;
	}
	wr_u8(&w, (uint8_t)strlen(user));
	wr_bytes(&w, user, strlen(user));
	wr_u8(&w, (uint8_t)password->len);
	wr_bytes(&w, password->text, password->len);
	auth_send(p, PAP_REQUEST, (uint8_t)(p->auth.id + 1), (struct bytes){ room, w.len });
	wipe(room, sizeof(room));
}

/* Some gateways leave the message's size out when there is no message. */
void pap_input(struct ppp *p, struct bytes info)
{
	struct cp_packet k;
	char text[160];
	struct err e;

	if (!cp_read(&k, info) || p->auth.packet_len == 0 || k.id != p->auth.id)
		return;
	if (k.code == PAP_ACK) {
		auth_done(p);
		p->auth.packet_len = 0;
		wipe(p->auth.packet, sizeof(p->auth.packet));
	}
	if (k.code != PAP_NAK)
		return;
	struct rd r = rd_init(k.data.p, k.data.n);
	size_t size = rd_u8(&r);
	text_safe(text, sizeof(text), r.p, size < r.left ? size : r.left);
	err_set(&e, ERR_PEER,
		"the gateway refused %s: the user name or the password is wrong, or PAP is "
		"not allowed for the account%s%s%s",
		p->auth.shown, text[0] ? ". It says \"" : "", text, text[0] ? "\"" : "");
	ppp_fail(p, &e);
}
