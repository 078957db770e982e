"""A service whose lines are rejected is named, with the first line and the likely cure, by bounds of the spec."""

from __future__ import annotations

import pytest

from spark_jobs.counts.cells import RejectedLine
from tests.unit.counts.job import JOB, START, TOPIC, Job
from weir.counts.rejects import FEW, Bounds, Recent, concerns
from weir.counts.rejects_probe import LATELY_MS, recent

NGINX = b"2026/01/20 10:00:00 [error] 12345#678: *90 open() failed"
HALF = Bounds(0.5)


def samples(service: str, value: bytes, n: int = 5, reason: str = "not_a_log_line") -> list[RejectedLine]:
    return [RejectedLine(TOPIC, 0, i, service, reason, value, START + i) for i in range(n)]


def test_a_service_whose_lines_are_all_rejected_is_named_with_the_cure() -> None:
    (found,) = concerns(JOB, Recent(100, samples("proxy", NGINX), {"web": 1000}), HALF, "UTC", START)
    assert found.name == "rejected lines proxy" and found.since == START
    assert (
        found.sentence == f"service proxy: all lines are rejected as not_a_log_line since 2026-01-31T12:00:00Z; the first: {NGINX.decode()}"
    )
    assert found.next_step.startswith(
        f"they look like nginx_error: set options.services.proxy.line_format to nginx_error, then weir deploy {JOB}"
    )


@pytest.mark.parametrize(
    ("rejected", "counted", "bounds", "is_named"),
    [
        (100, 99, HALF, True),
        (100, 100, HALF, False),
        (100, 100, Bounds(0.4), True),
        (100, 0, Bounds(0.5, {"proxy": 1.0}), False),
        (FEW - 1, 0, HALF, False),
        (0, 0, HALF, False),
    ],
)
def test_a_share_is_judged_by_the_bound_of_the_service(rejected: int, counted: int, bounds: Bounds, is_named: bool) -> None:
    found = concerns(JOB, Recent(rejected, samples("proxy", b"what is this"), {"proxy": counted}), bounds, "UTC", START)
    assert bool(found) == is_named


def test_rejected_lines_are_shared_out_by_their_samples() -> None:
    lines = [*samples("a", b"x", 9), *samples("b", b"x", 1)]
    assert [one.key for one in concerns(JOB, Recent(100, lines, {"a": 50, "b": 500}), HALF, "UTC", START)] == [("a",)]


@pytest.mark.parametrize(
    ("reason", "said"), [("future", "check the clock"), ("not_utf8", "send UTF-8"), ("bad_time", f"weir rejected {JOB} --service web")]
)
def test_each_reason_has_a_next_step(reason: str, said: str) -> None:
    (found,) = concerns(JOB, Recent(100, samples("web", b"x", reason=reason), {}), HALF, "UTC", START)
    assert said in found.next_step


def test_what_landed_lately_is_looked_at() -> None:
    job = Job()
    for n in range(30):
        job.send(START + n, reason="not_a_log_line")
        job.send(START + n, service="web")
    job.land()
    found = recent(job.store, JOB, job.now)
    assert (found.rejected, found.counted) == (30, {"web": 30}) and found.samples
    job.take_over("v2")
    job.send(START + 40)
    job.land()
    assert recent(job.store, JOB, job.now).rejected == 0, "a new version may be the cure"
    assert recent(job.store, JOB, job.now + 2 * LATELY_MS) == Recent(0, (), {})
