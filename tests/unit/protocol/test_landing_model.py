"""The rules of landed jobs as a model: exact, or stopped with a reason, whatever is killed, sleeps or is restored. Each is needed."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from .landing_model import RULES, World, crash_and_wake, wander

WALKS = 400
SEARCHED = 3000  # walks in which a broken rule must show
KINDS = ("rows", "keys", "files")
STEPS = range(22)  # of a driver until its second batch has landed
LATER = range(34)  # of its successor until a further one has landed
BROKEN = [(rule, kind) for rule, kinds in RULES.items() for kind in kinds]


@pytest.mark.parametrize("kind", KINDS)
def test_kills_and_zombies_leave_every_event_once(kind: str) -> None:
    seen = _walked(kind, damage=False)
    assert seen["exact"] > 0.85 * WALKS, "the rest stops: torn state, a new epoch over an open claim, or a new version too soon"
    needed = {"claimed", "claimed again", "evaluated again", "superseded", "new epoch"} | ({"landed as held"} if kind == "rows" else set())
    assert needed <= {what for what, n in seen.items() if n > 10}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_restored_is_exact_or_stops_the_job(kind: str) -> None:
    seen = _walked(kind, damage=True)
    assert {"store restored", "folders restored", "state lost", "exact"} <= seen.keys()
    assert kind == "keys" or {"sink restored", "sink ahead", "sink behind"} <= seen.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_that_is_not_deterministic_is_told(kind: str) -> None:
    seen = _walked(kind, damage=False, deterministic=False)
    assert seen["not deterministic"] > WALKS / 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wakes", [False, True])
def test_a_driver_may_stop_after_any_step_and_wake_after_any_step_of_its_successor(kind: str, wakes: bool) -> None:
    for first in STEPS:
        for second in STEPS:
            crash_and_wake(kind, first, second, wakes)


@pytest.mark.parametrize(("rule", "kind"), BROKEN)
def test_each_rule_is_needed(rule: str, kind: str) -> None:
    searches = [partial(crash_and_wake, kind, first, second, True, rule) for first in STEPS for second in LATER]
    for search in [*searches, *(partial(wander, kind, seed, rule, rule != "digests are compared") for seed in range(SEARCHED))]:
        try:
            search()
        except AssertionError:
            return
    pytest.fail(f"{rule}: without it {SEARCHED} walks are exact")


def _walked(kind: str, damage: bool, deterministic: bool = True) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in range(WALKS):
        w: World = wander(kind, seed, damage=damage, deterministic=deterministic)
        seen.update(w.seen)
    return seen
