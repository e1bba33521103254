#compdef vpnc-ike
# zsh completion of vpnc-ike: the program itself knows its commands, options and profiles.

_vpnc_ike() {
	local -a found unfinished
	found=(${(f)"$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
	if (( ${#found} )); then
		unfinished=(${(M)found:#*=}) # a value follows, and no blank
		found=(${found:#*=})
		compadd -S '' -a unfinished
		compadd -a found
	else
		_files
	fi
}

_vpnc_ike "$@"
