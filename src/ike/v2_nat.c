#include "v2_sa.h"

#include <string.h>

/*
 * NAT traversal, RFC 7296 section 2.23: each side sends hashes of the addresses and ports that it sends
 * from and to, and what does not match was changed on the way.
 */

void v2_nat_write(struct v2 *v, const struct v2_sa *sa, struct ikew *k)
{
	uint8_t source[20], destination[20];
	struct addr local = v2_local(v);

	v2_nat_hash(sa->spi_i, sa->spi_r, &local, source);
	v2_nat_hash(sa->spi_i, sa->spi_r, &v->path.remote, destination);
	/* A hash that matches nothing makes the gateway see a NAT, and so encapsulate ESP in UDP. */
	if (v->cfg->force_encap || v->knocked)
		memcpy(source, v->nowhere, sizeof(source));
	ikew_notify(k, 0, NAT_DETECTION_SOURCE_IP, (struct bytes){ 0 },
		(struct bytes){ source, sizeof(source) });
	ikew_notify(k, 0, NAT_DETECTION_DESTINATION_IP, (struct bytes){ 0 },
		(struct bytes){ destination, sizeof(destination) });
}

/* The hashes of the message that went there are of the other port, so the gateway sees a NAT, and shall go on to:
 * who lets nothing pass by port 500 will not let ESP. */
void v2_natt_knocked(struct v2 *v, const struct datagram *d, struct outbox *ob)
{
	v->natt = v->knocked = true;
	v->path.remote = d->remote;
	outbox_log(ob, LEVEL_INFO, "the gateway answers at port %u", d->remote.port);
}

static bool any_hash_matches(const struct step *s, uint16_t type, const struct addr *a)
{
	uint8_t want[20];
	struct notify n;

	v2_nat_hash(s->h->spi_i, s->h->spi_r, a, want);
	for (size_t i = 0; i < s->p->n; i++)
		if (s->p->v[i].type == PAYLOAD_N && notify_read(&n, s->p->v[i].body) &&
			n.type == type && n.data.n == sizeof(want) &&
			memcmp(n.data.p, want, sizeof(want)) == 0)
			return true;
	return false;
}

/* The gateway had the message by the other port already, and saw no NAT then: only its answer was lost there. */
static bool answers_first(const struct step *s)
{
	struct addr there = s->v->path.remote;

	there.port = UDP_PORT_IKE;
	return any_hash_matches(s, NAT_DETECTION_SOURCE_IP, &there);
}

bool v2_nat_read(struct step *s)
{
	struct v2 *v = s->v;
	struct notify n;
	struct addr local = v2_local(v), remote = v->path.remote;

	if (!notify_find(s->p, NAT_DETECTION_SOURCE_IP, &n) ||
		!notify_find(s->p, NAT_DETECTION_DESTINATION_IP, &n))
		return false;
	bool knocked = v->knocked && !answers_first(s);
	if (v->knocked && !knocked) {
		local = v->path.local;
		remote.port = UDP_PORT_IKE;
	}
	/* A NAT stands before us when the gateway saw another address than we sent from, before the
	 * gateway when it thinks that it sent from another than we received from. */
	v->nat_local = !any_hash_matches(s, NAT_DETECTION_DESTINATION_IP, &local);
	v->nat_remote = !any_hash_matches(s, NAT_DETECTION_SOURCE_IP, &remote);
	v->encap = v->nat_local || v->nat_remote || v->cfg->force_encap || knocked;
	if (v->nat_local)
		outbox_log(s->ob, LEVEL_INFO, "this machine is behind a NAT");
	return true;
}

/* A host by whatever address; not what has more than one. */
static void mean(struct selectors *list, const struct addr *host)
{
	size_t len = addr_len(host->family);

	for (size_t i = 0; i < list->n; i++) {
		struct selector *s = &list->v[i];
		if (s->family != host->family || memcmp(s->lo, s->hi, len) != 0)
			continue;
		memcpy(s->lo, host->ip, len);
		memcpy(s->hi, host->ip, len);
	}
}

void v2_nat_local_ts(const struct v2 *v, struct selectors *ts)
{
	if (v->nat_local)
		mean(ts, &v->path.local);
}

void v2_nat_remote_ts(const struct v2 *v, struct selectors *ts)
{
	if (v->nat_remote)
		mean(ts, &v->path.remote);
}
