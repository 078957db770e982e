"""One cluster and one counting stream for all faults, and the table that they fill."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kubernetes import container, tenants
from tests.kubernetes.kubelet import nodes
from tests.kubernetes.servers import NODES, control_plane
from tests.kubernetes.stream import Stream, lines, recounted, stack

TENANT, OTHER = "streams", "others"
PLAYED = {
    "image pulls": "played: the pod runner says what a kubelet says of an image that is not there; nothing is pulled",
    "pods' network": "played: pods share the machine's network and have addresses of 127/8",
    "eviction by a kubelet": "played: the pod runner ends the pod, and says what a kubelet says that is short of memory",
    "NetworkPolicy": "not seen: no program enforces it here",
    "probes, init containers, restarts of a container": "not seen: the pod runner has none",
    "API server, etcd, controller manager, scheduler, RBAC, quota, taints, drain, PodDisruptionBudget, claims, garbage collection": "real",
    "memory limits, OOM kills, process ids, mounts": "real: cgroups and namespaces of this kernel",
}


@dataclass
class Row:
    """A fault. Seconds count from the moment of the fault."""

    fault: str
    began: float = 0.0
    said: str = ""  # the verdict that showed it, and its words
    said_s: float = 0.0
    healed_s: float = 0.0
    exact: str = ""


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)

    @contextlib.contextmanager
    def row(self, fault: str, stream: Stream) -> Iterator[Row]:
        """Within the block a fault is made and healed. At its end no two drivers may have landed at once, and the counts must be exact."""
        row = Row(fault, time.monotonic())
        self.rows.append(row)
        yield row
        row.healed_s = time.monotonic() - row.began
        row.exact = recounted(stream)
        print(f"\n{self.line(row)}")

    @staticmethod
    def line(row: Row) -> str:
        return f"{row.fault:44} | {row.said_s:5.0f} s | {row.healed_s:5.0f} s | {row.exact:40} | {row.said}"

    def __str__(self) -> str:
        head = f"{'fault':44} | {'seen':>7} | {'healed':>7} | {'recount':40} | what Weir said"
        played = [f"{what}: {how}" for what, how in PLAYED.items()]
        return "\n".join([head, *map(self.line, self.rows), "", *played])


@pytest.fixture(scope="session", autouse=True)
def path() -> Iterator[None]:
    """Set PATH as Airflow's workers have it: with spark-submit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    print(f"\n\n{table}\n")


@pytest.fixture(scope="session")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """A cluster of two nodes with two tenants; the stream of one of them, kept alive, while lines come. It is not deployed yet."""
    if lacking := container.lacking():
        pytest.fail(lacking)
    home = Path(tmp_path_factory.mktemp("kubernetes"))
    with control_plane(home / "plane", controllers=True) as plane, nodes(plane, 4, "4Gi", *NODES) as both:
        for namespace in (TENANT, OTHER):
            tenants.create(plane, namespace)
        with stack(home / "weir", plane, both, TENANT) as found, lines(found.settings), found.watching():
            yield found


@pytest.fixture
def stream(idle: Stream) -> Stream:
    """The stream, counting. It is deployed unless an earlier test has, so that each fault can be tried alone (-k)."""
    if not idle.attempt:
        idle.deploy("first")
    idle.until_landed()
    return idle
