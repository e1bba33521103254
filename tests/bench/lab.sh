# shellcheck shell=bash disable=SC2034 # other files use what this one defines
# What the benchmarks share: the lab of tests/net, a wire of any length, the peers, and figures.
#
# A figure is a line of $FIGURES: a name of words joined by dots, then its values, one of each round.
# report.py takes their median.

BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NET_DIR=$BENCH_DIR/../net
OUT=$BENCH_DIR/../../build/${BUILD:-release}
BENCH_BIN=$OUT/tests/bench
FIGURES=${FIGURES:-/dev/stdout}
for part in lab pki gateway client; do
	# shellcheck source=/dev/null
	. "$NET_DIR/$part.sh"
done

say() {
	printf 'bench: %s\n' "$*" >&2
}

fail() {
	say "$*"
	exit 1
}

# figure NAME VALUE...
figure() {
	echo "$*" >>"$FIGURES"
}

# bench_lab SCRIPT ARGUMENTS...: returns inside the lab, with its gateway running
bench_lab() {
	local why
	why=$(lab_why_not)
	[ -z "$why" ] || { say "${1##*/} skipped: $why" && exit 0; }
	lab_enter "$@"
	gateway_prepare
	gateway_start || fail "the gateway did not start: $(tail -n 5 "$GATEWAY_LOG")"
	# Pings before the tunnel is there must not fill the wire.
	in_box router ip rule add pref 50 iif lan to 10.99.0.0/24 blackhole
}

# wire MILLISECONDS: of round trip, half each way; 0: the veths alone. $LAB/wire says what passed.
WIRE_PID=
wire() {
	[ -z "$WIRE_PID" ] || wire_cut
	[ "$1" != 0 ] || return 0
	serve router "$BENCH_BIN/bench_relay" delay0 "$(($1 * 500))" "$LAB/wire"
	wait_until 5 in_box router ip link set delay0 up 2>/dev/null || fail "no relay"
	WIRE_PID=$SERVED
	in_box router ip route add default dev delay0 table 100
	in_box router ip rule add pref 100 iif lan lookup 100
	in_box router ip rule add pref 100 iif wan lookup 100
}

wire_cut() {
	in_box router ip rule del pref 100 iif lan
	in_box router ip rule del pref 100 iif wan
	kill "$WIRE_PID"
	wait "$WIRE_PID" 2>/dev/null || true
	WIRE_PID=
}

# --- the peers ------------------------------------------------------------------------------------

# peer_settings: strongswan.conf of charon-cmd and of charon as a client, with no plugin too many: what
# somebody has who knows strongSwan well, and has no use for its other methods
peer_settings() {
	local libipsec=kernel-libipsec device=ipsec0
	[ "${GATEWAY_ESP:-}" != kernel ] || libipsec='' device=lo
	local plugins="random nonce pem pkcs1 pkcs8 x509 pubkey sha1 sha2 md5 hmac drbg kdf aes gcm
		curve25519 gmp openssl $libipsec kernel-netlink socket-default resolve
		eap-identity eap-mschapv2 xauth-generic"
	plugins=$(echo "$plugins" | tr -s '\n\t' '  ')
	cat <<-END
	charon-cmd {
		load = $plugins
		install_virtual_ip_on = $device
	}
	charon {
		load = $plugins vici
		install_virtual_ip_on = $device
		start-scripts {
			load = swanctl --load-all --noprompt
		}
	}
	swanctl {
		load = random nonce pem pkcs1 pkcs8 x509 pubkey sha1 sha2 hmac openssl
	}
	END
}

# shipped_settings: of charon-cmd as everybody has it who installs it; nothing there says what it loads
shipped_settings() {
	printf 'charon-cmd {\n\tinstall_virtual_ip_on = ipsec0\n}\n'
}

# peer_connection METHOD SECTIONS: swanctl.conf that connects as soon as it is loaded
peer_connection() {
	mkdir -p "$LAB/peer/$1"/{x509,x509ca,private}
	cat >"$LAB/peer/$1/swanctl.conf" <<-END
	connections {
		bench {
			version = ${3:-2}
			remote_addrs = ${4:-$GATE4}
			vips = 0.0.0.0
			proposals = ${5:-default}
			$2
			children {
				net {
					remote_ts = 10.99.0.0/24
					start_action = start
				}
			}
		}
	}
	secrets {
		ike {
			secret = "$PSK"
		}
		eap {
			id = alice
			secret = "$ALICE"
		}
		xauth {
			id = alice
			secret = "$ALICE"
		}
	}
	END
}

# peer_certificate METHOD KIND: by the gateway's and the user's certificates of that kind
peer_certificate() {
	peer_connection "$1" "local {
		auth = pubkey
		certs = user-$2.crt
		id = $2@vpn.test
	}
	remote {
		auth = pubkey
		id = $2.vpn.test
	}"
	cp "$LAB/pki/user-$2.crt" "$LAB/peer/$1/x509/"
	cp "$LAB/pki/user-$2.key" "$LAB/peer/$1/private/"
	cp "$LAB/pki/ca.crt" "$LAB/peer/$1/x509ca/"
}

peers_prepare() {
	mkdir -p "$LAB/peer"
	peer_settings >"$LAB/peer/strongswan.conf"
	shipped_settings >"$LAB/peer/shipped.conf"
	printf '%s\n' "$ALICE" >"$LAB/peer/password"
	printf '%s\n%s\n' "$PSK" "$ALICE" >"$LAB/peer/psk-password"
	peer_connection psk "local {
		auth = psk
		id = psk@vpn.test
	}
	remote {
		auth = psk
		id = gate.vpn.test
	}"
	peer_certificate cert rsa-2048
	peer_certificate ecdsa ecdsa-256
	peer_connection eap "local {
		auth = eap-mschapv2
		id = mschapv2@vpn.test
		eap_id = alice
	}
	remote {
		auth = pubkey
		id = gate.vpn.test
	}"
	peer_connection xauth "local {
		auth = psk
		id = keyid:staff
	}
	local-xauth {
		auth = xauth
		xauth_id = alice
	}
	remote {
		auth = psk
	}" 1 198.51.100.16 aes128-sha256-ecp256
	cp "$LAB/pki/ca.crt" "$LAB/peer/eap/x509ca/"
}

# ours_prepare: our profiles for the same logins
ours_prepare() {
	profile_psk psk
	profile_cert cert rsa-2048
	profile_cert ecdsa ecdsa-256
	profile_eap eap mschapv2
	sed -i "s/^gateway = .*/gateway = $GATE4/" "$LAB/profiles/eap.conf"
	profile_add eap remote "id = gate.vpn.test"
	profile xauth <<-END
	[connection]
	type = ikev1
	gateway = 198.51.100.16
	[local]
	auth = xauth-psk
	id = keyid:staff
	[ike]
	proposals = aes128-sha256-ecp256
	[esp]
	proposals = aes128-sha256
	pfs = no
	[secrets]
	psk = $PSK
	user = alice
	password = "$ALICE"
	END
}

# command_of WHO METHOD: puts the words that run it in the client's box into COMMAND, its stdin into
# INPUT; false when WHO has no such method
command_of() {
	local who=${1%-shipped} settings=strongswan
	[ "$who" = "$1" ] || settings=shipped
	INPUT=/dev/null
	COMMAND=(env "STRONGSWAN_CONF=$LAB/peer/$settings.conf" "SWANCTL_DIR=$LAB/peer/$2")
	case $who.$2 in
	ours.*)
		COMMAND=("$VPNC_IKE" --profile-dir "$LAB/profiles" --no-input connect "$2")
		;;
	charon.*)
		COMMAND+=("$CHARON")
		;;
	charon-cmd.cert)
		COMMAND+=(charon-cmd --profile ikev2-pub --host "$GATE4" --cert "$LAB/pki/ca.crt"
			--cert "$LAB/pki/user-rsa-2048.crt" --rsa "$LAB/pki/user-rsa-2048.key"
			--identity rsa-2048@vpn.test --remote-identity rsa-2048.vpn.test)
		;;
	charon-cmd.eap)
		COMMAND+=(charon-cmd --profile ikev2-eap --host "$GATE4" --cert "$LAB/pki/ca.crt"
			--identity mschapv2@vpn.test --eap-identity alice
			--remote-identity gate.vpn.test)
		INPUT=$LAB/peer/password
		;;
	charon-cmd.xauth)
		COMMAND+=(charon-cmd --profile ikev1-xauth-psk --host 198.51.100.16
			--identity keyid:staff --xauth-username alice
			--remote-identity gate.vpn.test --ike-proposal aes128-sha256-ecp256)
		INPUT=$LAB/peer/psk-password
		;;
	xl2tpd.l2tp)
		COMMAND=("$BENCH_DIR/l2tp_peer" "$GATE4")
		;;
	*)
		return 1
		;;
	esac
}
