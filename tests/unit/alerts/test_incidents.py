"""Incidents of a stream's health beside those of rules: joined, acknowledged, silenced."""

from __future__ import annotations

import pytest

from tests.unit.alerts.bench import MANY, Bench, M, S
from tests.unit.counts.job import JOB
from weir.alerts.health import UNKNOWN_MS
from weir.alerts.incidents import acknowledge
from weir.alerts.keep import change
from weir.alerts.messages import plain, span
from weir.errors import BadInput
from weir.ports.timeline import Event
from weir.supervise.judge.report import Verdict

SILENCE = "{name: silence, kind: absence, window: 5m}"


def down(bench: Bench, sentence: str = "error_counts: the driver of attempt 1 has ended: killed") -> None:
    bench.verdict(Verdict.DOWN, sentence, "weir restart error_counts")


def test_a_dead_stream_opens_once_and_recovers_with_what_was_lost() -> None:
    bench = Bench()
    down(bench)
    bench.tick()
    bench.tick()
    bench.now += 10 * S
    bench.store.add_event(JOB, Event(bench.now, "restart", "attempt 2 was submitted", {}, 2))
    bench.verdict(Verdict.STARTING, "error_counts: attempt 2 was submitted 0 s ago")
    bench.tick()
    bench.now += 240 * S
    bench.verdict(Verdict.OK, "error_counts: counting")
    bench.tick()
    bench.tick()
    assert bench.kinds == ["opened", "resolved"]
    assert "next: weir restart error_counts" in bench.got[0].text and "since 2026-01-31T12:00:00Z" in bench.got[0].text
    assert bench.got[1].title == "[resolved] error_counts: stream: recovered after 4 min 10 s, 0 lost"


def test_a_title_says_what_is_wrong_and_fits_on_a_phone() -> None:
    bench = Bench()
    down(bench, f"error_counts: batch 7 failed twice with the same error: {'x' * 500}")
    bench.tick()
    (message,) = bench.got
    assert message.title.startswith("[warning] error_counts: batch 7 failed twice with the same error: xx") and len(message.title) < 120
    assert "x" * 200 in message.text


def test_lines_that_were_given_up_are_told() -> None:
    bench = Bench()
    bench.verdict(Verdict.DATA_LOSS, "error_counts: the broker no longer has lines")
    bench.tick()
    bench.now += M
    bench.store.add_event(JOB, Event(bench.now, "accept_loss", "accepted", {"lines_left_out": 42}, 2, "ana"))
    bench.verdict(Verdict.OK, "error_counts: counting")
    bench.tick()
    assert bench.got[0].severity == "critical" and "recovered after 1 min, 42 lost" in bench.got[1].title


def test_trouble_that_came_and_went_between_two_looks_is_told_once() -> None:
    bench = Bench()
    down(bench)
    bench.now += 14 * S
    bench.verdict(Verdict.STARTING, "starting")
    bench.now += 20 * S
    bench.verdict(Verdict.OK, "counting")
    bench.now += S
    bench.tick()
    bench.tick()
    assert bench.kinds == ["resolved"] and "recovered after 34 s, 0 lost" in bench.got[0].title
    assert "over before a message was sent" in bench.got[0].text and bench.book.incidents == ()


def test_what_grows_worse_is_an_update_of_the_same_incident() -> None:
    bench = Bench()
    down(bench)
    bench.tick()
    bench.now += M
    bench.verdict(Verdict.CRASH_LOOPING, "error_counts: 5 restarts landed nothing", "weir logs error_counts")
    bench.tick()
    bench.tick()
    assert bench.kinds == ["opened", "updated"] and len({m.incident for m in bench.got}) == 1
    assert [m.severity for m in bench.got] == ["warning", "critical"] and "5 restarts landed nothing" in bench.got[1].text


def test_not_knowing_is_trouble_only_when_it_lasts() -> None:
    bench = Bench()
    bench.verdict(Verdict.UNKNOWN, "error_counts: the broker did not answer")
    bench.tick()
    bench.now += UNKNOWN_MS
    bench.tick()
    assert bench.got == []
    bench.now += 1
    bench.tick()
    bench.tick()
    assert bench.kinds == ["opened"]


def test_a_dead_stream_does_not_page_for_silence_too() -> None:
    bench = Bench(SILENCE)
    bench.tick()
    bench.minute(0, 2)
    bench.minute(9, 2)
    bench.tick()
    down(bench)
    bench.tick()
    bench.tick(bench.now + 30 * M)
    assert bench.kinds == ["opened"] and bench.got[0].title == "[warning] error_counts: the driver of attempt 1 has ended: killed"
    firing = [f.incident for row in bench.rows("silence") for f in row.firing]
    assert firing and set(firing) == {bench.got[0].incident}, "the ledger says whose it is"
    bench.verdict(Verdict.IDLE, "idle")
    bench.tick(bench.now + 10 * M)
    assert bench.kinds[:3] == ["opened", "resolved", "opened"] and "silence" in bench.got[2].title, "it is silent by itself"


def test_a_stream_that_a_person_stopped_is_not_silent() -> None:
    bench = Bench(SILENCE)
    bench.tick()
    bench.minute(0, 2)
    bench.minute(9, 2)
    bench.tick()
    wanted = bench.store.job(JOB)
    bench.store.set_job(wanted, type(wanted)(**{**vars(wanted), "desired": "stopped", "revision": 2}))
    bench.tick(bench.now + 60 * M)
    assert bench.got == []


@pytest.mark.parametrize("kind", ["hold", "maintenance"])
def test_in_a_pause_nobody_is_woken_and_what_is_still_open_is_told_after(kind: str) -> None:
    bench = Bench()
    bench.pause(kind, bench.now + 10 * M)
    down(bench)
    bench.tick()
    assert bench.got == [] and len(bench.book.incidents) == 1
    bench.tick(bench.now + 11 * M)
    assert bench.kinds == ["opened"] and "silenced until now" in bench.got[0].text


def test_what_is_over_by_the_end_of_a_pause_is_not_told_and_what_was_told_is_resolved_in_it() -> None:
    bench = Bench()
    bench.pause("maintenance", bench.now + 10 * M)
    down(bench)
    bench.tick()
    bench.now += M
    bench.verdict(Verdict.OK, "counting")
    bench.tick()
    bench.now += 20 * M
    down(bench)
    bench.tick()
    bench.pause("hold")
    bench.now += M
    bench.verdict(Verdict.OK, "counting")
    bench.tick()
    assert bench.kinds == ["opened", "resolved"]


def test_an_acknowledged_incident_says_by_whom() -> None:
    bench = Bench()
    down(bench)
    bench.tick()
    (incident,) = bench.book.incidents
    for comment, told in (("", "needs one"), ("mine", "is not open")):
        with pytest.raises(BadInput, match=told):
            acknowledge(bench.book, bench.rules, incident.id if not comment else "x", "ana", comment, bench.now)
    change(bench.store, JOB, lambda book: acknowledge(book, bench.rules, incident.id, "ana", "looking into it", bench.now))
    bench.deliver()
    assert bench.kinds == ["opened", "acknowledged"] and "acknowledged by ana" in bench.got[1].text
    ack = bench.book.incidents[0].ack
    assert ack and (ack.who, ack.comment) == ("ana", "looking into it")


def test_each_service_has_an_incident_of_its_own() -> None:
    bench = Bench(MANY.replace("window", "by: service, window"))
    bench.tick()
    for i in range(3):
        bench.lines(bench.now, 12, service="api")
        bench.minute(i, 12)
    bench.tick()
    titles = sorted(m.title for m in bench.got if m.kind == "opened")
    assert titles == [f"[warning] error_counts: many {service}" for service in ("api", "web")]


def test_what_a_log_line_brings_in_stays_one_harmless_line() -> None:
    assert plain("a\x1b[31m\nb\u202e") == "a\\x1b[31m b\\u202e"
    assert len(plain("x" * 1000)) == 300
    assert [span(ms) for ms in (0, 14_000, 250_000, 7_500_000, 90_000_000)] == ["0 s", "14 s", "4 min 10 s", "2 h 5 min", "1 d 1 h"]
