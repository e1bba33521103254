/*
 * What is used of libsystemd's D-Bus client, loaded when systemd-resolved is there to be asked: the
 * library brings seven others along, which a machine without it need not carry in a privileged process.
 */
#ifndef HOST_SDBUS_H
#define HOST_SDBUS_H

#include <systemd/sd-bus.h>

#define SDBUS_CALLS(X)             \
	X(open_system)             \
	X(flush_close_unref)       \
	X(set_method_call_timeout) \
	X(call_method)             \
	X(call)                    \
	X(error_free)              \
	X(message_new_method_call) \
	X(message_read)            \
	X(message_append)          \
	X(message_append_array)    \
	X(message_open_container)  \
	X(message_close_container) \
	X(message_unref)

struct sdbus {
#define SDBUS_MEMBER(name) __typeof__(sd_bus_##name) *(name);
	SDBUS_CALLS(SDBUS_MEMBER)
#undef SDBUS_MEMBER
};

/* NULL when this machine does not have the library. It stays loaded. */
const struct sdbus *sdbus_load(void);

#endif
