"""How far the queries of many jobs have come, read from their checkpoints side by side and now and then: a file system may hang."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spark_jobs.protocol.head import Head
from weir.ports.checkpoints import Checkpoints, QueryProgress
from weir.supervise.questions import Questions

AGAIN_MS = 2_000  # a pass is made each second; a checkpoint of a few queries is some twenty files
WITHIN_S = 2.0  # for a file system that hangs, once for each job: after that nobody waits for it
Found = Sequence[QueryProgress] | None
UNREAD: Found = None


class ProgressWatch:
    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints, self._questions = checkpoints, Questions(WITHIN_S)
        self._known: dict[str, tuple[int, int, Found]] = {}  # by job: of which epoch, when (ms), and what was found

    def look(self, heads: Mapping[str, Head], now: int) -> Mapping[str, Found]:
        """The progress of each job's queries, no older than AGAIN_MS. None of a job whose checkpoint cannot be read, or not in time."""
        asked = {job: self._ask(head) for job, head in heads.items() if not self._fresh(job, head, now)}
        for job, answer in asked.items():
            self._known[job] = heads[job].epoch, now, answer()
        return {job: self._known[job][2] for job in heads}

    def _ask(self, head: Head) -> Callable[[], Found]:
        where = self._checkpoints.location(head.job, head.epoch)
        return self._questions.ask(f"the checkpoint of {head.job}", lambda: self._checkpoints.progress(where), UNREAD)

    def _fresh(self, job: str, head: Head, now: int) -> bool:
        epoch, at, found = self._known.get(job, (0, 0, UNREAD))
        return found is not None and epoch == head.epoch and 0 <= now - at < AGAIN_MS
