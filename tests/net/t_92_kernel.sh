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

test_interface_of_a_name() {
	profile_psk called
	profile_add called network "interface = vpn-office.1"
	client_start called
	status_is called 's["interface"] == "vpn-office.1"' || fail "status names another"
	in_box client ip link show vpn-office.1 >/dev/null || fail "there is no such interface"
	goes_by "$INNER4" 'vpn-office\.1'
	reaches "$INNER4" "$INNER6"
	client_do called reconnect
	status_becomes called 's["state"] == "up" and s["reconnects"] == 1'
	reaches "$INNER4"
	client_signal called KILL
	client_ends called 137
	client_start called # what it left is not somebody else's
	reaches "$INNER4"
	client_stop called
}

# Before the gateway hears anything.
test_interface_of_somebody_else() {
	profile_psk called
	in_box client ip tuntap add theirs0 mode tun
	client_fails 8 called --set network.interface=theirs0
	explained called 'there is an interface theirs0 already'
	in_box client ip link show theirs0 >/dev/null || fail "theirs is gone"
	gateway_is_idle || fail "the gateway was asked all the same"
	in_box client ip link del theirs0
	client_fails 8 called --set network.interface=eth0
	client_fails 3 called --set network.interface=../eth0
}
