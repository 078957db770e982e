"""Prepare a start without fencing: confirm that the old driver has ended, then mark the attempt before its driver is submitted.

The order is that of unfenced.py, whose model test breaks each step. All attempts of an epoch share one checkpoint folder: there is never
a second driver that could write into it, and Spark's own commit log says how far the job has come.
"""

from __future__ import annotations

import os
import socket
from uuid import uuid4

from spark_jobs.protocol.head import Head, started
from weir.errors import Conflict
from weir.jobs.spec import JobSpec
from weir.ports.attempts import AttemptRow, AttemptStore
from weir.ports.heads import HeadStore
from weir.supervise.judge.requests import StartRequest
from weir.supervise.judge.unfenced import may_submit, submit_mark
from weir.supervise.kind import Start
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.takeover import Takeover, changed_since
from weir.supervise.start.unfenced_drivers import UnfencedDrivers, not_confirmed


class UnfencedPreparation:
    def __init__(self, parts: Parts, register: Register, takeover: Takeover, drivers: UnfencedDrivers) -> None:
        self._parts, self._register = parts, register
        self._heads: HeadStore = parts.store
        self._attempts: AttemptStore = parts.store
        self._takeover, self._drivers = takeover, drivers

    def prepare(self, request: StartRequest, spec: JobSpec) -> Start:
        """Prepare the start. Raises Conflict, NotRunning, or NotConfirmed if the old driver may still run."""
        before = self._drivers.recall(self._register.head(request.job))
        if before.attempt != request.judged:
            raise changed_since(request.job, request.judged)
        if why := self._drivers.end(before):
            raise not_confirmed(before, why)
        self._register.wanted_running(request.job)  # it may have been stopped while the old driver ended
        head, row = self._takeover.replace(request, before)
        head = self._marked(head, row)
        return Start(request.version, before, head, self._parts.checkpoints.location(head.job, head.epoch), {})

    def started(self, start: Start) -> None:
        """Do nothing: all attempts of an epoch share one folder."""

    def _marked(self, head: Head, row: AttemptRow) -> Head:
        """Mark the attempt: from here on there may be a driver. Raises Conflict if another attempt has taken over, or if it is too late."""
        mark = submit_mark(f"{socket.gethostname()} {os.getpid()} {uuid4().hex[:8]}")
        marked = started(head, mark)
        if not self._heads.swap(head, marked):
            raise Conflict(f"Somebody else has taken over from attempt {head.attempt} of {head.job}.", f"Run: weir health {head.job}")
        if not may_submit(row, self._parts.now_ms()):
            # Only the process that set the mark may submit, and it does not. So nothing runs, and no operator needs to confirm that.
            self._attempts.put_exit(head.job, head.attempt, "", "lost", "it was not submitted in time", -1)
            raise Conflict(f"Attempt {head.attempt} of {head.job} was not submitted in time.", f"Run: weir restart {head.job}")
        return marked
