"""Alerts over both stores: windows, incidents, late lines and the inbox, from end to end."""

from __future__ import annotations

from typing import Any

from tests.unit.alerts.bench import Bench, M
from tests.unit.counts.job import START
from weir.alerts.sink import Inbox, message_of
from weir.supervise.judge.report import Verdict


def test_from_lines_to_the_inbox(store: Any, job: str) -> None:
    bench = Bench(store=store, job=job)
    bench.sink = Inbox(store)  # type: ignore[assignment]
    bench.tick()
    for i, n in enumerate([3, 12, 15, 2, 1, 1]):
        bench.minute(i, n)
        bench.tick()
    bench.lines(START, 9)
    bench.land()
    bench.verdict(Verdict.DOWN, f"{job}: the driver has ended", f"weir restart {job}")
    bench.tick()
    bench.now += 250_000
    bench.verdict(Verdict.OK, f"{job}: counting")
    bench.tick()
    bench.tick()
    assert [bench.outcome(i) for i in range(4)] == [(12, True), (12, True), (15, True), (2, False)]
    messages = [message_of(mail) for mail in store.mails(job)]
    assert sorted(m.kind for m in messages) == ["amended", "opened", "opened", "resolved", "resolved"]
    assert any("recovered after 4 min 10 s, 0 lost" in m.title for m in messages)
    assert len({m.id for m in messages}) == 5 and bench.outbox == () and bench.book.incidents == ()
    assert bench.rows(until=START + 5 * M)[0].start <= START
