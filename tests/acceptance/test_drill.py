"""The part of the drill that guards the promise on every change; `make drill` plays all of it."""

from __future__ import annotations

import json

import pytest

from .conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.faults]
# A driver killed before and after it landed, a zombie, a killed store, all of Airflow killed, a supervisor killed in the middle of a start,
# a decision that came too late, a torn checkpoint, a line from the future, a topic without lines, a killed fold.
IN_CI = ("F1.claim", "F1.land", "F3.deltas", "F6.kill", "F9.all", "F10", "F11.stale", "F14.torn", "F17", "F18.quiet", "F24.fold.prove")


def test_a_short_drill_finds_nothing_lost_and_nothing_doubled(stack: Stack) -> None:
    done = stack.run("drill", "--here", "--only", ",".join(IN_CI), "--format", "json", timeout=1800)
    assert done.returncode == 0, done.stderr.decode()
    rows = {row["fault"]: row for row in json.loads(done.stdout)}
    assert set(rows) == set(IN_CI)
    for row in rows.values():
        assert (row["skipped"], row["failed"], row["duplicates"], row["losses"]) == ("", "", 0, 0), row
        assert row["lines"] > 0, row
