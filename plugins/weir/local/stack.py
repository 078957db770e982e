"""The embedded stack as a whole: up, down, status, logs, clean."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from weir import stack_stop
from weir.errors import Prerequisite, StackFailed, WeirError
from weir.local import first_counts, folder, jars, parts, release, secrets
from weir.local import live_sample as sample
from weir.local import logs as log_files
from weir.local.part import Part, Stack
from weir.local.preflight import folder_problem, java_problem, user_problem
from weir.local.process import Child, descendants_of, last_lines, sweep
from weir.local.report import Reporter
from weir.local.state import FAILED, OK, STARTING, STOPPED, SUPERVISOR, Record, StateFile, only_one
from weir.settings import PROJECT, Settings, home

POLL_S = 0.1
UP_S = 420.0  # for all servers: 20 s on an idle 2-core machine, 118 s beside three other stacks
DOWN_S = 120.0
SETTLE_S = 60.0  # of a part that was ready and is not ok now: Airflow's own health has thresholds of 5 to 30 s
DRIVERS_KNOWN_BY = {"cassandra", "kafka", "spark-master"}


class PartStatus(TypedDict):
    """`state` is "ok" or the reason why not. `since` is ISO 8601 or empty; `pid` is 0 when nothing runs."""

    part: str
    state: str
    address: str
    pid: int
    since: str


@dataclass(frozen=True)
class UpReport:
    """The result of `up`. `changed` is False if everything ran already; `counts` are the sample's, by level."""

    parts: list[PartStatus]
    airflow_url: str
    airflow_user: str
    password_file: Path
    seconds: float
    changed: bool = True
    counts: list[dict[str, Any]] = field(default_factory=list)
    live: bool = False  # whether the live sample is being sent


def up(reporter: Reporter, servers_only: bool = False, live_sample: bool = False) -> UpReport:
    """Start what does not run, up to the first counts; up to healthy servers if `servers_only`, or if `WEIR_JOBS` has no job that counts
    the sample.

    Raises WeirError; then nothing that this call started keeps running.
    """
    began = time.monotonic()
    servers_only = servers_only or not first_counts.has_job(Settings.load())
    for problem in (folder_problem(str(PROJECT)), folder_problem(str(home())), user_problem(), java_problem()):
        if problem:
            raise Prerequisite(problem)
    with only_one(home(), "up") as alone:
        if not alone:
            raise StackFailed(f"Another `weir up` or `weir down` works on {home()}.", "Wait for it to end.")
        changed = not _all_up(servers_only)
        if changed:
            with told_to_end():
                _start(reporter, servers_only)
        if daemon := supervisor():
            _tell_other_settings(daemon, reporter)
        sent = live_sample and not servers_only and sample.begin(folder.load(home()))
        return replace(_report(began, changed, servers_only), live=sent)


def _tell_other_settings(daemon: Child, reporter: Reporter) -> None:
    for name, before in release.other_settings(daemon).items():
        here = os.environ.get(name) or "not set"
        way = "To change the stack: `weir down`, then `weir up`, which stops all jobs for that time."
        there = f"with {before}" if before else "without it"
        reporter.note(f"{name} is {here} here, but the running stack was started {there}. {way}")


def _all_up(servers_only: bool) -> bool:
    """Return whether every server answers, the sample's job runs, and the supervisor is of this release."""
    found = status()
    driver = servers_only or any(each["part"] == f"driver:{first_counts.JOB}" for each in found)
    fed = servers_only or first_counts.fed(home()).exists()
    daemon = supervisor()
    current = daemon is not None and release.is_current(daemon)
    return bool(found) and current and driver and fed and all(each["state"] == OK for each in found)


@contextmanager
def told_to_end() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that a cancelled build is cleaned up, too. The same for a SIGINT that was ignored at the
    start of this process, as it is for background jobs of a shell."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(reporter: Reporter, servers_only: bool) -> None:
    daemon = supervisor()
    ours = daemon is None
    try:
        with reporter.step("jars of Kafka, Cassandra and Spark's Kafka source"):
            for name in jars.STACK:
                jars.class_path(name)
        if daemon and not release.is_current(daemon):
            with reporter.step("stopping Airflow and the supervisor of the release before"):
                _stop_old_release(daemon)
        stack = folder.configure(home(), reporter.note) if supervisor() is None else folder.load(home())
        if supervisor() is None:
            _launch(stack)
        _await_servers(stack, reporter)
        if not servers_only:
            first_counts.bring_up(stack, Settings.load(), reporter)
    except BaseException:
        if ours:
            reporter.note("stopping what was started")
            _stop_all()
        raise


def supervisor() -> Child | None:
    """Return the running supervisor of this state folder."""
    return StateFile(home()).read().get(SUPERVISOR, Record()).child()


def _launch(stack: Stack) -> None:
    """Start the daemon. Earlier failures are cleared first, so that they are not taken for new ones."""
    state = StateFile(stack.home)
    for name, record in state.read().items():
        if not record.child():
            state.put(name, Record())
    command = (sys.executable, "-m", "weir.local.supervisor", release.digest())
    daemon = Child.start(command, stack.log(SUPERVISOR), _daemon_env(stack), stack.home)
    state.put(SUPERVISOR, Record(STARTING, "is starting", daemon.pid, daemon.created))  # at once, so that an interrupted start can stop it


def _daemon_env(stack: Stack) -> dict[str, str]:
    return {name: value for name, value in stack.env().items() if name != "WEIR_STACK"}


def _await_servers(stack: Stack, reporter: Reporter) -> None:
    """Wait until all parts are ok, with topic and schema. Raises StackFailed with the failed part's reason and last lines."""
    waiting = {part.name: part for part in parts.all_parts(stack)}
    hooks = first_counts.ready_hooks(stack, Settings.load())
    for name in waiting:
        reporter.begin(name)
    end = time.monotonic() + UP_S
    with ThreadPoolExecutor(len(hooks)) as pool:
        follow_ups = []
        while waiting:
            records = StateFile(stack.home).read()
            for name in [name for name in waiting if records.get(name, Record()).state == OK]:
                reporter.done(name, waiting.pop(name).address)
                follow_ups += [pool.submit(hooks[name])] if name in hooks else []
            _raise_if_failed(stack, waiting, records, late=time.monotonic() > end)
            time.sleep(POLL_S)
        with reporter.step("topic and schema"):
            for follow_up in follow_ups:
                follow_up.result()


def _raise_if_failed(stack: Stack, waiting: dict[str, Part], records: dict[str, Record], late: bool) -> None:
    for name, part in waiting.items():
        record = records.get(name, Record())
        if record.state == FAILED or late:
            reason = record.reason if record.state == FAILED else f"is not up after {UP_S:.0f} s ({record.reason})"
            if "\n" in reason:  # it already has the log lines
                raise StackFailed(f"{name} {reason}", "Fix the cause and run `weir up` again.")
            where = f"\nThe whole log: {part.log}. Fix the cause and run `weir up` again."
            raise StackFailed(f"{name} {reason}.\n{last_lines(part.log)}", where)
    if not records.get(SUPERVISOR, Record()).child():
        log = stack.log(SUPERVISOR)
        raise StackFailed(f"The supervisor ended.\n{last_lines(log)}", f"The whole log: {log}")


def _report(began: float, changed: bool, servers_only: bool) -> UpReport:
    settings = Settings.load()
    counts = [] if servers_only else first_counts.first_counts(settings)
    return UpReport(
        parts=_settled(), airflow_url=settings.airflow_url, airflow_user=secrets.ADMIN,
        password_file=secrets.password_file(home()), seconds=time.monotonic() - began, changed=changed, counts=counts,
    )  # fmt: skip


def _settled(within_s: float = SETTLE_S, pause: Callable[[float], object] = time.sleep) -> list[PartStatus]:
    """Return the state of each part, once every server is ok or the time is up: a scheduler that is busy misses a heartbeat."""
    deadline = time.monotonic() + within_s
    while unwell(found := status()) and time.monotonic() < deadline:
        pause(1.0)
    return found


def unwell(parts: Iterable[PartStatus]) -> list[str]:
    """Return the servers that are not ok, each with its reason. A driver or standby that is starting is none."""
    return [f"{each['part']} {each['state']}" for each in parts if each["state"] != OK and ":" not in each["part"]]


def down(reporter: Reporter) -> bool:
    """Stop everything in order; nothing is lost. Return False if nothing ran."""
    with only_one(home(), "up") as alone:
        if not alone:
            raise StackFailed(f"Another `weir up` or `weir down` works on {home()}.", "Wait for it to end.")
        if not _anything_runs():
            return False
        with reporter.step("stopping Airflow, then the stream, then its servers"):
            _stop_all()
        return True


def _anything_runs() -> bool:
    return any(record.child() for record in StateFile(home()).read().values()) or bool(descendants_of(str(home())))


def _stop_all() -> None:
    """Let the supervisor stop everything, or do it here if the supervisor is dead; then end remaining processes."""
    daemon = supervisor()
    if daemon:
        daemon.stop(grace=DOWN_S)
    for group in parts.STOP_ORDER:
        _stop_parts(group)
    sweep(str(home()))
    _forget()
    if not _anything_runs():
        stack_stop.note(Settings.load())


def _stop_parts(group: Iterable[str]) -> None:
    """Stop, in parallel, parts that no supervisor keeps alive any more."""
    records = StateFile(home()).read()
    try:
        known = {part.name: part for part in parts.all_parts(folder.load(home()))}
    except WeirError:  # never started, or its files are damaged: the sweep ends them all the same
        known = {}
    running = [(known[name], child) for name in group if name in known and (child := records.get(name, Record()).child())]
    if running:
        with ThreadPoolExecutor(len(running)) as pool:
            list(pool.map(lambda each: each[1].stop(each[0].stop_signal, each[0].stop_s), running))


def _stop_old_release(daemon: Child) -> None:
    """Stop the processes with old code. A killed supervisor leaves servers and drivers alone; one that is asked to end stops them."""
    daemon.kill_group()
    _stop_parts(parts.AIRFLOW)


def _forget() -> None:
    state = StateFile(home())
    for name, record in state.read().items():
        if record.state != STOPPED:
            state.put(name, Record(state=STOPPED, reason="stopped on request"))


def status() -> list[PartStatus]:
    """Return the present state of each part and driver, within 2 s. Empty if there is no stack here."""
    found = servers()
    well = {each["part"] for each in found if each["state"] == OK}
    return found + (drivers() if well >= DRIVERS_KNOWN_BY else [])  # while these are away, drivers are unknown


def servers() -> list[PartStatus]:
    """Probe all parts in parallel. Empty if there is no stack here."""
    if not folder.known(home()):
        return []
    records = StateFile(home()).read()
    everything = parts.all_parts(folder.load(home()))
    with ThreadPoolExecutor(len(everything)) as pool:
        return list(pool.map(lambda part: _part_status(part, records.get(part.name, Record())), everything))


def _part_status(part: Part, record: Record) -> PartStatus:
    child = record.child()
    state = part.probe() if child else (record.reason if record.state == FAILED else "not running")
    return {
        "part": part.name, "state": state or OK, "address": part.address,
        "pid": child.pid if child else 0, "since": record.since if child else "",
    }  # fmt: skip


def drivers() -> list[PartStatus]:
    """Return the running drivers as parts named `driver:JOB`; none if supervision is not available."""
    try:
        ask = importlib.import_module("weir.factory").drivers
    except (ModuleNotFoundError, AttributeError):
        return []
    found: list[PartStatus] = ask(Settings.load())
    return found


def logs(part: str, follow: bool = False, lines: int = 200) -> Iterator[str]:
    """Yield the last lines of a part's log (`driver:JOB`: of the job's newest driver), then, with `follow`, new ones as they come."""
    return log_files.tail(log_files.of_part(home(), part), follow, lines)


def clean(reporter: Reporter) -> None:
    """Stop the stack and remove its state folder for good. The caller asks for confirmation."""
    down(reporter)
    with reporter.step(f"removing {home()}"):
        shutil.rmtree(home(), ignore_errors=False)
