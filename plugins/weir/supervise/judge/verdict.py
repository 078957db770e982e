"""Is a job well? A pure function of what was observed, of what was said before, and of `now`. Nothing here acts, reads a clock or raises.

Progress is judged from outside the driver: what has landed against the broker's end offsets. A probe that failed is None or UNKNOWN, and
never counts as bad news.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import NO_NAMES, Offsets, is_folder, labelled
from spark_jobs.runtime.contract import PROVEN, TRYING
from weir.jobs.spec import Health
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge import landed_verdict, open_transactions, room, unfenced_verdict
from weir.supervise.judge.attempts import after_the_end, failed_twice, first_line, fix_and_deploy, patience, stopped_with_stack
from weir.supervise.judge.epoch_start import Spans
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.open_transactions import hangs, held
from weir.supervise.judge.pace import UNSEEN_MS, behind_since, closest, lag_since, pace, silent_since, waits_since
from weir.supervise.judge.pause import MAINTENANCE, in_words
from weir.supervise.judge.queries import Queries, reads_kafka
from weir.supervise.judge.report import ENDED, SETTLED, TROUBLE, Report, Verdict

IDLE_AFTER_MS = 30_000
MADE_AGAIN = "the topic was deleted and created again under the same name"
RETENTION_BOUND_MIN = 60.0  # warn below this: an operator still has time to act


def judge(job: str, seen: Observation, health: Health, before: Report | None) -> Report:
    """Return the verdict on a job. `before` is the last report on it; a verdict keeps its `since` while it stays the same."""
    waits, behind, attempt = lag_since(seen, before), behind_since(seen, health, before), seen.head.attempt if seen.head else 0
    fewest, fewest_at = closest(seen, attempt, behind, before)
    found, sentence, next_step = _rule(job, seen, health, waits, pace(seen, health, attempt, behind, fewest_at, before), before)
    silent = silent_since(seen, attempt, before)
    if (
        found is Verdict.IDLE and silent and seen.now - silent > UNSEEN_MS
    ):  # a landing shows that a driver lives; without input only the cluster can
        found, sentence, next_step = Verdict.UNKNOWN, f"{sentence}, and the cluster no longer reports the driver", "weir status"
    waiting = held(seen, before)
    if hangs(waiting, seen.now) and found in SETTLED:  # no driver can read on, and no restart helps
        found, next_step = Verdict.SLOW, open_transactions.NEXT_STEP
    verdict, next_step = _in_maintenance(job, seen, found, next_step)
    sentence += (
        open_transactions.in_words(waiting, seen.now)
        + _running_out(seen)
        + (f"; the cluster refused to give its driver's state: {seen.refusal}" if seen.refusal else "")
        + "".join(f"; {in_words(pause)}" for pause in seen.paused)
    )
    same = before is not None and (ENDED.get(before.verdict, before.verdict), before.attempt) == (verdict, attempt)
    since = min(before.since, seen.now) if same and before else seen.now  # a clock that steps back must put off no restart
    frontier = dict(seen.frontier)
    lag_seen = (before.lag_seen if before else 0) if seen.lag is None else seen.now if seen.lag else 0
    settled = attempt if verdict in SETTLED else before.settled if before else 0
    held_back = {"open_transactions": {label: one.as_dict() for label, one in waiting.items()}} if waiting else {}
    evidence = {**_evidence(seen, before), **held_back}
    report = Report(job, verdict, attempt, since, sentence, next_step, evidence, waits, frontier)
    covers = "" if verdict is found else str(found)
    report = replace(report, lag_seen=lag_seen, at=seen.now, settled=settled, behind_since=behind, covers=covers)
    return replace(report, closest=fewest, closest_at=fewest_at, silent_since=silent)


def _rule(job: str, seen: Observation, health: Health, waits: int, speed: Verdict, before: Report | None) -> tuple[Verdict, str, str]:
    """Return the verdict of the first rule that applies, with its sentence and the next step."""
    if seen.wanted is None or seen.wanted.desired == "stopped":
        if not seen.fenced and (there := unfenced_verdict.of_stopped(job, seen)):
            return there
        why = f"was stopped by {seen.wanted.changed_by}: {seen.wanted.reason}" if seen.wanted else "has not been deployed yet"
        return Verdict.STOPPED, f"{job} {why}", f"weir deploy {job}"
    if seen.head is None:
        return Verdict.UNKNOWN, f"{job}: the store did not answer, so the head is unknown", "weir status"
    if not seen.fenced:
        return unfenced_verdict.of_driver(job, seen, health, waits_since(seen, before), speed)
    if seen.another_topic:
        return Verdict.DATA_LOSS, f"{job}: {MADE_AGAIN}", _accept(job)
    if seen.gone or seen.lost:
        what = gone_in_words(seen.gone, seen.head.names, seen.topics or NO_NAMES) + lost_in_words(seen.lost, seen.names)
        return Verdict.DATA_LOSS, f"{job}: {'; '.join(what)}", _accept(job)
    return _of_driver(job, seen, health, waits, speed)


def _in_maintenance(job: str, seen: Observation, found: Verdict, next_step: str) -> tuple[Verdict, str]:
    """Turn every verdict but stopped into maintenance during a window. The sentence and the next step keep what was found."""
    if found is Verdict.STOPPED or all(pause.kind != MAINTENANCE for pause in seen.paused):
        return found, next_step
    end = f"weir maintenance {job} --end, or wait for its end"
    return Verdict.MAINTENANCE, f"{next_step}; or {end}" if found in TROUBLE else end


def _accept(job: str) -> str:
    return f'weir restart {job} --accept-loss --reason "..."; see docs/runbook.md#data_loss'


def gone_in_words(gone: Collection[str], before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Name the deleted topics. `before` are the names by id of the counted topics, `now` of those that exist."""
    names = sorted(before.get(source) or source for source in gone)
    created_again = dict.fromkeys(now.values(), " and created again under the same name")
    return [f"the topic {name} was deleted{created_again.get(name, '')}" for name in names]


def lost_in_words(spans: Spans, names: Mapping[str, str] = NO_NAMES) -> list[str]:
    """Say which uncounted offsets the broker no longer has, and where a log was truncated. `names` are topic names by id."""
    gone = [f"partition {p} offsets {a} to {b - 1}" for p, (a, b) in labelled(spans, names).items() if b > a]
    cut = [f"partition {p} ends at {b}, and has landed up to {a}" for p, (a, b) in labelled(spans, names).items() if b < a]
    lines = [f"the broker no longer has lines that were not counted: {', '.join(gone)}"] if gone else []
    return lines + ([f"the log was truncated before counted offsets: {', '.join(cut)}"] if cut else [])


def _running_out(seen: Observation) -> str:
    """Return a warning if retention is about to delete uncounted lines; else an empty string."""
    soon = {p: minutes for p, minutes in labelled(seen.retention_minutes, seen.names).items() if minutes < RETENTION_BOUND_MIN}
    if not soon or seen.lost:
        return ""
    return "; retention deletes uncounted lines: " + ", ".join(f"partition {p} in {max(0, m):.0f} min" for p, m in soon.items())


def _of_driver(job: str, seen: Observation, health: Health, waits: int, speed: Verdict) -> tuple[Verdict, str, str]:
    assert seen.head is not None
    row, attempt = seen.attempt, seen.head.attempt
    if row and row.exit_reason == "diverged" and not seen.head.continues_by_plan:  # else the next takeover restores it
        text = f"{job}: checkpoint and ledger disagree: {row.exit_error}"
        return Verdict.DIVERGED, text, f"weir checkpoint {job} --doctor, then weir checkpoint {job} --rebuild"
    if row and (stop := landed_verdict.of_stop(seen.head, row)):
        return stop
    if attempt == 0 or row is None or not (row.submission_id or row.exit_reason):
        asked = max(row.taken_at if row else 0, seen.wanted.changed_at if seen.wanted else 0)
        if seen.now - asked <= seen.submit_grace_ms:  # a deploy is at work: a second start would only replace the first
            return Verdict.STARTING, f"{job}: attempt {attempt} is being submitted", ""
        return Verdict.DOWN, f"{job}: attempt {attempt} was never submitted", f"weir restart {job}"
    if seen.stopped_with_stack:
        return stopped_with_stack(job, row)
    if seen.driver.ended or (row.exit_reason and row.exit_reason != "stopped"):
        return _ended(job, seen, row)
    return _alive(job, seen, row, health, waits, speed)


def _ended(job: str, seen: Observation, row: AttemptRow) -> tuple[Verdict, str, str]:
    if failed_twice(seen, row):
        text = f"{job}: batch {row.exit_batch} failed twice with the same error: {first_line(row.exit_error)}"
        return Verdict.POISONED, text, f'{fix_and_deploy(job)}; or leave the batch out: weir quarantine {job} --reason "..."'
    why = first_line(row.exit_error) if row.exit_error else f"it was killed or lost (the cluster says {seen.driver})"
    return Verdict.DOWN, f"{job}: the driver of attempt {row.attempt} has ended: {why}", after_the_end(job, row)


def _alive(job: str, seen: Observation, row: AttemptRow, health: Health, waits: int, speed: Verdict) -> tuple[Verdict, str, str]:
    head, lag = seen.head, seen.lag
    assert head is not None
    waited = (seen.now - max(waits, row.submitted_at)) / 1000 if waits else 0.0
    running_s, more = (seen.now - row.submitted_at) / 1000, patience(seen)
    if seen.lacks_resources:
        return room.waiting(job, seen, row, running_s <= more * health.ready_within)
    if not head.incarnation:
        if running_s <= more * health.ready_within:
            return Verdict.STARTING, f"{job}: attempt {row.attempt} was submitted {running_s:.0f} s ago", ""
        text = f"{job}: attempt {row.attempt} did not start in {running_s:.0f} s"
        if seen.driver is DriverState.UNKNOWN:
            return Verdict.UNKNOWN, f"{text}, and the cluster does not answer", "weir status"
        return Verdict.STALLED, text, f"weir logs driver:{job}"
    if lag is None:
        return Verdict.UNKNOWN, f"{job}: {seen.blind}, so its lag is unknown", "weir status"
    if lag == 0:
        return _without_input(job, seen, row, running_s, running_s <= more * health.ready_within)
    # A claim is not enough: a driver whose start took long would be called stalled the moment it claims its first batch.
    if seen.landed_attempt != head.attempt and running_s <= more * health.ready_within:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has started and has not landed a batch yet", ""
    if waited > more * health.stalled_after:
        text = f"{job}: {_amount(seen, lag)} wait and nothing has landed for {waited:.0f} s (the cluster says {seen.driver})"
        if seen.driver is DriverState.UNKNOWN:
            return Verdict.UNKNOWN, text, "weir status"
        return Verdict.STALLED, text, f"weir logs driver:{job}"
    if not seen.proven:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has run for {running_s:.0f} s and has not landed a batch yet", ""
    if speed is Verdict.SLOW:
        text = f"{job}: batches land, but it is {_amount(seen, lag)} behind and has not come closer for {health.slow_after / 60:.0f} min"
        return Verdict.SLOW, text, "give it more cores or partitions: see docs/runbook.md#slow"
    if speed is Verdict.CATCHING_UP:
        return Verdict.CATCHING_UP, f"{job}: catching up, {_amount(seen, lag)} behind", ""
    return Verdict.OK, f"{job}: {_doing(head)}, {_amount(seen, lag)} behind", ""


def _amount(seen: Observation, lag: int) -> str:
    """Return a lag with its unit. A folder's is in files."""
    folders = {is_folder(p.source) for p in seen.begins}
    return f"{lag} {'lines' if True not in folders else 'files' if False not in folders else 'lines and files'}"


def _doing(head: Head) -> str:
    return "landing" if head.plan else "counting"


def _without_input(job: str, seen: Observation, row: AttemptRow, running_s: float, early: bool) -> tuple[Verdict, str, str]:
    """Return the verdict if no input waits. That nothing waits says nothing about a driver that has read nothing."""
    assert seen.head is not None
    if seen.landed_ever:
        quiet = seen.now - seen.head.landed_at > IDLE_AFTER_MS
        done = "has landed" if seen.head.plan else "is counted"
        what = f"everything that can be read {done}" if seen.log_ends else f"everything {done}, no new input"
        return (Verdict.IDLE, f"{job}: {what}", "") if quiet else (Verdict.OK, f"{job}: {_doing(seen.head)}", "")
    if row.proof == PROVEN:
        reached = "has rehearsed without input: it reached its source, its store and its sink"
        return Verdict.IDLE, f"{job}: no new input; attempt {row.attempt} {reached}", ""
    if early:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has started; there is no input, and {first_line(row.proof or TRYING)}", ""
    if not row.proof:  # the driver is of an earlier release, which rehearses nothing
        return Verdict.IDLE, f"{job}: no new input; attempt {row.attempt} has read nothing yet, so it is unknown whether it works", ""
    text = f"{job}: attempt {row.attempt} has run for {running_s:.0f} s; there is no input, and {first_line(row.proof)}"
    if seen.driver is DriverState.UNKNOWN:
        return Verdict.UNKNOWN, f"{text}, and the cluster does not answer", "weir status"
    return Verdict.STALLED, text, f"weir logs driver:{job}"


def _evidence(seen: Observation, before: Report | None) -> Mapping[str, object]:
    head, row = seen.head, seen.attempt
    facts: dict[str, object] = {"driver": str(seen.driver), "lag": seen.lag}
    facts |= {"refusal": seen.refusal} if seen.refusal else {}
    if head:
        facts |= {"epoch": head.epoch, "attempt": head.attempt, "batch_id": head.batch_id, "state": str(head.state)}
        offsets = labelled(seen.begins, seen.names) if seen.fenced else dict(seen.frontier)
        facts |= {"landed_at": seen.landed_at, "offsets": offsets}
    if seen.queries is not None:
        facts |= _of_queries(seen, seen.queries, before)
    if seen.paused:
        facts["paused"] = "; ".join(in_words(pause) for pause in seen.paused)
    if ends := _known_ends(seen, before):
        facts["end_offsets"] = ends
    if row:
        facts |= {"submission_id": row.submission_id, "exit_reason": row.exit_reason, "exit_error": first_line(row.exit_error)}
        facts |= {"stopped_with_stack": True} if seen.stopped_with_stack else {}
        facts |= {"waits_for": room.lack(seen)} if seen.lacks_resources else {}
        facts |= {"proof": first_line(row.proof)} if row.proof and not seen.queries else {}
    if seen.lost:
        facts["lost"] = {p: list(span) for p, span in labelled(seen.lost, seen.names).items()}
    if seen.retention_minutes:
        facts["retention_minutes"] = labelled(seen.retention_minutes, seen.names)
    return facts


def _of_queries(seen: Observation, queries: Queries, before: Report | None) -> Mapping[str, object]:
    """Return the evidence of each query by its folder. The batch of the job is that of the query which committed last."""
    waits = waits_since(seen, before)
    newest = max(queries.known, key=lambda q: (q.committed_at, q.folder), default=None)
    each = {
        q.folder: {
            "batch_id": q.committed,
            "planned": q.planned,
            "committed_at": q.committed_at,
            "lag": queries.lag_of(q) if reads_kafka(q) else None,
            "waits_since": waits[q.folder],
        }
        for q in queries.known
    }
    return {"batch_id": newest.committed if newest else -1, "offsets": queries.offsets, "queries": each}


def _known_ends(seen: Observation, before: Report | None) -> object:
    """Return the last known end offsets of the counted topics. If a topic is deleted, nothing else says how far it reached."""
    if seen.queries is not None:
        return {f"{t}/{p}": o for t, ends in sorted(seen.queries.ends.items()) for p, o in sorted(ends.items())}
    known = before.evidence.get("end_offsets") if before else None
    if seen.end_offsets is not None and seen.topics is not None:
        return _ends_of_several(seen, seen.end_offsets, known if isinstance(known, Mapping) else {})
    if seen.end_offsets is not None and seen.topic_id is not None and not seen.another_topic:
        return labelled(seen.end_offsets, seen.names)
    return known


def _ends_of_several(seen: Observation, ends: Offsets, known: Mapping[str, int]) -> Mapping[str, int]:
    """Return the end offsets, with the last known ones of deleted topics. A new topic of the same name is left out until it is read."""
    gone = {seen.names.get(source, source) for source in seen.gone}
    there = {p: end for p, end in ends.items() if seen.names.get(p.source) not in gone}
    return {**labelled(there, seen.names), **{label: end for label, end in known.items() if label.rpartition("/")[0] in gone}}
