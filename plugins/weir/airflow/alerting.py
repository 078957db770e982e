"""One pass over a job's alerts by Airflow's connections: what the alert task and the watch's own alerts both do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from weir.airflow.notifiers import sinks
from weir.airflow.session import settings

if TYPE_CHECKING:
    from weir.alerts.book import Book
    from weir.alerts.rules import JobRules
    from weir.ports.source import Broker
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

STUBBORN = 3  # tries after which a message that is not taken fails the task, so that Airflow shows it, too


def alert(manager: Manager[Store], job: str) -> int:
    """One pass over one job, and what waits is delivered. Returns how many messages wait still. Raises WeirError."""
    trouble: list[str] = []
    for rules in all_rules(manager, trouble):
        if rules.job == job:
            evaluated(manager, broker(), rules)
    return len(delivered(manager, job)[1].outbox)


def evaluated(manager: Manager[Store], broker: Broker, rules: JobRules) -> bool:
    """One pass over a job's rules and its health. Are there windows left? Raises WeirError."""
    from weir.alerts.evaluate import evaluate
    from weir.counts.rules import Rules
    from weir.jobs.kinds import Capability

    spec = manager.spec(rules.job)
    counting = Rules.of(spec) if spec.kind.can(Capability.COUNTS) else None
    return evaluate(manager.store, broker, counting, rules, round(time.time() * 1000)).more


def broker() -> Broker:
    """Costs a question to Airflow for the connection: one for all jobs of a run."""
    from weir.factory import source_of

    return source_of(settings())


def delivered(manager: Manager[Store], job: str) -> tuple[int, Book]:
    """Send what is due: how many messages arrived, and the book as it is then. Raises WeirError."""
    from weir.alerts.deliver import deliver
    from weir.alerts.keep import open_book

    return deliver(manager.store, job, sinks(manager.store), time.time), open_book(manager.store, job)[1]


def stuck(book: Book) -> list[str]:
    """What sinks have refused again and again, in words."""
    waiting = [d for d in book.outbox if d.tries >= STUBBORN]
    return [f"{d.sink} did not accept {d.message.id} in {d.tries} tries: {d.trouble}" for d in waiting]


def all_rules(manager: Manager[Store], trouble: list[str]) -> list[JobRules]:
    """Of each job. One whose rules cannot be read is not evaluated: as if they had been removed, their incidents would end."""
    from weir.alerts.rules import JobRules, read_all
    from weir.jobs.specs import all_in_force

    found = read_all(Path(settings().rules), all_in_force(manager.specs, manager.store.jobs()))
    trouble += [str(wrong) for wrong in found.values() if not isinstance(wrong, JobRules)]
    return [its for job in manager.specs if isinstance(its := found.get(job, JobRules(job=job)), JobRules)]
