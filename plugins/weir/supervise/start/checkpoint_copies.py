"""Copy and delete the checkpoint folders of an epoch's attempts."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from spark_jobs.protocol.head import Head
from spark_jobs.sources.offsets import NO_FOLDERS, Folders
from weir.errors import NotRunning
from weir.ports.checkpoints import Checkpoints
from weir.ports.ledger import LandedStore
from weir.supervise.judge.lineage import KEEP_BATCHES, Plans, disagreement, usable, with_sources
from weir.supervise.start.landed_copies import LandedCopies

KEEP_ATTEMPTS = 3  # folders of an epoch that are kept, for the analysis of a failure

log = logging.getLogger(__name__)


class CheckpointCopies:
    def __init__(self, checkpoints: Checkpoints, store: LandedStore) -> None:
        self._checkpoints, self._landed = checkpoints, LandedCopies(checkpoints, store)

    def location(self, head: Head) -> str:
        """Return the URI of the folder of the head's attempt."""
        return self._checkpoints.location(head.job, head.epoch, head.attempt)

    def copy(self, head: Head, topic: str, folders: Folders = NO_FOLDERS) -> str:
        """Copy the newest earlier folder of the epoch that continues from what has landed. Return why there is none; empty if all is well.

        If nothing has landed, an empty folder begins at the right place. `folders` are those of the spec, by position of the source.
        Raises NotRunning.
        """
        found = self._checkpoints.attempts(head.job)
        if any(attempt >= head.attempt for _, attempt in found):
            raise NotRunning(
                f"The checkpoints of {head.job} are back, and have folders of later attempts than {head.attempt}.", "Try again."
            )
        if head.continues_by_plan:
            return self._landed.copy(head, found, topic, folders)
        if head.reads_folders:
            return ""  # nothing was claimed, and what was planned lists files that may have changed since
        plans, why = self.leading(head, [a for e, a in found if e == head.epoch], topic)
        if plans:
            self._checkpoints.put(head.job, head.epoch, head.attempt, plans.contents)
        return why

    def unkept(self, head: Head) -> str:
        """Return why a new epoch cannot keep the state of the head's last landed batch; empty if it can. Raises NotRunning."""
        return self._landed.unkept(head, self._checkpoints.attempts(head.job))

    def leading(self, head: Head, attempts: Sequence[int], topic: str) -> tuple[Plans | None, str]:
        """Return the plans of the newest folder that continues from what has landed, or why none does; neither if nothing has landed.

        A landed job continues from the plans in head and ledger: whether its state is there shows when it is copied.
        """
        if head.continues_by_plan or head.reads_folders:
            return None, ""
        reasons: list[str] = []
        for attempt in reversed(attempts):
            plans = with_sources(usable(self._checkpoints.read(head.job, head.epoch, attempt, KEEP_BATCHES)), head)
            why = disagreement(plans, head, topic)
            if plans and not why:
                return plans, ""
            reasons.append(f"attempt {attempt}: {why}")
        return None, "" if head.last_landed < 0 else "; ".join(reasons) or "there is no folder of an earlier attempt"

    def tidy(self, head: Head) -> None:
        """Delete old folders after a driver was submitted. A folder that cannot be deleted must not prevent a start."""
        try:
            earlier = [a for e, a in self._checkpoints.attempts(head.job) if e == head.epoch and a < head.attempt]
            self._checkpoints.forget(head.job, head.epoch, earlier[:-KEEP_ATTEMPTS])
        except Exception:
            log.exception("old checkpoints of %s could not be deleted", head.job)
