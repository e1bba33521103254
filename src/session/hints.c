#include "hints.h"

#include <stdio.h>
#include <string.h>

#include "ike/msg.h"
#include "ike/v1.h"

enum { ANY = -1 };

/* The first row that fits counts. -1: any; notify 0: none was sent. No advice: that depends on how the
 * two sides prove themselves. */
struct hint {
	int stage;
	int kind;
	int notify;
	enum down_status status;
	const char *advice;
};

static const struct hint hints[] = {
	{ STAGE_RESOLVE, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"check connection.gateway and that this machine is online (`getent hosts NAME`, `ip route`)" },
	{ STAGE_INIT, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"check the address, and whether a firewall stops UDP port 500 and 4500; a gateway that only "
		"speaks IKEv1 does not answer either (connection.type = ikev1)" },
	{ STAGE_AUTH, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the gateway answered at first, so larger messages or UDP port 4500 are lost on the way: try "
		"another network, a smaller certificate chain, or a firewall that lets port 4500 pass" },
	{ STAGE_EAP, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the gateway fell silent during the login: its authentication server may be down" },
	{ STAGE_L2TP, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"IPsec is up, so the gateway is there: ask whether its L2TP server runs; it may also insist on "
		"a source port (l2tp.source-port)" },
	{ STAGE_PPP_LINK, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the L2TP server took the call, but PPP does not begin: its pppd may not start (its log says "
		"why), or frames are lost on the way" },
	{ STAGE_PPP_LOGIN, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the gateway fell silent during the login: its authentication server may be down" },
	{ STAGE_PPP, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the gateway fell silent after the login; its log says more" },
	{ ANY, ERR_SILENT, ANY, DOWN_LOST, "check the network, then `vpnc-ike connect` again" },
	{ STAGE_INIT, ERR_PEER, INVALID_MAJOR_VERSION, DOWN_OTHER,
		"the gateway speaks another version of IKE: try connection.type = ikev1, or ikev2" },
	{ STAGE_INIT, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
		"an old gateway may need connection.security = compat (SHA-1) or legacy (MD5, 3DES, MODP 1024); "
		"else ask which algorithms it accepts and name them in ike.proposals" },
	{ ANY, ERR_PEER, INVALID_KE_PAYLOAD, DOWN_NO_PROPOSAL,
		"name the group that the gateway wants in ike.proposals" },
	{ STAGE_REKEY, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
		"the gateway took the first keys and refuses these: compare esp.pfs and the groups in "
		"esp.proposals and ike.proposals with what it offers" },
	{ ANY, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
		"an old gateway, and many an L2TP server, needs connection.security = compat (SHA-1) or legacy "
		"(MD5, 3DES); else ask which ESP algorithms it accepts and name them in esp.proposals" },
	{ STAGE_EAP, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
		"check secrets.user and secrets.password, and whether the gateway wants another EAP method "
		"(local.eap)" },
	{ STAGE_L2TP, ERR_PEER, ANY, DOWN_REFUSED,
		"the L2TP server does not take the call: too many may be connected, or it did not wait for the "
		"login; its log says more" },
	{ STAGE_PPP_LINK, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
		"compare ppp.auth with the ways to log in that the gateway has; its log says more" },
	{ STAGE_PPP_LOGIN, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
		"check secrets.user and secrets.password (a Windows server may want DOMAIN\\user), and whether "
		"the gateway takes the ways to log in of ppp.auth" },
	{ STAGE_PPP, ERR_PEER, ANY, DOWN_REFUSED,
		"the gateway let us in but gave no address: its pool may be used up, or remove "
		"network.address from the profile" },
	{ ANY, ERR_PEER, TS_UNACCEPTABLE, DOWN_REFUSED,
		"the gateway does not serve these networks: check esp.local-ts and esp.remote-ts" },
	{ ANY, ERR_PEER, SINGLE_PAIR_REQUIRED, DOWN_REFUSED,
		"name one pair of networks in esp.local-ts and esp.remote-ts" },
	{ ANY, ERR_PEER, INTERNAL_ADDRESS_FAILURE, DOWN_REFUSED,
		"the gateway has no address to give: its pool may be used up, or try network.address = none" },
	{ ANY, ERR_PEER, FAILED_CP_REQUIRED, DOWN_REFUSED,
		"the gateway insists on assigning an address: network.address must not be none" },
	{ ANY, ERR_PEER, INVALID_SYNTAX, DOWN_OTHER,
		"the gateway did not understand the message; its log says more" },
	{ STAGE_UP, ERR_PEER, ANY, DOWN_LOST,
		"its administrator or a limit there ended it; connect again" },
	{ STAGE_REKEY, ERR_PEER, ANY, DOWN_LOST, "connect again" },
	{ STAGE_CHILD, ERR_PEER, ANY, DOWN_REFUSED,
		"compare esp.* and network.* with what the gateway offers" },
	{ ANY, ERR_PEER, ANY, DOWN_OTHER, "the gateway's log says more" },
	{ STAGE_L2TP, ERR_AUTH, ANY, DOWN_NOT_ACCEPTED,
		"check l2tp.secret: both ends must have the same one" },
	{ STAGE_PPP_LOGIN, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
		"the server could not prove that it knows the password: do not go on from here before you know "
		"why" },
	{ STAGE_EAP, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
		"the server could not prove that it knows the password: do not go on from here before you know "
		"why" },
	{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY, NULL },
	{ STAGE_L2TP, ERR_CONFIG, ANY, DOWN_PROFILE,
		"name the secret of the L2TP tunnel in l2tp.secret" },
	{ STAGE_PPP_LOGIN, ERR_CONFIG, ANY, DOWN_PROFILE,
		"answer at a terminal, give it in the profile's [secrets], or name a program that answers in "
		"VPNC_IKE_ASKPASS" },
	{ STAGE_EAP, ERR_CONFIG, ANY, DOWN_PROFILE,
		"answer at a terminal, give it in the profile's [secrets], or name a program that answers in "
		"VPNC_IKE_ASKPASS" },
	{ ANY, ERR_CONFIG, ANY, DOWN_PROFILE,
		"correct the profile; `vpnc-ike check` names every problem" },
	{ STAGE_L2TP, ERR_LOCAL, ANY, DOWN_MACHINE,
		"end the program that has the port (`ss -ulpn` names it), or leave l2tp.source-port out; "
		"`vpnc-ike doctor` tells what this machine can do" },
	{ STAGE_UP, ERR_LOCAL, ANY, DOWN_MACHINE,
		"find out which program meddles with interfaces that are not its own" },
	{ ANY, ERR_LOCAL, ANY, DOWN_MACHINE,
		"run `vpnc-ike doctor`: it tells what this machine can do" },
	{ ANY, ANY, ANY, DOWN_OTHER, "please report this, with --log-level debug" },
};

static const char out_of_date[] =
	"look at this machine's clock (`date`); if it is right, whoever runs the gateway has to renew that "
	"certificate (for a CA's, ask for the new file)";

static const char check_certificate[] =
	"check local.certificate and local.key, the user's name, and that the EAP server trusts the CA that "
	"issued the certificate; its log says more";

static const char eap_server_proves[] = "the EAP server: its certificate proves ";

/* What only the sentence tells apart. In IKEv1 a name is compared once the shared key is known to be right. */
static const struct worded {
	const char *words;
	struct hint hint;
} worded[] = {
	{ "log in (XAUTH), which the profile does not provide for",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"set local.auth = xauth-psk, or xauth-cert with a certificate; the name and the password "
			"are those of the gateway's user" } },
	{ "the gateway wants EAP-TLS (13), the profile allows EAP-",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"name your certificate and its key in local.certificate and local.key (a PKCS#12 file "
			"has both), and allow tls in local.eap where that is given" } },
	{ "the EAP server refused TLS: ",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED, check_certificate } },
	{ "did not accept what it was given in EAP-TTLS",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"check secrets.user and secrets.password; and whether the server has EAP inside of "
			"EAP-TTLS (local.eap = ttls), or the password by itself (ttls-pap, ttls-mschapv2)" } },
	{ "did not accept what it was given in EAP-TLS",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED, check_certificate } },
	{ "TLS with our certificate: ",
		{ ANY, ERR_CONFIG, ANY, DOWN_PROFILE,
			"TLS wants an RSA key of at least 2048 bits, or another of that strength, and a certificate "
			"that was not signed with SHA-1 or MD5: have a new one issued" } },
	{ ", which TLS needs, cannot be ",
		{ ANY, ERR_LOCAL, ANY, DOWN_MACHINE,
			"install OpenSSL's libssl, which belongs to the libcrypto that is here (Debian: libssl3)" } },
	{ ", the profile allows EAP-",
		{ STAGE_EAP, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"add the method that the gateway wants to local.eap, or leave local.eap out: then all "
			"that this program has are allowed" } },
	{ ", which network.address needs",
		{ STAGE_CHILD, ERR_PEER, ANY, DOWN_REFUSED,
			"leave network.address out, or set it to none, where the gateway assigns no addresses; "
			"one that assigns them unasked wants ike.mode-config = push" } },
	{ ", which cannot be this machine's address",
		{ ANY, ERR_PEER, ANY, DOWN_REFUSED,
			"another network to connect from may do, where it is this one's router or name server; "
			"else whoever runs the gateway has to give another address" } },
	{ "PFS (esp.pfs = ",
		{ ANY, ERR_PEER, ANY, DOWN_LOST,
			"esp.pfs = auto in the profile, or what the gateway has (yes or no)" } },
	/* RFC 2759 section 6: not the password is the matter. */
	{ " (error 646)",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"try at another hour, or ask whoever keeps the accounts which hours are allowed" } },
	{ " (error 647)",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"no password helps while the account is disabled or locked: ask whoever keeps the "
			"accounts; a lock after too many wrong passwords may end by itself" } },
	{ " (error 648)",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"set a new password where that can be done (a computer at work, a web page), then connect "
			"with that" } },
	{ " (error 649)",
		{ ANY, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
			"the password is right, but the account may not use this VPN: ask whoever keeps the "
			"accounts for that permission" } },
	{ " no child SA beside the first exchange",
		{ ANY, ERR_PEER, ANY, DOWN_REFUSED,
			"the gateway forces childless IKE (RFC 6023), which this program does not do: have it "
			"only allowed there (strongSwan: childless = allow)" } },
	{ "post-quantum key",
		{ ANY, ERR_PEER, ANY, DOWN_NO_PROPOSAL,
			"have the key set up at the gateway, by the name of secrets.ppk-id; or leave secrets.ppk "
			"and ppk-id out: then the tunnel is as safe as its key exchange" } },
	{ " is connected already, by process ",
		{ ANY, ERR_LOCAL, ANY, DOWN_MACHINE,
			"`vpnc-ike status` shows how it is doing; end it first to connect anew" } },
	{ "\" expired on ", { ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY, out_of_date } },
	{ "\" is valid only from ", { ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY, out_of_date } },
	{ "\" is revoked since ",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"whoever runs it has to get it a new certificate; until then nothing tells it from "
			"somebody who came by the old one's key" } },
	{ "\" is revoked is not known: ",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"look whether this machine is online and its clock right; else name a current CRL "
			"of that CA in remote.crl, or have the gateway send an answer of OCSP along (RFC "
			"4806). remote.revocation = soft does without" } },
	{ eap_server_proves, { ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY, NULL } },
	/* RFC 9190 section 2.5: it sends an octet of zero first. */
	{ "EAP-Success before EAP-TLS was finished",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"a server that has TLS 1.3 but not RFC 9190 has to keep to TLS 1.2 (strongSwan 5.9.8: "
			"charon.tls.version_max); else somebody stands in its place" } },
	{ "the EAP server: the ",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"if it is the right server, name the CA that issued its certificate in remote.eap-ca; "
			"else somebody stands in its place. Nothing of the login was said to it" } },
	{ ", after it was refused MPPE",
		{ STAGE_PPP, ERR_PEER, ANY, DOWN_REFUSED,
			"let the server do without MPPE (pppd: no require-mppe): IPsec around it encrypts "
			"already" } },
	{ "the gateway signed with SHA-1",
		{ ANY, ERR_AUTH, ANY, DOWN_NO_PROPOSAL,
			"connection.security = compat allows SHA-1; better is a gateway that signs with SHA-2 "
			"(RFC 7427)" } },
	{ "an RSA key can sign only with SHA-1 here",
		{ ANY, ERR_PEER, ANY, DOWN_NO_PROPOSAL,
			"connection.security = compat allows SHA-1; better is an ECDSA key, or a gateway that "
			"announces RFC 7427" } },
	{ " cannot sign here: ",
		{ ANY, ERR_PEER, ANY, DOWN_NO_PROPOSAL,
			"use an ECDSA key (P-256, P-384, P-521) in local.key, or let the gateway announce RFC "
			"7427" } },
	{ ", the profile wants a certificate",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"if the gateway is the right one, set remote.auth = psk and name the key in secrets.psk; "
			"else somebody stands in between" } },
	{ ", the profile wants ",
		{ ANY, ERR_AUTH, ANY, DOWN_NOT_THE_GATEWAY,
			"if that is your gateway, set remote.id to what it says it is; else somebody stands in "
			"between" } },
};

/* What IKEv1 has of its own: its numbers, and the ways in which its gateways say nothing. */
static const struct hint hints_v1[] = {
	{ STAGE_INIT, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"check the address, and whether a firewall stops UDP port 500 and 4500; a gateway that only "
		"speaks IKEv2 does not answer either (connection.type = ikev2), nor one that wants the other "
		"mode (ike.aggressive) or does not know local.id" },
	{ STAGE_AUTH, ERR_SILENT, ANY, DOWN_NOT_ACCEPTED, NULL },
	{ STAGE_EAP, ERR_SILENT, ANY, DOWN_UNREACHABLE,
		"the gateway fell silent where the login should be: its authentication server may be down, or "
		"it wants no login (local.auth = psk or cert)" },
	{ STAGE_CHILD, ERR_SILENT, ANY, DOWN_REFUSED,
		"the gateway accepted us, but not what the tunnel shall carry: compare esp.proposals, esp.pfs, "
		"esp.remote-ts and esp.mode with what it offers" },
	{ STAGE_INIT, ERR_PEER, V1_INVALID_KEY_INFORMATION, DOWN_NOT_ACCEPTED, NULL },
	{ STAGE_INIT, ERR_PEER, V1_INVALID_EXCHANGE_TYPE, DOWN_OTHER,
		"the gateway does not take this mode: try the other one (ike.aggressive), or another "
		"connection.type" },
	{ STAGE_INIT, ERR_PEER, V1_INVALID_ID_INFORMATION, DOWN_NOT_ACCEPTED, NULL },
	{ STAGE_INIT, ERR_PEER, V1_PAYLOAD_MALFORMED, DOWN_NOT_ACCEPTED, NULL },
	{ STAGE_AUTH, ERR_PEER, ANY, DOWN_NOT_ACCEPTED, NULL },
	{ STAGE_EAP, ERR_PEER, ANY, DOWN_NOT_ACCEPTED,
		"check secrets.user and secrets.password; where the gateway closes the connection without a "
		"word, whether it wants a login at all (local.auth)" },
	{ STAGE_CHILD, ERR_PEER, V1_INVALID_ID_INFORMATION, DOWN_REFUSED,
		"the gateway does not serve these networks, or not in this mode: check esp.local-ts, "
		"esp.remote-ts and esp.mode" },
	{ STAGE_CHILD, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
		"an old gateway, and many an L2TP server, needs connection.security = compat (SHA-1) or legacy "
		"(MD5, 3DES); one that wants PFS may want a group of its own (esp.pfs = yes and esp.proposals = "
		"aes256-sha256-modp2048); else ask which ESP algorithms it accepts" },
	{ STAGE_CHILD, ERR_PEER, V1_INVALID_KEY_INFORMATION, DOWN_NO_PROPOSAL,
		"the gateway wants another group here: compare esp.pfs and the group in esp.proposals with "
		"what it offers" },
};

/* Where none of a list of the profile's own was chosen: connection.security adds nothing to that list. */
static const struct hint own_ike = { STAGE_INIT, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
	"leave ike.proposals out, or add to it what the gateway accepts: a list in the profile is all "
	"that is offered, whatever connection.security says" };
/* ... and the list has what an older gateway does not even know. */
static const struct hint addke_ike = { STAGE_INIT, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
	"ask which additional key exchanges (ke1_ to ke7_ in ike.proposals) the gateway accepts; one that has "
	"none (RFC 9370) needs a proposal without them behind the others, and then does without" };
static const struct hint addke_esp = { ANY, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
	"ask which additional key exchanges (ke1_ to ke7_ in esp.proposals) the gateway accepts, or leave them "
	"out: those of ike.proposals are behind the keys of the tunnel as well" };
static const struct hint own_esp = { ANY, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
	"leave esp.proposals out, or add to it what the gateway accepts: a list in the profile is all "
	"that is offered, whatever connection.security says" };
static const struct hint own_esp_v1 = { ANY, ERR_PEER, NO_PROPOSAL_CHOSEN, DOWN_NO_PROPOSAL,
	"leave esp.proposals out, or add to it what the gateway accepts, with the group where it wants "
	"PFS (esp.pfs = yes and a proposal such as aes256-sha256-modp2048); connection.security adds "
	"nothing to a list in the profile" };

/* With esp.pfs = auto the engine finds out. */
static const struct hint pfs_differs = { ANY, ERR_PEER, ANY, DOWN_LOST,
	"a tunnel's first keys need no perfect forward secrecy, new ones do where one side wants it: set "
	"esp.pfs to auto, or to what the gateway has (yes or no)" };

/* What a refusal of the way in which we prove ourselves most likely means. What a user types comes after it, or was
 * accepted by then. */
static const char *refused_advice(const struct profile *p)
{
	switch (p->local_auth) {
	case LOCAL_PSK:
	case LOCAL_XAUTH_PSK:
		return "the pre-shared key or our identity may be wrong: check secrets.psk (case, blanks at "
		       "its ends, quotes) and local.id";
	case LOCAL_CERT:
	case LOCAL_XAUTH_CERT:
		return "the gateway does not accept our certificate or identity: check local.certificate, "
		       "local.key, local.id, and that the gateway trusts the CA that issued it";
	case LOCAL_HYBRID:
		return "the gateway does not accept us before the login: check local.id (often the name of a "
		       "group)";
	case LOCAL_EAP:
		return "the password is not to blame: check local.id, which is the user's name where it is left "
		       "out";
	}
	return "check local.id";
}

/* It may also be the way that does not suit the gateway. */
static const char *another_auth(const struct profile *p)
{
	switch (p->type) {
	case CONN_IKEV2:
		return "; or the gateway wants another local.auth (psk, cert or eap)";
	case CONN_IKEV1:
		return "; or the gateway wants another local.auth (psk, cert, xauth-psk, xauth-cert or "
		       "hybrid)";
	case CONN_L2TP:
		return "; or the gateway wants another local.auth (psk or cert)";
	}
	return "";
}

/* A gateway of IKEv2 may have nothing that goes by the name that we call it (its IDr); auto has tried without. */
static const char or_another_name[] =
	"; the gateway may also expect another remote.id, or none (ike.send-remote-id = auto)";

/* A gateway of IKEv1 that does not accept us falls silent, but so it is where what certificates make of a message
 * does not arrive. */
static const char or_lost[] =
	"; or the large messages that certificates make are lost on the way: try another network, or a "
	"smaller certificate chain";

/* strongSwan reads a key that begins so as another one. */
static const char or_coded[] =
	"; a key that begins with 0s (base64) or 0x (hexadecimal) in strongSwan's files is decoded there, but "
	"taken as it stands here";

/* With a key that is mixed in nothing can be told from a refusal but that the keys differ. */
static const char or_ppk[] = "; or secrets.ppk or secrets.ppk-id is not what the gateway has";

static const char *coded_advice(const struct profile *p)
{
	return profile_coded_psk(p) ? or_coded : "";
}

/* What stands behind the advice on a refusal. */
static const char *more_advice(const struct profile *p, const struct err *e)
{
	bool cert = p->local_auth == LOCAL_CERT || p->local_auth == LOCAL_XAUTH_CERT;

	if (p->type == CONN_IKEV2)
		return p->send_remote_id == TRI_YES ? or_another_name : "";
	return e->kind == ERR_SILENT && cert ? or_lost : "";
}

/* The server's certificate is good, and for another name: which line would accept it. The text has all names, the
 * subject last. */
static void other_name_advice(char out[EVENT_TEXT_MAX], const char *proves)
{
	static const char *const kinds[] = { "DNS:", "IP:", "email:" };
	const char *end = strstr(proves, ", and the profile wants "), *name = proves;
	size_t n = end ? (size_t)(end - proves) : strlen(proves);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(proves, kinds[i], strlen(kinds[i])) == 0) {
			name = proves + strlen(kinds[i]);
			n = strcspn(name, ",");
		}
	snprintf(out, EVENT_TEXT_MAX,
		"if that is the right server, set remote.eap-id = %.*s; else somebody stands in its place. "
		"Nothing of the login was said to it",
		(int)n, name);
}

/* What to do about a gateway that does not prove itself. */
static const char *stranger_advice(const struct profile *p)
{
	if (p->remote_auth == REMOTE_PSK)
		return "if the gateway is the right one, check secrets.psk, or set remote.auth = cert where it "
		       "proves itself by a certificate; else somebody stands in between";
	return "if the gateway is the right one, set remote.id to a name that its certificate proves and "
	       "remote.ca to the CA that issued it; else somebody stands in between";
}

static const struct hint refused = { ANY, ANY, ANY, DOWN_NOT_ACCEPTED, NULL };

static bool fits(const struct hint *h, enum ike_stage stage, const struct err *e)
{
	return (h->stage == ANY || h->stage == (int)stage) &&
		(h->kind == ANY || h->kind == (int)e->kind) &&
		(h->notify == ANY || h->notify == e->notify);
}

/* With the login it is the login that is refused: what was proved before it was accepted. */
static bool proof_refused(enum ike_stage stage, const struct err *e)
{
	return e->kind == ERR_PEER && e->notify == AUTHENTICATION_FAILED && stage != STAGE_EAP;
}

/* With a shared key, a proof that does not fit means a wrong key far more often than a wrong gateway. */
static bool key_differs(const struct profile *p, enum ike_stage stage, const struct err *e)
{
	return p->type != CONN_IKEV2 && p->remote_auth == REMOTE_PSK && stage <= STAGE_AUTH &&
		e->kind == ERR_AUTH;
}

static const struct hint *find_own_list(
	const struct profile *p, enum ike_stage stage, const struct err *e)
{
	const struct hint *esp = prop_addke(&p->esp_proposals) ? &addke_esp :
		p->type == CONN_IKEV2                          ? &own_esp :
								 &own_esp_v1;
	const struct hint *ike = prop_addke(&p->ike_proposals) ? &addke_ike : &own_ike;
	const struct hint *h = stage == STAGE_INIT ? ike : esp;
	bool own = stage == STAGE_INIT ? !p->ike_proposals_default : !p->esp_proposals_default;

	return own && fits(h, stage, e) ? h : NULL;
}

static const struct hint *find(const struct profile *p, enum ike_stage stage, const struct err *e)
{
	const struct hint *h = hints, *own = find_own_list(p, stage, e);

	for (size_t i = 0; i < ARRAY_LEN(worded); i++)
		if (fits(&worded[i].hint, stage, e) && strstr(e->text, worded[i].words))
			return &worded[i].hint;
	if (p->type == CONN_IKEV2 && p->pfs != TRI_AUTO && fits(&pfs_differs, stage, e) &&
		strstr(e->text, "child SA reached the end of its life"))
		return &pfs_differs;
	if (proof_refused(stage, e) || key_differs(p, stage, e))
		return &refused;
	if (own)
		return own;
	for (size_t i = 0; p->type != CONN_IKEV2 && i < ARRAY_LEN(hints_v1); i++)
		if (fits(&hints_v1[i], stage, e))
			return &hints_v1[i];
	while (!fits(h, stage, e))
		h++;
	return h;
}

/* L2TP, PPP, EAP and the end of a connection have no notifies: what the gateway said is a part of the sentence
 * about it. */
static bool in_words(enum ike_stage stage, const struct err *e)
{
	static const char *const subjects[] = { "the gateway ", "the EAP server " };

	if (e->kind != ERR_PEER || e->notify)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		if (strncmp(e->text, subjects[i], strlen(subjects[i])) == 0)
			return true;
	return stage >= STAGE_L2TP && stage <= STAGE_PPP;
}

/* "the gateway refused us: why": why, with the gateway's own words behind it. Without a reason those words
 * alone, whatever is in them. "the gateway wants EAP-TLS (13), the profile ...": what it wants. */
static void words_said(char out[EVENT_TEXT_MAX], const char *sentence)
{
	static const char says[] = "It says ", wants[] = "the gateway wants ";
	const char *why = strstr(sentence, ": "), *own = strstr(sentence, says);
	const char *ours = strstr(sentence, ", the profile ");

	if (ours && strncmp(sentence, wants, sizeof(wants) - 1) == 0) {
		sentence += sizeof(wants) - 1;
		snprintf(out, EVENT_TEXT_MAX, "%.*s", (int)(ours - sentence), sentence);
		return;
	}
	if (why && (!own || why < own))
		sentence = why + 2;
	else if (own)
		sentence = own + sizeof(says) - 1;
	snprintf(out, EVENT_TEXT_MAX, "%s", sentence);
}

static void notify_said(char out[EVENT_TEXT_MAX], const struct profile *p, const struct err *e)
{
	char name[NOTIFY_TEXT_MAX];

	if (e->notify)
		snprintf(out, EVENT_TEXT_MAX, "%s",
			p->type == CONN_IKEV2 ? notify_text(name, e->notify) :
						v1_notify_text(name, e->notify));
	else
		snprintf(out, EVENT_TEXT_MAX, "nothing");
}

void hint_down(struct down *out, const struct profile *p, enum ike_stage stage, const struct err *e)
{
	const struct hint *h = find(p, stage, e);

	*out = (struct down){ .status = h->status };
	const char *proves = strstr(e->text, eap_server_proves);
	if (proves && h->status == DOWN_NOT_THE_GATEWAY)
		other_name_advice(out->advice, proves + strlen(eap_server_proves));
	else if (h->advice)
		snprintf(out->advice, sizeof(out->advice), "%s", h->advice);
	else if (h->status == DOWN_NOT_THE_GATEWAY)
		snprintf(out->advice, sizeof(out->advice), "%s", stranger_advice(p));
	else
		snprintf(out->advice, sizeof(out->advice), "%s%s%s%s", refused_advice(p),
			another_auth(p), more_advice(p, e),
			p->ppk_id[0] ? or_ppk : coded_advice(p));
	snprintf(out->what, sizeof(out->what), "%s", e->text);
	if (in_words(stage, e))
		words_said(out->said, e->text);
	else
		notify_said(out->said, p, e);
}
