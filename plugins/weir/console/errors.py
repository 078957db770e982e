"""The errors page: which signatures there were, since when, and which are new since the last deploy; and samples of rejected lines."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import DAY_MS, HOUR_MS
from weir.console.job import known
from weir.console.panels import Panel, Panels
from weir.console.plot import LEVELS
from weir.console.times import Span, at, span_of
from weir.counts.panes import duration, iso, windows
from weir.counts.progress import samples
from weir.counts.query import Question, summed
from weir.counts.rules import Rules
from weir.output import readable
from weir.supervise.spec import find

if TYPE_CHECKING:
    from weir.supervise.manager import Manager

SINCE = "24h"
TOP = 50  # signatures
SAMPLES = 20
SHOWN = 500  # bytes of a line
LOOKED_AT = 2000  # samples that are looked through for those of one service
BEFORE_MS = 7 * DAY_MS  # a signature is new if there was none in this time before the deploy
BY = ("service", "signature")
Kind = tuple[str, str]  # service, signature


@dataclass(frozen=True)
class Asked:
    """What the address of the page says; without a service, all of them."""

    since: str = ""
    until: str = ""
    service: str = ""


def look(manager: Manager, panels: Panels, job: str, asked: Asked) -> dict[str, Panel]:
    """Raises UnknownJob."""
    known(manager, job)
    now = int(time.time() * 1000)
    parts = {
        "signatures": lambda: signatures(manager, job, span_of(asked.since or SINCE, asked.until, now), asked.service),
        "rejected": lambda: rejected(manager, job, asked.service),
    }
    return panels.load(job, parts)


def signatures(manager: Manager, job: str, span: Span, service: str) -> dict[str, Any]:
    """The signatures with the most errors in a span, and all services with theirs. Raises UnknownJob, NotProven, Conflict."""
    pane = Rules.of(find(manager.specs, job)).pane
    width = grain(span, pane)
    cells = _read(manager, job, span.since // width * width, span.until, width, pane)
    deployed = max((version.deployed_at for version in manager.store.versions(job)), default=0)
    before = _before(manager, job, deployed, pane) if deployed else set()
    rows = ranked(cells, width, deployed, before)
    services = Counter[str]()
    for row in rows:
        services[row["service"]] += row["n"]
    chosen = [row for row in rows if service in ("", row["service"])]
    return {
        "rows": [{**row, "first": at(row["first"]), "last": at(min(row["last"], span.until))} for row in chosen[:TOP]],
        "more": len(chosen[TOP:]),
        "services": services.most_common(),
        "since": iso(span.since // width * width),
        "until": at(span.until),
        "window": duration(width),
        "deployed": at(deployed),
    }


def grain(span: Span, pane: int) -> int:
    """How finely first and last seen are told (ms): the longer the span, the coarser, so that roll-ups answer."""
    length = span.until - span.since
    return pane if length <= 6 * HOUR_MS or HOUR_MS % pane else HOUR_MS if length <= 14 * DAY_MS else DAY_MS


def ranked(cells: Sequence[tuple[int, Kind, int]], width: int, deployed: int, before: set[Kind]) -> list[dict[str, Any]]:
    """A row for each service and signature of `cells` (window's start, kind, errors), the most errors first.

    `first` and `last` (ms) are the outer ends of their windows. New is what was seen after the deploy and is not among those before it.
    Of a service that is new itself, nothing is, as for alerts."""
    found: dict[Kind, dict[str, Any]] = {}
    for start, kind, n in cells:
        row = found.setdefault(kind, {"service": kind[0], "signature": kind[1], "n": 0, "first": start, "last": start + width})
        row["n"] += n
        row["first"], row["last"] = min(row["first"], start), max(row["last"], start + width)
    services = {service for service, _ in before}
    for kind, row in found.items():
        row["new"] = row["last"] > deployed and kind not in before and kind[0] in services
    return sorted(found.values(), key=lambda row: (-row["n"], row["service"], row["signature"]))


def _before(manager: Manager, job: str, deployed: int, pane: int) -> set[Kind]:
    """What there was in the days before a deploy, up to its very pane: whole days from roll-ups of days, then hours, then panes."""
    found, since = set[Kind](), deployed // DAY_MS * DAY_MS - BEFORE_MS
    for width in (width for width in (DAY_MS, HOUR_MS, pane) if width % pane == 0):
        until = deployed // width * width
        if until > since:
            found |= {kind for _, kind, _ in _read(manager, job, since, until, width, pane)}
            since = until
    return found


def _read(manager: Manager, job: str, since: int, until: int, width: int, pane: int) -> list[tuple[int, Kind, int]]:
    question = Question(windows(width, width, pane), since, until, BY, LEVELS)
    return [(start, (service, signature), n) for (start, (service, signature)), n in summed(manager.store, job, question).items()]


def rejected(manager: Manager, job: str, service: str) -> Sequence[dict[str, Any]]:
    """Samples of lines that were not counted, the newest first, with where they are in the topic."""
    looked_at = islice(samples(manager.store, job), LOOKED_AT)
    chosen = islice((line for line in looked_at if service in ("", line.service)), SAMPLES)
    return [{**asdict(line), "value": readable(line.value[:SHOWN]), "more": len(line.value) > SHOWN} for line in chosen]
