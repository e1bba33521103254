/*
 * Apple's property lists in XML: dictionaries and what they hold.
 */
#ifndef IMPORT_PLIST_H
#define IMPORT_PLIST_H

#include "xml.h"

/* The value of a key of a dictionary, or NULL. dict may be NULL, or something else. */
const struct xml *plist_get(const struct xml *dict, const char *key);
/* A dictionary or an array there, or NULL. */
const struct xml *plist_dict(const struct xml *dict, const char *key);
const struct xml *plist_array(const struct xml *dict, const char *key);
/* The text of a string or a number that is not empty, or NULL. */
const char *plist_text(const struct xml *dict, const char *key);
/* true, or a number but 0. */
bool plist_on(const struct xml *dict, const char *key);
/* From lo to hi, or fallback. */
long plist_number(const struct xml *dict, const char *key, long lo, long hi, long fallback);
/* Octets, to be freed with base64_free, or NULL. */
uint8_t *plist_data(const struct xml *dict, const char *key, size_t *n);
/* Each key in turn: the next after at (NULL: the first), or NULL at the end; key->next is its value. */
const struct xml *plist_next(const struct xml *dict, const struct xml *at);

#endif
