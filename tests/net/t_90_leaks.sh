# shellcheck shell=bash
# A hostile network, and the kill switch. The judge is tcpdump on the outer link: it takes down what
# goes out and is neither IKE nor ESP to a gateway, DHCP, neighbour discovery nor what a host needs
# for it (ARP, multicast listener reports). Traffic to the inside, to the rest of the world, to the
# gateway's address and to the neighbours goes on all the while; that it is seen as soon as it may
# leave is looked at wherever a scenario ends with that.

OUTSIDE4=203.0.113.7 OUTSIDE6=2001:db8:77::7 # beyond the router; nobody answers
ROGUE4=192.168.77.1 ROGUE6=2001:db8:2::1        # the router is the neighbour who means harm
JUDGE_PID='' TRAFFIC_PID=''

INNOCENT="arp or (((udp and (port 500 or port 4500)) or ip proto 50 or ip6 proto 50) and
	(host $GATE4 or host $SILENT4 or host $PICKY4 or host $GATE6)) or
	(udp and src port 68 and dst port 67) or (udp and src port 546 and dst port 547) or
	(icmp6 and ip6[40] >= 133 and ip6[40] <= 137) or dst host ff02::16"

# watch_begin FILTER: takes down what leaves the client and passes it
watch_begin() {
	rm -f "$LAB/judge" "$LAB/judge.err"
	serve client tcpdump -n -l --immediate-mode -i eth0 -Q out "$1" \
		>"$LAB/judge" 2>"$LAB/judge.err"
	JUDGE_PID=$SERVED
	wait_until 5 grep -q listening "$LAB/judge.err" || fail "tcpdump: $(cat "$LAB/judge.err")"
}

judge_begin() {
	watch_begin "not ($INNOCENT)"
}

judge_end() {
	[ -z "$JUDGE_PID" ] || kill "$JUDGE_PID" 2>/dev/null || true
	JUDGE_PID=''
}

# nothing_clear STORY
nothing_clear() {
	sleep 0.3
	[ ! -s "$LAB/judge" ] || fail "$1: in the clear: $(head -n 5 "$LAB/judge")"
}

something_clear() {
	judge_end
	judge_begin
	wait_until 5 test -s "$LAB/judge" || fail "nothing leaves though it may: is there any traffic?"
	judge_end
}

# traffic_begin [--bound INTERFACE]: what a machine does all day, several times a second
traffic_begin() {
	serve client "$NET_DIR/traffic" "$@" "$OUTSIDE4" "$OUTSIDE6" "$INNER4" "$INNER6" "$GATE4"
	TRAFFIC_PID=$SERVED
}

# To the inside alone: all the rest may leave where the tunnel takes but some networks.
traffic_inwards() {
	serve client "$NET_DIR/traffic" "$INNER4" "$INNER6"
	TRAFFIC_PID=$SERVED
}

traffic_end() {
	[ -z "$TRAFFIC_PID" ] || kill "$TRAFFIC_PID" 2>/dev/null || true
	TRAFFIC_PID=''
}

shield() {
	profile_psk shield full "${2:-$GATE4}"
	profile_add shield network "killswitch = $1" "lan = no"
	profile_add shield ike "dpd-interval = 1s"
}

# with_traffic FUNCTION: judge and traffic end with it, whatever happens
with_traffic() {
	trap 'judge_end; traffic_end; clients_end; router_plain' EXIT
	"$@"
	judge_end
	traffic_end
}

# guarded FUNCTION: half of the traffic is of programs that insist on the interface
guarded() {
	traffic_begin --bound eth0
	with_traffic "$@"
}

# unguarded FUNCTION: without a kill switch such programs are let alone
unguarded() {
	traffic_begin
	with_traffic seen_afterwards "$@"
}

# The tunnel is down: a judge that sees nothing now would not have seen anything before.
seen_afterwards() {
	"$@"
	something_clear
}

# --- the kill switch ----------------------------------------------------------------------------------

guards_while_connecting() {
	shield yes "$SILENT4"
	client_launch shield
	status_becomes shield 's["state"] == "connecting" and s["killswitch"] == "yes"'
	judge_begin
	sleep 1
	nothing_clear "while connecting"
	client_signal shield TERM
	wait_until 5 client_dead shield || fail "still running"
	something_clear
}
test_killswitch_while_connecting() { guarded guards_while_connecting; }

guards_while_up() {
	shield yes
	client_start shield
	judge_begin
	reaches "$INNER4" "$INNER6"
	client_do shield "rekey all"
	status_becomes shield 's["rekeys"] == {"ike": 1, "child": 1}'
	nothing_clear "while it is up and new keys come"
	client_do shield reconnect
	status_becomes shield 's["state"] == "up" and s["reconnects"] == 1'
	nothing_clear "while reconnecting"
	vpnc_ike status shield | grep -q 'kill switch' || fail "status does not tell of it"
	client_stop shield
	something_clear
}
test_killswitch_while_up() { guarded guards_while_up; }

guards_over_reboot() {
	shield yes
	client_start shield
	judge_begin
	gateway_kill
	status_becomes shield 's["state"] == "reconnecting"' 90
	nothing_clear "while the gateway is gone"
	gateway_start
	status_becomes shield 's["state"] == "up" and s["reconnects"] >= 1' 60
	reaches "$INNER4" "$INNER6"
	nothing_clear "when the gateway is back"
	client_stop shield
}
test_killswitch_over_gateway_reboot() { guarded guards_over_reboot; }

strict_outlives() {
	shield strict
	client_start shield
	judge_begin
	client_signal shield KILL
	client_ends shield 137
	sleep 0.5
	nothing_clear "after kill -9"
	client_start shield
	reaches "$INNER4" "$INNER6"
	nothing_clear "connecting again"
	client_signal shield KILL
	client_ends shield 137
	profile_psk other second
	client_start other --set network.lan=no
	reaches "$SECOND4"
	nothing_clear "with another profile beside it"
	client_stop other
	nothing_clear "after that"
	vpnc_ike clean >/dev/null || fail "clean: exit status $?"
	same_machine
	something_clear
}
test_killswitch_strict_over_kill() { guarded strict_outlives; }

strict_failed_connect() {
	shield strict
	sed -i "s/^psk = .*/psk = wrong/" "$LAB/profiles/shield.conf"
	client_fails 6 shield
	explained shield 'kill switch stays up'
	shield strict
	judge_begin
	sleep 0.5
	nothing_clear "after a connect that failed"
	client_start shield
	nothing_clear "connecting again"
	client_stop shield
	same_machine
	something_clear
}
test_killswitch_strict_over_failed_connect() { guarded strict_failed_connect; }

# The gateway's name is asked of the network's own servers: the resolver of the machine is behind the
# kill switch like everybody else.
asks_past_the_stub() {
	local etc=$LAB/client/etc/resolv.conf run=$LAB/client/run/systemd/resolve
	cp -p "$etc" "$LAB/resolv.conf"
	mkdir -p "$run"
	echo "nameserver $ROGUE4" >"$run/resolv.conf"
	echo "nameserver 127.0.0.53" >"$etc"
	shield yes far.vpn.test
	judge_begin
	client_fails 4 shield
	wait_until 2 asked far.vpn.test || fail "nobody asks for the gateway's name"
	judge_end
	cp -p "$LAB/resolv.conf" "$etc"
	rm -r "$LAB/client/run/systemd"
}
test_killswitch_and_gateway_name() { guarded asks_past_the_stub; }

asked() {
	grep -q "> $ROGUE4.53: .*? $1" "$LAB/judge"
}

# Without strict, the next start takes what a killed one left.
yes_ends_with_next_start() {
	shield yes
	client_start shield
	client_signal shield KILL
	client_ends shield 137
	vpnc_ike clean >/dev/null || fail "clean: exit status $?"
	same_machine
	something_clear
}
test_killswitch_cleaned() { guarded yes_ends_with_next_start; }

guards_a_split_tunnel() {
	profile_psk shield
	profile_add shield network "killswitch = yes" "exclude = 203.0.113.8/32" "lan = no"
	client_start shield
	judge_begin
	reaches "$INNER4" "$INNER6"
	nothing_clear "around a split tunnel"
	in_box client ping -q -n -c 1 -W 1 203.0.113.8 >/dev/null 2>&1 || true
	sleep 0.3
	grep -q '> 203\.0\.113\.8' "$LAB/judge" || fail "what is excluded does not pass"
	in_box client ping -q -n -c 1 -W 1 ::1 >/dev/null || fail "the machine does not reach itself"
	in_box client ping -q -n -c 1 -W 1 "$CLIENT6" >/dev/null || fail "nor by its address"
	client_stop shield
}
test_killswitch_and_split_tunnel() { guarded guards_a_split_tunnel; }

lan_passes() {
	in_box client ip addr add 192.168.7.2/24 dev eth0
	in_box router ip addr add 192.168.7.1/24 dev lan
	shield yes
	client_start shield --set network.lan=yes
	reaches 192.168.7.1
	client_stop shield
	client_start shield
	unreachable 192.168.7.1
	client_stop shield
	in_box client ip addr del 192.168.7.2/24 dev eth0
	in_box router ip addr del 192.168.7.1/24 dev lan
}
test_killswitch_and_lan() { lan_passes; }

# --- a stopped process, the network under it ---------------------------------------------------------

# Ten seconds stand for a minute (`make soak-stop`).
stopped() {
	profile_psk open full
	client_start open
	judge_begin
	client_signal open STOP
	sleep "${STOPPED_SECONDS:-10}"
	nothing_clear "while the process is stopped"
	client_signal open CONT
	reaches "$INNER4"
	client_stop open
}
test_leaks_stopped_process() { unguarded stopped; }

stopped_behind_killswitch() {
	shield yes
	client_start shield
	judge_begin
	client_signal shield STOP
	sleep "${STOPPED_SECONDS:-10}"
	nothing_clear "while the process is stopped"
	client_signal shield CONT
	wait_until 10 answers "$INNER4" || fail "no traffic 10 s after the process goes on"
	nothing_clear "when the process goes on"
	client_stop shield
	something_clear
}
test_killswitch_stopped_process() { guarded stopped_behind_killswitch; }

flap() {
	in_box client ip link set eth0 down
	sleep 0.3
	in_box client ip link set eth0 up
	in_box client ip addr replace "$CLIENT6/64" dev eth0
	default_route client $ROGUE4 $ROGUE6
}

flapping() {
	profile_psk open full
	client_start open
	judge_begin
	flap
	wait_until 8 answers "$INNER4" || fail "no traffic 8 s after the link is back"
	nothing_clear "while the link goes and comes"
	client_stop open
}
test_leaks_link_flap() { unguarded flapping; }

answers() {
	in_box client ping -q -n -c 1 -W 0.3 "$1" >/dev/null 2>&1
}

# --- hostile neighbours, without a kill switch --------------------------------------------------------

# TunnelVision: routes by DHCP, as a client puts them into the main table.
rogue_routes() {
	local r
	local v4=("$OUTSIDE4/32" 0.0.0.0/1 128.0.0.0/1 "$INNER4/32" 203.0.113.0/24)
	local v6=("$OUTSIDE6/128" ::/1 8000::/1 "$INNER6/128")
	profile_psk open full
	client_start open
	judge_begin
	for r in "${v4[@]}"; do in_box client ip route add "$r" via $ROGUE4; done
	for r in "${v6[@]}"; do in_box client ip -6 route add "$r" via $ROGUE6; done
	sleep 1
	reaches "$INNER4" "$INNER6"
	nothing_clear "with routes from a rogue DHCP server"
	client_stop open
	for r in "${v4[@]}"; do in_box client ip route del "$r" via $ROGUE4; done
	for r in "${v6[@]}"; do in_box client ip -6 route del "$r" via $ROGUE6; done
}
test_leaks_rogue_dhcp_routes() { unguarded rogue_routes; }

# TunnelCrack, LocalNet: the local network claims addresses of the office, though the profile lets
# local networks alone.
claims_office() {
	profile_psk open
	in_box client ip addr add 10.99.0.77/25 dev eth0
	client_start open
	judge_begin
	goes_by "$INNER4" 'vpn[0-9]+'
	reaches "$INNER4"
	sed -i "/> 10\.99\.0\./!d" "$LAB/judge" # the rest is free to go around this tunnel
	nothing_clear "where the local network claims the office's addresses"
	client_stop open
	profile_psk open full
	client_start open
	goes_by 10.99.0.53 'vpn[0-9]+' # the name server the gateway gave
	client_stop open
	in_box client ip addr del 10.99.0.77/25 dev eth0
}
test_leaks_lan_claims_office() { unguarded claims_office; }

# TunnelCrack, ServerIP: the local network claims the gateway's address.
claims_gateway() {
	profile_psk open full
	client_start open
	judge_begin
	in_box client ip addr add 198.51.100.77/24 dev eth0
	sleep 1
	nothing_clear "where the local network claims the gateway's address"
	in_box client ip addr del 198.51.100.77/24 dev eth0
	client_stop open
}
test_leaks_lan_claims_gateway() { unguarded claims_gateway; }

# CVE-2019-14899: who shares the link sends to the virtual address, past the tunnel.
test_leaks_probe_of_virtual_address() {
	local vip4 vip6
	profile_psk probe
	client_start probe
	vip4=$(json probe 's["address"][0].split("/")[0]')
	vip6=$(json probe 's["address"][1].split("/")[0]')
	serve client socat -u UDP6-RECV:7777,ipv6-v6only=0 CREATE:"$LAB/heard"
	wait_until 5 listens 7777 || fail "socat does not listen"
	in_box router ip route add "$vip4/32" via "$CLIENT4"
	in_box router ip -6 route add "$vip6/128" via "$CLIENT6"
	echo rogue | in_box router socat -u - "UDP:$vip4:7777"
	echo rogue | in_box router socat -u - "UDP:[$vip6]:7777"
	! in_box router ping -q -n -c 1 -W 1 "$vip4" >/dev/null || fail "$vip4 answers on the link"
	! in_box router ping -q -n -c 1 -W 1 "$vip6" >/dev/null || fail "$vip6 answers on the link"
	echo friend | in_box inner socat -u - "UDP:$vip4:7777"
	wait_until 5 grep -q friend "$LAB/heard" || fail "nothing comes through the tunnel either"
	! grep -q rogue "$LAB/heard" || fail "the probe was heard"
	in_box client ping -q -n -c 1 -W 1 "$vip4" >/dev/null || fail "the machine does not reach itself"
	in_box client ping -q -n -c 1 -W 1 "$vip6" >/dev/null || fail "the machine does not reach itself"
	kill "$SERVED"
	in_box router ip route del "$vip4/32" via "$CLIENT4"
	in_box router ip -6 route del "$vip6/128" via "$CLIENT6"
	client_stop probe
}

listens() {
	in_box client ss -uln | grep -q ":$1 "
}

rogue_advertisement() {
	profile_psk open full
	in_box client sysctl -q -w net.ipv6.conf.eth0.accept_ra=2
	client_start open
	judge_begin
	in_box router python3 "$NET_DIR/advertise.py" lan 2001:db8:bad::
	wait_until 5 advertised || fail "the advertisement was not taken"
	reaches "$INNER4" "$INNER6"
	sleep 0.5
	nothing_clear "with a rogue advertisement"
	client_stop open
	in_box client ip -6 addr flush dev eth0 to 2001:db8:bad::/64
	in_box client ip -6 route flush proto ra
	in_box client ip -6 route del 2001:db8:bad::/64 dev eth0
	in_box client sysctl -q -w net.ipv6.conf.eth0.accept_ra=1
}
test_leaks_rogue_advertisement() { unguarded rogue_advertisement; }

# It announces the network behind the gateway, which nothing but the name server in it tells.
office_advertised() {
	profile_psk open full
	in_box client sysctl -q -w net.ipv6.conf.eth0.accept_ra=2
	client_start open
	judge_begin
	in_box router python3 "$NET_DIR/advertise.py" lan "fd99::"
	wait_until 5 has_office || fail "the advertisement was not taken"
	sleep 1
	nothing_clear "with the office's network on the link"
	reaches "$INNER6"
	client_stop open
	in_box client ip -6 addr flush dev eth0 to fd99::/64
	in_box client ip -6 route del fd99::/64 dev eth0 2>/dev/null || true
	in_box client ip -6 route flush proto ra 2>/dev/null || true
	in_box client sysctl -q -w net.ipv6.conf.eth0.accept_ra=1
	same_machine
}
has_office() {
	[ -n "$(in_box client ip -6 addr show dev eth0 to fd99::/64)" ]
}
test_leaks_office_advertised() { unguarded office_advertised; }

advertised() {
	in_box client ip -6 route show proto ra | grep -q default
}

ipv4_only() {
	profile_psk open full
	client_start open --set network.address=0.0.0.0
	judge_begin
	reaches "$INNER4"
	unreachable "$OUTSIDE6"
	nothing_clear "IPv6 beside a tunnel for IPv4 only"
	client_stop open
}
test_leaks_ipv6_beside_ipv4_tunnel() { unguarded ipv4_only; }

# goes_nowhere ADDRESS PREFIX STORY WARNING [OPTION...]: where profile open does not carry it; prefix and warning
# are regular expressions
goes_nowhere() {
	client_start open "${@:5}"
	judge_begin
	reaches "$INNER4"
	unreachable "$1"
	sed -i "/> $2/!d" "$LAB/judge" # the rest is free to go around this tunnel
	nothing_clear "$3"
	grep -q "$4" "$LAB/run/open/err" || fail "nobody tells of it"
	grep -Eq '^  blocked +(fd99::|203\.0\.113\.0)/' <<<"$(vpnc_ike status open)" || fail "$(vpnc_ike status open)"
	client_stop open
}

# Agreed on, but the gateway has no address of its family to give.
agreed_without_address() {
	profile_psk open only4
	goes_nowhere "$INNER6" fd99:: "a network that was agreed on" 'no IPv6 address: it goes nowhere'
}
test_leaks_agreed_without_address() { unguarded agreed_without_address; }

# Named in the profile, and the gateway takes nothing of it.
named_but_refused() {
	profile_psk open
	goes_nowhere "$OUTSIDE4" '203\.0\.113\.7' "a network that the gateway refused" \
		'does not carry 203\.0\.113\.0/24' --set 'esp.remote-ts=10.99.0.0/24, 203.0.113.0/24'
}
test_leaks_named_but_refused() { unguarded named_but_refused; }

halves() {
	profile_psk open full
	client_start open --set network.address=0.0.0.0 --set 'esp.remote-ts=0.0.0.0/1, 128.0.0.0/1'
	judge_begin
	reaches "$INNER4"
	unreachable "$OUTSIDE6"
	nothing_clear "IPv6 beside two halves of IPv4"
	client_stop open
}
test_leaks_ipv6_beside_two_halves() { unguarded halves; }

# The resolver that the network offered may be a private address of the local network.
names() {
	profile_psk open full
	client_start open --set network.lan=no
	judge_begin
	in_box client timeout 3 getent ahosts somewhere.example.org >/dev/null || true
	echo x | in_box client socat -u - UDP:$ROGUE4:53
	nothing_clear "a question for a name"
	client_stop open
}
test_leaks_dns() { unguarded names; }

# --- the network changes --------------------------------------------------------------------------------

# A second router on the same link.
# The outer packets have no DF, so nobody has to say that they are too big.
test_forged_fragmentation_needed() {
	profile_psk icmp
	client_start icmp
	local mtu
	mtu=$(json icmp 's["mtu"]')
	in_box router "$NET_DIR/forge_icmp" "$CLIENT4" "$GATE4" 552
	sleep 0.2
	in_box client ip route get "$GATE4" | grep -q mtu &&
		fail "the kernel believes it: $(in_box client ip route get "$GATE4")"
	watch_begin 'ip[6:2] & 0x3fff != 0'
	in_box client ping -q -n -c 3 -i 0.1 -W 2 -M 'do' -s 1300 "$INNER4" ||
		fail "large packets do not pass any more"
	nothing_clear "large packets went out in fragments"
	judge_end
	vpnc_ike reconnect icmp
	wait_until 10 status_is icmp 's["state"] == "up"'
	status_is icmp "s['mtu'] == $mtu" || fail "MTU $(json icmp 's["mtu"]'), before $mtu"
	client_stop icmp
}

test_default_route_changes() {
	profile_psk moving full
	client_start moving
	in_box router ip addr add 192.168.77.3/24 dev lan
	in_box client ip route replace default via 192.168.77.3
	wait_until 5 answers "$INNER4" || fail "no traffic 5 s after the default route changed"
	client_stop moving
	in_box client ip route replace default via $ROGUE4
	in_box router ip addr del 192.168.77.3/24 dev lan
}

# other_address [SETTING...]: connected, and then the machine has another address on the same link
other_address() {
	profile_psk moving full
	client_start moving "$@"
	reaches "$INNER4"
	goes_elsewhere
}

goes_elsewhere() {
	in_box client ip addr add 192.168.77.9/24 dev eth0
	in_box client ip addr del "$CLIENT4/24" dev eth0
	in_box client ip addr show dev eth0 | grep -q 192.168.77.9 ||
		in_box client ip addr add 192.168.77.9/24 dev eth0
	in_box client ip route replace default via $ROGUE4
}

address_back() {
	in_box client ip addr del 192.168.77.9/24 dev eth0
	in_box client ip addr add "$CLIENT4/24" dev eth0
	default_route4_back
}

test_address_changes() {
	other_address --set ike.mobike=no
	wait_until 8 answers "$INNER4" || fail "no traffic 8 s after the address changed"
	status_becomes moving 's["local"]["address"] == "192.168.77.9" and s["reconnects"] == 1'
	client_stop moving
	address_back
}

# The gateway follows (MOBIKE): nothing is lost but what was on its way.
test_address_changes_mobike() {
	other_address
	wait_until 3 answers "$INNER4" || fail "no traffic 3 s after the address changed"
	status_becomes moving 's["local"]["address"] == "192.168.77.9" and s["reconnects"] == 0'
	explained moving 'moved to 192.168.77.9'
	client_do moving "rekey all"
	status_becomes moving "s['rekeys']['ike'] == 1"
	reaches "$INNER4"
	client_stop moving
	address_back
}

# Of a gateway with addresses of both families, the way to the one that is in use counts.
test_address_changes_of_the_family_in_use() {
	profile_psk moving psk gate.vpn.test
	client_start moving
	status_is moving 's["gateway"]["address"] == "'"$GATE6"'"' || fail "IPv6 does not come first"
	in_box client ip -6 addr add 2001:db8:2::9/64 dev eth0 nodad
	in_box client ip -6 addr del "$CLIENT6/64" dev eth0
	wait_until 3 answers "$INNER4" || fail "no traffic 3 s after the address changed"
	status_becomes moving 's["local"]["address"] == "2001:db8:2::9" and s["reconnects"] == 0'
	client_stop moving
	in_box client ip -6 addr del 2001:db8:2::9/64 dev eth0
	in_box client ip -6 addr add "$CLIENT6/64" dev eth0
}

# v6_back [OPTION]: of the address
v6_back() {
	in_box client ip -6 addr add "$CLIENT6/64" dev eth0 "$@"
	in_box client ip -6 route replace default via "$ROGUE6"
}

v4_back() {
	in_box client ip addr add "$CLIENT4/24" dev eth0
	default_route4_back
}

# From a network with IPv4 alone to one with IPv6 alone, and back.
test_address_changes_to_the_other_family() {
	in_box client ip -6 addr del "$CLIENT6/64" dev eth0
	profile_psk moving psk gate.vpn.test
	client_start moving
	status_is moving 's["gateway"]["address"] == "'"$GATE4"'"' || fail "not by IPv4"
	in_box client ip addr del "$CLIENT4/24" dev eth0
	v6_back nodad
	wait_until 8 answers "$INNER4" || fail "no traffic 8 s after IPv4 went"
	explained moving 'has no way to the gateway any more'
	status_is moving 's["gateway"]["address"] == "'"$GATE6"'"' || fail "not by IPv6"
	v4_back
	in_box client ip -6 addr del "$CLIENT6/64" dev eth0
	wait_until 8 answers "$INNER4" || fail "no traffic 8 s after IPv6 went"
	status_is moving 's["reconnects"] == 2' || fail "$(json moving s)"
	client_stop moving
	v6_back
}

# Told at once; and the tunnel is as it was when the link comes back.
test_link_down_for_a_while() {
	profile_psk moving psk "$GATE4"
	client_start moving
	in_box client ip link set eth0 down
	wait_until 2 grep -q 'no way to the gateway' "$LAB/run/moving/err" || fail "nothing is told"
	grep -q 'no way to the gateway' <<<"$(vpnc_ike status moving)" || fail "$(vpnc_ike status moving)"
	vpnc_ike explain moving | grep -q 'no way to the gateway' || fail "$(vpnc_ike explain moving)"
	sleep 4
	in_box client ip link set eth0 up
	in_box client ip -6 addr show dev eth0 | grep -q "$CLIENT6" || v6_back
	default_route4_back
	wait_until 3 answers "$INNER4" || fail "no traffic 3 s after the link came back"
	explained moving 'the way to the gateway is back'
	status_is moving 's["reconnects"] == 0' || fail "it took a new connection"
	client_stop moving
}

# The other family of addresses goes by the same link: it is no way out.
test_carrier_lost_for_a_while() {
	profile_psk moving psk gate.vpn.test
	client_start moving
	in_box router ip link set lan down
	wait_until 2 grep -q 'no way to the gateway' "$LAB/run/moving/err" || fail "nothing is told"
	sleep 4
	in_box router ip link set lan up
	in_box router ip -6 addr add "$ROGUE6/64" dev lan nodad 2>/dev/null || true
	wait_until 5 answers "$INNER4" || fail "no traffic 5 s after the link came back"
	status_is moving 's["reconnects"] == 0' || fail "it took a new connection"
	client_stop moving
}

# The same address at the next place, behind another NAT: the gateway has to send elsewhere.
test_address_stays_behind_another_nat() {
	nat_on
	profile_psk moving full
	client_start moving
	reaches "$INNER4"
	in_box router ip addr add 192.168.77.3/24 dev lan
	in_box router ip addr del 198.51.100.1/24 dev wan # and the NAT forgets
	in_box router ip addr add 198.51.100.200/24 dev wan
	in_box client ip route replace default via 192.168.77.3
	wait_until 4 answers "$INNER4" || fail "no traffic 4 s after the NAT is another one"
	status_is moving 's["reconnects"] == 0' || fail "it took a new connection"
	client_stop moving
	default_route4_back
	in_box router ip addr del 192.168.77.3/24 dev lan
	in_box router ip addr del 198.51.100.200/24 dev wan
	in_box router ip addr add 198.51.100.1/24 dev wan
	router_plain
}

default_route4_back() {
	in_box client ip route replace default via $ROGUE4
}
