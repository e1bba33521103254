# shellcheck shell=bash
# The client: profiles, and vpnc-ike in the client's box with a pipe as stdin. Needs lab.sh.
# DATAPLANE is what the profiles say of it; without it they say nothing.
# Every profile has a folder $LAB/run/NAME with what its vpnc-ike printed: out, err.

VPNC_IKE=${VPNC_IKE:-$NET_DIR/../../build/${BUILD:-release}/vpnc-ike}
PSK='correct horse battery staple'
ALICE='wonder; land # 1 = ok'
declare -A CLIENT_PID=() CLIENT_IN=()

# client_command: puts the words that run vpnc-ike in the client's box into COMMAND, as sudo does for the
# user CLIENT_SUDO if that is set, and with CLIENT_ASKPASS to ask for secrets. The default action of
# SIGINT is given back, which a shell takes from its background jobs.
client_command() {
	COMMAND=(nsenter -t "${BOX[client]}" -m -n -- env -i --default-signal=INT PATH="$PATH"
		HOME="$LAB/home" XDG_CONFIG_HOME="$LAB/home/.config" TERM="${TERM:-dumb}"
		${CLIENT_SUDO:+"SUDO_UID=$CLIENT_SUDO"}
		${CLIENT_ASKPASS:+"VPNC_IKE_ASKPASS=$CLIENT_ASKPASS"} LANG=C.UTF-8 ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$VPNC_IKE"
		--profile-dir "$LAB/profiles" --color=never)
}

# vpnc_ike ARGUMENTS...: in the foreground
vpnc_ike() {
	local COMMAND
	client_command
	"${COMMAND[@]}" "$@"
}

# profile NAME: writes stdin as that profile. Tests name no others, so a name says what is in it.
profile() {
	mkdir -p "$LAB/profiles"
	rm -f "$LAB/profiles/$1.conf" # and with it the mode that another test gave it
	(umask 077 && cat >"$LAB/profiles/$1.conf")
}

# profile_psk NAME [ID [GATEWAY]]: what every connection with the shared key has in common; more
# sections can follow with profile_add.
profile_psk() {
	profile "$1" <<-END
	[connection]
	gateway = ${3:-$GATE4}
	${DATAPLANE:+dataplane = $DATAPLANE}
	[local]
	auth = psk
	id = ${2:-psk}@vpn.test
	[remote]
	auth = psk
	id = gate.vpn.test
	[secrets]
	psk = $PSK
	END
}

# profile_eap NAME METHOD [ID]: alice's
profile_eap() {
	profile "$1" <<-END
	[connection]
	gateway = gate.vpn.test
	${DATAPLANE:+dataplane = $DATAPLANE}
	[local]
	auth = eap
	eap = $2
	id = ${3:-$2}@vpn.test
	[remote]
	ca = $LAB/pki/ca.crt
	[secrets]
	user = alice
	password = "$ALICE"
	END
}

# profile_tls NAME WHO: the certificate of that user, for EAP alone
profile_tls() {
	profile "$1" <<-END
	[connection]
	gateway = gate.vpn.test
	${DATAPLANE:+dataplane = $DATAPLANE}
	[local]
	auth = eap
	certificate = $LAB/pki/user-$2.crt
	key = $LAB/pki/user-$2.key
	[remote]
	ca = $LAB/pki/ca.crt
	END
}

# profile_cert NAME KIND [CERTIFICATE]: gateway KIND.vpn.test and user KIND@vpn.test
profile_cert() {
	profile "$1" <<-END
	[connection]
	gateway = $GATE4
	${DATAPLANE:+dataplane = $DATAPLANE}
	[local]
	auth = cert
	id = $2@vpn.test
	certificate = ${3:-$LAB/pki/user-$2.crt}
	key = $LAB/pki/user-$2.key
	[remote]
	id = $2.vpn.test
	ca = $LAB/pki/ca.crt
	END
}

# profile_add NAME SECTION LINE...
profile_add() {
	{
		echo "[$2]"
		printf '%s\n' "${@:3}"
	} >>"$LAB/profiles/$1.conf"
}

# client_launch PROFILE [OPTION...]: starts it and does not wait for the tunnel
client_launch() {
	local COMMAND dir=$LAB/run/$1 in
	rm -rf "$dir"
	mkdir -p "$dir"
	: >"$dir/out"
	mkfifo "$dir/in"
	exec {in}<>"$dir/in"
	CLIENT_IN[$1]=$in
	client_command
	"${COMMAND[@]}" "${@:2}" connect "$1" <"$dir/in" >"$dir/out" 2>"$dir/err" {in}>&- &
	CLIENT_PID[$1]=$!
}

# client_start PROFILE [OPTION...]: returns when the tunnel carries traffic
client_start() {
	client_launch "$@"
	wait_until 60 client_up_or_dead "$1" || fail "$1: not connected after 60 s"
	client_said "$1" '^connected' || fail "$1: ended with status $(client_status "$1")"
}

client_up_or_dead() {
	client_said "$1" '^connected' || ! client_alive "$1"
}

client_alive() {
	kill -0 "${CLIENT_PID[$1]}" 2>/dev/null
}

# client_said PROFILE REGEX: on stdout
client_said() {
	grep -Eq -- "$2" "$LAB/run/$1/out"
}

# client_do PROFILE COMMAND: types it
client_do() {
	echo "$2" >&"${CLIENT_IN[$1]}"
}

# client_signal PROFILE SIGNAL
client_signal() {
	kill -s "$2" "${CLIENT_PID[$1]}"
}

# client_status PROFILE: waits for its end (10 s) and prints the exit status
client_status() {
	local status=0
	if ! wait_until 10 client_dead "$1"; then
		echo "still running"
		return
	fi
	wait "${CLIENT_PID[$1]}" 2>/dev/null || status=$?
	echo "$status"
}

client_dead() {
	! client_alive "$1"
}

# client_stop PROFILE: `down`, and everything has to have gone well
client_stop() {
	client_do "$1" down
	client_ends "$1" 0
}

# client_ends PROFILE STATUS
client_ends() {
	local status
	wait_until 30 client_dead "$1" || fail "$1: still running after 30 s"
	status=0
	wait "${CLIENT_PID[$1]}" 2>/dev/null || status=$?
	unset "CLIENT_PID[$1]"
	[ "$status" = "$2" ] || fail "$1: exit status $status, expected $2"
}

# clients_end: after a test, whatever it left
clients_end() {
	local name
	for name in "${!CLIENT_PID[@]}"; do
		kill -TERM "${CLIENT_PID[$name]}" 2>/dev/null || true
	done
	for name in "${!CLIENT_PID[@]}"; do
		wait_until 5 client_dead "$name" || kill -KILL "${CLIENT_PID[$name]}" || true
	done
}

# client_fails STATUS PROFILE [OPTION...]: connecting ends with that exit status, and says on stderr
# what failed, what the gateway said and what to try.
client_fails() {
	local COMMAND status=0 dir=$LAB/run/$2
	rm -rf "$dir"
	mkdir -p "$dir"
	client_command
	timeout "${LIMIT:-60}" "${COMMAND[@]}" --no-input "${@:3}" connect "$2" </dev/null \
		>"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" = "$1" ] || fail "$2: exit status $status, expected $1"
	! client_said "$2" '^connected' || fail "$2: said that it was connected"
}

# explained PROFILE REGEX...: three lines at least, and each regex matches one of them
explained() {
	local err=$LAB/run/$1/err re
	[ "$(grep -c . "$err")" -ge 3 ] || fail "$1: fewer than three lines on stderr"
	for re in "${@:2}"; do
		grep -Eiq -- "$re" "$err" || fail "$1: nothing on stderr matches $re"
	done
}

# warned PROFILE REGEX: on stderr, up to now
warned() {
	grep -Eq -- "^warning: .*$2" "$LAB/run/$1/err"
}

# json PROFILE EXPRESSION: what Python makes of it with the status as s
json() {
	local COMMAND
	client_command
	timeout 20 "${COMMAND[@]}" status --json "$1" | python3 "$NET_DIR/status.py" "$2"
}

# status_is PROFILE EXPRESSION
status_is() {
	[ "$(json "$1" "$2" 2>/dev/null)" = True ]
}

# status_becomes PROFILE EXPRESSION [SECONDS]
status_becomes() {
	wait_until "${3:-40}" status_is "$1" "$2" || fail "$1: never came true: $2"
}

# reaches ADDRESS...: a ping each, from the client
reaches() {
	local a
	for a in "$@"; do
		in_box client ping -q -n -c 3 -i 0.1 -W 2 "$a" >/dev/null || fail "no answer from $a"
	done
}

unreachable() {
	! in_box client ping -q -n -c 1 -W 1 "$1" >/dev/null 2>&1 || fail "$1 answers"
}

# transfers ADDRESS: a megabyte over TCP, compared; an echo over UDP
transfers() {
	local to=$1 said
	[[ $to != *:* ]] || to=[$to]
	in_box client timeout 60 socat -u "TCP:$to:9000" - | cmp - "$LAB/inner/megabyte" ||
		fail "a megabyte from $1 did not arrive whole"
	said=$(echo hello | in_box client timeout 20 socat -t 20 - "UDP:$to:7,readbytes=6")
	[ "$said" = hello ] || fail "no UDP echo from $1"
}

# ping_begin ADDRESS COUNT [SECONDS], ping_end: one every 20 ms, of which none may be lost
ping_begin() {
	in_box client ping -q -n -i "${3:-0.02}" -c "$2" -W 2 "$1" >"$LAB/ping" &
	PING_PID=$!
}

ping_end() {
	wait "$PING_PID" || true
	grep -q ' 0% packet loss' "$LAB/ping" || fail "$(grep transmitted "$LAB/ping")"
}

# client_machine: all that vpnc-ike could have changed, to be compared
client_machine() {
	in_box client "$NET_DIR/machine"
	echo resolv.conf
	cat "$LAB/client/etc/resolv.conf"
	stat -c '%A %U %G %s %Y' "$LAB/client/etc/resolv.conf"
	ls "$LAB/client/run/vpnc-ike" 2>/dev/null || true
}
