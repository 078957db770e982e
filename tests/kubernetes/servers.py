"""Run a Kubernetes control plane on this machine: etcd, the API server and, if wanted, controller manager and scheduler, as processes.

All listen on 127.0.0.1. Users are tokens: ADMIN may do everything, the others have the rights that Kubernetes itself gives their group.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kubernetes import binaries
from weir.local import certs, ports
from weir.local.process import Child, await_ready, last_lines

ADMIN = "admin"
NODES = ("weir-0", "weir-1")
USERS = {  # by name, the groups
    ADMIN: "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    **{f"system:node:{node}": "system:nodes" for node in NODES},
}
SERVING, ACCOUNTS = "kube-apiserver", "accounts"  # the names of keys and certificates
FIRST_PORT = 23000  # below 32768, from where Linux takes outgoing ports
NODE_GRACE_S = 8  # without a heartbeat for so long a node is taken for unreachable; Kubernetes' default is 50 s
EVICTION_S = 5  # pods of such a node are evicted after so long; 300 s by default
READY_S = 600


@dataclass
class Server:
    """A server that can be stopped and started again at its old port."""

    name: str
    command: list[str]
    log: Path
    probe: Callable[[], str]
    child: Child | None = field(default=None, init=False)

    def start(self) -> None:
        self.child = Child.start(self.command, self.log, os.environ, self.log.parent)
        reason = await_ready(self.child, self.probe, READY_S, _pause)
        assert not reason, f"{self.name}: {reason}\n{last_lines(self.log)}"

    def stop(self, signal_name: str = "SIGTERM") -> None:
        if self.child:
            self.child.stop(signal_name)
            self.child = None


@dataclass
class ControlPlane:
    """A running control plane. `url` is the API server's address, `ca` the file with the authority that signed its certificate."""

    home: Path
    port: int
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def ca(self) -> Path:
        return certs.ca_file(self.home)

    @property
    def api(self) -> Server:
        return self.servers["kube-apiserver"]

    def token(self, user: str = ADMIN) -> str:
        """Return the token of one of USERS."""
        return f"token-of-{user}"

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Write the configuration with which kubectl and Kubernetes' own servers act as one of USERS."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "weir", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": "weir", "context": {"cluster": "weir", "user": user}}],
            "current-context": "weir",
        }
        file = self.home / f"{user.replace(':', '-')}.kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def kubectl(self, *args: str, user: str = ADMIN, text: str = "", check: bool = True) -> str:
        """Run kubectl as a user and return what it printed, errors included; `text` is its standard input."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig(user)), "--request-timeout=30s", *args]
        done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        assert done.returncode == 0 or not check, f"kubectl {' '.join(args)}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def probe(self) -> str:
        """Return "" if the API server is ready, else what it says."""
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token()}"})
        try:
            with urllib.request.urlopen(request, timeout=2, context=ssl.create_default_context(cafile=self.ca)):
                return ""
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace")[-300:]
        except OSError as error:
            return str(error)


@contextlib.contextmanager
def control_plane(home: Path, *, controllers: bool = False, first_port: int = FIRST_PORT) -> Iterator[ControlPlane]:
    """Start etcd and the API server, and with `controllers` the controller manager and the scheduler; stop all of them afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    chosen = _ports(first_port, 5)
    plane = ControlPlane(home, chosen[0])
    names = [*binaries.SERVERS, *(binaries.CONTROLLERS if controllers else ())]
    programs = binaries.built(*names)
    _credentials(plane)
    commands = {
        "etcd": _etcd(home, chosen[1], chosen[2]),
        "kube-apiserver": _api_server(plane, chosen[1]),
        "kube-controller-manager": _controller_manager(plane, chosen[3]),
        "kube-scheduler": _scheduler(plane, chosen[4]),
    }
    with contextlib.ExitStack() as stack:
        for name in names:
            probe = plane.probe if name == "kube-apiserver" else lambda: ""
            plane.servers[name] = Server(name, [str(programs[name]), *commands[name]], home / "logs" / f"{name}.log", probe)
            stack.callback(plane.servers[name].stop)
            plane.servers[name].start()
        yield plane


def _ports(first: int, count: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(ports.next_free(max([first, *(port + 1 for port in chosen)]), set(chosen)))
    return chosen


def _credentials(plane: ControlPlane) -> None:
    """Write the users' tokens, the API server's certificate, and the key that signs the tokens of ServiceAccounts."""
    rows = (f'{plane.token(user)},{user},{user},"{groups}"' for user, groups in USERS.items())
    (plane.home / "tokens.csv").write_text("\n".join(rows) + "\n")
    if not certs.ca_file(plane.home).exists():
        certs.add_authority(plane.home)
        certs.renew(plane.home, SERVING, (*certs.HOSTS, "kubernetes.default.svc"))
        certs.renew(plane.home, ACCOUNTS)


def _etcd(home: Path, port: int, peers: int) -> list[str]:
    address, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    return [
        f"--data-dir={home / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # a crash of the machine ends the tests anyway
        "--log-level=warn",
    ]


def _api_server(plane: ControlPlane, etcd: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={plane.port}",
        "--bind-address=127.0.0.1",
        f"--tls-cert-file={certs.cert_file(plane.home, SERVING)}",
        f"--tls-private-key-file={certs.key_file(plane.home, SERVING)}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",  # a loopback address is none for others
        f"--service-account-key-file={certs.cert_file(plane.home, ACCOUNTS)}",
        f"--service-account-signing-key-file={certs.key_file(plane.home, ACCOUNTS)}",
        "--service-account-issuer=https://weir.test",
        f"--token-auth-file={plane.home / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",  # beside the default ones: LimitRanger, ServiceAccount, ResourceQuota and others
        f"--default-not-ready-toleration-seconds={EVICTION_S}",
        f"--default-unreachable-toleration-seconds={EVICTION_S}",
        "--allow-privileged=true",
    ]


def _controller_manager(plane: ControlPlane, port: int) -> list[str]:
    return [
        f"--kubeconfig={plane.kubeconfig('system:kube-controller-manager')}",
        f"--service-account-private-key-file={certs.key_file(plane.home, ACCOUNTS)}",
        f"--root-ca-file={plane.ca}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={plane.home / 'certs'}",
        "--node-monitor-period=2s",
        f"--node-monitor-grace-period={NODE_GRACE_S}s",
        "--concurrent-gc-syncs=2",
    ]


def _scheduler(plane: ControlPlane, port: int) -> list[str]:
    return [
        f"--kubeconfig={plane.kubeconfig('system:kube-scheduler')}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={plane.home / 'certs'}",
    ]


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return False
