# shellcheck shell=bash
# Gateways of other makers (peers.sh), in the virtual machine: every way to log in that they have in
# common with us, then all that a tunnel has to go through.

# peer MAKER
peer() {
	local why
	why=$(maker_why_not "$1")
	[ -z "$why" ] || skip "$why"
}

# tour INSIDE: traffic both ways, sizes, new keys without a lost packet
tour() {
	client_start tour
	transfers "$1"
	fits "$1"
	ping_begin "$1" 150
	client_do tour "rekey child"
	status_becomes tour "s['rekeys']['child'] == 1"
	client_do tour "rekey ike"
	status_becomes tour "s['rekeys']['ike'] == 1"
	client_do tour "rekey child"
	status_becomes tour "s['rekeys']['child'] == 2"
	ping_end
	transfers "$1"
	client_stop tour
}

# fits ADDRESS: the largest packet passes whole, one byte more does not
fits() {
	local payload
	payload=$(($(json tour 's["mtu"]') - 28))
	[[ $1 != *:* ]] || payload=$((payload - 20))
	in_box client ping -q -n -c 2 -i 0.1 -W 2 -M 'do' -s $payload "$1" || fail "$payload bytes do not pass"
	! in_box client ping -q -n -c 1 -W 1 -M 'do' -s $((payload + 1)) "$1" || fail "more than $payload bytes pass"
}

test_libreswan_psk() {
	peer libreswan
	profile_psk tour
	tour "$INNER4"
}

test_libreswan_psk_ipv6() {
	peer libreswan
	profile_psk tour psk "$GATE6"
	tour "$INNER6"
}

test_libreswan_rsa() {
	peer libreswan
	profile_cert tour rsa-2048
	tour "$INNER4"
}

test_libreswan_rsa_ipv6() {
	peer libreswan
	profile_cert tour rsa-2048
	sed -i "s/^gateway = .*/gateway = $GATE6/" "$LAB/profiles/tour.conf"
	tour "$INNER6"
}

# way_lost PROFILE: nothing comes through until the tunnel is given up
way_lost() {
	in_box router nft 'table inet lost { chain forward { type filter hook forward priority 0; policy drop; }; }'
	status_becomes "$1" 's["state"] == "reconnecting"' 120
	in_box router nft delete table inet lost
}

# resumed TIMES: each without a login
resumed() {
	status_becomes moving "s['state'] == 'up' and s['reconnects'] == $1" 60
	status_is moving 's["ike"]["resumed"] and s["ike"]["ticket_for"] > 60' || fail "$(json moving 's["ike"]')"
	transfers "$INNER4"
}

# logged_in TIMES
logged_in() {
	status_becomes moving "s['state'] == 'up' and s['reconnects'] == $1" 90
	status_is moving 'not s["ike"]["resumed"] and s["ike"]["ticket_for"] > 60' || fail "$(json moving 's["ike"]')"
	transfers "$INNER4"
}

# After losses; not from elsewhere, for libreswan does not look for NATs when it resumes; and a gateway that was
# restarted knows no ticket. After new keys of the IKE SA libreswan gives none.
libreswan_resumption() {
	peer libreswan
	libreswan_gives_tickets || skip "libreswan gives no tickets before version 5"
	client_start moving --set ike.mobike=no --set ike.dpd-interval=1s
	[ "$(json moving 's["dataplane"]')" = kernel ] || skip "ESP goes in UDP, for which libreswan does not look then"
	transfers "$INNER4"
	status_is moving 'not s["ike"]["resumed"] and s["ike"]["ticket_for"] > 60' || fail "$(json moving 's["ike"]')"
	way_lost moving
	resumed 1
	client_do moving "rekey child"
	status_becomes moving "s['rekeys']['child'] == 1"
	way_lost moving
	resumed 2
	gateway_says 'authenticated peer using authby=session-resume' || fail "libreswan knows nothing of it"
	gateway_restart
	logged_in 3
	goes_elsewhere
	logged_in 4
	client_do moving "rekey ike"
	status_becomes moving "s['rekeys']['ike'] == 1 and s['ike']['ticket_for'] is None"
	reaches "$INNER4"
	client_stop moving
	address_back
}

test_libreswan_resumption_psk() {
	profile_psk moving
	libreswan_resumption
}

test_libreswan_resumption_rsa() {
	profile_cert moving rsa-2048
	libreswan_resumption
}

test_openiked_psk() {
	peer openiked
	profile_psk tour
	tour "$INNER4"
}

test_openiked_psk_ipv6() {
	peer openiked
	profile_psk tour psk "$GATE6"
	tour "$INNER6"
}

test_openiked_rsa() {
	peer openiked
	profile_cert tour rsa-2048
	tour "$INNER4"
}

test_openiked_rsa_ipv6() {
	peer openiked
	profile_cert tour rsa-2048
	sed -i "s/^gateway = .*/gateway = $GATE6/" "$LAB/profiles/tour.conf"
	tour "$INNER6"
}

# --- libreswan as a gateway of IKEv1 with XAUTH

libreswan_v1() {
	client_start xauth
	transfers "$INNER4"
	status_is xauth "s['address'][0].startswith('10.98.1.') and s['dns']['servers'] == ['10.99.0.53']" ||
		fail "$(json xauth 's["address"], s["dns"]')"
	ping_begin "$INNER4" 150
	client_do xauth "rekey child"
	status_becomes xauth "s['rekeys']['child'] == 1"
	client_do xauth "rekey ike"
	status_becomes xauth "s['rekeys']['ike'] == 1"
	ping_end
	client_stop xauth
}

test_libreswan_v1_main() {
	peer libreswan
	v1_xauth xauth 16
	libreswan_v1
}

test_libreswan_v1_aggressive() {
	peer libreswan
	v1_xauth xauth 19
	profile_add xauth ike "aggressive = yes"
	libreswan_v1
}

test_libreswan_v1_rsa() {
	peer libreswan
	v1_cert xauth 22 rsa-2048 xauth-cert
	profile_add xauth secrets "user = alice" "password = \"$ALICE\""
	libreswan_v1
}

test_libreswan_v1_rsa_aggressive() {
	peer libreswan
	v1_cert xauth 17 rsa-2048 xauth-cert
	profile_add xauth secrets "user = alice" "password = \"$ALICE\""
	profile_add xauth ike "aggressive = yes"
	libreswan_v1
}

test_libreswan_v1_push() {
	peer libreswan
	v1_xauth xauth 24
	profile_add xauth ike "mode-config = push"
	libreswan_v1
}

# --- libreswan and xl2tpd as a server of L2TP/IPsec (xl2tpd and pppd: l2tp.sh)

# libreswan_l2tp CONNECTION [PORT]: from that port of the client's; traffic, new keys without a lost
# packet, and an end that both hear of
libreswan_l2tp() {
	peer libreswan
	LIBRESWAN_L2TP=$1
	trap 'judge_end; clients_end; router_plain; l2tp_end; libreswan_delete "$LIBRESWAN_L2TP" || true' EXIT
	libreswan_add "$LIBRESWAN_L2TP"
	l2tp_files
	l2tp_tunnel_start
	l2tp_judge_begin
	l2tp_profile rekey
	[ -z "${2:-}" ] || profile_add rekey l2tp "source-port = $2"
	client_start rekey
	l2tp_works rekey
	while_pinging client_rekeys child child
	while_pinging client_rekeys ike ike
	l2tp_works rekey
	client_stop rekey
	gateway_says 'Connection closed to .*Local: ' || fail "xl2tpd was not told of the end"
	gateway_says 'received Delete SA' || fail "libreswan was not told of the end"
	nothing_clear L2TP
}

test_libreswan_l2tp() { libreswan_l2tp l2tp-any; }
test_libreswan_l2tp_other_port() { libreswan_l2tp l2tp-any 4711; }
test_libreswan_l2tp_1701() { libreswan_l2tp l2tp-1701; }

# probe_peer MAKER LINE...: what it accepts, by its own defaults
probe_peer() {
	local line
	peer "$1"
	mkdir -p "$LAB/profiles"
	vpnc_ike probe "$GATE4" >"$LAB/found" 2>&1 || fail "exit status $?: $(cat "$LAB/found")"
	for line in "${@:2}"; do
		tr -s ' ' <"$LAB/found" | grep -Fxq -- "$line" || fail "it does not say: $line ($(cat "$LAB/found"))"
	done
}

test_libreswan_probe() {
	probe_peer libreswan " encryption aes256gcm16 aes128gcm16 aes256 aes128" " integrity sha512 sha256" \
		" groups x25519 ecp521 ecp384 ecp256 modp8192 modp4096 modp3072 modp2048"
}

test_openiked_probe() {
	probe_peer openiked "$GATE4: OpenIKED" " integrity sha512 sha384 sha256 sha1(weak)" \
		" encryption aes256gcm16 aes128gcm16 aes256 aes192 aes128 3des(weak)"
}
