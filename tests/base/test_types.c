#include "base/types.h"
#include "lib/test.h"

#include <stdio.h>
#include <sys/socket.h>

static struct addr addr_of(const char *text)
{
	struct addr a;

	if (!addr_parse(&a, text))
		fail_msg("address %s", text);
	return a;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	if (!prefix_parse(&p, text))
		fail_msg("prefix %s", text);
	return p;
}

/* "lo-hi" */
static struct selector range(const char *lo, const char *hi)
{
	struct selector s;
	struct addr a = addr_of(lo), b = addr_of(hi);

	selector_all(&s, a.family);
	memcpy(s.lo, a.ip, 16);
	memcpy(s.hi, b.ip, 16);
	return s;
}

static struct selector ports(struct selector s, uint8_t proto, uint16_t lo, uint16_t hi)
{
	s.proto = proto;
	s.port_lo = lo;
	s.port_hi = hi;
	return s;
}

static void addresses(void **state)
{
	static const char *const good[] = { "192.0.2.1", "0.0.0.0", "2001:db8::1",
		"::", "fe80::1%3" };
	static const char *const bad[] = {
		"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "2001:db8", "192.0.2.1%1", "fe80::1%",
		"fe80::1%eth0", "fe80::1%-1", "fe80::1%4294967296", "::1/64",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:0000:1111:2222"
	};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		a = addr_of(good[i]);
		assert_string_equal(addr_text(text, &a), good[i]);
		assert_int_equal(a.port, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse(&a, bad[i]))
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(a.family, FAMILY_NONE);
	assert_string_equal(addr_text(text, &a), "(none)");
}

static void ports_of_addresses(void **state)
{
	struct addr a = addr_of("192.0.2.1"), b = a, c = addr_of("fe80::1%3");
	char text[ADDR_TEXT_MAX];

	(void)state;
	a.port = 4500;
	c.port = 500;
	assert_string_equal(addr_port_text(text, &a), "192.0.2.1:4500");
	assert_string_equal(addr_port_text(text, &c), "[fe80::1%3]:500");
	assert_false(addr_same(&a, &b));
	assert_true(addr_same_host(&a, &b));
	b = addr_of("fe80::1%4");
	assert_false(addr_same_host(&c, &b)); /* the same address on another link */
	assert_false(addr_same_host(&a, &c));
	a = addr_of("0.0.0.0");
	assert_true(addr_is_zero(&a));
	assert_false(addr_is_zero(&b));
	assert_false(addr_set(&a, 5, b.ip, 1));
}

static void sockaddrs(void **state)
{
	static const char *const all[] = { "192.0.2.77", "fe80::abcd%7" };
	struct sockaddr_storage ss;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct addr a = addr_of(all[i]), b;
		a.port = 4500;
		assert_true(addr_to_sockaddr(&ss, &a) > 0);
		assert_true(addr_from_sockaddr(&b, &ss));
		assert_true(addr_same(&a, &b));
	}
	ss.ss_family = AF_UNIX;
	struct addr none = { .family = FAMILY_V4 };
	assert_false(addr_from_sockaddr(&none, &ss));
	assert_int_equal(none.family, FAMILY_NONE);
	assert_int_equal(addr_to_sockaddr(&ss, &none), 0);
}

static void prefixes(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = { { "10.0.0.0/8", "10.0.0.0/8" }, { "10.1.2.3/8", "10.0.0.0/8" },
		{ "10.1.2.3", "10.1.2.3/32" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "255.255.255.255/31", "255.255.255.254/31" },
		{ "2001:db8:ffff::/33", "2001:db8:8000::/33" }, { "::1", "::1/128" } };
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/ 8",
		"10.0.0.0/8x", "10/8", "::/129", "fe80::1%2/64", "" };
	char text[ADDR_TEXT_MAX];
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		p = prefix_of(good[i].in);
		assert_string_equal(prefix_text(text, &p), good[i].out);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (prefix_parse(&p, bad[i]) || prefix_parse_host(&p, bad[i]))
			fail_msg("%s was taken", bad[i]);
	assert_true(prefix_parse_host(&p, "10.1.2.3/8"));
	assert_string_equal(prefix_text(text, &p), "10.1.2.3/8");
}

static void prefixes_cover(void **state)
{
	struct prefix ten = prefix_of("10.0.0.0/8"), sub = prefix_of("10.128.0.0/9");
	struct prefix six = prefix_of("::/0"), none = { .family = FAMILY_NONE };
	struct addr in = addr_of("10.255.0.1"), out = addr_of("11.0.0.0");

	(void)state;
	assert_true(prefix_covers(&ten, in.ip));
	assert_false(prefix_covers(&ten, out.ip));
	assert_false(prefix_covers(&none, in.ip));
	assert_true(prefix_inside(&sub, &ten));
	assert_false(prefix_inside(&ten, &sub));
	assert_false(prefix_inside(&sub, &six));
	assert_true(prefix_same(&sub, &sub));
	assert_false(prefix_same(&ten, &sub));
}

static void selector_validity(void **state)
{
	struct selector s = range("10.0.0.1", "10.0.0.9");

	(void)state;
	assert_true(selector_valid(&s));
	s = ports(s, 17, 65535, 0); /* OPAQUE */
	assert_true(selector_valid(&s));
	s = ports(s, 17, 2, 1);
	assert_false(selector_valid(&s));
	s = range("10.0.0.9", "10.0.0.1");
	assert_false(selector_valid(&s));
	assert_int_equal(selector_prefixes(&s, NULL, 0), 0);
	s.family = 9;
	assert_false(selector_valid(&s));
}

static void narrowing(void **state)
{
	struct selector any, six, out;
	struct selector a = range("10.0.0.10", "10.0.0.100"), b = range("10.0.0.50", "10.0.1.0");
	char text[SELECTOR_TEXT_MAX];

	(void)state;
	selector_all(&any, FAMILY_V4);
	selector_all(&six, FAMILY_V6);
	assert_true(selector_narrow(&out, &any, &a));
	assert_true(selector_same(&out, &a));
	assert_true(selector_narrow(&out, &a, &b));
	assert_string_equal(selector_text(text, &out), "10.0.0.50-10.0.0.100");
	assert_false(selector_narrow(&out, &a, &six));
	b = range("10.0.0.101", "10.0.0.101");
	assert_false(selector_narrow(&out, &a, &b));
	/* protocols */
	b = ports(any, 17, 0, 65535);
	assert_true(selector_narrow(&out, &a, &b));
	assert_int_equal(out.proto, 17);
	struct selector tcp = ports(any, 6, 0, 65535);
	assert_false(selector_narrow(&out, &tcp, &b));
	/* the result may be one of what went in */
	assert_true(selector_narrow(&a, &a, &any));
}

static void narrowing_ports(void **state)
{
	struct selector any, out, l2tp, low, opaque;

	(void)state;
	selector_all(&any, FAMILY_V4);
	l2tp = ports(any, 17, 1701, 1701);
	low = ports(any, 17, 0, 1023);
	opaque = ports(any, 17, 65535, 0);
	assert_false(selector_narrow(&out, &l2tp, &low));
	assert_true(selector_inside(&l2tp, &any));
	assert_false(selector_inside(&any, &l2tp));
	assert_true(selector_narrow(&out, &any, &opaque)); /* ANY includes OPAQUE */
	assert_true(selector_same(&out, &opaque));
	assert_false(selector_narrow(&out, &l2tp, &opaque));
	assert_true(selector_inside(&opaque, &opaque));
}

static void check_text(struct selector s, const char *want)
{
	char text[SELECTOR_TEXT_MAX];

	assert_string_equal(selector_text(text, &s), want);
}

static void selectors_as_text(void **state)
{
	struct selector all4, all6, net;
	struct prefix p = prefix_of("10.0.0.0/8");

	(void)state;
	selector_all(&all4, FAMILY_V4);
	selector_all(&all6, FAMILY_V6);
	selector_from_prefix(&net, &p);
	check_text(all4, "0.0.0.0/0");
	check_text(all6, "::/0");
	check_text(net, "10.0.0.0/8");
	check_text(range("10.0.0.1", "10.0.0.1"), "10.0.0.1");
	check_text(range("10.0.0.1", "10.0.0.9"), "10.0.0.1-10.0.0.9");
	check_text(ports(net, 17, 1701, 1701), "10.0.0.0/8[udp/1701]");
	check_text(ports(net, 6, 0, 65535), "10.0.0.0/8[tcp]");
	check_text(ports(net, 0, 1, 1023), "10.0.0.0/8[any/1-1023]");
	check_text(ports(net, 200, 65535, 0), "10.0.0.0/8[200/opaque]");
}

static void check_prefixes(struct selector s, const char *want)
{
	struct prefix list[254];
	char text[8192] = "", one[ADDR_TEXT_MAX];
	size_t n = selector_prefixes(&s, list, ARRAY_LEN(list)), len = 0;

	assert_true(n <= ARRAY_LEN(list));
	for (size_t i = 0; i < n && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
			prefix_text(one, &list[i]));
	assert_string_equal(text, want);
}

static void ranges_to_prefixes(void **state)
{
	(void)state;
	check_prefixes(range("0.0.0.0", "255.255.255.255"), "0.0.0.0/0");
	check_prefixes(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0");
	check_prefixes(range("10.0.0.0", "10.0.0.255"), "10.0.0.0/24");
	check_prefixes(range("10.0.0.7", "10.0.0.7"), "10.0.0.7/32");
	check_prefixes(
		range("10.0.0.1", "10.0.0.9"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/30 10.0.0.8/31");
	check_prefixes(range("10.0.0.255", "10.0.1.1"), "10.0.0.255/32 10.0.1.0/31");
	check_prefixes(range("255.255.255.254", "255.255.255.255"), "255.255.255.254/31");
}

static void longest_list_of_prefixes(void **state)
{
	struct selector s = range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	struct prefix two[3] = { { .len = 0 }, { .len = 0 }, { .len = 99 } };

	(void)state;
	assert_int_equal(selector_prefixes(&s, two, 2), 254);
	assert_int_equal(two[1].len, 127);
	assert_int_equal(two[2].len, 99); /* not written */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(ports_of_addresses),
		cmocka_unit_test(sockaddrs),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(prefixes_cover),
		cmocka_unit_test(selector_validity),
		cmocka_unit_test(narrowing),
		cmocka_unit_test(narrowing_ports),
		cmocka_unit_test(selectors_as_text),
		cmocka_unit_test(ranges_to_prefixes),
		cmocka_unit_test(longest_list_of_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
