# shellcheck shell=bash
# Every way to log in, on a real gateway.

logs_in() {
	gateway_mark
	client_start "$1"
	reaches "$INNER4" "$INNER6"
	client_stop "$1"
	gateway_says 'received DELETE for IKE_SA' || fail "no delete arrived at the gateway"
	wait_until 3 gateway_is_idle || fail "the gateway still has an SA"
}

logs_in_with_certificate() {
	profile_cert "$1" "$1"
	logs_in "$1"
}

logs_in_with_password() {
	profile_eap "$1" "$1"
	logs_in "$1"
}

test_auth_psk() {
	profile_psk psk
	logs_in psk
}

test_auth_rsa_2048() { logs_in_with_certificate rsa-2048; }
test_auth_rsa_3072() { logs_in_with_certificate rsa-3072; }
test_auth_ecdsa_p256() { logs_in_with_certificate ecdsa-256; }
test_auth_ecdsa_p384() { logs_in_with_certificate ecdsa-384; }
test_auth_ed25519() { logs_in_with_certificate ed25519; }

# It takes RSASSA-PSS alone.
test_auth_rsa_pss() {
	profile_cert pss rsa-2048
	sed -i -e 's/^gateway = .*/gateway = 198.51.100.24/' \
		-e "s|^ca = .*|certificate = $LAB/pki/rsa-2048.crt|" "$LAB/profiles/pss.conf"
	logs_in pss
	gateway_said "authentication of '.*' with RSA_EMSA_PSS_SHA2_256.* successful" ||
		fail "by no such signature"
}

test_auth_pkcs12() {
	openssl pkcs12 -export -inkey "$LAB/pki/user-rsa-2048.key" -in "$LAB/pki/user-rsa-2048.crt" \
		-passout "pass:$PSK" -out "$LAB/pki/user.p12"
	profile_cert pkcs12 rsa-2048 "$LAB/pki/user.p12"
	sed -i '/^key = /d' "$LAB/profiles/pkcs12.conf"
	profile_add pkcs12 secrets "key-passphrase = $PSK"
	logs_in pkcs12
}

test_auth_eap_mschapv2() { logs_in_with_password mschapv2; }
test_auth_eap_md5() { logs_in_with_password md5; }
test_auth_eap_gtc() { logs_in_with_password gtc; }

# quantum PROFILE: the key that both have is in all others, over new ones too
quantum() {
	profile_add "$1" secrets "ppk-id = by-hand" 'ppk = "carried by hand, and never sent"'
	gateway_mark
	client_start "$1"
	gateway_says "using PPK for PPK_ID 'by-hand'" || fail "the gateway did without the key"
	status_becomes "$1" "s['ike']['quantum_safe']"
	reaches "$INNER4"
	client_do "$1" "rekey all"
	status_becomes "$1" "s['rekeys'] == {'ike': 1, 'child': 1}"
	reaches "$INNER4"
	client_stop "$1"
}

test_auth_ppk_psk() {
	profile_psk ppk quantum
	quantum ppk
}

test_auth_ppk_eap() {
	profile_eap ppk mschapv2 quantum-eap
	quantum ppk
}

# A key that is another one, or none where the gateway insists.
test_auth_ppk_refused() {
	profile_psk ppk quantum
	profile_add ppk secrets "ppk-id = by-hand" "ppk = another one"
	client_fails 6 ppk
	explained ppk AUTHENTICATION_FAILED 'secrets\.ppk'
	profile_psk ppk quantum
	client_fails 6 ppk
}

# The gateway forgets who has not logged in after 20 s; strongSwan's own time is 30.
test_auth_password_typed_late() {
	profile_eap late mschapv2
	sed -i '/^password = /d' "$LAB/profiles/late.conf"
	echo "$ALICE" >"$LAB/answer"
	printf '#!/bin/sh\nsleep 21\ncat %s\n' "$LAB/answer" >"$LAB/askpass"
	chmod 755 "$LAB/askpass"
	CLIENT_ASKPASS=$LAB/askpass client_launch late
	wait_until 70 client_up_or_dead late
	explained late 'did not wait for the password'
	client_said late '^connected' || fail "not connected"
	client_stop late
	rm "$LAB/answer"
}

# Who started us does not care how children end, and a program inherits that.
test_auth_password_of_a_program_without_sigchld() {
	profile_eap program mschapv2
	sed -i '/^password = /d' "$LAB/profiles/program.conf"
	echo "$ALICE" >"$LAB/answer"
	printf '#!/bin/sh\nsleep 0.3\ncat %s\n' "$LAB/answer" >"$LAB/askpass"
	printf '#!/bin/sh\nexec env --ignore-signal=CHLD %s "$@"\n' "$(realpath "$VPNC_IKE")" >"$LAB/careless"
	chmod 755 "$LAB/askpass" "$LAB/careless"
	CLIENT_ASKPASS=$LAB/askpass VPNC_IKE=$LAB/careless client_start program
	client_stop program
	rm "$LAB/answer"
}

# Refused when it is called gate.vpn.test, as Windows never does.
test_auth_named_otherwise() {
	profile_eap named mschapv2 named
	logs_in named
	gateway_said 'no matching peer config|looking for peer configs matching .*gate.vpn.test' ||
		fail "it was called by its name"
}

# By its certificate, which has no dot at the end.
test_auth_absolute_name() {
	profile_eap absolute mschapv2
	sed -i 's/^gateway = .*/gateway = gate.vpn.test./' "$LAB/profiles/absolute.conf"
	echo "$GATE4 gate.vpn.test." >>"$LAB/client/etc/hosts" # no name server asks for it here
	logs_in absolute
	gateway_said 'matching .*\[gate.vpn.test\]' || fail "it was not called by its name"
}

# MD4 and DES are loaded for who may need them.
test_legacy_provider() {
	profile_eap mschapv2 mschapv2
	client_start mschapv2
	grep -q /legacy.so "/proc/${CLIENT_PID[mschapv2]}/maps" || fail "it is not told apart here"
	client_stop mschapv2
	profile_eap gtc gtc
	client_start gtc
	! grep -q /legacy.so "/proc/${CLIENT_PID[gtc]}/maps" || fail "it is loaded for GTC"
	client_stop gtc
}

# Any of the methods that the profile allows may be the gateway's.
test_auth_eap_list() {
	profile_eap list "mschapv2, gtc" gtc
	logs_in list
}

# Without `ca` the machine's own store counts: the lab's CA is put among its many.
test_auth_system_store() {
	local bundle=$LAB/client/etc/ssl/certs/ca-certificates.crt
	[ -s "$bundle" ] || skip "this machine has no bundle of CA certificates"
	profile_eap system mschapv2
	sed -i '/^ca = /d' "$LAB/profiles/system.conf"
	client_fails 7 system
	cp "$bundle" "$LAB/bundle"
	cat "$LAB/pki/ca.crt" >>"$bundle"
	client_start system
	reaches "$INNER4"
	client_stop system
	cp "$LAB/bundle" "$bundle"
}
