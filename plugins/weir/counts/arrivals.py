"""Compare the times of a job's newest lines with their arrival, service by service.

Samples of rejected lines say which are dated ahead, the hours that the newest batches wrote to say which are behind.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from spark_jobs.counts.cells import HOUR_MS, hour_of
from spark_jobs.protocol.head import Head, Position
from weir.counts.lines import Parse, reader
from weir.counts.local_time import AHEAD_MS, LATE_OF_HOURS_MS, LEAST, MOST, QUARTER_MS, Arrival, Shift, by_service, cure, in_words, shift
from weir.counts.progress import batches
from weir.counts.rules import Rules
from weir.jobs.spec import JobSpec
from weir.ports.counts import CountStore
from weir.supervise.judge.concern import Concern, as_evidence
from weir.supervise.judge.observation import Observation
from weir.supervise.time_budget import TimeBudget
from weir.times import EPOCH

KIND = "time_zone"
EVERY_MS = 60_000
KEPT_MS = 900_000  # after it was found last
BATCHES = 60  # the newest ones
FAR_MS = (MOST - LEAST + 4) * QUARTER_MS  # further ahead than any zone: a line is read then, whatever its zone
SAMPLES, DELTAS = 500, 20_000  # that are read at most
EARLIER_MS = 27 * HOUR_MS  # the westernmost zone is 26 hours behind the easternmost
FINE_MS = 60_000  # of wider panes the time of a line is not known well enough

log = logging.getLogger(__name__)


def newest(store: CountStore, rules: Rules) -> Iterator[tuple[str, Arrival]]:
    """Yield the newest lines that are dated ahead of their arrival, or in an earlier hour, by service. Raises UnknownJob."""
    recent = {(h.by, h.batch_id): h for h in islice(batches(store, rules.job), BATCHES) if h.landed_at and h.progress.append_times}
    if recent:
        yield from _rejected(store, rules, recent)
        yield from _counted(store, rules, {at: _arrived(head) for at, head in recent.items()}, recent)


def _arrived(head: Head) -> int:
    """Return when the newest line of a batch arrived (ms): before it was read, whatever a producer says."""
    newest = max(head.progress.append_times.values())
    return min(newest, head.began_at) if head.began_at else newest


def _rejected(store: CountStore, rules: Rules, recent: Mapping[Position, Head]) -> Iterator[tuple[str, Arrival]]:
    if not any(head.totals.rejected.get("future") for head in recent.values()):
        return
    read = reader(rules)
    for position, line in islice(store.rejected_lines(rules.job), SAMPLES):
        if position in recent and line.reason == "future" and line.append_ms:
            parsed = read(line.service.encode(), line.value, line.append_ms + FAR_MS)
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


def of_lines(lines: Iterable[bytes], parse: Parse, written_ms: int, offset: int = 0) -> Shift | None:
    """Return how far the newest of some lines are from when they were written; None if they are not, or if that cannot be said."""
    parsed = (parse(line, written_ms + FAR_MS) for line in lines)
    moments = [found[0] for found in parsed if not isinstance(found, str)]
    newest = max(moments, default=0)
    return shift((Arrival(moment, written_ms) for moment in moments if moment >= newest - LATE_OF_HOURS_MS), offset)


class ArrivalProbe:
    """Which services look as if their lines were local time of another zone."""

    concern = KIND

    def __init__(self, store: CountStore, budget: TimeBudget) -> None:
        self._store, self._budget = store, budget
        self._looked: dict[str, int] = {}
        self._known: dict[str, dict[str, _Known]] = {}  # by job and service

    def looked_at(self, job: str) -> int:
        """Return when the job was looked at last (ms), 0 for never."""
        return self._looked.get(job, 0)

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object] | None:
        """Return a concern for each such service; None while that is unknown. Looked at once a minute, while the budget lasts."""
        if seen.head is not None and seen.now - self.looked_at(spec.name) >= EVERY_MS and self._budget.left():
            self._looked[spec.name] = seen.now
            if (found := self._found(spec, seen.now)) is not None:
                self._keep(self._known.setdefault(spec.name, {}), found, seen.now)
        known = self._known.get(spec.name)
        # The lines of a service that sends few are not always among the newest.
        return None if known is None else as_evidence(one.concern for one in known.values() if seen.now - one.at <= KEPT_MS)

    def _keep(self, known: dict[str, _Known], found: Sequence[Concern], now: int) -> None:
        for one in found:
            since = known[one.key[0]].concern.since if one.key[0] in known else now
            known[one.key[0]] = _Known(now, replace(one, since=since))

    def _found(self, spec: JobSpec, now: int) -> Sequence[Concern] | None:
        try:
            return concerns(self._store, Rules.of(spec), now)
        except Exception as error:  # noqa: BLE001 - a job that is down must be restarted, whatever its lines look like
            log.warning("%s: its times could not be compared with arrivals: %r", spec.name, error)
            return None


@dataclass(frozen=True)
class _Known:
    at: int  # when it was found last, ms
    concern: Concern


def concerns(store: CountStore, rules: Rules, now: int) -> list[Concern]:
    """Return a concern for each service whose newest lines look like local time of another zone."""

    def offset(service: str) -> int:
        return offset_of(rules.zone_of(service), now)

    found = by_service(newest(store, rules), offset)
    said = {service: in_words(service, one, offset(service)) for service, one in found.items()}
    return [Concern(KIND, (service,), now, sentence, cure(service)) for service, sentence in said.items()]


def offset_of(zone: str, at_ms: int) -> int:
    """Return the offset of a zone from UTC at a time, in quarters of an hour."""
    offset = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()
    return round(offset.total_seconds() * 1000) // QUARTER_MS if offset else 0
