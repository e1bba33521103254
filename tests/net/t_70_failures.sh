# shellcheck shell=bash
# Each way to fail: its exit status, and on stderr what failed, what the gateway said, what to try.

test_fails_wrong_psk() {
	profile_psk wrong
	sed -i 's/^psk = .*/psk = not the one/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'AUTHENTICATION_FAILED.*24|24.*AUTHENTICATION_FAILED' 'pre-shared key'
	! grep -rq 'not the one' "$LAB/run/wrong" || fail "the secret was printed"
}

wrong_password() {
	profile_eap wrong "$1"
	sed -i 's/^password = .*/password = looking glass/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong password 'gateway said: .*(error 691|did not accept)'
	! grep -rq 'looking glass' "$LAB/run/wrong" || fail "the secret was printed"
}

test_fails_wrong_password_mschapv2() { wrong_password mschapv2; }
test_fails_wrong_password_md5() { wrong_password md5; }
test_fails_wrong_password_gtc() { wrong_password gtc; }

test_fails_another_eap_method() {
	profile_eap method mschapv2 gtc
	client_fails 6 method
	explained method '^the gateway wants EAP-GTC \(6\), the profile allows EAP-MSCHAPv2' \
		'^the gateway said: EAP-GTC \(6\)$' 'local\.eap'
}

# One that it would give each time it is asked.
test_fails_wrong_password_of_a_program() {
	profile_eap program mschapv2
	sed -i '/^password = /d' "$LAB/profiles/program.conf"
	printf '#!/bin/sh\necho asked >>%s\necho looking glass\n' "$LAB/asked" >"$LAB/askpass"
	chmod 755 "$LAB/askpass"
	: >"$LAB/asked"
	gateway_mark
	CLIENT_ASKPASS=$LAB/askpass client_launch program
	client_ends program 6
	explained program '^warning: the gateway refused alice: ' '^the gateway refused alice: ' \
		'gateway said: .*error 691' 'secrets.password'
	[ "$(wc -l <"$LAB/asked")" = 2 ] || fail "the program was asked $(wc -l <"$LAB/asked") times"
	[ "$(tail -c "+$((GATEWAY_MARK + 1))" "$GATEWAY_LOG" |
		grep -c 'parsed IKE_AUTH request .* EAP/RES/MSCHAPV2 ')" = 1 ] ||
		fail "the password was sent more than once"
}

# logged REGEX: the last lines of the log file
logged() {
	tail -n 3 "$LAB/log" | grep -Eq -- "$1" || fail "the log does not end with $1: $(<"$LAB/log")"
}

test_fails_into_the_log() {
	profile_psk wrong
	sed -i 's/^psk = .*/psk = not the one/' "$LAB/profiles/wrong.conf"
	rm -f "$LAB/log"
	client_fails 6 wrong --log-file "$LAB/log"
	logged ' error .*AUTHENTICATION_FAILED'
	logged ' error the gateway said: AUTHENTICATION_FAILED \(24\)$'
	logged ' error try: .*secrets\.psk'
	profile_psk twice
	client_start twice --log-file "$LAB/log"
	client_fails 8 twice --log-file "$LAB/log2"
	explained twice 'twice is connected already, by process' '^try: .*vpnc-ike status'
	client_stop twice
	logged ' info  down$'
	mv "$LAB/log2" "$LAB/log"
	logged ' error .*twice.*connected'
	logged ' error try: '
}

# The profile is not to blame, and nothing waits for whoever might read.
test_fails_bad_log_file() {
	profile_psk log
	mkfifo -m 600 "$LAB/log.fifo"
	LIMIT=5 client_fails 2 log --log-file "$LAB/log.fifo"
	explained log 'log\.fifo' 'try: .*--log-file'
	client_fails 2 log --log-file "$LAB/nowhere/log"
	explained log 'nowhere/log.*No such file' 'try: .*--log-file'
	client_start log --log-file /dev/stderr
	client_stop log
	grep -q ' info  connected to ' "$LAB/run/log/err" || fail "nothing was logged to stderr"
}

# down_event STATUS NAME OPTION...: connecting ends with that, and the last line on stdout says so
down_event() {
	client_fails "$1" "$2" --json "${@:3}"
	tail -n 1 "$LAB/run/$2/out" | python3 -c 'import json, sys
e = json.load(sys.stdin)
assert e["event"] == "down" and e["profile"] == sys.argv[2] and e["status"] == int(sys.argv[1])
assert e["what"] and e["said"] and e["try"]' "$1" "$2" || fail "$2: no event, or another one"
}

test_fails_in_json() {
	down_event 3 nosuch
	down_event 2 nosuch --bogus
	down_event 2 nosuch --color=blue
	profile_psk bad
	down_event 2 bad --log-file "$LAB/nowhere/log"
	profile_add bad ike "lifetme = 3h"
	down_event 3 bad
	profile_psk twice
	client_start twice
	down_event 8 twice
	client_stop twice
	profile_psk wrong
	sed -i 's/^psk = .*/psk = not the one/' "$LAB/profiles/wrong.conf"
	down_event 6 wrong
	[ "$(grep -c '"event":"down"' "$LAB/run/wrong/out")" = 1 ] || fail "the end was told twice"
}

# What was typed does not become an order to the terminal, or another line.
test_fails_with_what_was_typed() {
	local odd=$'/nowhere\e[2J\n/x' word
	for word in connect check show; do
		! vpnc_ike "$word" "$odd" >"$LAB/out" 2>&1 || fail "$word succeeds"
		! grep -q $'\e' "$LAB/out" || fail "$word: $(cat -v "$LAB/out")"
		grep -qF '/nowhere?[2J /x' "$LAB/out" || fail "$word does not say which"
	done
	for word in "$odd" "--$odd"; do
		! vpnc_ike "$word" >"$LAB/out" 2>&1 || fail "$word succeeds"
		! grep -q $'\e' "$LAB/out" || fail "$(cat -v "$LAB/out")"
	done
	! vpnc_ike connect office --log-file "$odd" >"$LAB/out" 2>&1 || fail "$odd was opened"
	! grep -q $'\e' "$LAB/out" || fail "$(cat -v "$LAB/out")"
}

test_fails_unknown_client_certificate() {
	profile_cert stranger rsa-2048
	pki_issue stranger ecdsa-256 wrong-ca --dn "O=Lab, CN=stranger" --san rsa-2048@vpn.test
	sed -i "s,pki/user-rsa-2048,pki/stranger," "$LAB/profiles/stranger.conf"
	client_fails 6 stranger
	explained stranger AUTHENTICATION_FAILED
}

OVER=(--not-before "01.01.20 00:00:00" --not-after "01.01.21 00:00:00" --outform pem)

test_fails_client_certificate_expired() {
	profile_cert late ecdsa-256
	pki --pub --in "$LAB/pki/user-ecdsa-256.key" | pki --issue --cacert "$LAB/pki/ca.crt" \
		--cakey "$LAB/pki/ca.key" --dn "CN=late" --san ecdsa-256@vpn.test "${OVER[@]}" \
		>"$LAB/pki/late.crt"
	sed -i "s,pki/user-ecdsa-256.crt,pki/late.crt," "$LAB/profiles/late.conf"
	gateway_do --flush-certs # of another test, with the same key and name
	client_fails 6 late
	explained late '^warning: .*"CN=late" expired on Jan  1 .* 2021' AUTHENTICATION_FAILED
	! vpnc_ike check late 2>"$LAB/err" >"$LAB/out" || fail "check finds nothing"
	grep -q 'local.certificate: .* expired on' "$LAB/out" || fail "check: $(cat "$LAB/out" "$LAB/err")"
}

# No problem, for it may be the key; but strongSwan's users write another one so.
test_check_of_a_coded_key() {
	local said
	profile_psk coded
	said=$(vpnc_ike check coded) || fail "$said"
	! grep -q warning <<<"$said" || fail "$said"
	sed -i "s,^psk = .*,psk = 0sMTIzNDU2Nzg5MDEyMzQ1Njc4OTA=," "$LAB/profiles/coded.conf"
	said=$(vpnc_ike check coded) || fail "$said"
	grep -q '^warning: secrets.psk: the key begins with 0s (base64)' <<<"$said" || fail "$said"
	echo 0x31323334 >"$LAB/coded" && chmod 600 "$LAB/coded"
	sed -i "s,^psk = .*,psk-file = $LAB/coded," "$LAB/profiles/coded.conf"
	said=$(vpnc_ike check coded) || fail "$said"
	grep -q '^warning: secrets.psk-file: the key begins with 0x (hexa' <<<"$said" || fail "$said"
}

test_fails_ca_expired() {
	profile_cert late ecdsa-256
	pki --self --ca --in "$LAB/pki/ca.key" --dn "O=Lab, CN=ca" "${OVER[@]}" >"$LAB/pki/late-ca.crt"
	sed -i "s,pki/ca.crt,pki/late-ca.crt," "$LAB/profiles/late.conf"
	client_fails 7 late
	explained late '"O=Lab, CN=ca" expired on Jan  1' 'clock'
	! grep -q 'remote\.' "$LAB/run/late/err" || fail "the profile is blamed"
}

test_fails_wrong_ca() {
	profile_eap wrong mschapv2
	sed -i "s,^ca = .*,ca = $LAB/pki/wrong-ca.crt," "$LAB/profiles/wrong.conf"
	gateway_mark
	client_fails 7 wrong
	explained wrong 'CN ?= ?ca'
	! gateway_said "received EAP identity|EAP method" || fail "alice's name left before the proof"
}

# The gateway proves to be other.vpn.test; the profile says gate.vpn.test.
test_fails_wrong_name() {
	profile_eap wrong mschapv2 other
	gateway_mark
	client_fails 7 wrong
	explained wrong 'other\.vpn\.test' 'gate\.vpn\.test'
	! gateway_said "received EAP identity|EAP method" || fail "alice's name left before the proof"
}

test_fails_no_proposal() {
	profile_psk none stubborn "$STUBBORN4"
	profile_add none ike "proposals = aes256gcm16-prfsha384-x25519"
	client_fails 5 none
	explained none 'NO_PROPOSAL_CHOSEN.*14|14.*NO_PROPOSAL_CHOSEN' 'try: leave ike\.proposals out'
}

# An old gateway: RSA signatures only as in IKEv2's first edition, which are SHA-1's.
test_fails_sha1_signature() {
	gateway_restart "signature_authentication = no"
	profile_cert old rsa-2048
	client_fails 5 old
	explained old 'RFC 7427' 'gateway said: nothing' 'try: .*security = compat'
	client_start old --set connection.security=compat
	client_stop old
}

test_fails_no_esp_proposal() {
	profile_psk none narrow-esp
	profile_add none esp "proposals = aes256gcm16"
	client_fails 5 none
	explained none NO_PROPOSAL_CHOSEN 'try: leave esp\.proposals out'
}

test_fails_refused_selectors() {
	profile_psk refused
	profile_add refused esp "remote-ts = 172.16.0.0/12"
	client_fails 10 refused
	explained refused 'TS_UNACCEPTABLE.*38|38.*TS_UNACCEPTABLE'
}

# strongSwan builds no child where an address was asked for and there is none.
test_fails_no_address() {
	profile_psk refused nopool
	profile_add refused network 'address = 10.98.0.77'
	client_fails 10 refused
	explained refused 'INTERNAL_ADDRESS_FAILURE.*36|36.*INTERNAL_ADDRESS_FAILURE'
}

test_fails_unknown_host() {
	profile_psk lost psk nowhere.vpn.test
	client_fails 4 lost
	explained lost 'nowhere\.vpn\.test'
}

# A real timeout: as long as the retransmissions go on.
test_fails_no_answer() {
	profile_psk silent psk "$SILENT4"
	LIMIT=200 client_fails 4 silent
	explained silent "${SILENT4//./\\.}"
}

test_fails_bad_profile() {
	profile_psk bad
	profile_add bad ike "lifetme = 3h"
	client_fails 3 bad
	explained bad 'bad\.conf:[0-9]+.*lifetme' lifetime
}

test_fails_readable_secret() {
	profile_psk open
	chmod 644 "$LAB/profiles/open.conf"
	client_fails 3 open
	explained open 'open\.conf' chmod
}

test_fails_missing_profile() {
	client_fails 3 nosuch
	explained nosuch nosuch
}

test_fails_missing_secret() {
	profile_eap ask mschapv2
	sed -i '/^password/d' "$LAB/profiles/ask.conf"
	client_fails 3 ask
	explained ask password
}

ends_with() {
	local status=0
	vpnc_ike "${@:2}" </dev/null >/dev/null 2>&1 || status=$?
	[ "$status" = "$1" ] || fail "vpnc-ike ${*:2}: exit status $status, expected $1"
}

test_fails_usage() {
	ends_with 2
	ends_with 2 connect
	ends_with 2 conect psk
	ends_with 2 --nosuch list
	ends_with 2 connect one two
	[ "$(vpnc_ike conect psk 2>&1 >/dev/null | wc -l)" = 3 ] || fail "not three lines"
	ends_with 0 help
	ends_with 0 --version
}

# The binary and the profile are within nobody's reach; privilege is what is missing.
test_fails_without_privilege() {
	local COMMAND status=0
	profile_psk nobody
	chmod 755 "$LAB" "$LAB/profiles"
	chown nobody "$LAB/profiles/nobody.conf"
	install -m 755 "$VPNC_IKE" "$LAB/vpnc-ike"
	VPNC_IKE=$LAB/vpnc-ike client_command
	"${COMMAND[@]:0:6}" setpriv --reuid nobody --clear-groups "${COMMAND[@]:6}" --no-input \
		connect nobody </dev/null >/dev/null 2>"$LAB/nobody" || status=$?
	chmod 700 "$LAB"
	[ "$status" = 8 ] || fail "exit status $status, expected 8: $(cat "$LAB/nobody")"
}
