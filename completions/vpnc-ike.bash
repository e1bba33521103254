# bash completion of vpnc-ike: the program itself knows its commands, options and profiles.

_vpnc_ike() {
	local -a words=()
	local i word joined=

	# bash takes '=' for a word of its own; the program wants what was typed.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == = || $joined == yes ]] && ((${#words[@]} > 0)); then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		[[ $word == = ]] && joined=yes || joined=
	done
	mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}

# Files where the program names nothing: a profile may be a path.
complete -o default -F _vpnc_ike vpnc-ike
