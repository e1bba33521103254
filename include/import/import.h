/*
 * A foreign profile becomes one of ours: what each reader of a format fills in, and nobody else touches.
 *
 * A reader is a function (octets of a file) -> profiles and a report. It sets what it understands by
 * import_set, in the words of our profiles, and tells of the rest by import_note; it opens no other file and
 * writes nothing. What can run something (updown scripts, password helpers, plugins) is never carried over,
 * only told of. Every value is checked by import_set: control characters, newlines and what a profile cannot
 * hold are an error or a note, never a second line of a profile.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "base/bytes.h"
#include "base/err.h"

enum {
	IMPORT_PROFILES_MAX = 16,
	IMPORT_ENTRIES_MAX = 64, /* of one profile */
	IMPORT_NOTES_MAX = 64, /* of one profile; more are counted */
	IMPORT_FILES_MAX = 8, /* certificates and keys that the foreign file holds within */
	IMPORT_NAME_MAX = 56, /* as long as a profile's name may be */
	IMPORT_VALUE_MAX = 512,
	IMPORT_WHY_MAX = 200
};

struct import_entry {
	char section[16], key[24];
	char value[IMPORT_VALUE_MAX]; /* wiped by import_free */
};

/* What is to lie beside the profile, as NAME.SUFFIX, mode 0600. */
struct import_file {
	char suffix[16]; /* "ca.crt", "p12", "crt", "key" */
	char section[16], key[24]; /* what names it */
	uint8_t *data; /* malloc'ed, wiped */
	size_t len;
};

enum import_kind {
	IMPORT_LEFT, /* has no counterpart, or was not understood */
	IMPORT_RUNS, /* would run something: never carried over */
	IMPORT_TODO, /* the person has to add it: a secret, a certificate of the keychain */
};

struct import_note {
	enum import_kind kind;
	char what[64]; /* the foreign name: "conn office: leftupdown" */
	char why[IMPORT_WHY_MAX];
};

struct import_profile {
	char name
		[IMPORT_NAME_MAX]; /* as the file calls it, made fit for a file's name by import_begin; "" if it does not */
	size_t n_entries, n_files, n_notes, notes_lost;
	struct import_entry entries[IMPORT_ENTRIES_MAX];
	struct import_file files[IMPORT_FILES_MAX];
	struct import_note notes[IMPORT_NOTES_MAX];
};

struct import {
	size_t n;
	struct import_profile *v[IMPORT_PROFILES_MAX]; /* malloc'ed */
};

/* For readers. import_begin: another profile, NULL when there are too many or no memory. import_set: the last
 * one said counts; "[section] key = value" as a profile has it, value formatted; what is no name of a profile
 * is a BUG, what no value can be (control characters, too long) becomes a note. import_attach: a file that
 * the profile's key shall name (import_set is done by it: value NAME.SUFFIX). */
struct import_profile *import_begin(struct import *im, const char *name, struct err *e) MUST_CHECK;
void import_set(struct import_profile *p, const char *section, const char *key, const char *format,
	...) __attribute__((format(printf, 4, 5)));
void import_attach(struct import_profile *p, const char *section, const char *key,
	const char *suffix, struct bytes data);
void import_note(struct import_profile *p, enum import_kind kind, const char *what,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *import_get(
	const struct import_profile *p, const char *section, const char *key); /* or NULL */
void import_free(struct import *im);

/* For who saves it. import_rename: and the files beside it. import_text: the profile, malloc'ed, to be wiped;
 * NULL when memory ran out. */
void import_rename(struct import_profile *p, const char *name);
char *import_text(const struct import_profile *p) MUST_CHECK;

/* The readers, each in a file of its own: false (CONFIG) when it is not that format or makes no sense. */
bool import_swanctl(
	struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* swanctl.conf */
bool import_ipsec(struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* ipsec.conf */
bool import_nm(struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* .nmconnection */
bool import_vpnc(struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* vpnc's .conf */
bool import_pcf(struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* Cisco .pcf */
bool import_pbk(struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* Windows .pbk */
bool import_mobileconfig(
	struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* Apple */
bool import_azure(
	struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* VpnSettings.xml */
bool import_sswan(
	struct bytes file, struct import *im, struct err *e) MUST_CHECK; /* strongSwan's app */

/* Which of them it is: by the file's name where that says it, by what stands in it otherwise. */
bool import_read(const char *path, struct bytes file, struct import *im, struct err *e) MUST_CHECK;

#endif
