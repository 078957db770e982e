"""A small live sample: lines of an Apache error log, dated now, so that plots, rates and alerts of a new stack move."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from weir.local.part import Stack, late
from weir.local.process import Child
from weir.local.state import only_one
from weir.settings import Settings, home

SERVICE = "live-sample"
EVERY_S = 5  # one batch in five seconds: a batch a second took a fifth of a core
USUAL, FLOOD = 12, 40  # lines at a time
FLOOD_EVERY_S, FLOOD_S, FIRST_FLOOD_S = 1800, 180, 240  # long enough for the rule many_errors, which wants two minutes
ERRORS = (
    "AH00128: File does not exist: /var/www/html/wp-login-{n}.php",
    "AH01071: Got error 'Primary script unknown', referer: http://shop.example.com/{n}",
    "AH00124: Request exceeded the limit of 10 internal redirects due to probable configuration error",
)
FLOODED = "AH01114: HTTP: failed to make connection to backend: 10.0.0.{n}"
CALM = ("AH00094: Command line: '/usr/sbin/apache2'", "AH01964: Connection to child {n} established (server shop.example.com:443)")


def begin(stack: Stack) -> bool:
    """Send the sample in the background, unless it was stopped. Return whether it is being sent. `weir down` ends it."""
    if _stopped(stack.home).exists():
        return False
    if not runs(stack.home):
        with stack.log(SERVICE).open("ab") as log:
            command = [sys.executable, "-m", "weir.local.live_sample"]
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=stack.env(), cwd=stack.home, start_new_session=True
            )
    return True


def start(stack: Stack) -> None:
    """Send the sample again after a stop."""
    _stopped(stack.home).unlink(missing_ok=True)
    begin(stack)


def stop(state: Path) -> None:
    """Stop the sample within seconds, until it is started again."""
    _stopped(state).touch()


def runs(state: Path) -> bool:
    """Return whether a process sends the sample."""
    with only_one(state, SERVICE) as alone:
        return not alone


def _stopped(state: Path) -> Path:
    return state / f"{SERVICE}-stopped"


def lines(at: datetime, running_s: int) -> Iterator[bytes]:
    """Yield the lines of one moment, `running_s` seconds after the first one."""
    floods = (running_s - FIRST_FLOOD_S) % FLOOD_EVERY_S < FLOOD_S and running_s >= FIRST_FLOOD_S
    for n in range(FLOOD if floods else USUAL):
        number = (running_s * 7 + n * 13) % 250 + 1
        if floods and n % 4:
            yield _line(at, "proxy:error", FLOODED.format(n=number), number)
        elif n % 6 == 0:
            yield _line(at, "core:error", ERRORS[number % len(ERRORS)].format(n=number), number)
        else:
            yield _line(at, "ssl:info" if n % 2 else "mpm_event:notice", CALM[n % 2].format(n=number), number)


def _line(at: datetime, level: str, message: str, number: int) -> bytes:
    moment = at.strftime("%a %b %d %H:%M:%S.%f %Y")
    return f"[{moment}] [{level}] [pid {4000 + number % 4}:tid 140214209817600] [client 203.0.113.{number}:34209] {message}\n".encode()


def _feed(pipe: BinaryIO) -> None:
    """Write lines until the sample is stopped; then the end of the pipe ends the process."""
    began = time.monotonic()
    with pipe:
        while not _stopped(home()).exists():
            pipe.writelines(lines(datetime.now(UTC), int(time.monotonic() - began)))
            pipe.flush()
            time.sleep(EVERY_S)


def main() -> None:
    """Send the sample until it is stopped. A second process of a stack ends at once."""
    with only_one(home(), SERVICE) as alone:
        if not alone:
            return
        Child.of_this_process().go_behind(10)
        reads, writes = os.pipe()
        os.dup2(reads, 0)
        os.close(reads)
        threading.Thread(target=_feed, args=(os.fdopen(writes, "wb"),), daemon=True).start()
        late("weir.ingest", "ingest_file")("-", SERVICE, Settings.load())


if __name__ == "__main__":
    main()
