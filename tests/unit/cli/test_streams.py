"""Standard streams that are closed, full, broken or of another encoding: the work is told as done, and nothing is a bug."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, socket, sys, typer
from weir.cli import app
from weir.output import Format, result, say, show
from weir.local.report import Lines

line = typer.Typer()

@line.command()
def rows(n: int = 1):
    show([{"service": "\\u65e5\\u672c", "n": i} for i in range(n)], Format.CSV)

@line.command()
def work():
    result("12 lines sent")
    say("not reached")

@line.command()
def up():
    report = Lines()
    with report.step("kafka"):
        pass
    say("all of it ran")

@line.command()
def ask():
    first = socket.socket()
    typer.confirm("Remove it?")

@line.command()
def numbers():
    with socket.socket() as one:
        assert one.fileno() > 2
    sys.stderr.write("fine\\n")

app.main(line)
"""


def run(redirected: str, command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    shell = f'exec "$0" -c "$1" {command} {redirected}'
    return subprocess.run(["sh", "-c", shell, sys.executable, PROGRAM], capture_output=True, check=False, env={**os.environ, **env})


@pytest.mark.parametrize(
    ("redirected", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed"), ("1</dev/null", "it is closed")]
)
def test_lost_output_is_a_sentence_and_exit_code_3(redirected: str, why: str) -> None:
    done = run(redirected, "rows")
    assert (done.returncode, done.stderr.decode()) == (3, f"WEIR-701: Standard output cannot be written: {why}.\n")


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-"])
def test_work_that_was_done_is_told_on_standard_error(redirected: str) -> None:
    done = run(redirected, "work")
    assert done.returncode == 3
    assert done.stderr.decode().splitlines()[0] == "12 lines sent" and b"WEIR-701" in done.stderr


def test_lost_messages_do_not_stop_what_starts() -> None:
    done = run(">/dev/full", "up")
    assert done.returncode == 3 and done.stderr.startswith(b"all of it ran\n")


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
def test_standard_error_may_be_lost(redirected: str) -> None:
    done = run(redirected, "rows")
    assert (done.returncode, done.stdout.decode()) == (0, "service,n\n日本,0\n")


def test_all_three_may_be_closed() -> None:
    assert run("<&- >&- 2>&-", "rows").returncode == 3
    assert run("<&- >&-", "numbers").returncode == 0


def test_a_question_without_standard_input_is_not_answered_with_yes() -> None:
    done = run("<&-", "ask")
    assert done.returncode == 1 and b"Aborted" in done.stderr


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    done = run(
        "| head -n 1",
        "rows --n 100000",
    )
    assert (done.stdout, done.stderr) == (b"service,n\n", b"")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_what_an_encoding_lacks_is_escaped(encoding: str) -> None:
    done = run("", "rows --n 3", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"service,n\n" + b"".join(b"\\u65e5\\u672c,%d\n" % i for i in range(3))


def test_a_non_blocking_output_loses_nothing() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    command = [sys.executable, "-c", PROGRAM, "rows", "--n", "50000"]
    with subprocess.Popen(command, stdout=writes) as process, os.fdopen(reads, "rb") as pipe:
        os.close(writes)
        assert len(pipe.read().splitlines()) == 50_001
    assert process.returncode == 0
