"""The live sample: lines that the parser takes, dated now, with a flood now and then; one process a stack; stopped until it is started."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from weir.counts.lines import parser
from weir.counts.rules import Rules
from weir.local import live_sample, ports, secrets
from weir.local.part import Stack
from weir.local.state import only_one

NOW = datetime(2026, 11, 29, 12, 0, 1, 500_000, UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(("running_s", "errors"), [(0, 2), (live_sample.FIRST_FLOOD_S, 34), (live_sample.FIRST_FLOOD_S + 600, 2)])
def test_every_line_is_counted_now(running_s: int, errors: int) -> None:
    parse = parser(Rules("job", "logs"))
    found = [parse(line.rstrip(b"\n"), NOW_MS) for line in live_sample.lines(NOW, running_s)]
    assert {one[0] for one in found} == {NOW_MS}, found
    assert sum(one[1] == "error" for one in found) == errors


def test_it_stays_stopped_until_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr("subprocess.Popen", lambda *args, **more: started.append(args))
    stack = Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path))
    assert live_sample.begin(stack) and len(started) == 1
    live_sample.stop(tmp_path)
    assert not live_sample.begin(stack) and len(started) == 1
    live_sample.start(stack)
    assert live_sample.begin(stack)


def test_one_process_a_stack(tmp_path: Path) -> None:
    assert not live_sample.runs(tmp_path)
    with only_one(tmp_path, live_sample.SERVICE):
        assert live_sample.runs(tmp_path)
