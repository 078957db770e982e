"""The score of a match against a brute force, and that neither order nor repetition of events changes it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.catalogue.scores.score import Event, added, score

IDS, TEAMS = "abcdef", ("Ajax", "Bayern")
EVENTS = st.one_of(
    st.tuples(st.sampled_from(("goal", "card")), st.sampled_from(TEAMS)), st.tuples(st.just("correction"), st.sampled_from(IDS))
)
BATCHES = st.lists(st.lists(st.tuples(st.sampled_from(IDS), EVENTS), max_size=6), max_size=6)
Batches = list[list[tuple[str, Event]]]


def brute(events: list[tuple[str, Event]]) -> dict[str, dict[str, int]]:
    """Count goal by goal and card by card, looking at all events each time."""
    ids = {name for name, _ in events}
    what = {name: sorted(event for other, event in events if other == name)[0] for name in ids}
    found: dict[str, dict[str, int]] = {"goals": {}, "cards": {}}
    for name in ids:
        kind, team = what[name]
        if kind == "correction" or any(what[other] == ("correction", name) for other in ids):
            continue
        found[f"{kind}s"][team] = found[f"{kind}s"].get(team, 0) + 1
    return found


def folded(batches: Batches) -> dict[str, dict[str, int]]:
    known: dict[str, Event] = {}
    for batch in batches:
        known = added(known, batch)
    return score(known)


@given(BATCHES)
def test_a_fold_in_batches_is_the_brute_force_over_all_events(batches: Batches) -> None:
    assert folded(batches) == brute([event for batch in batches for event in batch])


@given(BATCHES, st.randoms(use_true_random=False))
def test_replays_duplicates_and_any_order_give_the_same_score(batches: Batches, rng: random.Random) -> None:
    again = [event for batch in batches for event in batch] * 2
    rng.shuffle(again)
    assert folded([again[: len(again) // 3], again[len(again) // 3 :], *batches]) == folded(batches)


def test_a_correction_that_comes_first_and_twice_takes_one_goal_back() -> None:
    early = added({}, [("c1", ("correction", "g1"))])
    assert score(early) == {"goals": {}, "cards": {}}
    late = added(early, [("g1", ("goal", "Ajax")), ("g2", ("goal", "Ajax")), ("c1", ("correction", "g1")), ("c2", ("correction", "g1"))])
    assert score(late) == {"goals": {"Ajax": 1}, "cards": {}}


def test_a_correction_cannot_be_taken_back() -> None:
    known = added({}, [("g", ("goal", "Ajax")), ("c", ("correction", "g")), ("d", ("correction", "c"))])
    assert score(known) == {"goals": {}, "cards": {}}
