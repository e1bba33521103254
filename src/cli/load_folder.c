#include "load_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FILES_MAX = 4096 };

/* The files of this kind; what else lies in the folder is left alone. */
static bool is_of_kind(const struct load_kind *kind, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(kind->suffixes) && kind->suffixes[i]; i++)
		if (len > 4 && strcasecmp(name + len - 4, kind->suffixes[i]) == 0)
			return true;
	return false;
}

static bool add_file(
	const char *path, const struct load_kind *kind, void *arg, size_t *added, struct err *e)
{
	struct load_file f;

	if (!load_file_read(path, kind->most, &f, e))
		return err_ctx(e, "%s", path);
	bool ok = kind->add((struct bytes){ f.data, f.len }, path, added, arg, e);
	load_file_free(&f);
	return ok || err_ctx(e, "%s", path);
}

static bool none_in_folder(const char *path, const struct load_kind *kind, struct err *e)
{
	char names[64] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kind->suffixes) && kind->suffixes[i]; i++)
		n += (size_t)snprintf(
			names + n, sizeof(names) - n, "%s*%s", i ? ", " : "", kind->suffixes[i]);
	return err_set(
		e, ERR_CONFIG, "%s: there is no %s in the folder (%s)", path, kind->what, names);
}

static bool add_folder(
	DIR *d, const char *path, const struct load_kind *kind, void *arg, struct err *e)
{
	char file[PROFILE_PATH_MAX + 256];
	struct dirent *entry;
	size_t files = 0, total = 0;

	while ((entry = readdir(d))) {
		size_t added = 0;
		if (!is_of_kind(kind, entry->d_name))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (files++ == FILES_MAX)
			return err_set(e, ERR_CONFIG,
				"%s: there are more than %d %s files in the folder", path,
				FILES_MAX, kind->what);
		if (!add_file(file, kind, arg, &added, e))
			return false;
		total += added;
	}
	return total > 0 || none_in_folder(path, kind, e);
}

bool load_folder_or_file(const char *path, const struct load_kind *kind, void *arg, struct err *e)
{
	struct stat st;
	size_t added = 0;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return add_file(path, kind, arg, &added, e) &&
			(added > 0 ||
				err_set(e, ERR_CONFIG, "%s: there is no %s in the file", path,
					kind->what));
	DIR *d = opendir(path);
	if (!d)
		return err_set(e, ERR_CONFIG, "%s: cannot be opened: %s", path, strerror(errno));
	bool ok = add_folder(d, path, kind, arg, e);
	closedir(d);
	return ok;
}
