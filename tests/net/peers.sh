# shellcheck shell=bash
# Gateways of other makers, each in the gateway's box and instead of the usual one. tests/unpack-peers
# gets them; the virtual machine has them in place. SoftEther does all in user space; the others have no
# ESP of their own, so they run where the kernel has it. Their logs go to the usual gateway's. Needs
# lab.sh, gateway.sh and client.sh.
# Configuration: gateway/libreswan.conf, gateway/openiked.conf, gateway/softether.cmd, gateway/radiusd.conf.

PLUTO=/usr/libexec/ipsec/pluto
IKED=/usr/sbin/iked
PEERS=/usr # in the virtual machine
[ -d "$PEERS/libexec/softether" ] || PEERS=$NET_DIR/../../build/vm/peers/usr
SOFTETHER=$PEERS/libexec/softether

# maker_why_not MAKER: prints what is missing here for it
maker_why_not() {
	local program=$PLUTO
	if [ "$1" = softether ]; then
		[ -x "$SOFTETHER/vpnserver/vpnserver" ] || echo "softether is not there"
		return
	fi
	[ "$1" = libreswan ] || program=$IKED
	[ "${GATEWAY_ESP:-}" = kernel ] || { echo "$1 needs ESP in the gateway's kernel"; return; }
	[ -x "$program" ] || echo "$1 is not there"
}

# gateway_for TEST: the gateway that the test's name asks for, as it is without a test's changes
gateway_for() {
	local maker=strongswan
	case $1 in
	test_libreswan_*) maker=libreswan ;;
	test_openiked_*) maker=openiked ;;
	test_softether_*) maker=softether ;;
	test_l2tp_*) return 0 ;; # starts and ends its own
	esac
	[ "$maker" = strongswan ] || [ -z "$(maker_why_not "$maker")" ] || return 0
	if [ "$maker" != "$GATEWAY_MAKER" ]; then
		gateway_kill
		GATEWAY_MAKER=$maker
	fi
	gateway_as_usual
}

# libreswan_keys FOLDER: NSS's database of what is in $LAB/pki; needs its tools
libreswan_keys() {
	local p12=$LAB/pki/libreswan.p12
	mkdir "$1" &&
		openssl pkcs12 -export -inkey "$LAB/pki/rsa-2048.key" -in "$LAB/pki/rsa-2048.crt" \
			-certfile "$LAB/pki/ca.crt" -name rsa-2048 -passout pass:lab -out "$p12" &&
		certutil -N -d "sql:$1" --empty-password &&
		certutil -A -d "sql:$1" -n ca -t CT,, -i "$LAB/pki/ca.crt" &&
		pk12util -i "$p12" -d "sql:$1" -W lab -K ''
}

# libreswan_gives_tickets: since version 5
libreswan_gives_tickets() {
	grep -aq session-resumption "${PLUTO%/*}/addconn"
}

libreswan_start() {
	local here=$LAB/gateway/libreswan
	if [ ! -d "$here" ]; then
		mkdir -m 700 "$here" "$here/policies"
		printf '%s: PSK "%s"\n' '' "$PSK" "$GATE4 %any " password@123 >"$here/secrets"
		printf 'alice:%s\n' "$(openssl passwd -6 "$ALICE")" >"$here/passwd"
		cp "$NET_DIR/gateway/libreswan.conf" "$here/conf"
		! libreswan_gives_tickets || sed -i 's/^\tikev2=yes/&\n\tsession-resumption=yes/' "$here/conf"
	fi
	gateway_mark
	serve gateway "$PLUTO" --nofork --stderrlog --config "$here/conf" \
		--secretsfile "$here/secrets" --ipsecdir "$here" --nssdir "$LAB/pki/nss" --no-dnssec \
		--rundir "$LAB/gateway/run" --nhelpers 0 >>"$GATEWAY_LOG" 2>&1
	echo "$SERVED" >"$LAB/gateway/started"
	wait_until 90 gateway_said 'loading secrets from' || return 1
}

# libreswan_add CONNECTION: one that it does not know at its start; libreswan_delete: not any more
libreswan_add() {
	in_box gateway "${PLUTO%/*}/addconn" --config "$LAB/gateway/libreswan/conf" \
		--ctlsocket "$LAB/gateway/run/pluto.ctl" "$1" >>"$GATEWAY_LOG" 2>&1 || fail "libreswan does not take $1"
}

libreswan_delete() {
	in_box gateway "${PLUTO%/*}/whack" --ctlsocket "$LAB/gateway/run/pluto.ctl" --delete --name "$1" >>"$GATEWAY_LOG" 2>&1
}

openiked_start() {
	local here=$LAB/gateway/iked
	if [ ! -d "$here" ]; then
		# Its process for certificates has no privileges.
		install -d -m 755 "$here"/{,ca,certs,private,crls,pubkeys,pubkeys/{fqdn,ufqdn,ipv4,ipv6}}
		install -m 644 "$LAB/pki/ca.crt" "$here/ca/"
		install -m 644 "$LAB/pki/rsa-2048.crt" "$here/certs/"
		install -m 600 "$LAB/pki/rsa-2048.key" "$here/private/local.key"
		install -m 600 "$NET_DIR/gateway/openiked.conf" "$here/iked.conf"
		in_box gateway mount --bind "$here" /etc/iked
	fi
	modprobe af_key # it speaks to the kernel by PF_KEY
	gateway_mark
	serve gateway "$IKED" -d -vv -f "$here/iked.conf" -s "$LAB/gateway/run/iked.sock" >>"$GATEWAY_LOG" 2>&1
	echo "$SERVED" >"$LAB/gateway/started"
	# It listens before it knows its policies whole, and then answers with empty traffic selectors.
	wait_until 90 gateway_said 'config_getstatic: .*stickyaddress' || return 1
}

# softether_start: its virtual network is 192.168.30.0/24, and what is behind the box by address translation
softether_start() {
	local folder
	if [ -z "$(in_box gateway findmnt -n /var/lib/softether)" ]; then
		for folder in /var/lib /var/log; do
			in_box gateway mount -t tmpfs tmpfs "$folder"
			in_box gateway mkdir "$folder/softether"
		done
		in_box gateway mkdir -p /run/softether
	fi
	gateway_mark
	serve gateway "$SOFTETHER/vpnserver/vpnserver" execsvc >>"$GATEWAY_LOG" 2>&1
	echo "$SERVED" >"$LAB/gateway/started"
	wait_until 30 softether_listens 5555 || return 1
	softether_do "/IN:$NET_DIR/gateway/softether.cmd" || return 1
	wait_until 30 softether_listens 4500
}

softether_listens() {
	[ -n "$(in_box gateway ss -Hlntu "sport = :$1")" ]
}

# softether_do ARGUMENTS...: of vpncmd
softether_do() {
	in_box gateway "$SOFTETHER/vpncmd/vpncmd" localhost:5555 /SERVER "$@" >>"$GATEWAY_LOG" 2>&1
}

# radius_start [PASSWORD]: FreeRADIUS, which the usual gateway asks for the connection "radius"; RADIUS_TLS is
# the best version of TLS that it speaks, RADIUS_FIRST the method that it begins with, RADIUS_PEAP what it has in PEAP,
# RADIUS_REPLY an attribute of its accept
radius_start() {
	local here=$LAB/gateway/radius program=$PEERS/sbin/freeradius
	[ -x "$program" ] || skip "FreeRADIUS is not there"
	mkdir -p "$here"
	cp "$NET_DIR/gateway/radiusd.conf" "$here/"
	printf 'alice Cleartext-Password := "%s"\n' "${1:-$ALICE}" >"$here/users"
	[ -z "${RADIUS_REPLY:-}" ] || printf '\t%s\n' "$RADIUS_REPLY" >>"$here/users"
	serve gateway env "PEERS=${PEERS%/usr}" "HERE=$here" "PKI=$LAB/pki" \
		"TLS=${RADIUS_TLS:-1.3}" "FIRST=${RADIUS_FIRST:-mschapv2}" "PEAP=${RADIUS_PEAP:-mschapv2}" \
		"LD_LIBRARY_PATH=$PEERS/lib/x86_64-linux-gnu:$PEERS/lib/freeradius" \
		"$program" -f -l stderr -d "$here" -D "$PEERS/share/freeradius" >>"$GATEWAY_LOG" 2>&1
	RADIUS=$SERVED
	trap 'kill "$RADIUS"; clients_end; router_plain' EXIT
	wait_until 20 radius_listens || fail "FreeRADIUS does not start"
}

# hostapd_start: its server of EAP, in FreeRADIUS's place; it binds what is inside of PEAP to PEAP
hostapd_start() {
	local here=$LAB/gateway/hostapd program=$PEERS/sbin/hostapd
	[ -x "$program" ] || skip "hostapd is not there"
	mkdir -p "$here"
	printf '127.0.0.1 lab\n' >"$here/clients"
	printf '%s\n' '* PEAP,TTLS,TLS' "\"alice\" MSCHAPV2,TTLS-MSCHAPV2 \"$ALICE\" [2]" >"$here/users"
	cat >"$here/conf" <<-END
	driver=none
	interface=lo
	logger_stdout=-1
	logger_stdout_level=1
	eap_server=1
	eap_user_file=$here/users
	ca_cert=$LAB/pki/ca.crt
	server_cert=$LAB/pki/radius.crt
	private_key=$LAB/pki/radius.key
	radius_server_clients=$here/clients
	radius_server_auth_port=1812
	END
	serve gateway "$program" -dd "$here/conf" >>"$GATEWAY_LOG" 2>&1
	RADIUS=$SERVED
	trap 'kill "$RADIUS"; clients_end; router_plain' EXIT
	wait_until 20 radius_listens || fail "hostapd does not start"
}

radius_listens() {
	[ -n "$(in_box gateway ss -Hlnu 'sport = :1812')" ]
}
