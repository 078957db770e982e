"""The gate of a fold: Great Expectations checks a run between its proof and its publication.

The proof has found equal sums by then. The gate finds what sums do not show: rows that no batch can write. Many runs are checked
together: a validation took 0.32 CPU-s for one run of ten cells, for one of 5,000 and for 32 of ten. Only if an expectation fails is each
run checked by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spark_jobs.counts.cells import hour_of
from weir.counts.fold import Candidate, Gate, by_kind, by_level
from weir.counts.quality.expectation import Law
from weir.counts.quality.expectations import gate_suites
from weir.counts.quality.tables import Row
from weir.counts.quality.validate import judged, quiet_context
from weir.counts.rules import Rules
from weir.ports.counts import HourShard


def gate(rules: Rules) -> Gate:
    """Return the gate for the runs of a job. It imports Great Expectations, which takes seconds, only when there is a run to check."""

    def judge(ready: Sequence[Candidate]) -> Mapping[HourShard, str]:
        if not ready or not broken(ready, rules):
            return {}
        failed = {one.at: broken([one], rules) for one in ready}
        return {at: "; ".join(law.sentence for law in laws) for at, laws in failed.items() if laws}

    return judge


def broken(ready: Sequence[Candidate], rules: Rules) -> list[Law]:
    """Return the expectations that these runs fail."""
    tables = {"runs": _runs(ready, rules.pane), "places": _places(ready), "levels": _levels(ready), "kinds": _kinds(ready)}
    found = judged(quiet_context(), gate_suites(), {name: list(rows) for name, rows in tables.items()})
    return [law for law in found if not law.holds]


def _runs(ready: Iterable[Candidate], pane_ms: int) -> Iterable[Row]:
    for one in ready:
        for (pane, service, level, signature), n in one.cells.items():
            yield {
                **_place(one),
                "pane_start": pane,
                "service": service or None,
                "level": level or None,
                "signature": signature,
                "n": n,
                "off_pane": pane % pane_ms,
                "off_hour": hour_of(pane) - one.at[0],
            }


def _places(ready: Iterable[Candidate]) -> Iterable[Row]:
    for one in ready:
        cells, lines = len(one.cells), sum(one.ledger.values())
        yield {**_place(one), "cells": cells, "lines": lines, "missing": int(lines > 0 and not cells)}


def _levels(ready: Iterable[Candidate]) -> Iterable[Row]:
    for one in ready:
        folded = Counter(by_level(by_kind(one.cells)))
        for level in sorted(folded.keys() | one.ledger.keys()):
            yield {**_place(one), "level": level, "folded": folded[level], "ledger": one.ledger.get(level, 0)}


def _kinds(ready: Iterable[Candidate]) -> Iterable[Row]:
    for one in ready:
        folded = Counter(by_kind(one.cells))
        for kind in folded.keys() | one.kinds.keys():
            named = dict(zip(("service", "level", "signature"), kind, strict=True))
            yield {**_place(one), **named, "folded": folded[kind], "rolled": one.kinds.get(kind, 0)}


def _place(one: Candidate) -> dict[str, Any]:
    return {"hour": one.at[0], "shard": one.at[1]}
