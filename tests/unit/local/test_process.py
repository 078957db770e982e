import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from weir.errors import StackFailed
from weir.local import process
from weir.local.process import Child, await_ready


def start(tmp_path: Path, code: str, **env: str) -> Child:
    return Child.start((sys.executable, "-c", code), tmp_path / "log", {**os.environ, **env}, tmp_path)


def until(holds: Callable[[], bool], timeout: float = 10.0) -> None:
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.01)


def pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.02))


FOR_EVER = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"


def test_ready_when_the_probe_is_content(tmp_path: Path) -> None:
    child = start(tmp_path, FOR_EVER)
    answers = iter(["no", "not yet", ""])
    assert await_ready(child, lambda: next(answers), timeout=10, pause=pause) == ""
    child.stop()


def test_not_ready_in_time_tells_what_the_probe_said(tmp_path: Path) -> None:
    child = start(tmp_path, FOR_EVER)
    assert await_ready(child, lambda: "is recovering", timeout=0.05, pause=pause) == "not ready after 0 s: is recovering"
    child.stop()


def test_a_process_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    child = start(tmp_path, "raise SystemExit(3)")
    assert await_ready(child, lambda: "no", timeout=60, pause=pause) == "ended with exit code 3 before it was ready"


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    child = start(tmp_path, FOR_EVER)
    assert "stopped" in await_ready(child, lambda: "no", timeout=60, pause=lambda _: True)
    child.stop()


def test_a_failed_run_brings_its_last_lines_and_its_log(tmp_path: Path) -> None:
    code = "for n in range(100): print('line', n)\nraise SystemExit(2)"
    with pytest.raises(StackFailed) as failed:
        process.run((sys.executable, "-c", code), tmp_path / "tool.log", os.environ, tmp_path, timeout=30)
    told = str(failed.value)
    assert "exit code 2" in told and "line 99" in told and "line 20" not in told and str(tmp_path / "tool.log") in told


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match="took more than"):
        process.run((sys.executable, "-c", FOR_EVER), tmp_path / "tool.log", os.environ, tmp_path, timeout=0.1)


def test_what_cannot_be_executed_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match="/no/such/program cannot be started"):
        Child.start(("/no/such/program",), tmp_path / "log", {}, tmp_path)


def test_the_deaf_are_killed_after_the_grace(tmp_path: Path) -> None:
    child = start(tmp_path, STUBBORN)
    until(lambda: "deaf" in (tmp_path / "log").read_text())
    child.stop(grace=0.1)
    assert not child.alive()


def test_the_whole_group_ends(tmp_path: Path) -> None:
    code = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); print(c.pid, flush=True); c.wait()"
    child = start(tmp_path, code)
    until(lambda: len((tmp_path / "log").read_text().split()) == 2)
    grandchild = int(next(word for word in (tmp_path / "log").read_text().split() if word != "deaf"))  # the two may write in any order
    child.stop(grace=5)
    until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)


def test_adopted_only_if_it_is_the_same_process(tmp_path: Path) -> None:
    child = start(tmp_path, FOR_EVER)
    adopted = Child.adopt(child.pid, child.created)
    assert adopted and adopted.alive()
    assert Child.adopt(child.pid, child.created - 100) is None, "a pid that was given away again is somebody else"
    child.stop()
    assert Child.adopt(child.pid, child.created) is None


def test_what_carries_the_mark_is_swept_and_nothing_else(tmp_path: Path) -> None:
    marked, other = start(tmp_path, FOR_EVER, WEIR_STACK=str(tmp_path)), start(tmp_path, FOR_EVER, WEIR_STACK="another")
    assert [found.pid for found in process.descendants_of(str(tmp_path))] == [marked.pid]
    assert process.sweep(str(tmp_path)) == 1
    assert not marked.alive() and other.alive()
    other.stop()


def test_what_has_no_environment_yet_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = start(tmp_path, FOR_EVER, WEIR_STACK=str(tmp_path))
    known, asked = psutil.Process.environ, []

    def just_after_exec(self: psutil.Process) -> dict[str, str]:
        asked.append(self.pid)
        return {} if asked.count(self.pid) == 1 else known(self)

    monkeypatch.setattr(psutil.Process, "environ", just_after_exec)
    assert [found.pid for found in process.descendants_of(str(tmp_path))] == [marked.pid]
    marked.stop()


def test_exit_codes_in_words() -> None:
    assert process.exit_words(-signal.SIGKILL) == "signal SIGKILL"
    assert process.exit_words(1) == "exit code 1"
    assert process.exit_words(None) == "an unknown exit code"


def test_last_lines_of_nothing(tmp_path: Path) -> None:
    assert "no log" in process.last_lines(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert "empty" in process.last_lines(tmp_path / "empty")


def test_what_goes_behind_others_does_so_with_all_that_it_forks(tmp_path: Path) -> None:
    child = start(tmp_path, "import subprocess, sys, time; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])")
    process_of = psutil.Process(child.pid)
    until(lambda: bool(process_of.children()))
    child.go_behind(10)
    assert [each.nice() for each in (process_of, *process_of.children())] == [10, 10]
    group = Path(f"/proc/{child.pid}/autogroup")
    assert not group.exists() or group.read_text().endswith("nice 10\n"), "of the session, where Linux has such groups"
    child.kill_group()
    child.go_behind(10)  # it has ended: nothing to be done
