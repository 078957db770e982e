"""The contract between drivers and the supervisor. Standard library only. Durations are in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import IntEnum
from socket import gethostname
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from spark_jobs.protocol.partition import Offsets, Partition, of_source
from spark_jobs.runtime.kafka_address import KafkaAddress, java_options
from spark_jobs.sources.folders import of_inputs

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound="DataclassInstance")
LOGIN = "WEIR_CASSANDRA"
# Fields of the address at which release adaf5c8 stops, with what they are if nobody sets them: then they are left out.
SINCE = {"tls": False, "ca_file": "", "cert_file": "", "key_file": "", "login": LOGIN}
OF_LANDED = ("pipeline", "inputs", "sink", "output_mode")  # fields of the arguments that are left out for other jobs
PLAIN_TEXT = KafkaAddress()
JVM_ENDED = "the driver's JVM has ended"  # how the error of such a LOST begins: every other LOST is an outage

# How far an attempt without input has come to prove that it can read and write, in its row. Anything else is what the last try met.
TRYING = "its rehearsal has not ended yet"
PROVEN = "proven"


class Exit(IntEnum):
    """How a driver ends: the exit reason in the attempt's row, and the exit code of the process."""

    STOPPED = 0
    FAILED = 1
    SUPERSEDED = 64  # a later attempt has taken over: the normal end of an old driver
    DIVERGED = 65  # checkpoint and head disagree: the supervisor must rebuild
    LOST = 66  # something that the driver needs went away: its JVM, an executor, the broker. Never poison
    OUT_OF_MEMORY = 67  # a retry helps only with more memory
    NOT_DETERMINISTIC = 68  # a batch gave other rows than when it was claimed or landed: a retry could write either
    SINK_DIFFERS = 69  # sink and head disagree on what has landed: one of them was restored, or has another writer
    STATE_LOST = 70  # Spark cannot load the state of the checkpoint: a retry finds the same files
    FILES_CHANGED = 71  # files of a batch are not those that it was claimed or landed with: a retry finds the same


@dataclass(frozen=True)
class CassandraAddress:
    """The address of the store, and who logs in there. Secrets are in files, since every user of a machine can see arguments."""

    hosts: tuple[str, ...]
    port: int = 9042
    keyspace: str = "weir"
    datacenter: str = "datacenter1"
    user: str = ""  # empty: no login
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""  # authorities of the servers' certificates; empty: those of the machine
    cert_file: str = ""  # the client's certificate; empty: none
    key_file: str = ""  # of the certificate; empty: the key is in `cert_file`
    login: str = LOGIN  # how the names of the settings of user and password file begin, for messages


@dataclass(frozen=True)
class JobArguments:
    """The one typed argument of a driver; crosses the process border as a single JSON text.

    With a `standby` there is no attempt yet: the driver warms up on the lines from `starting_offsets` on, and waits. Without attempt and
    standby it is a rehearsal: it evaluates those lines, and ends. A job that may read several topics has `topics`, `topic_pattern` and
    `starts` instead of `topic`, `topic_id` and `starting_offsets`; a folder is there among the topics, with its URI as name and id.
    """

    job: str
    attempt: int
    epoch: int
    version: str
    checkpoint: str
    bootstrap_servers: str
    topic: str
    cassandra: CassandraAddress
    topic_id: str = ""  # of the topic that the epoch counts; empty: unknown
    starting_offsets: Mapping[int, int] = field(default_factory=dict)  # where the epoch begins; used until a batch is committed
    trigger_s: float = 1.0
    max_lines_per_batch: int = 2_000_000
    standby: str = ""  # the id of the standby; empty: none
    options: Mapping[str, Any] = field(default_factory=dict)  # by field name; in the JSON also at the top level, for release adaf5c8
    topics: Mapping[str, str] = field(default_factory=dict)  # by name, the ids that are known at the start
    topic_pattern: str = ""  # reads the topics that match it; empty: the named ones
    starts: Mapping[str, int] = field(default_factory=dict)  # where the epoch begins, by `topic id:partition`
    kafka: KafkaAddress = PLAIN_TEXT  # without servers: those of `bootstrap_servers`, in plain text, as an older release writes
    # Of a landed job, empty in others:
    pipeline: str = ""  # the module with the function `pipeline`
    inputs: Mapping[str, Any] = field(default_factory=dict)  # its sources by name, in their order: topics, or a folder and how to read it
    sink: Mapping[str, Any] = field(default_factory=dict)  # as spark_jobs.sinks.settings has it
    output_mode: str = ""

    def __post_init__(self) -> None:
        if not self.kafka.servers:
            object.__setattr__(self, "kafka", replace(self.kafka, servers=self.bootstrap_servers))

    @property
    def several(self) -> bool:
        """Return whether the job may read several topics."""
        return bool(self.topics or self.topic_pattern)

    @property
    def ids(self) -> Mapping[str, str]:
        """Return the known topic ids by name."""
        return self.topics if self.several else {self.topic: self.topic_id}

    @property
    def folders(self) -> Mapping[int, str]:
        """Return the URIs of the folders that the job reads, by the position of the source."""
        return of_inputs(self.inputs)

    @property
    def kafka_options(self) -> Mapping[str, str]:
        """Return the options of Kafka's Java client. Raises ValueError."""
        return java_options(self.kafka)

    @property
    def start(self) -> Offsets:
        """Return where the epoch begins."""
        if self.several:
            return {Partition.parse(partition): offset for partition, offset in self.starts.items()}
        return of_source(self.topic_id, self.starting_offsets)

    def typed(self, model: type[M]) -> M:
        """Return the options as this dataclass: missing ones have its defaults, unknown ones are left out. A field `depth_s` is also found
        by its name in job.yaml, `depth`."""
        names = {name: each.name for each in fields(model) for name in (each.name.removesuffix("_s"), each.name)}
        return model(**{names[name]: value for name, value in self.options.items() if name in names})

    def to_argv(self) -> list[str]:
        values = asdict(self)
        values["cassandra"] = {name: value for name, value in values["cassandra"].items() if SINCE.get(name) != value}
        values = {name: value for name, value in values.items() if value or name not in OF_LANDED}
        ordered = dict(sorted({**values["options"], **values}.items()))  # within a field, the order of inputs counts
        return [json.dumps(ordered, separators=(",", ":"))]

    @classmethod
    def from_argv(cls, argv: Sequence[str]) -> JobArguments:
        """Parse what `to_argv` wrote, also in a later release: an old bundle must still start under a new supervisor, so unknown fields are
        left out. Raises ValueError on anything else."""
        if len(argv) != 1:
            raise ValueError(f"expected one JSON argument, got {len(argv)}")
        values = json.loads(argv[0])
        address = _known(CassandraAddress, values.pop("cassandra"))
        values["cassandra"] = CassandraAddress(**{**address, "hosts": tuple(address["hosts"])})
        values["kafka"] = KafkaAddress(**_known(KafkaAddress, values.get("kafka") or {}))
        values["starting_offsets"] = {int(p): int(o) for p, o in values["starting_offsets"].items()}
        known = {each.name for each in fields(cls)}
        beside = {name: value for name, value in values.items() if name not in known}
        return cls(**{"options": beside, **{name: value for name, value in values.items() if name in known}})


def _known(model: type[DataclassInstance], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a dataclass has fields for: a later release may write more."""
    names = {each.name for each in fields(model)}
    return {name: value for name, value in values.items() if name in names}


def new_incarnation(pid: int) -> str:
    """Return a unique name for a driver process, with its host and process id."""
    return f"{uuid4().hex}@{gethostname()}:{pid}"


def pid_of(incarnation: str) -> int:
    """Return the process id in an incarnation, 0 if there is none."""
    pid = incarnation.rpartition(":")[2]
    return int(pid) if pid.isdecimal() else 0
