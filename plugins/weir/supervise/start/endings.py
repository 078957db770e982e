"""Record why a driver ended that has recorded no exit itself, once the cluster confirms its end.

A driver with queries of its own never records one; any other one may not have reached the store.
"""

from __future__ import annotations

from weir.jobs.kinds import Capability
from weir.ports.cluster import Cluster, DriverState
from weir.supervise.judge.driver_output import Ending, read_ending
from weir.supervise.judge.observation import KILLED_FOR_MEMORY
from weir.supervise.judge.queries import Queries
from weir.supervise.judge.unfenced import ENDED
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts
from weir.supervise.register import Register


class Endings:
    def __init__(self, parts: Parts, register: Register, versions: Versions) -> None:
        self._parts, self._store, self._register, self._versions = parts, parts.store, register, versions

    def cluster(self, job: str) -> Cluster:
        """Return the cluster of the newest driver: a deploy may have named another one since. Raises NotRunning."""
        spec = self._register.ran(job) or self._register.spec(job)
        return self._register.cluster_of(job, spec)

    def note(self, job: str, attempt: int) -> None:
        """Record how the attempt's driver ended.

        Do nothing if that is recorded, or if the cluster does not confirm the end. Raises NotRunning.
        """
        row = self._register.row(job, attempt)
        if row is None or not row.submission_id or row.exit_reason:
            return
        cluster = self.cluster(job)
        state = cluster.state(row.submission_id)
        if not state.confirmed:
            return
        ending = _ending(state, cluster.ending(row.submission_id) if state is DriverState.FAILED else "")
        if self._register.spec(job).kind.can(Capability.LANDS):  # its progress is in the store
            self._store.put_exit(job, attempt, "", ending.reason, ending.error, -1)
            return
        queries = self._queries(job)
        stuck = queries.stuck()
        self._store.put_exit(job, attempt, "", ending.reason, ending.error, stuck.uncommitted if stuck else -1)
        if row.submitted_at and queries.committed_at >= row.submitted_at:
            self._versions.put_good(job, row)

    def _queries(self, job: str) -> Queries:
        head = self._register.head(job)
        return Queries(self._parts.checkpoints.progress(self._parts.checkpoints.location(job, head.epoch)))


def _ending(state: DriverState, printed: str) -> Ending:
    if state is DriverState.OUT_OF_MEMORY:
        return Ending(str(state), KILLED_FOR_MEMORY)
    found = read_ending(printed)
    return found if found.reason else Ending(ENDED, f"it ended without an exception (the cluster says {state})")
