# fish completion of vpnc-ike: the program itself knows its commands, options and profiles.

function __vpnc_ike
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end

complete -c vpnc-ike -f -a '(__vpnc_ike)'
