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
	gateway_mark
	client_fails 8 called --set network.interface=theirs0
	explained called 'there is an interface theirs0 already'
	in_box client ip link show theirs0 >/dev/null || fail "theirs is gone"
	! gateway_said 'IKE_SA_INIT request' || fail "the gateway was asked all the same"
	in_box client ip link del theirs0
	client_fails 8 called --set network.interface=eth0
	client_fails 3 called --set network.interface=../eth0
}

# --- privilege ------------------------------------------------------------------------------------------

NOBODY=65534

# as_nobody COMMAND...: with a copy of the program that belongs to root; COMMAND makes it special. The
# user has a folder under /run and may look into the lab.
as_nobody() {
	local run=$LAB/client/run/vpnc-ike PROGRAM=$LAB/nobody.bin VPNC_IKE=$VPNC_IKE
	install -m 0755 "$VPNC_IKE" "$PROGRAM"
	printf '#!/bin/sh\nexec setpriv --reuid %d --regid %d --clear-groups -- %s "$@"\n' \
		$NOBODY $NOBODY "$PROGRAM" >"$LAB/nobody"
	chmod 0755 "$LAB/nobody"
	chmod 0711 "$LAB"
	rm -rf "$run" # root's
	mkdir -m 0700 "$run"
	chown $NOBODY "$run" "$LAB/home"
	trap 'clients_end; root_again' EXIT
	VPNC_IKE=$LAB/nobody
	"$@"
	root_again
}

root_again() {
	chmod 0700 "$LAB"
	chown 0 "$LAB/home"
	rm -rf "$LAB/client/run/vpnc-ike"
}

profile_of_nobody() {
	profile_psk "$1"
	chmod 0711 "$LAB/profiles"
	chown $NOBODY "$LAB/profiles/$1.conf"
}

one_capability() {
	setcap cap_net_admin+ep "$PROGRAM"
	profile_of_nobody cap
	profile_add cap network "killswitch = yes" "dns = none"
	client_start cap
	grep -q '^Uid:.*65534.*65534' "/proc/${CLIENT_PID[cap]}/status" || fail "it runs as root"
	grep -q '^CapPrm:.*0000000000001000$' "/proc/${CLIENT_PID[cap]}/status" ||
		fail "it has $(grep CapPrm "/proc/${CLIENT_PID[cap]}/status")"
	reaches "$INNER4" "$INNER6"
	client_do cap "rekey all"
	status_becomes cap 's["rekeys"] == {"ike": 1, "child": 1}'
	reaches "$INNER4" "$INNER6"
	client_stop cap
	client_start cap
	client_signal cap KILL
	client_ends cap 137
	vpnc_ike clean >/dev/null || fail "clean: exit status $?"
	same_machine
}
test_file_capability() { as_nobody one_capability; }

# What is in the file beyond that is given up.
many_capabilities() {
	setcap cap_net_admin,cap_net_raw,cap_sys_admin,cap_sys_ptrace+ep "$PROGRAM"
	profile_of_nobody cap
	client_start cap --set network.dns=10.99.0.53
	grep -q 'names are not asked through the tunnel: /etc/resolv.conf' "$LAB/run/cap/err" || fail "no word of /etc/resolv.conf"
	grep -q '^CapPrm:.*0000000000001000$' "/proc/${CLIENT_PID[cap]}/status" ||
		fail "it has $(grep CapPrm "/proc/${CLIENT_PID[cap]}/status")"
	reaches "$INNER4"
	client_stop cap
}
test_file_capabilities_given_up() { as_nobody many_capabilities; }

setuid_copy() {
	chmod 4755 "$PROGRAM"
	profile_of_nobody cap
	client_fails 8 cap
	explained cap 'must not be setuid' 'cap_net_admin'
}
test_setuid_is_refused() { as_nobody setuid_copy; }

no_capability() {
	profile_of_nobody cap
	client_fails 8 cap
	explained cap 'not permitted' 'cap_net_admin'
}
test_without_privilege() { as_nobody no_capability; }

# --- the machine sleeps ---------------------------------------------------------------------------------

# sleeper FUNCTION: with a client whose clocks can be moved
sleeper() {
	local VPNC_IKE=$VPNC_IKE
	command -v gcc >/dev/null || skip "no compiler"
	gcc -shared -fPIC -o "$LAB/sleeper.so" "$NET_DIR/sleeper.c" || fail "no shim for the clocks"
	printf '#!/bin/sh\nSLEEPER=%s LD_PRELOAD=%s exec %s "$@"\n' "$LAB/slept" "$LAB/sleeper.so" \
		"$VPNC_IKE" >"$LAB/sleeper"
	chmod 0755 "$LAB/sleeper"
	echo 0 >"$LAB/slept"
	VPNC_IKE=$LAB/sleeper
	guarded "$@"
}

# sleeps_until SECONDS: so far ahead are the clocks then. A kernel wakes who waits by its resume timer,
# here a question does.
sleeps_until() {
	echo "$1" >"$LAB/slept"
	vpnc_ike status shield >/dev/null || fail "status: exit status $?"
}

# Ten minutes: the gateway is asked at once whether it still lives. A day: nothing that has expired is
# used. The kill switch holds all the while.
over_sleep() {
	shield yes
	client_start shield --set ike.dpd-interval=30m
	judge_begin
	reaches "$INNER4"
	gateway_mark
	sleep 0.5
	! gateway_said 'parsed INFORMATIONAL request' || fail "the gateway was asked without a sleep"
	sleeps_until 600
	gateway_says 'parsed INFORMATIONAL request' || fail "the gateway was not asked"
	reaches "$INNER4" "$INNER6"
	status_is shield 's["reconnects"] == 0' || fail "the tunnel was lost"
	sleeps_until 87000
	status_becomes shield 's["state"] == "up" and s["reconnects"] == 1' 20
	reaches "$INNER4" "$INNER6"
	nothing_clear "over a sleep"
	client_stop shield
	something_clear
}
test_killswitch_over_sleep() { sleeper over_sleep; }

# --- limits of volume ---------------------------------------------------------------------------------

# packets N: so many pings, of which none may be lost
packets() {
	in_box client ping -q -n -i 0.004 -c "$1" -W 2 "$INNER4" >"$LAB/ping"
	grep -q ' 0% packet loss' "$LAB/ping" || fail "$(grep transmitted "$LAB/ping")"
}

# New keys come at three quarters of the limit, and nothing is lost.
test_volume_packets() {
	profile_psk volume
	profile_add volume esp "lifetime-packets = 1000"
	client_start volume
	packets 700
	status_is volume 's["rekeys"]["child"] == 0' || fail "new keys too early"
	packets 800
	status_becomes volume 's["rekeys"]["child"] == 1'
	status_is volume 's["reconnects"] == 0' || fail "the tunnel was lost"
	client_stop volume
}

# Both directions count: it is the gateway that sends.
test_volume_bytes() {
	profile_psk volume
	profile_add volume esp "lifetime-bytes = 1M"
	profile_add volume ike "dpd-interval = 1s"
	client_start volume
	transfers "$INNER4"
	status_becomes volume 's["rekeys"]["child"] == 1'
	reaches "$INNER4"
	status_is volume 's["reconnects"] == 0' || fail "the tunnel was lost"
	client_stop volume
}

# The gateway agrees to a tunnel, but to no group that it could get new keys with. At the limit nothing
# more is sent, and the tunnel is made anew; without `reconnect` it ends, and says why.
volume_without_new_keys() {
	profile_psk volume
	profile_add volume ike "proposals = aes128gcm16-prfsha256-modp6144"
	profile_add volume esp "proposals = aes128gcm16-modp6144" "pfs = yes" "lifetime-packets = 1000"
	client_start volume "$@"
	in_box client ping -q -n -i 0.004 -c 1200 -W 1 "$INNER4" >/dev/null || true
}

test_volume_used_up() {
	volume_without_new_keys
	status_becomes volume 's["state"] == "up" and s["reconnects"] == 1' 20
	grep -q 'reached the end of its life' "$LAB/run/volume/err" || fail "it does not say why"
	reaches "$INNER4"
	client_stop volume
}

test_volume_used_up_for_good() {
	volume_without_new_keys --set connection.reconnect=no
	client_ends volume 9
	explained volume 'reached the end of its life'
}

# --- what carries the tunnel stays out of it ------------------------------------------------------------

inside_begin() {
	serve client tcpdump -n -l --immediate-mode -i "$(json full 's["interface"]')" host "$GATE4" \
		>"$LAB/inside" 2>"$LAB/inside.err"
	wait_until 5 grep -q listening "$LAB/inside.err" || fail "tcpdump: $(cat "$LAB/inside.err")"
}

# The selectors and routes cover the gateway's address, and others do reach it through the tunnel.
test_gateway_inside_tunnel() {
	profile_psk full full
	profile_add full ike "dpd-interval = 1s"
	client_start full
	inside_begin
	goes_by "$GATE4" 'vpn[0-9]+'
	reaches "$INNER4" "$INNER6"
	client_do full "rekey all"
	status_becomes full 's["rekeys"] == {"ike": 1, "child": 1}'
	sleep 2.5
	reaches "$INNER4" "$INNER6"
	! grep -q "$GATE4" "$LAB/inside" || fail "inside: $(head -n 3 "$LAB/inside")"
	in_box client ping -q -n -c 1 -W 1 "$GATE4" >/dev/null 2>&1 || true
	wait_until 3 grep -q "> $GATE4: ICMP" "$LAB/inside" || fail "nobody reaches it through the tunnel"
	status_is full 's["state"] == "up" and s["reconnects"] == 0' || fail "the tunnel was lost"
	client_stop full
	kill "$SERVED" 2>/dev/null || true
}

# Somebody's route in the main table leads even our own packets in. Nothing storms, the user is told,
# and it goes on when the route is gone.
test_gateway_routed_into_tunnel() {
	local dev sent
	profile_psk full full
	client_start full
	dev=$(json full 's["interface"]')
	reaches "$INNER4"
	in_box client ip route add "$GATE4/32" dev "$dev"
	wait_until 5 grep -q "through the tunnel itself (dev $dev)" "$LAB/run/full/err" ||
		fail "nobody is told"
	unreachable "$INNER4"
	sent=$(in_box client cat "/sys/class/net/$dev/statistics/tx_packets")
	[ "$sent" -lt 500 ] || fail "$sent packets into the tunnel"
	in_box client ip route del "$GATE4/32" dev "$dev"
	wait_until 5 answers "$INNER4" || fail "no traffic 5 s after the route is gone"
	status_is full 's["reconnects"] == 0' || fail "the tunnel was lost"
	client_stop full
}

# --- transport mode -------------------------------------------------------------------------------------

# Nothing but IKE leaves for the gateway between one SA and the next, whether this machine is told to reconnect
# or the gateway is dead; and all that has to leave again does after the end.
test_transport_mode_lost() {
	local pings
	[ "${GATEWAY_ESP:-}" = kernel ] || skip "the gateway has no transport mode in user space"
	profile_psk lost transport
	profile_add lost esp "mode = transport"
	profile_add lost ike "dpd-interval = 2s"
	client_start lost --set network.address=none
	reaches "$GATE4"
	serve client ping -i 0.05 "$GATE4" >/dev/null 2>&1
	pings=$SERVED
	watch_begin "dst host $GATE4 and icmp"
	client_do lost reconnect
	status_becomes lost 's["state"] == "up" and s["reconnects"] == 1' 20
	nothing_clear "while it was told to reconnect"
	gateway_kill
	status_becomes lost 's["state"] == "reconnecting"' 60
	sleep 1
	nothing_clear "while the gateway is dead"
	client_stop lost
	wait_until 5 test -s "$LAB/judge" || fail "nothing leaves after the end"
	judge_end
	kill "$pings"
	gateway_start
}
