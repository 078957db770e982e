"""Alerts as a task: one pass over each job's rules and health, then what is in the outboxes is delivered."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.definitions.context import Context

from weir.errors import NotDelivered, WeirError
from weir.operators.base import WeirOperator
from weir.operators.session import opened, settings
from weir.operators.sinks import sinks

if TYPE_CHECKING:
    from weir.alerts.book import Book
    from weir.alerts.rules import JobRules
    from weir.cluster.base import Broker
    from weir.supervise.manager import Manager

PASSES = 20  # of one run: after a long outage the next runs go on
STUBBORN = 3  # tries after which a message that is not taken fails the task, so that Airflow shows it, too


class AlertOperator(WeirOperator):
    """Evaluates and delivers, job by job: one that fails keeps no other waiting. Fails at the end with what went wrong."""

    def execute(self, context: Context) -> None:
        with opened() as manager:
            trouble = self._evaluated(manager)
            for job in manager.specs:
                trouble += _tried(job, partial(self._delivered, manager, job))
        if trouble:
            raise NotDelivered("; ".join(trouble), "See docs/alerts.md.")

    def _evaluated(self, manager: Manager) -> list[str]:
        """What went wrong. A job whose rules cannot be read is not evaluated: as if they had been removed, their incidents would end."""
        from weir.alerts.rules import JobRules, read_all
        from weir.cluster.kafka import KafkaBroker

        found = settings()
        rules, broker = read_all(Path(found.rules), manager.specs), KafkaBroker(found.kafka)
        trouble = [str(wrong) for wrong in rules.values() if not isinstance(wrong, JobRules)]
        for job in manager.specs:
            if isinstance(its := rules.get(job, JobRules(job=job)), JobRules):
                trouble += _tried(job, partial(_evaluate, manager, broker, its))
        return trouble

    def _delivered(self, manager: Manager, job: str) -> list[str]:
        from weir.alerts.deliver import deliver
        from weir.alerts.keep import open_book

        arrived = deliver(manager.store, job, sinks(manager.store), time.time)
        book = open_book(manager.store, job)[1]
        self.log.info("%s: %d incidents open, %d messages delivered, %d waiting", job, len(book.incidents), arrived, len(book.outbox))
        return stuck(book)


def stuck(book: Book) -> list[str]:
    """What sinks have refused again and again, in words."""
    waiting = [d for d in book.outbox if d.tries >= STUBBORN]
    return [f"{d.sink} did not take {d.message.id} in {d.tries} tries: {d.trouble}" for d in waiting]


def _evaluate(manager: Manager, broker: Broker, rules: JobRules) -> list[str]:
    from weir.alerts.evaluate import evaluate
    from weir.counts.rules import Rules

    for _ in range(PASSES):
        counting = Rules.of(manager.specs[rules.job])
        if not evaluate(manager.store, broker, counting, rules, round(time.time() * 1000)).more:
            break
    return []


def _tried(job: str, what: Callable[[], list[str]]) -> list[str]:
    try:
        return what()
    except WeirError as error:
        return [f"{job}: {error}"]
