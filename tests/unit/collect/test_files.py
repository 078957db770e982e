"""`weir collect files` starts a `weir ingest --follow` for each file; here a program stands for it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.parts import until
from weir.collect import files
from weir.collect.files import Followers

PROGRAM = """
import signal, sys, time
with open(sys.argv[1] + ".args", "a") as log: log.write(" ".join(sys.argv[2:]) + "\\n")
if "once" in sys.argv[1]: raise SystemExit(1)
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    class Short(files.subprocess.Popen):  # type: ignore[name-defined, misc]
        def __init__(self, command: list[str], **options: object) -> None:
            assert command[:4] == [sys.executable, "-m", "weir", "ingest"]
            super().__init__([sys.executable, str(program), *command[4:]], **options)

    monkeypatch.setattr(files.subprocess, "Popen", Short)
    monkeypatch.setattr(files, "LOOK_S", 0.05)
    monkeypatch.setattr(files, "AGAIN_S", 0.1)


def starts(file: Path) -> list[str]:
    args = file.with_name(f"{file.name}.args")
    return args.read_text().splitlines() if args.exists() else []


def test_each_file_is_followed_also_one_that_comes_later_and_again_when_its_process_ended(tmp_path: Path) -> None:
    stopping, told = threading.Event(), list[str]()
    first, later, once = (tmp_path / name for name in ("a.log", "b.log", "once.log"))
    first.touch()
    (tmp_path / "a.log.1").touch()
    followers = Followers(str(tmp_path / "*.log"), ["--topic", "logs"], told.append)
    running = threading.Thread(target=followers.run, args=(stopping,))
    running.start()
    try:
        until(lambda: starts(first) == ["--follow --topic logs"], "the first file is followed", 60)
        later.touch()
        once.touch()
        until(lambda: len(starts(later)) == 1 and len(starts(once)) >= 2, "a new file is followed, and one again", 60)
    finally:
        stopping.set()
        running.join(60)
    assert not running.is_alive()
    assert len(starts(first)) == len(starts(later)) == 1 and not starts(tmp_path / "a.log.1")
    assert f"The process that followed {once} ended with exit code 1; it is started again." in told
