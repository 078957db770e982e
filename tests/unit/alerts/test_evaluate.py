"""Each closed window is evaluated once, however long nobody looked, and told of again once when late lines move it."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from tests.unit.alerts.bench import MANY, Bench, M, S, rules
from tests.unit.counts.job import JOB, RULES, START
from weir.alerts.evaluate import evaluate
from weir.counts.folding import fold_many, pending


def followed(*texts: str) -> Bench:
    """A bench whose rules were there before the first line."""
    bench = Bench(*texts)
    bench.tick()
    return bench


def test_a_threshold_opens_once_and_resolves_once() -> None:
    bench = followed()
    for i, n in enumerate([3, 12, 15, 11, 2, 1, 1]):
        bench.minute(i, n)
        bench.tick()
    assert bench.kinds == ["opened", "resolved"]
    opened, resolved = bench.got
    assert opened.incident == resolved.incident and opened.id != resolved.id
    assert "12 error lines in 1m, more than 10" in opened.text and opened.title == "[warning] error_counts: many"
    assert "over after 3 min" in resolved.title
    assert [bench.outcome(i) for i in range(5)] == [(3, False), (12, True), (15, True), (11, True), (2, False)]
    assert [e.detail["incident"] for e in bench.store.events(JOB) if e.kind == "alert"] == [opened.incident] * 2


def test_a_pass_that_is_repeated_says_nothing_new() -> None:
    bench = followed()
    for i, n in enumerate([12, 12, 1, 1]):
        bench.minute(i, n)
    for _ in range(3):
        bench.tick()
    assert bench.kinds == ["opened"] and len(bench.rows()) == 2


def test_of_two_passes_at_once_one_decides() -> None:
    bench = followed()
    for i, n in enumerate([12, 1, 1, 1]):
        bench.minute(i, n)
    inner = []

    class Slow(type(bench.store)):  # type: ignore[misc]
        def set_book(self, job, expected, new):  # type: ignore[no-untyped-def]
            if not inner:
                inner.append(True)
                inner.append(evaluate(bench.store, bench.broker, RULES, bench.rules, bench.now))
            return super().set_book(job, expected, new)

    bench.store.__class__ = Slow
    outer = evaluate(bench.store, bench.broker, RULES, bench.rules, bench.now)
    assert inner[1].decided and not outer.decided
    bench.tick()
    assert bench.kinds == ["resolved"] and "over before a message was sent" in bench.got[0].text


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(12))
def test_whichever_write_a_pass_dies_at_each_thing_is_decided_and_told_once(at: int, after: bool) -> None:
    bench = followed()
    writes = {"left": at}

    def dying(write):  # type: ignore[no-untyped-def]
        def run(*args):  # type: ignore[no-untyped-def]
            writes["left"] -= 1
            if writes["left"] == -1 and not after:
                raise Killed
            done = write(*args)
            if writes["left"] == -1:
                raise Killed
            return done

        return run

    for name in ("set_book", "put_evaluations", "add_event"):
        setattr(bench.store, name, dying(getattr(bench.store, name)))
    for i, n in enumerate([3, 12, 15, 2, 1, 1]):
        bench.minute(i, n)
        with suppress(Killed):
            bench.tick()
    bench.tick(bench.now + 2 * M)
    assert [kind for kind in bench.kinds if kind != "opened"] == ["resolved"]
    assert len({m.id for m in bench.got}) <= 2 and len({m.incident for m in bench.got}) == 1
    ids = [m.id for m in bench.got]
    assert all("repeat" in m.text for i, m in enumerate(bench.got) if m.id in ids[:i])
    assert [bench.outcome(i) for i in range(5)] == [(3, False), (12, True), (15, True), (2, False), (1, False)]
    assert writes["left"] < -1, "it died"


def test_a_pass_that_finds_nothing_writes_nothing() -> None:
    bench = followed()
    for i in range(3):
        bench.minute(i, 2)
    bench.tick()
    bench.tick()
    revision = bench.book.revision
    bench.tick()
    assert bench.book.revision == revision


def test_a_window_that_is_not_closed_is_not_looked_at() -> None:
    """grafana/loki#8765: the last minute's count was lower than what came later, and alerted falsely, or not at all."""
    bench = followed("{name: few, kind: absence, below: 5, levels: error, window: 1m}")
    bench.minute(0, 9)
    bench.lines(START + M, 3)
    bench.land()
    for seconds in range(0, 60, 10):
        bench.tick(START + M + seconds * S)
        assert bench.got == [], "minute 1 has 3 of its 6 errors"
    bench.lines(START + M + 30 * S, 3)
    bench.land()
    bench.minute(2, 6)
    bench.minute(3, 6)
    bench.tick()
    assert bench.kinds == [] and bench.outcome(1, "few") == (6, False)


def test_errors_that_come_late_still_raise_the_alert() -> None:
    """getsentry/sentry#50067: the threshold was reached by events that came after the window, and the alert never fired."""
    bench = followed()
    for i in range(6):
        bench.minute(i, 2)
        bench.tick()
    assert bench.outcome(1) == (2, False) and bench.got == []
    bench.lines(START + M, 10)
    bench.land()
    bench.tick()
    bench.tick()
    assert bench.kinds == ["amended"], "once"
    assert "after late lines it breaks the rule: 12 error lines in 1m, more than 10" in bench.got[0].text
    assert bench.outcome(1) == (12, True)
    row = [e for e in bench.rows() if e.start == START + M]
    assert [(e.value, e.amended) for e in row if e.end == START + 2 * M][-1] == (12, True)


def test_late_lines_in_windows_that_follow_on_one_another_are_one_notice() -> None:
    bench = followed()
    for i in range(8):
        bench.minute(i, 2)
    bench.tick()
    for i in (1, 2, 3):
        bench.lines(START + i * M, 10)
    bench.land()
    bench.tick()
    assert bench.kinds == ["amended"] and f"{12:02}:01:00Z to 2026-01-31T12:04:00Z" in bench.got[0].text


def test_late_lines_in_the_newest_window_open_its_incident() -> None:
    bench = followed()
    for i in range(4):
        bench.minute(i, 2)
    bench.tick()
    newest = max(e.start for e in bench.rows())
    bench.lines(newest, 20)
    bench.land()
    bench.tick()
    assert bench.kinds == ["opened"] and "by late lines" in bench.got[0].text


def test_a_share_that_late_lines_moved_back_is_taken_back_in_its_thread() -> None:
    """grafana/loki#4909: what was computed before all lines had come stayed wrong for ever."""
    bench = followed("{name: share, kind: threshold, measure: rate, above: 0.5, window: 1m}")
    bench.minute(0, 1, "info")
    bench.minute(1, 5)
    for i in range(2, 6):
        bench.minute(i, 3, "info")
        bench.tick()
    assert bench.kinds == ["opened", "resolved"] or bench.kinds == ["resolved"]
    thread = bench.got[0].incident
    bench.lines(START + M, 20, "info")
    bench.land()
    bench.tick()
    bench.tick()
    last = bench.got[-1]
    assert (last.kind, last.incident) == ("amended", thread) and "no longer breaks the rule" in last.text
    assert bench.kinds.count("amended") == 1 and not bench.outcome(1, "share")[1]


def test_after_an_outage_every_window_is_evaluated_and_marked_late() -> None:
    """elastic/kibana#285154: delayed runs skipped windows silently, and the rule said that all was well."""
    bench = followed()
    for i in range(3):
        bench.minute(i, 2)
        bench.tick()
    for i in range(3, 43):
        bench.minute(i, 15 if i == 10 else 2)  # nobody looks for 40 minutes
    assert bench.got == []
    bench.tick()
    assert [bench.outcome(i) for i in range(41)] == [(15.0 if i == 10 else 2.0, i == 10) for i in range(41)]
    assert {i for i in range(41) if _row(bench, i).late} == set(range(1, 36)), "but for the last ones, which are told in time"
    (told,) = bench.got
    assert told.kind == "resolved" and "over before a message was sent" in told.text and "late:" in told.text


def _row(bench: Bench, i: int):  # type: ignore[no-untyped-def]
    (row,) = (e for e in bench.rows() if e.start == START + i * M)
    return row


def test_weeks_without_lines_are_no_hole_and_no_burden() -> None:
    bench = followed()
    bench.minute(0, 2)
    bench.minute(1, 2)
    bench.tick()
    bench.minute(30_000, 2)  # 20 days later
    bench.minute(30_001, 2)
    bench.tick()
    rows = bench.rows(until=START + 30_002 * M)
    assert [r.end for r in rows[:-1]] == [r.start for r in rows[1:]] and len(rows) < 30
    assert rows[-1].end == START + 30_000 * M


def test_a_new_rule_begins_now_and_a_changed_one_anew() -> None:
    bench = Bench()
    for i, n in enumerate([20, 20, 20, 2, 2, 2]):
        bench.minute(i, n)
    bench.tick()
    assert bench.rows() == [] and bench.got == []
    bench.minute(6, 2)
    bench.tick()
    (first,) = bench.rows()
    bench.rules = rules(MANY.replace("10", "1"))
    bench.tick()
    bench.minute(7, 2)
    bench.tick()
    assert [(r.start, bool(r.firing)) for r in bench.rows()] == [(first.start, False), (first.end, True)]


def test_the_incident_of_a_rule_that_is_removed_ends() -> None:
    bench = followed()
    for i in range(3):
        bench.minute(i, 12)
    bench.tick()
    bench.rules = rules()
    bench.tick()
    assert bench.kinds == ["opened", "resolved"] and "its rule was removed" in bench.got[-1].title


def test_silence_is_told_although_nothing_closes_any_more() -> None:
    bench = followed("{name: silence, kind: absence, window: 5m}")
    bench.minute(0, 2)
    bench.minute(9, 2)
    bench.tick()
    bench.tick(START + 25 * M)
    assert bench.kinds == ["opened"] and "0 lines in 5m, at least 1 expected" in bench.got[0].text
    bench.minute(26, 2)
    bench.minute(31, 2)
    bench.tick()
    assert bench.kinds == ["opened", "resolved"]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_the_ledger_is_what_the_counts_say_in_the_end(seed: int) -> None:
    """Lines in any order, landings, folds and passes at any time: no window is missing, none is judged by half of its lines for good."""
    rng = random.Random(seed)
    bench = followed("{name: many, kind: threshold, above: 5, window: 1m, windows: 2}")
    truth = dict.fromkeys(range(60), 0)
    for i in range(60):
        for _ in range(rng.randrange(4)):
            late = rng.choice([0, 0, 0, 1, 5, 30])
            n, minute = rng.randrange(1, 12), max(0, i - late)
            bench.lines(START + minute * M + rng.randrange(50) * S, n)
            truth[minute] += n
        if rng.random() < 0.7:
            bench.minute(i, 0)
        if rng.random() < 0.2:
            fold_many(bench.store, JOB, pending(bench.store, JOB), bench.now)
        if rng.random() < 0.4:
            bench.tick()
    bench.minute(62, 0)
    bench.tick()
    first = min(e.start for e in bench.rows())
    ours = range((first - START) // M, 60)
    assert first <= START + 60 * M
    for i in ours:
        both = truth[i] > 5 and truth.get(i - 1, 0) > 5
        assert bench.outcome(i) == (truth[i], both), f"minute {i}"
    assert len(bench.book.incidents) <= 1
