"""What others wrote is on every page, and none of it runs: no dialog, nothing refused by the policy, no request to elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_jobs.counts.cells import Delta, RejectedLine
from tests.browser.eyes import Eyes
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import HOSTILE
from weir.alerts.book import Ack, Book, Delivery, Incident, Message
from weir.alerts.keep import open_book, write
from weir.alerts.sink import Inbox
from weir.ports.timeline import Event

LINES = [line.encode(errors="replace").decode() for line in HOSTILE]  # what Spark makes of bytes
PAGES = ("", "alerts", "inbox", f"jobs/{JOB}", f"jobs/{JOB}/errors", f"jobs/{JOB}/restart")


def test_no_hostile_line_runs(eyes: Eyes, job: Fleet, monkeypatch: Any) -> None:
    now = int(job.clock() * 1000)
    pane = now - now % 10_000
    for line in LINES:
        job.land(deltas=[Delta(pane, line, "error", line, 3)], rejected=[RejectedLine("logs", 0, 7, line, line, line.encode())])
        job.store.add_event(JOB, Event(now, line, line, {}, 1, line, line))
        Inbox(job.store).send(Message(line, line, JOB, line, "info", line, line, now))
    told = [Incident(f"{JOB}-{i}", line, (line,), "critical", now, now, line, line, ("inbox",)) for i, line in enumerate(LINES)]
    acked = [replace(one, ack=Ack(one.sentence, one.sentence, now)) for one in told]
    waiting = [Delivery(Message(line, line, JOB, line, "info", line, line, now), line, 3, trouble=line) for line in LINES]
    row, _ = open_book(job.store, JOB)
    assert write(job.store, row, Book(JOB, incidents=tuple(acked), outbox=tuple(waiting)))
    monkeypatch.setattr(job.cluster, "log_link", lambda submission: "javascript:alert(1)")
    for path in PAGES:
        eyes.open(path)
        eyes.page.mouse.move(200, 200)
        assert eyes.page.locator("iframe, main img, main script").count() == 0
        assert eyes.heard == [], path
        eyes.keep(f"6-hostile-{path.replace('/', '-') or 'fleet'}")
    assert eyes.page.locator('a[href^="javascript:"]').count() == 0
