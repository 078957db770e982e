"""Compare the times of a job's newest lines with their arrival, service by service.

Samples of rejected lines say which are dated ahead, the hours that the newest batches wrote to say which are behind.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from spark_jobs.counts.cells import HOUR_MS, hour_of
from spark_jobs.protocol.head import Head, Position
from weir.counts.lines import parser
from weir.counts.local_time import AHEAD_MS, MOST, QUARTER_MS, Arrival, by_service, cure, in_words, utc
from weir.counts.progress import batches
from weir.counts.rules import Rules
from weir.jobs.spec import JobSpec
from weir.ports.counts import CountStore
from weir.supervise.judge.observation import Observation
from weir.supervise.time_budget import TimeBudget
from weir.times import EPOCH

EVERY_MS = 60_000
BATCHES = 60  # the newest ones
SAMPLES, DELTAS = 500, 20_000  # that are read at most
EARLIER_MS = 13 * HOUR_MS  # the westernmost zone is twelve hours behind
FINE_MS = 60_000  # of wider panes the time of a line is not known well enough

log = logging.getLogger(__name__)


def newest(store: CountStore, rules: Rules) -> Iterator[tuple[str, Arrival]]:
    """Yield the newest lines that are dated ahead of their arrival, or in an earlier hour, by service. Raises UnknownJob."""
    recent = {(h.by, h.batch_id): h for h in islice(batches(store, rules.job), BATCHES) if h.landed_at and h.progress.append_times}
    if recent:
        yield from _rejected(store, rules, recent)
        yield from _counted(store, rules, {at: max(head.progress.append_times.values()) for at, head in recent.items()}, recent)


def _rejected(store: CountStore, rules: Rules, recent: Mapping[Position, Head]) -> Iterator[tuple[str, Arrival]]:
    if not any(head.totals.rejected.get("future") for head in recent.values()):
        return
    parse = parser(rules)
    for position, line in islice(store.rejected_lines(rules.job), SAMPLES):
        if position in recent and line.reason == "future" and line.append_ms:
            parsed = parse(line.value, line.append_ms + (MOST + 4) * QUARTER_MS)  # so far ahead, it is none of any zone
            if not isinstance(parsed, str):
                yield line.service, Arrival(parsed[0], line.append_ms)


def _counted(
    store: CountStore, rules: Rules, arrived: Mapping[Position, int], recent: Mapping[Position, Head]
) -> Iterator[tuple[str, Arrival]]:
    """Yield what the batches counted in hours before that of their arrival; and in later ones, if any time is ahead."""
    if rules.pane > FINE_MS:
        return
    oldest, last = min(arrived), max(arrived.values())
    ahead = any(
        t > head.progress.append_times.get(p, t) + AHEAD_MS for head in recent.values() for p, t in head.progress.event_times.items()
    )
    until = None if ahead else hour_of(last)
    for touched in store.hours(rules.job, hour_of(last - EARLIER_MS), until):
        if touched.position < oldest:
            continue
        for position, (pane, service, _, _), n in islice(store.deltas(rules.job, (touched.hour, touched.shard)), DELTAS):
            if position in arrived:
                yield service, Arrival(pane + rules.pane // 2, arrived[position], n)


class ArrivalProbe:
    """Which services look as if their lines were local time of another zone."""

    def __init__(self, store: CountStore, budget: TimeBudget) -> None:
        self._store, self._budget, self._known = store, budget, dict[str, tuple[int, Mapping[str, object]]]()

    def looked_at(self, job: str) -> int:
        """Return when the job was looked at last (ms), 0 for never."""
        return self._known.get(job, (0, {}))[0]

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        """Return the zones by service, and what to do about them; empty if all is well. Looked at once a minute, while the budget lasts."""
        if seen.head is None:
            return {}
        if seen.now - self.looked_at(spec.name) >= EVERY_MS and self._budget.left():
            self._known[spec.name] = seen.now, self._found(spec, seen.now)
        return self._known.get(spec.name, (0, {}))[1]

    def _found(self, spec: JobSpec, now: int) -> Mapping[str, object]:
        try:
            return evidence(self._store, Rules.of(spec), now)
        except Exception as error:  # noqa: BLE001 - a job that is down must be restarted, whatever its lines look like
            log.warning("%s: its times could not be compared with arrivals: %r", spec.name, error)
            return {}


def evidence(store: CountStore, rules: Rules, now: int) -> Mapping[str, object]:
    """Return the evidence of a report: `time_zones` by service, and `doubts`, sentences with the next step of each."""
    found, zones, doubts = by_service(newest(store, rules)), dict[str, str](), dict[str, str]()
    for service, shift in found.items():
        offset = offset_of(rules.zone_of(service), now)
        zones[service] = utc(offset + shift.quarters)
        doubts[in_words(service, shift, offset)] = cure(service)
    return {"time_zones": zones, "doubts": doubts} if zones else {}


def offset_of(zone: str, at_ms: int) -> int:
    """Return the offset of a zone from UTC at a time, in quarters of an hour."""
    offset = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()
    return round(offset.total_seconds() * 1000) // QUARTER_MS if offset else 0
