#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/user.h"
#include "crypto/alg.h"

static const char *const table_names[KEYLOG_TABLES] = {
	[KEYLOG_IKEV2] = "ikev2_decryption_table",
	[KEYLOG_IKEV1] = "ikev1_decryption_table",
	[KEYLOG_ESP] = "esp_sa",
};

/* --- rows ------------------------------------------------------------------------------------------ */

/* As Wireshark 4.0 and later spell them. In IKE the size of the key comes between the two parts of a name. */
static const struct name_row {
	enum transform_type type;
	uint16_t id;
	const char *ike, *ike_rest, *esp; /* NULL: it has none */
	bool esp_late; /* 4.0 does not know it yet */
} names[] = {
	{ TRANSFORM_ENCR, ENCR_AES_CBC, "AES-CBC", " [RFC3602]", "AES-CBC [RFC3602]", false },
	{ TRANSFORM_ENCR, ENCR_AES_CTR, "AES-CTR", " [RFC5930]", "AES-CTR [RFC3686]", false },
	{ TRANSFORM_ENCR, ENCR_3DES, "3DES", " [RFC2451]", "TripleDES-CBC [RFC2451]", false },
	{ TRANSFORM_ENCR, ENCR_AES_GCM_16, "AES-GCM", " with 16 octet ICV [RFC5282]",
		"AES-GCM with 16 octet ICV [RFC4106]", false },
	{ TRANSFORM_ENCR, ENCR_AES_GCM_12, "AES-GCM", " with 12 octet ICV [RFC5282]",
		"AES-GCM with 12 octet ICV [RFC4106]", false },
	{ TRANSFORM_ENCR, ENCR_AES_GCM_8, "AES-GCM", " with 8 octet ICV [RFC5282]",
		"AES-GCM with 8 octet ICV [RFC4106]", false },
	{ TRANSFORM_ENCR, ENCR_AES_CCM_16, "AES-CCM", " with 16 octet ICV [RFC5282]", NULL, false },
	{ TRANSFORM_ENCR, ENCR_AES_CCM_12, "AES-CCM", " with 12 octet ICV [RFC5282]", NULL, false },
	{ TRANSFORM_ENCR, ENCR_AES_CCM_8, "AES-CCM", " with 8 octet ICV [RFC5282]", NULL, false },
	{ TRANSFORM_ENCR, ENCR_CHACHA20_POLY1305, NULL, NULL, "ChaCha20 with Poly1305 [RFC7634]",
		true },
	{ TRANSFORM_INTEG, 0, "NONE", " [RFC4306]", "NULL", false }, /* an AEAD has none */
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_512_256, "HMAC_SHA2_512_256", " [RFC4868]",
		"HMAC-SHA-512-256 [RFC4868]", false },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_384_192, "HMAC_SHA2_384_192", " [RFC4868]",
		"HMAC-SHA-384-192 [RFC4868]", false },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, "HMAC_SHA2_256_128", " [RFC4868]",
		"HMAC-SHA-256-128 [RFC4868]", false },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA1_96, "HMAC_SHA1_96", " [RFC2404]",
		"HMAC-SHA-1-96 [RFC2404]", false },
	{ TRANSFORM_INTEG, AUTH_HMAC_MD5_96, "HMAC_MD5_96", " [RFC2403]", "HMAC-MD5-96 [RFC2403]",
		false },
};

static const struct name_row *name_of(enum transform_type type, uint16_t id)
{
	static const struct name_row none;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].type == type && names[i].id == id)
			return &names[i];
	return &none;
}

struct row {
	size_t len;
	char *text; /* KEYLOG_ROW_MAX octets, which is more than the longest keys take */
};

static void PRINTF(2, 3) put(struct row *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(r->text + r->len, KEYLOG_ROW_MAX - r->len, fmt, ap);
	va_end(ap);
	r->len += n > 0 && (size_t)n < KEYLOG_ROW_MAX - r->len ? (size_t)n : 0;
}

static void put_octets(struct row *r, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n && r->len + 2 < KEYLOG_ROW_MAX; i++) {
		r->text[r->len++] = digits[p[i] >> 4];
		r->text[r->len++] = digits[p[i] & 15];
	}
}

static void put_key(struct row *r, const struct secret *key, const char *after)
{
	put_octets(r, key->data, key->len);
	put(r, "%s", after);
}

/* Where somebody who looks for it will look. */
static void put_nameless(struct row *r, const struct keys *k)
{
	const struct alg *a = alg_find(TRANSFORM_ENCR, k->encr, k->encr_bits);

	put(r, "# Wireshark cannot read %s here: SPI ", a ? a->name : "an algorithm");
	if (k->of == KEYS_ESP)
		put(r, "0x%08x", k->spi);
	else
		put_octets(r, k->spi_i, sizeof(k->spi_i));
	put(r, "\n");
}

/* SPIs, keys of both directions and algorithm, and the same of integrity. */
static void put_ikev2(struct row *r, const struct keys *k)
{
	const struct name_row *encr = name_of(TRANSFORM_ENCR, k->encr);
	const struct name_row *integ = name_of(TRANSFORM_INTEG, k->integ);
	char bits[8] = "";

	if (!encr->ike || !integ->ike) {
		put_nameless(r, k);
		return;
	}
	if (k->encr_bits)
		snprintf(bits, sizeof(bits), "-%u", k->encr_bits);
	put_octets(r, k->spi_i, sizeof(k->spi_i));
	put(r, ",");
	put_octets(r, k->spi_r, sizeof(k->spi_r));
	put(r, ",");
	put_key(r, &k->encr_key, ",");
	put_key(r, &k->encr_key_r, ",");
	put(r, "\"%s%s%s\",", encr->ike, bits, encr->ike_rest);
	put_key(r, &k->integ_key, ",");
	put_key(r, &k->integ_key_r, ",");
	put(r, "\"%s%s\"\n", integ->ike, integ->ike_rest);
}

/* Initiator's cookie and key; the algorithm is in the clear on the wire. */
static void put_ikev1(struct row *r, const struct keys *k)
{
	put_octets(r, k->spi_i, sizeof(k->spi_i));
	put(r, ",");
	put_key(r, &k->encr_key, "\n");
}

/* Of any address: behind a NAT it is another, and a tunnel may move. */
static void put_esp(struct row *r, const struct keys *k)
{
	const struct name_row *encr = name_of(TRANSFORM_ENCR, k->encr);
	const struct name_row *integ = name_of(TRANSFORM_INTEG, k->integ);

	if (!encr->esp || !integ->esp) {
		put_nameless(r, k);
		return;
	}
	if (encr->esp_late)
		put(r, "# For a Wireshark that knows it: ");
	put(r, "\"IPv%u\",\"*\",\"*\",\"0x%08x\",\"%s\",\"0x", k->family, k->spi, encr->esp);
	put_key(r, &k->encr_key, "\",");
	put(r, "\"%s\",\"0x", integ->esp);
	put_key(r, &k->integ_key, "\"\n");
}

size_t keylog_row(char out[KEYLOG_ROW_MAX], const struct keys *keys)
{
	struct row r = { .text = out };

	switch (keys->of) {
	case KEYS_IKEV2:
		put_ikev2(&r, keys);
		break;
	case KEYS_IKEV1:
		put_ikev1(&r, keys);
		break;
	case KEYS_ESP:
		put_esp(&r, keys);
		break;
	}
	out[r.len] = 0;
	return r.len;
}

/* --- the folder -------------------------------------------------------------------------------------- */

static bool refuse(const char *name, const char *why, struct err *e)
{
	return err_set(e, ERR_CONFIG, "keys cannot be written to %s: %s", name, why);
}

static const char *open_problem(char out[USER_PROBLEM_MAX])
{
	return errno == ENOTDIR || errno == ELOOP ? "it is no folder" : user_problem(out);
}

/* Its name, and so what lies there, is the user's own. */
static int open_folder(const char *path, uid_t uid, struct err *e)
{
	char problem[USER_PROBLEM_MAX];
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		refuse(path, user_problem(problem), e);
		return -1;
	}
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *why = dir < 0   ? open_problem(problem) :
		fstat(dir, &st) < 0 ? strerror(errno) :
		st.st_uid != uid    ? "it is somebody else's" :
		st.st_mode & 022    ? "others may write to it" :
				      NULL;
	if (!why)
		return dir;
	refuse(path, why, e);
	if (dir >= 0)
		close(dir);
	return -1;
}

static int open_table(int dir, const char *name, uid_t uid, struct err *e)
{
	char problem[USER_PROBLEM_MAX];
	struct stat st;
	int fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		0600);
	const char *why = fd < 0 ?
		(errno == ELOOP ? "it is a symbolic link" : user_problem(problem)) :
		fstat(fd, &st) < 0   ? strerror(errno) :
		!S_ISREG(st.st_mode) ? "it is no file" :
		st.st_uid != uid     ? "it is somebody else's" :
		st.st_nlink != 1     ? "it has another name as well" :
		st.st_mode & 077     ? "others may read it; chmod 600 would do" :
				       NULL;

	if (!why)
		return fd;
	refuse(name, why, e);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Wireshark does not look into ESP unless it is told to. Where the folder is a configuration in use, its
 * owner says that there. */
static void write_preferences(int dir)
{
	static const char text[] = "esp.enable_encryption_decode: TRUE\n";
	int fd = openat(dir, "preferences", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)!write(fd, text, sizeof(text) - 1);
	close(fd);
}

static bool is_folder(const char *path)
{
	size_t n = strlen(path);
	struct stat st;

	return (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) || (n > 0 && path[n - 1] == '/');
}

static bool open_all(struct keylog *k, const char *path, uid_t uid, struct err *e)
{
	k->file = !is_folder(path);
	if (k->file) {
		k->tables[0] = open_table(AT_FDCWD, path, uid, e);
		return k->on = k->tables[0] >= 0;
	}
	int dir = open_folder(path, uid, e);

	if (dir < 0)
		return false;
	write_preferences(dir);
	k->on = true;
	for (size_t i = 0; i < KEYLOG_TABLES; i++) {
		k->tables[i] = k->on ? open_table(dir, table_names[i], uid, e) : -1;
		k->on = k->on && k->tables[i] >= 0;
	}
	close(dir);
	return k->on;
}

static void close_tables(struct keylog *k)
{
	for (size_t i = 0; i < KEYLOG_TABLES; i++)
		if (k->tables[i] >= 0)
			close(k->tables[i]);
	k->on = false;
}

bool keylog_open(struct keylog *k, const char *path, struct err *e)
{
	struct user user;
	struct user_rights was;

	*k = (struct keylog){ .tables = { -1, -1, -1 } };
	user_invoking(&user);
	user_enter(&user, &was);
	bool ok = open_all(k, path, user.uid, e);
	if (ok && !realpath(path, k->path))
		snprintf(k->path, sizeof(k->path), "%s", path);
	user_leave(&was);
	if (!ok)
		close_tables(k);
	return ok;
}

const char *keylog_text(char out[EVENT_TEXT_MAX], const struct keylog *k)
{
	char path[EVENT_TEXT_MAX / 3];

	text_safe(path, sizeof(path), k->path, strlen(k->path));
	snprintf(out, EVENT_TEXT_MAX,
		"THE KEYS OF THIS CONNECTION ARE WRITTEN to %s: who has them reads all that it "
		"carries; %s%s%s opens a capture by them",
		path, k->file ? "tshark -o LINE, for each line of it," : "WIRESHARK_CONFIG_DIR=",
		k->file ? "" : path, k->file ? "" : " wireshark");
	return out;
}

void keylog_close(struct keylog *k)
{
	if (k->on)
		close_tables(k);
}

bool keylog_add(struct keylog *k, const struct keys *keys, struct err *e)
{
	static const enum keylog_table tables[] = {
		[KEYS_IKEV1] = KEYLOG_IKEV1, [KEYS_IKEV2] = KEYLOG_IKEV2, [KEYS_ESP] = KEYLOG_ESP
	};
	enum keylog_table table = tables[keys->of];
	char row[KEYLOG_ROW_MAX], head[40] = "";

	if (!k->on)
		return true;
	size_t n = keylog_row(row, keys);
	if (k->file && row[0] != '#') /* which makes a preference of it */
		snprintf(head, sizeof(head), "uat:%s:", table_names[table]);
	struct iovec parts[] = { { head, strlen(head) }, { row, n } };
	errno = ENOSPC; /* where only a part of it found room */
	bool ok = writev(k->tables[k->file ? 0 : table], parts, ARRAY_LEN(parts)) ==
		(ssize_t)(parts[0].iov_len + n);
	wipe(row, sizeof(row));
	if (ok)
		return true;
	err_set(e, ERR_LOCAL, "no more keys are written, for %s in %s cannot be: %s",
		table_names[table], k->path, strerror(errno));
	close_tables(k);
	return false;
}
