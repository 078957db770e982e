"""What Weir knows about the outside world, as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from spark_jobs.protocol import Head, Offsets, Position

Cell = tuple[int, str, str, str]  # pane_start (ms), service, level, signature
Kind = tuple[str, str, str]  # service, level, signature: what a roll-up keeps of a cell
HourShard = tuple[int, int]  # hour (ms), shard
DayShard = tuple[int, int]  # day (ms), shard
NOWHERE: Position = (-1, -1)  # before every position


@dataclass(frozen=True)
class Published:
    """Where an hour and shard is folded to: the run to read, the last position in it, and the timestamp up to which deltas may go."""

    run: str
    position: Position
    write_ts: int
    at: int  # ms


@dataclass(frozen=True)
class Rolled:
    """Where a day and shard is rolled up to: the roll to read and, by hour (ms), the last position in it.

    With empty `covers` there is no roll to read: a sweep has deleted, or is about to delete, deltas that a reader of it would need.
    """

    roll: str
    covers: Mapping[int, Position]
    at: int  # ms


@dataclass(frozen=True)
class Touched:
    """An hour and shard that has counts, the youngest position that ever wrote to it (landed or not), and when that one was claimed."""

    hour: int
    shard: int
    position: Position
    at: int  # ms


@dataclass(frozen=True)
class FoldNote:
    """What was published last for an hour and shard, and the run whose forerunners were swept. A hint: it may be older than the truth."""

    run: str
    position: Position
    at: int  # ms
    swept: str = ""


class DriverState(StrEnum):
    """What the cluster says of a submission. UNKNOWN is no news; it never means dead. OUT_OF_MEMORY: it was killed for taking more than it
    was given, which not every cluster tells from other kills."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    OUT_OF_MEMORY = "out_of_memory"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        return self in (DriverState.FINISHED, DriverState.FAILED, DriverState.KILLED, DriverState.OUT_OF_MEMORY)


@dataclass(frozen=True)
class Submission:
    """A driver to be started. `resources` are those of the spec; `master` is what the driver itself connects to."""

    name: str
    application: str
    arguments: Sequence[str]
    conf: Mapping[str, str]
    env: Mapping[str, str]
    jars: Sequence[str] = ()
    py_files: Sequence[str] = ()
    driver_memory: str = "1g"
    executor_memory: str = "1g"
    executors: int = 1
    cores: int = 1


@dataclass(frozen=True)
class JobRow:
    """What a person or a deploy asked for; changed only by compare-and-set on `revision`."""

    job: str
    revision: int
    desired: str  # running or stopped
    version: str
    spec: str  # the spec as JSON, as it was deployed
    changed_by: str
    reason: str
    changed_at: int


@dataclass(frozen=True)
class VersionRow:
    """A version of a job that was deployed: its spec as JSON, and whether an attempt of it has ever become ready."""

    version: str
    deployed_at: int  # ms, the last time
    spec: str
    good: bool = False


@dataclass(frozen=True)
class Room:
    """What a cluster has in all, busy or not: cores, and the memory (MiB) of its largest worker."""

    cores: int
    memory: int


@dataclass(frozen=True)
class AttemptRow:
    """One start of a driver. Times are in ms, 0 for "not yet"; `exit_reason` is empty for one that runs, or was killed for no
    known reason."""

    attempt: int
    cause: str = ""  # deploy, restart, rebuild
    who: str = ""
    reason: str = ""
    taken_at: int = 0
    version: str = ""
    submission_id: str = ""
    submitted_at: int = 0
    incarnation: str = ""
    exit_reason: str = ""
    exit_error: str = ""
    exit_batch: int = -1
    exited_at: int = 0
    epoch: int = 0
    first_batch: int = -1  # the first batch that it set out to claim

    @property
    def used(self) -> bool:
        """Did a driver ever have this number? A row that was only noted belongs to nobody: two supervisors may note the same one."""
        return bool(self.submission_id or self.incarnation or self.exit_reason) or self.first_batch >= 0


@dataclass(frozen=True)
class StandbyRow:
    """A driver in waiting. Times are in ms, 0 for "not yet"; `attempt` is the one that it was called up for, 0 for none."""

    id: str
    version: str
    submitted_at: int
    submission_id: str = ""
    ready_at: int = 0
    incarnation: str = ""
    attempt: int = 0
    arguments: str = ""
    retired_at: int = 0

    @property
    def waits(self) -> bool:
        """Does it wait, or is on its way to? Who was called up is a driver like any other, whatever else was said."""
        return not self.attempt and not self.retired_at


@dataclass(frozen=True)
class Event:
    """A line of a job's timeline. `who` is a person, or weir; `attempt` is the one that it is about, 0 for none."""

    at: int  # ms
    kind: str
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 0
    who: str = "weir"
    reason: str = ""

    @property
    def id(self) -> str:
        """Made from what happened: the same line, written again, is the same row."""
        told = json.dumps([self.kind, self.attempt, self.who, self.reason, self.text])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Pause:
    """A person's word that Weir leaves a job alone. `kind` is hold or maintenance; `until` (ms) is when it ends, 0 for not of itself."""

    kind: str
    who: str
    reason: str
    since: int  # ms
    until: int = 0


@dataclass(frozen=True)
class Booked:
    """The book of a job's alerts, as JSON; changed only by compare-and-set on `revision`."""

    revision: int
    record: str


@dataclass(frozen=True)
class Noted:
    """A row of the evaluation ledger: the windows of a rule from `start` to `end` (ms, of one day), what they came to as JSON, and the
    revision of the book that decided it."""

    rule: str
    start: int
    end: int
    revision: int
    record: str


@dataclass(frozen=True)
class Mail:
    """A message in the local inbox, as JSON."""

    at: int  # ms
    id: str
    record: str


@dataclass(frozen=True)
class Asked:
    """A request under an idempotency key: `claim` is whoever answers it since `at` (ms), `digest` what was asked, and `answer` (JSON, with
    its http status) empty while it is at work. `at` is 0 once its claim was given up."""

    claim: str
    digest: str
    at: int
    status: int = 0
    answer: str = ""


@dataclass(frozen=True)
class Folder:
    """A checkpoint folder as it was found. `sizes` has all its files, in bytes by path; `contents` those that Spark starts from.

    `trouble` names what could not be read or listed, with why. `writable` is None where nobody can say.
    """

    epoch: int
    attempt: int
    location: str
    sizes: Mapping[str, int]
    contents: Mapping[str, bytes]
    trouble: Mapping[str, str] = field(default_factory=dict)
    writable: bool | None = None

    @property
    def exists(self) -> bool:
        return bool(self.sizes or self.trouble)

    def numbered(self, kind: str) -> Mapping[int, bytes]:
        """The contents of `offsets` or `commits`, by batch id."""
        names = ((path.rpartition("/"), data) for path, data in self.contents.items())
        return {int(name): data for (folder, _, name), data in names if folder == kind and name.isdecimal()}


@dataclass(frozen=True)
class Retention:
    """How long a topic keeps a record, in ms, and how many bytes of a partition; None for no bound."""

    ms: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Glance:
    """What the store knows of a job: what is wanted, the head, the newest attempts and standbys (newest first), as JSON the last report
    and how far it is proven, and the pauses, ended or not. With `trouble` nothing of it could be read, for that reason, but perhaps the
    last report."""

    wanted: JobRow | None = None
    head: Head | None = None
    attempts: Sequence[AttemptRow] = ()
    report: str | None = None
    proven: str | None = None
    pauses: Sequence[Pause] = ()
    standbys: Sequence[StandbyRow] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Kept:
    """A report as JSON, and the line of the timeline that goes with it, if its verdict is a new one."""

    job: str
    report: str
    event: Event | None = None


@dataclass(frozen=True)
class TopicGlance:
    """What the broker says of a topic, offsets by partition. None for what it did not say."""

    end_offsets: Offsets | None = None
    earliest_offsets: Offsets | None = None
    topic_id: str | None = None


class Record(NamedTuple):
    """A line as the broker has it; `append_ms` is when the broker appended it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    append_ms: int
