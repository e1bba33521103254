#include "lib/advert.h"

#include <string.h>

#include "base/ipsum.h"
#include "ppp/ra.h"

/* Reading past the end of an exact copy is seen by the sanitizers. */
static bool read_exact(struct ra *out, const uint8_t *packet, size_t n)
{
	uint8_t *exact = test_malloc(n + 1);

	memcpy(exact + 1, packet, n);
	bool ok = ra_read(out, (struct bytes){ exact + 1, n });
	test_free(exact);
	return ok;
}

static bool read_advert(struct ra *out, const struct advert *a)
{
	uint8_t packet[ADVERT_MAX];

	return read_exact(out, packet, advert_write(a, packet));
}

static void all_of_it(void **state)
{
	struct advert a = advert_preset();
	struct ra ra;
	char text[ADDR_TEXT_MAX];

	(void)state;
	a.server = "fd97::53";
	a.more = "0501 0000 000005dc 0304 40c0 ffffffff ffffffff 00000000"
		 "fd970000000000020000000000000000";
	assert_true(read_advert(&ra, &a));
	assert_int_equal(ra.router, 1800);
	assert_int_equal(ra.n_prefixes, 2);
	assert_memory_equal(ra.prefixes[0].ip, ((uint8_t[8]){ 0xfd, 0x97, [7] = 1 }), 8);
	assert_int_equal(ra.prefixes[0].valid, 3600);
	assert_int_equal(ra.prefixes[0].preferred, 1800);
	assert_int_equal(ra.prefixes[1].ip[7], 2);
	assert_int_equal(ra.prefixes[1].valid, UINT32_MAX);
	assert_true(ra.dns_said);
	assert_int_equal(ra.n_dns, 1);
	assert_string_equal(addr_text(text, &ra.dns[0]), "fd97::53");
}

/* RFC 4861 section 6.1.2: not to be believed at all. */
static void invalid(void **state)
{
	static const struct {
		const char *what, *source, *more;
		uint8_t hops, code;
	} rows[] = {
		{ "passed on by a router", NULL, NULL, 254, 0 },
		{ "from no address of the link", "2001:db8::1", NULL, 255, 0 },
		{ "another code", NULL, NULL, 255, 1 },
		{ "an option without length", NULL, "0500 0000 000005dc", 255, 0 },
		{ "an option that is cut", NULL, "0502 0000 000005dc", 255, 0 },
		{ "an option's first octet", NULL, "05", 255, 0 },
	};
	struct ra ra;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct advert a = advert_preset();
		a.source = rows[i].source ? rows[i].source : a.source;
		a.more = rows[i].more;
		a.hops = rows[i].hops;
		a.code = rows[i].code;
		if (read_advert(&ra, &a))
			fail_msg("%s", rows[i].what);
	}
}

/* Cut anywhere, changed anywhere. */
static void damaged(void **state)
{
	struct advert a = advert_preset();
	uint8_t packet[ADVERT_MAX];
	size_t n = advert_write(&a, packet);
	struct ra ra;

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		assert_false(read_exact(&ra, packet, cut));
	for (size_t at = 40; at < n; at++) {
		packet[at] ^= 0x10;
		assert_false(read_exact(&ra, packet, n));
		packet[at] ^= 0x10;
	}
	packet[n] = 1; /* what the link put behind it */
	assert_true(read_exact(&ra, packet, n + 1));
}

/* RFC 4862 section 5.5.3: the packet is right, but no address can be made of its prefix. */
static void useless_prefixes(void **state)
{
	static const struct {
		const char *what, *prefix;
		uint8_t len, flags;
		uint32_t valid, preferred;
	} rows[] = {
		{ "not for hosts to choose", "fd97::", 64, 0x80, 3600, 1800 },
		{ "not as long as it has to be", "fd97::", 56, 0xc0, 3600, 1800 },
		{ "link-local", "fe80::", 64, 0xc0, 3600, 1800 },
		{ "preferred for longer than valid", "fd97::", 64, 0xc0, 1800, 3600 },
	};
	struct ra ra;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct advert a = advert_preset();
		a.prefix = rows[i].prefix;
		a.prefix_len = rows[i].len;
		a.flags = rows[i].flags;
		a.valid = rows[i].valid;
		a.preferred = rows[i].preferred;
		if (!read_advert(&ra, &a) || ra.n_prefixes > 0)
			fail_msg("%s", rows[i].what);
	}
}

static void servers_no_more(void **state)
{
	struct advert a = advert_preset();
	struct ra ra;

	(void)state;
	assert_true(read_advert(&ra, &a));
	assert_false(ra.dns_said);
	a.server = "fd97::53";
	a.server_lifetime = 0;
	assert_true(read_advert(&ra, &a));
	assert_true(ra.dns_said);
	assert_int_equal(ra.n_dns, 0);
}

static void solicitation(void **state)
{
	static const uint8_t id[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	uint8_t got[RA_SOLICITATION_LEN], want[RA_SOLICITATION_LEN];

	(void)state;
	test_hex("60000000 0008 3a ff fe80000000000000 1122334455667788"
		 "ff020000000000000000000000000002 8500 0000 00000000",
		want, sizeof(want));
	ra_solicit(got, id);
	assert_int_equal(ipsum_fold(ipsum_add(ipsum_pseudo(got + 8, 16, 58, 8), got + 40, 8)), 0);
	memset(got + 42, 0, 2);
	assert_memory_equal(got, want, sizeof(want));
	assert_false(ra_is((struct bytes){ got, sizeof(got) }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(invalid),
		cmocka_unit_test(damaged),
		cmocka_unit_test(useless_prefixes),
		cmocka_unit_test(servers_no_more),
		cmocka_unit_test(solicitation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
