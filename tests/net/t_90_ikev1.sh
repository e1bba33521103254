# shellcheck shell=bash
# IKEv1 against a real gateway: every way to log in, renewals, failures. ESP is in user space on both
# sides, so tunnels only.

# v1_profile NAME GATEWAY-OCTET AUTH [LOCAL-LINE...]
v1_profile() {
	profile "$1" <<-END
	[connection]
	type = ikev1
	gateway = 198.51.100.$2
	${DATAPLANE:+dataplane = $DATAPLANE}
	[local]
	auth = $3
	$(printf '%s\n' "${@:4}")
	END
}

v1_psk() {
	v1_profile "$1" "$2" psk "id = ${3:-v1-psk}@vpn.test"
	profile_add "$1" remote "id = gate.vpn.test"
	profile_add "$1" secrets "psk = $PSK"
}

v1_xauth() {
	v1_profile "$1" "${2:-16}" xauth-psk "id = keyid:staff"
	profile_add "$1" secrets "psk = $PSK" "user = alice" "password = \"$ALICE\""
}

# v1_cert NAME OCTET KEY [AUTH]
v1_cert() {
	v1_profile "$1" "$2" "${4:-cert}" "certificate = $LAB/pki/user-$3.crt" "key = $LAB/pki/user-$3.key"
	profile_add "$1" remote "id = $3.vpn.test" "ca = $LAB/pki/ca.crt"
}

v1_logs_in() {
	gateway_mark
	client_start "$1"
	reaches "$INNER4"
	status_is "$1" "s['type'] == 'ikev1' and s['ike']['version'] == 1"
	client_stop "$1"
	gateway_said 'received DELETE for IKE_SA' || fail "no delete arrived at the gateway"
	! gateway_sas | grep -q '^v1-' || fail "the gateway still has an SA"
}

test_v1_psk() {
	v1_psk psk 14
	v1_logs_in psk
}

test_v1_psk_through_nat() {
	nat_on
	v1_psk psk 14
	v1_logs_in psk
}

# Who is alone says so, and who is not does not. Another tunnel of this machine that goes there is enough.
test_v1_not_alone() {
	v1_psk first 14
	v1_psk main 14
	v1_psk aggressive 19 v1-aggressive
	profile_add aggressive ike "aggressive = yes"
	gateway_mark
	client_start first
	gateway_says '\[ENC\] parsed ID_PROT .*N\(INITIAL_CONTACT\)' || fail "it does not say that it is alone"
	gateway_mark
	client_start main
	gateway_says '\[ENC\] parsed ID_PROT .* ID HASH' || fail "nothing of the second is seen"
	! gateway_said 'INITIAL_CONTACT' || fail "the second says that it is alone"
	client_stop main
	vpnc_ike down first
	gateway_mark
	client_start aggressive
	gateway_says '\[ENC\] parsed AGGRESSIVE .*N\(INITIAL_CONTACT\)' || fail "nor in aggressive mode"
	client_stop aggressive
}

test_v1_port_500_shut() {
	v1_psk shut 14
	port_500_shut shut
}

test_v1_no_address() {
	v1_psk plain 15 v1-plain
	profile_add plain network "address = none"
	profile_add plain esp "remote-ts = 10.99.0.0/24"
	v1_logs_in plain
}

test_v1_xauth_psk() {
	v1_xauth xauth
	v1_logs_in xauth
	grep -q 'everyone who knows it' "$LAB/run/xauth/err" "$LAB/run/xauth/out" || fail "no warning"
}

test_v1_xauth_cert() {
	v1_cert xauth 22 rsa-2048 xauth-cert
	profile_add xauth secrets "user = alice" "password = \"$ALICE\""
	v1_logs_in xauth
}

test_v1_rsa() {
	v1_cert rsa 17 rsa-2048
	v1_logs_in rsa
}

test_v1_ecdsa() {
	v1_cert ecdsa 21 ecdsa-256
	v1_logs_in ecdsa
}

test_v1_certificate_chain() {
	v1_cert chain 17 rsa-2048
	sed -i "s,^certificate = .*,certificate = $LAB/pki/user-chain-all.crt,; s,^key = .*,key = $LAB/pki/user-chain.key," \
		"$LAB/profiles/chain.conf"
	v1_logs_in chain
	gateway_said 'received fragment' || fail "the chain came in one piece"
}

test_v1_hybrid() {
	v1_profile hybrid 18 hybrid "id = keyid:staff"
	profile_add hybrid remote "id = rsa-2048.vpn.test" "ca = $LAB/pki/ca.crt"
	profile_add hybrid secrets "user = alice" "password = \"$ALICE\""
	v1_logs_in hybrid
}

test_v1_aggressive_psk() {
	v1_psk aggressive 19 v1-aggressive
	profile_add aggressive ike "aggressive = yes"
	v1_logs_in aggressive
	grep -q 'guess the key' "$LAB/run/aggressive/err" "$LAB/run/aggressive/out" || fail "no warning"
}

test_v1_pfs() {
	v1_psk pfs 23
	client_fails 5 pfs
	explained pfs 'NO_PROPOSAL_CHOSEN|NO-PROPOSAL-CHOSEN' 'try: .*esp\.pfs = yes'
	profile_add pfs esp "pfs = yes" "proposals = aes128-sha256-modp2048"
	v1_logs_in pfs
}

test_v1_without_pfs() {
	v1_psk nopfs 14
	profile_add nopfs esp "pfs = no"
	v1_logs_in nopfs
}

test_v1_push() {
	v1_xauth push 24
	profile_add push ike "mode-config = push"
	v1_logs_in push
}

test_v1_gcm() {
	v1_psk gcm 14
	profile_add gcm esp "proposals = aes256gcm16"
	v1_logs_in gcm
}

# The hash is shorter than the key: keys are made longer (RFC 2409 appendix B).
test_v1_short_hash() {
	v1_psk short 14
	profile_add short connection "security = legacy"
	profile_add short ike "proposals = aes256-sha1-modp1024"
	profile_add short esp "proposals = aes256-sha1"
	v1_logs_in short
}

test_v1_3des() {
	v1_psk des 14
	profile_add des connection "security = legacy"
	profile_add des ike "proposals = 3des-sha1-modp1024"
	v1_logs_in des
}

test_v1_address_and_dns() {
	v1_xauth xauth
	client_start xauth
	status_is xauth "s['address'][0].startswith('10.98.0.') and s['dns']['servers'] == ['10.99.0.53']"
	transfers "$INNER4"
	client_stop xauth
}

# The gateway has addresses of IPv6 alone to give.
test_v1_ipv6_inside() {
	v1_psk six 14 v1-six
	sed -i "s/^gateway = .*/gateway = $GATE6/" "$LAB/profiles/six.conf"
	profile_add six esp "remote-ts = fd99::/64"
	client_start six
	status_is six "s['address'][0].startswith('fd98::') and s['dns']['servers'] == ['fd99::53']" ||
		fail "$(json six "s['address'], s['dns']")"
	reaches "$INNER6"
	client_stop six
}

# Unity: the selectors would carry everything, the gateway names what it wants.
test_v1_split_include() {
	v1_xauth split
	client_start split
	status_is split "s['children'][0]['remote_ts'] == ['0.0.0.0/0']" || fail "$(json split "s['children']")"
	status_is split "'10.99.0.0/24' in str(s['routes']) and '0.0.0.0/0' not in str(s['routes'])" ||
		fail "$(json split "s['routes']")"
	in_box client ip route get 10.99.0.100 | grep -q ' dev vpn' || fail "10.99.0.100 goes another way"
	in_box client ip route get 10.99.0.200 | grep -q ' dev eth0' || fail "it is not excluded"
	reaches "$INNER4"
	client_stop split
}

# --- renewal

v1_rekeying() {
	client_start rekey
	while_pinging "$@"
	transfers "$INNER4"
	client_stop rekey
}

test_v1_rekey_child_by_client() {
	v1_psk rekey 14
	v1_rekeying client_rekeys child child
}

test_v1_rekey_ike_by_client() {
	v1_psk rekey 14
	v1_rekeying client_rekeys ike ike
}

test_v1_rekey_ike_with_xauth() {
	v1_xauth rekey
	v1_rekeying client_rekeys ike ike
}

test_v1_rekey_child_by_gateway() {
	v1_psk rekey 14
	v1_rekeying gateway_rekeys child net child
}

test_v1_rekey_ike_by_gateway() {
	v1_psk rekey 15 v1-plain
	profile_add rekey network "address = none"
	profile_add rekey esp "remote-ts = 10.99.0.0/24"
	v1_rekeying gateway_rekeys ike v1-plain ike
}

test_v1_rekey_by_lifetime() {
	v1_psk rekey 14
	profile_add rekey ike "lifetime = 12s"
	profile_add rekey esp "lifetime = 10s"
	client_start rekey
	ping_begin "$INNER4" 900
	status_becomes rekey 's["rekeys"]["child"] >= 1 and s["rekeys"]["ike"] >= 1' 20
	ping_end
	client_stop rekey
}

# When the gateway rekeys it names a volume, of which three quarters are soon carried.
test_v1_rekey_by_volume() {
	v1_psk rekey 15 v1-plain
	profile_add rekey network "address = none"
	profile_add rekey esp "remote-ts = 10.99.0.0/24"
	client_start rekey
	gateway_do --rekey --child net
	status_becomes rekey 's["rekeys"]["child"] == 1'
	in_box client ping -q -f -s 1200 -c 3000 "$INNER4" >/dev/null || fail "the volume does not get through"
	status_becomes rekey 's["rekeys"]["child"] == 2'
	grep -q "^child SA rekeyed$" "$LAB/run/rekey/err" "$LAB/run/rekey/out" || fail "it was not the client that rekeyed"
	reaches "$INNER4"
	client_stop rekey
}

# --- life

test_v1_gateway_dies() {
	v1_psk dead 14
	profile_add dead ike "dpd-interval = 2s"
	client_start dead
	gateway_kill
	wait_until 90 grep -q 'does not answer any more' "$LAB/run/dead/err" || fail "it did not notice"
	gateway_start
	wait_until 30 status_is dead "s['state'] == 'up' and s['reconnects'] >= 1" || fail "it did not come back"
	reaches "$INNER4"
	client_stop dead
}

test_v1_deleted_by_gateway() {
	v1_psk deleted 14
	profile_add deleted connection "reconnect = no"
	client_start deleted
	gateway_do --terminate --ike v1-psk
	client_ends deleted 9
}

# --- failures

test_v1_fails_wrong_psk() {
	v1_psk wrong 14
	sed -i 's/^psk = .*/psk = not the one/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'pre-shared key'
	! grep -rq 'not the one' "$LAB/run/wrong" || fail "the secret was printed"
}

test_v1_fails_wrong_psk_aggressive() {
	v1_psk wrong 19 v1-aggressive
	profile_add wrong ike "aggressive = yes"
	sed -i 's/^psk = .*/psk = not the one/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'pre-shared key'
}

test_v1_fails_wrong_password() {
	v1_xauth wrong
	sed -i 's/^password = .*/password = looking glass/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'XAUTH-STATUS.*FAIL|refuses the login' password
	! grep -rq 'looking glass' "$LAB/run/wrong" || fail "the secret was printed"
}

test_v1_fails_no_proposal() {
	v1_psk none 20
	client_fails 5 none
	explained none 'NO-PROPOSAL-CHOSEN.*14|14.*NO-PROPOSAL-CHOSEN'
}

test_v1_fails_no_esp_proposal() {
	v1_psk none 23
	profile_add none esp "proposals = aes256gcm16"
	client_fails 5 none
	explained none 'NO-PROPOSAL-CHOSEN'
}

test_v1_fails_refused_selectors() {
	v1_psk refused 14
	profile_add refused esp "remote-ts = 172.16.0.0/12"
	client_fails 10 refused
	explained refused 'INVALID-ID-INFORMATION.*18|18.*INVALID-ID-INFORMATION'
}

test_v1_fails_wrong_gateway_name() {
	v1_cert wrong 17 rsa-2048
	sed -i 's/^id = rsa-2048.vpn.test/id = other.vpn.test/' "$LAB/profiles/wrong.conf"
	client_fails 7 wrong
	explained wrong 'rsa-2048\.vpn\.test' 'other\.vpn\.test'
}

# It has the key, so it is not the key that is wrong.
test_v1_fails_wrong_gateway_identity() {
	v1_psk wrong 14
	sed -i 's/^id = gate.vpn.test/id = 10.11.12.13/' "$LAB/profiles/wrong.conf"
	client_fails 7 wrong
	explained wrong 'gate\.vpn\.test.*10\.11\.12\.13' 'try: .*remote\.id'
}

test_v1_fails_no_answer() {
	v1_psk silent 13
	LIMIT=200 client_fails 4 silent
	explained silent "${SILENT4//./\\.}"
}
