# shellcheck shell=bash
# L2TP over IPsec, against strongSwan, xl2tpd and pppd as everybody sets them up (l2tp.sh). The client's
# own transport mode is in the kernel or in user space (DATAPLANE); the gateway's is in its kernel.

L2TP_DNS=10.99.0.53

# l2tp_profile NAME: the four lines, and DATAPLANE
l2tp_profile() {
	profile "$1" <<-END
	[connection]
	type = l2tp
	gateway = $GATE4
	${DATAPLANE:+dataplane = $DATAPLANE}
	[secrets]
	psk = password@123
	user = foobar
	password = foobar@123
	END
}

# l2tp_lab: skips where there is none; else the configuration, and an end to all of it
l2tp_lab() {
	local why
	why=$(l2tp_why_not)
	[ -z "$why" ] || skip "$why"
	trap 'judge_end; clients_end; router_plain; l2tp_end; l2tp_inner_end' EXIT
	l2tp_files
}

# l2tp_judge_begin: of L2TP in the clear the client must send nothing (t_90_leaks.sh has judge and verdict).
# When its SA has gone, this gateway does say in the clear what a slow pppd has left to say.
l2tp_judge_begin() {
	watch_begin 'udp port 1701'
}

# l2tp_inner_begin: a name server behind the gateway
l2tp_inner_begin() {
	in_box inner ip addr add $L2TP_DNS/32 dev eth0
	serve inner "$NET_DIR/nameserver" $L2TP_DNS inner.vpn.test "$INNER4"
	L2TP_NAMES=$SERVED
	wait_until 20 l2tp_inner_listens || fail "the name server does not start"
}

l2tp_inner_listens() {
	[ -n "$(in_box inner ss -Hlun "src $L2TP_DNS:53")" ]
}

l2tp_inner_end() {
	[ -n "${L2TP_NAMES:-}" ] || return 0
	kill "$L2TP_NAMES" 2>/dev/null || true
	in_box inner ip addr del $L2TP_DNS/32 dev eth0
	L2TP_NAMES=''
}

l2tp_ends() {
	client_stop "$1"
	gateway_says 'Connection closed to .*Local: ' || fail "xl2tpd was not told of the end"
	gateway_says 'received DELETE for IKE_SA' || fail "strongSwan was not told of the end"
}

# l2tp_works NAME: what somebody does who is connected
l2tp_works() {
	reaches "$L2TP_GATEWAY4" "$INNER4"
	transfers "$INNER4"
	status_is "$1" "s['state'] == 'up' and s['type'] == 'l2tp'" || fail "$(vpnc_ike status --json "$1")"
}

# --- the server that this project began with

l2tp_seed() {
	l2tp_inner_begin
	l2tp_start
	l2tp_judge_begin
	l2tp_profile seed
	client_start seed
	l2tp_works seed
	[[ "$(in_box client getent ahostsv4 inner.vpn.test)" == "$INNER4 "* ]] || fail "the name server is not asked"
	l2tp_ends seed
	nothing_clear L2TP
}

test_l2tp_seed() {
	l2tp_lab
	l2tp_seed
}

test_l2tp_seed_through_nat() {
	l2tp_lab
	nat_on
	l2tp_seed
}

test_l2tp_status_json() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2
	l2tp_start
	l2tp_profile json
	client_start json
	reaches "$INNER4"
	vpnc_ike status --json json | python3 "$NET_DIR/status_check.py" || fail "$(vpnc_ike status --json json)"
	vpnc_ike status json | grep -q 'MS-CHAPv2' || fail "$(vpnc_ike status json)"
	client_stop json
}

# What another IPsec program on the machine removes when it starts. L2TP and PPP outlive that.
test_l2tp_sas_flushed() {
	l2tp_lab
	l2tp_start
	l2tp_judge_begin
	l2tp_profile flushed
	client_start flushed
	[ "$(json flushed 's["dataplane"]')" = kernel ] || skip "needs ESP in the client's kernel"
	in_box client ip xfrm state flush
	in_box client ip xfrm policy flush
	status_becomes flushed 's["rekeys"]["child"] == 1' 20
	l2tp_works flushed
	status_is flushed 's["reconnects"] == 0' || fail "the tunnel was lost"
	nothing_clear L2TP
	client_stop flushed
}

# Only what the profile says goes through the tunnel.
test_l2tp_routes() {
	l2tp_lab
	l2tp_start
	l2tp_profile routes
	profile_add routes network "routes = 10.99.0.0/24"
	client_start routes
	reaches "$INNER4"
	status_is routes "'0.0.0.0/0' not in str(s['routes']) and '10.99.0.0/24' in str(s['routes'])" ||
		fail "$(json routes "s['routes']")"
	client_stop routes
}

# A server that speaks IPv6 as well: it gives an identifier by IPV6CP, and a router advertises a prefix.
test_l2tp_ipv6() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2 +ipv6
	cat >"$L2TP_HERE/ipv6-up" <<-END
	#!/bin/sh
	ip -6 route add fd97::/64 dev "\$1"
	exec python3 "$NET_DIR/advertise.py" "\$1" fd97:: 60
	END
	chmod 700 "$L2TP_HERE/ipv6-up"
	l2tp_start
	l2tp_profile both
	client_start both
	wait_until 30 status_is both "len(s['address']) == 2" || fail "no IPv6: $(vpnc_ike status both)"
	status_is both "s['address'][1].startswith('fd97::') and '::/0' in s['routes']" ||
		fail "$(json both "s['address'], s['routes']")"
	reaches "$INNER4" "$INNER6"
	transfers "$INNER6"
	client_stop both
}

# --- new keys while PPP carries packets

test_l2tp_outlives_lifetimes() {
	l2tp_lab
	l2tp_add ipsec.conf $'\tikelifetime=60s' $'\tlifetime=60s' $'\tmargintime=15s' $'\trekeyfuzz=0%'
	l2tp_start
	l2tp_judge_begin
	l2tp_profile lives
	client_start lives
	ping_begin "$INNER4" 1300 0.1
	status_becomes lives "s['rekeys']['ike'] >= 2 and s['rekeys']['child'] >= 2" 130
	ping_end
	status_is lives "s['reconnects'] == 0" || fail "it was not one connection"
	l2tp_works lives
	client_stop lives
	nothing_clear L2TP
}

# The lifetimes of the profile: the client renews. With a NAT between, so that ESP is in UDP.
test_l2tp_renews_by_itself() {
	l2tp_lab
	nat_on
	l2tp_start
	l2tp_judge_begin
	l2tp_profile lives
	profile_add lives ike "lifetime = 20s"
	profile_add lives esp "lifetime = 15s"
	client_start lives
	ping_begin "$INNER4" 300 0.1
	status_becomes lives "s['rekeys']['ike'] >= 1 and s['rekeys']['child'] >= 1" 40
	ping_end
	client_stop lives
	nothing_clear L2TP
}

test_l2tp_rekey_by_client() {
	l2tp_lab
	l2tp_start
	l2tp_profile rekey
	client_start rekey
	while_pinging client_rekeys child child
	while_pinging client_rekeys ike ike
	client_stop rekey
}

test_l2tp_rekey_by_gateway() {
	l2tp_lab
	l2tp_start
	l2tp_profile rekey
	client_start rekey
	while_pinging gateway_rekeys child L2TP-PSK child
	while_pinging gateway_rekeys ike L2TP-PSK ike
	client_stop rekey
}

# --- every way to log in

# l2tp_logs_in AUTH OPTION...: with these options of pppd the gateway has the user log in by AUTH
l2tp_logs_in() {
	local auth=$1
	l2tp_lab
	l2tp_add options.xl2tpd "${@:2}"
	l2tp_start
	l2tp_profile login
	client_start login
	status_is login "s['ppp']['auth'] == '$auth'" || fail "not by $auth: $(json login "s['ppp']")"
	reaches "$INNER4"
	client_stop login
}

test_l2tp_mschapv2() { l2tp_logs_in MS-CHAPv2 require-mschap-v2; }
test_l2tp_chap() { l2tp_logs_in CHAP require-chap; }
test_l2tp_eap() { l2tp_logs_in EAP require-eap; }

# A certificate instead of a name and a password, of which pppd wants the common name.
test_l2tp_eap_tls() {
	l2tp_lab
	l2tp_add options.xl2tpd require-eap
	(umask 077 && printf '* * - %s %s %s *\n' "$LAB"/pki/{radius.crt,ca.crt,radius.key} >"$L2TP_HERE/eaptls-server")
	l2tp_start
	l2tp_profile login
	sed -i '/^user = /d; /^password = /d' "$LAB/profiles/login.conf"
	profile_add login local "eap = tls" "certificate = $LAB/pki/user-tls.crt" "key = $LAB/pki/user-tls.key"
	profile_add login remote "eap-id = radius.vpn.test" "eap-ca = $LAB/pki/ca.crt"
	client_start login --log-level debug --log-file "$LAB/log"
	grep -q ' debug EAP-TLS: TLSv1' "$LAB/log" || fail "nothing of TLS in the log"
	status_is login "s['ppp']['auth'] == 'EAP'" || fail "not by EAP: $(json login "s['ppp']")"
	reaches "$INNER4"
	client_stop login
}

test_l2tp_pap() {
	l2tp_lab
	l2tp_add xl2tpd.conf "refuse pap = no"
	l2tp_add options.xl2tpd require-pap
	cp "$L2TP_HERE/chap-secrets" "$L2TP_HERE/pap-secrets"
	l2tp_start
	l2tp_profile login
	client_start login
	status_is login "s['ppp']['auth'] == 'PAP'" || fail "$(json login "s['ppp']")"
	client_stop login
}

# The profile allows EAP too, but none of its methods that the gateway has: a second call goes without.
test_l2tp_eap_in_vain() {
	l2tp_lab
	l2tp_start
	l2tp_profile login
	profile_add login local "eap = gtc"
	client_start login
	gateway_said '<auth eap>' || fail "EAP was not asked for"
	grep -q "calling once more, without EAP" "$LAB/run/login/err" ||
		fail "there was no second call: $(cat "$LAB/run/login/err")"
	status_is login "s['ppp']['auth'] == 'MS-CHAPv2'" || fail "$(json login "s['ppp']")"
	client_stop login
}

# It asks for EAP before all else (pppd's order); the profile allows something else.
test_l2tp_eap_refused() {
	l2tp_lab
	l2tp_start
	l2tp_profile login
	profile_add login ppp "auth = mschapv2"
	client_start login
	gateway_said '<auth eap>' || fail "EAP was not asked for"
	status_is login "s['ppp']['auth'] == 'MS-CHAPv2'" || fail "$(json login "s['ppp']")"
	client_stop login
}

# The profile allows nothing that the gateway would take.
test_l2tp_fails_no_way_to_log_in() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2
	l2tp_start
	l2tp_profile login
	profile_add login ppp "auth = pap"
	client_fails 6 login
	explained login 'MS-CHAPv2' 'ppp\.auth'
}

# --- the L2TP tunnel's own secret

l2tp_guarded() {
	l2tp_lab
	l2tp_add xl2tpd.conf "challenge = yes"
	l2tp_add l2tp-secrets "* * tunnel@123"
	l2tp_start
	l2tp_profile guarded
}

test_l2tp_tunnel_secret() {
	l2tp_guarded
	profile_add guarded l2tp "secret = tunnel@123"
	client_start guarded
	reaches "$INNER4"
	client_stop guarded
}

test_l2tp_fails_wrong_tunnel_secret() {
	l2tp_guarded
	profile_add guarded l2tp "secret = tunnel@124"
	client_fails 6 guarded
	explained guarded 'tunnel secret' 'l2tp\.secret'
}

test_l2tp_fails_without_tunnel_secret() {
	l2tp_guarded
	client_fails 3 guarded
	explained guarded 'l2tp\.secret'
}

# --- failures

l2tp_wrong_password() {
	l2tp_lab
	l2tp_add options.xl2tpd "${@:2}"
	l2tp_start
	l2tp_profile wrong
	sed -i 's/^password = .*/password = looking glass/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong "$1" 'secrets\.password'
	! grep -rq 'looking glass' "$LAB/run/wrong" || fail "the secret was printed"
}

test_l2tp_fails_wrong_password_mschapv2() { l2tp_wrong_password '(691|E=691).*password|password.*691' require-mschap-v2; }
test_l2tp_fails_wrong_password_chap() { l2tp_wrong_password 'password' require-chap; }
test_l2tp_fails_wrong_password_eap() { l2tp_wrong_password 'password' require-eap; }

# pppd hangs up on who does not answer its challenges, and the password comes later.
test_l2tp_password_typed_late() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2 "chap-restart 1" "chap-max-challenge 4"
	l2tp_start
	l2tp_profile late
	sed -i '/^password = /d' "$LAB/profiles/late.conf"
	printf '#!/bin/sh\nsleep 12\necho foobar@123\n' >"$LAB/askpass"
	chmod 755 "$LAB/askpass"
	CLIENT_ASKPASS=$LAB/askpass client_launch late
	wait_until 60 client_up_or_dead late
	explained late 'did not wait for the password'
	client_said late '^connected' || fail "not connected"
	client_stop late
}

test_l2tp_fails_unknown_user() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2
	l2tp_start
	l2tp_profile wrong
	sed -i 's/^user = .*/user = nobody/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong nobody
}

test_l2tp_fails_wrong_psk() {
	l2tp_lab
	l2tp_start
	l2tp_profile wrong
	sed -i 's/^psk = .*/psk = password@124/' "$LAB/profiles/wrong.conf"
	client_fails 6 wrong
	explained wrong 'pre-shared key'
}

# Neither xl2tpd nor pppd has an address for the user.
test_l2tp_fails_no_address() {
	l2tp_lab
	l2tp_add options.xl2tpd require-mschap-v2
	l2tp_add xl2tpd.conf "assign ip = no"
	l2tp_start
	l2tp_profile none
	client_fails 10 none
	explained none 'address|IPCP'
}

# xl2tpd has none left: one was given to a client that vanished.
test_l2tp_fails_pool_used_up() {
	l2tp_lab
	sed -i 's/^ip range = .*/ip range = 10.10.1.2-10.10.1.2/' "$L2TP_HERE/xl2tpd.conf"
	l2tp_start
	l2tp_profile first
	client_start first
	client_signal first KILL
	client_ends first 137
	vpnc_ike clean
	l2tp_profile second
	client_fails 10 second
	explained second 'L2TP'
}

test_l2tp_fails_no_xl2tpd() {
	l2tp_lab
	l2tp_makes_room
	l2tp_ike_start
	l2tp_judge_begin
	l2tp_profile none
	LIMIT=120 client_fails 4 none
	explained none 'L2TP'
	nothing_clear L2TP
}

# --- a server that comes to harm

l2tp_patient() {
	l2tp_lab
	l2tp_start
	l2tp_judge_begin
	l2tp_profile "$1"
	profile_add "$1" l2tp "hello-interval = 2s"
	profile_add "$1" ike "dpd-interval = 2s"
	client_start "$1"
	reaches "$INNER4"
}

l2tp_comes_back() {
	wait_until "${2:-90}" status_is "$1" "s['state'] == 'up' and s['reconnects'] >= 1" ||
		fail "it did not come back: $(vpnc_ike status "$1")"
	# As long as it has the old tunnel from the same port too, xl2tpd mistakes packets of one for the other's.
	wait_until 60 in_box client ping -q -n -c 1 -W 1 "$INNER4" || fail "no answer from $INNER4"
	l2tp_works "$1"
	client_stop "$1"
	nothing_clear L2TP
}

test_l2tp_server_forgets() {
	l2tp_patient forgets
	l2tp_tunnel_kill
	l2tp_tunnel_start
	l2tp_comes_back forgets
}

test_l2tp_server_shuts_down() {
	l2tp_patient down
	kill -TERM "$L2TP_XL2TPD"
	wait_until 10 gateway_is_dead "$L2TP_XL2TPD"
	l2tp_tunnel_start
	l2tp_comes_back down
}

# pppd answers LCP in the kernel's stead, so both have to stand still.
test_l2tp_server_stops_answering() {
	l2tp_patient silent
	pkill -STOP -s "$L2TP_XL2TPD"
	wait_until 90 status_is silent "s['state'] == 'reconnecting'" || fail "it did not notice"
	pkill -CONT -s "$L2TP_XL2TPD"
	l2tp_comes_back silent
}

test_l2tp_server_restarts() {
	l2tp_patient again
	l2tp_ike_kill
	l2tp_tunnel_kill
	l2tp_ike_start
	l2tp_tunnel_start
	l2tp_comes_back again
}

test_l2tp_client_reconnects() {
	l2tp_patient again
	client_do again reconnect
	l2tp_comes_back again
}

# --- ports

# A server behind which only ephemeral ports get through: what came out of ESP and is from 1701 is lost.
test_l2tp_ephemeral_port() {
	l2tp_lab
	l2tp_start
	in_box gateway nft "table ip l2tp { chain in { type filter hook input priority 0;
		meta secpath exists udp sport 1701 udp dport 1701 drop; }; }"
	trap 'in_box gateway nft delete table ip l2tp; judge_end; clients_end; router_plain; l2tp_end' EXIT
	l2tp_judge_begin
	l2tp_profile other
	client_launch other
	wait_until 60 client_up_or_dead other || fail "not connected after 60 s"
	client_said other '^connected' || fail "not connected"
	reaches "$INNER4"
	client_do other reconnect
	gateway_mark
	wait_until 30 status_is other "s['state'] == 'up' and s['reconnects'] == 1" || fail "it did not come back"
	reaches "$INNER4"
	! gateway_said 'get_call.*port 1701' || fail "it began with port 1701 again"
	client_stop other
	nothing_clear L2TP
}

test_l2tp_given_port() {
	l2tp_lab
	l2tp_start
	l2tp_profile port
	profile_add port l2tp "source-port = 5555"
	client_start port
	gateway_said 'Connection established to .*, 5555' || fail "not from port 5555"
	reaches "$INNER4"
	client_stop port
}

# A server that takes nothing but port 1701 at either end.
test_l2tp_strict_server() {
	l2tp_lab
	l2tp_add ipsec.conf $'\trightprotoport=17/1701'
	l2tp_start
	l2tp_profile strict
	client_start strict
	reaches "$INNER4"
	client_stop strict
}

# Another program has the port.
test_l2tp_port_in_use() {
	local taker
	l2tp_lab
	l2tp_start
	serve client socat -u UDP4-RECV:1701 - >/dev/null 2>&1
	taker=$SERVED
	wait_until 5 l2tp_port_taken || fail "the port is not taken"
	l2tp_judge_begin
	l2tp_profile taken
	client_start taken
	reaches "$INNER4"
	client_stop taken
	kill "$taker"
	nothing_clear L2TP
}

l2tp_port_taken() {
	[ -n "$(in_box client ss -Hlun 'sport = :1701')" ]
}
