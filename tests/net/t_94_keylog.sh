# shellcheck shell=bash
# A capture is read with the keys that were written: by the commands that the manual tells.

# manual_line WORD: the line of the manual's example that begins with it, without the prompt. vm/run puts the
# manual beside this file.
manual_line() {
	local manual=$NET_DIR/vpnc-ike.1
	[ -e "$manual" ] || manual=$NET_DIR/../../man/vpnc-ike.1
	sed -n "s/^[#\$] \($1.*\)/\1/p" "$manual"
}

keylog_lab() {
	[ -x /usr/bin/tshark ] || skip "no tshark"
	trap 'capture_end; clients_end; router_plain; l2tp_end' EXIT
	rm -rf "$LAB/capture"
	mkdir "$LAB/capture"
	KEYS=$LAB/capture/keys
	local words
	read -ra words <<<"$(manual_line tcpdump)"
	serve client sh -c 'cd "$0" && exec "$@"' "$LAB/capture" "${words[@]}" -U --immediate-mode \
		2>"$LAB/capture/err"
	CAPTURE_PID=$SERVED
	wait_until 5 grep -q listening "$LAB/capture/err" || fail "tcpdump: $(cat "$LAB/capture/err")"
}

capture_end() {
	[ -z "${CAPTURE_PID:-}" ] || kill "$CAPTURE_PID" 2>/dev/null || true
	CAPTURE_PID=''
}

# capture_shows FILTER STORY [COUNT]: so many packets at least
capture_shows() {
	local command found
	command=$(manual_line WIRESHARK_CONFIG_DIR)
	found=$(cd "$LAB/capture" && HOME=$LAB/home sh -c "$command -Y '$1'" 2>"$LAB/capture/tshark.err") ||
		fail "tshark: $(cat "$LAB/capture/tshark.err")"
	! grep -i 'error\|UAT' "$LAB/capture/tshark.err" || fail "tshark does not take the tables"
	[ "$(grep -c . <<<"$found")" -ge "${3:-1}" ] || fail "the capture does not show $2"
}

# Both ways, by the SAs that NAME has now; ICMP in ESP is all that there is of it on the outer link.
capture_shows_pings() {
	local out in
	out=$(json "$1" 's["children"][0]["spi_out"]')
	in=$(json "$1" 's["children"][0]["spi_in"]')
	reaches "$INNER4"
	sleep 0.3
	capture_shows "esp.spi == 0x$out && icmp.type == 8" "a ping under SPI $out ($2)"
	capture_shows "esp.spi == 0x$in && icmp.type == 0" "an answer under SPI $in ($2)"
}

said_loudly() {
	grep -q "KEYS OF THIS CONNECTION ARE WRITTEN to $KEYS:" "$LAB/run/$1/err" || fail "it is not said loudly"
	vpnc_ike status "$1" | grep -q "KEYS ARE WRITTEN to $KEYS" || fail "status says nothing of keys"
	[ "$(json "$1" 's["keylog"]')" = "$KEYS" ] || fail "status --json says nothing of keys"
}

# keylog_rekeys NAME: new keys of all kinds, and the end under the last of them
keylog_rekeys() {
	local spi
	client_do "$1" "rekey child"
	status_becomes "$1" "s['rekeys']['child'] == 1"
	capture_shows_pings "$1" "after a rekey"
	client_do "$1" "rekey ike"
	status_becomes "$1" "s['rekeys']['ike'] == 1"
	spi=$(json "$1" 's["ike"]["spi_i"]')
	client_stop "$1"
	sleep 0.3
	capture_shows "isakmp.ispi == $spi && isakmp.delete.protoid" "the end, after a rekey"
}

# keylog_v2 [ESP PROPOSAL [IKE PROPOSAL]]
keylog_v2() {
	keylog_lab
	profile_psk keys
	[ -z "${1:-}" ] || profile_add keys esp "proposals = $1"
	[ -z "${2:-}" ] || profile_add keys ike "proposals = $2"
	client_start keys --keylog "$KEYS/"
	said_loudly keys
	capture_shows 'isakmp.exchangetype == 35 && isakmp.auth.data' "IKE_AUTH" 2
	capture_shows_pings keys "at first"
}

test_keylog_v2() {
	keylog_v2
	keylog_rekeys keys
	[ "$(stat -c %a "$KEYS"/*_table "$KEYS/esp_sa" | sort -u)" = 600 ] || fail "others may read them"
}

test_keylog_cbc() { keylog_v2 aes128-sha256-x25519 aes256-sha384-ecp256; }
test_keylog_ctr() { keylog_v2 aes256ctr-sha512-x25519 aes128ctr-sha256-x25519; }
test_keylog_ccm() {
	# In ESP Wireshark has no name for it, and reads the rest all the same.
	keylog_lab
	profile_psk keys
	profile_add keys esp "proposals = aes128ccm16"
	profile_add keys ike "proposals = aes128ccm16-prfsha256-x25519"
	client_start keys --keylog "$KEYS/"
	reaches "$INNER4"
	sleep 0.3
	capture_shows 'isakmp.exchangetype == 35 && isakmp.auth.data' "IKE_AUTH" 2
	[ "$(grep -c '^# .* aes128ccm16' "$KEYS/esp_sa")" = 2 ] || fail "$(cat "$KEYS/esp_sa")"
	client_stop keys
}

# Messages in fragments are put together before they are read.
test_keylog_fragments() {
	keylog_lab
	profile_cert keys chain "$LAB/pki/user-chain-all.crt"
	client_start keys --keylog "$KEYS/"
	sleep 0.3
	capture_shows 'isakmp.exchangetype == 35 && isakmp.auth.data' "IKE_AUTH in fragments" 2
	client_stop keys
}

test_keylog_through_nat() {
	nat_on
	keylog_v2
	client_stop keys
}

# One file instead: each of its lines is an option of tshark.
test_keylog_file() {
	local command found
	keylog_lab
	profile_psk keys
	client_start keys --keylog "$KEYS"
	reaches "$INNER4"
	client_stop keys
	sleep 0.3
	[ "$(stat -c %a "$KEYS")" = 600 ] || fail "others may read the keys"
	command=$(manual_line 'sed -n' | sed 's/\\e/\\/g')
	found=$(cd "$LAB/capture" && HOME=$LAB/home sh -c "$command -Y 'icmp || isakmp.auth.data'" 2>"$LAB/capture/tshark.err") ||
		fail "tshark: $(cat "$LAB/capture/tshark.err")"
	grep -q 'Echo (ping) reply' <<<"$found" || fail "the capture does not show a ping: $found ($command)"
	grep -q 'IKE_AUTH' <<<"$found" || fail "the capture does not show IKE_AUTH: $found"
}

# Keys of what there is, when it is asked for at the prompt; and no more of them when it is not.
test_keylog_at_the_prompt() {
	keylog_lab
	profile_psk keys
	client_start keys
	! vpnc_ike status keys | grep -qi 'keys are' || fail "status speaks of keys"
	client_do keys "keylog $KEYS/"
	wait_until 5 test -s "$KEYS/esp_sa" || fail "nothing is written: $(cat "$LAB/run/keys/err")"
	said_loudly keys
	capture_shows 'isakmp.exchangetype == 35 && isakmp.auth.data' "IKE_AUTH" 2
	capture_shows_pings keys "of an SA that was there before"
	client_do keys "keylog off"
	wait_until 5 client_said keys 'no keys are written' || fail "off is not said"
	cp -a "$KEYS" "$KEYS.before"
	client_do keys "rekey all"
	status_becomes keys "s['rekeys']['child'] == 1 and s['rekeys']['ike'] == 1"
	client_stop keys
	diff -r "$KEYS" "$KEYS.before" || fail "keys were written after off"
}

test_keylog_v1_main() {
	keylog_lab
	v1_psk keys 14
	client_start keys --keylog "$KEYS/"
	capture_shows 'isakmp.exchangetype == 2 && isakmp.id.data' "main mode" 2
	capture_shows 'isakmp.exchangetype == 32 && isakmp.hash' "quick mode" 3
	capture_shows_pings keys "at first"
	keylog_rekeys keys
}

test_keylog_v1_aggressive() {
	keylog_lab
	v1_psk keys 19 v1-aggressive
	profile_add keys ike "aggressive = yes"
	client_start keys --keylog "$KEYS/"
	capture_shows 'isakmp.exchangetype == 32 && isakmp.hash' "quick mode" 3
	capture_shows_pings keys "at first"
	client_stop keys
}

test_keylog_l2tp() {
	l2tp_lab
	keylog_lab
	l2tp_start
	l2tp_profile keys
	client_start keys --keylog "$KEYS/"
	reaches "$L2TP_GATEWAY4"
	sleep 0.3
	capture_shows 'esp && l2tp && icmp' "a ping in PPP in L2TP in ESP" 6
	l2tp_ends keys
}

# As sudo: the folder is the user's own, who is to open it.
test_keylog_of_a_user() {
	local folder=/run/keylog-of-a-user
	in_box client mkdir -m 777 $folder
	profile_psk keys
	chown nobody "$LAB/profiles/keys.conf"
	CLIENT_SUDO=$(id -u nobody) client_start keys --keylog $folder/keys/
	[ "$(in_box client stat -c %U:%a $folder/keys $folder/keys/esp_sa | xargs)" = "nobody:700 nobody:600" ] ||
		fail "$(in_box client ls -lR $folder)"
	client_stop keys
	# What is another's is left alone.
	in_box client mkdir $folder/root
	CLIENT_SUDO=$(id -u nobody) client_fails 2 keys --keylog $folder/root
	explained keys "keys cannot be written to $folder/root: it is somebody else"
	CLIENT_SUDO=$(id -u nobody) client_fails 2 keys --keylog /run/keys
	explained keys 'keys cannot be written to /run/keys: nobody, who ran sudo, may not write there' \
		'^try: --keylog with a path that nobody may write to, or .*sudo su -'
	CLIENT_SUDO=$(id -u nobody) client_fails 2 keys --log-file /run/log
	explained keys 'the log file /run/log cannot be written: nobody, who ran sudo, may not write there' \
		'^try: --log-file with a path that nobody may write to, or .*sudo su -'
}
