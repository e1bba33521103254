# shellcheck shell=bash
# What a gateway accepts, without logging in.

# probed FILE LINE...: one of its lines each, blanks as one
probed() {
	local line
	tr -s ' ' <"$1" >"$1.narrow"
	for line in "${@:2}"; do
		grep -Fxq -- "$line" "$1.narrow" || fail "probe does not say: $line ($(cat "$1.narrow"))"
	done
}


# What it takes in its configuration, and nothing else: the gateway's own words are the measure.
test_probe_tells_what_is_accepted() {
	gateway_mark
	vpnc_ike probe "$STUBBORN4" >"$LAB/found"
	probed "$LAB/found" "IKEv2: yes" " encryption aes128" " integrity sha256" " prf prfsha256" \
		" groups modp3072" "IKEv1: it answers, and accepts nothing in main mode"
	vpnc_ike probe "$PICKY4" >"$LAB/found"
	probed "$LAB/found" " groups ecp384"
	vpnc_ike probe "$GATE6" >"$LAB/found"
	probed "$LAB/found" " integrity sha512 sha384 sha256 sha1(weak)" \
		" prf prfsha512 prfsha384 prfsha256 prfsha1(weak)" \
		" encryption aes256gcm16 aes128gcm16 chacha20poly1305 aes256ccm16 aes128ccm16"
	! gateway_said "IKE_SA .* established" || fail "somebody logged in"
}

# One half-open IKE SA is left behind, so that the next who comes is let in.
test_probe_leaves_the_door_open() {
	local i
	profile_psk open
	for i in 1 2 3; do
		vpnc_ike probe open >"$LAB/found" || fail "probe $i: exit status $?"
		probed "$LAB/found" "profile open: they would agree on aes256gcm16-prfsha256-x25519"
	done
	client_start open
	reaches "$INNER4"
	client_stop open
}

# It proves itself and asks for a name, which it does not get.
test_probe_begins_a_login() {
	profile_eap who mschapv2
	gateway_mark
	vpnc_ike probe who >"$LAB/found"
	probed "$LAB/found" " login EAP: it proved to be gate.vpn.test, and asks for a name"
	gateway_says "EAP-Identity|EAP/REQ/ID" || fail "the gateway was not asked for EAP"
	! gateway_said "received EAP identity|alice" || fail "the gateway was told the name"
	vpnc_ike probe who --set "remote.ca=$LAB/pki/wrong-ca.crt" >"$LAB/found"
	grep -q "its proof does not hold here" "$LAB/found" || fail "a stranger's proof was taken"
}

# The gateway says yes to whatever way; three of us are all that it is made to remember.
test_probe_ikev1() {
	local gate=198.51.100.16
	rm -f "$LAB/profiles/old.conf"
	vpnc_ike probe "$gate" --write old >"$LAB/found"
	probed "$LAB/found" "IKEv1: yes" " xauth-psk aes256-sha384-ecp384"
	grep -q "^type = ikev1" "$LAB/profiles/old.conf" || fail "$(cat "$LAB/profiles/old.conf")"
	grep -q "^auth = xauth-psk" "$LAB/profiles/old.conf" || fail "$(cat "$LAB/profiles/old.conf")"
	profile_add old secrets "psk = $PSK" "user = alice" "password = \"$ALICE\""
	client_start old --set local.id=keyid:staff
	client_stop old
}

# The profile that it writes needs but the secrets, and replaces none that is there.
test_probe_writes_a_profile() {
	local status=0
	rm -f "$LAB/profiles/made.conf"
	vpnc_ike probe "$GATE4" --write made >"$LAB/found"
	probed "$LAB/found" "vpnc-ike --profile-dir $LAB/profiles connect made"
	[ "$(stat -c %a "$LAB/profiles/made.conf")" = 600 ] || fail "others can read the profile"
	profile_add made secrets "psk = $PSK"
	client_start made --set local.id=psk@vpn.test --set remote.auth=psk --set remote.id=gate.vpn.test
	reaches "$INNER4"
	client_stop made
	vpnc_ike probe "$GATE4" --write made >/dev/null 2>"$LAB/said" || status=$?
	[ $status = 3 ] || fail "exit status $status where there is a profile already"
	grep -q "there is a profile made already" "$LAB/said" || fail "$(cat "$LAB/said")"
}

# No privilege is needed, and none of the machine's ports.
test_probe_by_anybody() {
	in_box client setpriv --reuid=65534 --regid=65534 --clear-groups "$VPNC_IKE" probe "$STUBBORN4" \
		>"$LAB/found" 2>&1 || fail "exit status $?: $(cat "$LAB/found")"
	probed "$LAB/found" " groups modp3072"
}

# While a full tunnel is up it goes past it, as a connection would.
test_probe_beside_a_tunnel() {
	profile_psk beside
	client_start beside
	vpnc_ike probe "$STUBBORN4" >"$LAB/found"
	probed "$LAB/found" " groups modp3072"
	reaches "$INNER4"
	client_stop beside
}

test_probe_nobody_there() {
	local status=0 before=$SECONDS
	vpnc_ike probe "$SILENT4" >"$LAB/found" 2>"$LAB/said" || status=$?
	[ $status = 4 ] || fail "exit status $status"
	[ $((SECONDS - before)) -le 12 ] || fail "it took $((SECONDS - before)) s"
	grep -q "does not answer, neither IKEv2 nor IKEv1" "$LAB/said" || fail "$(cat "$LAB/said")"
	grep -q "^the gateway said: nothing" "$LAB/said" || fail "$(cat "$LAB/said")"
	status=0
	vpnc_ike probe no-such-host.vpn.test >"$LAB/found" 2>"$LAB/said" || status=$?
	[ $status = 4 ] || fail "exit status $status for a name that does not exist"
}
