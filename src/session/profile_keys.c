#include "profile_private.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "esp/esp.h"

#define AT(field)   offsetof(struct profile, field)
#define FULL(field) offsetof(struct profile_full, field)
#define SIZE(field) sizeof(((struct profile *)0)->field)

#define DAY 86400

/* The table of keys. The order is that of the manual and of `show`. */
static const struct key_row rows[] = {
	{ "connection", "type", KEY_CHOICE, AT(type), 0, 0, 0, "ikev2", "ikev2|ikev1|l2tp",
		"The kind of VPN the gateway offers." },
	{ "connection", "gateway", KEY_GATEWAYS, 0, 0, 0, 0, "", "hosts",
		"Host name or address of the gateway; several, tried in order, are separated by commas." },
	{ "connection", "port", KEY_U16, AT(port), 0, 1, 65535, "500", "number",
		"UDP port of the gateway for the first message." },
	{ "connection", "encapsulation", KEY_FLAG, AT(encapsulation), 0, 0, 0, "auto", "auto|yes",
		"ESP inside UDP: where a NAT lies between, or always." },
	{ "connection", "dataplane", KEY_CHOICE, AT(dataplane), 0, 0, 0, "auto",
		"auto|kernel|userspace",
		"Who carries the packets; auto takes the kernel where it can." },
	{ "connection", "security", KEY_CHOICE, AT(security), 0, 0, 0, "default",
		"default|compat|legacy",
		"Which algorithms may be used: compat adds SHA-1, legacy also MD5, 3DES, MODP 1024 and 1536." },
	{ "connection", "reconnect", KEY_FLAG, AT(reconnect), 0, 0, 0, "yes", "yes|no",
		"Bring the tunnel back when it is lost." },

	{ "local", "auth", KEY_CHOICE, AT(local_auth), 0, 0, 0, "psk",
		"psk|cert|eap|xauth-psk|xauth-cert|hybrid", "How we prove who we are." },
	{ "local", "id", KEY_IDENTITY, AT(local_id), 0, 0, 0, "", "identity",
		"Our identity; without it the certificate's subject, the user's name or our address." },
	{ "local", "certificate", KEY_TEXT, AT(certificate), 0, 0, SIZE(certificate), "", "file",
		"Our certificate: PEM, DER or PKCS#12, with the certificates that lead to its CA." },
	{ "local", "key", KEY_TEXT, AT(key), 0, 0, SIZE(key), "", "file",
		"The private key, where it is not in the certificate's file." },
	{ "local", "eap", KEY_EAP, 0, 0, 0, 0, "tls, mschapv2, peap, ttls, md5, gtc",
		"tls|mschapv2|peap|ttls|ttls-pap|ttls-mschapv2|md5|gtc",
		"EAP methods that may be used, most wanted first, separated by commas; without it all, but "
		"tls only with a certificate." },

	{ "remote", "id", KEY_IDENTITY, AT(remote_id), 0, 0, 0, "", "identity",
		"Who the gateway must prove to be; without it the gateway's name or address." },
	{ "remote", "auth", KEY_CHOICE, AT(remote_auth), 0, 0, 0, "cert", "cert|psk",
		"How the gateway proves who it is; psk where local.auth is psk and nothing is said." },
	{ "remote", "certificate", KEY_TEXT, AT(remote_certificate), 0, 0, SIZE(remote_certificate),
		"", "file", "The gateway's own certificate: no other is accepted." },
	{ "remote", "ca", KEY_TEXT, AT(ca), 0, 0, SIZE(ca), "", "file or folder",
		"Certificates of the CAs believed; without it the system's." },
	{ "remote", "revocation", KEY_CHOICE, AT(revocation), 0, 0, 0, "local",
		"off|local|soft|hard",
		"Whether the gateway's certificate is revoked: not looked at, seen from what is at hand, "
		"or asked of others as well; hard: it must be known not to be." },
	{ "remote", "crl", KEY_TEXT, AT(crl), 0, 0, SIZE(crl), "", "file or folder",
		"Lists of what the CAs have revoked (CRLs), in PEM or DER." },
	{ "remote", "eap-id", KEY_IDENTITY, AT(eap_id), 0, 0, 0, "", "identity",
		"Whom the certificate of the EAP server must name, for methods over TLS; without it the "
		"gateway." },
	{ "remote", "eap-ca", KEY_TEXT, AT(eap_ca), 0, 0, SIZE(eap_ca), "", "file or folder",
		"Certificates of the CAs believed of the EAP server; without it those of remote.ca." },

	{ "secrets", "psk", KEY_SECRET, AT(psk), AT(psk_given), 0, 0, "", "text",
		"The pre-shared key; asked for when it is needed and not given." },
	{ "secrets", "psk-file", KEY_TEXT, AT(psk_file), 0, 0, SIZE(psk_file), "", "file",
		"A file of one line, the pre-shared key." },
	{ "secrets", "user", KEY_TEXT, AT(user), 0, 0, SIZE(user), "", "text",
		"The user's name for EAP or XAUTH; asked for when it is needed and not given." },
	{ "secrets", "password", KEY_SECRET, AT(password), AT(password_given), 0, 0, "", "text",
		"The user's password; asked for when it is needed and not given, and when the gateway "
		"refuses it on a reconnect." },
	{ "secrets", "password-file", KEY_TEXT, AT(password_file), 0, 0, SIZE(password_file), "",
		"file", "A file of one line, the password." },
	{ "secrets", "key-passphrase", KEY_SECRET, AT(key_passphrase), AT(key_passphrase_given), 0,
		0, "", "text",
		"What the private key is encrypted with; asked for when it is needed and not given." },
	{ "secrets", "ppk-id", KEY_TEXT, AT(ppk_id), 0, 0, SIZE(ppk_id), "", "text",
		"Name of a post-quantum pre-shared key (RFC 8784): one that is mixed into all keys, so "
		"that breaking the key exchange is not enough; a gateway that does not do so is refused." },
	{ "secrets", "ppk", KEY_SECRET, AT(ppk), AT(ppk_given), 0, 0, "", "text",
		"The post-quantum pre-shared key; asked for where there is a ppk-id and it is not given." },

	{ "ike", "proposals", KEY_PROPOSALS, FULL(ike_text), 0, 0, PROPOSALS_TEXT_MAX, "",
		"proposals",
		"Algorithms offered for the IKE SA, strongest first; without it those of `security`." },
	{ "ike", "lifetime", KEY_TIME, AT(ike_lifetime), 0, 2, 30 * DAY, "4h", "time",
		"The IKE SA is replaced before it is this old; 0: never." },
	{ "ike", "dpd-interval", KEY_TIME, AT(dpd_interval), 0, 1, DAY, "30s", "time",
		"Silence after which the gateway is asked whether it lives; 0: never." },
	{ "ike", "fragmentation", KEY_FLAG, AT(fragmentation), 0, 0, 0, "yes", "yes|no",
		"Large IKE messages go in fragments of their own (RFC 7383)." },
	{ "ike", "mobike", KEY_FLAG, AT(mobike), 0, 0, 0, "yes", "yes|no",
		"Keep the tunnel when our address changes (RFC 4555)." },
	{ "ike", "resumption", KEY_FLAG, AT(resumption), 0, 0, 0, "yes", "yes|no",
		"Come back without a new login after a loss, where the gateway gives tickets (RFC 5723)." },
	{ "ike", "aggressive", KEY_FLAG, AT(aggressive), 0, 0, 0, "no", "no|yes",
		"Aggressive mode of IKEv1: with a shared key, who listens can guess the key at leisure." },
	{ "ike", "mode-config", KEY_CHOICE, AT(mode_config), 0, 0, 0, "pull", "pull|push|no",
		"Who starts the configuration exchange of IKEv1." },
	{ "ike", "send-remote-id", KEY_CHOICE, AT(send_remote_id), 0, 0, 0, "auto", "auto|yes|no",
		"Tell the gateway who we take it for; auto: where remote.id is set or the gateway is a name." },

	{ "esp", "proposals", KEY_PROPOSALS, FULL(esp_text), 0, 0, PROPOSALS_TEXT_MAX, "",
		"proposals",
		"Algorithms offered for the child SA, strongest first; without it those of `security`." },
	{ "esp", "lifetime", KEY_TIME, AT(esp_lifetime), 0, 2, 30 * DAY, "1h", "time",
		"The child SA is replaced before it is this old; 0: never." },
	{ "esp", "lifetime-bytes", KEY_AMOUNT, AT(esp_octets), 0, 1 << 20, 0, "0", "size",
		"The child SA is replaced before this much has gone through it in one direction; 0: no such limit." },
	{ "esp", "lifetime-packets", KEY_AMOUNT, AT(esp_packets), 0, 1000, 0, "0", "number",
		"The child SA is replaced before so many packets have gone through it in one direction; 0: no such limit." },
	{ "esp", "pfs", KEY_CHOICE, AT(pfs), 0, 0, 0, "auto", "auto|yes|no",
		"A new key exchange with every new child SA; auto goes on without where the gateway refuses." },
	{ "esp", "mode", KEY_CHOICE, AT(mode), 0, 0, 0, "tunnel", "tunnel|transport",
		"Whole packets, or only what our own two addresses say to each other." },
	{ "esp", "esn", KEY_CHOICE, AT(esn), 0, 0, 0, "auto", "auto|yes|no",
		"Sequence numbers of 64 bits." },
	{ "esp", "replay-window", KEY_U32, AT(replay_window), 0, ESP_REPLAY_MIN, ESP_REPLAY_MAX,
		"1024", "number",
		"How many packets late a packet may come and still be taken, 64 to 4096." },
	{ "esp", "local-ts", KEY_SELECTORS, AT(local_ts), 0, 0, 0, "auto", "auto|selectors",
		"Our side of what goes through the tunnel; auto: the addresses the gateway assigns." },
	{ "esp", "remote-ts", KEY_SELECTORS, AT(remote_ts), 0, 0, 0, "auto", "auto|selectors",
		"The gateway's side of what goes through the tunnel; auto: everything." },

	{ "network", "address", KEY_ADDRESSES_OR, AT(addresses), AT(address), 0, 0, "auto",
		"auto|none|addresses",
		"Addresses to ask the gateway for; auto: one of each family, our own where it assigns none." },
	{ "network", "routes", KEY_PREFIXES_OR, AT(route_list), AT(routes), 0, 0, "auto",
		"auto|none|prefixes",
		"What is routed into the tunnel; auto: all that the gateway agreed to." },
	{ "network", "exclude", KEY_PREFIXES, AT(exclude), 0, 0, 0, "", "prefixes",
		"What stays out of the tunnel." },
	{ "network", "dns", KEY_DNS, 0, 0, 0, 0, "auto", "auto|none|addresses",
		"Name servers while the tunnel is up; auto: those of the gateway." },
	{ "network", "domains", KEY_DOMAINS, 0, 0, 0, 0, "", "domains",
		"Only these domains are asked of the tunnel's name servers; without it the gateway's." },
	{ "network", "interface", KEY_INTERFACE, AT(interface), 0, 0, SIZE(interface), "auto",
		"auto|name",
		"What the tunnel's network interface is called; auto: vpn and a number." },
	{ "network", "mtu", KEY_U16, AT(mtu), 0, 576, 9000, "auto", "auto|number",
		"Largest packet inside the tunnel, in octets; auto: what fits the path." },
	{ "network", "killswitch", KEY_CHOICE, AT(killswitch), 0, 0, 0, "no", "no|yes|strict",
		"Let nothing out past the tunnel, up or not; strict: also after a crash or a failed connect." },
	{ "network", "lan", KEY_FLAG, AT(lan), 0, 0, 0, "yes", "yes|no",
		"Networks on the link stay reachable directly." },
	{ "network", "accept", KEY_PREFIXES, AT(accept), 0, 0, 0, "", "prefixes",
		"Which routes the gateway may push; without it whatever is safe." },

	{ "l2tp", "source-port", KEY_U16, AT(source_port), 0, 1, 65535, "auto", "auto|number",
		"Our UDP port inside IPsec; auto: 1701, or another one where the gateway wants that." },
	{ "l2tp", "hostname", KEY_TEXT, AT(l2tp_hostname), 0, 0, SIZE(l2tp_hostname), "vpnc-ike",
		"text", "The name we tell the L2TP server." },
	{ "l2tp", "hello-interval", KEY_TIME, AT(hello_interval), 0, 1, DAY, "30s", "time",
		"Silence after which the L2TP server is asked whether it lives; 0: never." },
	{ "l2tp", "secret", KEY_SECRET, AT(l2tp_secret), AT(l2tp_secret_given), 0, 0, "", "text",
		"The secret of the L2TP tunnel, where the server wants one." },

	{ "ppp", "auth", KEY_PPP_AUTH, 0, 0, 0, 0, "mschapv2, chap, pap, eap",
		"mschapv2|chap|pap|eap",
		"Ways to log in that may be used, most wanted first, separated by commas." },
	{ "ppp", "mru", KEY_U16, AT(mru), 0, PPP_MRU_MIN, PPP_MRU_DEFAULT, "auto", "auto|number",
		"Largest packet that we want to receive, in octets; auto: what fits the path." },
	{ "ppp", "user", KEY_TEXT, AT(ppp_user), 0, 0, SIZE(ppp_user), "", "text",
		"The user's name for PPP, where it is not secrets.user." },
	{ "ppp", "password", KEY_SECRET, AT(ppp_password), AT(ppp_password_given), 0, 0, "", "text",
		"The password for PPP, where it is not secrets.password." },
};

_Static_assert(ARRAY_LEN(rows) <= PROFILE_KEYS_MAX, "a flag for every key");
/* KEY_CHOICE writes an unsigned int. */
_Static_assert(sizeof(enum conn_type) == sizeof(unsigned) && SIZE(mode_config) == sizeof(unsigned),
	"size of an enum");

const struct key_row *profile_row(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

size_t profile_row_number(const char *section, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcasecmp(rows[i].section, section) == 0 && strcasecmp(rows[i].key, key) == 0)
			return i;
	return PROFILE_KEYS_MAX;
}

bool profile_row_secret(const struct key_row *row)
{
	return row->type == KEY_SECRET || strcmp(row->key, "password") == 0;
}

bool profile_key(size_t i, struct profile_key *out)
{
	if (i >= ARRAY_LEN(rows))
		return false;
	*out = (struct profile_key){
		.section = rows[i].section,
		.key = rows[i].key,
		.fallback = rows[i].fallback,
		.values = rows[i].values,
		.story = rows[i].story,
		.secret = profile_row_secret(&rows[i]),
	};
	return true;
}
