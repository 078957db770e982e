"""The main job on the real parts: counted exactly, through bad lines and a killed driver."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drill.generator import Truth
from weir.local import class_archive, rehearse
from weir.local.spark import spark_home

from .conftest import JOB, Stack, generate, one_of_its_kind, until

pytestmark = pytest.mark.stack
SHARED_LOG = Path(__file__).resolve().parents[3] / "shared" / "data" / "Apache_2k.log"


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def expected(truth: Truth) -> dict[tuple[str, str, str, str], int]:
    return {(iso(pane), service, level, signature): n for (pane, service, level, signature), n in truth.panes.items()}


def test_every_part_is_up_and_the_sample_is_counted(stack: Stack) -> None:
    states = {p["part"]: p["state"] for p in stack.json("status")}
    assert set(states.values()) == {"ok"}, states
    assert f"driver:{JOB}" in states
    rows = stack.json("counts", "--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--levels", "all", "--by", "service")
    assert sum(r["n"] for r in rows if r["service"] == "sample") > 100


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = {p["part"]: p["pid"] for p in stack.json("status")}
    stack.weir("up")
    assert {p["part"]: p["pid"] for p in stack.json("status")} == before


@pytest.mark.skipif(not SHARED_LOG.exists(), reason="the real Apache log is not here")
def test_a_real_log_is_counted_exactly(stack: Stack) -> None:
    service = one_of_its_kind("web")
    stack.weir("ingest", str(SHARED_LOG), "--service", service)
    stack.wait_landed()
    rows = stack.json(
        "counts",
        "--since",
        "2005-12-04T00:00:00Z",
        "--until",
        "2005-12-06T00:00:00Z",
        "--by",
        "service,level",
        "--levels",
        "all",
        "--window",
        "1d",
    )
    levels: Counter[str] = Counter()
    for row in rows:
        levels[row["level"]] += row["n"] if row["service"] == service else 0
    assert levels == {"notice": 1405, "error": 595}


BAD = {
    "not a log line": (b"just some text", "not_a_log_line"),
    "invalid UTF-8": (b"[Fri Dec 20 01:46:23 2015] [error] caf\xe9 \xff", "not_utf8"),
    "a line of 1 MiB": (b"x" * 1024 * 1024, None),
    "an empty line": (b"", "empty"),
    "a date in 2099": (b"[Fri Dec 20 01:46:23 2099] [error] [client 1.2.3.4] from the future", "future"),
    "a day that is not": (b"[Mon Feb 30 01:46:23 2015] [error] [client 1.2.3.4] no such day", "bad_time"),
}


def test_bad_lines_are_rejected_with_their_reason_and_the_stream_goes_on(stack: Stack) -> None:
    stack.weir("ingest", "-", "--service", (service := one_of_its_kind("bad")), stdin=b"\n".join(line for line, _ in BAD.values()) + b"\n")
    stack.wait_landed()
    samples = [r for r in stack.json("rejected", JOB, "--limit", "1000") if r["service"] == service]
    assert len(samples) == len(BAD)
    reasons = Counter(r["reason"] for r in samples)
    for _, reason in BAD.values():
        assert reason is None or reasons[reason] == 1, reasons
    good = b"[Fri Dec 20 01:46:23 2013] [error] [client 1.2.3.4] File does not exist: /x\n"
    stack.weir("ingest", "-", "--service", (service := one_of_its_kind("good")), stdin=good)
    stack.wait_landed()
    assert list(stack.counted("2013-12-20T00:00:00Z", "2013-12-21T00:00:00Z", {service}).values()) == [1]


def test_a_killed_driver_is_restarted_and_nothing_is_lost_or_doubled(stack: Stack, tmp_path: Path) -> None:
    """`kill -9` the driver while lines come, touch nothing. They come slowly enough that the next attempt finds some left to land."""
    start = int(datetime(2021, 3, 1, tzinfo=UTC).timestamp() * 1000)
    truth = generate(tmp_path / "load.log", seed=7, lines=300_000, start_ms=start, service=(service := one_of_its_kind("load")))
    before, attempt = stack.landed()["batch_id"], stack.landed()["attempt"]
    sending = stack.ingest_in_background(tmp_path / "load.log", service, rate=5_000)
    until(lambda: stack.landed()["batch_id"] > before, "a first batch of the load has landed")
    stack.kill(f"driver:{JOB}")
    until(lambda: stack.landed()["attempt"] > attempt, "the next attempt lands a batch")
    output, _ = sending.communicate(timeout=300)
    assert sending.returncode == 0, output
    stack.wait_landed()
    proof = stack.json("recount", JOB)
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"]) == (0, 0, 0), proof
    panes = [pane for pane, *_ in truth.panes]
    assert stack.counted(iso(min(panes)), iso(max(panes) + 10_000), {service}) == expected(truth)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process maps can be read on Linux only")
def test_a_driver_starts_from_archived_classes(stack: Stack) -> None:
    archive, log = class_archive.archive(spark_home()), stack.home / "logs" / "class-archive.log"
    until(lambda: archive.exists() or "were not archived" in log.read_text(), "the classes are archived", rehearse.WITHIN_S)
    assert archive.exists(), log.read_text()[-3000:]
    attempt = stack.landed()["attempt"]
    stack.weir("restart", JOB)
    stack.weir("ingest", "-", "--service", one_of_its_kind("archived"), stdin=b"a line\n")
    until(lambda: stack.landed()["attempt"] > attempt, "the next attempt lands a batch")
    maps = Path(f"/proc/{stack.part(f'driver:{JOB}')['pid']}/maps").read_text()
    assert str(archive) in maps
