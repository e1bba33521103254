# shellcheck shell=bash
# Each family of algorithms: the profile offers one proposal, the gateway tells what it selected.

# offers_ike PROPOSAL SELECTED [OPTION...]
offers_ike() {
	profile_psk ike
	profile_add ike ike "proposals = $1"
	gateway_mark
	client_start ike "${@:3}"
	reaches "$INNER4"
	gateway_says "selected proposal: IKE:$2\$" || fail "the gateway did not select $2"
	client_do ike "rekey ike"
	status_becomes ike 's["rekeys"]["ike"] == 1'
	reaches "$INNER4"
	client_stop ike
}

# offers_esp PROPOSAL SELECTED [OPTION...]: before and after a rekeying, which has a key exchange of
# its own
offers_esp() {
	profile_psk esp
	profile_add esp esp "proposals = $1"
	gateway_mark
	client_start esp "${@:3}"
	transfers "$INNER4"
	gateway_says "selected proposal: ESP:$2/" || fail "the gateway did not select $2"
	client_do esp "rekey child"
	status_becomes esp 's["rekeys"]["child"] == 1'
	transfers "$INNER6"
	client_stop esp
}

test_ike_aes128gcm_x25519() {
	offers_ike aes128gcm16-prfsha256-x25519 AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519
}

test_ike_aes256gcm_ecp384() {
	offers_ike aes256gcm16-prfsha384-ecp384 AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384
}

test_ike_short_gcm_tags() {
	offers_ike aes128gcm12-prfsha256-ecp256 AES_GCM_12_128/PRF_HMAC_SHA2_256/ECP_256
	offers_ike aes128gcm8-prfsha256-ecp256 AES_GCM_8_128/PRF_HMAC_SHA2_256/ECP_256 \
		--set connection.security=compat
}

test_ike_chacha20poly1305_x448() {
	offers_ike chacha20poly1305-prfsha512-x448 CHACHA20_POLY1305/PRF_HMAC_SHA2_512/CURVE_448
}

test_ike_aes256ccm_ecp521() {
	offers_ike aes256ccm16-prfsha256-ecp521 AES_CCM_16_256/PRF_HMAC_SHA2_256/ECP_521
}

test_ike_aes_cbc_modp2048() {
	offers_ike aes256-sha256-modp2048 \
		AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048
}

test_ike_aes_cbc_sha384_modp3072() {
	offers_ike aes192-sha384-modp3072 \
		AES_CBC_192/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/MODP_3072
}

test_ike_aes_ctr_sha512_modp4096() {
	offers_ike aes256ctr-sha512-modp4096 \
		AES_CTR_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_4096
}

test_ike_modp8192() {
	offers_ike aes128-sha256-modp8192 \
		AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_8192
}

test_ike_sha1() {
	offers_ike aes128-sha1-modp2048 AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048 \
		--set connection.security=compat
}

test_ike_legacy() {
	offers_ike 3des-sha1-modp1024 3DES_CBC/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024 \
		--set connection.security=legacy
}

test_esp_aes128gcm() { offers_esp aes128gcm16-x25519 AES_GCM_16_128; }
test_esp_aes256gcm() { offers_esp aes256gcm16-ecp384 AES_GCM_16_256; }
test_esp_aes256gcm_without_pfs() { offers_esp aes256gcm16 AES_GCM_16_256; }

test_esp_short_gcm_tags() {
	offers_esp aes256gcm12-x25519 AES_GCM_12_256
	offers_esp aes256gcm8-x25519 AES_GCM_8_256 --set connection.security=compat
}

test_esp_chacha20poly1305() { offers_esp chacha20poly1305-x25519 CHACHA20_POLY1305; }
test_esp_aes128_sha256() { offers_esp aes128-sha256-modp2048 AES_CBC_128/HMAC_SHA2_256_128; }
test_esp_aes256_sha384() { offers_esp aes256-sha384-ecp256 AES_CBC_256/HMAC_SHA2_384_192; }
test_esp_aes256_sha512() { offers_esp aes256-sha512-modp3072 AES_CBC_256/HMAC_SHA2_512_256; }

test_esp_sha1() {
	offers_esp aes128-sha1-modp2048 AES_CBC_128/HMAC_SHA1_96 --set connection.security=compat
}

test_esp_legacy() {
	offers_esp 3des-sha1-modp1024 3DES_CBC/HMAC_SHA1_96 --set connection.security=legacy
}

# A weak algorithm works where the profile allows it, and is told.
test_weak_is_told() {
	profile_psk weak
	profile_add weak ike "proposals = 3des-sha1-modp1024"
	client_start weak --set connection.security=legacy
	status_is weak 'len(s["weak"]) > 0' || fail "status names nothing weak"
	client_stop weak
	client_fails 3 weak
	explained weak "3des|modp1024|sha1"
}
