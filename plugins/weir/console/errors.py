"""The errors page: signatures with their first and last time, new ones since the last deploy, and samples of rejected lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from weir.console.panels import Panel, Panels
from weir.counts.progress import samples
from weir.counts.rules import Rules
from weir.counts.signatures import signatures
from weir.counts.times import span_of
from weir.jobs.kinds import Capability
from weir.jobs.specs import require
from weir.output import readable

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

SINCE = "24h"
SAMPLES = 20
SHOWN = 500  # bytes of a line
LOOKED_AT = 2000  # samples that are searched for one service


@dataclass(frozen=True)
class Asked:
    """The query of the page's address. An empty service means all."""

    since: str = ""
    until: str = ""
    service: str = ""


def look(manager: Manager[Store], panels: Panels, job: str, asked: Asked) -> dict[str, Panel]:
    """Raises UnknownJob, BadInput for a job that does not count."""
    manager.known(job)
    require(manager.specs, job, Capability.COUNTS)
    now = int(time.time() * 1000)

    def rules() -> Rules:
        return Rules.of(manager.spec(job))

    parts = {
        "signatures": lambda: signatures(manager.store, rules(), span_of(asked.since or SINCE, asked.until, now), asked.service),
        "rejected": lambda: rejected(manager, job, asked.service),
    }
    return panels.load(job, parts)


def rejected(manager: Manager[Store], job: str, service: str) -> Sequence[dict[str, Any]]:
    """Return samples of rejected lines, newest first, with partition and offset."""
    looked_at = islice(samples(manager.store, job), LOOKED_AT)
    chosen = islice((line for line in looked_at if service in ("", line.service)), SAMPLES)
    return [{**asdict(line), "value": readable(line.value[:SHOWN]), "more": len(line.value) > SHOWN} for line in chosen]
