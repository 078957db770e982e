"""Prove that an attempt without input can work: source, evaluation and sink are opened for real, and nothing lands.

A driver whose topic is idle has read nothing yet: one whose workers lacked the Kafka connector was called ready, and died at the first
line. A batch that lands proves more, so the proof begins only once the query waits for input, and ends as soon as a batch has landed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.protocol.partition import Partition
from spark_jobs.runtime.batches import Batches, Tools
from spark_jobs.runtime.contract import PROVEN, Exit, JobArguments
from spark_jobs.runtime.ending import explain
from spark_jobs.sources import idle
from spark_jobs.sources import kafka as source

LOG = logging.getLogger("weir.driver")
LOOK_EVERY_S = 0.2
AGAIN_S = 5.0  # after an outage, which a proof outlasts as a stream does


class Touches(Protocol):
    """The store, as a proof uses it."""

    def touch(self, job: str) -> None:
        """Reach every table that a landing writes to, and change nothing that is ever read."""

    def put_proof(self, job: str, attempt: int, proof: str) -> None:
        """Record how far the proof has come."""


class Sink(Protocol):
    def rehearse(self, job: str) -> None: ...


def rehearse(args: JobArguments, tools: Tools[Any], store: Touches, sink: Sink) -> None:
    """Evaluate the last record of each topic as a batch, drop the result, and reach everything that a landing writes to."""
    ids = tools.topics.ids(args.ids)
    if (ends := tools.topics.ends(ids)) and tools.job.reads_records:
        begins = tools.topics.begins(ids)
        batch = _batch(args, ids, {name: idle.last_range(args, begins[name], offsets) for name, offsets in ends.items()})
        tools.evaluate(lambda: idle.last_lines(tools.spark, args, ends), batch, Progress())
    store.touch(args.job)
    sink.rehearse(args.job)


def _batch(args: JobArguments, ids: dict[str, str], ranges: dict[str, idle.LastRange]) -> Batch:
    """Return a batch of the last record of each topic."""
    start = {Partition(ids[name], last.partition): last.start for name, last in ranges.items()}
    names = {topic_id: name for name, topic_id in ids.items()} if args.several else {}
    end = {Partition(ids[name], last.partition): last.end for name, last in ranges.items()}
    return Batch(0, start, end, names, source.arrived_by(time.time_ns() // 1_000_000))


class Proof:
    """Runs the proof of one attempt. `end` ends the driver, with a reason and an error."""

    def __init__(
        self, args: JobArguments, batches: Batches[Any], store: Touches, attempt: Callable[[], None], end: Callable[[Exit, str], None]
    ) -> None:
        self._args, self._batches, self._store, self._attempt, self._end = args, batches, store, attempt, end

    def run(self, waits: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        """Try until it is proven, or a batch has landed. `waits`: the query has looked for input, and found none."""
        while not self._batches.landed:
            if not waits():
                sleep(LOOK_EVERY_S)
            elif self._tried():
                return
            else:
                sleep(AGAIN_S)

    def _tried(self) -> bool:
        """Try once. Return False if it should be tried again; a failure that is no outage ends the driver."""
        began = time.monotonic()
        try:
            self._attempt()
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is judged
            reason, error = explain(failure)
            LOG.warning("the rehearsal without input failed: %s", error)
            if reason is not Exit.LOST:
                self._give_up(reason, error)
                return True
            self._note(f"its rehearsal fails: {error}")
            return False
        LOG.info("without input: source, evaluation and sink were rehearsed in %.3f s", time.monotonic() - began)
        self._note(PROVEN)
        return True

    def _give_up(self, reason: Exit, error: str) -> None:
        """End the driver, unless a batch lands after all, or fails by itself, which says more."""
        if self._batches.close_unless_begun():
            self._end(reason, f"the rehearsal without input failed: {error}")

    def _note(self, proof: str) -> None:
        note(self._store, self._args, proof)


def note(store: Touches, args: JobArguments, proof: str) -> None:
    """Record how far the proof has come. If that fails, the supervisor waits for a batch that lands."""
    try:
        store.put_proof(args.job, args.attempt, proof)
    except Exception:
        LOG.exception("could not record the result of the rehearsal")


def looked_for_input(query: Any) -> bool:
    """Return whether a streaming query has looked for input and found none."""
    status = query.status
    return str(status["message"]).startswith("Waiting") and not status["isDataAvailable"] and not status["isTriggerActive"]
