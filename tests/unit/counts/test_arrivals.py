"""Lines of a wrong time zone are told from what a job has stored: east of it they are rejected, west of it counted hours ago."""

from __future__ import annotations

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.protocol.head import Head
from tests.unit.counts.job import JOB, RULES, START, TOPIC, Job, line
from weir.counts.arrivals import KEPT_MS, ArrivalProbe, concerns, of_lines
from weir.counts.fold import seen_landed
from weir.counts.lines import parser
from weir.counts.local_time import Shift
from weir.jobs.folders import sound
from weir.settings import PROJECT
from weir.supervise.judge.concern import concerns_of
from weir.supervise.judge.observation import Observation
from weir.supervise.time_budget import TimeBudget

S, HOUR = 1000, 3_600_000


def live(job: Job, offset_ms: int, service: str = "web", n: int = 20) -> None:
    """Lines of the last seconds, in the wall clock of a zone."""
    for i in range(n):
        job.send(START + i * S + offset_ms, service, append=START + n * S)


def doubts(job: Job) -> list[str]:
    return [one.sentence for one in concerns(job.store, RULES, START)]


def rejected(job: Job, offset_ms: int, n: int = 20) -> None:
    """A batch whose lines were all rejected as dated ahead, with samples of them."""
    for i in range(n):
        job.send(START + i * S, append=START + n * S, reason="future")
    job.land()
    head = job.store.head(JOB)
    assert isinstance(head, Head)
    arrived = START + n * S
    lines = [RejectedLine(TOPIC, 0, i, "tokyo", "future", line(START + i * S + offset_ms), arrived) for i in range(n)]
    job.store.put_rejected(head, lines)


def test_lines_of_the_right_zone_are_not_accused() -> None:
    job = Job()
    live(job, 0)
    job.land()
    assert doubts(job) == []


def test_lines_that_were_counted_hours_ago() -> None:
    job = Job()
    live(job, 0)
    live(job, -8 * HOUR, "la")
    job.land()
    assert doubts(job) == ["lines of la are 8 h behind their arrival: they look like local time of UTC-8"]


def test_lines_that_are_counted_an_hour_ahead_since_they_are_not_far_enough_to_be_rejected() -> None:
    job = Job()
    live(job, HOUR, "berlin")
    live(job, 0)
    job.land()
    assert doubts(job) == ["lines of berlin are 1 h ahead of their arrival: they look like local time of UTC+1"]


def test_lines_that_are_rejected_as_dated_ahead() -> None:
    job = Job()
    live(job, 0)
    job.land()
    rejected(job, 9 * HOUR)
    assert doubts(job) == ["lines of tokyo are 9 h ahead of their arrival: they look like local time of UTC+9"]


def test_an_archive_is_not_accused() -> None:
    job = Job()
    for i in range(600):
        job.send(START - i * 60 * S, "web", append=START)
    job.land()
    assert seen_landed(job.store, JOB).newest and doubts(job) == []


def test_the_concern_of_a_service_outlives_the_lines_that_showed_it_by_a_while() -> None:
    job, spec = Job(), sound(PROJECT / "spark_jobs")[JOB]
    live(job, -8 * HOUR, "la")
    job.land()
    budget = TimeBudget()
    budget.begin()
    probe = ArrivalProbe(job.store, budget)

    def told(now: int) -> list[tuple[str, tuple[str, ...], int]]:
        return [(one.kind, one.key, one.since) for one in concerns_of(probe.look(spec, Observation(now, None, job.store.head(JOB))) or {})]

    assert told(START) == told(START + 1) == [("time_zone", ("la",), START)]
    for _ in range(70):
        job.send(START + 60 * S, append=START + 60 * S)
        job.land()
    assert told(START + KEPT_MS) == [("time_zone", ("la",), START)]
    assert told(START + KEPT_MS + 1) == []


def test_the_newest_lines_of_a_file_are_compared_with_when_it_was_written() -> None:
    parse = parser(RULES)
    log = [line(START - n * 60 * S + 9 * HOUR) for n in range(600)] + [line(START - n * S + 9 * HOUR) for n in range(10)]
    assert of_lines(log, parse, START) == Shift(36, 14)
    assert of_lines(log, parse, START + 9 * HOUR) is None and of_lines([b"x"], parse, START) is None
