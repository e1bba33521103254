#include "../../src/import/xml.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct err err;

static void tree_has_names_text_and_order(void **state)
{
	(void)state;
	struct xml_file *f = xml_read(
		BYTES("\xef\xbb\xbf<?xml version=\"1.0\"?><!-- ? --><a x='1'> <n:b>one &amp; "
		      "<![CDATA[<two>]]>&#233;</n:b>\n<c/><b>three</b> </a>"),
		&err);

	assert_non_null(f);
	const struct xml *a = xml_root(f), *b = xml_child(a, "b");
	assert_string_equal(a->name, "a");
	assert_string_equal(a->text, "");
	assert_null(a->next);
	assert_string_equal(b->text, "one & <two>\xc3\xa9");
	assert_string_equal(b->next->name, "c");
	assert_string_equal(b->next->text, "");
	assert_null(b->next->child);
	assert_string_equal(b->next->next->text, "three");
	assert_null(b->next->next->next);
	assert_null(xml_child(a, "d"));
	assert_null(xml_child(NULL, "d"));
	xml_free(f);
}

static void text_of_other_encodings_becomes_utf8(void **state)
{
	static const char utf16[] = "\xff\xfe<\0a\0>\0\xe9\0\xac\x20<\0/\0a\0>\0";
	(void)state;
	struct xml_file *f = xml_read((struct bytes){ utf16, sizeof(utf16) - 1 }, &err);

	assert_non_null(f);
	assert_string_equal(xml_root(f)->text, "\xc3\xa9\xe2\x82\xac");
	xml_free(f);
	/* Each octet of the text becomes two. */
	f = xml_read(BYTES("<?xml version='1.0' encoding='ISO-8859-1'?><\xe9>\xe9\xe9\xe9\xe9\xe9"
			   "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9</\xe9>"),
		&err);
	assert_non_null(f);
	assert_int_equal(strlen(xml_root(f)->text), 26);
	xml_free(f);
}

static void what_is_no_xml_is_refused(void **state)
{
	static const char *const bad[] = { "", "hello", "<a>", "<a></b>", "<a/><b/>", "<a>\x01</a>",
		"<a>&#0;</a>", "<a>\xff</a>", "{\"a\": 1}", "<a",
		"<?xml version='1.0' encoding='x'?><a/>" };
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_refused(&err, ERR_CONFIG, xml_read(BYTES(bad[i]), &err));
	assert_refused(&err, ERR_CONFIG, xml_read((struct bytes){ "<a>\0</a>", 8 }, &err));
	assert_refused(&err, ERR_CONFIG, xml_read((struct bytes){ NULL, 0 }, &err));
}

/* Nothing grows, and nothing is fetched. */
static void a_document_type_of_its_own_is_refused(void **state)
{
	static const char *const bad[] = {
		"<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;&x;&x;'>]><a>&y;</a>",
		"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>",
		"<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/hostname'>%p;]><a/>",
		"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
		"<!DOCTYPE a []><a/>",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_refused(&err, ERR_CONFIG, xml_read(BYTES(bad[i]), &err));
		assert_non_null(strstr(err.text, "document type"));
	}
	/* Its text would be missing. */
	assert_refused(
		&err, ERR_CONFIG, xml_read(BYTES("<!DOCTYPE a SYSTEM 'a.dtd'><a>b&x;c</a>"), &err));
	assert_non_null(strstr(err.text, "entity"));
	/* One that is only named is read, and not fetched. */
	struct xml_file *f = xml_read(
		BYTES("<!DOCTYPE a PUBLIC '-//x//y' 'http://192.0.2.1/a.dtd'><a>b</a>"), &err);
	assert_non_null(f);
	xml_free(f);
}

static char *repeat(const char *front, const char *middle, size_t n, const char *back)
{
	size_t one = strlen(middle);
	char *text = malloc(strlen(front) + n * one + strlen(back) + 1), *at = text;

	at += sprintf(at, "%s", front);
	for (size_t i = 0; i < n; i++, at += one)
		memcpy(at, middle, one);
	sprintf(at, "%s", back);
	return text;
}

static void depth_elements_and_size_are_bounded(void **state)
{
	static const struct {
		const char *front, *middle, *back, *why;
		size_t n;
	} rows[] = {
		{ "", "<a>", "", "deep", 100000 },
		{ "<a>", "<b/>", "</a>", "elements", 70000 },
		{ "<a>", "                ", "</a>", "larger", 300000 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = repeat(rows[i].front, rows[i].middle, rows[i].n, rows[i].back);
		assert_refused(&err, ERR_CONFIG, xml_read(BYTES(text), &err));
		assert_non_null(strstr(err.text, rows[i].why));
		free(text);
	}
	/* As many short elements as there is room for. */
	char *text = repeat("<a>", "<b/>", 60000, "</a>");
	struct xml_file *f = xml_read(BYTES(text), &err);
	assert_non_null(f);
	xml_free(f);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_has_names_text_and_order),
		cmocka_unit_test(text_of_other_encodings_becomes_utf8),
		cmocka_unit_test(what_is_no_xml_is_refused),
		cmocka_unit_test(a_document_type_of_its_own_is_refused),
		cmocka_unit_test(depth_elements_and_size_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
