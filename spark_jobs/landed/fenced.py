"""Adapt the sink of a landed job to the protocol's writer, with a failpoint after each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from spark_jobs import failpoint
from spark_jobs.protocol.head import Digest, Head, Progress, Totals
from spark_jobs.protocol.landing import Held, LandedSink

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Evaluated:
    """The result of evaluating a batch: its rows, which stay persisted until the batch has landed, and their digest."""

    rows: DataFrame
    digest: Digest
    progress: Progress
    stateful: bool
    totals: Totals = field(default_factory=Totals)  # empty: Weir cannot know which records a row comes from


class FencedSink:
    """Implements spark_jobs.protocol.writer.Sink over a LandedSink, for several threads.

    A rehearsal without input runs in a thread of its own and ends with a rollback. If a batch used the same connection at that time, the
    rollback would remove its rows, and the batch would then update the fence and commit.
    """

    publishes = True

    def __init__(self, sink: LandedSink) -> None:
        self._sink, self._turn, self.hides_claims = sink, Lock(), sink.hides_claims

    def fence(self, head: Head) -> Held | None:
        with self._turn:
            held = self._sink.fence(head)
        failpoint.reach("fence")
        return held

    def write(self, claimed: Head, evaluated: Evaluated) -> None:
        with self._turn:
            self._sink.write(claimed, evaluated.rows, evaluated.digest)
        failpoint.reach("write")

    def landed(self, head: Head) -> None:
        with self._turn:
            self._sink.landed(head)
        failpoint.reach("publish")

    def rehearse(self, job: str) -> None:
        with self._turn:
            self._sink.rehearse(job)

    def keep(self) -> None:
        if self._turn.acquire(blocking=False):  # a batch that is being written moves the fence itself
            try:
                self._sink.keep()
            finally:
                self._turn.release()
