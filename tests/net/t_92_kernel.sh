# shellcheck shell=bash
# The machine under a tunnel: its interface in somebody else's hands, and what is special where the
# kernel carries ESP (GATEWAY_ESP=kernel, DATAPLANE=kernel: the virtual machine).

# --- the interface --------------------------------------------------------------------------------------

# Taking it down takes the routes into it away: the tunnel ends rather than let packets past.
test_interface_taken_down() {
	profile_psk bare
	client_start bare
	in_box client ip link set "$(json bare 's["interface"]')" down
	client_ends bare 8
	explained bare 'somebody removed the interface vpn[0-9]+, or took it down'
}
