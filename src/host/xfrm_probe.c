#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/alg.h"

/*
 * Whether the kernel carries ESP, and why not. Allocating an SPI and adding a policy succeed on a
 * kernel without ESP; only a whole SA makes it look for the protocol and the algorithms, and load
 * their modules.
 */

/* --- why a module is not loaded ------------------------------------------------------------------ */

/* "blacklist NAME" keeps a module from being loaded when the kernel asks for what it does;
 * "install NAME COMMAND" runs a command in its place. In names '-' is '_'. */
static bool line_blocks(const char *line, const char *module)
{
	char verb[16], name[64];

	if (sscanf(line, " %15s %63s", verb, name) != 2)
		return false;
	for (char *at = name; *at; at++)
		*at = *at == '-' ? '_' : *at;
	return strcmp(name, module) == 0 &&
		(strcmp(verb, "blacklist") == 0 || strcmp(verb, "install") == 0);
}

static bool file_blocks(const char *path, const char *module)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (f && !found && getline(&line, &room, f) > 0)
		found = line_blocks(line, module);
	free(line);
	if (f)
		fclose(f);
	return found;
}

bool module_blocked(const char *const *dirs, const char *module, char *where, size_t size)
{
	bool found = false;

	for (; *dirs && !found; dirs++) {
		DIR *d = opendir(*dirs);
		struct dirent *entry;
		while (d && !found && (entry = readdir(d))) {
			size_t n = strlen(entry->d_name);
			if (n < 5 || strcmp(entry->d_name + n - 5, ".conf") != 0)
				continue;
			snprintf(where, size, "%s/%s", *dirs, entry->d_name);
			found = file_blocks(where, module);
		}
		if (d)
			closedir(d);
	}
	return found;
}

static const char *module_of(enum family family)
{
	return family == FAMILY_V4 ? "esp4" : "esp6";
}

/* Why there is none. */
static void module_look(struct err *e, enum family family)
{
	static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d",
		"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d", NULL };
	char where[512];

	if (module_blocked(dirs, module_of(family), where, sizeof(where)))
		err_set(e, ERR_LOCAL,
			"the kernel's ESP is not available: module %s is blocked by %s",
			module_of(family), where);
}

/* EPROTONOSUPPORT: no ESP for the family. ENOSYS, ENOENT: an algorithm is missing. */
bool sa_refused(struct err *e, int code, const char *said, const struct sa_spec *spec)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, spec->encr, spec->encr_bits);
	const struct alg *integ = spec->integ ? alg_find(TRANSFORM_INTEG, spec->integ, 0) : NULL;

	if (code == EPROTONOSUPPORT)
		return err_set(e, ERR_LOCAL,
			"the kernel's ESP is not available: it has no module %s",
			module_of(spec->local.family));
	if (code == ENOSYS || code == ENOENT)
		return err_set(e, ERR_LOCAL, "the kernel has no %s%s%s for ESP",
			encr ? encr->kernel : "cipher", integ ? " with " : "",
			integ ? integ->kernel : "");
	return nl_error(e, code, said[0] ? said : NULL, "installing an SA");
}

/* --- asking -------------------------------------------------------------------------------------- */

static void key(struct secret *s, size_t len)
{
	s->len = len;
	for (size_t i = 0; i < len; i++)
		s->data[i] = (uint8_t)(i + 1); /* not all the same, for some ciphers refuse that */
}

enum { SPI_OF_LOOK = HOST_REQID_FIRST - 1 };

/* From this host to itself, with an SPI that nobody else's probe has. The first of the two has a
 * direction that there is not: a kernel that knows directions refuses it before it looks at anything
 * else. */
static bool try_sa(
	struct nl_sock *sk, struct sa_spec *s, bool *directions, int *code, struct err *e)
{
	const struct alg *encr = alg_find(TRANSFORM_ENCR, s->encr, s->encr_bits);
	const struct alg *integ = s->integ ? alg_find(TRANSFORM_INTEG, s->integ, 0) : NULL;
	struct xfrm_params p = { .reqid = s->spi }, odd = p;
	struct nl_msg *v[4];
	struct nl_result results[4];

	key(&s->encr_key, (size_t)encr->key_len + encr->salt_len);
	key(&s->integ_key, integ ? integ->key_len : 0);
	odd.direction_probe = true;
	v[0] = sa_add_message(s, &odd, e);
	v[1] = sa_ref_message(XFRM_MSG_DELSA, &s->remote, s->spi);
	v[2] = sa_add_message(s, &p, e);
	v[3] = sa_ref_message(XFRM_MSG_DELSA, &s->remote, s->spi);
	*code = 0;
	if (!nl_batch(sk, v, 4, results, "asking the kernel for an SA", e))
		return false;
	*directions = results[0].code == ERANGE;
	*code = results[2].code;
	return *code == 0 || sa_refused(e, *code, results[2].said, s);
}

static bool try_family(struct nl_sock *sk, enum family family, uint32_t spi, bool *directions,
	int *code, struct err *e)
{
	static const struct {
		uint16_t encr, bits, integ;
	} rows[] = { { ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128 }, { ENCR_AES_GCM_16, 256, 0 } };
	struct sa_spec *s = calloc(1, sizeof(*s));
	struct addr self;
	bool ok = addr_parse(&self, family == FAMILY_V4 ? "127.0.0.1" : "::1");

	*code = 0;
	if (!s)
		return err_set(e, ERR_LOCAL, "no memory");
	for (size_t i = 0; i < ARRAY_LEN(rows) && ok; i++) {
		*s = (struct sa_spec){ .dir = SA_OUT,
			.mode = SA_TUNNEL,
			.spi = spi,
			.local = self,
			.remote = self,
			.encr = rows[i].encr,
			.encr_bits = rows[i].bits,
			.integ = rows[i].integ };
		ok = try_sa(sk, s, directions, code, e);
	}
	free(s);
	return ok;
}

bool host_esp_probe(struct host *h, enum family family)
{
	uint32_t spi = HOST_REQID_FIRST + (h->slot << 16);
	struct no_esp *found = &h->no_esp;

	*found = (struct no_esp){ .family = family };
	bool ok = xfrm_open(h, &found->why) &&
		try_family(h->sad->sk, family, spi, &h->sad->directions, &found->code, &found->why);
	if (!ok && h->sad && h->sad->n_sas == 0)
		xfrm_close(h);
	return ok;
}

void host_esp_why_not(const struct host *h, struct err *e)
{
	*e = h->no_esp.why;
	if (h->no_esp.code == EPROTONOSUPPORT)
		module_look(e, h->no_esp.family);
}

static void look_esp(struct nl_sock *sk, struct host_kernel *out)
{
	static const enum family families[] = { FAMILY_V4, FAMILY_V6 };
	struct err e;
	int code;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		err_clear(&e);
		out->esp[i] = try_family(sk, families[i], SPI_OF_LOOK, &out->directions, &code, &e);
		if (code == EPROTONOSUPPORT)
			module_look(&e, families[i]);
		out->known &= code != EPERM;
		snprintf(out->why[i], sizeof(out->why[i]), "%s", e.text);
	}
}

static bool udp_takes(int fd, int option, int value)
{
	return fd >= 0 && setsockopt(fd, IPPROTO_UDP, option, &value, sizeof(value)) == 0;
}

static void look_udp(struct host_kernel *out)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	out->udp_out = udp_takes(fd, UDP_SEGMENT, 0);
	out->udp_in = udp_takes(fd, UDP_GRO, 1);
	if (fd >= 0)
		close(fd);
}

void host_kernel_look(struct host_kernel *out)
{
	struct err e = { .kind = ERR_NONE };
	struct nl_sock *xfrm = nl_connect_xfrm(&e), *route = nl_connect_route(NULL);

	*out = (struct host_kernel){ .known = true, .tun = tun_probe() };
	look_udp(out);
	if (xfrm)
		look_esp(xfrm, out);
	else
		snprintf(out->why[0], sizeof(out->why[0]), "%s", e.text);
	if (route)
		out->interface = xfrm_link_possible(route);
	nl_socket_free(xfrm);
	nl_socket_free(route);
}
