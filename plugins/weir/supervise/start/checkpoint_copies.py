"""The checkpoint folders of an epoch's attempts: which one leads on from what has landed, its copy, and which ones go."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from spark_jobs.protocol.head import Head
from weir.errors import NotRunning
from weir.ports.checkpoints import Checkpoints
from weir.supervise.judge.lineage import KEEP_BATCHES, Plans, disagreement, usable, with_sources

KEEP_ATTEMPTS = 3  # folders of an epoch, to look into after a fault

log = logging.getLogger(__name__)


class CheckpointCopies:
    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def location(self, head: Head) -> str:
        """Return the URI of the folder of the head's attempt."""
        return self._checkpoints.location(head.job, head.epoch, head.attempt)

    def copy(self, head: Head, topic: str) -> str:
        """Copy the newest earlier folder of the epoch that leads on from what has landed. Returns why there is none, empty if all is well:
        where nothing has landed, an empty folder begins at the right place. Raises NotRunning."""
        folders = self._checkpoints.attempts(head.job)
        if any(attempt >= head.attempt for _, attempt in folders):
            raise NotRunning(f"The checkpoints of {head.job} have come back, and know later attempts than {head.attempt}.", "Try again.")
        plans, why = self.leading(head, [a for e, a in folders if e == head.epoch], topic)
        if plans:
            self._checkpoints.put(head.job, head.epoch, head.attempt, plans.contents)
        return why

    def leading(self, head: Head, attempts: Sequence[int], topic: str) -> tuple[Plans | None, str]:
        """Return what the newest of the attempts' folders that leads on has, or why none does; neither where nothing has landed."""
        reasons: list[str] = []
        for attempt in reversed(attempts):
            plans = with_sources(usable(self._checkpoints.read(head.job, head.epoch, attempt, KEEP_BATCHES)), head)
            why = disagreement(plans, head, topic)
            if plans and not why:
                return plans, ""
            reasons.append(f"attempt {attempt}: {why}")
        return None, "" if head.last_landed < 0 else "; ".join(reasons) or "there is no folder of an earlier attempt"

    def tidy(self, head: Head) -> None:
        """Delete old folders, once a driver is on its way: a folder that cannot be deleted must keep no stream from starting."""
        try:
            earlier = [a for e, a in self._checkpoints.attempts(head.job) if e == head.epoch and a < head.attempt]
            self._checkpoints.forget(head.job, head.epoch, earlier[:-KEEP_ATTEMPTS])
        except Exception:
            log.exception("old checkpoints of %s could not be deleted", head.job)
