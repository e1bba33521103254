# shellcheck shell=bash
# Additional key exchanges (RFC 9370) with gateways that know of them: strongSwan 6. Over them all kinds of new
# keys, while a ping every 20 ms loses nothing.

# multike_gateway WORDS: until the end of the test it has users who must use them, by a shared key, by certificate
# and by password. Skips where it is too old, or has no ML-KEM where they name that.
multike_gateway() {
	local conf=$LAB/gateway/swanctl/swanctl.conf version
	version=$(in_box gateway swanctl --version)
	[[ $version =~ ([0-9]+)\.[0-9] && ${BASH_REMATCH[1]} -ge 6 ]] ||
		skip "strongSwan 6 is needed, this is ${BASH_REMATCH[0]}"
	[[ $1 != *mlkem* ]] || in_box gateway swanctl --list-algs | grep ML_KEM >/dev/null ||
		skip "this strongSwan has no ML-KEM"
	trap 'clients_end; router_plain; multike_gateway_plain' EXIT
	cat >>"$conf" <<-END
	multike-any : any {
		proposals = aes128gcm16-prfsha256-x25519-$1
	}
	multike-children {
		children {
			net : any-child {
				esp_proposals = aes128gcm16-x25519-$1
			}
		}
	}
	connections {
		multike : multike-any, psk, multike-children {
			remote {
				id = multike@vpn.test
			}
		}
		multike-cert : multike-any, certificate, multike-children {
			local {
				certs = ecdsa-256.crt
				id = ecdsa-256.vpn.test
			}
			remote {
				id = ecdsa-256@vpn.test
			}
		}
		multike-eap : multike-any, eap, multike-children {
			remote {
				auth = eap-mschapv2
				id = multike-eap@vpn.test
				eap_id = %any
			}
		}
	}
	END
	gateway_do --load-conns
}

multike_gateway_plain() {
	cp "$NET_DIR/gateway/swanctl.conf" "$LAB/gateway/swanctl/"
	gateway_do --load-conns
}

# multike_profile NAME WORDS
multike_profile() {
	profile_add "$1" ike "proposals = aes128gcm16-prfsha256-x25519-$2"
	profile_add "$1" esp "proposals = aes128gcm16-x25519-$2"
	vpnc_ike check "$1" >/dev/null 2>"$LAB/said.check" || {
		grep -q "OpenSSL cannot do" "$LAB/said.check" || fail "$(cat "$LAB/said.check")"
		skip "OpenSSL 3.5 is needed"
	}
}

# rekeys_both_ways NAME CONNECTION WORDS: each kind, from each side, and all have the key exchanges
rekeys_both_ways() {
	client_start "$1"
	status_is "$1" "s['ike']['proposal'].endswith('-x25519-$3')" ||
		fail "not agreed on: $(json "$1" 's["ike"]["proposal"]')"
	ping_begin "$INNER4" 200
	client_do "$1" "rekey child"
	status_becomes "$1" "s['rekeys'] == {'ike': 0, 'child': 1}"
	client_do "$1" "rekey ike"
	status_becomes "$1" "s['rekeys'] == {'ike': 1, 'child': 1}"
	gateway_do --rekey --child net
	status_becomes "$1" "s['rekeys'] == {'ike': 1, 'child': 2}"
	gateway_do --rekey --ike "$2"
	status_becomes "$1" "s['rekeys'] == {'ike': 2, 'child': 2}"
	client_do "$1" "rekey all"
	status_becomes "$1" "s['rekeys'] == {'ike': 3, 'child': 3}"
	ping_end
	status_is "$1" "s['ike']['proposal'].endswith('-x25519-$3')" || fail "lost in a rekey of the IKE SA"
	status_is "$1" "s['children'][0]['proposal'].endswith('-x25519-$3')" ||
		fail "not in the child SA: $(json "$1" 's["children"][0]["proposal"]')"
	transfers "$INNER4"
	client_stop "$1"
}

# multike WORDS
multike() {
	multike_gateway "$1"
	profile_psk multike multike
	multike_profile multike "$1"
	rekeys_both_ways multike multike "$1"
}

test_multike_one() { multike ke1_ecp384; }
test_multike_three() { multike ke1_ecp384-ke2_modp3072-ke3_x448; }
test_multike_seven() { multike ke1_ecp256-ke2_ecp384-ke3_ecp521-ke4_x448-ke5_modp2048-ke6_modp3072-ke7_modp4096; }
test_multike_with_gaps() { multike ke2_ecp256-ke5_ecp384; }

test_multike_certificate() {
	multike_gateway ke1_ecp384
	profile_cert multike ecdsa-256
	multike_profile multike ke1_ecp384
	rekeys_both_ways multike multike-cert ke1_ecp384
}

test_multike_eap() {
	multike_gateway ke1_ecp384
	profile_eap multike mschapv2 multike-eap
	multike_profile multike ke1_ecp384
	rekeys_both_ways multike multike-eap ke1_ecp384
}

# Fragments of either side: a small MTU on the way, and a gateway that cuts smaller.
test_multike_fragments() {
	local route
	multike_gateway ke1_modp8192
	gateway_restart "fragment_size = 600"
	route=$(in_box client ip -4 route show default)
	in_box client sh -c "ip route replace $route mtu 1000"
	profile_psk multike multike
	multike_profile multike ke1_modp8192
	client_start multike --log-level debug
	client_do multike "rekey all"
	status_becomes multike "s['rekeys'] == {'ike': 1, 'child': 1}"
	reaches "$INNER4"
	grep -Eq 'sent IKE_INTERMEDIATE request 1, .* in 2 datagrams' "$LAB/run/multike/err" ||
		fail "what was sent was not cut"
	grep -Eq 'fragment 1 of [2-9]' "$LAB/run/multike/err" || fail "what came was not cut"
	client_stop multike
	in_box client sh -c "ip route replace $route"
	gateway_as_usual
}

# quantum_safe KEM
quantum_safe() {
	multike "ke1_$1"
	client_start multike
	status_is multike "s['ike']['quantum_safe']" || fail "status does not say that it is safe"
	vpnc_ike status multike | grep -q 'quantum safe' || fail "the text does not say so either"
	client_stop multike
}

test_multike_mlkem512() { quantum_safe mlkem512; }
test_multike_mlkem768() { quantum_safe mlkem768; }
test_multike_mlkem1024() { quantum_safe mlkem1024; }

test_multike_mlkem_and_classical() { multike ke1_mlkem768-ke2_ecp384; }

# With any strongSwan: what a gateway does not know of it cannot leave out in silence.
test_multike_not_without() {
	profile_psk multike
	profile_add multike ike "proposals = aes128gcm16-prfsha256-x25519-ke1_ecp384"
	client_fails 5 multike
	explained multike NO_PROPOSAL_CHOSEN 'ke1_'
	profile_psk multike
	profile_add multike ike \
		"proposals = aes128gcm16-prfsha256-x25519-ke1_ecp384, aes128gcm16-prfsha256-x25519"
	client_start multike
	status_is multike "s['ike']['proposal'].endswith('x25519')" || fail "not the second choice"
	client_do multike "rekey all"
	status_becomes multike "s['rekeys'] == {'ike': 1, 'child': 1}"
	client_stop multike
}
