#include "../../src/keylog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/alg.h"
#include "lib/test.h"

static char folder[64], keys_dir[80], as_folder[82];

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vpnc-ike-keylog.XXXXXX");
	unsetenv("SUDO_UID");
	if (!mkdtemp(folder))
		return -1;
	snprintf(keys_dir, sizeof(keys_dir), "%s/keys", folder);
	snprintf(as_folder, sizeof(as_folder), "%s/", keys_dir);
	return 0;
}

static const char *at(const char *dir, const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int folder_remove(void **state)
{
	static const char *const names[] = { "ikev2_decryption_table", "ikev1_decryption_table",
		"esp_sa", "preferences", "other" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(at(keys_dir, names[i]));
	rmdir(keys_dir);
	unlink(keys_dir);
	return rmdir(folder);
}

static struct secret key(uint8_t octet, size_t len)
{
	struct secret s = { .len = len };

	memset(s.data, octet, len);
	return s;
}

static struct keys esp(uint16_t encr, uint16_t bits, uint16_t integ)
{
	return (struct keys){ .of = KEYS_ESP,
		.spi = 0xab12,
		.family = FAMILY_V4,
		.encr = encr,
		.encr_bits = bits,
		.integ = integ,
		.encr_key = key(0x0f, 4),
		.integ_key = key(0xa0, integ ? 2 : 0) };
}

static void row_is(const struct keys *k, const char *want)
{
	char row[KEYLOG_ROW_MAX];

	assert_int_equal(keylog_row(row, k), strlen(want));
	assert_string_equal(row, want);
}

static void rows_of_esp(void **state)
{
	struct keys k = esp(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128);

	(void)state;
	row_is(&k,
		"\"IPv4\",\"*\",\"*\",\"0x0000ab12\",\"AES-CBC [RFC3602]\",\"0x0f0f0f0f\","
		"\"HMAC-SHA-256-128 [RFC4868]\",\"0xa0a0\"\n");
	k = esp(ENCR_AES_GCM_12, 128, 0);
	k.family = FAMILY_V6;
	row_is(&k,
		"\"IPv6\",\"*\",\"*\",\"0x0000ab12\",\"AES-GCM with 12 octet ICV [RFC4106]\","
		"\"0x0f0f0f0f\",\"NULL\",\"0x\"\n");
	k = esp(ENCR_CHACHA20_POLY1305, 0, 0);
	row_is(&k,
		"# For a Wireshark that knows it: \"IPv4\",\"*\",\"*\",\"0x0000ab12\","
		"\"ChaCha20 with Poly1305 [RFC7634]\",\"0x0f0f0f0f\",\"NULL\",\"0x\"\n");
	k = esp(ENCR_AES_CCM_8, 192, 0);
	row_is(&k, "# Wireshark cannot read aes192ccm8 here: SPI 0x0000ab12\n");
}

static void rows_of_ike(void **state)
{
	struct keys k = { .of = KEYS_IKEV2,
		.spi_i = { 0, 1, 2, 3, 4, 5, 6, 7 },
		.spi_r = { 8, 9, 10, 11, 12, 13, 14, 15 },
		.encr = ENCR_AES_CTR,
		.encr_bits = 192,
		.integ = AUTH_HMAC_SHA2_512_256,
		.encr_key = key(1, 2),
		.encr_key_r = key(2, 2),
		.integ_key = key(3, 2),
		.integ_key_r = key(4, 2) };

	(void)state;
	row_is(&k,
		"0001020304050607,08090a0b0c0d0e0f,0101,0202,\"AES-CTR-192 [RFC5930]\","
		"0303,0404,\"HMAC_SHA2_512_256 [RFC4868]\"\n");
	k.encr = ENCR_3DES;
	k.encr_bits = 0;
	k.integ = 0;
	k.integ_key = k.integ_key_r = (struct secret){ 0 };
	row_is(&k,
		"0001020304050607,08090a0b0c0d0e0f,0101,0202,\"3DES [RFC2451]\","
		",,\"NONE [RFC4306]\"\n");
	k.encr = ENCR_CHACHA20_POLY1305;
	row_is(&k, "# Wireshark cannot read chacha20poly1305 here: SPI 0001020304050607\n");
	k.of = KEYS_IKEV1;
	row_is(&k, "0001020304050607,0101\n");
}

/* Of all algorithms that there are: a row that Wireshark takes, or a comment; and the longest keys fit. */
static void rows_of_all(void **state)
{
	char row[KEYLOG_ROW_MAX];
	const struct alg *a;

	(void)state;
	for (size_t i = 0; (a = alg_row(i)); i++) {
		if (a->type != TRANSFORM_ENCR && a->type != TRANSFORM_INTEG)
			continue;
		struct keys k = { .encr = ENCR_AES_CBC,
			.encr_bits = 256,
			.encr_key = key(1, SECRET_MAX),
			.encr_key_r = key(2, SECRET_MAX),
			.integ_key = key(3, SECRET_MAX),
			.integ_key_r = key(4, SECRET_MAX) };
		if (a->type == TRANSFORM_INTEG) {
			k.integ = a->id;
		} else {
			k.encr = a->id;
			k.encr_bits = a->key_bits;
		}
		for (k.of = KEYS_IKEV1; k.of <= KEYS_ESP; k.of++) {
			size_t n = keylog_row(row, &k);
			assert_int_equal(row[n - 1], '\n');
			if (row[0] == '#' && !a->aead)
				fail_msg("%s has no name", a->name);
		}
	}
}

static void in_a_folder(void **state)
{
	struct keys k = esp(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128);
	char row[KEYLOG_ROW_MAX], twice[2 * KEYLOG_ROW_MAX];
	struct keylog log;
	struct stat st;
	struct err e;
	size_t len;

	(void)state;
	umask(0);
	for (int i = 0; i < 2; i++) { /* what is there is added to */
		assert_ok(&e, keylog_open(&log, as_folder, &e));
		assert_true(log.on);
		assert_string_equal(log.path, keys_dir);
		assert_ok(&e, keylog_add(&log, &k, &e));
		keylog_close(&log);
		assert_ok(&e, keylog_add(&log, &k, &e)); /* it is off */
	}
	umask(022);
	keylog_row(row, &k);
	snprintf(twice, sizeof(twice), "%s%s", row, row);
	char *file = test_file(at(keys_dir, "esp_sa"), &len);
	assert_string_equal(file, twice);
	free(file);
	assert_int_equal(stat(keys_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(at(keys_dir, "esp_sa"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(at(keys_dir, "ikev2_decryption_table"), &st), 0);
	assert_int_equal(st.st_size, 0);
	file = test_file(at(keys_dir, "preferences"), &len);
	assert_string_equal(file, "esp.enable_encryption_decode: TRUE\n");
	free(file);
}

static void refused_as(const char *path, const char *why)
{
	struct keylog log;
	struct err e;

	assert_refused(&e, ERR_CONFIG, keylog_open(&log, path, &e));
	assert_false(log.on);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" says nothing of \"%s\"", e.text, why);
}

static void refused(const char *why)
{
	refused_as(as_folder, why);
}

/* A path without a slash at its end is one file: the same rows, as preferences. */
static void in_a_file(void **state)
{
	struct keys k = esp(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128);
	char row[KEYLOG_ROW_MAX], want[2 * KEYLOG_ROW_MAX];
	struct keylog log;
	struct stat st;
	struct err e;
	size_t len;

	(void)state;
	umask(0);
	assert_ok(&e, keylog_open(&log, keys_dir, &e));
	umask(022);
	assert_ok(&e, keylog_add(&log, &k, &e));
	keylog_row(row, &k);
	len = (size_t)snprintf(want, sizeof(want), "uat:esp_sa:%s", row);
	k = esp(ENCR_AES_CCM_8, 192, 0);
	assert_ok(&e, keylog_add(&log, &k, &e));
	keylog_row(want + len, &k); /* a comment is none */
	keylog_close(&log);
	char *file = test_file(keys_dir, &len);
	assert_string_equal(file, want);
	free(file);
	assert_int_equal(stat(keys_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(keys_dir, 0640), 0);
	refused_as(keys_dir, "others may read it");
	unlink(keys_dir);
	assert_int_equal(symlink("/etc/none", keys_dir), 0);
	refused_as(keys_dir, "symbolic link");
}

static void no_folder(void **state)
{
	(void)state;
	close(open(keys_dir, O_CREAT | O_WRONLY, 0600));
	refused("it is no folder");
	unlink(keys_dir);
	assert_int_equal(symlink("/tmp", keys_dir), 0);
	refused_as(keys_dir, "it is no folder");
	unlink(keys_dir);
	assert_int_equal(mkdir(keys_dir, 0700), 0);
	assert_int_equal(chmod(keys_dir, 0770), 0);
	refused("others may write to it");
}

static void no_table(void **state)
{
	char table[200];

	(void)state;
	assert_int_equal(mkdir(keys_dir, 0700), 0);
	snprintf(table, sizeof(table), "%s", at(keys_dir, "esp_sa"));
	assert_int_equal(symlink("other", table), 0);
	refused("it is a symbolic link");
	assert_int_not_equal(access(at(keys_dir, "other"), F_OK), 0);
	unlink(table);
	close(open(table, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(chmod(table, 0640), 0);
	refused("others may read it");
	assert_int_equal(chmod(table, 0600), 0);
	assert_int_equal(link(table, at(keys_dir, "other")), 0);
	refused("another name");
	unlink(table);
	assert_int_equal(mkfifo(table, 0600), 0);
	alarm(5);
	refused("No such device"); /* nobody reads it */
	alarm(0);
	unlink(table);
}

/* Under sudo all is done with the user's rights, and is the user's. */
static void of_who_used_sudo(void **state)
{
	struct keylog log;
	struct stat st;
	struct err e;

	(void)state;
	if (getuid() != 0)
		skip();
	setenv("SUDO_UID", "12345", 1);
	refused("the user, who ran sudo, may not write there");
	assert_int_equal(chown(folder, 12345, 0), 0);
	assert_ok(&e, keylog_open(&log, as_folder, &e));
	keylog_close(&log);
	assert_int_equal(stat(keys_dir, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(stat(at(keys_dir, "esp_sa"), &st), 0);
	assert_int_equal(st.st_uid, 12345);
	unsetenv("SUDO_UID");
	refused("somebody else's");
}

/* Told once, and then there is no more. */
static void a_full_disk(void **state)
{
	struct keys k = esp(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128);
	struct keylog log;
	struct err e;

	(void)state;
	assert_ok(&e, keylog_open(&log, as_folder, &e));
	close(log.tables[KEYLOG_ESP]);
	log.tables[KEYLOG_ESP] = open("/dev/full", O_WRONLY);
	assert_refused(&e, ERR_LOCAL, keylog_add(&log, &k, &e));
	assert_non_null(strstr(e.text, "esp_sa"));
	assert_non_null(strstr(e.text, "No space left"));
	assert_false(log.on);
	assert_ok(&e, keylog_add(&log, &k, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_esp),
		cmocka_unit_test(rows_of_ike),
		cmocka_unit_test(rows_of_all),
		cmocka_unit_test_setup_teardown(in_a_folder, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(in_a_file, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(no_folder, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(no_table, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(of_who_used_sudo, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(a_full_disk, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
