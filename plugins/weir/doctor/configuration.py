"""Settings, job specs, alert rules and the state folder."""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from weir.alerts.rules import read_all
from weir.cluster.source_folders import SourceFolders
from weir.doctor.line import Line, failed, fine, unknown, wrong
from weir.errors import BadSetting, FolderMissing, NotRunning, WeirError
from weir.jobs.folders import sound
from weir.jobs.spec import CountsSpec, counting
from weir.ports.folders import Folders
from weir.setting_rules import FILES
from weir.settings import Settings, check_file
from weir.system_errors import read_json

# Variables that are no settings of Settings.
OTHERS = re.compile(r"WEIR_(HOME|CACHE|DAGS|DEBUG|FAILPOINTS|HISTORY|SECURE|STACK|ALL_[A-Z]+|LOG_\w+|TEST_\w+|DRILL_\w*|JOB_\w*)")


def variables(environment: Mapping[str, str]) -> Iterator[Line]:
    """Check that each WEIR_ variable is a setting: a misspelt one has no effect."""
    known = {f"WEIR_{field.name.upper()}" for field in fields(Settings)}
    for name in sorted(name for name in environment if name.startswith("WEIR_") and name not in known and not OTHERS.fullmatch(name)):
        near = difflib.get_close_matches(name, known, 1)
        advice = f"Did you mean {near[0]}?" if near else "Unset it; docs/settings.md lists the settings."
        yield wrong("settings", f"{name} is not a setting of Weir and has no effect", advice, BadSetting.code)


def settings(found: Settings) -> Iterator[Line]:
    """Settings.load has checked each value; a line says where the values come from."""
    own = sorted(name for name in os.environ if name.startswith("WEIR_") and name != "WEIR_HOME" and not OTHERS.fullmatch(name))
    stack = Path(found.home) / "stack.json"
    told = [f"{len(own)} from the environment"] if own else []
    told += [f"others from {stack}"] if stack.exists() else ["others are defaults"]
    yield from variables(os.environ)
    for name in FILES:
        if file := getattr(found, name, ""):
            check_file(f"WEIR_{name.upper()}", file)
            yield fine(f"file of {name}", file)
    yield fine("settings", ", ".join(told))


def state_folder(home: Path) -> Iterator[Line]:
    """Check that this user may use the state folder, and that its files are whole."""
    for name in ("stack.json", "state.json", "secrets.json", "tokens.json"):
        read_json(home / name)
    if not home.exists():
        yield fine("state folder", f"{home} does not exist yet; the first command that needs it creates it")
    elif os.access(home, os.W_OK | os.X_OK):
        mode = home.stat().st_mode & 0o077
        secret = (home / "secrets.json").exists()
        if mode and secret:
            yield wrong("state folder", f"{home} contains passwords, and other users can enter it", f"Run: chmod 700 {home}")
        else:
            yield fine("state folder", str(home))
    else:
        yield wrong("state folder", f"{home} cannot be written", f"Run: chmod u+rwx {home}", BadSetting.code)


def jobs(found: Settings) -> Iterator[Line]:
    """Check each job's spec, and whether its lines are read in this machine's time zone."""
    specs = sound(*found.job_folders)
    for job, bad in sorted(specs.bad.items()):
        yield failed(f"job {job}", bad)
    for job, spec in sorted(specs.items()):
        yield fine(f"job {job}", f"job.yaml is valid; reads {spec.source.subscription}")
        yield from (folder(job, uri, SourceFolders(found)) for uri in spec.folders.values())
        if isinstance(spec, CountsSpec):
            yield time_zone(job, counting(spec).time_zone, time.localtime().tm_gmtoff, time.tzname[0])
    if not specs and not specs.bad:
        where = ", ".join(map(str, found.job_folders))
        yield wrong("jobs", f"no folder with a job.yaml in {where}", "Check WEIR_JOBS, or run: weir new JOB", BadSetting.code)


def folder(job: str, uri: str, folders: Folders) -> Line:
    """Check that a folder that a job reads can be listed."""
    try:
        return fine(f"folder of {job}", f"{uri} has {len(folders.names(uri))} files")
    except FolderMissing as error:
        return failed(f"folder of {job}", error)
    except NotRunning as error:
        return unknown(f"folder of {job}", error.what, error.next_step)


def time_zone(job: str, zone: str, offset_s: int, name: str) -> Line:
    """Compare the zone in which lines are read with that of this machine: log times are local times more often than not."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    read_s = datetime.now(UTC).astimezone(ZoneInfo(zone)).utcoffset()
    if read_s is not None and read_s.total_seconds() == offset_s:
        return fine(f"time zone of {job}", f"{zone}, as on this machine")
    return unknown(
        f"time zone of {job}",
        f"lines are read as {zone}, and this machine's zone is {name} ({offset_s / 3600:+g} h)",
        f"If the servers write local time, set time_zone in {job}/job.yaml.",
    )


def rules(found: Settings) -> Iterator[Line]:
    """Check the files of alert rules."""
    read = read_all(Path(found.rules), sound(*found.job_folders))
    bad = {job: error for job, error in read.items() if isinstance(error, WeirError)}
    for job, error in sorted(bad.items()):
        yield failed(f"alert rules of {job}", error)
    yield fine("alert rules", f"{len(read) - len(bad)} files in {found.rules}")
