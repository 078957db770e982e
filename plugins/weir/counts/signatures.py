"""The error signatures of a span: number, first and last time, and which are new since the last deploy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spark_jobs.counts.cells import DAY_MS, HOUR_MS
from weir.counts.panes import windows
from weir.counts.query import Question, summed
from weir.counts.rules import Rules
from weir.counts.signing import signed_again
from weir.counts.store import VersionedCounts
from weir.counts.times import Span, at
from weir.times import duration, iso

TOP = 50  # signatures
LEVELS = ("emerg", "alert", "crit", "error")  # the levels whose lines have a signature
BEFORE_MS = 7 * DAY_MS  # a signature is new if it did not occur in this time before the deploy
BY = ("service", "signature")
Kind = tuple[str, str]  # service, signature


def signatures(store: VersionedCounts, rules: Rules, span: Span, service: str) -> dict[str, Any]:
    """Return the signatures with most errors in a span, and the errors of all services. Raises UnknownJob, NotProven, Conflict."""
    width = grain(span, rules.pane)
    cells = _read(store, rules, span.since // width * width, span.until, width)
    deployed = max((version.deployed_at for version in store.versions(rules.job)), default=0)
    before = _before(store, rules, deployed) if deployed else set()
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
    """Return the resolution (ms) of first and last time: coarser for longer spans, so that roll-ups can be used."""
    length = span.until - span.since
    return pane if length <= 6 * HOUR_MS or HOUR_MS % pane else HOUR_MS if length <= 14 * DAY_MS else DAY_MS


def ranked(cells: Sequence[tuple[int, Kind, int]], width: int, deployed: int, before: set[Kind]) -> list[dict[str, Any]]:
    """Return a row for each service and signature of `cells` (window's start, kind, errors), most errors first.

    `first` and `last` (ms) are the outer ends of their windows. New are signatures that were seen after the deploy and not before it. For a
    service that is new itself, no signature is new, as for alerts."""
    found: dict[Kind, dict[str, Any]] = {}
    for start, kind, n in cells:
        row = found.setdefault(kind, {"service": kind[0], "signature": kind[1], "n": 0, "first": start, "last": start + width})
        row["n"] += n
        row["first"], row["last"] = min(row["first"], start), max(row["last"], start + width)
    services = {service for service, _ in before}
    for kind, row in found.items():
        row["new"] = row["last"] > deployed and kind not in before and kind[0] in services and not _was_signed_otherwise(kind, before)
    return sorted(found.values(), key=lambda row: (-row["n"], row["service"], row["signature"]))


def _was_signed_otherwise(kind: Kind, before: set[Kind]) -> bool:
    """Return whether a signature of before becomes this one by the present rules, which the deploy may have brought."""
    return any(service == kind[0] and signed_again(signature) == kind[1] for service, signature in before)


def _before(store: VersionedCounts, rules: Rules, deployed: int) -> set[Kind]:
    """Return the signatures in the days before a deploy, up to its pane: from day roll-ups, then hour roll-ups, then panes."""
    found, since = set[Kind](), deployed // DAY_MS * DAY_MS - BEFORE_MS
    for width in (width for width in (DAY_MS, HOUR_MS, rules.pane) if width % rules.pane == 0):
        until = deployed // width * width
        if until > since:
            found |= {kind for _, kind, _ in _read(store, rules, since, until, width)}
            since = until
    return found


def _read(store: VersionedCounts, rules: Rules, since: int, until: int, width: int) -> list[tuple[int, Kind, int]]:
    question = Question(windows(width, width, rules.pane), since, until, BY, LEVELS)
    return [(start, (service, signature), n) for (start, (service, signature)), n in summed(store, rules.job, question).items()]
