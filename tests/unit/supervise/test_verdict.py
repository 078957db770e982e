"""The verdicts, as a table of examples: what was observed, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from spark_jobs.protocol.head import Batch, Progress, State, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import of_source
from spark_jobs.runtime.contract import JVM_ENDED, PROVEN, TRYING
from weir.jobs.spec import Health, Restart
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.jobs import JobRow
from weir.supervise.judge.observation import Observation, submit_grace_ms
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.judge.restart import Action, decide, with_decision
from weir.supervise.judge.verdict import judge

at = partial(of_source, "topic-a")  # offsets by partition

NOW = 1_800_000_000_000
HEALTH = Health(ready_within=120, stalled_after=60, catching_up_lag=1000)
WANTED = JobRow("counts", 1, "running", "v1", "{}", "ana", "", NOW - 3_600_000)


def head_at(end: int, landed_ago_s: float = 1):
    """Attempt 1 has landed batch 0, offsets 0 to `end` of partition 0."""
    head = started(taken_over(first_head("counts", at({0: 0}), 1)), "i1")
    claimed = claim(head, Batch(0, at({0: 0}), at({0: end})), Totals(end, {"error": end}), Progress(), "v1", 5)
    return land(claimed, NOW - int(landed_ago_s * 1000))


ROW = AttemptRow(1, "deploy", "ana", "", NOW - 600_000, "v1", "driver-1", NOW - 600_000)
WELL = Observation(
    NOW, WANTED, head_at(100), (ROW,), DriverState.RUNNING, end_offsets=at({0: 100}), earliest_offsets=at({0: 0}), topic_id="topic-a"
)


def waiting(since_s: float, end: int = 100) -> Report:
    """What was said before, when input had already been waiting for so long."""
    return Report(
        "counts", Verdict.OK, 1, NOW - 900_000, "", lag_since=NOW - int(since_s * 1000), frontier={"0": end}, lag_seen=NOW - 1_000
    )


def behind(since_s: float) -> Report:
    """What was said before of an attempt that had caught up once, and has been over the bound for so long."""
    return replace(waiting(1, end=50), settled=1, behind_since=NOW - int(since_s * 1000), at=NOW - 1_000)


def silent(since_s: float) -> Report:
    """What was said before of a quiet stream whose cluster fell silent so long ago, a moment ago for 0."""
    evidence = {"driver": "unknown" if since_s else "running"}
    return replace(waiting(0), lag_since=0, evidence=evidence, silent_since=NOW - int(since_s * 1000) if since_s else 0)


QUIET = replace(WELL, driver=DriverState.UNKNOWN, head=head_at(100, 3600))
FAR = replace(WELL, end_offsets=at({0: 5000}))
STARTING = replace(WELL, head=taken_over(head_at(100)), attempts=(replace(ROW, attempt=2, submitted_at=NOW - 5_000),))

FIRST_CLAIM = claim(started(STARTING.head, "i2"), Batch(1, at({0: 100}), at({0: 200})), Totals(100, {"error": 100}), Progress(), "v1", 9)


def slow_start(since_ms: int) -> Observation:
    """A successor that was submitted so long ago has just claimed its first batch."""
    row = replace(ROW, attempt=2, epoch=1, first_batch=1, submitted_at=NOW - since_ms)
    first = replace(ROW, epoch=1, first_batch=0)
    return replace(WELL, head=FIRST_CLAIM, attempts=(row, first), end_offsets=at({0: 5000}))


HELD = replace(WELL, head=head_at(100, 3600), log_ends=at({0: 140}))


def held_since(since_s: float, first: int = 100) -> Report:
    """What was said before, when an open transaction had held back the end for so long."""
    since = NOW - int(1000 * since_s)
    evidence = {"open_transactions": {"0": {"first": first, "offsets": 40, "since": since}}}
    return replace(waiting(0), lag_since=0, evidence=evidence)


def without_input(proof: str, since_s: float = 10) -> Observation:
    """A successor that was submitted so long ago has started, its predecessor landed the last line 2 s before, and nothing waits."""
    row = replace(ROW, attempt=2, proof=proof, submitted_at=NOW - int(since_s * 1000))
    first = replace(ROW, epoch=1, first_batch=0)
    return replace(WELL, head=started(taken_over(head_at(100, since_s + 2)), "i2"), attempts=(row, first))


CASES = {
    "a transaction is open": (HELD, held_since(30), Verdict.IDLE),
    "a transaction hangs": (HELD, held_since(1000), Verdict.SLOW),
    "one open transaction after the other": (HELD, held_since(1000, first=60), Verdict.IDLE),
    "counted by a release that read open transactions": (replace(WELL, end_offsets=at({0: 60}), log_ends=at({0: 120})), None, Verdict.OK),
    "a restart without input has read nothing": (without_input(TRYING), None, Verdict.STARTING),
    "a restart without input, a moment ago": (without_input("", 2), None, Verdict.STARTING),
    "a restart without input has rehearsed": (without_input(PROVEN), None, Verdict.IDLE),
    "its rehearsal does not end": (without_input(TRYING, 121), None, Verdict.STALLED),
    "its rehearsal does not end, and the cluster does not answer": (
        replace(without_input(TRYING, 121), driver=DriverState.UNKNOWN),
        None,
        Verdict.UNKNOWN,
    ),
    "without input, of an earlier release, which rehearses nothing": (without_input("", 121), None, Verdict.IDLE),
    "all counted a moment ago": (WELL, None, Verdict.OK),
    "all counted long ago": (replace(WELL, head=head_at(100, 3600)), None, Verdict.IDLE),
    "idle for an hour, then one line": (replace(WELL, head=head_at(100, 3600), end_offsets=at({0: 101})), None, Verdict.OK),
    "a little behind": (replace(WELL, end_offsets=at({0: 150})), None, Verdict.OK),
    "far behind, landing": (replace(WELL, end_offsets=at({0: 5000})), waiting(500, end=50), Verdict.CATCHING_UP),
    "a batch takes the lag over the bound for a moment": (FAR, replace(waiting(1, end=50), settled=1), Verdict.OK),
    "over the bound for a while, having been well": (FAR, behind(16), Verdict.CATCHING_UP),
    "over the bound for a moment, having been well": (FAR, behind(14), Verdict.OK),
    "over the bound, and never well since its start": (FAR, replace(behind(1), settled=0), Verdict.CATCHING_UP),
    "behind, and came closer a while ago": (FAR, replace(behind(900), closest=4000, closest_at=NOW - 599_000), Verdict.CATCHING_UP),
    "behind, and no closer for ten minutes": (FAR, replace(behind(900), closest=4000, closest_at=NOW - 601_000), Verdict.SLOW),
    "behind for long, and closer than ever": (FAR, replace(behind(900), closest=5000, closest_at=NOW - 601_000), Verdict.CATCHING_UP),
    "behind for long, by another attempt": (
        FAR,
        replace(behind(900), attempt=7, closest=4000, closest_at=NOW - 601_000),
        Verdict.CATCHING_UP,
    ),
    "behind for long, and nobody looked": (
        FAR,
        replace(behind(900), closest=4000, closest_at=NOW - 601_000, at=NOW - 60_000),
        Verdict.CATCHING_UP,
    ),
    "fell below the bound": (replace(WELL, end_offsets=at({0: 150})), behind(100), Verdict.OK),
    "alive, has input, lands nothing": (replace(WELL, end_offsets=at({0: 150})), waiting(61), Verdict.STALLED),
    "not long enough to say so": (replace(WELL, end_offsets=at({0: 150})), waiting(59), Verdict.OK),
    "the driver failed": (replace(WELL, driver=DriverState.FAILED), None, Verdict.DOWN),
    "the driver was killed": (replace(WELL, driver=DriverState.KILLED), None, Verdict.DOWN),
    "its last words came before the cluster knew": (replace(WELL, attempts=(replace(ROW, exit_reason="failed"),)), None, Verdict.DOWN),
    "the cluster does not answer, but it counts": (replace(WELL, driver=DriverState.UNKNOWN), None, Verdict.OK),
    "the cluster does not answer any more, and no input comes": (QUIET, silent(46), Verdict.UNKNOWN),
    "the cluster did not answer once, and no input comes": (QUIET, silent(0), Verdict.IDLE),
    "the cluster is never asked, and no input comes": (QUIET, None, Verdict.IDLE),
    "the cluster has not told of this attempt yet": (QUIET, replace(silent(46), attempt=7), Verdict.IDLE),
    "the cluster does not answer, and nothing lands": (
        replace(WELL, driver=DriverState.UNKNOWN, end_offsets=at({0: 150})),
        waiting(300),
        Verdict.UNKNOWN,
    ),
    "the broker does not answer": (replace(WELL, end_offsets=None, earliest_offsets=None, topic_id=None), None, Verdict.UNKNOWN),
    "the head cannot be read": (replace(WELL, head=None), None, Verdict.UNKNOWN),
    "never deployed": (replace(WELL, wanted=None), None, Verdict.STOPPED),
    "stopped by a person": (replace(WELL, wanted=replace(WANTED, desired="stopped")), None, Verdict.STOPPED),
    "just submitted": (STARTING, None, Verdict.STARTING),
    "submitted and never started": (
        replace(STARTING, attempts=(replace(ROW, attempt=2, submitted_at=NOW - 121_000),)),
        None,
        Verdict.STALLED,
    ),
    "a slow start claims its first batch": (slow_start(100_000), waiting(100), Verdict.STARTING),
    "claimed its first batch, late, and input has not waited for long": (slow_start(121_000), waiting(30), Verdict.STARTING),
    "claimed its first batch and never landed it": (slow_start(121_000), waiting(121), Verdict.STALLED),
    "taken over a moment ago": (
        replace(STARTING, attempts=(replace(ROW, attempt=2, submission_id="", submitted_at=0, taken_at=NOW - 1_000),)),
        None,
        Verdict.STARTING,
    ),
    "deployed a moment ago": (
        replace(WELL, head=first_head("counts", at({0: 0}), 1), attempts=(), wanted=replace(WANTED, changed_at=NOW - 1_000)),
        None,
        Verdict.STARTING,
    ),
    "deployed and never started": (
        replace(WELL, head=first_head("counts", at({0: 0}), 1), attempts=()),
        None,
        Verdict.DOWN,
    ),
    "taken over and never submitted": (
        replace(STARTING, attempts=(replace(ROW, attempt=2, submission_id="", submitted_at=0, taken_at=NOW - 20_000),)),
        None,
        Verdict.DOWN,
    ),
    "checkpoint and ledger disagree": (replace(WELL, attempts=(replace(ROW, exit_reason="diverged"),)), None, Verdict.DIVERGED),
    "the topic was made again": (replace(WELL, topic_id="topic-b"), None, Verdict.DATA_LOSS),
    "retention went over unread lines": (replace(WELL, end_offsets=at({0: 300}), earliest_offsets=at({0: 200})), None, Verdict.DATA_LOSS),
    "retention went over read lines": (replace(WELL, earliest_offsets=at({0: 100})), None, Verdict.OK),
}


def test_an_idle_attempt_says_what_is_known_of_it() -> None:
    def said(seen: Observation) -> str:
        return judge("counts", seen, HEALTH, None).sentence

    assert "reached its source, its store and its sink" in said(without_input(PROVEN))
    assert "unknown whether it works" in said(without_input("", 121))
    assert "the broker is away" in said(without_input("its rehearsal fails: the broker is away", 121))


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    seen, before, expected = CASES[name]
    report = judge("counts", seen, HEALTH, before)
    assert report.verdict is expected, report.sentence
    assert "counts" in report.sentence


def test_an_open_transaction_is_told_and_never_taken_for_a_stalled_driver() -> None:
    told = judge("counts", HELD, HEALTH, held_since(120))
    assert told.sentence.endswith("an open transaction of a producer holds back 40 offsets: partition 0 from offset 100 on, for 2 min")
    assert judge("counts", replace(HELD, now=NOW + 900_000), HEALTH, told).next_step.endswith("docs/runbook.md#open_transaction")


def test_the_lost_ranges_are_named() -> None:
    report = judge("counts", replace(WELL, end_offsets=at({0: 300}), earliest_offsets=at({0: 200})), HEALTH, None)
    assert "partition 0 offsets 100 to 199" in report.sentence
    assert report.evidence["lost"] == {"0": [100, 200]}


def test_the_same_batch_with_the_same_error_twice_is_poison() -> None:
    first = replace(ROW, exit_reason="failed", exit_error="ValueError: bad line 17 at 0x7f3a", exit_batch=7)
    second = replace(first, attempt=2, exit_error="ValueError: bad line 42 at 0x1c2b")
    seen = replace(WELL, head=taken_over(WELL.head), attempts=(second, first), driver=DriverState.FAILED)
    assert judge("counts", replace(seen, attempts=(replace(second, exit_batch=8), first)), HEALTH, None).verdict is Verdict.DOWN
    different = replace(second, exit_error="TimeoutError: no answer")
    assert judge("counts", replace(seen, attempts=(different, first)), HEALTH, None).verdict is Verdict.DOWN
    same = replace(second, exit_error="ValueError: bad line 42 at 0x7f3a")
    assert judge("counts", replace(seen, attempts=(same, first)), HEALTH, None).verdict is Verdict.POISONED


def test_an_outage_in_the_same_batch_twice_is_not_poison() -> None:
    first = replace(ROW, exit_reason="lost", exit_error="ConnectionRefusedError: [Errno 111]", exit_batch=7)
    seen = replace(WELL, head=taken_over(WELL.head), attempts=(replace(first, attempt=2), first), driver=DriverState.FAILED)
    assert judge("counts", seen, HEALTH, None).verdict is Verdict.DOWN


def test_a_verdict_keeps_its_since_while_it_stays() -> None:
    first = judge("counts", replace(WELL, driver=DriverState.FAILED), HEALTH, None)
    later = judge("counts", replace(WELL, driver=DriverState.FAILED, now=NOW + 5_000), HEALTH, first)
    assert (first.since, later.since) == (NOW, NOW)
    looping = replace(first, verdict=Verdict.CRASH_LOOPING)
    assert judge("counts", replace(WELL, driver=DriverState.FAILED, now=NOW + 9_000), HEALTH, looping).since == NOW


def test_waiting_begins_anew_when_something_lands() -> None:
    behind = replace(WELL, end_offsets=at({0: 150}))
    first = judge("counts", behind, HEALTH, None)
    later = judge("counts", replace(behind, now=NOW + 20_000), HEALTH, first)
    assert later.lag_since == NOW
    landed = judge("counts", replace(behind, now=NOW + 25_000, head=head_at(120)), HEALTH, later)
    assert landed.lag_since == NOW + 25_000


@pytest.mark.parametrize("outage_s", [46, 600])
def test_after_an_outage_the_waiting_begins_anew(outage_s: int) -> None:
    """While the store is away no report is kept; while the broker is away its lag is not known. The driver could land nothing."""
    behind, ms = replace(WELL, end_offsets=at({0: 150})), 1000 * outage_s
    first = judge("counts", behind, HEALTH, waiting(40))
    store_back = judge("counts", replace(behind, now=NOW + ms), HEALTH, first)
    assert (store_back.verdict, store_back.lag_since) == (Verdict.OK, NOW + ms)
    unknown = judge("counts", replace(WELL, now=NOW + ms, end_offsets=None), HEALTH, first)
    broker_back = judge("counts", replace(behind, now=NOW + ms + 1_000), HEALTH, unknown)
    assert (broker_back.verdict, broker_back.lag_since) == (Verdict.OK, NOW + ms + 1_000)


def test_a_probe_that_fails_now_and_then_does_not_hide_a_stall() -> None:
    report = waiting(0)
    for second in range(70):
        ends = at({0: 150}) if second % 2 else None
        report = judge("counts", replace(WELL, now=NOW + 1000 * second, end_offsets=ends), HEALTH, report)
    assert report.verdict is Verdict.STALLED


def test_each_attempt_that_landed_nothing_gives_the_next_twice_as_long() -> None:
    """Else a machine too slow for one start and one batch within `ready_within` would never land anything again."""
    landed = replace(ROW, epoch=1, first_batch=0)

    def verdict(attempt: int, age_s: int) -> Verdict:
        head = replace(head_at(100), attempt=attempt, incarnation=f"i{attempt}")
        rows = tuple(replace(ROW, attempt=a, submitted_at=NOW - 1000 * age_s) for a in range(attempt, 1, -1))
        return judge("counts", replace(WELL, head=head, attempts=(*rows, landed), end_offsets=at({0: 150})), HEALTH, waiting(9000)).verdict

    given = {2: 120, 3: 240, 4: 480, 5: 960, 6: 960}
    assert {a: (verdict(a, s), verdict(a, s + 1)) for a, s in given.items()} == dict.fromkeys(given, (Verdict.STARTING, Verdict.STALLED))


@pytest.mark.parametrize(
    ("cluster", "verdict"), [("standalone", Verdict.DOWN), ("kubernetes", Verdict.STARTING), ("yarn", Verdict.STARTING)]
)
def test_a_start_by_spark_submit_is_given_the_time_that_it_takes(cluster: str, verdict: Verdict) -> None:
    """One deploy whose submission took 25 s made five attempts and five drivers: each eye took the other's start for a dead one."""
    taken = AttemptRow(2, "deploy", "ana", "", NOW - 25_000)
    seen = replace(
        WELL, head=replace(head_at(100), attempt=2, incarnation=""), attempts=(taken, ROW), submit_grace_ms=submit_grace_ms(cluster)
    )
    assert judge("counts", seen, HEALTH, None).verdict is verdict


def test_a_report_survives_its_json() -> None:
    report = judge("counts", replace(WELL, end_offsets=at({0: 150})), HEALTH, waiting(3))
    assert Report.from_json(report.to_json()) == report


# what is done about it

POLICY = Restart(backoff_first=2, backoff_max=60, budget=3, refill_after=600)
DOWN = judge("counts", replace(WELL, driver=DriverState.FAILED), HEALTH, None)


def restarts(n: int, who: str = "weir") -> list[AttemptRow]:
    return [AttemptRow(a, "restart", who, "", NOW - 60_000, submission_id=f"driver-{a}") for a in range(n + 1, 1, -1)]


@pytest.mark.parametrize("verdict", [v for v in Verdict if v not in (Verdict.DOWN, Verdict.STALLED, Verdict.DIVERGED)])
def test_only_an_end_or_a_stall_calls_for_a_restart(verdict: Verdict) -> None:
    assert decide(replace(DOWN, verdict=verdict), POLICY, [], 1).act is Action.NONE


def test_the_first_restart_is_at_once_and_the_next_ones_wait_longer() -> None:
    waits = [decide(DOWN, POLICY, restarts(n), landed_attempt=1).not_before - NOW for n in range(3)]
    assert waits[0] == 0 and 1_500 <= waits[1] <= 2_000 and 3_000 <= waits[2] <= 4_000


def test_jobs_that_fell_together_do_not_rise_together() -> None:
    waits = [decide(replace(DOWN, job=f"job-{n}"), POLICY, restarts(2), landed_attempt=1).not_before - NOW for n in range(20)]
    assert len(set(waits)) > 10 and all(3_000 <= wait <= 4_000 for wait in waits)
    still = POLICY.model_copy(update={"jitter": 0.0})
    assert decide(DOWN, still, restarts(2), landed_attempt=1).not_before - NOW == 4_000


def test_a_restart_that_landed_something_does_not_lengthen_the_wait() -> None:
    assert decide(DOWN, POLICY, restarts(2), landed_attempt=3).not_before == NOW


def test_the_budget_ends_and_is_forgiven_with_time() -> None:
    spent = decide(DOWN, POLICY, restarts(3), landed_attempt=1)
    assert (spent.act, spent.spent) == (Action.NONE, True)
    assert with_decision(DOWN, spent).verdict is Verdict.CRASH_LOOPING
    old = [replace(a, taken_at=NOW - 3 * 600_000 - 1) for a in restarts(3)]
    assert decide(DOWN, POLICY, old, landed_attempt=1).act is Action.RESTART


def test_thirty_kills_that_each_land_something_are_no_crash_loop_but_those_beyond_the_budget_wait() -> None:
    """One that landed a batch and died with the same error was started sixty times in five minutes."""
    decision = decide(DOWN, POLICY, restarts(30), landed_attempt=31)
    assert (decision.act, decision.spent) == (Action.RESTART, False)
    waits = [decide(DOWN, POLICY, restarts(n), landed_attempt=n + 1).not_before - NOW for n in range(3, 6)]
    assert waits[0] == 0 and 1_500 <= waits[1] <= 2_000 and 3_000 <= waits[2] <= 4_000
    healthy = [replace(a, taken_at=NOW - 600_001) for a in restarts(30)]
    assert decide(DOWN, POLICY, healthy, landed_attempt=31).not_before == NOW


@pytest.mark.parametrize(("last_words", "spent"), [("RuntimeError: no broker", False), (f"{JVM_ENDED}: it was killed", True)])
def test_an_outage_uses_up_no_budget_but_time(last_words: str, spent: bool) -> None:
    """A broker that was away for twenty minutes left a job that only a person could start again. A JVM that ends may be the job's fault."""
    ended = [replace(row, exit_reason="lost", exit_error=last_words) for row in restarts(3)]
    decision = decide(DOWN, POLICY, ended, landed_attempt=1)
    assert (decision.act, decision.spent) == (Action.NONE if spent else Action.RESTART, spent)
    assert spent or decision.not_before - DOWN.since > 5_000


def test_a_claim_alone_is_no_progress() -> None:
    """Attempt 2 claims batch 1 and dies in it, attempt 3 too: the newest attempt that landed something is the first."""
    head = replace(head_at(100), attempt=3, batch_id=1, state=State.CLAIMED, by=3, start=at({0: 100}), end=at({0: 150}), landed_at=0)
    rows = tuple(AttemptRow(a, epoch=1, first_batch=first) for a, first in ((3, 1), (2, 1), (1, 0)))
    assert replace(WELL, head=head, attempts=rows).landed_attempt == 1
    assert replace(WELL, head=replace(head, state=State.LANDED), attempts=rows).landed_attempt == 3


def test_what_the_cluster_did_not_take_uses_up_no_budget_but_time() -> None:
    """A master that was away for minutes while a driver was dead left a job that only a person could start again."""
    refused = [replace(row, submission_id="") for row in restarts(40)]
    decision = decide(DOWN, POLICY, refused, landed_attempt=1)
    assert (decision.act, decision.spent) == (Action.RESTART, False)
    assert 0.75 * POLICY.backoff_max * 1000 <= decision.not_before - DOWN.since <= POLICY.backoff_max * 1000


def test_a_person_does_not_use_up_the_budget() -> None:
    assert decide(DOWN, POLICY, restarts(5, who="ana"), landed_attempt=1).act is Action.RESTART


def test_divergence_is_rebuilt_if_the_spec_allows() -> None:
    diverged = replace(DOWN, verdict=Verdict.DIVERGED)
    assert decide(diverged, POLICY, [], 1).act is Action.REBUILD
    assert decide(diverged, Restart(rebuild_on_divergence=False), [], 1).act is Action.NONE


def test_state_names_are_those_of_the_protocol() -> None:
    assert head_at(3).state is State.LANDED


# out of memory

ROOMY = POLICY.model_copy(update={"larger_memory": "2g"})


def starvations(*causes: str) -> list[AttemptRow]:
    """Attempts that all ran out of memory, the newest first."""
    rows = [AttemptRow(n, cause, "weir", "", NOW, submission_id=f"d-{n}", exit_reason="out_of_memory") for n, cause in enumerate(causes, 1)]
    return rows[::-1]


@pytest.mark.parametrize(
    ("policy", "attempts", "landed", "act", "why"),
    [
        (ROOMY, starvations("deploy"), 0, Action.RESTART, "restart 1 of 3"),
        (ROOMY, starvations("deploy", "restart"), 1, Action.NONE, "out of memory with 2g, too"),
        (ROOMY, starvations("deploy", "restart"), 2, Action.RESTART, "restart 1 of 3"),  # it may have landed for weeks
        (ROOMY, starvations("deploy", "restart", "deploy"), 2, Action.RESTART, "restart 1 of 3"),
        (POLICY, starvations("deploy"), 1, Action.NONE, "no restart.larger_memory"),
    ],
)
def test_out_of_memory_is_tried_once_more_with_more_of_it(
    policy: Restart, attempts: list[AttemptRow], landed: int, act: Action, why: str
) -> None:
    decision = decide(DOWN, policy, attempts, landed)
    assert decision.act is act and why in decision.why
    assert decision.spent is (act is Action.NONE)


def test_an_attempt_that_ended_otherwise_since_is_restarted_as_ever() -> None:
    killed = AttemptRow(3, "restart", "weir", "", NOW, submission_id="d-3", exit_reason="lost")
    assert decide(DOWN, ROOMY, [killed, *starvations("deploy", "restart")], landed_attempt=9).act is Action.RESTART


def test_a_lag_that_swings_over_the_bound_is_one_verdict_and_not_two_for_each_batch() -> None:
    """A stream at a high rate: each batch leaves more than the bound behind for a moment."""
    said, report = [], replace(waiting(1, end=50), settled=1)
    for second in range(60):
        seen = replace(WELL, now=NOW + second * 1000, end_offsets=at({0: 5000 if second % 3 else 150}))
        report = judge("counts", seen, HEALTH, report)
        said.append(report.verdict)
    assert set(said) == {Verdict.OK}


@pytest.mark.parametrize(
    ("stopped_ago_s", "landed_ago_s", "verdict"), [(60, 120, Verdict.STARTING), (-3600, 1, Verdict.OK), (60, 1, Verdict.OK)]
)
def test_only_a_stop_that_ended_the_driver_starts_another(stopped_ago_s: int, landed_ago_s: int, verdict: Verdict) -> None:
    """A clock that was set back had a driver that lands replaced at every look, for as long as the note lay in the future."""
    seen = replace(WELL, head=head_at(100, landed_ago_s), stopped_at=NOW - 1000 * stopped_ago_s)
    report = judge("counts", seen, HEALTH, None)
    assert report.verdict is verdict
    assert (decide(report, Restart(), seen.attempts, seen.landed_attempt).act is Action.RESTART) == (verdict is Verdict.STARTING)
