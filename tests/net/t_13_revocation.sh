# shellcheck shell=bash
# A gateway whose certificate may have been revoked. That of asked.vpn.test says where to ask: a list at
# http://ca.vpn.test/ca.crl, a responder at http://198.51.100.10:8080/.

# revokes [NAME...]: the CA's list, new, with these certificates
revokes() {
	local name revoked=()
	mkdir -p "$LAB/ca"
	for name in "$@"; do
		revoked+=(--reason key-compromise --cert "$LAB/pki/$name.crt")
	done
	pki --signcrl --cacert "$LAB/pki/ca.crt" --cakey "$LAB/pki/ca.key" --lifetime 1 \
		"${revoked[@]}" >"$LAB/ca/ca.crl"
}

# asks NAME POLICY [LINE...]: a profile that looks whether asked.vpn.test is revoked
asks() {
	profile_cert "$1" asked
	profile_add "$1" remote "revocation = $2" "${@:3}"
}

# no_more_served PROCESS: with what it started; another test may need the port.
no_more_served() {
	kill -- "-$1"
	wait "$1" 2>/dev/null || true
}

list_served() {
	serve gateway python3 -m http.server 80 --bind 198.51.100.10 --directory "$LAB/ca" \
		>/dev/null 2>"$LAB/ca/http.log"
	wait_until 10 in_box gateway bash -c ': >/dev/tcp/198.51.100.10/80' 2>/dev/null ||
		fail "no HTTP server"
}

# responder_says V|R: good or revoked
responder_says() {
	local serial when=''
	serial=$(openssl x509 -in "$LAB/pki/asked.crt" -noout -serial)
	[ "$1" = V ] || when=$(date -u +%y%m%d%H%M%SZ),keyCompromise
	mkdir -p "$LAB/ca"
	printf '%s\t350101000000Z\t%s\t%s\tunknown\t/O=Lab/CN=asked\n' "$1" "$when" "${serial#*=}" >"$LAB/ca/index"
	serve gateway openssl ocsp -port 8080 -index "$LAB/ca/index" -CA "$LAB/pki/ca.crt" \
		-rsigner "$LAB/pki/ca.crt" -rkey "$LAB/pki/ca.key" -ndays 1 >"$LAB/ca/ocsp.log" 2>&1
	# No connection to try it: it would wait for ever for what that one asks.
	wait_until 10 grep -q 'waiting for OCSP client' "$LAB/ca/ocsp.log" || fail "no OCSP responder"
}

test_revocation_list() {
	revokes asked
	asks listed local "crl = $LAB/ca/ca.crl"
	client_fails 7 listed
	explained listed '^the certificate "O=Lab, CN=asked.vpn.test" is revoked since .*wrong hands.*/ca.crl' \
		'new certificate'
	revokes
	client_start listed
	status_becomes listed "s['gateway']['revocation'] == 'good'"
	reaches "$INNER4"
	client_stop listed
}

test_revocation_list_v1() {
	revokes rsa-2048
	v1_cert listed 17 rsa-2048
	profile_add listed remote "crl = $LAB/ca/ca.crl"
	client_fails 7 listed
	explained listed 'is revoked since' 'new certificate'
	revokes
	client_start listed
	status_becomes listed "s['gateway']['revocation'] == 'good'"
	client_stop listed
}

# Nothing of the user is said to it.
test_revocation_list_eap() {
	revokes eap
	profile_eap listed mschapv2
	profile_add listed remote "crl = $LAB/ca/ca.crl"
	client_fails 7 listed
	explained listed 'is revoked since' 'new certificate'
	! gateway_said 'received EAP identity' || fail "the login went on"
}

test_revocation_nobody_answers() {
	asks silent soft
	client_start silent
	warned silent 'is revoked is not known: http://ca.vpn.test/ca.crl: .*cannot be reached' ||
		fail "no warning"
	status_becomes silent "s['gateway']['revocation'].startswith('unknown: ')"
	reaches "$INNER4"
	client_stop silent
	asks silent hard
	client_fails 7 silent
	explained silent '^whether the certificate .* is not known: http://ca.vpn.test/ca.crl: .*cannot be reached' \
		'remote\.crl'
}

# A responder that takes the connection and says nothing for ever costs half of the time; the list is asked for then.
test_revocation_server_hangs() {
	local hangs
	serve gateway python3 -c 'import socket, time
s = socket.create_server(("198.51.100.10", 8080))
time.sleep(600)'
	hangs=$SERVED
	asks hangs soft
	client_start hangs
	warned hangs 'is revoked is not known: http://ca.vpn.test/ca.crl' || fail "no warning"
	client_stop hangs
	revokes
	list_served
	asks hangs hard
	client_start hangs --log-level info --log-file "$LAB/log"
	grep -q 'http://198.51.100.10:8080/: no answer in time' "$LAB/log" || fail "it did not hang"
	status_becomes hangs "s['gateway']['revocation'] == 'good'"
	client_stop hangs
	no_more_served "$SERVED"
	no_more_served "$hangs"
}

test_revocation_list_fetched() {
	local server
	revokes
	list_served
	server=$SERVED
	asks fetched hard
	client_start fetched
	status_becomes fetched "s['gateway']['revocation'] == 'good'"
	reaches "$INNER4"
	# What was fetched is good for the next time, too.
	no_more_served "$server"
	client_do fetched reconnect
	status_becomes fetched "s['state'] == 'up' and s['reconnects'] == 1"
	reaches "$INNER4"
	client_stop fetched
	revokes asked
	list_served
	server=$SERVED
	asks fetched soft
	client_fails 7 fetched
	explained fetched 'is revoked since .*http://ca.vpn.test/ca.crl' 'new certificate'
	no_more_served "$server"
}

# Of others the gateway may still wait for a login that will not come.
no_phase1() {
	[ -z "$(in_box gateway swanctl --list-sas --ike v1-ecdsa)" ]
}

# In phase 1 of IKEv1, which the gateway renews later: nobody is asked again then.
test_revocation_list_fetched_v1() {
	local conf=$LAB/gateway/swanctl/swanctl.conf server
	revokes
	list_served
	server=$SERVED
	sed -i '/^\tv1-ecdsa :/,/^\t}/s/ecdsa-256/asked/' "$conf"
	gateway_do --load-conns
	v1_cert fetched 21 asked
	profile_add fetched remote 'revocation = hard'
	client_start fetched
	status_becomes fetched "s['gateway']['revocation'] == 'good'"
	reaches "$INNER4"
	no_more_served "$server"
	client_do fetched 'rekey ike'
	status_becomes fetched "s['rekeys']['ike'] == 1"
	reaches "$INNER4"
	client_stop fetched
	wait_until 5 no_phase1 || fail "still there: $(in_box gateway swanctl --list-sas)"
	rm "$LAB/ca/ca.crl"
	client_fails 7 fetched
	explained fetched 'http://ca.vpn.test/ca.crl: .*cannot be reached'
	wait_until 5 no_phase1 || fail "still there: $(in_box gateway swanctl --list-sas)"
	cp "$NET_DIR/gateway/swanctl.conf" "$conf"
	gateway_do --load-conns
}

test_revocation_responder() {
	responder_says V
	asks responder hard
	client_start responder
	status_becomes responder "s['gateway']['revocation'] == 'good'"
	reaches "$INNER4"
	client_stop responder
	no_more_served "$SERVED"
	responder_says R
	client_fails 7 responder
	explained responder 'is revoked since .*wrong hands.*OCSP responder .http://198.51.100.10:8080/' \
		'new certificate'
	no_more_served "$SERVED"
}

# With the kill switch it is asked past that, as the gateway itself is.
test_revocation_killswitch() {
	local server
	revokes
	list_served
	server=$SERVED
	asks wall hard
	profile_add wall network 'killswitch = yes'
	client_start wall
	status_becomes wall "s['gateway']['revocation'] == 'good'"
	reaches "$INNER4"
	client_stop wall
	no_more_served "$server"
}

# The gateway asks the responder, which we cannot reach, and sends its answer along (RFC 4806).
test_revocation_sent_along() {
	local load
	grep -q OCSP_SEND_REPLY /usr/lib/ipsec/libcharon.so.0 || skip "strongSwan before 6.0 cannot"
	responder_says V
	load=$(sed -n 's/^\tload = \(random .*kernel-libipsec.*\)/\1/p' "$STRONGSWAN_CONF")
	gateway_restart "load = $load curl"
	in_box router nft "table ip no { chain through { type filter hook forward priority 0; tcp dport 8080 drop; }; }"
	asks along hard
	client_start along
	gateway_says 'sending OCSP status' || fail "it sends none"
	status_becomes along "s['gateway']['revocation'] == 'good'"
	client_stop along
	no_more_served "$SERVED"
}
