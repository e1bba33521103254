# shellcheck shell=bash
# The login at FreeRADIUS (peers.sh), which the usual gateway hands on to: another maker's EAP.

# radius_logs_in METHODS
radius_logs_in() {
	radius_start
	profile_eap radius "$1" radius
	client_start radius
	reaches "$INNER4"
	gateway_says 'received RADIUS Access-Accept' || fail "FreeRADIUS was not asked"
	client_stop radius
}

test_radius_mschapv2() { radius_logs_in mschapv2; }
test_radius_md5() { radius_logs_in md5; } # asked for instead of what the server would begin with
test_radius_gtc() { radius_logs_in gtc; }

test_radius_fails_password() {
	radius_start builder
	profile_eap radius mschapv2 radius
	client_fails 6 radius
	gateway_says 'received RADIUS Access-Reject' || fail "FreeRADIUS was not asked"
}

# The server says how long a login lasts, and the gateway hands that on (RFC 4478): a new one is made in time.
test_radius_session_timeout() {
	RADIUS_REPLY="Session-Timeout = 40" radius_start
	profile_eap radius mschapv2 radius
	client_start radius
	status_is radius '0 < s["ike"]["reauth_in"] <= 40' || fail "$(json radius 's["ike"]')"
	status_becomes radius 's["rekeys"]["ike"] >= 1' 45
	grep -q '^logged in again, and the tunnel went on$' "$LAB/run/radius/err" || fail "$(<"$LAB/run/radius/err")"
	status_is radius 's["state"] == "up" and s["reconnects"] == 0' || fail "$(json radius s)"
	reaches "$INNER4"
	client_stop radius
}

# --- over TLS: another server than the gateway, with a certificate of its own

# profile_radius NAME METHOD
profile_radius() {
	profile_eap "$1" "$2" radius
	profile_add "$1" remote "eap-id = radius.vpn.test"
	[ "$2" != tls ] || profile_add "$1" local "certificate = $LAB/pki/user-tls.crt" "key = $LAB/pki/user-tls.key"
}

# radius_over_tls VERSION METHOD
radius_over_tls() {
	RADIUS_TLS=$1 radius_start
	profile_radius radius "$2"
	client_start radius --log-level debug --log-file "$LAB/log"
	grep -q " debug EAP-.*: TLSv$1, " "$LAB/log" || fail "another version of TLS"
	reaches "$INNER4"
	gateway_says 'received RADIUS Access-Accept' || fail "FreeRADIUS was not asked"
	client_stop radius
}

test_radius_tls_12() { radius_over_tls 1.2 tls; }
test_radius_tls_13() { radius_over_tls 1.3 tls; }

# The gateway's name is not the server's.
test_radius_tls_fails_name() {
	radius_start
	profile_radius radius tls
	sed -i '/^eap-id = /d' "$LAB/profiles/radius.conf"
	client_fails 7 radius
	explained radius 'its certificate proves DNS:radius.vpn.test, .* wants gate.vpn.test' \
		'set remote.eap-id = radius.vpn.test'
}

# FreeRADIUS says why by an alert, or nothing
test_radius_tls_fails_certificate() {
	radius_start
	profile_radius radius tls
	sed -i "s|/user-tls\\.|/user-stranger.|" "$LAB/profiles/radius.conf"
	client_fails 6 radius
	explained radius 'refused TLS: unknown_ca: .*TLS alert 48|what it was given in EAP-TLS' \
		'local.certificate'
	gateway_says 'received RADIUS Access-Reject' || fail "FreeRADIUS was not asked"
}

test_radius_ttls_13() { radius_over_tls 1.3 ttls; }
test_radius_ttls_pap_12() { radius_over_tls 1.2 ttls-pap; }
test_radius_ttls_mschapv2_13() { radius_over_tls 1.3 ttls-mschapv2; }

# radius_refuses_password METHOD
radius_refuses_password() {
	radius_start builder
	profile_radius radius "$1"
	client_fails 6 radius
	explained radius 'password|what it was given in EAP-' 'secrets.password'
	gateway_says 'received RADIUS Access-Reject' || fail "FreeRADIUS was not asked"
}

test_radius_ttls_pap_fails_password() { radius_refuses_password ttls-pap; }
test_radius_ttls_mschapv2_fails_password() { radius_refuses_password ttls-mschapv2; }

test_radius_peap_12() { radius_over_tls 1.2 peap; }
test_radius_peap_13() { radius_over_tls 1.3 peap; }
test_radius_peap_gtc() { RADIUS_PEAP=gtc radius_over_tls 1.2 peap; }

test_radius_peap_fails_password() { radius_refuses_password peap; }

test_radius_peap_fails_name() {
	radius_start
	profile_radius radius peap
	sed -i '/^eap-id = /d' "$LAB/profiles/radius.conf"
	client_fails 7 radius
	explained radius 'wants gate.vpn.test' 'set remote.eap-id = radius.vpn.test'
}

# --- a profile that says nothing of methods or of the server

# profile_any NAME: alice's
profile_any() {
	profile_eap "$1" any radius
	sed -i '/^eap = /d' "$LAB/profiles/$1.conf"
}

# The server's certificate does not name the gateway, and it has a method that needs none.
test_radius_any_without_tls() {
	RADIUS_FIRST=peap radius_start
	profile_any radius
	client_start radius
	warned radius 'and the profile wants gate.vpn.test: asking the gateway for a login without TLS'
	reaches "$INNER4"
	client_stop radius
}

# It has none: then it is the name that is told.
test_radius_any_fails_name() {
	hostapd_start
	profile_any radius
	client_fails 7 radius
	explained radius 'and the profile wants gate.vpn.test$' 'set remote.eap-id = radius.vpn.test'
}

# The name is right, and the gateway is the server: what it begins with is taken.
test_eap_any() {
	profile_eap any any ttls
	sed -i '/^eap = /d' "$LAB/profiles/any.conf"
	client_start any --log-level debug --log-file "$LAB/log"
	grep -q ' debug EAP-TTLS: TLSv1' "$LAB/log" || fail "another method"
	client_stop any
}

# --- hostapd, the other server of EAP that there is

# hostapd_logs_in METHOD REGEX: which its log has then
hostapd_logs_in() {
	hostapd_start
	profile_radius radius "$1"
	client_start radius
	reaches "$INNER4"
	gateway_says "$2" || fail "hostapd does not say $2"
	client_stop radius
}

test_hostapd_peap() { hostapd_logs_in peap 'Valid cryptobinding TLV received|Compound_MAC'; }
test_hostapd_ttls_mschapv2() { hostapd_logs_in ttls-mschapv2 'EAP-TTLS.*MSCHAPV2.*[Cc]orrect'; }
test_hostapd_tls() { hostapd_logs_in tls 'EAP-TLS: Done'; }
