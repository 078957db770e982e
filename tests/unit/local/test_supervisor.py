import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weir.errors import StackFailed
from weir.local import supervisor
from weir.local.part import Part
from weir.local.process import Child
from weir.local.state import FAILED, OK, STOPPED, Record, StateFile, only_one
from weir.local.supervisor import Keeper, bound_logs

FOR_EVER = "import signal; signal.pause()"


def until(holds: Callable[[], bool], timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.01)


class Bench:
    """Keepers over small processes in place of servers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stopping = threading.Event()
        self.keepers: list[Keeper] = []

    def part(self, name: str = "server", code: str = FOR_EVER, probe: Callable[[], str] = lambda: "", **more: object) -> Part:
        command = (sys.executable, "-c", code)
        return Part(name, "", command, dict(os.environ), self.home / f"{name}.log", probe, cwd=self.home, **more)  # type: ignore[arg-type]

    def keep(self, *parts: Part) -> None:
        ready = {part.name: threading.Event() for part in parts}
        state = StateFile(self.home)
        self.keepers = [Keeper(part, state, self.stopping, ready) for part in parts]
        for keeper in self.keepers:
            keeper.start()

    def record(self, name: str = "server") -> Record:
        return StateFile(self.home).read().get(name, Record())

    def is_ok(self, name: str = "server") -> bool:
        return self.record(name).state == OK

    def stop(self) -> None:
        self.stopping.set()
        for keeper in self.keepers:
            keeper.stop()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.01,))
    bench = Bench(tmp_path)
    yield bench
    bench.stop()


def test_a_killed_server_comes_back(bench: Bench) -> None:
    bench.keep(bench.part())
    until(bench.is_ok)
    first = bench.record()
    os.kill(first.pid, 9)
    until(lambda: bench.is_ok() and bench.record().pid != first.pid)
    assert bench.record().restarts == 1


def test_a_server_that_never_gets_ready_is_given_up_with_the_reason(bench: Bench) -> None:
    bench.keep(bench.part(code="raise SystemExit(7)", probe=lambda: "no"))
    until(lambda: bench.record().state == FAILED)
    assert bench.record().reason == "ended with exit code 7 before it was ready"
    assert bench.record().pid == 0


def test_a_server_that_was_ready_once_is_never_given_up(bench: Bench) -> None:
    lives = bench.home / "lives"
    code = f"open({str(lives)!r}, 'a').write('x')"
    bench.keep(bench.part(code=code, probe=lambda: "" if lives.exists() else "no"))
    until(lambda: lives.exists() and len(lives.read_text()) > 2 * supervisor.FIRST_TRIES)
    assert bench.record().state != FAILED


def test_one_that_cannot_be_prepared_says_why(bench: Bench) -> None:
    def prepare() -> None:
        raise StackFailed("its folder is on a full disk.", "Make room.")

    bench.keep(bench.part(prepare=prepare))
    until(lambda: bench.record().state == FAILED)
    assert bench.record().reason == "could not be prepared: its folder is on a full disk. Make room."


def test_a_part_waits_for_what_it_needs(bench: Bench) -> None:
    gate = threading.Event()
    bench.keep(bench.part("first", probe=lambda: "" if gate.is_set() else "no"), bench.part("second", after=("first",)))
    until(lambda: bench.record("first").pid != 0)
    assert bench.record("second").pid == 0
    gate.set()
    until(lambda: bench.is_ok("second"))


def test_a_new_supervisor_takes_over_what_a_killed_one_left(bench: Bench) -> None:
    part = bench.part()
    left = Child.start(part.command, part.log, part.env, part.cwd)
    StateFile(bench.home).put(part.name, Record(state=OK, pid=left.pid, created=left.created))
    bench.keep(part)
    bench.stop()
    assert not left.alive() and bench.record().state == STOPPED


def test_taken_over_means_not_started_again(bench: Bench) -> None:
    part = bench.part()
    left = Child.start(part.command, part.log, part.env, part.cwd)
    StateFile(bench.home).put(part.name, Record(pid=left.pid, created=left.created))
    bench.keep(part)
    until(bench.is_ok)
    assert bench.record().pid == left.pid


def test_a_stop_is_final(bench: Bench) -> None:
    bench.keep(bench.part())
    until(bench.is_ok)
    child = bench.record().child()
    bench.stop()
    assert child and not child.alive()
    assert bench.record().state == STOPPED


def test_a_grown_log_is_cut_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "kafka.log"
    log.parent.mkdir()
    with log.open("a") as writer:
        writer.write("x" * 100)
        writer.flush()
        assert bound_logs(tmp_path, limit=50) == [log]
        writer.write("y" * 10)
    assert log.read_text() == "y" * 10
    assert log.with_name("kafka.log.1").read_text() == "x" * 100
    assert bound_logs(tmp_path, limit=50) == []


def test_drivers_logs_are_bounded_too(tmp_path: Path) -> None:
    stderr = tmp_path / "spark" / "work" / "driver-1" / "stderr"
    stderr.parent.mkdir(parents=True)
    stderr.write_text("x" * 100)
    assert bound_logs(tmp_path, limit=50) == [stderr]


def test_one_holder_of_a_lock(tmp_path: Path) -> None:
    with only_one(tmp_path, "up") as first, only_one(tmp_path, "up") as second:
        assert (first, second) == (True, False)
    with only_one(tmp_path, "up") as third:
        assert third


def test_a_removed_folder_is_no_error_to_whoever_still_writes(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "gone")
    state.put("kafka", Record())
    assert not (tmp_path / "gone").exists()
