#include "load_private.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REF_FILE_MAX = 1 << 20, CRL_FILE_MAX = 16 << 20 };

struct refs {
	struct profile *p;
	const struct load_scan *scan;
	const struct load_request *rq;
	struct load_report *report;
	bool need_passphrase;
};

static void complain(struct refs *r, const char *section, const char *key, const struct err *e)
{
	load_blame(r->report, r->p, r->scan, section, key, e);
}

/* Names in a profile count from the profile's own folder. */
static bool full_path(
	const struct profile *p, const char *name, char out[PROFILE_PATH_MAX], struct err *e)
{
	const char *slash = strrchr(p->file, '/');
	int dir = name[0] == '/' || !slash ? 0 : (int)(slash - p->file) + 1;

	if (snprintf(out, PROFILE_PATH_MAX, "%.*s%s", dir, p->file, name) >= PROFILE_PATH_MAX)
		return err_set(e, ERR_CONFIG, "the path is too long");
	return true;
}

/* A file that the profile names; the sentence begins with its path. */
static bool read_ref(struct refs *r, const char *name, struct load_file *f,
	char path[PROFILE_PATH_MAX], struct err *e)
{
	*f = (struct load_file){ 0 };
	return full_path(r->p, name, path, e) &&
		(load_file_read(path, REF_FILE_MAX, f, e) || err_ctx(e, "%s", path));
}

/* The first line, without its end; more than one line is a mistake somewhere. */
static bool read_secret(struct refs *r, const char *name, struct passphrase *out, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	struct load_file f;

	if (!read_ref(r, name, &f, path, e))
		return false;
	const char *text = f.data + load_mark_len(f.data, f.len);
	size_t n = strcspn(text, "\r\n");
	bool ok = false;
	if (!load_file_private(&f, path, e))
		err_ctx(e, "%s", path);
	else if (text + n + strspn(text + n, "\r\n") != f.data + f.len)
		err_set(e, ERR_CONFIG, "%s: holds more than one line, or a NUL", path);
	else if (n == 0 || n > PASSPHRASE_MAX)
		err_set(e, ERR_CONFIG, "%s: a secret has 1 to %d octets, not %zu", path,
			PASSPHRASE_MAX, n);
	else
		ok = passphrase_set(out, text, n);
	load_file_free(&f);
	return ok;
}

static bool is_this_machine(const struct addr *a)
{
	static const char *const loopback[] = { "127.0.0.0/8", "::1" };
	struct prefix host = prefix_host(a->family, a->ip), range;
	struct ifaddrs *all = NULL;
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
		found |= prefix_parse(&range, loopback[i]) && prefix_inside(&host, &range);
	if (getifaddrs(&all) != 0)
		return found;
	for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		struct addr own;
		sa_family_t family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
		if (family == AF_INET || family == AF_INET6)
			memcpy(&ss, i->ifa_addr,
				family == AF_INET ? sizeof(struct sockaddr_in) :
						    sizeof(struct sockaddr_in6));
		found = addr_from_sockaddr(&own, &ss) && addr_same_host(&own, a);
	}
	freeifaddrs(all);
	return found;
}

/* Something may listen here that carries the packets on: so it is no mistake to connect. */
static void judge_gateways(struct refs *r)
{
	struct addr a;
	struct err e;

	for (size_t i = 0; i < r->p->n_gateways; i++)
		if (addr_parse(&a, r->p->gateways[i]) && is_this_machine(&a)) {
			err_set(&e, ERR_CONFIG,
				"%s is this machine itself; right would be the gateway's own address",
				r->p->gateways[i]);
			complain(r, "connection", "gateway", &e);
		}
}

static void load_secrets(struct refs *r)
{
	struct profile *p = r->p;
	struct err e;

	if (p->psk_file[0] && !(p->psk_given = read_secret(r, p->psk_file, &p->psk, &e)))
		complain(r, "secrets", "psk-file", &e);
	if (p->password_file[0] &&
		!(p->password_given = read_secret(r, p->password_file, &p->password, &e)))
		complain(r, "secrets", "password-file", &e);
}

/* Appends to certs, fills key where the file has one. */
static bool read_credentials(
	struct refs *r, const char *name, struct cert_list *certs, struct key **key, struct err *e)
{
	const struct profile *p = r->p;
	const struct passphrase *pass =
		p->key_passphrase_given ? &p->key_passphrase : r->rq->key_passphrase;
	char path[PROFILE_PATH_MAX];
	struct load_file f;
	bool need = false;

	if (!read_ref(r, name, &f, path, e))
		return false;
	bool ok = load_credentials((struct bytes){ f.data, f.len }, pass, certs, key, &need, e);
	if (!ok)
		err_ctx(e, "%s", path);
	if (need && !p->key_passphrase_given)
		r->need_passphrase = true;
	/* A key is a secret, encrypted or not. */
	if ((need || (ok && *key)) && !load_file_private(&f, path, e)) {
		err_ctx(e, "%s", path);
		r->need_passphrase = false;
		ok = false;
	}
	load_file_free(&f);
	return ok;
}

static bool look_through(const struct cert_list *own, struct err *e)
{
	for (size_t i = 0; i < own->n; i++)
		if (!cert_readable(own->v[i]))
			return err_set(
				e, ERR_CONFIG, "certificate number %zu cannot be read", i + 1);
	return cert_dates(own->v[0], time(NULL), e);
}

static void judge_own(struct refs *r)
{
	const struct profile *p = r->p;
	struct err e = { .kind = ERR_NONE };

	if (p->own_certs.n == 0)
		err_set(&e, ERR_CONFIG, "there is no certificate in the file");
	else if (!p->own_key)
		err_set(&e, ERR_CONFIG,
			"there is no private key in the file; right would be local.key");
	else if (!key_matches(p->own_key, p->own_certs.v[0]))
		err_set(&e, ERR_CONFIG, "certificate and private key do not belong together");
	if (e.kind != ERR_NONE)
		complain(r, "local", p->key[0] && p->own_certs.n ? "key" : "certificate", &e);
	else if (r->rq->thorough && !look_through(&p->own_certs, &e))
		complain(r, "local", "certificate", &e);
}

static void load_own(struct refs *r)
{
	struct profile *p = r->p;
	struct cert_list others = { 0 };
	struct err e;

	if (!read_credentials(r, p->certificate, &p->own_certs, &p->own_key, &e)) {
		if (!r->need_passphrase)
			complain(r, "local", "certificate", &e);
		return;
	}
	if (p->key[0]) {
		key_free(p->own_key);
		p->own_key = NULL;
		bool ok = read_credentials(r, p->key, &others, &p->own_key, &e);
		cert_list_free(&others);
		if (!ok) {
			if (!r->need_passphrase)
				complain(r, "local", "key", &e);
			return;
		}
		cert_list_own_first(&p->own_certs, p->own_key);
	}
	judge_own(r);
}

struct adding {
	struct trust *trust;
	struct evidence *crls;
	bool thorough;
};

static bool add_ca_file(
	struct bytes file, const char *path, size_t *added, void *arg, struct err *e)
{
	const struct adding *a = arg;

	(void)path;
	return trust_add(a->trust, file, added, e) &&
		(!a->thorough || trust_check(a->trust, *added, e));
}

static bool add_ca(struct refs *r, struct trust *t, const char *name, struct err *e)
{
	static const struct load_kind certificates = { "certificate",
		{ ".pem", ".crt", ".cer", ".der" }, REF_FILE_MAX, add_ca_file };
	struct adding a = { .trust = t, .thorough = r->rq->thorough };
	char path[PROFILE_PATH_MAX];

	return full_path(r->p, name, path, e) && load_folder_or_file(path, &certificates, &a, e);
}

static bool add_crl_file(
	struct bytes file, const char *path, size_t *added, void *arg, struct err *e)
{
	const struct adding *a = arg;

	return evidence_add_crl(a->crls, file, path, added, e) &&
		(!a->thorough || evidence_dates(a->crls, *added, time(NULL), e));
}

static void load_crls(struct refs *r)
{
	static const struct load_kind crls = { "CRL", { ".crl", ".pem", ".der" }, CRL_FILE_MAX,
		add_crl_file };
	struct adding a = { .thorough = r->rq->thorough };
	char path[PROFILE_PATH_MAX];
	struct err e;

	a.crls = r->p->crls = evidence_new(&e);
	if (!a.crls || !full_path(r->p, r->p->crl, path, &e) ||
		!load_folder_or_file(path, &crls, &a, &e))
		complain(r, "remote", "crl", &e);
}

static bool add_pin(struct refs *r, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	struct load_file f;

	if (!read_ref(r, r->p->remote_certificate, &f, path, e))
		return false;
	bool ok = trust_pin(r->p->trust, (struct bytes){ f.data, f.len }, e) ||
		err_ctx(e, "%s", path);
	load_file_free(&f);
	return ok;
}

static void load_trust(struct refs *r)
{
	struct profile *p = r->p;
	struct err e;

	p->trust = trust_new(&e);
	if (!p->trust) {
		complain(r, "remote", "ca", &e);
		return;
	}
	if (p->remote_certificate[0] && !add_pin(r, &e))
		complain(r, "remote", "certificate", &e);
	if (p->ca[0] && !add_ca(r, p->trust, p->ca, &e))
		complain(r, "remote", "ca", &e);
	/* A pin alone means that nobody else's word counts. */
	if (!p->ca[0] && !p->remote_certificate[0] && !trust_add_system(p->trust, &e))
		complain(r, "remote", "ca", &e);
	else if (r->rq->thorough && !trust_dates(p->trust, time(NULL), &e))
		complain(r, "remote", p->remote_certificate[0] ? "certificate" : "ca", &e);
}

/* The server of EAP over TLS is believed by its own CAs, else by those of the gateway; a pinned certificate of
 * the gateway says nothing of it, nor does a shared key. */
static void load_eap_trust(struct refs *r)
{
	struct profile *p = r->p;
	const char *ca = p->eap_ca[0] ? p->eap_ca : p->ca;
	const char *key = p->eap_ca[0] ? "eap-ca" : "ca";
	struct err e;

	if (!p->eap_ca[0] && p->remote_auth == REMOTE_CERT && !p->remote_certificate[0])
		return;
	p->eap_trust = trust_new(&e);
	if (!p->eap_trust ||
		!(ca[0] ? add_ca(r, p->eap_trust, ca, &e) : trust_add_system(p->eap_trust, &e)) ||
		(r->rq->thorough && !trust_dates(p->eap_trust, time(NULL), &e)))
		complain(r, "remote", key, &e);
}

enum load_result load_refs(struct profile *p, const struct load_scan *s,
	const struct load_request *rq, struct load_report *report)
{
	struct refs r = { .p = p, .scan = s, .rq = rq, .report = report };

	if (rq->thorough)
		judge_gateways(&r);
	load_secrets(&r);
	if (p->certificate[0])
		load_own(&r);
	if (p->remote_auth == REMOTE_CERT)
		load_trust(&r);
	if (profile_over_tls(p))
		load_eap_trust(&r);
	if (p->crl[0] && p->revocation != REVOCATION_OFF)
		load_crls(&r);
	if (report->n > 0)
		return LOAD_BAD;
	return r.need_passphrase ? LOAD_NEED_PASSPHRASE : LOAD_OK;
}
