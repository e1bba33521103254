/*
 * bench_growth WHAT N: what N of something costs in time and memory, in one process. One line:
 * milliseconds, KiB of the heap. WHAT is
 *   bundle   N certificates of CAs are read, and a gateway's certificate below the last is verified
 *   chain    a gateway's certificate below N of its CAs is verified a hundred times (time: of one)
 *   children N child SAs of one IKE SA are made, all after the first, both sides' work counted
 *   log      N lines of the log, into memory and a file that is thrown away
 */
#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/logbook.h"
#include "../pair/pair.h"
#include "lib/pki.h"

static double milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void result(double ms, size_t octets)
{
	printf("%.3f %zu\n", ms, octets / 1024);
}

static X509 *authority(unsigned i, EVP_PKEY *key, X509 *issuer)
{
	char name[32];

	snprintf(name, sizeof(name), "CA number %u", i);
	return pki_issue(&(struct pki_spec){ .cn = name, .key = key, .ca = true }, issuer, key);
}

static void bundle(unsigned n)
{
	EVP_PKEY *key = pki_key("EC", "P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *last = NULL;
	struct err e;
	size_t added;
	char *text;

	for (unsigned i = 0; i < n; i++) {
		X509_free(last);
		last = authority(i, key, NULL);
		assert_int_equal(PEM_write_bio_X509(bio, last), 1);
	}
	X509 *leaf = pki_issue(
		&(struct pki_spec){ .cn = "gw", .key = key, .san = "DNS:gw.example" }, last, key);
	struct cert_list list = { .n = 1, .v = { pki_cert(leaf) } };
	struct bytes file = { .n = (size_t)BIO_get_mem_data(bio, &text) };
	file.p = (const uint8_t *)text;
	size_t before = heap();
	double begin = milliseconds();
	struct trust *t = trust_new(&e);
	assert_ok(&e, trust_add(t, file, &added, &e));
	assert_ok(&e, trust_verify(t, &list, PKI_NOW, &e));
	result(milliseconds() - begin, heap() - before);
	trust_free(t);
	cert_list_free(&list);
	X509_free(leaf);
	X509_free(last);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void chain(unsigned n)
{
	enum { TIMES = 100 };
	EVP_PKEY *key = pki_key("EC", "P-256");
	struct trust *t;
	struct err e;
	size_t added, before = heap();
	struct pki_file *f = calloc(1, sizeof(*f));
	struct cert_list list = { .n = n };
	X509 *at = authority(0, key, NULL);

	assert_non_null(f);
	pki_pem_cert(f, at);
	t = trust_new(&e);
	assert_ok(&e, trust_add(t, pki_bytes(f), &added, &e));
	for (unsigned i = 1; i <= n; i++) {
		X509 *below = i < n ?
			authority(i, key, at) :
			pki_issue(&(struct pki_spec){ .cn = "gw", .key = key }, at, key);
		list.v[n - i] = pki_cert(below);
		X509_free(at);
		at = below;
	}
	double begin = milliseconds();
	for (unsigned i = 0; i < TIMES; i++)
		assert_ok(&e, trust_verify(t, &list, PKI_NOW, &e));
	result((milliseconds() - begin) / TIMES, heap() - before);
	trust_free(t);
	cert_list_free(&list);
	X509_free(at);
	free(f);
	EVP_PKEY_free(key);
}

static void children(unsigned n)
{
	struct pair p;

	pair_init(&p, 1);
	pair_connect(&p);
	size_t before = heap();
	double begin = milliseconds();
	while (p.client.v2->children.n < n) {
		pair_gw(&p, GW_NEW_CHILD);
		pair_run(&p, SECONDS(1));
	}
	double ms = milliseconds() - begin;
	pair_run(&p, SECONDS(60));
	pair_check_up(&p, n);
	result(ms, heap() - before);
	pair_free(&p);
}

static void log_lines(unsigned n)
{
	struct logbook book;
	struct err e;
	size_t before = heap();
	double begin = milliseconds();

	assert_ok(&e, logbook_open(&book, "/dev/null", LEVEL_DEBUG, &e));
	for (unsigned i = 0; i < n; i++)
		assert_ok(&e,
			logbook_add(&book, LEVEL_DEBUG,
				"sent CREATE_CHILD_SA request 0, 380 octets in 1 datagram", &e));
	result(milliseconds() - begin, heap() - before);
	logbook_close(&book);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(unsigned n);
		unsigned most;
	} whats[] = { { "bundle", bundle, 100000 }, { "chain", chain, 8 },
		{ "children", children, IKE_CHILDREN_MAX }, { "log", log_lines, 100000000 } };
	struct err e;

	if (argc != 3 || !crypto_init(&e))
		return 2;
	unsigned n = (unsigned)strtoul(argv[2], NULL, 10);
	for (size_t i = 0; i < ARRAY_LEN(whats); i++)
		if (strcmp(whats[i].name, argv[1]) == 0 && n > 0 && n <= whats[i].most) {
			whats[i].run(n);
			crypto_exit();
			return 0;
		}
	fprintf(stderr, "bench_growth bundle|chain|children|log N\n");
	return 2;
}
