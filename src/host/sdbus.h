/*
 * What is used of libsystemd's D-Bus client, loaded when systemd-resolved is there to be asked: the
 * library brings seven others along, which a machine without it need not carry in a privileged process.
 */
#ifndef HOST_SDBUS_H
#define HOST_SDBUS_H

#include <systemd/sd-bus.h>

struct sdbus {
	__typeof__(sd_bus_open_system) *open_system;
	__typeof__(sd_bus_flush_close_unref) *flush_close_unref;
	__typeof__(sd_bus_set_method_call_timeout) *set_method_call_timeout;
	__typeof__(sd_bus_call_method) *call_method;
	__typeof__(sd_bus_call) *call;
	__typeof__(sd_bus_error_free) *error_free;
	__typeof__(sd_bus_message_new_method_call) *message_new_method_call;
	__typeof__(sd_bus_message_read) *message_read;
	__typeof__(sd_bus_message_append) *message_append;
	__typeof__(sd_bus_message_append_array) *message_append_array;
	__typeof__(sd_bus_message_open_container) *message_open_container;
	__typeof__(sd_bus_message_close_container) *message_close_container;
	__typeof__(sd_bus_message_unref) *message_unref;
};

/* NULL when this machine does not have the library. It stays loaded. */
const struct sdbus *sdbus_load(void);

#endif
