"""The kinds of jobs, and what each can do. DAGs, commands, pages, routes and metrics all ask here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weir.errors import BadInput


class Capability(StrEnum):
    """What a job can do because of its kind. The text names what a job without it lacks."""

    LANDS = "ledger"  # each batch is claimed, lands once, and names its offsets: ledger, quarantine, rebuild, wait
    COUNTS = "counts"  # counts by window, rejected lines, rules over counts
    FOLDS = "folds"
    VALIDATES = "validation"
    RECOUNTS = "recount"
    STANDS_BY = "standby"
    REHEARSES = "rehearsal"  # without input its driver evaluates a record, so its code has run before it is called ready
    KEEPS_STATE = "state"  # its checkpoint may keep state, which a new epoch keeps or gives up


@dataclass(frozen=True)
class Kind:
    """A kind of job: what `output: <name>` in a job.yaml stands for."""

    name: str
    promise: str  # one sentence, shown by the README, `weir jobs` and the job's page
    capabilities: frozenset[Capability] = frozenset()
    uses_runtime: bool = False  # True: its drivers run Weir's own package, spark_jobs

    def can(self, capability: Capability) -> bool:
        return capability in self.capabilities

    def require(self, job: str, capability: Capability) -> None:
        """Raise BadInput, with what this kind offers, unless it has the capability."""
        if not self.can(capability):
            there = ", ".join([*SUPERVISION, *sorted(self.capabilities)])
            raise BadInput(f"{job} is a {self.name} job, which has no {capability}.", f"A {self.name} job has: {there}.")


SUPERVISION = ("deploy", "restart", "stop", "health", "versions", "timeline", "alerts", "hold", "maintenance")  # every kind has these
PLAIN = Kind(
    "plain",
    "Weir deploys it, restarts it by cause, and starts no driver before the last one is confirmed ended; delivery is what Spark and its "
    "sink give.",
)
LANDED = Kind(
    "landed",
    "Each batch of your pipeline lands once in its sink, fenced against older drivers, with a ledger row that names its source offsets.",
    frozenset({Capability.LANDS, Capability.KEEPS_STATE}),
    uses_runtime=True,
)
COUNTS = Kind(
    "counts",
    "Every count names its source offsets, each batch lands exactly once, and a recount by other code must give the same numbers.",
    frozenset(Capability) - {Capability.KEEPS_STATE},
    uses_runtime=True,
)
KINDS = {kind.name: kind for kind in (PLAIN, LANDED, COUNTS)}
