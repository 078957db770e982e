"""Alerts as a task: one pass over each job's rules and health, then what is in the outboxes is delivered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.definitions.context import Context

from weir.airflow.notifiers import sinks
from weir.airflow.operators.base import WeirOperator
from weir.airflow.session import opened, settings
from weir.errors import NotDelivered, WeirError

if TYPE_CHECKING:
    from weir.alerts.book import Book
    from weir.alerts.rules import JobRules
    from weir.ports.source import Broker
    from weir.supervise.manager import Manager

PASSES = 20  # of one run: after a long outage the next runs go on
STUBBORN = 3  # tries after which a message that is not taken fails the task, so that Airflow shows it, too


class AlertOperator(WeirOperator):
    """Evaluates and delivers, job by job: one that fails, or has much to make up for, keeps no other waiting. Fails at the end with what
    went wrong."""

    def execute(self, context: Context) -> None:
        trouble: list[str] = []
        with opened() as manager:
            broker, behind = _broker(), _rules(manager, trouble)
            for _ in range(PASSES):
                passed, behind = behind, [rules for rules in behind if self._evaluate(manager, broker, rules, trouble)]
                if not behind:
                    break
                for rules in passed:  # what is decided does not wait for all that is left: twenty years of windows took minutes
                    self._deliver(manager, rules.job, [])
            for job in manager.specs:
                self._deliver(manager, job, trouble)
        if trouble:
            raise NotDelivered("; ".join(trouble), "See docs/alerts.md.")

    def _evaluate(self, manager: Manager, broker: Broker, rules: JobRules, trouble: list[str]) -> bool:
        """One pass. Are there windows left?"""
        with _told(rules.job, trouble):
            return evaluated(manager, broker, rules)
        return False

    def _deliver(self, manager: Manager, job: str, trouble: list[str]) -> None:
        with _told(job, trouble):
            arrived, book = delivered(manager, job)
            self.log.info("%s: %d incidents open, %d messages delivered, %d waiting", job, len(book.incidents), arrived, len(book.outbox))
            trouble += stuck(book)


def alert(manager: Manager, job: str) -> int:
    """One pass over one job, and what waits is delivered. Returns how many messages wait still. Raises WeirError."""
    trouble: list[str] = []
    for rules in _rules(manager, trouble):
        if rules.job == job:
            evaluated(manager, _broker(), rules)
    return len(delivered(manager, job)[1].outbox)


def evaluated(manager: Manager, broker: Broker, rules: JobRules) -> bool:
    """One pass over a job's rules and its health. Are there windows left? Raises WeirError."""
    from weir.alerts.evaluate import evaluate
    from weir.counts.rules import Rules

    return evaluate(manager.store, broker, Rules.of(manager.spec(rules.job)), rules, round(time.time() * 1000)).more


def _broker() -> Broker:
    """Costs a question to Airflow for the connection: one for all jobs of a run."""
    from weir.factory import source_of

    return source_of(settings())


def delivered(manager: Manager, job: str) -> tuple[int, Book]:
    """Send what is due: how many messages arrived, and the book as it is then. Raises WeirError."""
    from weir.alerts.deliver import deliver
    from weir.alerts.keep import open_book

    return deliver(manager.store, job, sinks(manager.store), time.time), open_book(manager.store, job)[1]


def stuck(book: Book) -> list[str]:
    """What sinks have refused again and again, in words."""
    waiting = [d for d in book.outbox if d.tries >= STUBBORN]
    return [f"{d.sink} did not take {d.message.id} in {d.tries} tries: {d.trouble}" for d in waiting]


def _rules(manager: Manager, trouble: list[str]) -> list[JobRules]:
    """Of each job. One whose rules cannot be read is not evaluated: as if they had been removed, their incidents would end."""
    from weir.alerts.rules import JobRules, read_all

    found = read_all(Path(settings().rules), manager.specs)
    trouble += [str(wrong) for wrong in found.values() if not isinstance(wrong, JobRules)]
    return [its for job in manager.specs if isinstance(its := found.get(job, JobRules(job=job)), JobRules)]


@contextmanager
def _told(job: str, trouble: list[str]) -> Iterator[None]:
    """What goes wrong with a job is told at the end."""
    try:
        yield
    except WeirError as error:
        trouble.append(f"{job}: {error}")
