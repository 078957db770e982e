"""A job in memory whose lines the product's own Writer lands, with rules that are evaluated and sinks that can be broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.unit.counts.job import JOB, RULES, START, Job
from weir.alerts.book import Book, Delivery, Evaluation, Message
from weir.alerts.deliver import deliver
from weir.alerts.evaluate import Passed, evaluate
from weir.alerts.keep import open_book
from weir.alerts.ledger import decided, read
from weir.alerts.outbox import Sent
from weir.alerts.rules import JobRules, parse
from weir.ports.jobs import JobRow
from weir.ports.reports import Kept
from weir.ports.timeline import Event, Pause
from weir.supervise.judge.report import Report, Verdict

S, M = 1000, 60_000
MANY = "{name: many, kind: threshold, above: 10, window: 1m}"


def rules(*texts: str, job: str = JOB) -> JobRules:
    return parse(f"job: {job}\nrules: [{', '.join(texts)}]", "test.yaml")


class Recorder:
    """A sink that keeps what it gets. It answers with `says` in turn, and takes everything after that."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.says: list[Sent] = []

    def send(self, message: Message) -> Sent:
        self.got.append(message)
        return self.says.pop(0) if self.says else Sent()


class Bench(Job):
    """`now` passes only when told to. `tick` is what the DAG does."""

    def __init__(self, *texts: str, store: Any = None, job: str = JOB) -> None:
        super().__init__(partitions=1, store=store, name=job)
        self.rules, self.counting = rules(*(texts or (MANY,)), job=job), replace(RULES, job=job)
        self.store.set_job(None, JobRow(job, 1, "running", "v1", "{}", "ana", "first", START))
        self.sink = Recorder()

    def lines(self, at: int, n: int, level: str = "error", service: str = "web") -> None:
        for _ in range(n):
            self.send(at, service, level)

    def minute(self, i: int, n: int, level: str = "error") -> None:
        """Lines in minute `i`, and one notice that closes all that is a minute older."""
        self.lines(START + i * M, n, level)
        self.lines(START + i * M + 50 * S, 1, "notice")
        self.now = max(self.now, START + i * M + 55 * S)
        self.land()

    def tick(self, now: int | None = None) -> Passed:
        self.now = max(self.now, now or self.now)
        passed = evaluate(self.store, self.broker, self.counting, self.rules, self.now)
        while passed.more:
            passed = evaluate(self.store, self.broker, self.counting, self.rules, self.now)
        self.deliver()
        return passed

    def deliver(self) -> int:
        return deliver(self.store, self.name, lambda name: self.sink, lambda: self.now / 1000)

    @property
    def book(self) -> Book:
        return open_book(self.store, self.name)[1]

    @property
    def outbox(self) -> Sequence[Delivery]:
        return self.book.outbox

    @property
    def got(self) -> list[Message]:
        return self.sink.got

    @property
    def kinds(self) -> list[str]:
        """The kinds of the messages that came, in order."""
        return [m.kind for m in self.got]

    def rows(self, rule: str = "many", since: int = START - 60 * M, until: int = START + 6000 * M) -> list[Evaluation]:
        return read(self.store, self.name, rule, since, until)

    def outcome(self, i: int, rule: str = "many") -> tuple[float, bool]:
        """What the ledger says of minute `i`: its value, and whether it fires."""
        row = decided(self.rows(rule), START + i * M)
        assert row is not None, f"minute {i} was never evaluated"
        return row.value, bool(row.firing)

    # what the supervisor says

    def verdict(self, verdict: Verdict, sentence: str, next_step: str = "") -> None:
        report = Report(self.name, verdict, 1, self.now, sentence, next_step, at=self.now)
        self.store.keep_reports([Kept(self.name, report.to_json(), Event(self.now, "verdict", sentence, {"verdict": str(verdict)}, 1))])

    def pause(self, kind: str, until: int = 0) -> None:
        self.store.put_pause(self.name, Pause(kind, "ana", "new disks", self.now, until))
