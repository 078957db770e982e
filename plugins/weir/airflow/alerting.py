"""One pass over a job's alerts with Airflow's connections as sinks, for the alert task and for the watch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from weir.airflow.notifiers import sinks
from weir.airflow.session import settings

if TYPE_CHECKING:
    from weir.alerts.book import Book
    from weir.alerts.rules import JobRules
    from weir.ports.source import Source
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

STUBBORN = 3  # tries after which an undelivered message fails the task, so that Airflow shows it, too


def alert(manager: Manager[Store], job: str) -> int:
    """Evaluate one job once and deliver its waiting messages. Return how many still wait. Raises WeirError."""
    trouble: list[str] = []
    for rules in all_rules(manager, trouble):
        if rules.job == job:
            evaluated(manager, source(), rules)
    return len(delivered(manager, job)[1].outbox)


def evaluated(manager: Manager[Store], source: Source, rules: JobRules) -> bool:
    """Evaluate a job's rules and health once. Return whether windows or rows are left. Raises WeirError."""
    from weir.alerts.evaluate import evaluate
    from weir.counts.rules import Rules
    from weir.jobs.kinds import Capability
    from weir.jobs.landed_spec import topic_of

    spec = manager.spec(rules.job)
    counting = Rules.of(spec) if spec.kind.can(Capability.COUNTS) else None
    return evaluate(manager.store, source, counting, rules, round(time.time() * 1000), topic_of(spec)).more


def source() -> Source:
    """Return the source that the settings name."""
    from weir.factory import source_of

    return source_of(settings())


def delivered(manager: Manager[Store], job: str) -> tuple[int, Book]:
    """Send due messages. Return how many arrived, and the book afterwards. Raises WeirError."""
    from weir.alerts.deliver import deliver
    from weir.alerts.keep import open_book

    return deliver(manager.store, job, sinks(manager.store), time.time), open_book(manager.store, job)[1]


def stuck(book: Book) -> list[str]:
    """Describe the messages that sinks keep refusing."""
    waiting = [d for d in book.outbox if d.tries >= STUBBORN]
    return [f"{d.sink} did not accept {d.message.id} in {d.tries} tries: {d.trouble}" for d in waiting]


def all_rules(manager: Manager[Store], trouble: list[str]) -> list[JobRules]:
    """Return the rules of each job. A job with unreadable rules is not evaluated: its incidents would end as if the rules had been
    removed."""
    from weir.alerts.rules import JobRules, read_all
    from weir.jobs.specs import all_in_force

    found = read_all(Path(settings().rules), all_in_force(manager.specs, manager.store.jobs()))
    trouble += [str(wrong) for wrong in found.values() if not isinstance(wrong, JobRules)]
    return [its for job in manager.specs if isinstance(its := found.get(job, JobRules(job=job)), JobRules)]
