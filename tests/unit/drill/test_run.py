"""The matrix and its rows: what fails says so, what cannot be played says why, and a seed plays the same schedule."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from drill.fault import FAILPOINTS, IPTABLES, MATRIX, OWN_DAGS, OWN_JOBS, PROXY, ROOT, Scene
from drill.matrix import chosen
from drill.run import called_in_time
from weir.errors import BadInput

DEMANDED = {f"F{n}" for n in (*range(1, 15), 16, 17, 18, 19, 21, 22, 24, 25)}


def test_every_fault_is_there() -> None:
    assert {each.number for each in chosen([])} == DEMANDED


def test_a_number_chooses_all_of_its_kind_and_a_name_one() -> None:
    assert {each.number for each in chosen(["F1"])} == {"F1"}
    assert len(chosen(["F1"])) > 8
    assert [each.name for each in chosen(["F6.kill", "F17"])] == ["F6.kill", "F17"]


def test_a_long_fault_is_played_only_if_named_or_if_all_are() -> None:
    assert "F9.long" not in {each.name for each in chosen(["F9"])}
    assert [each.name for each in chosen(["F9.long"])] == ["F9.long"]
    assert "F9.long" in {each.name for each in chosen([])}


def test_an_unknown_fault_is_refused_with_the_list() -> None:
    with pytest.raises(BadInput, match=r"no fault 'F99'.*F17"):
        chosen(["F99"])


def test_what_a_fault_needs_is_known() -> None:
    assert {need for each in MATRIX.values() for need in each.needs} <= {FAILPOINTS, IPTABLES, OWN_DAGS, OWN_JOBS, PROXY, ROOT}


def schedule(seed: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    slept: list[float] = []
    monkeypatch.setattr("drill.fault.time.sleep", slept.append)
    scene = Scene(Any, Any, Random(f"{seed} F6"), start_ms=0, attempt=1)  # type: ignore[arg-type]
    for _ in range(3):
        scene.pause(0.5, 3.0)
    assert all(0.5 <= seconds <= 3.0 for seconds in slept)
    return scene.schedule


def test_the_same_seed_plays_the_same_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schedule(7, monkeypatch) == schedule(7, monkeypatch) != schedule(8, monkeypatch)


@pytest.mark.parametrize(
    ("verdicts", "wrong"),
    [({"down": 1.0, "stalled": 60.0}, ""), ({"down": 1.0}, "never called stalled"), ({"stalled": 151.0}, "after 151 s, later than 150 s")],
)
def test_a_job_must_be_called_what_it_is_in_time(verdicts: dict[str, float], wrong: str) -> None:
    told = called_in_time(verdicts, "stalled", 150.0)
    assert (wrong in told[0]) if wrong else told == []
    assert called_in_time(verdicts, "", 0.0) == []
