#include <stdio.h>
#include <string.h>

#include "apple.h"
#include "base/types.h"

static const struct apple_key rows[] = {
	{ "RemoteAddress", TOLD_NOT, NULL },
	{ "RemoteIdentifier", TOLD_NOT, NULL },
	{ "LocalIdentifier", TOLD_NOT, NULL },
	{ "AuthenticationMethod", TOLD_NOT, NULL },
	{ "ExtendedAuthEnabled", TOLD_NOT, NULL },
	{ "AuthName", TOLD_NOT, NULL },
	{ "AuthPassword", TOLD_NOT, NULL },
	{ "SharedSecret", TOLD_NOT, NULL },
	{ "PayloadCertificateUUID", TOLD_NOT, NULL },
	{ "CertificateType", TOLD_NOT, NULL },
	{ "IKESecurityAssociationParameters", TOLD_NOT, NULL },
	{ "ChildSecurityAssociationParameters", TOLD_NOT, NULL },
	{ "DeadPeerDetectionRate", TOLD_NOT, NULL },
	{ "EnablePFS", TOLD_NOT, NULL },
	{ "DisableMOBIKE", TOLD_NOT, NULL },
	{ "MTU", TOLD_NOT, NULL },
	{ "IncludeAllNetworks", TOLD_NOT, NULL },
	{ "ExcludeLocalNetworks", TOLD_NOT, NULL },
	{ "DisableRedirect", TOLD_NOT, NULL },
	{ "NATKeepAliveOffloadEnable", TOLD_NOT, NULL },
	{ "NATKeepAliveInterval", TOLD_NOT, NULL },
	{ "UseConfigurationAttributeInternalIPSubnet", TOLD_NOT, NULL },
	{ "OnDemandUserOverrideDisabled", TOLD_NOT, NULL },
	{ "TLSMinimumVersion", TOLD_NOT, NULL },
	{ "TLSMaximumVersion", TOLD_NOT, NULL },
	{ "ServerCertificateIssuerCommonName", TOLD_ALWAYS,
		"every CA in remote.ca is believed (without it: of this system), not this one alone" },
	{ "ServerCertificateCommonName", TOLD_NOT, NULL },
	{ "EnableCertificateRevocationCheck", TOLD_NOT, NULL },
	{ "EnableFallback", TOLD_WHEN_ON, "there is no mobile network to fall back to" },
	{ "EnforceRoutes", TOLD_WHEN_ON,
		"network.lan = no keeps the networks on the link from being reached past the tunnel" },
	{ "DisconnectOnIdle", TOLD_WHEN_ON, "a tunnel that nothing goes through stays" },
	{ "DisconnectOnIdleTimer", TOLD_NOT, NULL },
	{ "OnDemandEnabled", TOLD_WHEN_ON,
		"the tunnel is there while vpnc-ike runs, and not else" },
	{ "OnDemandRules", TOLD_NOT, NULL },
	{ "ExcludeCellularServices", TOLD_NOT, NULL },
	{ "ExcludeAPNs", TOLD_NOT, NULL },
	{ "ExcludeDeviceCommunication", TOLD_NOT, NULL },
	{ "PPK", TOLD_NOT, NULL },
	{ "PPKIdentifier", TOLD_NOT, NULL },
	{ "PPKMandatory", TOLD_NOT, NULL },
	{ "AllowPostQuantumKeyExchangeFallback", TOLD_NOT, NULL },
	{ "EnforceStrictAlgorithmSelection", TOLD_NOT, NULL },
};

/* --- algorithms -------------------------------------------------------------------------------------- */

struct word {
	const char *apple, *ours, *prf; /* of an IKE SA */
};

static const struct word encryption[] = {
	{ "AES-256", "aes256", NULL },
	{ "AES-128", "aes128", NULL },
	{ "AES-256-GCM", "aes256gcm16", NULL },
	{ "AES-128-GCM", "aes128gcm16", NULL },
	{ "ChaCha20Poly1305", "chacha20poly1305", NULL },
	{ "3DES", "3des", NULL },
	{ NULL, NULL, NULL },
};

static const struct word integrity[] = {
	{ "SHA2-256", "sha256", "prfsha256" },
	{ "SHA2-384", "sha384", "prfsha384" },
	{ "SHA2-512", "sha512", "prfsha512" },
	{ "SHA1-96", "sha1", "prfsha1" },
	{ NULL, NULL, NULL },
};

static const struct word groups[] = {
	{ "14", "modp2048", NULL },
	{ "2", "modp1024", NULL },
	{ "5", "modp1536", NULL },
	{ "15", "modp3072", NULL },
	{ "16", "modp4096", NULL },
	{ "17", "modp6144", NULL },
	{ "18", "modp8192", NULL },
	{ "19", "ecp256", NULL },
	{ "20", "ecp384", NULL },
	{ "21", "ecp521", NULL },
	{ "31", "x25519", NULL },
	{ "32", "x448", NULL },
	{ NULL, NULL, NULL },
};

/* Without the key, the first row is what Apple's systems take. NULL: a word that is not known here. */
static const struct word *word_of(
	const struct word *table, const struct xml *sa, const char *key, const char **unknown)
{
	const char *text = plist_text(sa, key);

	for (const struct word *w = table; w->apple; w++)
		if (!text || strcmp(w->apple, text) == 0)
			return w;
	*unknown = text;
	return NULL;
}

/* The dictionary of one kind of SA. A child SA has a group of its own only with PFS. */
static void read_sa(
	struct apple_vpn *v, const struct xml *sa, const char *key, const char *section, bool group)
{
	bool ike = strcmp(section, "ike") == 0;
	const char *unknown = NULL;
	char text[64];

	if (!sa)
		return;
	const struct word *encr = word_of(encryption, sa, "EncryptionAlgorithm", &unknown);
	const struct word *hash = word_of(integrity, sa, "IntegrityAlgorithm", &unknown);
	const struct word *ke = word_of(groups, sa, "DiffieHellmanGroup", &unknown);
	if (encr && hash && ke) {
		bool aead = strstr(encr->ours, "gcm") || strstr(encr->ours, "poly1305");
		const char *second = !aead ? hash->ours : ike ? hash->prf : "";
		snprintf(text, sizeof(text), "%s%s%s%s%s", encr->ours, second[0] ? "-" : "", second,
			group ? "-" : "", group ? ke->ours : "");
		foreign_proposals(v->p, section, key, text);
	} else
		import_note(v->p, IMPORT_LEFT, key,
			"%s is none of our algorithms; those of connection.security are offered",
			unknown);
	long minutes = plist_number(sa, "LifeTimeInMinutes", 1, 30L * 24 * 60, 0);
	if (minutes > 0)
		import_set(v->p, section, "lifetime", "%ldm", minutes);
	if (plist_get(sa, "PostQuantumKeyExchangeMethods"))
		import_note(v->p, IMPORT_LEFT, key, "post-quantum key exchanges are not done yet");
}

/* What is said of the IKE SA holds for child SAs as well, unless they have a dictionary of their own. */
static void read_sas(struct apple_vpn *v, const struct xml *ikev2)
{
	static const char ike_key[] = "IKESecurityAssociationParameters";
	static const char child_key[] = "ChildSecurityAssociationParameters";
	const struct xml *ike = plist_dict(ikev2, ike_key);
	const struct xml *child = plist_dict(ikev2, child_key);
	bool pfs = plist_on(ikev2, "EnablePFS");

	read_sa(v, ike, ike_key, "ike", true);
	read_sa(v, child ? child : ike, child ? child_key : ike_key, "esp", pfs);
	if (pfs)
		import_set(v->p, "esp", "pfs", "yes");
}

/* --- who proves what --------------------------------------------------------------------------------- */

static void read_eap(struct apple_vpn *v, const struct xml *ikev2, const char *method)
{
	import_set(v->p, "local", "auth", "eap");
	apple_text(v, ikev2, "AuthName", "secrets", "user");
	apple_text(v, ikev2, "AuthPassword", "secrets", "password");
	if (strcmp(method, "SharedSecret") == 0)
		import_note(v->p, IMPORT_LEFT, "IKEv2.SharedSecret",
			"with EAP the gateway has to prove itself by a certificate here");
	apple_ca(v);
}

/* With a certificate as well as EAP the systems of Apple do EAP-TLS, unless there is a user's name. */
static void read_auth(struct apple_vpn *v, const struct xml *ikev2)
{
	const char *method = plist_text(ikev2, "AuthenticationMethod");
	bool certificate = plist_get(ikev2, "PayloadCertificateUUID") != NULL;
	bool eap = plist_on(ikev2, "ExtendedAuthEnabled");
	bool user = plist_text(ikev2, "AuthName") || plist_text(ikev2, "AuthPassword");

	method = method ? method : "";
	if (!eap && strcmp(method, "Certificate") != 0 && !certificate)
		method = "SharedSecret"; /* so says Apple of "None" */
	if (eap && (user || !certificate)) {
		read_eap(v, ikev2, method);
		return;
	}
	if (strcmp(method, "SharedSecret") == 0) {
		import_set(v->p, "local", "auth", "psk");
		apple_secret(v, ikev2, "SharedSecret", "secrets", "psk");
		return;
	}
	foreign_by_certificate(v->p, eap);
	apple_own_certificate(v, ikev2);
	apple_ca(v);
}

/* On Apple's systems the certificate has to hold this name, where it is said, instead of the identifier. */
static void read_gateway_name(struct apple_vpn *v, const struct xml *ikev2)
{
	const char *name = plist_text(ikev2, "ServerCertificateCommonName");
	const char *id = plist_text(ikev2, "RemoteIdentifier");

	if (id)
		foreign_identity(v->p, "remote", id);
	else
		id = plist_text(ikev2, "RemoteAddress");
	if (name && (!id || strcmp(id, name) != 0))
		import_note(v->p, IMPORT_LEFT, "IKEv2.ServerCertificateCommonName",
			"the certificate has to prove remote.id (without it: the gateway's name), "
			"and not this name");
}

static void read_ppk(struct apple_vpn *v, const struct xml *ikev2)
{
	if (!plist_get(ikev2, "PPK") || !plist_text(ikev2, "PPKIdentifier"))
		return;
	apple_text(v, ikev2, "PPKIdentifier", "secrets", "ppk-id");
	apple_secret(v, ikev2, "PPK", "secrets", "ppk");
	if (!plist_on(ikev2, "PPKMandatory"))
		import_note(v->p, IMPORT_LEFT, "IKEv2.PPKMandatory",
			"is off there; here a gateway that does not know the PPK is refused");
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static void read_dpd(struct apple_vpn *v, const struct xml *ikev2)
{
	static const struct {
		const char *apple, *ours;
	} rates[] = { { "None", "0" }, { "Low", "30m" }, { "Medium", "10m" }, { "High", "1m" } };
	const char *rate = plist_text(ikev2, "DeadPeerDetectionRate");

	for (size_t i = 0; rate && i < ARRAY_LEN(rates); i++)
		if (strcmp(rate, rates[i].apple) == 0)
			import_set(v->p, "ike", "dpd-interval", "%s", rates[i].ours);
}

static void read_network(struct apple_vpn *v, const struct xml *ikev2)
{
	long mtu = plist_number(ikev2, "MTU", 576, 9000, 0);

	if (mtu > 0)
		import_set(v->p, "network", "mtu", "%ld", mtu);
	if (!plist_on(ikev2, "IncludeAllNetworks"))
		return;
	import_set(v->p, "network", "killswitch", "yes");
	if (plist_get(ikev2, "ExcludeLocalNetworks"))
		import_set(v->p, "network", "lan", "%s",
			plist_on(ikev2, "ExcludeLocalNetworks") ? "yes" : "no");
}

void apple_ikev2(struct apple_vpn *v)
{
	const struct xml *ikev2 = plist_dict(v->payload, "IKEv2");
	const char *local = plist_text(ikev2, "LocalIdentifier");

	import_set(v->p, "connection", "type", "ikev2");
	apple_text(v, ikev2, "RemoteAddress", "connection", "gateway");
	if (local)
		foreign_identity(v->p, "local", local);
	read_gateway_name(v, ikev2);
	read_auth(v, ikev2);
	read_sas(v, ikev2);
	read_ppk(v, ikev2);
	/* There, too, it goes on where nobody answers. */
	if (plist_on(ikev2, "EnableCertificateRevocationCheck") &&
		!import_get(v->p, "secrets", "psk"))
		import_set(v->p, "remote", "revocation", "soft");
	if (plist_on(ikev2, "DisableMOBIKE"))
		import_set(v->p, "ike", "mobike", "no");
	read_dpd(v, ikev2);
	read_network(v, ikev2);
	apple_tell(v, ikev2, "IKEv2", rows, ARRAY_LEN(rows));
}
