# shellcheck shell=bash
# The gateway: Debian's strongSwan with ESP in user space, so that no kernel ESP is needed, or with
# GATEWAY_ESP=kernel in the kernel (plain ESP, no faked NAT).
# Needs lab.sh and pki.sh. Configuration: gateway/swanctl.conf, gateway/strongswan.conf.

CHARON=/usr/lib/ipsec/charon
GATEWAY_LOG=            # in $LAB/gateway
GATEWAY_MAKER=strongswan # another one is in peers.sh

# gateway_settings: strongswan.conf for where ESP shall be
gateway_settings() {
	if [ "${GATEWAY_ESP:-}" = kernel ]; then
		sed 's/ kernel-libipsec / /' "$NET_DIR/gateway/strongswan.conf"
	else
		cat "$NET_DIR/gateway/strongswan.conf"
	fi
}

# gateway_prepare: keys and connections where charon's box shows them as /etc/swanctl.
gateway_prepare() {
	local to=$LAB/gateway/swanctl k
	export STRONGSWAN_CONF=$LAB/gateway/strongswan.conf
	gateway_settings >"$STRONGSWAN_CONF"
	mkdir -p "$to"/{x509,x509ca,private}
	if [ -n "${LAB_PKI:-}" ]; then # made before, where it does not take so long
		cp -a "$LAB_PKI" "$LAB/pki"
	else
		pki_build
	fi
	for k in rsa-2048 rsa-3072 ecdsa-256 ecdsa-384 ed25519 chain eap other asked; do
		cp "$LAB/pki/$k.crt" "$to/x509/"
		cp "$LAB/pki/$k.key" "$to/private/"
	done
	cp "$LAB"/pki/{ca,gateway-outer,gateway-middle}.crt "$to/x509ca/"
	cp "$NET_DIR/gateway/swanctl.conf" "$to/"
	GATEWAY_LOG=$LAB/gateway/log
}

# gateway_start [SETTING...]
gateway_start() {
	"${GATEWAY_MAKER}_start" "$@"
}

# strongswan_start [SETTING...]: each setting is one of the section charon, as in "key=value".
strongswan_start() {
	gateway_settings >"$STRONGSWAN_CONF"
	[ $# -eq 0 ] || printf 'charon {\n%s\n}\n' "$(printf '%s\n' "$@")" >>"$STRONGSWAN_CONF"
	rm -f "$LAB/gateway/run/charon.vici" "$LAB/gateway/run/charon.pid"
	serve gateway "$CHARON" >>"$GATEWAY_LOG" 2>&1
	echo "$SERVED $*" >"$LAB/gateway/started"
	wait_until 60 test -S "$LAB/gateway/run/charon.vici" || return 1
	wait_until 30 gateway_do --load-all --noprompt || return 1
}

# gateway_kill: as a power failure does it, without a word to its peers.
gateway_kill() {
	local pid
	read -r pid _ <"$LAB/gateway/started"
	kill -KILL "$pid"
	wait_until 5 gateway_is_dead "$pid"
	# A kernel goes on with its SAs when only the daemon is gone.
	in_box gateway ip xfrm state flush
	in_box gateway ip xfrm policy flush
}

gateway_is_dead() {
	! kill -0 "$1" 2>/dev/null
}

gateway_restart() {
	gateway_kill
	gateway_start "$@"
}

# gateway_as_usual: a test may have killed it, or started it with settings of its own.
gateway_as_usual() {
	local pid settings
	read -r pid settings <"$LAB/gateway/started"
	if gateway_is_dead "$pid"; then
		gateway_start
	elif [ -n "$settings" ]; then
		gateway_kill && gateway_start
	fi
}

# gateway_do SWANCTL-ARGUMENTS...
gateway_do() {
	in_box gateway swanctl "$@" >>"$GATEWAY_LOG.swanctl" 2>&1
}

# gateway_without IDENTITY COMMAND...: while it takes nobody of that name
gateway_without() {
	local status=0 conf=$LAB/gateway/swanctl/swanctl.conf
	sed -i "s/id = $1\$/id = nobody/" "$conf"
	gateway_do --load-conns
	"${@:2}" || status=$?
	cp "$NET_DIR/gateway/swanctl.conf" "$conf"
	gateway_do --load-conns
	return "$status"
}

gateway_is_idle() {
	[ -z "$(in_box gateway swanctl --list-sas)" ]
}

# gateway_said REGEX: since gateway_mark. No pipe: grep -q would break it, and pipefail would tell.
gateway_said() {
	grep -Eq -- "$1" < <(tail -c "+$((GATEWAY_MARK + 1))" "$GATEWAY_LOG")
}

# gateway_says REGEX: the same, but its log may lag
gateway_says() {
	wait_until 3 gateway_said "$1"
}

gateway_mark() {
	GATEWAY_MARK=$(stat -c %s "$GATEWAY_LOG")
}
