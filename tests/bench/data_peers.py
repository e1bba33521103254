"""Two network namespaces joined by a veth, and the tunnels between them that `data` measures."""
import os
import shutil
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.abspath(os.environ.get("OUT", os.path.join(ROOT, "build/release")))
CHARON = "/usr/lib/ipsec/charon"
OUTER = {"A": "192.0.2.1", "B": "192.0.2.2"}
INNER = {"A": "10.9.0.1", "B": "10.9.0.2"}
OTHER = {"A": "B", "B": "A"}
MTU = 1400
SUITES = {"gcm": "aes256gcm16", "chacha": "chacha20poly1305", "cbc": "aes256-sha256"}
PSK = "a key for measuring"


def run(*args, check=True, timeout=60, **more):
    return subprocess.run(args, check=check, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more).stdout


def wait_until(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


class Box:
    """A network namespace with a /run and an /etc/swanctl of its own."""

    def __init__(self, name, scratch):
        self.name, self.dir = name, os.path.join(scratch, name)
        for part in ("swanctl", "profiles"):
            os.makedirs(os.path.join(self.dir, part))
        setup = ("mount -t tmpfs tmpfs /run && mkdir -p /run/wireguard /etc/swanctl && "
                 f"mount --bind {self.dir}/swanctl /etc/swanctl && echo ready && exec sleep infinity")
        self.holder = subprocess.Popen(["unshare", "-mn", "sh", "-c", setup],
                                       stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError("no namespaces here")
        for key in ("all", "default"):
            self.run("sysctl", "-qw", f"net.ipv4.conf.{key}.rp_filter=0")
        self.run("ip", "link", "set", "lo", "up")

    def words(self, args):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "--", *args]

    def run(self, *args, **more):
        return run(*self.words(args), **more)

    def start(self, *args, env=None, **more):
        with open(os.path.join(self.dir, "log"), "a", encoding="utf-8") as log:
            return subprocess.Popen(self.words(args), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env=env, **more)

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-5:]).strip()


def cable(boxes):
    run("ip", "link", "add", "eth0", "netns", str(boxes["A"].holder.pid), "type", "veth",
        "peer", "name", "eth0", "netns", str(boxes["B"].holder.pid))
    for side, box in boxes.items():
        box.run("ip", "addr", "add", OUTER[side] + "/24", "dev", "eth0")
        box.run("ip", "link", "set", "eth0", "up")


# --- the peers: each brings up a tunnel and says which process is at each end ---------------------

class Peer:
    suites = ()

    def __init__(self, boxes):
        self.boxes, self.procs = boxes, {}

    def missing(self):
        return None

    def up(self, suite):
        raise NotImplementedError

    def down(self):
        for p in self.procs.values():
            p.terminate()
        for p in self.procs.values():
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.procs = {}
        for box in self.boxes.values():
            box.run("ip", "addr", "flush", "dev", "lo", "scope", "global", check=False)

    def reachable(self):
        ping = ("ping", "-c", "1", "-W", "1", "-I", INNER["A"], INNER["B"])
        return wait_until(lambda: subprocess.run(self.boxes["A"].words(ping), check=False,
                                                 stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL).returncode == 0, 15)


class Ours(Peer):
    suites = ("gcm", "chacha", "cbc")
    program = os.path.join(OUT, "tests/bench/bench_data")

    def missing(self):
        return None if os.access(self.program, os.X_OK) else "not built: make bench-data"

    def up(self, suite):
        for side, box in self.boxes.items():
            self.procs[side] = box.start(self.program, suite, {"A": "LEFT", "B": "RIGHT"}[side],
                                         OUTER[side], OUTER[OTHER[side]], str(MTU))
        for side, box in self.boxes.items():
            if not wait_until(lambda b=box: "bench0" in b.run("ip", "-br", "link")):
                return False
            box.run("ip", "addr", "add", INNER[side] + "/24", "dev", "bench0")
            box.run("ip", "link", "set", "bench0", "mtu", str(MTU), "up")
        return self.reachable()


STRONGSWAN = """charon {
	load = random nonce pem pkcs1 openssl sha1 sha2 hmac drbg kdf curve25519 %s kernel-netlink socket-default vici
	install_virtual_ip_on = ipsec0
	dos_protection = no
	plugins {
		socket-default {
			fwmark = 0x42
		}
		kernel-netlink {
			fwmark = !0x42
		}
		kernel-libipsec {
			allow_peer_ts = yes
		}
	}
	filelog {
		stderr {
			default = -1
		}
	}
}
swanctl {
	load = random nonce pem pkcs1 sha1 sha2 hmac openssl
}
"""

SWANCTL = """connections {
	bench {
		version = 2
		local_addrs = %(local)s
		remote_addrs = %(remote)s
		proposals = aes128gcm16-prfsha256-x25519
		encap = yes
		rekey_time = 0
		%(more)s
		local {
			auth = psk
			id = %(id)s@vpn.test
		}
		remote {
			auth = psk
			id = %(peer)s@vpn.test
		}
		children {
			net {
				local_ts = %(local_ts)s
				remote_ts = %(remote_ts)s
				esp_proposals = %(esp)s
				rekey_time = 0
			}
		}
	}
}
pools {
	four {
		addrs = 10.9.0.1/32
	}
}
secrets {
	ike {
		secret = "%(psk)s"
	}
}
"""


class Libipsec(Peer):
    suites = ("gcm", "chacha", "cbc")

    def missing(self):
        return None if os.access(CHARON, os.X_OK) else "strongSwan is not installed"

    def charon(self, side, suite, **more):
        box, fields = self.boxes[side], {
            "local": OUTER[side], "remote": OUTER[OTHER[side]], "id": side, "peer": OTHER[side],
            "local_ts": INNER[side] + "/32", "remote_ts": INNER[OTHER[side]] + "/32",
            "esp": SUITES[suite], "psk": PSK, "more": ""}
        fields.update(more)
        conf = box.write("strongswan.conf", STRONGSWAN % "kernel-libipsec")
        box.write("swanctl/swanctl.conf", SWANCTL % fields)
        env = dict(os.environ, STRONGSWAN_CONF=conf)
        vici = f"/proc/{box.holder.pid}/root/run/charon.vici"
        for stale in ("charon.vici", "charon.pid"):
            try:
                os.unlink(f"/proc/{box.holder.pid}/root/run/{stale}")
            except FileNotFoundError:
                pass
        self.procs[side] = box.start(CHARON, env=env)
        if not wait_until(lambda: os.path.exists(vici)):
            return False
        return "successfully loaded" in box.run("swanctl", "--load-all", "--noprompt", env=env)

    def initiate(self):
        box = self.boxes["A"]
        env = dict(os.environ, STRONGSWAN_CONF=os.path.join(box.dir, "strongswan.conf"))
        box.run("swanctl", "--initiate", "--child", "net", "--timeout", "10", check=False, env=env)

    def up(self, suite):
        for side, box in self.boxes.items():
            box.run("ip", "addr", "add", INNER[side] + "/32", "dev", "lo")
            if not self.charon(side, suite):
                return False
        self.initiate()
        return self.reachable()


class WireguardGo(Peer):
    suites = ("chacha",)
    program = os.environ.get("WIREGUARD_GO") or shutil.which("wireguard-go")

    def missing(self):
        return None if self.program and shutil.which("wg") else "wireguard-go is not installed"

    def up(self, suite):
        keys = {}
        for side in self.boxes:
            secret = run("wg", "genkey").strip()
            keys[side] = secret, run("wg", "pubkey", input=secret).strip()
        for side, box in self.boxes.items():
            conf = box.write("wg.conf", f"[Interface]\nPrivateKey = {keys[side][0]}\n"
                             f"ListenPort = 51820\n[Peer]\nPublicKey = {keys[OTHER[side]][1]}\n"
                             f"AllowedIPs = 0.0.0.0/0\nEndpoint = {OUTER[OTHER[side]]}:51820\n")
            self.procs[side] = box.start(self.program, "-f", "wg0")
            if not wait_until(lambda b=box: os.path.exists(
                    f"/proc/{b.holder.pid}/root/run/wireguard/wg0.sock")):
                return False
            box.run("wg", "setconf", "wg0", conf)
            box.run("ip", "addr", "add", INNER[side] + "/24", "dev", "wg0")
            box.run("ip", "link", "set", "wg0", "mtu", str(MTU), "up")
        return self.reachable()


class GatewayOurs(Libipsec):
    suites = ("gcm",)
    program = os.path.join(OUT, "vpnc-ike")

    def gateway(self, suite):
        self.boxes["B"].run("ip", "addr", "add", INNER["B"] + "/32", "dev", "lo")
        return self.charon("B", suite, remote="%any", remote_ts="dynamic", more="pools = four")

    def up(self, suite):
        box = self.boxes["A"]
        box.write("profiles/bench.conf", "[connection]\ngateway = %s\ndataplane = userspace\n"
                  "[local]\nauth = psk\nid = A@vpn.test\n[remote]\nauth = psk\nid = B@vpn.test\n"
                  "[secrets]\npsk = %s\n" % (OUTER["B"], PSK))
        if not self.gateway(suite):
            return False
        self.procs["A"] = box.start(self.program, "--profile-dir", os.path.join(box.dir, "profiles"),
                                    "connect", "bench")
        return self.reachable()


class GatewayLibipsec(GatewayOurs):
    def up(self, suite):
        if not self.gateway(suite) or not self.charon("A", suite, local_ts="dynamic",
                                                      more="vips = 0.0.0.0"):
            return False
        self.initiate()
        return self.reachable()


PEERS = {"vpnc-ike": Ours, "libipsec": Libipsec, "wireguard-go": WireguardGo,
         "gw:vpnc-ike": GatewayOurs, "gw:libipsec": GatewayLibipsec}
