"""The daemon that keeps each part alive. It has no state to lose: after a kill it is started again and takes the parts over."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from weir.errors import WeirError
from weir.local import airflow, folder, parts
from weir.local.part import Part, Stack
from weir.local.process import Child, await_ready, exit_words
from weir.local.state import FAILED, OK, STARTING, STOPPED, SUPERVISOR, Record, StateFile, now, only_one
from weir.settings import home

FIRST_TRIES = 2  # a part that was never ready gets one more try; then the start fails
BACKOFF_S = (0.5, 1, 2, 5, 10, 30)
HEALTHY_S = 60.0  # after so long without a failure the backoff starts again
LOG_LIMIT = 20 * 1024**2  # bytes of one log; one older piece of the same size is kept
LOG_EVERY_S = 30
PRUNE_EVERY_S = 24 * 3600
log = logging.getLogger("weir.local.supervisor")


class Keeper:
    """Keeps one part alive from its own thread."""

    def __init__(self, part: Part, state: StateFile, stopping: threading.Event, ready: dict[str, threading.Event]) -> None:
        self.part = part
        self._state = state
        self._stopping = stopping
        self._ready = ready
        self._record = state.read().get(part.name, Record())
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._run, name=part.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the part. The stopping event is set already, so its thread does not start it again."""
        self._thread.join(timeout=1)
        began = time.monotonic()
        if self._child:
            self._child.stop(self.part.stop_signal, self.part.stop_s)
        log.info("%s ended in %.1f s", self.part.name, time.monotonic() - began)
        self._note(STOPPED, "stopped on request", child=None)

    def _run(self) -> None:
        try:
            self._keep()
        except Exception as error:
            log.exception("%s", self.part.name)
            why = f"{error.what} {error.next_step}" if isinstance(error, WeirError) else repr(error)
            self._note(FAILED, f"could not be prepared: {why}", child=None)

    def _keep(self) -> None:
        """Start the part, wait until it ends, start it again. Gives up only on a part that was never ready."""
        falls = 0
        proven = False
        self._child = self._record.child()
        while self._may_go_on():
            reason = self._bring_up()
            if not reason:
                proven, began = True, time.monotonic()
                reason = self._watch()
                falls = 0 if time.monotonic() - began > HEALTHY_S else falls
            if self._stopping.is_set():
                return
            falls += 1
            self._fallen(reason, give_up=not proven and falls >= FIRST_TRIES)
            if self._record.state == FAILED:
                return
            self._stopping.wait(BACKOFF_S[min(falls, len(BACKOFF_S)) - 1])

    def _may_go_on(self) -> bool:
        """Wait for the parts that this one needs. Return False if the stack stops meanwhile."""
        for needed in self.part.after:
            while not self._ready[needed].wait(0.2):
                if self._stopping.is_set():
                    return False
        return not self._stopping.is_set()

    def _bring_up(self) -> str:
        """Start the part, or take over the running one. Return "" when it is ready, else the reason."""
        if self._child is None:
            self._note(STARTING, "is being prepared", child=None)
            self.part.prepare()
            if self._stopping.is_set():
                return "stopped while it was being prepared"
            self._child = Child.start(self.part.command, self.part.log, self.part.env, self.part.cwd)
        if self._record.state != OK:  # else it was healthy all along, and only its supervisor is new
            self._note(STARTING, "is starting", child=self._child)
        reason = await_ready(self._child, self.part.probe, self.part.ready_s, self._stopping.wait)
        if not reason:
            self._note(OK, "", child=self._child)
            if self.part.nice:
                self._child.go_behind(self.part.nice)
            self._ready[self.part.name].set()
        return reason

    def _watch(self) -> str:
        """Wait until the part ends, and return how."""
        assert self._child is not None
        while self._child.alive() and not self._stopping.is_set():
            self._child.wait(0.5)
        return "" if self._stopping.is_set() else f"ended with {exit_words(self._child.wait(0))}"

    def _fallen(self, reason: str, give_up: bool) -> None:
        log.warning("%s %s", self.part.name, reason)
        self._ready[self.part.name].clear()
        if self._child:
            self._child.stop(self.part.stop_signal, grace=5)
        self._child = None
        self._record = replace(self._record, restarts=self._record.restarts + 1)
        self._note(FAILED if give_up else STARTING, reason, child=None)

    def _note(self, state: str, reason: str, child: Child | None) -> None:
        who = (child.pid, child.created) if child else (0, 0.0)
        since = self._record.since if (self._record.state, self._record.pid) == (state, who[0]) else now()
        self._record = replace(self._record, state=state, reason=reason, pid=who[0], created=who[1], since=since)
        self._state.put(self.part.name, self._record)


class Supervisor:
    """All keepers of one stack, and its housekeeping."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stopping = threading.Event()
        self._state = StateFile(stack.home)
        kept = parts.all_parts(stack)
        ready = {part.name: threading.Event() for part in kept}
        self._keepers = {part.name: Keeper(part, self._state, self._stopping, ready) for part in kept}

    def run(self) -> None:
        """Keep all parts alive until SIGTERM or SIGINT, or until the folder is no longer its own; then stop them in order."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        own = Child.of_this_process()
        self._state.put(SUPERVISOR, Record(state=OK, pid=own.pid, created=own.created))
        for keeper in self._keepers.values():
            keeper.start()
        self._keep_house()
        mine = self._folder_is_mine()
        self._stop()
        if mine:
            self._state.put(SUPERVISOR, Record(state=STOPPED, reason="stopped on request"))

    def _keep_house(self) -> None:
        bounded = 0.0
        while not self._stopping.wait(1) and self._folder_is_mine():
            if time.monotonic() - bounded > LOG_EVERY_S:
                bounded = time.monotonic()
                _quietly(lambda: bound_logs(self._stack.home))
            if time.time() - airflow.last_pruned(self._stack) > PRUNE_EVERY_S:
                _quietly(lambda: airflow.prune(self._stack))
        self._stopping.set()

    def _folder_is_mine(self) -> bool:
        """Return False once the state folder was removed: then nothing else could find and stop these servers."""
        return self._state.read().get(SUPERVISOR, Record()).pid == os.getpid()

    def _stop(self) -> None:
        for group in parts.groups_to_stop(self._keepers):
            with ThreadPoolExecutor(len(group)) as pool:
                list(pool.map(lambda name: self._keepers[name].stop(), group))


def _quietly(chore: Callable[[], object]) -> None:
    """Run a chore. If it fails, log that and try again later; it never affects the parts."""
    try:
        chore()
    except Exception:
        log.exception("housekeeping")


def bound_logs(state: Path, limit: int = LOG_LIMIT) -> list[Path]:
    """Rotate each log over `limit` bytes: copy it to `.1`, then truncate it. Return the rotated logs.

    Every writer appends, so all continue at the new end. This works for servers without rotation and for Spark's drivers. The few lines
    between copy and truncation are lost.
    """
    grown = [
        path for path in [*state.glob("logs/*.log"), *state.glob("spark/work/*/std*"), *state.glob("spark/work/*/*/std*")]
        if not path.name.endswith(".1") and path.stat().st_size > limit
    ]  # fmt: skip
    for path in grown:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        with path.open("r+b") as file:
            file.truncate(0)
    return grown


def main() -> None:
    state = home()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    with only_one(state, "supervisor") as alone:
        if alone:
            Supervisor(folder.load(state)).run()


if __name__ == "__main__":
    main()
