#include "base/outbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void outbox_init(struct outbox *ob)
{
	*ob = (struct outbox){ .log_level = LEVEL_INFO };
}

void outbox_clear(struct outbox *ob)
{
	if (ob->data)
		wipe(ob->data, ob->used);
	ob->n = ob->used = 0;
	ob->failed = false;
}

void outbox_free(struct outbox *ob)
{
	outbox_clear(ob);
	free(ob->actions);
	free(ob->data);
	outbox_init(ob);
}

/* realloc would leave the old copy, which may hold keys, behind. */
static bool outbox_grow(struct outbox *ob, size_t need)
{
	size_t room = ob->room ? ob->room : 4096;

	while (room < need)
		room *= 2;
	uint8_t *data = malloc(room);
	if (!data)
		return false;
	if (ob->data) {
		memcpy(data, ob->data, ob->used);
		wipe(ob->data, ob->used);
		free(ob->data);
	}
	ob->data = data;
	ob->room = room;
	return true;
}

void *outbox_add(struct outbox *ob, enum action_kind kind, size_t len)
{
	const size_t align = _Alignof(max_align_t);
	size_t take = (len + align - 1) / align * align;

	if (ob->n == ob->cap) {
		size_t cap = ob->cap ? 2 * ob->cap : 16;
		struct action *actions = realloc(ob->actions, cap * sizeof(*actions));
		if (!actions)
			goto failed;
		ob->actions = actions;
		ob->cap = cap;
	}
	if (take > ob->room - ob->used && !outbox_grow(ob, ob->used + take))
		goto failed;
	ob->actions[ob->n++] = (struct action){ .kind = kind, .at = ob->used, .len = len };
	void *p = ob->data + ob->used;
	ob->used += take;
	return memset(p, 0, take);
failed:
	ob->failed = true;
	return NULL;
}

const void *outbox_get(const struct outbox *ob, size_t i)
{
	return ob->data + ob->actions[i].at;
}

void outbox_send(struct outbox *ob, enum ike_port from, const struct addr *local,
	const struct addr *remote, const void *data, size_t len)
{
	struct send *s = outbox_add(ob, ACT_SEND, sizeof(*s) + len);

	if (!s)
		return;
	s->from = from;
	s->local = *local;
	s->remote = *remote;
	s->len = (uint32_t)len;
	if (len > 0) /* a keepalive has none */
		memcpy(s->data, data, len);
}

void outbox_sa_install(struct outbox *ob, const struct sa_spec *spec)
{
	struct sa_spec *s = outbox_add(ob, ACT_SA_INSTALL, sizeof(*s));

	if (s)
		*s = *spec;
}

static void add_ref(struct outbox *ob, enum action_kind kind, const struct sa_ref *ref)
{
	struct sa_ref *r = outbox_add(ob, kind, sizeof(*r));

	if (r)
		*r = *ref;
}

void outbox_sa_expect(struct outbox *ob, const struct sa_ref *ref)
{
	add_ref(ob, ACT_SA_EXPECT, ref);
}

void outbox_sa_remove(struct outbox *ob, const struct sa_ref *ref)
{
	add_ref(ob, ACT_SA_REMOVE, ref);
}

void outbox_keys(struct outbox *ob, const struct keys *keys)
{
	struct keys *k = ob->keys ? outbox_add(ob, ACT_KEYS, sizeof(*k)) : NULL;

	if (k)
		*k = *keys;
}

static struct event *outbox_vevent(
	struct outbox *ob, enum event_kind kind, enum level level, const char *fmt, va_list ap)
{
	struct event *e = outbox_add(ob, ACT_EVENT, sizeof(*e));

	if (!e)
		return NULL;
	e->kind = kind;
	e->level = level;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	return e;
}

void outbox_event(struct outbox *ob, enum event_kind kind, enum level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outbox_vevent(ob, kind, level, fmt, ap);
	va_end(ap);
}

void outbox_not_rekeyed(struct outbox *ob, uint16_t notify, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct event *ev = outbox_vevent(ob, EV_NOT_REKEYED, LEVEL_WARN, fmt, ap);
	va_end(ap);
	if (ev)
		ev->notify = notify;
}

void outbox_log(struct outbox *ob, enum level level, const char *fmt, ...)
{
	va_list ap;

	if (level > ob->log_level)
		return;
	va_start(ap, fmt);
	outbox_vevent(ob, EV_LOG, level, fmt, ap);
	va_end(ap);
}
