"""Look up a job: its spec, head, attempts, pauses, topic and cluster."""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.protocol.head import Head
from weir.errors import Conflict, NotRunning, UnknownJob
from weir.jobs.spec import JobSpec, parse
from weir.jobs.specs import find, spec_of
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import Cluster
from weir.ports.jobs import JobRow
from weir.supervise.judge import pause
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.parts import Parts, or_none
from weir.supervise.topics import bounds

NEWEST = 3


class Register:
    def __init__(self, specs: dict[str, JobSpec], parts: Parts) -> None:
        self.specs, self._parts, self._store = specs, parts, parts.store

    def find(self, job: str) -> JobSpec:
        """Return the spec from the job folders. Raises UnknownJob, BadSpec."""
        return find(self.specs, job)

    def spec(self, job: str) -> JobSpec:
        """Return the spec that the job is judged and counted by. Raises UnknownJob, BadSpec."""
        return spec_of(self.specs, job, self._store.job(job))

    def known(self, job: str) -> None:
        """Raise UnknownJob unless the job has a spec or a timeline. A job whose folder is gone still has a timeline."""
        if job not in self.specs and not self._store.events(job, 1):
            self.find(job)

    def wanted_running(self, job: str) -> JobRow:
        """Return the desired state of a job that should run. Raises UnknownJob or Conflict."""
        self.find(job)
        wanted = self._store.job(job)
        if wanted is None or wanted.desired != "running":
            raise Conflict(f"{job} is {'stopped' if wanted else 'not deployed'}.", f"Run: weir deploy {job}")
        return wanted

    def head(self, job: str) -> Head:
        """Return the head. Raises UnknownJob if the job was never deployed."""
        head = self._store.head(job)
        if head is None:
            raise UnknownJob(f"{job} has not been deployed yet.", f"Run: weir deploy {job}")
        return head

    def attempt(self, job: str) -> int:
        """Return the attempt that may write now, 0 for none."""
        head = self._store.head(job)
        return head.attempt if head else 0

    def row(self, job: str, attempt: int) -> AttemptRow | None:
        """Return the row of an attempt, None if it is not among the newest."""
        return next((a for a in self._store.attempts(job) if a.attempt == attempt), None)

    def newest(self, job: str) -> Sequence[AttemptRow]:
        """Return the rows of the newest attempts: the current one, and those that may still end."""
        return self._store.attempts(job, NEWEST)

    def newest_landed(self, job: str) -> Head | None:
        """Return the newest row of the ledger, None if it is empty."""
        return next(iter(self._store.ledger(job)), None)

    def ran(self, job: str) -> JobSpec | None:
        """Return the spec of the newest driver, None if unknown. What is fixed for the epoch is fixed by this spec."""
        version = next((a.version for a in self._store.attempts(job) if a.used), "")
        text = next((v.spec for v in self._store.versions(job) if v.version == version), "")
        return or_none(lambda: parse(text, f"version {version}")) if text else None

    def paused(self, job: str) -> bool:
        """Return whether a pause is active. Call it again before each action: a pause may be younger than the report."""
        return bool(pause.in_force(self._store.pauses(job), self._parts.now_ms()))

    def topic(self, job: str) -> Bounds:
        """Ask the broker for the bounds of what the job reads. Raises NotRunning, or its kind TopicMissing."""
        return bounds(self._parts.source, self.spec(job).source.subscription, self._store.head(job))

    def cluster(self, job: str) -> Cluster:
        """Return the cluster that the job runs on. Raises NotRunning if this process has no connection to it."""
        return self.cluster_of(job, self.spec(job))

    def cluster_of(self, job: str, spec: JobSpec) -> Cluster:
        """Return the cluster that a spec of the job names. Raises NotRunning."""
        found = self._parts.clusters.get(spec.cluster)
        if found is None:
            raise NotRunning(
                f"{job} runs on {spec.cluster}, and no connection to it is configured here.", "Configure it: see docs/spark.md."
            )
        return found
