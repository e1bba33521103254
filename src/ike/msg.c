#include "ike/msg.h"

#include <stdio.h>

const struct name exchange_names[] = {
	{ IKE_SA_INIT, "IKE_SA_INIT" },
	{ IKE_AUTH, "IKE_AUTH" },
	{ CREATE_CHILD_SA, "CREATE_CHILD_SA" },
	{ INFORMATIONAL, "INFORMATIONAL" },
	{ IKE_SESSION_RESUME, "IKE_SESSION_RESUME" },
	{ IKE_INTERMEDIATE, "IKE_INTERMEDIATE" },
	{ IKE_FOLLOWUP_KE, "IKE_FOLLOWUP_KE" },
	{ 0, NULL },
};

const struct name payload_names[] = {
	{ PAYLOAD_SA, "SA" },
	{ PAYLOAD_KE, "KE" },
	{ PAYLOAD_IDi, "IDi" },
	{ PAYLOAD_IDr, "IDr" },
	{ PAYLOAD_CERT, "CERT" },
	{ PAYLOAD_CERTREQ, "CERTREQ" },
	{ PAYLOAD_AUTH, "AUTH" },
	{ PAYLOAD_NONCE, "Nonce" },
	{ PAYLOAD_N, "N" },
	{ PAYLOAD_D, "D" },
	{ PAYLOAD_V, "V" },
	{ PAYLOAD_TSi, "TSi" },
	{ PAYLOAD_TSr, "TSr" },
	{ PAYLOAD_SK, "SK" },
	{ PAYLOAD_CP, "CP" },
	{ PAYLOAD_EAP, "EAP" },
	{ PAYLOAD_SKF, "SKF" },
	{ 0, NULL },
};

const struct name notify_names[] = {
	{ UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
	{ INVALID_IKE_SPI, "INVALID_IKE_SPI" },
	{ INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION" },
	{ INVALID_SYNTAX, "INVALID_SYNTAX" },
	{ INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID" },
	{ INVALID_SPI, "INVALID_SPI" },
	{ NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
	{ INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
	{ AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
	{ SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED" },
	{ NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
	{ INTERNAL_ADDRESS_FAILURE, "INTERNAL_ADDRESS_FAILURE" },
	{ FAILED_CP_REQUIRED, "FAILED_CP_REQUIRED" },
	{ TS_UNACCEPTABLE, "TS_UNACCEPTABLE" },
	{ INVALID_SELECTORS, "INVALID_SELECTORS" },
	{ UNACCEPTABLE_ADDRESSES, "UNACCEPTABLE_ADDRESSES" },
	{ 41, "UNEXPECTED_NAT_DETECTED" },
	{ 42, "USE_ASSIGNED_HoA" },
	{ TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
	{ CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND" },
	{ STATE_NOT_FOUND, "STATE_NOT_FOUND" },
	{ INITIAL_CONTACT, "INITIAL_CONTACT" },
	{ SET_WINDOW_SIZE, "SET_WINDOW_SIZE" },
	{ ADDITIONAL_TS_POSSIBLE, "ADDITIONAL_TS_POSSIBLE" },
	{ IPCOMP_SUPPORTED, "IPCOMP_SUPPORTED" },
	{ NAT_DETECTION_SOURCE_IP, "NAT_DETECTION_SOURCE_IP" },
	{ NAT_DETECTION_DESTINATION_IP, "NAT_DETECTION_DESTINATION_IP" },
	{ COOKIE, "COOKIE" },
	{ USE_TRANSPORT_MODE, "USE_TRANSPORT_MODE" },
	{ HTTP_CERT_LOOKUP_SUPPORTED, "HTTP_CERT_LOOKUP_SUPPORTED" },
	{ REKEY_SA, "REKEY_SA" },
	{ ESP_TFC_PADDING_NOT_SUPPORTED, "ESP_TFC_PADDING_NOT_SUPPORTED" },
	{ NON_FIRST_FRAGMENTS_ALSO, "NON_FIRST_FRAGMENTS_ALSO" },
	{ MOBIKE_SUPPORTED, "MOBIKE_SUPPORTED" },
	{ 16397, "ADDITIONAL_IP4_ADDRESS" },
	{ 16398, "ADDITIONAL_IP6_ADDRESS" },
	{ 16399, "NO_ADDITIONAL_ADDRESSES" },
	{ UPDATE_SA_ADDRESSES, "UPDATE_SA_ADDRESSES" },
	{ COOKIE2, "COOKIE2" },
	{ 16402, "NO_NATS_ALLOWED" },
	{ AUTH_LIFETIME, "AUTH_LIFETIME" },
	{ 16404, "MULTIPLE_AUTH_SUPPORTED" },
	{ 16405, "ANOTHER_AUTH_FOLLOWS" },
	{ 16406, "REDIRECT_SUPPORTED" },
	{ REDIRECT, "REDIRECT" },
	{ 16408, "REDIRECTED_FROM" },
	{ TICKET_LT_OPAQUE, "TICKET_LT_OPAQUE" },
	{ TICKET_REQUEST, "TICKET_REQUEST" },
	{ TICKET_ACK, "TICKET_ACK" },
	{ TICKET_NACK, "TICKET_NACK" },
	{ TICKET_OPAQUE, "TICKET_OPAQUE" },
	{ EAP_ONLY_AUTHENTICATION, "EAP_ONLY_AUTHENTICATION" },
	{ CHILDLESS_IKEV2_SUPPORTED, "CHILDLESS_IKEV2_SUPPORTED" },
	{ 16419, "QUICK_CRASH_DETECTION" },
	{ IKEV2_FRAGMENTATION_SUPPORTED, "IKEV2_FRAGMENTATION_SUPPORTED" },
	{ SIGNATURE_HASH_ALGORITHMS, "SIGNATURE_HASH_ALGORITHMS" },
	{ USE_PPK, "USE_PPK" },
	{ PPK_IDENTITY, "PPK_IDENTITY" },
	{ NO_PPK_AUTH, "NO_PPK_AUTH" },
	{ INTERMEDIATE_EXCHANGE_SUPPORTED, "INTERMEDIATE_EXCHANGE_SUPPORTED" },
	{ ADDITIONAL_KEY_EXCHANGE, "ADDITIONAL_KEY_EXCHANGE" },
	{ 0, NULL },
};

char *notify_text(char out[NOTIFY_TEXT_MAX], uint16_t type)
{
	const char *name = name_find(notify_names, type);

	if (name)
		snprintf(out, NOTIFY_TEXT_MAX, "%s (%u)", name, type);
	else
		snprintf(out, NOTIFY_TEXT_MAX, "notify %u", type);
	return out;
}

/* RFC 7296 section 3.1. A higher minor version is fine (section 2.5); the length must be exactly
 * that of the datagram, or what is behind it would go unprotected. */
static bool hdr_read(struct ike_hdr *h, struct bytes message, unsigned major, struct err *e)
{
	struct rd r = rd_init(message.p, message.n);

	rd_copy(&r, h->spi_i, sizeof(h->spi_i));
	rd_copy(&r, h->spi_r, sizeof(h->spi_r));
	h->next = rd_u8(&r);
	h->version = rd_u8(&r);
	h->exchange = rd_u8(&r);
	h->flags = rd_u8(&r);
	h->mid = rd_u32(&r);
	h->len = rd_u32(&r);
	if (r.bad)
		return err_set(e, ERR_DROP, "a datagram of %zu octet%s is too short for IKE",
			message.n, plural(message.n));
	if (h->version >> 4 != major)
		return err_set(e, ERR_DROP, "IKE version %u.%u", h->version >> 4, h->version & 15);
	if (h->len != message.n)
		return err_set(e, ERR_DROP, "the header says %u octets, the datagram has %zu",
			h->len, message.n);
	return true;
}

bool ike_hdr_read(struct ike_hdr *h, struct bytes message, struct err *e)
{
	return hdr_read(h, message, 2, e);
}

bool ike_hdr_read_v1(struct ike_hdr *h, struct bytes message, struct err *e)
{
	return hdr_read(h, message, 1, e);
}

void ike_hdr_write(struct wr *w, const struct ike_hdr *h)
{
	wr_bytes(w, h->spi_i, sizeof(h->spi_i));
	wr_bytes(w, h->spi_r, sizeof(h->spi_r));
	wr_u8(w, h->next);
	wr_u8(w, h->version);
	wr_u8(w, h->exchange);
	wr_u8(w, h->flags);
	wr_u32(w, h->mid);
	wr_u32(w, h->len);
}

uint32_t payload_bit(uint8_t type)
{
	return type > 32 && type < 64 ? PBIT(type) : 0;
}

/* Section 3.2: the generic payload header is next payload, critical bit, length. */
bool payloads_read(struct payloads *p, uint8_t first, struct bytes chain, uint8_t *inner,
	uint8_t *unknown, struct err *e)
{
	struct rd r = rd_init(chain.p, chain.n);
	uint8_t type = first;

	p->n = 0;
	*inner = PAYLOAD_NONE;
	for (size_t count = 0; type != PAYLOAD_NONE; count++) {
		uint8_t next = rd_u8(&r);
		bool critical = rd_u8(&r) & 0x80;
		size_t len = rd_u16(&r);
		struct rd body = rd_sub(&r, len >= 4 ? len - 4 : SIZE_MAX);

		if (body.bad)
			return err_set(e, ERR_DROP, "payload %u is cut short", type);
		if (count == PAYLOADS_MAX)
			return err_set(e, ERR_DROP, "more than %d payloads", PAYLOADS_MAX);
		if (name_find(payload_names, type)) {
			p->v[p->n++] = (struct payload){ type, { body.p, body.left } };
		} else if (critical) {
			*unknown = type;
			return err_notify(e, ERR_PEER, UNSUPPORTED_CRITICAL_PAYLOAD,
				"the gateway sent payload type %u and insists on it", type);
		}
		if (type == PAYLOAD_SK || type == PAYLOAD_SKF) {
			*inner = next;
			break;
		}
		type = next;
	}
	return rd_done(&r) ||
		err_set(e, ERR_DROP, "%zu octet%s behind the last payload", r.left, plural(r.left));
}

const struct payload *payload_nth(const struct payloads *p, uint8_t type, size_t i)
{
	for (size_t j = 0; j < p->n; j++)
		if (p->v[j].type == type && i-- == 0)
			return &p->v[j];
	return NULL;
}

const struct payload *payload_find(const struct payloads *p, uint8_t type)
{
	return payload_nth(p, type, 0);
}

uint32_t payloads_set(const struct payloads *p)
{
	uint32_t set = 0;

	for (size_t i = 0; i < p->n; i++)
		set |= payload_bit(p->v[i].type);
	return set;
}

bool notify_read(struct notify *n, struct bytes body)
{
	struct rd r = rd_init(body.p, body.n);

	n->protocol = rd_u8(&r);
	size_t spi_len = rd_u8(&r);
	n->type = rd_u16(&r);
	n->spi = (struct bytes){ rd_bytes(&r, spi_len), spi_len };
	n->data = (struct bytes){ r.p, r.left };
	return !r.bad;
}

bool notify_find(const struct payloads *p, uint16_t type, struct notify *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].type == PAYLOAD_N && notify_read(out, p->v[i].body) &&
			out->type == type)
			return true;
	return false;
}

bool notify_find_error(const struct payloads *p, struct notify *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].type == PAYLOAD_N && notify_read(out, p->v[i].body) &&
			out->type < NOTIFY_STATUS_FIRST)
			return true;
	return false;
}

void ikew_chain(struct ikew *k, void *buf, size_t cap)
{
	*k = (struct ikew){ .w = wr_init(buf, cap), .next_at = SIZE_MAX, .open_at = SIZE_MAX };
}

void ikew_message(struct ikew *k, void *buf, size_t cap, const struct ike_hdr *h)
{
	ikew_chain(k, buf, cap);
	ike_hdr_write(&k->w, h);
	k->next_at = 16;
}

static void ikew_close(struct ikew *k)
{
	if (k->open_at == SIZE_MAX)
		return;
	size_t len = k->w.len - k->open_at;
	if (len > UINT16_MAX)
		k->w.bad = true;
	wr_patch_u16(&k->w, k->open_at + 2, (uint16_t)len);
	k->open_at = SIZE_MAX;
}

void ikew_payload(struct ikew *k, uint8_t type)
{
	ikew_close(k);
	if (k->next_at == SIZE_MAX)
		k->first = type;
	else
		wr_patch_u8(&k->w, k->next_at, type);
	k->open_at = k->next_at = k->w.len;
	wr_zeros(&k->w, 4);
}

bool ikew_end(struct ikew *k, size_t *len)
{
	bool message = k->first == 0 && k->next_at != SIZE_MAX;

	ikew_close(k);
	if (message)
		wr_patch_u32(&k->w, 24, (uint32_t)k->w.len);
	*len = k->w.bad ? 0 : k->w.len;
	return !k->w.bad;
}

void ikew_bytes(struct ikew *k, uint8_t type, struct bytes body)
{
	ikew_payload(k, type);
	wr_bytes(&k->w, body.p, body.n);
}

void ikew_notify(
	struct ikew *k, uint8_t protocol, uint16_t type, struct bytes spi, struct bytes data)
{
	ikew_payload(k, PAYLOAD_N);
	wr_u8(&k->w, protocol);
	wr_u8(&k->w, (uint8_t)spi.n);
	wr_u16(&k->w, type);
	wr_bytes(&k->w, spi.p, spi.n);
	wr_bytes(&k->w, data.p, data.n);
}
