"""How far the counts are proven: the arithmetic alone, and then over a job to which everything happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.counts.cells import HOUR_MS
from weir.counts.folding import fold_many, pending
from weir.counts.proven import UNPROVEN, Goal, Part, Proven, behind_restarts, reached
from weir.counts.proving import LONGEST_MS, MOST, joined, prove, proven, scopes, set_out
from weir.counts.recount import recount
from weir.counts.scope import Scope

from .job import JOB, RULES, START, TOPIC, Job

S = 1000
BASE = Proven((1, 4), 10, START, START, START, lines=100, checked=90)
GOAL = Goal(BASE, replace(BASE, position=(2, 7), write_ts=20, landed_at=START + S), parts=2)
GOOD = Part(True, (2, 7), 20)


def test_a_goal_is_reached_when_every_part_came_out_equal() -> None:
    found = reached(GOAL, [GOOD, replace(GOOD, position=(2, 9))], lines=50, rejected=3, now=START + 9)
    assert found == Proven((2, 7), 20, START + S, START, START + 9, lines=150, checked=133)
    assert found.share == 0.88666


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [GOOD],  # one was skipped
        [GOOD, replace(GOOD, exact=False)],
        [GOOD, replace(GOOD, position=(2, 6))],  # as of an older head: the store was restored in between
        [GOOD, GOOD, GOOD],  # of another goal
    ],
)
def test_and_not_otherwise(parts: list[Part]) -> None:
    assert reached(GOAL, parts, 50, 3, START) is None


def test_counts_that_were_proven_across_a_restart_are_a_line_of_the_timeline() -> None:
    found = reached(GOAL, [GOOD, GOOD], lines=50, rejected=3, now=START + 9)
    assert found is not None and (line := behind_restarts(JOB, GOAL, found)) is not None
    assert (line.kind, line.attempt, line.at) == (
        "recount",
        2,
        START + 9,
    ) and "43 of the 50 lines that landed by attempts 1 to 2" in line.text
    within = replace(GOAL, base=replace(BASE, position=(2, 3)))
    assert behind_restarts(JOB, within, found) is None, "there was no restart"
    assert behind_restarts(JOB, Goal(Proven(), GOAL.to), replace(found, position=(1, 7))) is None, "the first start is none"


def test_it_never_goes_back() -> None:
    assert reached(Goal(GOAL.to, BASE, 1), [GOOD], 50, 3, START) is None
    assert reached(Goal(GOAL.to, GOAL.to, 1), [GOOD], 50, 3, START) is None


def test_nothing_more_is_checked_than_there_is() -> None:
    found = reached(GOAL, [GOOD, GOOD], lines=30, rejected=3, now=START)
    assert found is not None and found.checked - BASE.checked == 30


@pytest.mark.parametrize(("checked", "lines", "share"), [(0, 0, 1.0), (7, 7, 1.0), (10**9 - 1, 10**9, 0.99999), (0, 5, 0.0)])
def test_all_is_only_said_of_all(checked: int, lines: int, share: float) -> None:
    assert replace(BASE, checked=checked, lines=lines).share == share


def test_what_airflow_keeps_comes_back() -> None:
    assert Goal.of(GOAL.as_dict()) == GOAL
    assert Part.of({**GOOD.as_dict(), "position": [2, 7]}) == GOOD
    assert Proven.load(BASE.dump()) == BASE and Proven.load(None) == UNPROVEN
    assert UNPROVEN.as_evidence() == {"up_to": None} and "nothing is proven yet" in UNPROVEN.sentence(JOB)


def test_hours_that_follow_one_another_are_one_span_of_some_hours_at_most() -> None:
    hours = [n * HOUR_MS for n in (0, 1, 2, 5, *range(10, 20))]
    assert [(until - since) // HOUR_MS for since, until in joined(hours)] == [3, 1, LONGEST_MS // HOUR_MS, 4]


def test_however_many_hours_there_are_spans_are_few() -> None:
    hours = [n * 2 * HOUR_MS for n in range(3000)]
    spans = joined(hours)
    assert len(spans) <= MOST and all(any(since <= hour < until for since, until in spans) for hour in hours)


# over a job


class Prover:
    """A recount towards what is to be proven, cut in pieces where others may come in between."""

    def __init__(self, job: Job) -> None:
        self.job, self.goal = job, set_out(job.store, JOB)
        self.scopes = scopes(job.store, JOB, self.goal) if self.goal else []
        self.parts: list[Part] = []

    def step(self) -> None:
        if len(self.parts) < len(self.scopes):
            self.parts.append(recount(self.job.store, self.job.broker, RULES, self.scopes[len(self.parts)]).part)

    def finish(self) -> Proven | None:
        while len(self.parts) < len(self.scopes):
            self.step()
        if self.goal is None:
            return None
        goal = replace(self.goal, parts=len(self.scopes))
        return prove(self.job.store, self.job.broker, RULES, goal, self.parts, self.job.now)


def landed_lines(job: Job) -> int:
    return sum(job.broker.end_offsets(TOPIC).values())


@pytest.fixture
def job() -> Job:
    job = Job()
    for i in range(10):
        job.send(START + i * S, partition=i % 2)
    job.send_bad(b"", "empty")
    job.land()
    return job


def test_it_goes_on_from_what_is_proven(job: Job) -> None:
    first = Prover(job).finish()
    assert first is not None and (first.position, first.lines, first.checked) == ((1, 0), 11, 11)
    assert set_out(job.store, JOB) is None
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.land()
    prover = Prover(job)
    assert prover.scopes == [Scope(START + 3 * HOUR_MS, START + 4 * HOUR_MS, None, (1, 0), (1, 1))]
    second = prover.finish()
    assert second is not None and second == proven(job.store, JOB)
    assert (second.position, second.lines, second.checked, second.share) == ((1, 1), 12, 12, 1.0)


def test_a_late_line_brings_its_hour_back_and_is_counted_once(job: Job) -> None:
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.land()
    Prover(job).finish()
    job.send(START)
    job.land()
    prover = Prover(job)
    assert [(s.since, s.until) for s in prover.scopes] == [(START, START + HOUR_MS)]
    found = prover.finish()
    assert found is not None and (found.lines, found.checked) == (13, 13)


def test_batches_that_counted_nothing_are_proven_too(job: Job) -> None:
    Prover(job).finish()
    job.send_bad(b"\xff", "not_utf8")
    job.land()
    (scope,) = Prover(job).scopes
    assert scope.barren
    found = Prover(job).finish()
    assert found is not None and (found.lines, found.checked) == (12, 12)
    job.send(START + 50 * S)
    job.meaning["topic-1", 0, job.broker.end_offsets(TOPIC)[0] - 1] = "empty"  # rejected, and is a good line
    job.land()
    assert Prover(job).finish() is None and proven(job.store, JOB) == found


def test_a_span_that_does_not_come_out_equal_keeps_what_is_proven_where_it_was(job: Job) -> None:
    Prover(job).finish()
    before = proven(job.store, JOB)
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.send(START + 5 * HOUR_MS, append=START + 5 * HOUR_MS)
    job.land()
    rows = next(rows for (_, at), rows in job.store._deltas.items() if at[0] == START + 5 * HOUR_MS)
    kept = dict(rows)
    rows.clear()
    assert Prover(job).finish() is None and proven(job.store, JOB) == before
    rows.update(kept)
    found = Prover(job).finish()
    assert found is not None and (found.lines, found.checked) == (13, 13)


def test_a_new_epoch_and_what_it_leaves_out(job: Job) -> None:
    for _ in range(5):
        job.send(START)
    job.pass_over(4)
    job.land()
    found = Prover(job).finish()
    assert found is not None and (found.position, found.lines, found.checked) == ((2, 0), 12, 12)
    job.rebuild()
    assert set_out(job.store, JOB) is None
    job.send(START)
    job.land()
    found = Prover(job).finish()
    assert found is not None and (found.position, found.lines, found.checked) == ((3, 0), 13, 13)


def test_lines_of_hours_that_retention_reached_are_not_called_checked(job: Job) -> None:
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.send_bad(b"", "empty", 1)
    job.land()
    job.broker.forget(TOPIC, 1, 2)  # of the first batch, which also holds a rejected line
    found = Prover(job).finish()
    assert found is not None and (found.lines, found.checked) == (13, 2)
    job.send(START)  # the hour stays one that is not whole
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.land()
    found = Prover(job).finish()
    assert found is not None and (found.lines, found.checked) == (15, 3)


def test_lines_that_go_between_the_recount_and_its_end_are_not_called_checked(job: Job) -> None:
    prover = Prover(job)
    prover.step()
    job.broker.forget(TOPIC, 0, 6)
    found = prover.finish()
    assert found is not None and (found.lines, found.checked) == (11, 10)


def test_of_two_recounts_at_once_the_one_that_reaches_further_stays(job: Job) -> None:
    early = Prover(job)
    early.step()
    job.send(START + S)
    job.land()
    late = Prover(job)
    ahead = late.finish()
    assert ahead is not None and (ahead.lines, ahead.checked) == (12, 12)
    assert early.finish() is not None
    assert proven(job.store, JOB) == ahead


def test_a_recount_of_everything_proves_what_is_new_and_not_the_old_twice(job: Job) -> None:
    Prover(job).finish()
    job.broker.forget(TOPIC, 0, 3)
    job.send(START + 3 * HOUR_MS, append=START + 3 * HOUR_MS)
    job.land()
    goal = set_out(job.store, JOB)
    assert goal is not None
    result = recount(job.store, job.broker, RULES, Scope(after=goal.base.position, upto=goal.to.position))
    found = prove(job.store, job.broker, RULES, goal, [result.part], job.now)
    assert found is not None and (found.lines, found.checked, found.share) == (12, 12, 1.0)


EVENTS = st.lists(
    st.tuples(st.integers(0, 3 * HOUR_MS - 1), st.sampled_from(("error", "info")), st.integers(0, 1))
    | st.sampled_from(("land", "land", "take_over", "rebuild", "fold", "bad", "gap", "begin", "step", "finish", "finish")),
    max_size=50,
)


@given(EVENTS)
@settings(deadline=None, max_examples=150)
def test_whatever_happens_it_never_goes_back_and_in_the_end_all_is_proven(events: list[Any]) -> None:
    """Provers set out, step and finish in any order, while lines, restarts, epochs, gaps and folds come in between."""
    job, provers, seen = Job(), [], UNPROVEN
    for event in events:
        match event:
            case "fold":
                fold_many(job.store, JOB, pending(job.store, JOB), job.now)
            case "bad":
                job.send_bad(b"nonsense", "not_a_log_line")
            case "gap":
                job.land()
                job.send(START)
                job.pass_over(1)
            case "begin":
                provers.append(Prover(job))
            case "step" if provers:
                provers[0].step()
            case "finish" if provers:
                provers.pop(len(provers) // 2).finish()
            case "land" | "take_over" | "rebuild":
                getattr(job, event)()
            case (at, level, partition):
                job.send(START + at, level=level, partition=partition, append=START + 3 * HOUR_MS)
        now = proven(job.store, JOB)
        assert now.position >= seen.position and now.lines >= seen.lines
        assert now.checked == now.lines
        seen = now
    job.land()
    Prover(job).finish()
    end, gaps = proven(job.store, JOB), recount(job.store, job.broker, RULES).gap_lines
    assert (end.lines, end.checked) == (landed_lines(job) - gaps,) * 2
