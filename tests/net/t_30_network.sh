# shellcheck shell=bash
# Addresses outside and inside, a NAT between, routes, DNS, sizes.

# goes_by DESTINATION INTERFACE: where the client's own traffic to it leaves (a regex)
goes_by() {
	local route
	route=$(in_box client ip route get "$1")
	grep -Eq " dev $2 " <<<"$route" || fail "$1 goes another way: $route"
}

carries() {
	local to
	client_start "$1"
	for to in "${@:2}"; do
		transfers "$to"
	done
	client_stop "$1"
}

test_ipv4_outside() {
	profile_psk net
	carries net "$INNER4" "$INNER6"
}

test_ipv6_outside() {
	profile_psk net psk "$GATE6"
	carries net "$INNER4" "$INNER6"
}

test_ipv4_inside_ipv6() {
	profile_psk net only4 "$GATE6"
	carries net "$INNER4"
}

test_ipv6_inside_ipv4() {
	profile_psk net only6
	carries net "$INNER6"
}

test_name_with_both_families() {
	profile_psk net psk gate.vpn.test
	carries net "$INNER4"
}

# The first of the list does not exist.
test_several_gateways() {
	profile_psk net psk "nowhere.vpn.test, $GATE4"
	carries net "$INNER4"
}

# With a length behind it, as an interface is configured: still this address, not its network's.
test_address_asked_for() {
	profile_psk net
	client_start net --set 'network.address=10.98.0.77/24, fd98::77/64'
	gateway_says 'peer requested virtual IP 10\.98\.0\.77$' || fail "another IPv4 address"
	gateway_says 'peer requested virtual IP fd98::77$' || fail "another IPv6 address"
	reaches "$INNER4" "$INNER6"
	client_stop net
}

# The machine's own address inside as well as outside.
test_no_address_asked_for() {
	profile_psk net nopool
	client_start net --set network.address=none
	status_is net "s['address'] == []" || fail "an address out of nowhere"
	reaches "$INNER4"
	client_stop net
}

# The same without a word in the profile: the gateway says that it has none.
test_no_address_to_be_had() {
	profile_psk net nopool
	client_start net
	status_is net "s['address'] == []" || fail "an address out of nowhere"
	explained net 'no address to give'
	reaches "$INNER4"
	client_stop net
}

test_address_of_the_router() {
	profile_psk net at-home
	client_fails 10 net
	explained net "refused the address 192\.168\.77\.1/32 .*router" 'cannot be this machine'
}

test_address_of_a_name_server() {
	local etc=$LAB/client/etc/resolv.conf
	cp -p "$etc" "$LAB/keep"
	printf 'nameserver 192.168.77.1\nnameserver 10.98.7.53\n' >"$etc"
	profile_psk net served
	client_fails 10 net
	cp -p "$LAB/keep" "$etc"
	explained net "refused the address 10\.98\.7\.53/32 .*name server" 'cannot be this machine'
}

# Only what the two hosts say to each other, under their own addresses.
test_transport_mode() {
	[ "${GATEWAY_ESP:-}" = kernel ] || skip "the gateway has no transport mode in user space"
	profile_psk net transport
	profile_add net esp "mode = transport"
	client_start net --set network.address=none
	reaches "$GATE4"
	status_is net 's["children"][0]["mode"] == "transport"' || fail "it is no transport mode"
	status_is net 's["children"][0]["packets_in"] >= 3' || fail "the pings went another way"
	client_stop net
}

nat_between() {
	nat_on
	profile_psk nat psk "$1"
	gateway_mark
	client_start nat
	status_is nat 's["local"]["nat"] is True' || fail "status knows of no NAT"
	! gateway_said "received packet: from [^ ]*\[4500\]" || fail "no NAT was there"
	transfers "$INNER4"
	client_do nat "rekey all"
	status_becomes nat 's["rekeys"] == {"ike": 1, "child": 1}'
	transfers "$INNER6"
	client_stop nat
}

test_nat() { nat_between "$GATE4"; }
test_nat_ipv6() { nat_between "$GATE6"; }

test_split_tunnel() {
	profile_psk split
	client_start split
	goes_by "$INNER4" 'vpn[0-9]+'
	goes_by 203.0.113.7 eth0
	goes_by "$GATE4" eth0
	unreachable "$SECOND4"
	client_stop split
}

test_full_tunnel() {
	profile_psk full full
	client_start full
	goes_by 203.0.113.7 'vpn[0-9]+'
	goes_by 2001:db8:77::7 'vpn[0-9]+'
	reaches "$SECOND4" "$INNER4" "$INNER6"
	client_stop full
}

test_full_tunnel_exclude_and_lan() {
	profile_psk full full
	client_start full --set network.exclude=203.0.113.0/24 --set network.lan=yes
	goes_by 203.0.113.7 eth0
	goes_by 192.168.77.77 eth0
	goes_by 203.0.114.7 'vpn[0-9]+'
	client_stop full
	client_start full --set network.lan=no
	goes_by 192.168.77.77 'vpn[0-9]+'
	client_stop full
}

test_routes_of_the_profile() {
	profile_psk routes full
	client_start routes --set network.routes=10.97.0.0/24
	reaches "$SECOND4"
	goes_by 203.0.113.7 eth0
	client_stop routes
	client_start routes --set network.routes=none
	goes_by "$INNER4" eth0
	client_stop routes
}

# With IPv4 alone on our side of the child SA: who asks for IPv6 hears at once that it goes nowhere.
test_selectors_of_one_family() {
	profile_psk ours
	client_start ours --set esp.local-ts=10.98.0.0/16
	status_is ours '(s["routes"], s["blocked"]) == (["10.99.0.0/24"], ["fd99::/64"])' ||
		fail "$(json ours '(s["routes"], s["blocked"])')"
	warned ours 'carries fd99::/64 but nothing from IPv6 addresses: it goes nowhere' || fail "no warning"
	reaches "$INNER4"
	client_stop ours
}

resolver_has() {
	grep -Eq "$1" "$LAB/client/etc/resolv.conf" || fail "resolv.conf lacks $1"
}

# That it is restored byte for byte is looked at after every test.
test_dns_of_the_full_tunnel() {
	profile_psk dns full
	client_start dns
	resolver_has '^nameserver 10\.99\.0\.53$'
	resolver_has '^nameserver fd99::53$'
	status_is dns '"10.99.0.53" in s["dns"]["servers"]' || fail "status lacks the DNS server"
	client_stop dns
}

# The gateway names a domain of its own, which a resolv.conf cannot express: all names are asked
# there, and the user is told.
test_dns_of_one_domain() {
	profile_psk dns
	client_start dns
	resolver_has '^nameserver 10\.99\.0\.53$'
	resolver_has '^search inner\.vpn\.test'
	explained dns "all names are asked of the tunnel's name servers"
	status_is dns 's["dns"]["domains"] == ["inner.vpn.test"]' || fail "$(json dns 's["dns"]')"
	client_stop dns
}

# The tunnel carries its name server, and the profile wants no route to it.
test_dns_without_a_route() {
	profile_psk dns full
	client_start dns --set network.routes=none
	explained dns '^warning: no route leads to the name server 10\.99\.0\.53 through the tunnel'
	client_stop dns
	client_start dns
	! warned dns "no route leads to the name server" || fail "there is a route"
	client_stop dns
}

# made_read_only PATH: until it is unmounted
made_read_only() {
	in_box client sh -c "mount --bind $1 $1 && mount -o remount,bind,ro $1" ||
		fail "$1 cannot be made read-only"
}

# As in a container, whose engine gives it the file.
test_dns_that_cannot_be_set() {
	local file=/etc/resolv.conf
	made_read_only "$file"
	grep -q 'note *dns *.*read-only' <<<"$(vpnc_ike doctor)" || fail "doctor does not tell"
	profile_psk dns
	client_start dns
	explained dns '^warning: names are not asked through the tunnel: .*resolv.conf'
	status_is dns 's["dns"]["servers"] and s["dns"]["via"] == ""' || fail "$(json dns 's["dns"]')"
	grep -q 'not in use' <<<"$(vpnc_ike status dns)" || fail "$(vpnc_ike status dns)"
	client_do dns dns
	wait_until 3 client_said dns 'not in use'
	client_do dns explain
	wait_until 3 client_said dns '^try: .*doctor'
	vpnc_ike explain dns | grep -q '^dns: .*not in use' || fail "explain: $(vpnc_ike explain dns)"
	in_box client umount "$file"
	client_do dns reconnect
	status_becomes dns 's["state"] == "up" and s["reconnects"] == 1'
	status_is dns "s['dns']['via'] == '$file'" || fail "not after a reconnect either: $(json dns 's["dns"]')"
	client_stop dns
}

test_doctor_on_a_read_only_machine() {
	local out
	made_read_only /run
	! out=$(vpnc_ike doctor) || fail "doctor finds nothing in the way"
	in_box client umount /run
	grep -q 'BAD *run *.*read-only' <<<"$out" || fail "$out"
}

test_dns_without_a_file() {
	local file=/etc/resolv.conf
	in_box client mv $file $file.away
	grep -q 'note *dns *no /etc/resolv.conf: one is made' <<<"$(vpnc_ike doctor)" ||
		fail "$(vpnc_ike doctor)"
	profile_psk dns
	client_start dns
	resolver_has '^nameserver 10\.99\.0\.53$'
	client_stop dns
	! in_box client test -e $file || fail "the file is still there"
	in_box client mv $file.away $file
}

# The file names the servers of who came last; the other one says so, and when that has ended.
test_dns_of_two_tunnels() {
	profile_psk first
	profile_psk second second
	client_start first
	client_start second --set network.dns=10.97.0.53
	resolver_has '^nameserver 10\.97\.0\.53$'
	wait_until 3 warned first "another tunnel has its name servers in /etc/resolv.conf now" ||
		fail "the first says nothing"
	status_is first 's["dns"]["via"] == "" and "another tunnel" in s["dns"]["unused"]' ||
		fail "$(json first 's["dns"]')"
	grep -q 'not in use: another tunnel' <<<"$(vpnc_ike status first)" || fail "$(vpnc_ike status first)"
	client_do first dns
	wait_until 3 client_said first 'asked there until it ends' || fail "dns says nothing"
	status_is second 's["dns"]["via"] == "/etc/resolv.conf" and not s["dns"]["unused"]' ||
		fail "$(json second 's["dns"]')"
	client_stop second
	wait_until 3 warned first "this one's are in use again" || fail "the first does not say so"
	status_is first 's["dns"]["via"] == "/etc/resolv.conf" and not s["dns"]["unused"]' ||
		fail "$(json first 's["dns"]')"
	client_stop first
}

test_dns_none() {
	profile_psk dns
	client_start dns --set network.dns=none
	resolver_has '^nameserver 192\.168\.77\.1$'
	! grep -q 10.99 "$LAB/client/etc/resolv.conf" || fail "DNS was changed"
	client_stop dns
}

# The largest packet that fits passes whole, one byte more does not, and nothing is fragmented.
test_mtu() {
	local mtu
	profile_psk mtu
	client_start mtu
	mtu=$(json mtu 's["mtu"]')
	in_box client ping -q -n -c 2 -i 0.1 -W 2 -M 'do' -s $((mtu - 28)) "$INNER4" ||
		fail "$mtu bytes do not pass"
	! in_box client ping -q -n -c 1 -W 1 -M 'do' -s $((mtu - 27)) "$INNER4" ||
		fail "more than $mtu bytes pass"
	client_stop mtu
}
