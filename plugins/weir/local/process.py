"""One child process: started in its own session, found again by pid and start time, stopped with its whole group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from weir.errors import StackFailed

LAST_LINES = 20
AFTER_EXEC_S = 0.05  # until a second look: just after exec, /proc shows no environment (2 of 300 starts)


class Child:
    """A process that this one started, or took over from an earlier supervisor."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.pid: int = process.pid
        self.created: float = process.create_time()

    @classmethod
    def start(cls, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path) -> Child:
        """Start `command`, with both its streams appended to `log`. Raises StackFailed if it cannot be executed."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            try:
                return cls(psutil.Popen(
                    list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                    env=dict(env), cwd=cwd, start_new_session=True,
                ))  # fmt: skip
            except OSError as error:
                raise StackFailed(f"{command[0]} cannot be started: {error}.", "Check that it is installed.") from error

    @classmethod
    def adopt(cls, pid: int, created: float) -> Child | None:
        """Return the process `pid` if it is the one that started at `created` (the system reuses pids); else None."""
        try:
            child = cls(psutil.Process(pid))
        except psutil.Error:
            return None
        return child if abs(child.created - created) < 0.05 and child.alive() else None

    @classmethod
    def of_this_process(cls) -> Child:
        return cls(psutil.Process())

    def go_behind(self, nice: int) -> None:
        """Lower the priority of this process and its children. On Linux each session is a scheduling group: nice only counts within it, so
        the group gets the priority, too."""
        with contextlib.suppress(OSError):  # another kernel, or it has ended
            os.setpriority(os.PRIO_PGRP, self.pid, nice)
            Path(f"/proc/{self.pid}/autogroup").write_text(str(nice))

    def alive(self) -> bool:
        with contextlib.suppress(psutil.Error):
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit code (negative: the signal); None if it still runs after `timeout` seconds or is not our child."""
        try:
            code: int | None = self._process.wait(timeout)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            return None
        return code

    def stop(self, signal_name: str = "SIGTERM", grace: float = 20.0) -> None:
        """Signal the process and its group to end, then kill the rest of the group after `grace` seconds.

        The group, since Airflow's triggerer takes 15 s if only its parent is signalled, and 0.8 s this way.
        """
        if self.alive():
            self._signal_group(signal.Signals[signal_name])
            self.wait(grace)
        self.kill_group()

    def kill_group(self) -> None:
        """Kill what the process leaves behind: LocalExecutor's orphans can hold row locks indefinitely."""
        self._signal_group(signal.SIGKILL)
        self.wait(5)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def await_ready(child: Child, probe: Callable[[], str], timeout: float, pause: Callable[[float], object]) -> str:
    """Call `probe` until it returns "". Return "" or the reason: the process ended, the time is up, or `pause` returned true."""
    end = time.monotonic() + timeout
    reason = "not probed yet"
    while child.alive():
        reason = probe()
        if not reason:
            return ""
        if time.monotonic() > end:
            return f"not ready after {timeout:.0f} s: {reason}"
        if pause(0.2):
            return "stopped while it was starting"
    code = child.wait(0)
    return f"ended with {exit_words(code)} before it was ready"


def exit_words(code: int | None) -> str:
    """Describe an exit code."""
    if code is None:
        return "an unknown exit code"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def run(command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path, timeout: float) -> None:
    """Run `command` to its end. Raises StackFailed with the last lines of its log if it fails or takes too long."""
    child = Child.start(command, log, env, cwd)
    code = child.wait(timeout)
    child.kill_group()
    if code != 0:
        why = f"took more than {timeout:.0f} s" if code is None else f"ended with {exit_words(code)}"
        raise StackFailed(f"{Path(command[0]).name} {why}.\n{last_lines(log)}", f"\nThe whole log: {log}.")


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """Return the last lines of a log, indented. Reads only the end of the file."""
    if not log.exists():
        return "    (no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        lines = file.read().decode(errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line[:400]}" for line in lines) or "    (its log is empty)"


def descendants_of(home: str) -> list[psutil.Process]:
    """Return every process with this stack's mark in its environment, except this one and its ancestors.

    The mark is inherited, so drivers, executors and Airflow's task processes have it, too. Just after exec a process shows no environment,
    so those that show none (kernel threads, too) are looked at twice.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    marks = {process: _mark(process) for process in psutil.process_iter() if process.pid not in own}
    unclear = [process for process, mark in marks.items() if mark is None]
    if unclear:
        time.sleep(AFTER_EXEC_S)
        marks.update((process, _mark(process)) for process in unclear)
    return [process for process, mark in marks.items() if mark == home]


def _mark(process: psutil.Process) -> str | None:
    """Return WEIR_STACK of a process: "" if it is not set or cannot be read, None if the environment is empty, perhaps only still."""
    with contextlib.suppress(psutil.Error, OSError):
        environment = process.environ()
        return environment.get("WEIR_STACK", "") if environment else None
    return ""


def sweep(home: str, grace: float = 5.0) -> int:
    """End all remaining processes of a stack. Return how many there were."""
    left = descendants_of(home)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=grace)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace)
    return len(left)
