# shellcheck shell=bash
# New keys, while a ping every 20 ms loses nothing.

# while_pinging COMMAND...: three seconds of pings during the command and after it
while_pinging() {
	ping_begin "$INNER4" 150
	"$@"
	ping_end
}

client_rekeys() {
	client_do rekey "rekey $1"
	status_becomes rekey "s['rekeys']['$2'] == 1"
	client_do rekey "rekey $1"
	status_becomes rekey "s['rekeys']['$2'] == 2"
}

gateway_rekeys() {
	gateway_do --rekey "--$1" "$2"
	status_becomes rekey "s['rekeys']['$3'] >= 1"
	gateway_do --rekey "--$1" "$2"
	status_becomes rekey "s['rekeys']['$3'] >= 2"
}

rekeying() {
	profile_psk rekey
	client_start rekey
	while_pinging "$@"
	transfers "$INNER4"
	client_stop rekey
}

test_rekey_child_by_client() { rekeying client_rekeys child child; }
test_rekey_ike_by_client() { rekeying client_rekeys ike ike; }
test_rekey_child_by_gateway() { rekeying gateway_rekeys child net child; }
test_rekey_ike_by_gateway() { rekeying gateway_rekeys ike psk ike; }

both_rekey() {
	client_do rekey "rekey $1"
	gateway_do --rekey "--$1" "$2"
	status_becomes rekey "s['rekeys']['$1'] >= 1"
}

# Whether they meet is up to the clock here; that every meeting ends well is for tests/pair.
test_rekey_child_by_both() { rekeying both_rekey child net; }
test_rekey_ike_by_both() { rekeying both_rekey ike psk; }

restless_rekeys() {
	status_becomes rekey 's["rekeys"]["child"] >= 3 and s["rekeys"]["ike"] >= 2' 15
}

# Lifetimes of 3 s (child) and 4 s (IKE) at the gateway: where both end in the same millisecond strongSwan
# may forget the child's.
test_rekey_all_the_time() {
	profile_psk rekey restless
	client_start rekey
	ping_begin "$INNER4" 500
	restless_rekeys
	ping_end
	client_stop rekey
}

# Lifetimes of the profile: the client starts on its own.
test_rekey_by_lifetime() {
	profile_psk rekey
	profile_add rekey ike "lifetime = 12s"
	profile_add rekey esp "lifetime = 10s"
	client_start rekey
	ping_begin "$INNER4" 600
	status_becomes rekey 's["rekeys"]["child"] >= 1 and s["rekeys"]["ike"] >= 1' 20
	ping_end
	client_stop rekey
}

# logged_in_again PROFILE ADDRESSES
logged_in_again() {
	grep -q '^logged in again, and the tunnel went on$' "$LAB/run/$1/err" || fail "$1: $(<"$LAB/run/$1/err")"
	[ "$(json "$1" 's["address"]')" = "$2" ] || fail "$1: another address than $2"
	status_is "$1" 's["state"] == "up" and s["reconnects"] == 0 and s["rekeys"]["ike"] == s["rekeys"]["child"] >= 1' ||
		fail "$1: $(json "$1" s)"
	status_is "$1" '0 < s["ike"]["reauth_in"] <= 30 and s["last_error"] == ""' || fail "$1: $(json "$1" s)"
}

# The gateway wants a new login after a minute: half a minute before, that is made beside the tunnel. It has one
# connection of an identity, where the old one gives way (replace) or the new one does (keep).
test_relogin() {
	local replace keep logins
	profile_eap replace mschapv2 relogin
	profile_psk keep relogin-keep
	profile_add keep network "routes = none" "dns = none"
	client_start keep
	client_start replace
	replace=$(json replace 's["address"]') keep=$(json keep 's["address"]')
	status_is replace '0 < s["ike"]["reauth_in"] <= 30' || fail "$(json replace 's["ike"]')"
	status_becomes replace '0 < s["ike"]["reauth_in"] <= 7'
	logins=$(grep -c '^logged in again' "$LAB/run/replace/err") || true
	ping_begin "$INNER4" 800 0.01
	ping_end
	[ "$(grep -c '^logged in again' "$LAB/run/replace/err")" -gt "$logins" ] || fail "no new login meanwhile"
	logged_in_again replace "$replace"
	logged_in_again keep "$keep"
	[ "$(in_box gateway swanctl --list-sas | grep -c ESTABLISHED)" = 2 ] ||
		fail "$(in_box gateway swanctl --list-sas)"
	transfers "$INNER4"
	client_stop replace
	client_stop keep
}

# The data plane keeps the socket full that IKE shares with it: 4 Mbit/s, and more offered.
test_rekey_through_a_full_socket() {
	profile_psk full
	in_box client tc qdisc add dev eth0 root tbf rate 4mbit burst 20kb latency 400ms 2>/dev/null ||
		skip "this kernel has no tbf"
	client_start full --log-level debug
	serve client python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    s.sendto(bytes(1300), (sys.argv[1], 9))' "$INNER4"
	local flood=$SERVED
	sleep 1
	for _ in 1 2 3 4 5 6 7 8; do
		vpnc_ike rekey full child >/dev/null || fail "rekey: $(cat "$LAB/run/full/err")"
	done
	kill "$flood"
	! grep -q 'temporarily unavailable' "$LAB/run/full/err" ||
		fail "a message of IKE was lost for want of room in the socket"
	client_stop full
	in_box client tc qdisc del dev eth0 root
}
