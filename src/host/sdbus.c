#include "sdbus.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/types.h"

static const char *const names[] = { "sd_bus_open_system", "sd_bus_flush_close_unref",
	"sd_bus_set_method_call_timeout", "sd_bus_call_method", "sd_bus_call", "sd_bus_error_free",
	"sd_bus_message_new_method_call", "sd_bus_message_read", "sd_bus_message_append",
	"sd_bus_message_append_array", "sd_bus_message_open_container",
	"sd_bus_message_close_container", "sd_bus_message_unref" };

const struct sdbus *sdbus_load(void)
{
	/* In the order of the names; POSIX has function pointers and void * of one size. */
	static union {
		void *found[ARRAY_LEN(names)];
		struct sdbus bus;
	} it;
	static bool loaded;

	_Static_assert(sizeof(it.found) == sizeof(it.bus), "a name for every function");
	if (loaded)
		return &it.bus;
	void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
	loaded = library != NULL;
	for (size_t i = 0; loaded && i < ARRAY_LEN(names); i++)
		loaded = (it.found[i] = dlsym(library, names[i])) != NULL;
	if (library && !loaded)
		dlclose(library);
	return loaded ? &it.bus : NULL;
}
