"""Where the parts, the kinds of jobs and the manager are put together: the one module that knows them all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from spark_jobs.protocol.head import Head, Partition
from spark_jobs.runtime.contract import pid_of
from weir import stack_stop
from weir.addresses import address, kafka_address
from weir.cassandra.store import CassandraStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.packed_bundles import PackedBundles
from weir.cluster.source_folders import SourceFolders
from weir.cluster.spark import StandaloneCluster
from weir.counts.kind import CountsKind
from weir.errors import WeirError
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.jobs.kinds import COUNTS, LANDED, PLAIN
from weir.jobs.packed import is_packed
from weir.jobs.spec import JobSpec
from weir.jobs.specs import with_deployed
from weir.landed.kind import LandedKind
from weir.plain.kind import PlainKind
from weir.ports.bundles import Bundles
from weir.ports.cluster import Cluster, DriverState
from weir.ports.store import Store
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.standby import fitting, wanted_version
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.supervise.preflight import rehearsal
from weir.supervise.unread import unread

PATIENCE_S = 10.0  # a person or a tick waits for an answer; drivers wait for ever


def manager(settings: Settings | None = None, others: Mapping[str, Cluster] | None = None) -> Manager[Store]:
    """Over the jobs whose spec is sound, and those that run and have none. `others` are the clusters that only a caller can reach, by
    kind: those behind Airflow's connections. Raises NotRunning if the store cannot be reached."""
    settings = settings or Settings.load()
    # Before the store: one of another machine is asked here, and may not answer.
    checkpoints = CheckpointFolders(settings.checkpoints, settings)
    kept = store(settings)
    try:
        specs = with_deployed(sound(*settings.job_folders), kept.jobs())
    except BaseException:
        kept.close()
        raise
    clusters = {**_standalone(settings), **(others or {})}
    parts = Parts(
        kept,
        clusters,
        source_of(settings),
        checkpoints,
        bundles(settings),
        settings,
        stopped_at=lambda: stack_stop.stopped_at(settings),
        folders=SourceFolders(settings),
        rehearse=rehearsal(settings.driver_python),
    )
    return assemble(specs, parts)


def assemble(specs: dict[str, JobSpec], parts: Parts[Store]) -> Manager[Store]:
    """Return a manager over these parts, with the kinds of jobs that there are."""
    counts, landed = CountsKind(parts.store, parts.source, parts.settings), LandedKind(parts.settings)
    return Manager(specs, parts, {COUNTS.name: counts, LANDED.name: landed, PLAIN.name: PlainKind(parts.settings)})


def bundles(settings: Settings) -> Bundles:
    """Return where the settings keep the code of deployed versions."""
    return PackedBundles(settings) if is_packed(settings.bundles) else BundleFolder(settings.bundles)


def _standalone(settings: Settings) -> Mapping[str, Cluster]:
    """The cluster of the settings, unless their master is of another kind."""
    if not settings.spark_rest:
        return {}
    return {"standalone": StandaloneCluster(settings.spark_master, settings.spark_rest, settings.spark_ui)}


def store(settings: Settings, patience_s: float = PATIENCE_S) -> CassandraStore:
    """Raises NotRunning if it cannot be reached in time."""
    return CassandraStore.connect(address(settings), patience_s)


def source_of(settings: Settings) -> KafkaBroker:
    """Return the source that the settings name. It connects when it is first asked something."""
    return KafkaBroker(kafka_address(settings))


def unread_files(settings: Settings, head: Head, spec: JobSpec) -> Mapping[Partition, frozenset[str]]:
    """Return the names of the files of a job's folders that are in no landed batch. Raises NotRunning."""
    if not spec.folders:
        return {}
    return unread(SourceFolders(settings), CheckpointFolders(settings.checkpoints, settings), head, spec.folders)


def drivers(settings: Settings) -> list[dict[str, Any]]:
    """Each job that should run, as a part named `driver:JOB` of the stack's status, and each standby that is ready as `standby:JOB`;
    empty if the store does not answer."""
    try:
        with closing(manager(settings)) as found:
            return [part for job, seen in found.drivers() for part in (_as_part(job, seen), *_standby(job, seen))]
    except WeirError:
        return []


def _as_part(job: str, seen: Observation) -> dict[str, Any]:
    row, head = seen.attempt, seen.head
    running = seen.driver in (DriverState.RUNNING, DriverState.SUBMITTED) and not (row and row.exit_reason)
    return {
        "part": f"driver:{job}",
        "state": "ok" if running and head and seen.begun else "is starting" if running else f"is {seen.driver}",
        "address": row.submission_id if row else "",
        "pid": pid_of(head.incarnation) if running and head else 0,
        "since": _moment(row.submitted_at if row else 0),
    }


def _standby(job: str, seen: Observation) -> list[dict[str, Any]]:
    row = fitting(seen.standbys, seen.standby_states, wanted_version(seen.wanted))
    if row is None:
        return []
    pid, since = pid_of(row.incarnation), _moment(row.ready_at)
    return [{"part": f"standby:{job}", "state": "ok", "address": row.submission_id, "pid": pid, "since": since}]


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
