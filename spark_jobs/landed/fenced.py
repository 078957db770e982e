"""Let the protocol's writer use a landed job's sink: its steps are those of the protocol, with a place to fail after each."""

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
    """What a batch came to: its rows, which are persisted until it has landed, and their digest."""

    rows: DataFrame
    digest: Digest
    progress: Progress
    stateful: bool
    totals: Totals = field(default_factory=Totals)  # the job does not say which of its rows comes from which record


class FencedSink:
    """Implements spark_jobs.protocol.writer.Sink over a LandedSink, for several threads.

    A rehearsal without input is a thread of its own, and ends with a rollback. On the connection of a batch that came meanwhile, that would
    take back the rows and leave the fence to be moved and committed.
    """

    publishes = True

    def __init__(self, sink: LandedSink) -> None:
        self._sink, self._turn = sink, Lock()

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
