# shellcheck shell=bash
# Profiles of other programs, for the lab's gateway: imported, and used.

# foreign FILE: stdin is that file, as an administrator hands it out
foreign() {
	mkdir -p "$LAB/foreign" "$LAB/profiles"
	(umask 077 && cat >"$LAB/foreign/$1")
}

# imported NAME FILE [OPTION...]: becomes that profile, and the tunnel of it works
imported() {
	rm -f "$LAB/profiles/$1".*
	vpnc_ike import "$LAB/foreign/$2" "$1" >"$LAB/said" || fail "exit status $?: $(cat "$LAB/said")"
	grep -q "^$1: saved as $LAB/profiles/$1.conf" "$LAB/said" || fail "$(cat "$LAB/said")"
	[ "$(stat -c %a "$LAB/profiles/$1.conf")" = 600 ] || fail "others can read the profile"
	client_start "$1" "${@:3}"
	reaches "$INNER4"
	client_stop "$1"
}

test_import_swanctl_psk() {
	foreign swanctl.conf <<-END
	connections {
		home {
			version = 2
			remote_addrs = $GATE4
			vips = 0.0.0.0, ::
			proposals = aes256gcm16-prfsha256-x25519
			local {
				auth = psk
				id = psk@vpn.test
			}
			remote {
				auth = psk
				id = gate.vpn.test
			}
			children {
				net {
					remote_ts = 10.99.0.0/24
					updown = /usr/lib/ipsec/_updown
				}
			}
		}
	}
	secrets {
		ike-home {
			id = gate.vpn.test
			secret = "$PSK"
		}
	}
	END
	imported home swanctl.conf
	grep -q "never taken children.updown" "$LAB/said" || fail "$(cat "$LAB/said")"
}

test_import_swanctl_eap() {
	foreign swanctl.conf <<-END
	connections {
		office {
			remote_addrs = $GATE4
			vips = 0.0.0.0
			local {
				auth = eap-mschapv2
				id = mschapv2@vpn.test
				eap_id = alice
			}
			remote {
				auth = pubkey
				id = gate.vpn.test
				cacerts = $LAB/pki/ca.crt
			}
			children {
				net {
				}
			}
		}
	}
	secrets {
		eap-alice {
			id = alice
			secret = "$ALICE"
		}
	}
	END
	imported office swanctl.conf
}

test_import_swanctl_ikev1() {
	foreign swanctl.conf <<-END
	connections {
		old {
			version = 1
			remote_addrs = 198.51.100.16
			vips = 0.0.0.0
			local-1 {
				auth = psk
				id = keyid:staff
			}
			local-2 {
				auth = xauth
				xauth_id = alice
			}
			remote {
				auth = psk
			}
			children {
				net {
					remote_ts = 10.99.0.0/24
				}
			}
		}
	}
	secrets {
		ike {
			secret = "$PSK"
		}
		xauth {
			id = alice
			secret = "$ALICE"
		}
	}
	END
	imported old swanctl.conf
}

test_import_networkmanager() {
	foreign home.nmconnection <<-END
	[connection]
	id=NM home
	type=vpn
	[vpn]
	address=$GATE4
	certificate=$LAB/pki/ca.crt
	encap=no
	ipcomp=no
	method=eap
	password-flags=0
	remote-identity=gate.vpn.test
	local-identity=mschapv2@vpn.test
	server-port=500
	user=alice
	virtual=yes
	service-type=org.freedesktop.NetworkManager.strongswan
	[vpn-secrets]
	password=$ALICE
	[ipv4]
	method=auto
	END
	imported nm home.nmconnection
}

test_import_ipsec_conf() {
	foreign ipsec.conf <<-END
	config setup
	conn %default
		keyexchange=ikev2
		leftupdown=/usr/lib/ipsec/_updown
	conn road
		left=%defaultroute
		leftid=psk@vpn.test
		leftsourceip=%config
		leftauth=psk
		rightauth=psk
		right=$GATE4
		rightid=gate.vpn.test
		rightsubnet=10.99.0.0/24
		ike=aes256gcm16-prfsha256-x25519!
		auto=start
	END
	rm -f "$LAB/profiles/road".*
	vpnc_ike import "$LAB/foreign/ipsec.conf" >"$LAB/said" || fail "exit status $?: $(cat "$LAB/said")"
	profile_add road secrets "psk = $PSK"
	client_start road
	reaches "$INNER4"
	client_stop road
}

# In the virtual machine, where L2TP runs.
test_import_networkmanager_l2tp() {
	l2tp_lab
	l2tp_start
	foreign office.nmconnection <<-END
	[connection]
	id=office
	type=vpn
	[vpn]
	gateway=$GATE4
	ipsec-enabled=yes
	ipsec-psk=password@123
	user=foobar
	service-type=org.freedesktop.NetworkManager.l2tp
	[vpn-secrets]
	password=foobar@123
	END
	imported office office.nmconnection
}

# With the certificate within.
test_import_sswan() {
	local p12
	openssl pkcs12 -export -inkey "$LAB/pki/user-ecdsa-256.key" -in "$LAB/pki/user-ecdsa-256.crt" \
		-certfile "$LAB/pki/ca.crt" -passout pass: -out "$LAB/user.p12"
	p12=$(base64 -w0 "$LAB/user.p12")
	foreign phone.sswan <<-END
	{ "uuid": "5f2f1b4a-7f0b-4b52-9bd5-1c2b8a0d9a11", "name": "Phone", "type": "ikev2-cert",
	  "remote": { "addr": "$GATE4", "id": "ecdsa-256.vpn.test", "cert": "$(base64 -w0 "$LAB/pki/ca.crt")" },
	  "local": { "id": "ecdsa-256@vpn.test", "p12": "$p12" } }
	END
	imported phone phone.sswan
}

test_import_mobileconfig() {
	foreign work.mobileconfig <<-END
	<?xml version="1.0" encoding="UTF-8"?>
	<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
	<plist version="1.0"><dict>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadContent</key><array>
	<dict><key>PayloadType</key><string>com.apple.security.root</string>
	<key>PayloadUUID</key><string>A</string>
	<key>PayloadContent</key><data>$(openssl x509 -in "$LAB/pki/ca.crt" -outform der | base64 -w0)</data></dict>
	<dict><key>PayloadType</key><string>com.apple.vpn.managed</string>
	<key>PayloadUUID</key><string>B</string>
	<key>UserDefinedName</key><string>Work</string>
	<key>VPNType</key><string>IKEv2</string>
	<key>IKEv2</key><dict>
	<key>RemoteAddress</key><string>$GATE4</string>
	<key>RemoteIdentifier</key><string>gate.vpn.test</string>
	<key>LocalIdentifier</key><string>mschapv2@vpn.test</string>
	<key>AuthenticationMethod</key><string>None</string>
	<key>ExtendedAuthEnabled</key><integer>1</integer>
	<key>AuthName</key><string>alice</string>
	<key>AuthPassword</key><string>$ALICE</string>
	</dict></dict>
	</array></dict></plist>
	END
	imported work work.mobileconfig
}

# Nothing is written over, and what is no profile is refused.
test_import_refused() {
	local status=0
	foreign swanctl.conf <<-END
	connections {
		mine {
			remote_addrs = 192.0.2.1
			local {
				auth = psk
			}
			remote {
				auth = psk
			}
		}
	}
	END
	rm -f "$LAB/profiles/mine.conf"
	vpnc_ike import "$LAB/foreign/swanctl.conf" >/dev/null
	echo "# kept" >>"$LAB/profiles/mine.conf"
	vpnc_ike import "$LAB/foreign/swanctl.conf" >/dev/null 2>"$LAB/said" || status=$?
	[ $status = 3 ] || fail "exit status $status"
	grep -q "^# kept" "$LAB/profiles/mine.conf" || fail "the profile was written over"
	status=0
	echo '{' | foreign bad.sswan
	vpnc_ike import "$LAB/foreign/bad.sswan" >/dev/null 2>"$LAB/said" || status=$?
	[ $status = 3 ] || fail "exit status $status"
	grep -q "read as strongSwan's .sswan" "$LAB/said" || fail "$(cat "$LAB/said")"
}
