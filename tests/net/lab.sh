# shellcheck shell=bash disable=SC2034 # other files use what this one defines
#
# The lab: a client, a router and a gateway on one machine, none of which the machine sees.
#
#   client 192.168.77.2 -- 192.168.77.1 router 198.51.100.1 ---- 198.51.100.10.. gateway ---- inner
#          2001:db8:2::2   ::1             2001:db8:51::1        2001:db8:51::10..  10.99.0.1  10.99.0.2
#                                                                                  fd99::1    fd99::2
#
# lab_enter runs the script that calls it once more in a mount, network and process namespace of its
# own. All that the lab makes lives in there (files on a tmpfs over /dev/shm, interfaces, processes),
# so it ends with the script, whatever ends the script: nothing has to be undone, and two labs never
# meet.
# Inside, a box is a process that does nothing but hold a network namespace and a mount namespace
# with a /run, a /sys and (where it matters) an /etc of its own.

NET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

CLIENT4=192.168.77.2 CLIENT6=2001:db8:2::2
GATE4=198.51.100.10 GATE6=2001:db8:51::10     # takes every proposal
PICKY4=198.51.100.11                          # takes one group, and not the one clients try first
STUBBORN4=198.51.100.12                       # takes proposals that the profile does not offer
SILENT4=198.51.100.13                         # never answers
V1_FIRST=14 V1_LAST=24                        # 198.51.100.N: IKEv1, a connection each
INNER4=10.99.0.2 INNER6=fd99::2 SECOND4=10.97.0.1

declare -A BOX=() # name -> pid of the process that holds it
readonly V1_FIRST V1_LAST CLIENT4 CLIENT6 GATE4 GATE6 PICKY4 STUBBORN4 SILENT4 INNER4 INNER6 SECOND4

# lab_why_not: prints what is missing here for a lab, nothing if all is there.
lab_why_not() {
	[ "$(id -u)" = 0 ] || { echo "not root"; return; }
	[ -d /dev/shm ] || { echo "no /dev/shm"; return; }
	[ -c /dev/net/tun ] || { echo "no /dev/net/tun"; return; }
	unshare -mnpf --kill-child --mount-proc true 2>/dev/null || { echo "no namespaces"; return; }
	[ -x /usr/lib/ipsec/charon ] || { echo "strongSwan is not installed"; return; }
}

# lab_enter SCRIPT ARGS...: returns inside the lab. The outer half waits and passes the exit status
# on. It is tied to the inner half by the kernel (a dead parent kills the child, a dead first process
# kills all of its namespace), so that not even SIGKILL leaves anything running.
lab_enter() {
	if [ -n "${LAB:-}" ]; then
		trap 'exit 130' INT
		lab_build
		return
	fi
	local child status=0
	# A shell takes SIGINT and stdin from what it starts in the background: both are given back.
	LAB=/dev/shm env --default-signal=INT,QUIT setpriv --pdeathsig KILL \
		unshare -mnpf --kill-child --mount-proc "$@" <&0 &
	child=$!
	trap 'kill -KILL "$child" 2>/dev/null' TERM HUP INT
	[ ! -t 0 ] || trap : INT # the terminal sends it to the inner half too, and that decides
	while kill -0 "$child" 2>/dev/null; do
		status=0
		wait "$child" || status=$?
	done
	exit "$status"
}

# box NAME: a new one.
box() {
	local ready=$LAB/$1.ready
	mkfifo "$ready"
	unshare -mn "$NET_DIR/box" "$LAB/$1" "$ready" &
	BOX[$1]=$!
	read -r <"$ready"
	rm "$ready"
}

# in_box NAME COMMAND...
in_box() {
	nsenter -t "${BOX[$1]}" -m -n -- "${@:2}"
}

# serve NAME COMMAND...: in the background until the lab ends; Ctrl-C on the terminal is not for it.
# SERVED is its process.
serve() {
	setsid nsenter -t "${BOX[$1]}" -m -n -- "${@:2}" &
	SERVED=$!
}

# cable BOX INTERFACE BOX INTERFACE
cable() {
	ip link add "$2" netns "${BOX[$1]}" type veth peer name "$4" netns "${BOX[$3]}"
}

# address BOX INTERFACE ADDRESS/LENGTH...
address() {
	local a
	in_box "$1" ip link set "$2" up
	for a in "${@:3}"; do
		in_box "$1" ip addr add "$a" dev "$2"
	done
}

# plain_kernel BOX: no reverse path filter, and IPv6 addresses that can be used at once.
plain_kernel() {
	in_box "$1" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0
}

# forwarding BOX
forwarding() {
	in_box "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

default_route() {
	in_box "$1" ip route add default via "$2"
	in_box "$1" ip -6 route add default via "$3"
}

lab_network() {
	local b
	for b in client router gateway inner; do
		box "$b"
		plain_kernel "$b"
		in_box "$b" ip link set lo up
	done
	cable client eth0 router lan
	cable router wan gateway eth0
	cable gateway eth1 inner eth0
	forwarding router
	forwarding gateway
	address client eth0 $CLIENT4/24 $CLIENT6/64
	address router lan 192.168.77.1/24 2001:db8:2::1/64
	address router wan 198.51.100.1/24 2001:db8:51::1/64
	address gateway eth0 $GATE4/24 $GATE6/64 $PICKY4/24 $STUBBORN4/24 $SILENT4/24
	for b in $(seq $V1_FIRST $V1_LAST); do
		address gateway eth0 "198.51.100.$b/24"
	done
	address gateway eth1 10.99.0.1/24 fd99::1/64
	address gateway lo $SECOND4/32
	address inner eth0 $INNER4/24 $INNER6/64
	default_route client 192.168.77.1 2001:db8:2::1
	default_route gateway 198.51.100.1 2001:db8:51::1
	default_route inner 10.99.0.1 fd99::1
	in_box gateway nft "table ip silent { chain in { type filter hook input priority 0;
		ip daddr $SILENT4 drop; }; }"
}

# lab_files: what the client's /etc says of names.
lab_files() {
	local f
	mkdir -p "$LAB"/{home,client,router,inner,gateway/swanctl,gateway/ppp}
	mkdir "$LAB/client/etc"
	for f in hosts host.conf nsswitch.conf passwd group services protocols ssl ld.so.cache; do
		[ ! -e "/etc/$f" ] || cp -a "/etc/$f" "$LAB/client/etc/"
	done
	printf '# the lab\nnameserver 192.168.77.1\n' >"$LAB/client/etc/resolv.conf"
	cat >>"$LAB/client/etc/hosts" <<-END
	$GATE4 gate.vpn.test
	$GATE4 ca.vpn.test
	$GATE6 gate.vpn.test gate6.vpn.test
	END
}

# lab_services: an echo over UDP and a megabyte over TCP, behind the gateway.
lab_services() {
	head -c 1000000 /dev/urandom >"$LAB/inner/megabyte"
	serve inner socat UDP6-LISTEN:7,fork,ipv6-v6only=0 EXEC:cat 2>/dev/null
	serve inner socat TCP6-LISTEN:9000,fork,reuseaddr,ipv6-v6only=0 \
		OPEN:"$LAB/inner/megabyte",rdonly 2>/dev/null
}

lab_build() {
	mount -t tmpfs -o mode=0700 tmpfs "$LAB"
	ip link set lo up
	lab_files
	lab_network
	lab_services
}

# The real NAT: new source ports, in no order. nat_off also drops what tests added on the router.
nat_on() {
	local family
	for family in ip ip6; do
		in_box router nft "table $family nat { chain out { type nat hook postrouting priority 100;
			oifname \"wan\" masquerade random; }; }"
	done
}

router_plain() {
	in_box router nft flush ruleset
}

# wait_until SECONDS COMMAND...: true as soon as the command is; false after that time.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}
