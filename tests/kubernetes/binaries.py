"""Build etcd, Kubernetes' servers and Compose from Go modules, once: no image registry and no release archive is needed.

The sources are pinned in modules/*/go.sum. A build takes ten minutes of CPU, so the programs are kept beside the jars.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from weir.local import jars

MODULES = Path(__file__).with_name("modules")
PACKAGES = {
    "docker-compose": ("compose", "github.com/docker/compose/v2/cmd"),
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
}
SERVERS = ("etcd", "kube-apiserver")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
MODULE = {"etcd": "go.etcd.io/etcd/server/v3", "kubernetes": "k8s.io/kubernetes", "compose": "github.com/docker/compose/v2"}
BUILD_S = 3600


def built(*names: str) -> dict[str, Path]:
    """Return the programs by name. Builds those that the cache lacks; that needs `go`."""
    return {name: _build(name) for name in names}


def missing(*names: str) -> str:
    """Return what the cache lacks, with what to do, as a reason to skip a test; empty if nothing is missing."""
    lacking = [name for name in names if not _file(name).exists()]
    return f"{', '.join(lacking)} not built yet: run `make kubernetes-servers` once; it needs Go" if lacking else ""


def _file(name: str) -> Path:
    """Return where a program is kept: by its version and the digest of its pinned sources."""
    module = PACKAGES[name][0]
    pins = (MODULES / module / "go.mod").read_bytes() + (MODULES / module / "go.sum").read_bytes()
    version = re.search(rf"{re.escape(MODULE[module])} (v[\d.]+)", pins.decode())
    assert version, module
    return jars.cache() / "weir-go" / f"{module}-{version[1]}-{hashlib.sha256(pins).hexdigest()[:12]}" / name


def _build(name: str) -> Path:
    file = _file(name)
    if file.exists():
        return file
    assert shutil.which("go"), f"{name} is built from Go modules: install Go, and put it on PATH"
    file.parent.mkdir(parents=True, exist_ok=True)
    module, package = PACKAGES[name]
    with (file.parent / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=file.parent) as work:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():  # another test built it meanwhile
            shutil.copytree(MODULES / module, work, dirs_exist_ok=True)
            command = ["go", "build", "-mod=readonly", "-ldflags", "-s -w", "-o", f"{work}/built", package]
            subprocess.run(command, cwd=work, env={**os.environ, "CGO_ENABLED": "0"}, check=True, timeout=BUILD_S)
            Path(work, "built").rename(file)  # whole, or not there
    return file
