"""Decide what to do about a verdict, from the report and the attempts so far. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from zlib import crc32

from spark_jobs.runtime.contract import JVM_ENDED
from weir.jobs.spec import Restart
from weir.ports.attempts import AttemptRow
from weir.ports.timeline import Pause
from weir.supervise.judge.pause import in_words
from weir.supervise.judge.report import Report, Verdict


class Action(StrEnum):
    NONE = "none"
    RESTART = "restart"
    REBUILD = "rebuild"
    ACCEPT_LOSS = "accept_loss"  # this one and quarantine only if an operator asks for it
    QUARANTINE = "quarantine"
    READ_ENDING = "read_ending"  # look up why a driver ended before deciding anything else


@dataclass(frozen=True)
class Decision:
    """What to do, why, and when."""

    act: Action
    why: str  # the decision in words, also if it is to do nothing
    not_before: int = 0  # the earliest time of the action (ms)
    spent: bool = False  # True: nothing is left to try


FOR_AN_OPERATOR = (Verdict.STATE_LOST, Verdict.NOT_DETERMINISTIC, Verdict.SINK_DIFFERS, Verdict.FILES_CHANGED)
READ_ENDING = Decision(Action.READ_ENDING, "read the driver's output for why it ended")


def decide(report: Report, policy: Restart, attempts: Sequence[AttemptRow], landed_attempt: int, paused: Sequence[Pause] = ()) -> Decision:
    """Decide on an action. `attempts` are newest first; `landed_attempt` is the newest one that landed a batch; an active pause wins.

    Only the driver's own end or a stall calls for a restart: idle, unknown, data loss and poison never do. The first restart is at once.
    What counts against the budget are the automatic restarts since a batch last landed, but not those that ended in an outage: a driver
    that is killed thirty times and lands something each time is no crash loop, and neither is a master that takes no drivers, or a broker
    that is away, for an hour. Each restart that landed nothing makes the next wait longer, until its share of the refill time has passed;
    so does each restart beyond the budget within the refill time, whatever it landed: a driver that never lives long is not healthy.
    """
    decision = _called_for(report, policy, attempts, landed_attempt)
    return Decision(Action.NONE, in_words(paused[0])) if paused and decision.act is not Action.NONE else decision


def _called_for(report: Report, policy: Restart, attempts: Sequence[AttemptRow], landed_attempt: int) -> Decision:
    if report.verdict is Verdict.STARTING and report.evidence.get("stopped_with_stack"):
        return Decision(Action.RESTART, "start it again with the stack", report.since)
    if report.verdict is Verdict.DIVERGED:
        if not policy.rebuild_on_divergence:
            return Decision(Action.NONE, f"the spec requires an operator: weir checkpoint {report.job} --rebuild")
        return _within_budget(Action.REBUILD, report, policy, attempts, landed_attempt)
    if report.verdict is Verdict.DOWN and (why := _no_memory(policy, attempts, landed_attempt)):
        return Decision(Action.NONE, why, spent=True)
    if report.verdict is Verdict.STALLED and report.evidence.get("waits_for"):
        return Decision(Action.NONE, "the cluster has not started it, and a restart changes nothing about that")
    if report.verdict in (Verdict.DOWN, Verdict.STALLED):
        return _within_budget(Action.RESTART, report, policy, attempts, landed_attempt)
    if report.verdict in FOR_AN_OPERATOR:
        return Decision(Action.NONE, "an operator must act: no restart helps")
    return Decision(Action.NONE, f"{report.verdict} needs no action")


def starved(attempts: Sequence[AttemptRow]) -> int:
    """Return how many attempts ran out of memory since the last deploy, including its own attempt. `attempts` are newest first."""
    found = 0
    for attempt in attempts:
        found += attempt.exit_reason == "out_of_memory"
        if attempt.cause == "deploy":
            break
    return found


def _no_memory(policy: Restart, attempts: Sequence[AttemptRow], landed_attempt: int) -> str:
    """Return why a driver that ran out of memory is not started again; empty if it may be.

    The same memory would be used up again, unless the driver has landed batches with it, perhaps for weeks.
    """
    if not attempts or attempts[0].exit_reason != "out_of_memory":
        return ""
    fix = "an operator must act: raise resources.driver_memory, or lower limits.lines_per_batch"
    if policy.larger_memory is None:
        return f"out of memory, and the spec has no restart.larger_memory: {fix}"
    if starved(attempts) > 1 and attempts[0].attempt > landed_attempt:
        return f"out of memory with {policy.larger_memory}, too: {fix}"
    return ""


def _spread(report: Report, jitter: float) -> float:
    """Return a factor between 1 - jitter and 1, the same at every look: jobs that went down together must not restart together."""
    return 1 - jitter * (crc32(f"{report.job} {report.attempt}".encode()) % 1000) / 1000


def with_decision(report: Report, decision: Decision) -> Report:
    """Add a decision to the report. Down with nothing left to try becomes crash looping, and the sentence says why."""
    verdict, sentence = report.verdict, report.sentence
    if decision.spent:
        verdict, sentence = Verdict.CRASH_LOOPING, f"{sentence}; {decision.why}"
    return replace(report, verdict=verdict, sentence=sentence, act=str(decision.act), plan=decision.why, not_before=decision.not_before)


def _within_budget(act: Action, report: Report, policy: Restart, attempts: Sequence[AttemptRow], landed_attempt: int) -> Decision:
    refill = policy.refill_after * 1000
    automatic = [a for a in attempts if a.cause in (Action.RESTART, Action.REBUILD) and a.who == "weir"]
    fruitless = [a for a in automatic if a.attempt > landed_attempt and a.taken_at > report.since - refill * policy.budget]
    spent = sum(1 for a in fruitless if _own_fault(a))
    if spent >= policy.budget:
        return Decision(Action.NONE, f"{spent} restarts landed nothing: an operator must act: weir logs driver:{report.job}", spent=True)
    often = sum(1 for a in automatic if a.taken_at > report.since - refill) - policy.budget
    wait = _backoff(max(len(fruitless), often), policy) * _spread(report, policy.jitter)
    return Decision(act, f"{act} {spent + 1} of {policy.budget}", report.since + round(wait * 1000))


def _own_fault(attempt: AttemptRow) -> bool:
    """Return whether the job itself is at fault: not if the cluster refused the driver, and not in an outage."""
    outage = attempt.exit_reason == "lost" and not attempt.exit_error.startswith(JVM_ENDED)
    return bool(attempt.submission_id or attempt.exit_reason) and not outage


def _backoff(earlier: int, policy: Restart) -> float:
    """Return the wait in seconds: none at first, then twice as long each time."""
    return min(policy.backoff_max, policy.backoff_first * 2.0 ** min(earlier - 1, 30)) if earlier > 0 else 0.0
