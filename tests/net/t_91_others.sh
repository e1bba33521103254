# shellcheck shell=bash
# What other programs on the machine do, knowingly or not, to what a full tunnel has set up there. The
# judge and the traffic are those of t_90_leaks.sh.

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
