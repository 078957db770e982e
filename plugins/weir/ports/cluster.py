"""The port of cluster managers: where drivers run. Implementations are held to tests/contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from weir.ports.room import Room

ENDING_BYTES = 128 * 1024  # of each stream: one failed batch prints its trace five times, 53 KiB in all


class DriverState(StrEnum):
    """What the cluster says of a submission.

    UNKNOWN: no news; it never means dead. LOST: the cluster gave the driver up and does not know whether it lives: its worker or node went
    away, or nothing is known of it any more. OUT_OF_MEMORY: it was killed for taking more than it was given, which not every cluster tells
    from other kills.
    """

    SUBMITTED = "submitted"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    OUT_OF_MEMORY = "out_of_memory"
    LOST = "lost"
    UNKNOWN = "unknown"

    @property
    def confirmed(self) -> bool:
        """Does the cluster confirm that the driver has ended? A driver that nothing fences is replaced only then."""
        return self in (DriverState.FINISHED, DriverState.FAILED, DriverState.KILLED, DriverState.OUT_OF_MEMORY)

    @property
    def ended(self) -> bool:
        """Is the driver not coming back, as far as the cluster is concerned? Enough where the head fences it, should it live on."""
        return self.confirmed or self is DriverState.LOST


@dataclass(frozen=True)
class Submission:
    """A driver to be started. `application` is a Python file, or a JAR whose `main_class` is run."""

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
    main_class: str = ""


Submit = Callable[[Submission], str]  # for cluster managers whose drivers are started by spark-submit


class Cluster(Protocol):
    """Where drivers run. Nothing here decides: a state that cannot be learnt is UNKNOWN, and never an exception."""

    def submit(self, submission: Submission) -> str:
        """Start a driver and return its submission id. Raises NotTaken if the cluster answers no, NotRunning if it does not answer."""

    def state(self, submission_id: str) -> DriverState:
        """What the cluster says of a submission, within a few seconds."""

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """The same of each of many submissions, in as few questions as the cluster allows."""

    def kill(self, submission_id: str) -> None:
        """End a driver that has been superseded. Best effort: it would end by itself."""

    def ending(self, submission_id: str) -> str:
        """The last that a driver printed, at most ENDING_BYTES of standard error and then of standard output: a Python driver's own
        exception is in the latter on standalone. Empty if nobody can say. May take several times as long as `state`."""

    def log_link(self, submission_id: str) -> str:
        """Where a person reads what the driver said, as a URL; empty if that is not known."""

    def refusal(self) -> str:
        """Why the cluster refused Weir's last question, such as a missing right; empty if it did not. Asks nothing."""

    def room(self) -> Room | None:
        """What there is to run drivers and executors on; None if the cluster does not say."""

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        """Why these drivers, or all executors of one, have not been started, by submission id. Those that do not wait, or of which the
        cluster does not say why, are left out. `jobs` are the names of all jobs by submission id, to say who uses the room."""
