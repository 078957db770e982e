"""Alerts as a task: evaluate each job's rules and health once, then deliver the outboxes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.definitions.context import Context

from weir.airflow.alerting import all_rules, delivered, evaluated, source, stuck
from weir.airflow.operators.base import WeirOperator
from weir.airflow.session import opened
from weir.errors import NotDelivered, WeirError

if TYPE_CHECKING:
    from weir.alerts.rules import JobRules
    from weir.ports.source import Source
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

PASSES = 20  # in one run: after a long outage the next runs continue


class AlertOperator(WeirOperator):
    """Evaluates and delivers, job by job: a job that fails, or has a long backlog, does not delay others. Fails at the end with all
    errors."""

    def execute(self, context: Context) -> None:
        trouble: list[str] = []
        with opened() as manager:
            read, behind = source(), all_rules(manager, trouble)
            for _ in range(PASSES):
                passed, behind = behind, [rules for rules in behind if self._evaluate(manager, read, rules, trouble)]
                if not behind:
                    break
                for rules in passed:  # messages are delivered before all windows are evaluated: twenty years of windows took minutes
                    self._deliver(manager, rules.job, [])
            for job in manager.specs:
                self._deliver(manager, job, trouble)
        if trouble:
            raise NotDelivered("; ".join(trouble), "See docs/alerts.md.")

    def _evaluate(self, manager: Manager[Store], source: Source, rules: JobRules, trouble: list[str]) -> bool:
        """Evaluate once. Return whether windows or rows are left."""
        with _told(rules.job, trouble):
            return evaluated(manager, source, rules)
        return False

    def _deliver(self, manager: Manager[Store], job: str, trouble: list[str]) -> None:
        with _told(job, trouble):
            arrived, book = delivered(manager, job)
            self.log.info("%s: %d incidents open, %d messages delivered, %d waiting", job, len(book.incidents), arrived, len(book.outbox))
            trouble += stuck(book)


@contextmanager
def _told(job: str, trouble: list[str]) -> Iterator[None]:
    """Collect a job's error for the end."""
    try:
        yield
    except WeirError as error:
        trouble.append(f"{job}: {error}")
