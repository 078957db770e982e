"""`weir rules` and `weir alerts`: a job in memory behind them, with rules of its own."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.unit.alerts.bench import MANY, Bench, M, S
from tests.unit.cli.conftest import Weir
from weir.alerts.sink import Inbox
from weir.supervise.judge.report import Verdict


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    bench = Bench()
    bench.sink = Inbox(bench.store)  # type: ignore[assignment]
    (tmp_path / "error_counts.yaml").write_text(f"job: error_counts\nrules: [{MANY}]")
    monkeypatch.setenv("WEIR_RULES", str(tmp_path))
    monkeypatch.setattr("weir.cli.alerts.opened_store", lambda _: nullcontext(bench.store))
    bench.tick()
    for i, n in enumerate([3, 12, 15, 2, 1, 11, 1, 1]):
        bench.minute(i, n)
        bench.tick()
    return bench


def test_rules_are_listed_with_how_far_they_have_come(weir: Weir, bench: Bench) -> None:
    code, out, _ = weir("rules", "--format", "json")
    (row,) = json.loads(out)
    assert code == 0 and (row["rule"], row["window"], row["sinks"]) == ("many", "1m", "inbox")
    assert row["evaluated_until"] == "2026-01-31T12:06:00Z"


def test_a_rule_is_tested_on_the_past(weir: Weir, bench: Bench) -> None:
    code, out, _ = weir("rules", "test", "many", "--since", "2026-01-31T12:00", "--until", "2026-01-31T12:10", "--format", "json")
    assert code == 0 and json.loads(out) == [
        {"from": "2026-01-31T12:01:00Z", "to": "2026-01-31T12:03:00Z", "of": "", "worst": "15 error lines in 1m, more than 10"},
        {"from": "2026-01-31T12:05:00Z", "to": "2026-01-31T12:06:00Z", "of": "", "worst": "11 error lines in 1m, more than 10"},
    ]
    before = bench.book
    assert "many would not have fired from" in weir("rules", "test", "many", "--since", "2026-01-30", "--until", "2026-01-31")[2]
    assert bench.book == before, "nothing is written"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("rules", "test", "no"), "has no rule 'no'. Rules: many"),
        (("rules", "test", "many", "--since", "2026-01-02", "--until", "2026-01-01"), "is not after since"),
        (("alerts", "ack", "nothing", "--comment", "x"), "is not open"),
        (("rules", "--job", "nobody"), "There is no job 'nobody'"),
    ],
)
def test_what_does_not_fit_is_said(args: tuple[str, ...], told: str, weir: Weir, bench: Bench) -> None:
    code, _, err = weir(*args)
    assert code == 2 and told in err


def test_incidents_are_listed_acknowledged_and_told_in_the_inbox(weir: Weir, bench: Bench) -> None:
    bench.tick(bench.now + 5 * M)
    assert "error_counts has no open incidents." in weir("alerts")[2]
    bench.now += S
    bench.verdict(Verdict.DOWN, "error_counts: the driver has ended", "weir restart error_counts")
    bench.tick()
    rows = json.loads(weir("alerts", "--format", "json")[1])
    stream = next(r for r in rows if "stream" in r["incident"])
    assert stream["what"] == "error_counts: the driver has ended" and stream["acknowledged"] is None
    assert weir("alerts", "ack", stream["incident"], "--comment", "looking")[0] == 0
    rows = json.loads(weir("alerts", "--format", "json")[1])
    assert next(r for r in rows if "stream" in r["incident"])["acknowledged"].endswith(": looking")
    bench.deliver()
    kinds = [m["kind"] for m in json.loads(weir("alerts", "inbox", "--format", "json")[1])]
    assert kinds == ["acknowledged", "opened", "resolved", "opened", "resolved", "opened"]


def test_a_test_message_comes_to_the_inbox(weir: Weir, bench: Bench) -> None:
    assert weir("alerts", "test", "inbox")[0] == 0
    code, out, _ = weir("alerts", "inbox", "--last", "1", "--format", "json")
    assert code == 0 and json.loads(out)[0]["title"] == "[test] error_counts: this is a test"
