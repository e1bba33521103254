# shellcheck shell=bash
# What other programs on the machine do, knowingly or not, to what a full tunnel has set up there. The
# judge and the traffic are those of t_90_leaks.sh.

# meddled STORY COMMAND...: it is done while traffic goes on, nothing of which may be seen, and the
# tunnel carries both families afterwards.
meddled() {
	profile_psk full full
	client_start full
	judge_begin
	sleep 0.3
	"${@:2}" || fail "$1: cannot be done"
	sleep 1
	nothing_clear "$1"
	reaches "$INNER4" "$INNER6"
	goes_by "$OUTSIDE4" 'vpn[0-9]+'
	goes_by "$OUTSIDE6" 'vpn[0-9]+'
	client_stop full
	something_clear
}

# By somebody who is quick: there is no moment in which the process could have done anything.
down_and_up() {
	printf 'link set vpn0 down\nlink set vpn0 up\n' | in_box client ip -batch -
}

# The process cannot do anything: what is left of the routes has to hold.
down_and_up_while_stopped() {
	profile_psk full full
	client_start full
	judge_begin
	client_signal full STOP
	down_and_up
	sleep 1
	nothing_clear "with the interface down and up again"
	client_signal full CONT
	client_stop full
	something_clear
}
test_leaks_interface_down_and_up_while_stopped() { traffic_begin; with_traffic down_and_up_while_stopped; }

# Nor do the networks of a tunnel that takes but some fall through to the way that the rest goes.
split_down_and_up_while_stopped() {
	traffic_inwards
	profile_psk split
	client_start split
	goes_by "$OUTSIDE4" eth0
	goes_by "$INNER4" 'vpn[0-9]+'
	judge_begin
	client_signal split STOP
	down_and_up
	sleep 1
	nothing_clear "with the interface down and up again"
	client_signal split CONT
	reaches "$INNER4" "$INNER6"
	client_stop split
	something_clear
}
test_leaks_split_interface_down_and_up() { with_traffic split_down_and_up_while_stopped; }

# What comes out of the tunnel meanwhile goes nowhere, and that is all that is lost.
down_for_a_moment() {
	local vip4
	vip4=$(json full 's["address"][0].split("/")[0]')
	serve inner ping -q -n -i 0.02 -c 60 "$vip4" >/dev/null
	in_box client ip link set vpn0 down
	sleep 0.1
	in_box client ip link set vpn0 up
}
test_leaks_interface_down_for_a_moment() {
	traffic_begin
	with_traffic meddled "with the interface down for a moment" down_for_a_moment
}

test_leaks_interface_down_and_up() {
	traffic_begin
	with_traffic meddled "with the interface down and up again" down_and_up
}

ipv6_off_and_on() {
	in_box client sysctl -q -w net.ipv6.conf.vpn0.disable_ipv6=1
	sleep 0.2
	! in_box client ip -6 route get "$OUTSIDE6" >/dev/null 2>&1 || fail "IPv6 goes somewhere"
	status_is full '"::/0" in s["blocked"] and not any(":" in r for r in s["routes"])' ||
		fail "$(json full '(s["routes"], s["blocked"])')"
	in_box client sysctl -q -w net.ipv6.conf.vpn0.disable_ipv6=0
}
test_leaks_ipv6_off_and_on() {
	traffic_begin
	with_traffic meddled "with IPv6 switched off and on" ipv6_off_and_on
}

test_leaks_mtu_made_small() {
	traffic_begin
	with_traffic meddled "with an MTU too small for IPv6" in_box client ip link set vpn0 mtu 1200
}

# As systemd-networkd does when it restarts. Without a rule nothing holds, so what counts is that it is
# back before anybody notices; and whoever does it again and again is not fought for ever.
rules_removed() {
	profile_psk full full
	client_start full
	in_box client ip rule del pref 1373
	in_box client ip -6 rule del pref 1373
	sleep 0.2
	judge_begin
	sleep 1
	nothing_clear "after the rules were removed"
	reaches "$INNER4" "$INNER6"
	explained full 'removed routes, rules or addresses of the tunnel: they are back'
	judge_end
	for _ in $(seq 40); do
		in_box client ip rule del pref 1373 2>/dev/null || true
	done
	wait_until 3 goes_by_now "$OUTSIDE4" vpn0 || fail "the rule is not back"
	explained full 'again and again'
	[ "$(grep -c 'they are back' "$LAB/run/full/err")" = 1 ] || fail "told more than once"
	client_stop full
	something_clear
}
test_leaks_rules_removed() { traffic_begin; with_traffic rules_removed; }

# As other IPsec programs do when they start (ipsec start, systemctl start ipsec). The kill switch stands in
# the same tables.
policies_flushed() {
	shield strict
	client_start shield
	in_box client ip xfrm policy flush
	sleep 0.2
	judge_begin
	sleep 1
	nothing_clear "after all policies were removed"
	reaches "$INNER4" "$INNER6"
	explained shield 'removed IPsec policies of ours.*they are back'
	judge_end
	printf 'xfrm policy flush\n%.0s' $(seq 2000) | in_box client ip -batch -
	sleep 1.2
	judge_begin
	sleep 0.5
	nothing_clear "after all policies were removed again and again"
	explained shield 'again and again'
	client_stop shield
	same_machine
	something_clear
}
test_killswitch_policies_flushed() { guarded policies_flushed; }

# While it connects it is the same kill switch.
policies_flushed_while_connecting() {
	shield yes "$SILENT4"
	client_launch shield
	status_becomes shield 's["state"] == "connecting" and s["killswitch"] == "yes"'
	in_box client ip xfrm policy flush
	sleep 0.2
	judge_begin
	sleep 1
	nothing_clear "after all policies were removed"
	client_signal shield TERM
	wait_until 5 client_dead shield || fail "still running"
}
test_killswitch_policies_flushed_while_connecting() { guarded policies_flushed_while_connecting; }

# The SAs go with them (ip xfrm state flush). Where they are the kernel's, their keys are gone for good: new
# ones are agreed on, without a new IKE SA, and the policies are put back.
test_sas_flushed() {
	profile_psk flushed
	client_start flushed
	[ "$(json flushed 's["dataplane"]')" = kernel ] || skip "needs ESP in the client's kernel"
	in_box client ip xfrm state flush
	in_box client ip xfrm policy flush
	status_becomes flushed 's["rekeys"]["child"] == 1' 20
	reaches "$INNER4" "$INNER6"
	explained flushed 'removed IPsec SAs of the tunnel.*new ones are asked for'
	explained flushed 'removed IPsec policies of ours.*they are back'
	in_box client ip xfrm state list | grep -m1 spi | grep -q 0x || fail "there is no SA"
	in_box client ip xfrm state flush
	status_becomes flushed 's["rekeys"]["child"] >= 2' 20
	reaches "$INNER4"
	status_is flushed 's["rekeys"]["ike"] == 0 and s["reconnects"] == 0' || fail "not only the child SA is new"
	client_stop flushed
}

# As firewalls do when they are loaded again. One that is removed by our own side is not mourned.
filter_flushed() {
	in_box client nft flush ruleset
	wait_until 3 filter_is_there || fail "nobody keeps the neighbours from the tunnel's addresses"
	explained filtered 'removed what keeps neighbours from the tunnel.s addresses.*it is back'
	in_box client nft delete table ip vpnc-ike-0
	wait_until 3 filter_is_there || fail "it is not back"
}

filter_is_there() {
	in_box client nft list table ip vpnc-ike-0 2>/dev/null | grep -q drop
}

test_packet_filter_flushed() {
	profile_psk filtered
	client_start filtered
	wait_until 3 filter_is_there || fail "there is no packet filter"
	client_do filtered reconnect
	status_becomes filtered 's["state"] == "up" and s["reconnects"] == 1'
	! grep -q 'neighbours' "$LAB/run/filtered/err" || fail "its own removals are told as others'"
	filter_flushed
	client_stop filtered
	! filter_is_there || fail "it was left behind"
}

goes_by_now() {
	in_box client ip route get "$1" | grep -q " dev $2 "
}

# --- resolv.conf ------------------------------------------------------------------------------------------

# dhcp_writes NUMBER: as a DHCP client does that comes to another network
dhcp_writes() {
	printf '# lease %s\nnameserver 192.168.77.1\n' "$1" >"$LAB/client/etc/resolv.conf.new"
	mv "$LAB/client/etc/resolv.conf.new" "$LAB/client/etc/resolv.conf"
}

names_the_tunnels() {
	grep -q '^nameserver 10\.99\.0\.53$' "$LAB/client/etc/resolv.conf"
}

test_dns_rewritten_by_others() {
	local etc=$LAB/client/etc/resolv.conf i
	cp -p "$etc" "$LAB/keep"
	profile_psk dns full
	client_start dns
	printf 'nameserver 192.168.77.1\n' >"$etc"
	wait_until 3 names_the_tunnels || fail "names are asked in the clear: $(cat "$etc")"
	dhcp_writes 1
	wait_until 3 names_the_tunnels || fail "the second time: $(cat "$etc")"
	explained dns 'somebody else has rewritten /etc/resolv.conf: it names the tunnel.s servers again'
	status_is dns 's["dns"]["via"] == "/etc/resolv.conf"' || fail "$(json dns 's["dns"]')"
	client_stop dns
	[ "$(head -n 1 "$etc")" = "# lease 1" ] || fail "the last lease's file is not back: $(cat "$etc")"
	client_start dns
	for i in 2 3 4 5; do
		dhcp_writes "$i"
		wait_until 1 names_the_tunnels || true
	done
	explained dns 'again and again: names are not asked through the tunnel'
	status_is dns 's["dns"]["via"] in ("", None)' || fail "$(json dns 's["dns"]')"
	wait_until 21 names_the_tunnels || fail "they are not, however long the file is left alone: $(cat "$etc")"
	status_becomes dns 's["dns"]["via"] == "/etc/resolv.conf"'
	client_stop dns
	[ "$(head -n 1 "$etc")" = "# lease 5" ] || fail "another file than the last lease's: $(cat "$etc")"
	cp -p "$LAB/keep" "$etc"
}

# /run is a tmpfs, /etc is not.
test_dns_after_power_was_lost() {
	local etc=$LAB/client/etc/resolv.conf i
	cp -p "$etc" "$LAB/keep"
	profile_psk dns full
	for i in clean connect; do
		client_start dns
		client_signal dns KILL
		client_ends dns 137
		mv "$LAB/client/run/vpnc-ike" "$LAB/lost"
		in_box client ip rule del pref 1373
		in_box client ip -6 rule del pref 1373
		names_the_tunnels || fail "there is nothing to recover"
		if [ $i = clean ]; then
			vpnc_ike clean | grep -q resolv.conf || fail "clean says nothing of it"
		else
			client_start dns
			client_stop dns
		fi
		cmp "$etc" "$LAB/keep" || fail "$i: the file of before is lost: $(cat "$etc")"
		[ ! -e "$etc.before-vpnc-ike" ] || fail "$i: the copy stays"
		rm -rf "$LAB/client/run/vpnc-ike"
		mv "$LAB/lost" "$LAB/client/run/vpnc-ike" # the rest of the machine was not off
		vpnc_ike clean >/dev/null
	done
	same_machine
}

# resolvconf_is KIND: openresolv or debian, as far as we use them, or one that fails when it has done its work; the network's server is in the list
resolvconf_is() {
	mkdir -p "$LAB/sbin"
	cat >"$LAB/sbin/resolvconf" <<-END
	#!/bin/sh
	alone=
	if [ "\$1" = -x ]; then
		[ $1 != debian ] || exit 99
		alone=yes
		shift
	fi
	case \$1 in
	-a) { cat; [ "\$alone" ] || echo nameserver 192.168.77.1; } >/etc/resolv.conf; [ $1 != failing ] || exit 1 ;;
	-d) printf '# the lab\nnameserver 192.168.77.1\n' >/etc/resolv.conf ;;
	*) exit 99 ;;
	esac
	END
	chmod 755 "$LAB/sbin/resolvconf"
	in_box client mount -t overlay overlay -o "lowerdir=$LAB/sbin:/usr/sbin" /usr/sbin
}

# The C library asks the network's server as soon as the tunnel's does not answer.
test_dns_of_the_tunnel_alone() {
	local etc=$LAB/client/etc/resolv.conf kind
	cp -p "$etc" "$LAB/keep"
	profile_psk dns full
	for kind in openresolv debian; do
		resolvconf_is $kind
		client_start dns
		names_the_tunnels || fail "$kind: $(cat "$etc")"
		! grep -q 192.168.77.1 "$etc" || fail "$kind: the network's server stays: $(cat "$etc")"
		if [ $kind = openresolv ]; then
			status_is dns 's["dns"]["via"] == "resolvconf"' || fail "$(json dns 's["dns"]')"
		else
			explained dns 'the only ones \(-x\)'
			status_is dns 's["dns"]["via"] == "/etc/resolv.conf"' || fail "$(json dns 's["dns"]')"
		fi
		client_stop dns
		cmp "$etc" "$LAB/keep" || fail "$kind: not as it was: $(cat "$etc")"
		in_box client umount -l /usr/sbin
	done
	cp -p "$LAB/keep" "$etc"
}

# As one of openresolv's subscribers makes it end. What it wrote is not the file of before.
test_dns_resolvconf_fails() {
	local etc=$LAB/client/etc/resolv.conf
	cp -p "$etc" "$LAB/keep"
	profile_psk dns full
	resolvconf_is failing
	client_start dns
	explained dns 'resolvconf did not work'
	status_is dns 's["dns"]["via"] == "/etc/resolv.conf"' || fail "$(json dns 's["dns"]')"
	client_stop dns
	cmp "$etc" "$LAB/keep" || fail "not as it was: $(cat "$etc")"
	in_box client umount -l /usr/sbin
	cp -p "$LAB/keep" "$etc"
}

# systemd's resolvconf is its resolvectl. It sets what systemd-resolved goes by, whom nobody asks here.
test_dns_resolvconf_of_systemd() {
	local etc=$LAB/client/etc/resolv.conf
	cp -p "$etc" "$LAB/keep"
	profile_psk dns full
	mkdir -p "$LAB/sbin"
	printf '#!/bin/sh\n' >"$LAB/sbin/resolvectl"
	chmod 755 "$LAB/sbin/resolvectl"
	ln -sf resolvectl "$LAB/sbin/resolvconf"
	in_box client mount -t overlay overlay -o "lowerdir=$LAB/sbin:/usr/sbin" /usr/sbin
	client_start dns
	names_the_tunnels || fail "$(cat "$etc")"
	status_is dns 's["dns"]["via"] == "/etc/resolv.conf"' || fail "$(json dns 's["dns"]')"
	client_stop dns
	cmp "$etc" "$LAB/keep" || fail "not as it was: $(cat "$etc")"
	in_box client umount -l /usr/sbin
	rm -f "$LAB/sbin/resolvconf" "$LAB/sbin/resolvectl"
	cp -p "$LAB/keep" "$etc"
}

# --- the interface's name ---------------------------------------------------------------------------------

# By a udev rule, or by hand.
test_interface_renamed() {
	profile_psk full full
	client_start full
	printf 'link set vpn0 down\nlink set vpn0 name corp0\nlink set corp0 up\n' | in_box client ip -batch -
	wait_until 5 goes_by_now "$OUTSIDE6" corp0 || fail "IPv6 does not go into the tunnel any more"
	in_box client ip route add 203.0.113.99 via "$ROGUE4" # makes it look at all again
	sleep 0.5
	reaches "$INNER4" "$INNER6"
	goes_by "$OUTSIDE6" corp0
	status_is full 's["interface"] == "corp0"' || fail "status calls it $(json full 's["interface"]')"
	in_box client ip route del 203.0.113.99
	client_stop full
}
