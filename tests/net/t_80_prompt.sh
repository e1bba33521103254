# shellcheck shell=bash
# The prompt, typed at in a terminal.

TERMINAL=none

in_tmux() {
	tmux -S "$LAB/tmux.$TERMINAL" -f /dev/null "$@"
}

# terminal_start PROFILE: the exit status will be in $LAB/ended
terminal_start() {
	local COMMAND
	TERM=screen client_command
	rm -f "$LAB/ended"
	TERMINAL=$SRANDOM # the last server may not have left its socket yet
	# shellcheck disable=SC2016 # for the inner shell
	in_tmux new-session -d -x 100 -y 40 sh -c 'trap : INT; ended=$1; shift; "$@"
		echo $? >"$ended"; sleep 60' sh "$LAB/ended" "${COMMAND[@]}" connect "$1"
}

terminal_end() {
	in_tmux kill-server 2>/dev/null || true
	wait_until 5 no_tunnel || true
}

no_tunnel() {
	! in_box client ip link show vpn0 >/dev/null 2>&1
}

types() {
	in_tmux send-keys -l "$1"
}

press() {
	in_tmux send-keys "$@"
}

# enters LINE
enters() {
	types "$1"
	press Enter
}

screen() {
	in_tmux capture-pane -p | sed -e 's/ *$//'
}

# for the diagnosis
show_screen() {
	screen | grep . | sed 's/^/| /'
}

screen_has() {
	grep -Eq -- "$1" <<<"$(screen)"
}

shows() {
	wait_until "${2:-5}" screen_has "$1" && return
	show_screen
	fail "the screen does not show $1"
}

last_line_is() {
	[ "$(screen | grep . | tail -n 1)" = "$1" ]
}

line_is() {
	wait_until 5 last_line_is "$1" && return
	show_screen
	fail "the line is not: $1"
}

terminal_ends() {
	wait_until 10 test -s "$LAB/ended" || { show_screen && fail "still at the prompt"; }
	[ "$(<"$LAB/ended")" = "$1" ] || fail "exit status $(<"$LAB/ended"), expected $1"
}

at_the_prompt() {
	profile_psk office
	trap 'terminal_end; clients_end; router_plain' EXIT
	terminal_start office
	shows '^connected' 20
	line_is 'office>'
}

not_stopped() {
	[[ $(ps -o stat= -C vpnc-ike) != *T* ]]
}

# job ARGUMENTS...: a shell's background job; what is typed into the shell then is not for us
job() {
	local COMMAND
	profile_psk job
	trap 'terminal_end; clients_end; router_plain' EXIT
	client_command
	{
		echo '#!/bin/sh'
		echo "exec $(printf '%q ' "${COMMAND[@]}" connect job) $*"
	} >"$LAB/job"
	chmod +x "$LAB/job"
	in_tmux new-session -d -x 100 -y 40 bash --norc -i
	enters "$LAB/job &"
	wait_until 20 in_box client ping -q -c 1 -W 1 "$INNER4" >/dev/null || { show_screen && fail "no tunnel"; }
	enters "echo typed by somebody"
	shows '^typed by somebody'
	sleep 0.5
	not_stopped || { show_screen && fail "stopped"; }
	reaches "$INNER4"
	vpnc_ike down job || fail "down"
	wait_until 10 no_tunnel || fail "still there"
}

test_prompt_background() { job; }
test_prompt_background_quiet() { job '>/dev/null 2>&1'; }

# Nobody can be asked there.
test_prompt_background_asks_nobody() {
	local COMMAND
	profile_eap job mschapv2
	sed -i '/^password/d' "$LAB/profiles/job.conf"
	trap 'terminal_end; clients_end; router_plain' EXIT
	client_command
	printf '#!/bin/sh\nexec %s\n' "$(printf '%q ' "${COMMAND[@]}" connect job)" >"$LAB/job"
	chmod +x "$LAB/job"
	in_tmux new-session -d -x 100 -y 40 bash --norc -i
	enters "$LAB/job &"
	shows 'there is no terminal' 20
	not_stopped || { show_screen && fail "stopped"; }
}

test_prompt_tab_and_history() {
	at_the_prompt
	types sta
	press Tab
	line_is 'office> status'
	press Enter
	shows "$GATE4"
	line_is 'office>'
	press Up
	line_is 'office> status'
	press C-c
	line_is 'office>'
	types "rekey i"
	press Tab
	line_is 'office> rekey ike'
	press Enter
	status_becomes office 's["rekeys"]["ike"] == 1'
	enters down
	terminal_ends 0
}

test_prompt_history_file() {
	local file
	at_the_prompt
	enters routes
	enters down
	terminal_ends 0
	in_tmux kill-server
	file=$(find "$LAB/home" -name '*history*' -type f)
	[ -n "$file" ] || fail "no history file"
	[ "$(stat -c %a "$file")" = 600 ] || fail "history file: mode $(stat -c %a "$file")"
	! grep -q "$PSK" "$file" || fail "a secret in the history"
	at_the_prompt
	press Up Up
	line_is 'office> routes'
	press C-c
	enters quit
	terminal_ends 0
}

# What happens is told above the line being typed, and the line stays.
test_prompt_events_above_the_line() {
	at_the_prompt
	types rou
	line_is 'office> rou'
	gateway_do --rekey --child net
	shows '[Rr]ekeyed'
	line_is 'office> rou'
	enters tes
	shows '10\.99\.0\.0/24'
	press C-d
	terminal_ends 0
}

test_prompt_two_interrupts_leave() {
	at_the_prompt
	types half
	press C-c
	line_is 'office>'
	press C-c
	terminal_ends 0
}

# The window gets narrower: the line is drawn anew as it fits, and lists are as wide as it is.
test_prompt_window_resized() {
	at_the_prompt
	types "status and more than fits into a window of forty columns"
	in_tmux resize-window -x 40 -y 40
	gateway_do --rekey --child net
	shows '^child SA rekeyed by the gateway$'
	shows '^office> status and more than fits into a$'
	press C-c
	enters traffic
	shows '^in .*/s   out .*/s$'
	press q
	line_is 'office>'
	press Tab
	shows '^status  traffic  routes  dns  rekey$'
	enters down
	terminal_ends 0
}

# Wrong, wrong, right: what is typed before the question comes back is not shown either.
test_prompt_password_three_tries() {
	profile_eap asks mschapv2
	sed -i '/^password/d' "$LAB/profiles/asks.conf"
	trap 'terminal_end; clients_end; router_plain' EXIT
	terminal_start asks
	shows '[Pp]assword.*:' 10
	enters 'looking glass'
	enters 'mad hatter'
	enters "$ALICE"
	shows '^connected' 20
	! screen_has 'looking|hatter|wonder' || fail "a password is on the screen"
	enters down
	terminal_ends 0
}

test_prompt_interrupt_at_a_question() {
	profile_eap asks mschapv2
	sed -i '/^password/d' "$LAB/profiles/asks.conf"
	trap 'terminal_end; clients_end; router_plain' EXIT
	terminal_start asks
	shows '[Pp]assword.*:' 10
	press C-c
	terminal_ends 0
}

test_prompt_unknown_command() {
	at_the_prompt
	enters statsu
	shows 'status'
	line_is 'office>'
	enters help
	shows 'reconnect'
	enters "help bogus"
	shows '^there is no command "bogus"; help lists them$'
	enters "help connect"
	shows '^  connect PROFILE '
	enters down
	terminal_ends 0
}

# Asked for on the terminal, typed without an echo, kept out of the history.
test_prompt_asks_for_the_password() {
	profile_eap asks mschapv2
	sed -i '/^password/d' "$LAB/profiles/asks.conf"
	trap 'terminal_end; clients_end; router_plain' EXIT
	terminal_start asks
	shows '[Pp]assword.*:' 10
	types "$ALICE"
	press Enter
	shows '^connected' 20
	! screen_has 'wonder' || fail "the password is on the screen"
	! grep -rq wonder "$LAB/home" || fail "the password is in a file"
	enters down
	terminal_ends 0
}

# Lines are read as the terminal gives them, and Ctrl-D leaves.
test_prompt_without_libedit() {
	local file
	file=$(ldconfig -p | awk '/libedit\.so/ && !n++ { print $NF }')
	[ -n "$file" ] || skip "where libedit lies is not known here"
	profile_psk office
	in_box client mount --bind /dev/null "$file"
	# shellcheck disable=SC2064 # the name is not known any more then
	trap "terminal_end; in_box client umount '$file'; clients_end; router_plain" EXIT
	terminal_start office
	shows '^connected' 20
	shows '^warning: libedit .* cannot be opened: '
	types statsu
	press BSpace BSpace
	enters us
	shows '^status$'
	shows '^  address '
	enters traffic
	shows 'traffic is for a terminal with line editing'
	press C-d
	terminal_ends 0
}

# completed TYPED LINE: what Tab makes of it in the shell that the terminal runs
completed() {
	press C-u
	types "$1"
	press Tab
	line_is "\$ $2"
}

# bash takes '=' and '@' for the end of a word.
test_completion_in_bash() {
	trap 'terminal_end; clients_end; router_plain' EXIT
	mkdir -p "$LAB/home/profiles" # no other begins like this one there
	: >"$LAB/home/profiles/alice@office.conf"
	ln -sf "$VPNC_IKE" "$LAB/home/vpnc-ike" # or that of an attempt before
	in_tmux new-session -d -x 100 -y 40 env -i PATH="$LAB/home:$PATH" TERM=screen PS1='$ ' \
		VPNC_IKE_PROFILE_DIR="$LAB/home/profiles" HISTFILE= bash --norc
	enters ". $NET_DIR/../../completions/vpnc-ike.bash; clear"
	completed 'vpnc-ike reco' 'vpnc-ike reconnect'
	completed 'vpnc-ike --col' 'vpnc-ike --color='
	completed 'vpnc-ike --color=al' 'vpnc-ike --color=always'
	completed 'vpnc-ike connect --set esp.pfs=y' 'vpnc-ike connect --set esp.pfs=yes'
	completed 'vpnc-ike connect --set=esp.pfs=y' 'vpnc-ike connect --set=esp.pfs=yes'
	completed 'vpnc-ike connect --color=never alice@of' 'vpnc-ike connect --color=never alice@office'
	completed 'vpnc-ike connect al' 'vpnc-ike connect alice@office'
}
