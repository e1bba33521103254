# shellcheck shell=bash
# L2TP over IPsec against SoftEther (peers.sh), which speaks all of it in user space: IKEv1, ESP, L2TP,
# PPP. Its quick mode takes no SHA-2; it asks for EAP first, and then does not know it.

SOFTETHER_GATEWAY4=192.168.30.1

# softether_profile NAME [PASSWORD [PSK]]
softether_profile() {
	peer softether
	profile "$1" <<-END
	[connection]
	type = l2tp
	gateway = $GATE4
	security = compat
	${DATAPLANE:+dataplane = $DATAPLANE}
	[secrets]
	psk = ${3:-password@123}
	user = alice
	password = ${2:-wonderland}
	END
}

# What it has to go through; and that EAP is not tried again where it worked without.
test_softether_tour() {
	softether_profile tour
	client_start tour
	status_is tour 's["ppp"]["auth"] == "MS-CHAPv2" and s["ppp"]["peer"] == "192.168.30.1"' ||
		fail "$(json tour 's["ppp"]')"
	# It first looks for routers of IPv6, for five seconds in which it does nothing else.
	wait_until 10 answers "$SOFTETHER_GATEWAY4" || fail "no answer from $SOFTETHER_GATEWAY4"
	transfers "$INNER4"
	client_do tour "rekey child"
	status_becomes tour "s['rekeys']['child'] == 1"
	reaches "$SOFTETHER_GATEWAY4"
	client_do tour "rekey ike"
	status_becomes tour "s['rekeys']['ike'] == 1"
	transfers "$INNER4"
	client_do tour reconnect
	status_becomes tour 's["state"] == "up" and s["reconnects"] == 1' 30
	wait_until 10 answers "$SOFTETHER_GATEWAY4" || fail "no answer from $SOFTETHER_GATEWAY4"
	[ "$(grep -c 'calling once more, without EAP' "$LAB/run/tour/err")" = 1 ] || fail "EAP is tried again"
	client_stop tour
}

test_softether_fails_password() {
	softether_profile wrong wunderland
	client_fails 6 wrong
}

test_softether_fails_key() {
	softether_profile wrong wonderland password@124
	client_fails 6 wrong
}

# The proposals of today, one of which it knows for IKE and none for ESP.
test_softether_fails_no_proposal() {
	softether_profile modern
	client_fails 5 modern --set connection.security=default
	explained modern 'connection.security = compat'
}
