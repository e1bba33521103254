# shellcheck shell=bash
# EAP over TLS, where the server that asks is the gateway itself.

# tls_logs_in NAME WHO: nothing but the certificate says who
tls_logs_in() {
	profile_tls "$1" "$2"
	gateway_mark
	client_start "$1" --log-level debug --log-file "$LAB/log"
	grep -q ' debug EAP-TLS: TLSv1' "$LAB/log" || fail "nothing of TLS in the log"
	reaches "$INNER4" "$INNER6"
	client_stop "$1"
	gateway_says 'received DELETE for IKE_SA' || fail "no delete arrived at the gateway"
}

test_eap_tls() {
	tls_logs_in tls tls
	gateway_said "parsed IKE_AUTH request .* EAP/RES/ID" || fail "no identity was asked for"
	gateway_said "received EAP identity 'tls@vpn.test'" || fail "as somebody else"
}

# The certificate has no other name than its subject.
test_eap_tls_by_subject() {
	tls_logs_in named named
	gateway_said "looking for peer configs .*O=Lab, CN=Alice Named" || fail "as somebody else"
}

test_eap_tls_wrong_ca() {
	profile_tls wrong tls
	profile_add wrong remote "eap-ca = $LAB/pki/wrong-ca.crt"
	client_fails 7 wrong
	explained wrong '^the EAP server: the certificate "O=Lab, CN=eap.vpn.test" was issued by' \
		'remote.eap-ca'
	! gateway_said 'CN=tls@vpn.test' || fail "our certificate was sent"
}

test_eap_tls_wrong_name() {
	profile_tls wrong tls
	profile_add wrong remote "eap-id = radius.vpn.test"
	client_fails 7 wrong
	explained wrong 'its certificate proves .* and the profile wants radius.vpn.test' \
		'set remote.eap-id = eap.vpn.test'
}

# A CA of its own for the server, which the gateway's certificate is not from.
test_eap_tls_ca_of_its_own() {
	profile_tls own tls
	profile_add own remote "eap-ca = $LAB/pki/ca.crt"
	sed -i "s|^ca = .*|certificate = $LAB/pki/eap.crt|" "$LAB/profiles/own.conf"
	client_start own
	reaches "$INNER4"
	client_stop own
}

test_eap_tls_not_accepted() {
	profile_tls stranger stranger
	client_fails 6 stranger
	explained stranger '^the EAP server refused TLS: ' 'gateway said: ' 'local.certificate'
}

# The gateway's own EAP-TTLS has EAP inside, and no other way.
test_eap_ttls() {
	profile_eap ttls ttls
	gateway_mark
	client_start ttls --log-level debug --log-file "$LAB/log"
	grep -q ' debug EAP-TTLS: TLSv1' "$LAB/log" || fail "nothing of TLS in the log"
	gateway_said "EAP_TTLS phase2 authentication of 'alice' .* successful" || fail "nobody logged in inside"
	reaches "$INNER4" "$INNER6"
	client_stop ttls
}

test_eap_ttls_wrong_password() {
	profile_eap wrong ttls
	sed -i 's/^password = .*/password = looking glass/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'EAP-TTLS|password' 'secrets.password'
	! grep -rq 'looking glass' "$LAB/run/wrong" || fail "the secret was printed"
}

# Nobody but the right server hears of who logs in.
test_eap_ttls_wrong_ca() {
	profile_eap wrong ttls
	profile_add wrong remote "eap-ca = $LAB/pki/wrong-ca.crt"
	client_fails 7 wrong
	explained wrong '^the EAP server: the certificate ' 'remote.eap-ca' 'Nothing of the login'
	! gateway_said "received tunneled EAP" || fail "it was told who logs in"
}

test_eap_ttls_wrong_name() {
	profile_eap wrong ttls
	profile_add wrong remote "eap-id = radius.vpn.test"
	client_fails 7 wrong
	explained wrong 'wants radius.vpn.test' 'set remote.eap-id = eap.vpn.test'
	! gateway_said "received tunneled EAP" || fail "it was told who logs in"
}
