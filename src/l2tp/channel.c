#include "channel.h"

#include <string.h>

/* Numbers are modulo 65536: a comes before b when the way from a to b is the shorter one. */
static bool before(uint16_t a, uint16_t b)
{
	return (uint16_t)(b - a - 1) < 0x7fff;
}

void channel_init(struct channel *c, unsigned tries_max)
{
	*c = (struct channel){ .window = CHANNEL_PEER_WINDOW,
		.slow = 1,
		.tries_max = tries_max,
		.timer = TIME_NEVER };
}

bool channel_queue(struct channel *c, struct bytes message)
{
	size_t slot = c->ns % CHANNEL_QUEUE;

	if ((uint16_t)(c->ns - c->una) >= CHANNEL_QUEUE || message.n > CHANNEL_MESSAGE_MAX ||
		message.n < CONTROL_HEADER)
		return false;
	memcpy(c->queue[slot].data, message.p, message.n);
	c->queue[slot].len = message.n;
	c->ns++;
	return true;
}

static uint64_t wait_ms(const struct channel *c)
{
	uint64_t ms = (uint64_t)CHANNEL_FIRST_MS << (c->tries < 8 ? c->tries : 8);

	return ms < CHANNEL_MOST_MS ? ms : CHANNEL_MOST_MS;
}

bool channel_next(struct channel *c, uint64_t now, struct bytes *message)
{
	uint16_t most = c->slow < c->window ? c->slow : c->window;
	size_t slot = c->sent % CHANNEL_QUEUE;

	if (c->sent == c->ns || (uint16_t)(c->sent - c->una) >= most)
		return false;
	struct wr numbers = wr_init(c->queue[slot].data + NS_AT, 4);
	wr_u16(&numbers, c->sent);
	wr_u16(&numbers, c->nr);
	*message = (struct bytes){ c->queue[slot].data, c->queue[slot].len };
	c->sent++;
	c->ack_due = false;
	if (c->timer == TIME_NEVER)
		c->timer = now + wait_ms(c);
	return true;
}

/* Each message acknowledged opens the window by one, up to what the gateway said. */
static void acknowledged(struct channel *c, uint64_t now, uint16_t nr)
{
	if (!before(c->una, nr) || before(c->ns, nr))
		return;
	for (; c->una != nr; c->una++)
		c->slow += c->slow < c->window;
	if (before(c->sent, c->una))
		c->sent = c->una;
	c->tries = 0;
	c->timer = c->una == c->ns ? TIME_NEVER : now + wait_ms(c);
}

static void keep(struct channel *c, uint16_t ns, struct bytes body)
{
	size_t slot = ns % CHANNEL_EARLY;

	if (body.n > CHANNEL_EARLY_MAX || (uint16_t)(ns - c->nr) >= CHANNEL_EARLY)
		return;
	c->early[slot].used = true;
	c->early[slot].ns = ns;
	c->early[slot].len = body.n;
	memcpy(c->early[slot].data, body.p, body.n);
}

enum channel_fate channel_input(
	struct channel *c, uint64_t now, uint16_t ns, uint16_t nr, struct bytes body)
{
	acknowledged(c, now, nr);
	if (body.n == 0)
		return CHANNEL_IGNORE; /* a ZLB takes no number */
	if (ns == c->nr) {
		c->nr++;
		c->ack_due = true;
		return CHANNEL_DELIVER;
	}
	if (!before(c->nr, ns)) { /* a duplicate: our acknowledgement was lost */
		c->ack_due = true;
		return CHANNEL_IGNORE;
	}
	keep(c, ns, body);
	return CHANNEL_LATER;
}

bool channel_early(struct channel *c, struct bytes *body)
{
	size_t slot = c->nr % CHANNEL_EARLY;

	if (!c->early[slot].used || c->early[slot].ns != c->nr)
		return false;
	c->early[slot].used = false;
	*body = (struct bytes){ c->early[slot].data, c->early[slot].len };
	c->nr++;
	c->ack_due = true;
	return true;
}

/* Appendix A: after a loss it starts slowly, from the oldest. */
bool channel_timeout(struct channel *c, uint64_t now)
{
	if (++c->tries >= c->tries_max)
		return false;
	c->sent = c->una;
	c->slow = 1;
	c->timer = now + wait_ms(c);
	return true;
}
