"""Is a job well? A pure function of what was observed, of what was said before, and of `now`. Nothing here acts, reads a clock or raises.

Progress is judged from outside the driver: what has landed against the broker's end offsets. A probe that failed is None or UNKNOWN, and
never counts as bad news.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from spark_jobs.protocol import Head, Offsets, landed
from weir.cluster.records import AttemptRow, DriverState, JobRow, Pause, Retention, StandbyRow
from weir.counts.proven import UNPROVEN, Proven
from weir.supervise.beginning import Spans, lost
from weir.supervise.pause import MAINTENANCE, in_force, in_words
from weir.supervise.spec import Health

MORE_PATIENCE = 8  # times at most: a driver that hangs is found out in the end
SUBMIT_GRACE_MS = 15_000  # between a takeover and the note of its submission; a standalone master takes well under a second for one
SPARK_SUBMIT_MS = 200_000  # the same where spark-submit starts drivers, which is given three minutes: each eye replaced the other's start
IDLE_AFTER_MS = 30_000
RETENTION_BOUND_MIN = 60.0  # below this, a person still has the time to do something about it
UNSEEN_MS = 45_000  # store or broker were away for longer than this: then so was what the stream could do
BEHIND_MS = (
    15_000  # at 20,000 lines/s the lag passed the bound and fell below it with every batch: two lines of the timeline in each second
)
FRESH_MS = 15_000  # a kept report is no older while its stream moves: written at every look it was one write a second for each job


class Verdict(StrEnum):
    STARTING = "starting"
    OK = "ok"
    IDLE = "idle"
    CATCHING_UP = "catching_up"
    SLOW = "slow"
    STALLED = "stalled"
    DOWN = "down"
    CRASH_LOOPING = "crash_looping"
    POISONED = "poisoned"
    DIVERGED = "diverged"
    DATA_LOSS = "data_loss"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"


# Weir has nothing to do about these. Slow is trouble all the same: a person must give it more.
CALM = {Verdict.STARTING, Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP, Verdict.SLOW, Verdict.UNKNOWN, Verdict.STOPPED}
TROUBLE = frozenset(
    {Verdict.SLOW, Verdict.DOWN, Verdict.STALLED, Verdict.CRASH_LOOPING, Verdict.POISONED, Verdict.DIVERGED, Verdict.DATA_LOSS}
)
UNKNOWN_MS = 300_000  # a part that is killed is back within a minute or two; what is not known for longer, nobody watches over
SETTLED = {Verdict.OK, Verdict.IDLE}
ENDED = {Verdict.CRASH_LOOPING: Verdict.DOWN}  # crash looping is down with nothing left to try


@dataclass(frozen=True)
class Observation:
    """What the probes said, at `now` (ms). None stands for a probe that failed, except for `wanted`: the job was never deployed."""

    now: int
    wanted: JobRow | None
    head: Head | None
    attempts: Sequence[AttemptRow] = ()  # newest first
    driver: DriverState = DriverState.UNKNOWN
    end_offsets: Offsets | None = None
    earliest_offsets: Offsets | None = None
    topic_id: str | None = None
    proven: Proven = UNPROVEN
    retention: Retention | None = None
    unread_since: Mapping[int, int] = field(default_factory=dict)  # when the first unread record was appended (ms), by partition
    pauses: Sequence[Pause] = ()  # the last word of each kind, ended or not
    standbys: Sequence[StandbyRow] = ()  # newest first
    standby_states: Mapping[str, DriverState] = field(default_factory=dict)  # by submission id
    submit_grace_ms: int = SUBMIT_GRACE_MS

    @property
    def paused(self) -> Sequence[Pause]:
        """What is in force of a person's word that Weir leaves the job alone."""
        return in_force(self.pauses, self.now)

    @property
    def lag(self) -> int | None:
        """Lines that the broker has and that have not landed."""
        if self.head is None or self.end_offsets is None:
            return None
        return sum(max(0, end - self.head.frontier.get(p, 0)) for p, end in self.end_offsets.items())

    @property
    def attempt(self) -> AttemptRow | None:
        """The row of the attempt that may write now."""
        return next((a for a in self.attempts if self.head is not None and a.attempt == self.head.attempt), None)

    @property
    def landed_attempt(self) -> int:
        """The newest attempt that landed a batch, 0 for none."""
        if self.head is None:
            return 0
        firsts = {a.attempt: (a.epoch, a.first_batch) for a in self.attempts if a.first_batch >= 0}
        newest = landed(self.head, firsts).newest
        return newest[0] if newest else 0

    @property
    def lost(self) -> Spans:
        """Spans [from, to) that cannot be read any more, by partition; `to` before `from` where the log was cut behind what has landed."""
        if self.head is None or self.earliest_offsets is None or self.end_offsets is None or self.another_topic:
            return {}
        return lost(self.head.frontier, self.earliest_offsets, self.end_offsets)

    @property
    def another_topic(self) -> bool:
        """Is the topic not the one that the head counts, but one of the same name?"""
        return bool(self.head and self.topic_id and self.head.topic_id and self.topic_id != self.head.topic_id)

    @property
    def retention_minutes(self) -> Mapping[int, float]:
        """How long the first unread record is kept at the least, by partition, in minutes: Kafka may keep it longer, never shorter."""
        if self.retention is None or self.retention.ms is None:
            return {}
        return {p: round((at + self.retention.ms - self.now) / 60_000, 1) for p, at in sorted(self.unread_since.items())}


@dataclass(frozen=True)
class Report:
    """A verdict in words, made at `at`, since when, with its evidence. `lag_since` is when input first waited without anything landing
    after, `lag_seen` when it was last seen to wait, and `behind_since` when more began to wait than a stream that is well leaves; since
    then it was no fewer than `closest` lines behind, first at `closest_at`. `settled` is the newest attempt that had nothing left to catch
    up with. `covers` is the verdict that a maintenance window covers. `act` is what is to be done about the driver, and `standby_act` about
    standbys."""

    job: str
    verdict: Verdict
    attempt: int
    since: int
    sentence: str
    next_step: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    lag_since: int = 0
    frontier: Offsets = field(default_factory=dict)
    act: str = "none"
    plan: str = ""
    not_before: int = 0
    lag_seen: int = 0
    at: int = 0
    settled: int = 0
    standby_act: str = "none"
    behind_since: int = 0
    covers: str = ""
    closest: int = 0
    closest_at: int = 0

    @property
    def found(self) -> Verdict:
        """The verdict with no regard to a maintenance window: what a person may have done depends on it."""
        return Verdict(self.covers or self.verdict)

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "verdict": str(self.verdict)}

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Report:
        values = json.loads(text)
        values["verdict"] = Verdict(values["verdict"])
        values["frontier"] = {int(p): o for p, o in values["frontier"].items()}
        return cls(**values)


def report_of(text: str | None) -> Report | None:
    """A kept report; None if there is none, or another version of Weir wrote it in a form of its own."""
    try:
        return Report.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def submit_grace_ms(cluster: str) -> int:
    """How long whoever starts a driver on this kind of cluster may need from taking over to noting its submission."""
    return SUBMIT_GRACE_MS if cluster == "standalone" else SPARK_SUBMIT_MS


def judge(job: str, seen: Observation, health: Health, before: Report | None) -> Report:
    """The verdict on a job. `before` is the last report on it; a verdict keeps its `since` while it stays the same."""
    lag_since, behind_since = _lag_since(seen, before), _behind_since(seen, health, before)
    attempt = seen.head.attempt if seen.head else 0
    behind = behind_since > 0 and (seen.now - behind_since >= BEHIND_MS or before is None or before.settled != attempt)
    closest, closest_at = _closest(seen, attempt, behind_since, before)
    slow = closest_at > 0 and seen.now - closest_at > 1000 * health.slow_after
    pace = Verdict.OK if not behind else Verdict.SLOW if slow else Verdict.CATCHING_UP
    found, sentence, next_step = _rule(job, seen, health, lag_since, pace)
    verdict, next_step = _in_maintenance(job, seen, found, next_step)
    sentence += _running_out(seen) + "".join(f"; {in_words(pause)}" for pause in seen.paused)
    same = before is not None and (ENDED.get(before.verdict, before.verdict), before.attempt) == (verdict, attempt)
    since = min(before.since, seen.now) if same and before else seen.now  # a clock that steps back must put off no restart
    frontier = dict(seen.head.frontier) if seen.head else {}
    lag_seen = (before.lag_seen if before else 0) if seen.lag is None else seen.now if seen.lag else 0
    settled = attempt if verdict in SETTLED else before.settled if before else 0
    evidence = _evidence(seen, before)
    report = Report(job, verdict, attempt, since, sentence, next_step, evidence, lag_since, frontier)
    covers = "" if verdict is found else str(found)
    report = replace(report, lag_seen=lag_seen, at=seen.now, settled=settled, behind_since=behind_since, covers=covers)
    return replace(report, closest=closest, closest_at=closest_at)


def is_news(report: Report, kept: Report | None) -> bool:
    """Is a report worth keeping in place of the one that was kept?

    A new verdict is at once, and so is how far unread lines reach: of a topic that is deleted, nobody else will tell what was lost. All
    else is when the kept report is no longer fresh. An older `frontier` is safe to judge by: it can only make a stream look as if
    something had just landed, never as if nothing had. An older `lag_seen` is no outage, for it is far younger than UNSEEN_MS.
    """
    if kept is None or _gist(report) != _gist(kept):
        return True
    if report.evidence.get("lag") and report.evidence.get("end_offsets") != kept.evidence.get("end_offsets"):
        return True
    return report.at - kept.at >= FRESH_MS and replace(report, at=kept.at) != kept


def _gist(report: Report) -> tuple[object, ...]:
    told = report.act, report.plan, report.not_before, report.evidence.get("paused")
    return report.verdict, report.covers, report.attempt, report.since, *told


def _rule(job: str, seen: Observation, health: Health, lag_since: int, pace: Verdict) -> tuple[Verdict, str, str]:
    """The first rule that fits, with its sentence and the next step."""
    if seen.wanted is None or seen.wanted.desired == "stopped":
        why = f"stopped by {seen.wanted.changed_by}: {seen.wanted.reason}" if seen.wanted else "never deployed"
        return Verdict.STOPPED, f"{job} is {why}", f"weir deploy {job}"
    if seen.head is None:
        return Verdict.UNKNOWN, f"{job}: the store did not answer, so nothing is known of the head", "weir status"
    if seen.another_topic:
        return Verdict.DATA_LOSS, f"{job}: the topic was deleted and made again under the same name", _accept(job)
    if seen.lost:
        return Verdict.DATA_LOSS, f"{job}: {'; '.join(lost_in_words(seen.lost))}", _accept(job)
    return _of_driver(job, seen, health, lag_since, pace)


def _in_maintenance(job: str, seen: Observation, found: Verdict, next_step: str) -> tuple[Verdict, str]:
    """In a maintenance window all but stopped is maintenance: what else there is to say stays in the sentence and in the next step."""
    if found is Verdict.STOPPED or all(pause.kind != MAINTENANCE for pause in seen.paused):
        return found, next_step
    end = f"weir maintenance {job} --end, or wait for its end"
    return Verdict.MAINTENANCE, f"{next_step}; or {end}" if found in TROUBLE else end


def _accept(job: str) -> str:
    return f'weir restart {job} --accept-loss --reason "..."; see docs/runbook.md#data_loss'


def lost_in_words(spans: Spans) -> list[str]:
    """In words: what the broker no longer has, and where a log was cut."""
    gone = [f"partition {p} offsets {a} to {b - 1}" for p, (a, b) in sorted(spans.items()) if b > a]
    cut = [f"partition {p} ends at {b}, and has landed up to {a}" for p, (a, b) in sorted(spans.items()) if b < a]
    told = [f"the broker no longer has lines that were not counted: {', '.join(gone)}"] if gone else []
    return told + ([f"the log was cut behind what was counted: {', '.join(cut)}"] if cut else [])


def _running_out(seen: Observation) -> str:
    """A warning while there is still time: retention is about to reach lines that were not counted."""
    soon = {p: minutes for p, minutes in seen.retention_minutes.items() if minutes < RETENTION_BOUND_MIN}
    if not soon or seen.lost:
        return ""
    return "; retention reaches lines that are not counted: " + ", ".join(f"partition {p} in {max(0, m):.0f} min" for p, m in soon.items())


def _of_driver(job: str, seen: Observation, health: Health, lag_since: int, pace: Verdict) -> tuple[Verdict, str, str]:
    assert seen.head is not None
    row, attempt = seen.attempt, seen.head.attempt
    if row and row.exit_reason == "diverged":
        text = f"{job}: checkpoint and ledger disagree: {row.exit_error}"
        return Verdict.DIVERGED, text, f"weir checkpoint {job} --doctor, then weir checkpoint {job} --rebuild"
    if attempt == 0 or row is None or not (row.submission_id or row.exit_reason):
        asked = max(row.taken_at if row else 0, seen.wanted.changed_at if seen.wanted else 0)
        if seen.now - asked <= seen.submit_grace_ms:  # whoever deploys it is at it: a second starter would only replace the first
            return Verdict.STARTING, f"{job}: attempt {attempt} is being submitted", ""
        return Verdict.DOWN, f"{job}: attempt {attempt} was never submitted", f"weir restart {job}"
    if seen.driver.ended or (row.exit_reason and row.exit_reason != "stopped"):
        return _ended(job, seen, row)
    return _alive(job, seen, row, health, lag_since, pace)


def _ended(job: str, seen: Observation, row: AttemptRow) -> tuple[Verdict, str, str]:
    earlier = next((a for a in seen.attempts if a.attempt < row.attempt and a.used), None)  # numbers may be left out
    if earlier and row.exit_reason == "failed" and row.exit_batch >= 0 and fingerprint(earlier) == fingerprint(row):
        text = f"{job}: batch {row.exit_batch} failed twice with the same error: {_first_line(row.exit_error)}"
        mend = f"weir logs {job}; mend the cause, then weir restart {job}"
        return Verdict.POISONED, text, f'{mend}; or leave the batch out: weir quarantine {job} --reason "..."'
    why = _first_line(row.exit_error) if row.exit_error else f"it was killed or lost (the cluster says {seen.driver})"
    return Verdict.DOWN, f"{job}: the driver of attempt {row.attempt} has ended: {why}", f"weir restart {job}"


def _alive(job: str, seen: Observation, row: AttemptRow, health: Health, lag_since: int, pace: Verdict) -> tuple[Verdict, str, str]:
    head, lag = seen.head, seen.lag
    assert head is not None
    waited = (seen.now - max(lag_since, row.submitted_at)) / 1000 if lag_since else 0.0
    running_s, more = (seen.now - row.submitted_at) / 1000, _patience(seen)
    if not head.incarnation:
        if running_s <= more * health.ready_within:
            return Verdict.STARTING, f"{job}: attempt {row.attempt} was submitted {running_s:.0f} s ago", ""
        if seen.driver is not DriverState.UNKNOWN:
            return Verdict.STALLED, f"{job}: attempt {row.attempt} did not start in {running_s:.0f} s", f"weir logs {job}"
    if lag is None:
        return Verdict.UNKNOWN, f"{job}: the broker did not answer, so its lag is not known", "weir status"
    if lag == 0:
        quiet = seen.now - head.landed_at > IDLE_AFTER_MS
        return (Verdict.IDLE, f"{job}: everything is counted, no new input", "") if quiet else (Verdict.OK, f"{job}: counting", "")
    # A claim is not enough: a driver whose start took long would be called stalled the moment it claims its first batch.
    if seen.landed_attempt != head.attempt and running_s <= more * health.ready_within:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has started and has not landed a batch yet", ""
    if waited > more * health.stalled_after:
        text = f"{job}: {lag} lines wait and nothing has landed for {waited:.0f} s (the cluster says {seen.driver})"
        if seen.driver is DriverState.UNKNOWN:
            return Verdict.UNKNOWN, text, "weir status"
        return Verdict.STALLED, text, f"weir logs {job}"
    if pace is Verdict.SLOW:
        text = f"{job}: it lands, {lag} lines behind, and has come no closer for {health.slow_after / 60:.0f} min"
        return Verdict.SLOW, text, "give it more cores or partitions: see docs/runbook.md#slow"
    if pace is Verdict.CATCHING_UP:
        return Verdict.CATCHING_UP, f"{job}: catching up, {lag} lines behind", ""
    return Verdict.OK, f"{job}: counting, {lag} lines behind", ""


def _patience(seen: Observation) -> int:
    """How many times as long as the spec says an attempt is given: twice as long after each one before it that landed nothing.

    On a machine that was busy with other work, start and first batch took 128 s: no driver was given long enough to land.
    """
    fruitless = sum(1 for a in seen.attempts if a.submission_id and seen.head and seen.landed_attempt < a.attempt < seen.head.attempt)
    return min(MORE_PATIENCE, 1 << fruitless)


def _lag_since(seen: Observation, before: Report | None) -> int:
    """When input began to wait: 0 while there is none, and begun anew whenever something lands, or when an outage has ended.

    Cassandra was away for 59 s, and came back to a driver that was called stalled and replaced in the middle of its batch.
    """
    if seen.lag is None:
        return before.lag_since if before else 0
    if seen.lag == 0 or seen.head is None:
        return 0
    if before is None or not before.lag_since or dict(before.frontier) != dict(seen.head.frontier):
        return seen.now
    return seen.now if seen.now - before.lag_seen > UNSEEN_MS else before.lag_since


def _behind_since(seen: Observation, health: Health, before: Report | None) -> int:
    """When the lag passed `catching_up_lag` (ms), 0 while it is below. One that fell below in between has begun anew."""
    earlier = before.behind_since if before else 0
    if seen.lag is None:
        return earlier
    return (earlier or seen.now) if seen.lag > health.catching_up_lag else 0


def _closest(seen: Observation, attempt: int, behind_since: int, before: Report | None) -> tuple[int, int]:
    """The fewest lines that the attempt was behind since it is behind, and when that was (ms); begun anew when an outage has ended."""
    if seen.lag is None:
        return (before.closest, before.closest_at) if before else (0, 0)
    if not behind_since:
        return 0, 0
    if before is None or not before.closest_at or before.attempt != attempt or seen.now - before.at > UNSEEN_MS:
        return seen.lag, seen.now
    return (seen.lag, seen.now) if seen.lag < before.closest else (before.closest, before.closest_at)


def fingerprint(row: AttemptRow) -> tuple[int, str]:
    """What tells one failure from another: the batch, and the error without what differs each time."""
    digits = "".join("0" if c.isdigit() else c for c in _first_line(row.exit_error))
    return row.exit_batch, digits


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""


def _evidence(seen: Observation, before: Report | None) -> Mapping[str, object]:
    head, row = seen.head, seen.attempt
    facts: dict[str, object] = {"driver": str(seen.driver), "lag": seen.lag}
    if head:
        facts |= {"epoch": head.epoch, "attempt": head.attempt, "batch_id": head.batch_id, "state": str(head.state)}
        facts |= {"landed_at": head.landed_at, "offsets": {str(p): o for p, o in head.frontier.items()}}
    facts["proven"] = seen.proven.as_evidence()
    if seen.paused:
        facts["paused"] = "; ".join(in_words(pause) for pause in seen.paused)
    if ends := _known_ends(seen, before):
        facts["end_offsets"] = ends
    if row:
        facts |= {"submission_id": row.submission_id, "exit_reason": row.exit_reason, "exit_error": _first_line(row.exit_error)}
    if seen.lost:
        facts["lost"] = {str(p): list(span) for p, span in seen.lost.items()}
    if seen.retention_minutes:
        facts["retention_minutes"] = {str(p): minutes for p, minutes in seen.retention_minutes.items()}
    return facts


def _known_ends(seen: Observation, before: Report | None) -> object:
    """How far the topic that the head counts was last known to reach: of one that was deleted since, nobody else will tell."""
    if seen.end_offsets is not None and seen.topic_id is not None and not seen.another_topic:
        return {str(p): o for p, o in seen.end_offsets.items()}
    return before.evidence.get("end_offsets") if before else None
