# shellcheck shell=bash
# Keys and certificates, new for every lab, in $LAB/pki: NAME.key and NAME.crt each.
# Needs lab.sh. The tool is strongSwan's own pki.

# pki_key NAME ALGORITHM: rsa-2048, ecdsa-384, ed25519, ...
pki_key() {
	local type=${2%-*} size=${2#*-}
	(umask 077 && : >"$LAB/pki/$1.key")
	if [ "$type" = "$size" ]; then
		pki --gen --type "$type" --outform pem
	else
		pki --gen --type "$type" --size "$size" --outform pem
	fi >"$LAB/pki/$1.key"
}

# pki_root NAME ALGORITHM
pki_root() {
	pki_key "$1" "$2"
	pki --self --ca --in "$LAB/pki/$1.key" --dn "O=Lab, CN=$1" --lifetime 30 --outform pem \
		>"$LAB/pki/$1.crt"
}

# pki_issue NAME ALGORITHM CA [OPTION...]: certificate NAME signed by CA
pki_issue() {
	pki_key "$1" "$2"
	pki --pub --in "$LAB/pki/$1.key" | pki --issue --cacert "$LAB/pki/$3.crt" \
		--cakey "$LAB/pki/$3.key" --lifetime 30 --outform pem "${@:4}" >"$LAB/pki/$1.crt"
}

# pki_gateway NAME ALGORITHM CA [OPTION...]: one for the host NAME.vpn.test
pki_gateway() {
	pki_issue "$1" "$2" "$3" --dn "O=Lab, CN=$1.vpn.test" --san "$1.vpn.test" \
		--flag serverAuth "${@:4}"
}

# pki_client NAME ALGORITHM CA [OPTION...]: one for the user NAME@vpn.test, as user-NAME
pki_client() {
	pki_issue "user-$1" "$2" "$3" --dn "O=Lab, CN=$1@vpn.test" --san "$1@vpn.test" \
		--flag clientAuth "${@:4}"
}

# pki_chain NAME: two intermediates below the root, with keys and names long enough that a message
# with all of them never fits a datagram.
pki_chain() {
	local long
	long=$(printf 'long%.0s' {1..15})
	pki_issue "$1-outer" rsa-2048 ca --ca --dn "O=Lab, OU=$long, OU=$long, CN=$1 outer"
	pki_issue "$1-middle" rsa-2048 "$1-outer" --ca --dn "O=Lab, OU=$long, OU=$long, CN=$1 middle"
}

pki_chains() {
	pki_chain gateway &
	pki_chain user &
	wait
	pki_gateway chain rsa-2048 gateway-middle &
	pki_client chain rsa-2048 user-middle &
	wait
	cat "$LAB"/pki/{user-chain,user-middle,user-outer}.crt >"$LAB/pki/user-chain-all.crt"
}

# Runs in a subshell, so that its wait is for its own jobs.
pki_build() (
	local algorithm
	mkdir "$LAB/pki"
	pki_root ca ecdsa-256
	pki_root wrong-ca ecdsa-256
	pki_chains &
	for algorithm in rsa-2048 rsa-3072 ecdsa-256 ecdsa-384 ed25519; do
		pki_gateway "$algorithm" "$algorithm" ca &
		pki_client "$algorithm" "$algorithm" ca &
	done
	pki_gateway eap ecdsa-256 ca --san "$GATE4" --san "$GATE6" --san gate.vpn.test
	pki_gateway other ecdsa-256 ca
	pki_gateway asked ecdsa-256 ca --crl http://ca.vpn.test/ca.crl --ocsp http://198.51.100.10:8080/
	pki_client asked ecdsa-256 ca
	pki_gateway radius rsa-2048 ca
	pki_client tls rsa-2048 ca
	pki_issue user-named rsa-2048 ca --dn "O=Lab, CN=Alice Named"
	pki_client stranger ecdsa-256 wrong-ca
	wait
)
