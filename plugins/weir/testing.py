"""In-memory stand-ins with a settable clock, for Weir's tests and for yours. tests/contract holds them to what the real parts do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from spark_jobs.counts.cells import Delta, RejectedLine, hour_of, shard_of
from spark_jobs.counts.deltas import HourTotals
from spark_jobs.protocol.head import Batch, Head, Position
from spark_jobs.runtime.standby import Orders
from weir.cassandra.sampling import spread
from weir.cluster.query_checkpoint import progress_of
from weir.errors import NotRunning, TopicMissing
from weir.ports.alerts import Booked, Mail, Noted
from weir.ports.attempts import AttemptRow
from weir.ports.checkpoints import Folder, QueryProgress
from weir.ports.cluster import DriverState, Room, Submission
from weir.ports.counts import Cell, DayShard, FoldNote, HourShard, Kind, Published, Rolled, Touched
from weir.ports.jobs import JobRow, VersionRow
from weir.ports.reports import JobSnapshot, Kept
from weir.ports.requests import Asked
from weir.ports.source import Record, Retention, TopicSnapshot
from weir.ports.standbys import StandbyRow
from weir.ports.timeline import Event, Pause


class MemoryStore:
    """Weir's tables as dictionaries. Deltas and their deletion keep write timestamps, as Cassandra does: the later write wins."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._ledger: dict[tuple[str, int, int], Head] = {}
        self._firsts: dict[str, dict[int, tuple[int, int]]] = {}
        self._deltas: dict[tuple[str, HourShard], dict[tuple[Cell, Position], tuple[int, int]]] = {}
        self._deleted: dict[tuple[str, HourShard], int] = {}
        self._totals: dict[tuple[str, HourShard], dict[Position, Mapping[str, int]]] = {}
        self._touched: dict[tuple[str, HourShard], tuple[int, Position]] = {}
        self._published: dict[tuple[str, HourShard], Published] = {}
        self._runs: dict[tuple[str, HourShard, str], tuple[str, dict[Cell, int]]] = {}
        self._run_hours: dict[tuple[str, HourShard, str], dict[Kind, int]] = {}
        self._rolled: dict[tuple[str, DayShard], Rolled] = {}
        self._rolls: dict[tuple[str, DayShard, str], tuple[str, dict[Kind, int]]] = {}
        self.rejected: dict[tuple[str, Position], list[RejectedLine]] = {}
        self._folds: dict[tuple[str, HourShard], FoldNote] = {}
        self._recounts: dict[str, list[Mapping[str, object]]] = {}
        self._proven: dict[str, tuple[int, str]] = {}
        self._jobs: dict[str, JobRow] = {}
        self._attempts: dict[str, dict[int, AttemptRow]] = {}
        self._versions: dict[str, dict[str, VersionRow]] = {}
        self._good: set[tuple[str, str]] = set()
        self._events: dict[str, dict[tuple[int, str], Event]] = {}
        self._pauses: dict[str, dict[str, Pause]] = {}
        self._reports: dict[str, str] = {}
        self._books: dict[str, Booked] = {}
        self._evaluations: dict[tuple[str, str], dict[tuple[int, int], Noted]] = {}
        self._mails: dict[str, dict[tuple[int, str], Mail]] = {}
        self._standbys: dict[str, dict[str, StandbyRow]] = {}
        self._asked: dict[tuple[str, str], Asked] = {}

    def close(self) -> None:
        """Nothing to let go of."""

    # what drivers use

    def head(self, job: str) -> Head | None:
        return self._heads.get(job)

    def swap(self, expected: Head, new: Head) -> bool:
        if self._heads.get(expected.job) != expected:
            return False
        self._heads[new.job] = new
        return True

    def put_ledger(self, head: Head) -> None:
        assert head.for_ledger
        self._ledger[head.job, head.by, head.batch_id] = head

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Batch | None:
        found = (h.batch for h in self._ledger.values() if (h.job, h.epoch, h.batch_id) == (job, epoch, batch_id))
        return next(found, None)

    def put_first(self, job: str, attempt: int, epoch: int, batch_id: int) -> None:
        self._firsts.setdefault(job, {})[attempt] = (epoch, batch_id)
        self._note(job, attempt, epoch=epoch, first_batch=batch_id)

    def put_deltas(self, head: Head, shards: int, deltas: Sequence[Delta]) -> None:
        for d in deltas:
            rows = self._deltas.setdefault((head.job, (hour_of(d.pane_start), shard_of(d.service, shards))), {})
            key = (d.pane_start, d.service, d.level, d.signature), (head.by, head.batch_id)
            if key not in rows or head.write_ts >= rows[key][1]:
                rows[key] = d.n, head.write_ts

    def put_hours(self, head: Head, hours: HourTotals) -> None:
        position = head.by, head.batch_id
        for at, levels in hours.items():
            self._totals.setdefault((head.job, at), {})[position] = dict(levels)
            self._touched[head.job, at] = max(self._touched.get((head.job, at), (0, position)), (head.write_ts, position))

    def put_rejected(self, head: Head, lines: Sequence[RejectedLine]) -> None:
        self.rejected[head.job, (head.by, head.batch_id)] = list(lines)

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        at = round(time.time() * 1000)
        self._note(job, attempt, incarnation=incarnation, exit_reason=reason, exit_error=error, exit_batch=batch_id, exited_at=at)

    def orders(self, job: str, standby: str) -> Orders | None:
        row = self._standbys.get(job, {}).get(standby)
        return Orders(row.arguments, bool(row.retired_at)) if row and row.version else None

    def put_ready(self, job: str, standby: str, incarnation: str, at: int) -> None:
        self._note_standby(job, standby, ready_at=at, incarnation=incarnation)

    # what fold, readers and the supervisor use

    def create_head(self, head: Head) -> bool:
        if head.job in self._heads:
            return False
        self._heads[head.job] = head
        return True

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        return dict(self._firsts.get(job, {}))

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        rows = [Touched(*at, position, ts // 1000) for (j, at), (ts, position) in sorted(self._touched.items()) if j == job]
        return [t for t in rows if (since is None or t.hour >= since) and (until is None or t.hour < until)]

    def published(self, job: str, at: HourShard) -> Published | None:
        return self._published.get((job, at))

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        if self._published.get((job, at)) != expected:
            return False
        self._published[job, at] = new
        return True

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        self._runs[job, at, run] = base, dict(cells)

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        return dict(self._runs.get((job, at, run), ("", {}))[1])

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        return {run: base for (j, a, run), (base, _) in self._runs.items() if (j, a) == (job, at)}

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        self._runs.pop((job, at, run), None)
        self._run_hours.pop((job, at, run), None)

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        self._run_hours[job, at, run] = dict(kinds)

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        return dict(self._run_hours.get((job, at, run), {}))

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        rows = sorted(((at, row) for (j, at), row in self._rolled.items() if j == job), key=lambda x: x[0])
        return {at: row for at, row in rows if (since is None or at[0] >= since) and (until is None or at[0] < until)}

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        if self._rolled.get((job, at)) != expected:
            return False
        self._rolled[job, at] = new
        return True

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        self._rolls[job, at, roll] = base, dict(kinds)

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        return dict(self._rolls.get((job, at, roll), ("", {}))[1])

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        found: dict[DayShard, dict[str, str]] = {}
        for (j, at, roll), (base, _) in self._rolls.items():
            if j == job:
                found.setdefault(at, {})[roll] = base
        return found

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        self._rolls.pop((job, at, roll), None)

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        alive = self._deleted.get((job, at), -1)
        rows = self._deltas.get((job, at), {})
        return [(position, cell, n) for (cell, position), (n, ts) in rows.items() if ts > alive]

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        self._deleted[job, at] = max(self._deleted.get((job, at), -1), write_ts)

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        return list(self._totals.get((job, at), {}).items())

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        rows = (h for h in self._ledger.values() if h.job == job and (before is None or (h.by, h.batch_id) < before))
        return iter(sorted(rows, key=lambda h: (h.by, h.batch_id), reverse=True))

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        return (h for h in reversed(list(self.ledger(job))) if (h.by, h.batch_id) > position)

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        rows = [h for h in reversed(list(self.ledger(job))) if h.has_batch and since * 1000 <= h.write_ts < until * 1000]
        return [rows[i] for i in spread(0, len(rows) - 1, most)]

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        return min((p for p, _ in self.hour_totals(job, at) if p > position), default=None)

    # what the manager keeps

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        found = sorted(((at, line) for (j, at), lines in self.rejected.items() if j == job for line in lines), key=lambda x: x[0])
        return reversed(found)

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        return {at: note for (j, at), note in self._folds.items() if j == job}

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        swept = self._folds[job, at].swept if (job, at) in self._folds else ""
        self._folds[job, at] = FoldNote(published.run, published.position, published.at, swept)

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        self._folds[job, at] = replace(self._folds[job, at], swept=run)

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        self._recounts.setdefault(job, []).insert(0, record)

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        return self._recounts.get(job, [])[:limit]

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        self._proven[job] = max(self._proven.get(job, (0, "")), (write_ts, record))

    def proven(self, job: str) -> str | None:
        return self._proven[job][1] if job in self._proven else None

    def job(self, job: str) -> JobRow | None:
        return self._jobs.get(job)

    def jobs(self) -> Sequence[JobRow]:
        return list(self._jobs.values())

    def desired(self, job: str) -> str:
        return self._jobs[job].desired if job in self._jobs else ""

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        if self._jobs.get(new.job) != expected:
            return False
        self._jobs[new.job] = new
        return True

    def versions(self, job: str) -> Sequence[VersionRow]:
        rows = [replace(row, good=(job, row.version) in self._good) for row in self._versions.get(job, {}).values()]
        return sorted(rows, key=lambda v: (v.deployed_at, v.version), reverse=True)

    def put_version(self, job: str, row: VersionRow) -> None:
        self._versions.setdefault(job, {})[row.version] = row

    def put_good(self, job: str, version: str) -> None:
        self._good.add((job, version))

    def pending(self) -> Sequence[str]:
        return ()

    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        rows = self._attempts.get(job, {})
        return [rows[a] for a in sorted(rows, reverse=True)[:limit]]

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        self._note(job, row.attempt, cause=row.cause, who=row.who, reason=row.reason, taken_at=row.taken_at, version=row.version)

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        self._note(job, attempt, submission_id=submission_id, submitted_at=at)

    def add_event(self, job: str, event: Event) -> None:
        self._events.setdefault(job, {})[-event.at, event.id] = event

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        rows = sorted(self._events.get(job, {}).items(), key=lambda x: x[0])
        return [event for at, event in rows if after is None or at > (-after[0], after[1])][:limit]

    def put_pause(self, job: str, pause: Pause) -> None:
        self._pauses.setdefault(job, {})[pause.kind] = pause

    def pauses(self, job: str) -> Sequence[Pause]:
        return [pause for _, pause in sorted(self._pauses.get(job, {}).items())]

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        rows = self._standbys.get(job, {})
        return [rows[one] for one in sorted(rows, reverse=True)[:10] if rows[one].version]

    def put_standby(self, job: str, row: StandbyRow) -> None:
        self._note_standby(job, row.id, version=row.version, submitted_at=row.submitted_at, submission_id=row.submission_id)

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        self._note_standby(job, standby_id, attempt=attempt, arguments=arguments)

    def retire(self, job: str, standby_id: str, at: int) -> None:
        self._note_standby(job, standby_id, retired_at=at)

    def _note_standby(self, job: str, standby: str, **values: Any) -> None:
        rows = self._standbys.setdefault(job, {})
        rows[standby] = replace(rows.get(standby, StandbyRow(standby, "", 0)), **values)

    # what alerts keep

    def book(self, job: str) -> Booked | None:
        return self._books.get(job)

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        if self._books.get(job) != expected:
            return False
        self._books[job] = new
        return True

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        for row in rows:
            kept = self._evaluations.setdefault((job, row.rule), {})
            at = row.start, row.end
            if at not in kept or row.revision >= kept[at].revision:
                kept[at] = row

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        rows = sorted(self._evaluations.get((job, rule), {}).items())
        return [row for _, row in rows if row.start < until and row.end > since]

    def put_mail(self, job: str, mail: Mail) -> None:
        self._mails.setdefault(job, {})[-mail.at, mail.id] = mail

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        return [mail for _, mail in sorted(self._mails.get(job, {}).items(), key=lambda x: x[0])][:limit]

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        return {job: self._books[job] for job in jobs if job in self._books}

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        return {job: self.mails(job, limit) for job in jobs}

    # what the REST service keeps

    def asked(self, who: str, key: str) -> Asked | None:
        return self._asked.get((who, key))

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        current = self._asked.get((who, key))
        if (current and current.claim) != (expected and expected.claim):
            return False
        self._asked[who, key] = new
        return True

    # what is told of jobs

    def report(self, job: str) -> str | None:
        return self._reports.get(job)

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        return {job: self._snapshot(job, history) for job in jobs}

    def _snapshot(self, job: str, history: int) -> JobSnapshot:
        rows = self.attempts(job, history)
        proven = self.proven(job)
        records = {} if proven is None else {"proven": proven}
        return JobSnapshot(self.job(job), self.head(job), rows, self.report(job), records, self.pauses(job), self.standbys(job))

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        for kept in reports:
            self._reports[kept.job] = kept.report
            if kept.event:
                self.add_event(kept.job, kept.event)

    def _note(self, job: str, attempt: int, **values: Any) -> None:
        rows = self._attempts.setdefault(job, {})
        rows[attempt] = replace(rows.get(attempt, AttemptRow(attempt)), **values)


class MemoryCluster:
    """Drivers as states. A test sets `states[id]`, `printed[id]`, `has` for what there is to run on, or `answers` to False for a master
    that does not answer."""

    def __init__(self) -> None:
        self.states: dict[str, DriverState] = {}
        self.submissions: dict[str, Submission] = {}
        self.killed: list[str] = []
        self.printed: dict[str, str] = {}
        self.has = Room(cores=8, memory=16_384)
        self.answers = True

    def submit(self, submission: Submission) -> str:
        if not self.answers:
            raise NotRunning("The cluster does not answer.")
        submission_id = f"driver-{len(self.submissions) + 1}"
        self.submissions[submission_id] = submission
        self.states[submission_id] = DriverState.RUNNING
        return submission_id

    def state(self, submission_id: str) -> DriverState:
        return self.states.get(submission_id, DriverState.LOST) if self.answers else DriverState.UNKNOWN

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        return {one: self.state(one) for one in submission_ids}

    def kill(self, submission_id: str) -> None:
        self.killed.append(submission_id)
        if not self.states[submission_id].ended:
            self.states[submission_id] = DriverState.KILLED

    def ending(self, submission_id: str) -> str:
        return self.printed.get(submission_id, "") if self.answers else ""

    def log_link(self, submission_id: str) -> str:
        return f"memory://{submission_id}" if submission_id in self.states else ""

    def room(self) -> Room | None:
        return self.has if self.answers else None

    @property
    def alive(self) -> list[str]:
        """The submissions that have not ended."""
        return [i for i, state in self.states.items() if not state.ended]


class MemoryBroker:
    """Topics as lists of records. `forget` is what retention does, `cut` what a broker restored from a copy does; `create` again gives
    another topic id. `kept` is the retention of a topic."""

    def __init__(self) -> None:
        self._records: dict[str, dict[int, list[Record]]] = {}
        self._earliest: dict[str, dict[int, int]] = {}
        self._made = 0
        self._ids: dict[str, str] = {}
        self.kept: dict[str, Retention] = {}
        self.asked_for_times = 0
        self.answers = True

    def create(self, topic: str, partitions: int) -> None:
        self._made += 1
        self._ids[topic] = f"topic-{self._made}"
        self._records[topic] = {p: [] for p in range(partitions)}
        self._earliest[topic] = dict.fromkeys(range(partitions), 0)

    def delete(self, topic: str) -> None:
        del self._ids[topic], self._records[topic], self._earliest[topic]

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions."""
        for p in range(len(self._records[topic]), partitions):
            self._records[topic][p], self._earliest[topic][p] = [], 0

    def cut(self, topic: str, partition: int, end: int) -> None:
        del self._records[topic][partition][end:]

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes | None, append_ms: int) -> None:
        records = self._records[topic][partition]
        records.append(Record(partition, len(records), key, value, append_ms))

    def fill(self, topic: str, partition: int, n: int) -> None:
        for _ in range(n):
            self.add(topic, partition, b"web", b"", 0)

    def forget(self, topic: str, partition: int, before: int) -> None:
        self._earliest[topic][partition] = before

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        return {p: len(records) for p, records in self._topic(topic).items()}

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        self._topic(topic)
        return dict(self._earliest[topic])

    def topic_id(self, topic: str) -> str:
        self._topic(topic)
        return self._ids[topic]

    def retention(self, topic: str) -> Retention:
        self._topic(topic)
        return self.kept.get(topic, Retention())

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        self.asked_for_times += 1
        first = {p: max(o, self._earliest[topic].get(p, 0)) for p, o in offsets.items()}
        return {p: records[first[p]].append_ms for p, records in self._topic(topic).items() if p in first and first[p] < len(records)}

    def topic_names(self) -> Collection[str]:
        if not self.answers:
            raise NotRunning("The broker does not answer.")
        return frozenset(self._ids)

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicSnapshot]:
        there = [t for t in topics if self.answers and t in self._ids]
        known = {t: TopicSnapshot(self.end_offsets(t), self.earliest_offsets(t), self.topic_id(t)) for t in there}
        return {t: known.get(t, TopicSnapshot(missing=self.answers)) for t in topics}

    def records(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        if start < self._earliest[topic][partition]:
            raise NotRunning(f"Offset {start} of {topic}/{partition} is gone.")
        return iter(self._topic(topic)[partition][start:end])

    def _topic(self, topic: str) -> dict[int, list[Record]]:
        if not self.answers:
            raise NotRunning("The broker does not answer.")
        if topic not in self._records:
            raise TopicMissing(f"There is no topic {topic}.")
        return self._records[topic]


class MemoryCheckpoints:
    """Folders as dictionaries from path to bytes; that of an epoch's attempts together has None for the attempt. `plan` and `commit` write
    what Spark writes, `written` is when a folder's newest commit was (ms); a test damages `files` as a disk would."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, int, int | None], dict[str, bytes]] = {}
        self.written: dict[tuple[str, int, int | None], int] = {}
        self.answers = True

    def start(self, job: str, epoch: int, attempt: int | None) -> dict[str, bytes]:
        """What Spark does with a folder before the first batch; the folder's files."""
        return self.files.setdefault((job, epoch, attempt), {"metadata": b'{"id":"7f"}'})

    def plan(self, job: str, epoch: int, attempt: int | None, batch_id: int, end: Mapping[int, int], topic: str = "logs") -> None:
        source = json.dumps({topic: {str(p): o for p, o in end.items()}})
        self.start(job, epoch, attempt)[f"offsets/{batch_id}"] = f'v1\n{{"batchWatermarkMs":0}}\n{source}'.encode()

    def commit(self, job: str, epoch: int, attempt: int | None, batch_id: int, at: int = 0) -> None:
        self.written[job, epoch, attempt] = at
        self.start(job, epoch, attempt)[f"commits/{batch_id}"] = b'v1\n{"nextBatchWatermarkMs":0}'

    def location(self, job: str, epoch: int, attempt: int | None = None) -> str:
        return f"memory://{job}/{epoch}/{'shared' if attempt is None else attempt}"

    def progress(self, location: str) -> Sequence[QueryProgress] | None:
        if not self.answers:
            return None
        key = next((key for key in self.files if self.location(*key) == location), None)
        return _queries(self.files[key], self.written.get(key, 0)) if key else []

    def attempts(self, job: str) -> Sequence[tuple[int, int]]:
        self._there()
        return sorted((epoch, attempt) for j, epoch, attempt in self.files if j == job and attempt is not None)

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        files = self.files.get((job, epoch, attempt), {})
        where, sizes = self.location(job, epoch, attempt), {path: len(data) for path, data in files.items()}
        if not self.answers:
            return Folder(epoch, attempt, where, {}, {}, {"": "it does not answer"})
        kept = {path: data for path, data in files.items() if _is_kept(path, files, newest)}
        return Folder(epoch, attempt, where, sizes, kept, writable=True if files else None)

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        self._there()
        self.files[job, epoch, attempt] = dict(contents)

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        self._there()
        for attempt in attempts:
            self.files.pop((job, epoch, attempt), None)

    def _there(self) -> None:
        if not self.answers:
            raise NotRunning("The checkpoints do not answer.")


def _queries(files: Mapping[str, bytes], written: int) -> list[QueryProgress]:
    """The progress of each query that has a folder among the files."""
    found: dict[str, dict[str, dict[int, bytes]]] = {}
    for path, data in files.items():
        if match := re.fullmatch(r"(?:(.+)/)?(offsets|commits)/(\d+)", path):
            found.setdefault(match[1] or "", {"offsets": {}, "commits": {}})[match[2]][int(match[3])] = data
    ids = {name: files.get(f"{name}/metadata".lstrip("/"), b"") for name in found}
    return [
        progress_of(name, q["offsets"], q["commits"], dict.fromkeys(q["commits"], written), metadata=ids[name])
        for name, q in sorted(found.items())
    ]


def _is_kept(path: str, files: Collection[str], newest: int | None) -> bool:
    """Is it one of the files that Spark starts from, of the `newest` batches?"""
    kind, _, name = path.rpartition("/")
    if kind not in ("offsets", "commits"):
        return path in ("metadata", "sources/0/0")
    numbers = sorted((int(n) for k, _, n in (p.rpartition("/") for p in files) if k == kind and n.isdecimal()), reverse=True)
    return name.isdecimal() and int(name) in numbers[:newest]


class Clock:
    """Time that passes only when told to. Call it for the seconds since the epoch; `sleep` passes them."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
