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
