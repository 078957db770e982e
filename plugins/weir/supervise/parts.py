"""The ports, settings and clock that a manager is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from weir.errors import WeirError
from weir.ports.bundles import Bundles
from weir.ports.checkpoints import Checkpoints
from weir.ports.cluster import Cluster
from weir.ports.folders import NO_FOLDERS, Folders
from weir.ports.source import Source
from weir.ports.supervision import SupervisionStore
from weir.settings import Settings
from weir.supervise.preflight import Rehearse, not_rehearsed

T = TypeVar("T")
S = TypeVar("S", bound=SupervisionStore, covariant=True, default=SupervisionStore)  # doors have a store of more ports


@dataclass(frozen=True)
class Parts(Generic[S]):
    """The ports that supervision works with. A test gives those of `weir.testing`."""

    store: S
    clusters: Mapping[str, Cluster]  # by the kind that a spec names
    source: Source
    checkpoints: Checkpoints
    bundles: Bundles
    settings: Settings
    clock: Callable[[], float] = time.time  # seconds since the epoch
    sleep: Callable[[float], None] = time.sleep
    stopped_at: Callable[[], int] = lambda: 0  # when the cluster of this machine was stopped on request (ms); 0: never, or it has none
    folders: Folders = NO_FOLDERS  # that jobs read
    rehearse: Rehearse = not_rehearsed  # imports an application before it is deployed

    def now_ms(self) -> int:
        return int(self.clock() * 1000)

    def until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Poll the condition every 0.2 s. Return False if it is not met in time."""
        deadline = self.clock() + within_s
        while not (met := condition()) and self.clock() < deadline:
            self.sleep(0.2)
        return met


def or_none(probe: Callable[[], T]) -> T | None:
    """Return the answer of a probe, or None if it raises a WeirError: a probe that fails is no news."""
    try:
        return probe()
    except WeirError:
        return None
