"""What is looked up now and then: how often, and whose turn it is."""

from __future__ import annotations

import pytest

from weir.metrics.paced import Paced
from weir.testing import Clock


def test_an_answer_is_kept_for_a_while() -> None:
    clock, asked = Clock(), list[str]()
    paced = Paced[int](60, clock)

    def ask(job: str) -> int:
        asked.append(job)
        return len(asked)

    assert paced.look(["a", "b"], ask) == {"a": 1, "b": 2}
    clock.sleep(59)
    assert paced.look(["a", "b", "c"], ask) == {"a": 1, "b": 2, "c": 3}
    clock.sleep(1)
    assert paced.look(["a", "c"], ask) == {"a": 4, "c": 3}


def test_without_time_to_spare_the_oldest_answers_are_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, left = Clock(), iter([True, False])
    paced = Paced[float](60, clock)
    monkeypatch.setattr(paced._budget, "left", lambda: next(left, True))
    assert paced.look(["a", "b"], lambda job: clock()) == {"a": clock()}
    clock.sleep(100)
    asked = list[str]()
    paced.look(["a", "b"], lambda job: asked.append(job) or clock())
    assert asked == ["b", "a"]
