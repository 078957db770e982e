"""What drivers on the cluster and the supervisor outside it agree on. Standard library only. Durations are in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import IntEnum
from socket import gethostname
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from spark_jobs.protocol.partition import Offsets, Partition, of_source

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound="DataclassInstance")
JVM_ENDED = "the driver's JVM has ended"  # how the last words of such a LOST begin: all else that is lost is an outage


class Exit(IntEnum):
    """How a driver ends. The supervisor reads these from the attempt's row, the operating system sees them as exit codes."""

    STOPPED = 0
    FAILED = 1
    SUPERSEDED = 64  # a later attempt has taken over: the right end of an old driver
    DIVERGED = 65  # checkpoint and head disagree: the supervisor must rebuild
    LOST = 66  # what the driver stands on went away: its JVM, an executor, the broker. Never taken for poison
    OUT_OF_MEMORY = 67  # more memory helps, another try with the same does not


@dataclass(frozen=True)
class CassandraAddress:
    """Where the counts are kept. The password is named by its file, since arguments can be seen by every user of a machine."""

    hosts: tuple[str, ...]
    port: int = 9042
    keyspace: str = "weir"
    datacenter: str = "datacenter1"
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True)
class JobArguments:
    """The one typed argument of a driver; crosses the process border as a single JSON text.

    `starting_offsets` is where the epoch begins, by partition; it is used only while the checkpoint has no committed batch. `topic_id` is
    that of the topic that the epoch counts; empty if nobody knows. With the id of a `standby` there is no attempt yet: the driver warms up
    on the lines from `starting_offsets` on, and waits. With neither attempt nor standby it is a rehearsal: it evaluates those lines,
    and ends.

    A job that may have several topics has in place of `topic`, `topic_id` and `starting_offsets`: `topics`, by name the ids that are known
    at the start; `topic_pattern`, if it reads those that match it; and `starts`, where the epoch begins by `topic id:partition`.

    `options` are those of the job, by the names of its model. In the text they lie beside all else, too, where release adaf5c8 has them.
    """

    job: str
    attempt: int
    epoch: int
    version: str
    checkpoint: str
    bootstrap_servers: str
    topic: str
    cassandra: CassandraAddress
    topic_id: str = ""
    starting_offsets: Mapping[int, int] = field(default_factory=dict)
    trigger_s: float = 1.0
    max_lines_per_batch: int = 2_000_000
    standby: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    topic_pattern: str = ""
    starts: Mapping[str, int] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """May the job have several topics?"""
        return bool(self.topics or self.topic_pattern)

    @property
    def ids(self) -> Mapping[str, str]:
        """By name the ids of the topics that are known."""
        return self.topics if self.several else {self.topic: self.topic_id}

    @property
    def start(self) -> Offsets:
        """Where the epoch begins."""
        if self.several:
            return {Partition.parse(partition): offset for partition, offset in self.starts.items()}
        return of_source(self.topic_id, self.starting_offsets)

    def typed(self, model: type[M]) -> M:
        """The options as this dataclass, which has defaults for what is not there. What it does not know is left out. A field `depth_s` is
        found by its name in job.yaml, too: `depth`."""
        names = {name: each.name for each in fields(model) for name in (each.name.removesuffix("_s"), each.name)}
        return model(**{names[name]: value for name, value in self.options.items() if name in names})

    def to_argv(self) -> list[str]:
        values = asdict(self)
        return [json.dumps({**values["options"], **values}, separators=(",", ":"), sort_keys=True)]

    @classmethod
    def from_argv(cls, argv: Sequence[str]) -> JobArguments:
        """Read what `to_argv` wrote, if need be that of a later release: a bundle that was deployed before the supervisor was renewed must
        still start, so fields that it does not know are left out. Raises ValueError on anything else."""
        if len(argv) != 1:
            raise ValueError(f"expected one JSON argument, got {len(argv)}")
        values = json.loads(argv[0])
        cassandra = values.pop("cassandra")
        values["cassandra"] = CassandraAddress(**{**cassandra, "hosts": tuple(cassandra["hosts"])})
        values["starting_offsets"] = {int(p): int(o) for p, o in values["starting_offsets"].items()}
        known = {each.name for each in fields(cls)}
        beside = {name: value for name, value in values.items() if name not in known}
        return cls(**{"options": beside, **{name: value for name, value in values.items() if name in known}})


def new_incarnation(pid: int) -> str:
    """A name for a driver process that nothing else ever has; it says where the process is."""
    return f"{uuid4().hex}@{gethostname()}:{pid}"


def pid_of(incarnation: str) -> int:
    """The process id in an incarnation, 0 if there is none."""
    pid = incarnation.rpartition(":")[2]
    return int(pid) if pid.isdecimal() else 0
