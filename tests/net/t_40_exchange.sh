# shellcheck shell=bash
# What a gateway may do in the first exchanges.

# Both sides send a chain of three RSA certificates, and no IP fragment gets through.
test_fragmented_auth() {
	in_box router nft "table inet whole { chain in {
		type filter hook prerouting priority -450; ip frag-off & 0x3fff != 0 drop; }; }"
	profile_cert chain chain "$LAB/pki/user-chain-all.crt"
	gateway_mark
	client_start chain
	gateway_says 'parsed IKE_AUTH request 1 \[ EF' || fail "IKE_AUTH came in one piece"
	gateway_says 'generating IKE_AUTH response 1 \[ EF' || fail "the answer went in one piece"
	transfers "$INNER4"
	client_stop chain
}

test_fragmentation_off() {
	profile_psk whole
	profile_add whole ike "fragmentation = no"
	gateway_mark
	client_start whole
	! gateway_said 'IKE_SA_INIT request 0 \[.*FRAG_SUP' || fail "fragmentation was offered"
	client_stop whole
}

# A half-open SA (a client that vanished after its first exchange) makes the gateway ask for cookies.
test_cookie() {
	gateway_restart dos_protection=yes cookie_threshold=1 block_threshold=0
	in_box router nft "table inet half { chain in {
		type filter hook prerouting priority -450; udp dport 4500 drop; }; }"
	profile_psk half
	profile_psk cookie
	gateway_mark
	client_launch half
	wait_until 10 gateway_said 'generating IKE_SA_INIT response' || fail "no first exchange"
	client_signal half KILL
	client_ends half 137
	vpnc_ike clean
	router_plain
	gateway_mark
	client_start cookie
	gateway_says 'parsed IKE_SA_INIT request 0 \[ N\(COOKIE\)' || fail "no cookie was asked for"
	reaches "$INNER4"
	client_stop cookie
}

test_wrong_group_first() {
	profile_psk picky picky "$PICKY4"
	profile_add picky ike \
		"proposals = aes256gcm16-prfsha384-x25519, aes256gcm16-prfsha384-ecp384"
	gateway_mark
	client_start picky
	gateway_says 'N\(INVAL_KE\)' || fail "the first group was right"
	reaches "$INNER4"
	client_stop picky
}

# The defaults alone, on a gateway that takes one proposal only.
test_defaults_find_the_only_proposal() {
	profile_psk only picky "$PICKY4"
	client_start only
	reaches "$INNER4"
	client_stop only
}

test_narrowed_selectors() {
	profile_psk narrow
	client_start narrow --set esp.remote-ts=10.0.0.0/8
	status_is narrow 'child["remote_ts"] == ["10.99.0.0/24"]' || fail "$(json narrow child)"
	reaches "$INNER4"
	client_stop narrow
}

# Networks that let nothing pass by UDP port 500.
port_500_shut() {
	in_box router nft "table inet shut { chain in { type filter hook prerouting priority -450;
		udp dport 500 drop; }; }"
	client_start "$1"
	reaches "$INNER4"
	status_is "$1" 's["gateway"]["port"] == 4500' || fail "$(json "$1" gateway)"
	client_stop "$1"
	router_plain
}

test_port_500_shut() {
	profile_psk shut
	port_500_shut shut
}

# Every third packet to the gateway is lost, so each message of several fragments loses some.
test_lost_packets() {
	in_box router nft "table inet lossy { chain in { type filter hook prerouting priority -450;
		udp dport { 500, 4500 } numgen inc mod 3 == 0 drop; }; }"
	profile_cert lossy chain "$LAB/pki/user-chain-all.crt"
	client_launch lossy
	wait_until 60 client_up_or_dead lossy || fail "not connected after 60 s"
	router_plain
	client_said lossy '^connected' || fail "gave up: a third of the packets was lost"
	client_stop lossy
}
