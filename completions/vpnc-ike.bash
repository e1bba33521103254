# bash completion of vpnc-ike: the program itself knows its commands, options and profiles.

_vpnc_ike() {
	local -a words=()
	local i word rest before line=${COMP_LINE:0:COMP_POINT}

	# bash ends words at '=' and '@' too, and completes what is behind, $2. The program wants words as
	# they were typed, and tells whole ones.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		word=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || word=$rest
		if ((i > 0)) && [[ $rest == "$line" ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		line=${rest#"$word"}
	done
	mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
	before=${words[-1]%"$2"}
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}

# Files where the program names nothing: a profile may be a path.
complete -o default -F _vpnc_ike vpnc-ike
