"""Read the progress of jobs without fencing from their checkpoints, in parallel and with a time limit: a file system may hang."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from spark_jobs.protocol.head import Head
from weir.jobs.spec import JobSpec
from weir.ports.checkpoints import Checkpoints, Ends, QueryProgress
from weir.ports.source import TopicSnapshot
from weir.supervise.judge.queries import Queries
from weir.supervise.kind import Kinds
from weir.supervise.observe.questions import Questions

AGAIN_MS = 2_000  # a pass is made each second; a checkpoint of a few queries is some twenty files
WITHIN_S = 2.0  # for a file system that hangs, once for each job: after that no pass waits for it
UNREADABLE = "its checkpoint cannot be read"
NO_CHECKPOINT = "the arguments of its spec do not contain {checkpoint}"
Found = Sequence[QueryProgress] | None
UNREAD: Found = None


@dataclass(frozen=True)
class Progress:
    """The progress of jobs without fencing."""

    found: Mapping[str, Queries]  # by job
    named: Mapping[str, Sequence[str]]  # by job, the topics that its spec names

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that the jobs read, by their specs and by their checkpoints."""
        return frozenset(topic for job in self.found for topic in self._of(job))

    def queries(self, topics: Mapping[str, TopicSnapshot]) -> Mapping[str, Queries]:
        """Return the queries by job, with the broker's offsets."""
        ends = {name: topic.end_offsets for name, topic in topics.items() if topic.end_offsets is not None}
        first = {name: topic.earliest_offsets for name, topic in topics.items() if topic.earliest_offsets is not None}
        return {job: self._with_offsets(job, ends, first) for job in self.found}

    def _with_offsets(self, job: str, ends: Ends, first: Ends) -> Queries:
        ends, first = ({t: offsets[t] for t in self._of(job) if t in offsets} for offsets in (ends, first))
        return replace(self.found[job], ends=ends, earliest=first, named=self.named[job])

    def _of(self, job: str) -> list[str]:
        return sorted({*self.found[job].topics, *self.named[job]})


class ProgressWatch:
    def __init__(self, checkpoints: Checkpoints, kinds: Kinds) -> None:
        self._checkpoints, self._kinds, self._questions = checkpoints, kinds, Questions(WITHIN_S)
        self._known: dict[str, tuple[int, int, Found]] = {}  # by job: its epoch, the time of the look (ms), and the result

    def look(self, specs: Mapping[str, JobSpec], heads: Mapping[str, Head | None], now: int) -> Progress:
        """Return the progress of each job without fencing, no older than AGAIN_MS; unknown if its checkpoint cannot be read."""
        unfenced = {job: spec for job, spec in specs.items() if spec.kind.name in self._kinds and not self._kinds[spec.kind.name].fenced}
        kept = {job: head for job, spec in unfenced.items() if self._keeps(spec) and (head := heads[job])}
        asked = {job: self._ask(head) for job, head in kept.items() if not self._fresh(job, head, now)}
        for job, answer in asked.items():
            self._known[job] = kept[job].epoch, now, answer()
        found = {job: Queries(self._known[job][2], blind=UNREADABLE) for job in kept}
        return Progress(
            {job: found.get(job, Queries(blind=NO_CHECKPOINT)) for job in unfenced},
            {job: spec.source.names for job, spec in unfenced.items()},
        )

    def _keeps(self, spec: JobSpec) -> bool:
        return self._kinds[spec.kind.name].keeps_checkpoint(spec)

    def _ask(self, head: Head) -> Callable[[], Found]:
        where = self._checkpoints.location(head.job, head.epoch)
        return self._questions.ask(f"the checkpoint of {head.job}", lambda: self._checkpoints.progress(where), UNREAD)

    def _fresh(self, job: str, head: Head, now: int) -> bool:
        epoch, at, found = self._known.get(job, (0, 0, UNREAD))
        return found is not None and epoch == head.epoch and 0 <= now - at < AGAIN_MS
