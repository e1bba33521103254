"""Checks the object on stdin, from `status --json` of a tunnel of the lab that is up."""
import datetime
import ipaddress
import json
import sys

OBJECT = {
    "profile": str, "state": str, "type": str, "dataplane": str, "since": str,
    "gateway": {"name": str, "address": str, "port": int, "id": str, "vendor": str,
                "revocation": str},
    "local": {"address": str, "port": int, "id": str, "nat": bool},
    "ike": {"version": int, "spi_i": str, "spi_r": str, "proposal": str, "rekey_in": int,
            "reauth_in": int, "quantum_safe": bool, "resumed": bool, "ticket_for": int},
    "children": list, "address": list, "dns": {"servers": list, "domains": list, "via": str, "unused": str},
    "routes": list, "routes_total": int, "elsewhere": list, "bypassed": list, "bypassed_total": int,
    "blocked": list, "blocked_total": int, "mtu": int, "killswitch": str, "keylog": str, "weak": list,
    "rekeys": {"ike": int, "child": int}, "reconnects": int, "last_error": str,
}
CHILD = {
    "spi_in": str, "spi_out": str, "mode": str, "encap": bool, "proposal": str,
    "local_ts": list, "local_ts_total": int, "remote_ts": list, "remote_ts_total": int,
    "bytes_in": int, "bytes_out": int, "packets_in": int, "packets_out": int, "replay_drops": int,
    "integrity_failures": int, "rekey_in": int,
}
PPP = {"auth": str, "peer": str, "mru": int}
# A time that never comes and a thing that is not there may be null.
NULLABLE = {"rekey_in", "reauth_in", "ticket_for", "vendor", "last_error", "id"}
errors = []


def expect(true, what):
    if not true:
        errors.append(what)


def shape(value, model, path):
    for key, kind in model.items():
        here = f"{path}.{key}"
        if key not in value:
            errors.append(f"{here} is missing")
        elif isinstance(kind, dict):
            shape(value[key], kind, here)
        elif value[key] is None:
            expect(key in NULLABLE, f"{here} is null")
        else:
            expect(isinstance(value[key], kind) and
                   not (kind is int and isinstance(value[key], bool)),
                   f"{here} is {value[key]!r}, not of type {kind.__name__}")


def is_hex(text, digits):
    return len(text) == digits and all(c in "0123456789abcdef" for c in text.lower())


def facts(s):
    expect(s["profile"] == "json", "profile")
    expect(s["state"] == "up", "state")
    expect(s["dataplane"] in ("kernel", "userspace"), "dataplane")
    datetime.datetime.fromisoformat(s["since"].replace("Z", "+00:00"))
    expect(s["gateway"]["address"] == "198.51.100.10", "gateway.address")
    expect(is_hex(s["ike"]["spi_i"], 16) and is_hex(s["ike"]["spi_r"], 16), "ike SPIs")
    expect(s["ike"]["quantum_safe"] is False, "ike.quantum_safe")
    expect(len(s["children"]) == 1, "one child")
    expect("10.99.0.53" in s["dns"]["servers"], "dns.servers")
    expect(1200 <= s["mtu"] <= 1500, "mtu")
    expect(s["weak"] == [], "weak")
    for name in "routes", "bypassed", "blocked":
        expect(len(s[name]) == s[name + "_total"], name + "_total")


def ikev2_facts(s):
    child = s["children"][0]
    expect(s["type"] == "ikev2" and s["ike"]["version"] == 2, "type")
    expect(s["gateway"]["id"] == "gate.vpn.test", "gateway.id")
    expect(s["local"]["id"] == "psk@vpn.test", "local.id")
    expect({ipaddress.ip_interface(a).version for a in s["address"]} == {4, 6}, "address")
    expect(child["mode"] == "tunnel", "child mode")
    expect("10.99.0.0/24" in child["remote_ts"], "child.remote_ts")
    expect("ppp" not in s, "ppp")


def l2tp_facts(s):
    child = s["children"][0]
    shape(s.get("ppp", {}), PPP, "ppp")
    expect(s["ike"]["version"] == 1, "type")
    expect(s["address"] == ["10.10.1.2/32"], "address")
    expect(child["mode"] == "transport", "child mode")
    expect(child["remote_ts"] == ["198.51.100.10[udp/1701]"], "child.remote_ts")
    if not errors:
        expect(s["ppp"]["auth"] == "MS-CHAPv2" and s["ppp"]["peer"] == "10.10.1.1", "ppp")
        expect(1000 <= s["mtu"] <= s["ppp"]["mru"] <= 1500, "mtu")


def child_facts(c, kernel):
    for name in "local_ts", "remote_ts":
        expect(len(c[name]) == c[name + "_total"], name + "_total")
    expect(is_hex(c["spi_in"], 8) and is_hex(c["spi_out"], 8), "child SPIs")
    expect(c["encap"] is not kernel, "child encapsulation")
    expect(c["packets_out"] >= 3 and c["packets_in"] >= 3, "child packets")
    expect(c["bytes_out"] > 0 and c["bytes_in"] > 0, "child bytes")
    expect(c["replay_drops"] == 0 and c["integrity_failures"] == 0, "child drops")


def main():
    status = json.load(sys.stdin)
    shape(status, OBJECT, "status")
    for child in status.get("children", []):
        shape(child, CHILD, "child")
    if not errors:
        facts(status)
        l2tp_facts(status) if status["type"] == "l2tp" else ikev2_facts(status)
        child_facts(status["children"][0], status["dataplane"] == "kernel")
    for error in errors:
        print("wrong:", error)
    return 1 if errors else 0


sys.exit(main())
