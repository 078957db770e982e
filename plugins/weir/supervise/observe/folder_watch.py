"""Count the unread files of jobs that read folders, in parallel and with a time limit: a file system may hang."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spark_jobs.protocol.head import Head, Offsets
from weir.errors import WeirError
from weir.jobs.spec import JobSpec
from weir.supervise.observe.questions import Questions
from weir.supervise.parts import Parts
from weir.supervise.unread import unread

AGAIN_MS = 10_000  # a pass is made each second; a listing of a large folder takes a store as long
WITHIN_S = 2.0  # for a file system that hangs, once for each job: after that no pass waits for it


@dataclass(frozen=True)
class Unread:
    """How many files of each folder are in no landed batch; if that is unknown, `fault` says why."""

    files: Offsets = field(default_factory=dict)
    fault: str = ""


NOTHING = Unread()
LATE = Unread(fault="its folder could not be listed in time")


class FolderWatch:
    def __init__(self, parts: Parts) -> None:
        self._parts, self._questions = parts, Questions(WITHIN_S)
        self._known: dict[str, tuple[int, int, Unread]] = {}  # by job: its epoch, the time of the look (ms), and the result

    def look(self, specs: Mapping[str, JobSpec], heads: Mapping[str, Head | None], now: int) -> Mapping[str, Unread]:
        """Return what is unread of each job that reads folders, no older than AGAIN_MS."""
        reading = {job: (head, spec.folders) for job, spec in specs.items() if spec.folders and (head := heads[job])}
        asked = {job: self._ask(head, folders) for job, (head, folders) in reading.items() if not self._fresh(head, now)}
        for job, answer in asked.items():
            self._known[job] = reading[job][0].epoch, now, answer()
        return {job: self._known[job][2] for job in reading}

    def _ask(self, head: Head, folders: Mapping[int, str]) -> Callable[[], Unread]:
        return self._questions.ask(f"the folders of {head.job}", lambda: self._counted(head, folders), LATE)

    def _counted(self, head: Head, folders: Mapping[int, str]) -> Unread:
        try:
            return Unread({p: len(names) for p, names in unread(self._parts.folders, self._parts.checkpoints, head, folders).items()})
        except WeirError as error:
            return Unread(fault=f"{error.code}: {error.what}")

    def _fresh(self, head: Head, now: int) -> bool:
        epoch, at, _ = self._known.get(head.job, (0, 0, NOTHING))
        return epoch == head.epoch and 0 <= now - at < AGAIN_MS
