"""Run a container as a process: own mounts, own process ids, and a cgroup with its memory limit. The network is the machine's.

Its image is this machine's file system with Spark in /opt/spark; its entry point does what that of Spark's image does.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pyspark

from tests.kubernetes.client import Object
from weir.local.part import FOREIGN, java

CGROUP = Path("/sys/fs/cgroup/memory")
POD_GROUPS = CGROUP / "weir-pods"
SPARK = Path(pyspark.__file__).parent
# What unshare 2.38 says, with exit code 1, when SIGKILL ended what it started: it tries to unblock that signal and end by it.
KILLED = b"unshare: sigprocmask unblock failed: Invalid argument\n"
UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "k": 1000, "M": 1000**2, "G": 1000**3, "": 1}


def lacking() -> str:
    """Return why containers cannot be run here; empty if they can."""
    if os.geteuid() != 0:
        return "pods as processes need root, for mounts and cgroups"
    if not (CGROUP / "memory.limit_in_bytes").exists():
        return "pods as processes need the memory controller of cgroup v1 at /sys/fs/cgroup/memory"
    return ""


class Container:
    """A started container. `folder` gets its log and its home."""

    def __init__(self, pod: Object, spec: Object, address: str, volumes: Mapping[str, Path], folder: Path) -> None:
        self._cgroup = POD_GROUPS / pod["metadata"]["uid"]
        self._cgroup.mkdir(parents=True, exist_ok=True)
        if limit := spec.get("resources", {}).get("limits", {}).get("memory"):
            (self._cgroup / "memory.limit_in_bytes").write_text(str(size(limit)))
        self.log = folder / "log"
        env = _env(pod, spec, address, folder)
        steps = [f"echo $$ > {self._cgroup}/cgroup.procs", *_mounts(spec, volumes), f"cd {shlex.quote(str(folder))}"]
        script = " && ".join([*steps, f"exec {shlex.join(_command(spec, env, address))}"])
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def main(self) -> int:
        """Return the process id, outside, of the container's first process; 0 if it has ended."""
        try:
            return next((child.pid for child in psutil.Process(self._process.pid).children()), 0)
        except psutil.NoSuchProcess:
            return 0

    def wait(self) -> tuple[int, bool]:
        """Wait for the end. Return the exit code as Kubernetes reports it, and whether the kernel killed it for its memory."""
        code = self._process.wait()
        events = dict(line.split() for line in (self._cgroup / "memory.oom_control").read_text().splitlines())
        self._remove_cgroup()
        if code == 1 and self.log.read_bytes().endswith(KILLED):
            code = -signal.SIGKILL
        return (128 - code if code < 0 else code), code != 0 and int(events.get("oom_kill", 0)) > 0

    def stop(self, grace_s: float) -> None:
        """Ask the container to end, and kill it after a time."""
        if main := self.main:
            os.kill(main, signal.SIGTERM)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()  # and with it everything in its process namespace
        self._process.wait()

    def exhaust(self) -> None:
        """Take more memory in the container's cgroup than it may have: the kernel then kills its first process, as the largest."""
        (Path("/proc") / str(self.main) / "oom_score_adj").write_text("1000")
        hog = f"echo $$ > {self._cgroup}/cgroup.procs; exec python3 -c 'x = b\"x\" * (8 << 30)'"
        subprocess.Popen(["sh", "-c", hog], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _remove_cgroup(self) -> None:
        for pid in (self._cgroup / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        for _ in range(50):
            try:
                self._cgroup.rmdir()
                return
            except OSError:
                psutil.wait_procs([], timeout=0.1)


def tidy() -> None:
    """Remove the folder of the containers' cgroups, unless one is in use."""
    with contextlib.suppress(OSError):
        POD_GROUPS.rmdir()


def size(text: str) -> int:
    """Return the bytes of a quantity such as 1433Mi."""
    number = text.rstrip("KMGik")
    return int(float(number) * UNITS[text[len(number) :]])


def _env(pod: Object, spec: Object, address: str, folder: Path) -> dict[str, str]:
    """Return the environment: the image's own, then what the pod's description says."""
    host = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    fields = {"status.podIP": address, "metadata.name": pod["metadata"]["name"], "metadata.namespace": pod["metadata"]["namespace"]}
    env = {"PATH": host["PATH"], "HOME": str(folder), "HOSTNAME": pod["metadata"]["name"], "SPARK_HOME": "/opt/spark", "LC_ALL": "C.UTF-8"}
    for entry in spec.get("env", []):
        field = entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        env[entry["name"]] = fields[field] if field else entry.get("value", "")
    return env


def _mounts(spec: Object, volumes: Mapping[str, Path]) -> list[str]:
    """Return the commands that make the file system: pip's Spark has no folder conf, so /opt/spark is made of links."""
    made = ["mkdir -p /opt", "mount -t tmpfs none /opt", "mkdir /opt/spark", f"ln -s {SPARK}/* /opt/spark/"]
    for mount in spec.get("volumeMounts", []):
        target = shlex.quote(mount["mountPath"])
        made.append(f"mkdir -p {target} && mount --bind {shlex.quote(str(volumes[mount['name']]))} {target}")
    return made


def _command(spec: Object, env: Mapping[str, str], address: str) -> Sequence[str]:
    """Return what the entry point of Spark's image runs for `driver` and `executor`; else the container's own command.
    https://github.com/apache/spark/blob/v4.0.0/resource-managers/kubernetes/docker/src/main/dockerfiles/spark/entrypoint.sh"""
    args = spec.get("args", [])
    if args[:1] == ["driver"]:
        bind = ["--conf", f"spark.driver.bindAddress={env.get('SPARK_DRIVER_BIND_ADDRESS', address)}"]
        return ["/opt/spark/bin/spark-submit", *bind, "--deploy-mode", "client", *args[1:]]
    if args[:1] == ["executor"]:
        return _executor(env)
    return [*spec.get("command", []), *args]


def _executor(env: Mapping[str, str]) -> Sequence[str]:
    options = {int(name.rpartition("_")[2]): value for name, value in env.items() if name.startswith("SPARK_JAVA_OPT_")}
    named = {
        "driver-url": "SPARK_DRIVER_URL", "executor-id": "SPARK_EXECUTOR_ID", "cores": "SPARK_EXECUTOR_CORES",
        "app-id": "SPARK_APPLICATION_ID", "hostname": "SPARK_EXECUTOR_POD_IP", "resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
        "podName": "SPARK_EXECUTOR_POD_NAME",
    }  # fmt: skip
    memory, path = env["SPARK_EXECUTOR_MEMORY"], f"/opt/spark/conf:{env.get('SPARK_CLASSPATH', '')}:/opt/spark/jars/*"
    arguments = [text for name, variable in named.items() for text in (f"--{name}", env[variable])]
    backend = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
    return [java(), *(options[n] for n in sorted(options)), f"-Xms{memory}", f"-Xmx{memory}", "-cp", path, backend, *arguments]
