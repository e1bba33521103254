# shellcheck shell=bash disable=SC2034 # other files use what this one defines
# The L2TP server, in the gateway's box and instead of the usual gateway: strongSwan as ipsec.conf sets
# it up, with ESP in the kernel, and xl2tpd with pppd. Needs lab.sh and gateway.sh; all of its logs go
# to the gateway's. Configuration: the folder l2tp, of which a test has a copy of its own to add to.

L2TP_GATEWAY4=10.10.1.1 # the server's end of every PPP link

# l2tp_why_not: prints what is missing here for it, nothing if all is there.
l2tp_why_not() {
	local tool
	[ "${GATEWAY_ESP:-}" = kernel ] || { echo "transport mode needs a gateway with ESP in its kernel"; return; }
	for tool in /usr/lib/ipsec/starter /usr/lib/ipsec/stroke /usr/sbin/xl2tpd /usr/sbin/pppd; do
		[ -x "$tool" ] || { echo "no ${tool##*/}"; return; }
	done
	[ -c /dev/ppp ] || { echo "no /dev/ppp"; return; }
}

# l2tp_files: the configuration as it is without additions, in the box's /etc/ppp
l2tp_files() {
	L2TP_HERE=$LAB/gateway/ppp
	rm -f "$L2TP_HERE"/*
	cp "$NET_DIR"/l2tp/* "$L2TP_HERE/"
	echo "logfile $GATEWAY_LOG" >>"$L2TP_HERE/options.xl2tpd"
	gateway_settings | sed 's/^\(\tload = .*\)/\1 stroke updown/' >"$L2TP_HERE/strongswan.conf"
	cat >>"$L2TP_HERE/strongswan.conf" <<-END
	charon {
		plugins {
			stroke {
				secrets_file = $L2TP_HERE/ipsec.secrets
			}
		}
	}
	starter {
		load_warning = no
	}
	END
	chmod 600 "$L2TP_HERE"/*
}

# l2tp_add FILE LINE...: settings of a test's own; where one is there already, the last one counts.
l2tp_add() {
	printf '%s\n' "${@:2}" >>"$L2TP_HERE/$1"
}

# l2tp_makes_room: the usual gateway is in the way
l2tp_makes_room() {
	local pid
	read -r pid _ <"$LAB/gateway/started"
	gateway_is_dead "$pid" || gateway_kill
}

# l2tp_ike_start: strongSwan
l2tp_ike_start() {
	gateway_mark
	rm -f "$LAB"/gateway/run/{charon.ctl,charon.pid,starter.charon.pid}
	STRONGSWAN_CONF=$L2TP_HERE/strongswan.conf serve gateway /usr/lib/ipsec/starter --nofork \
		--conf "$L2TP_HERE/ipsec.conf" >>"$GATEWAY_LOG" 2>&1
	L2TP_STARTER=$SERVED
	wait_until 40 gateway_said "added configuration 'L2TP-PSK'" || fail "strongSwan does not start"
}

l2tp_tunnel_start() {
	serve gateway /usr/sbin/xl2tpd -D -c "$L2TP_HERE/xl2tpd.conf" -s "$L2TP_HERE/l2tp-secrets" \
		-p "$LAB/gateway/run/xl2tpd.pid" -C "$LAB/gateway/run/l2tp-control" >>"$GATEWAY_LOG" 2>&1
	L2TP_XL2TPD=$SERVED
	wait_until 40 l2tp_listens || fail "xl2tpd does not start"
}

l2tp_listens() {
	[ -n "$(in_box gateway ss -Hlun 'sport = :1701')" ]
}

# l2tp_tunnel_kill: xl2tpd and its pppds, without a word to their peers; it is a session of its own.
l2tp_tunnel_kill() {
	pkill -KILL -s "$L2TP_XL2TPD"
	wait_until 5 gateway_is_dead "$L2TP_XL2TPD"
}

# l2tp_ike_kill: the same with strongSwan and what the kernel has of it
l2tp_ike_kill() {
	local charon
	read -r charon <"$LAB/gateway/run/charon.pid"
	kill -KILL "$L2TP_STARTER" "$charon"
	wait_until 5 gateway_is_dead "$charon"
	in_box gateway ip xfrm state flush
	in_box gateway ip xfrm policy flush
}

# l2tp_start: all of it
l2tp_start() {
	l2tp_makes_room
	l2tp_ike_start
	l2tp_tunnel_start
}

# l2tp_end: whatever still runs of it
l2tp_end() {
	[ -z "${L2TP_XL2TPD:-}" ] || l2tp_tunnel_kill || true
	[ -z "${L2TP_STARTER:-}" ] || l2tp_ike_kill || true
}
