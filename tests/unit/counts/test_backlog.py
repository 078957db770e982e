"""How far folding is behind."""

from __future__ import annotations

from spark_jobs.counts.cells import HOUR_MS
from weir.counts.backlog import BEHIND_MS, Backlog, measured
from weir.counts.folding import GRACE_MS
from weir.ports.counts import FoldNote, Touched

NOW = 1000 * HOUR_MS


def test_closed_hours_wait_since_they_were_over_or_written_to_after_that() -> None:
    touched = [Touched(0, 0, (1, 5), NOW - 7), Touched(HOUR_MS, 0, (1, 3), 5), Touched(NOW, 0, (1, 9), NOW)]
    notes = {(HOUR_MS, 0): FoldNote("r", (1, 3), NOW, "r")}
    assert measured(touched, notes, NOW, NOW) == Backlog(1, NOW - 7, 0)
    assert measured(touched, {}, NOW, NOW) == Backlog(2, 2 * HOUR_MS, 0)
    assert measured(touched, {}, 0, NOW) == Backlog(0, 0, 0)


def test_what_was_folded_long_ago_and_is_not_swept() -> None:
    notes = {(0, n): FoldNote("r", (1, 3), NOW - age, swept) for n, (age, swept) in enumerate(((1, ""), (2 * GRACE_MS, "q"), (NOW, "r")))}
    assert measured([], notes, NOW, NOW) == Backlog(0, 0, 1)


def test_a_sentence_only_when_it_is_behind() -> None:
    assert Backlog(0, 0, 9).behind("job", NOW) == ""
    assert Backlog(3, NOW - BEHIND_MS, 0).behind("job", NOW) == ""
    told = Backlog(3, NOW - BEHIND_MS - 1, 0).behind("job", NOW)
    assert told.startswith("folding is behind: 3 hours and shards wait, the first since 1970-02-11T")
