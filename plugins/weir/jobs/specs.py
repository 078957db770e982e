"""The specs of all jobs: those that are here, those that do not fit, and which one is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from weir.errors import BadSpec, UnknownJob
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec, parse
from weir.ports.jobs import JobRow

# These belong to the supervisor, and hold as soon as they are written. All else is what a driver was deployed with.
OWN = ("description", "owner", "health", "restart")


class Specs(dict[str, JobSpec]):
    """The specs that fit, by job name. `bad` has an error for each file that does not, by the name that its job is asked for by."""

    def __init__(self, specs: Mapping[str, JobSpec] | None = None, bad: Mapping[str, BadSpec] | None = None) -> None:
        super().__init__(specs or {})
        self.bad = dict(bad or {})


def with_deployed(here: Specs, rows: Iterable[JobRow]) -> Specs:
    """The specs that are here, and the deployed ones of jobs that have none: a job that runs, and one whose file does not fit."""
    missing = [row for row in rows if row.job not in here and (row.desired == "running" or row.job in here.bad)]
    return Specs(here | {row.job: spec for row in missing if (spec := in_force(None, row))}, here.bad)


def all_in_force(specs: Mapping[str, JobSpec], rows: Iterable[JobRow]) -> Specs:
    """Each job's spec in force."""
    wanted = {row.job: row for row in rows}
    return Specs({job: in_force(spec, wanted.get(job)) or spec for job, spec in specs.items()}, bad_of(specs))


def spec_of(specs: Mapping[str, JobSpec], job: str, wanted: JobRow | None) -> JobSpec:
    """The spec in force of one job, whichever door asks. Raises UnknownJob, or BadSpec if its file does not fit and it is not deployed."""
    return in_force(specs.get(job), wanted) or find(specs, job)


def in_force(here: JobSpec | None, wanted: JobRow | None) -> JobSpec | None:
    """The spec that a job is judged and counted by: as it was deployed, with what is the supervisor's own as it is `here`. None if
    there is neither.

    A topic that was changed in the file, and not deployed, had the running driver called in data loss; a typo, watched over by nobody.
    """
    was = _deployed(wanted.spec) if wanted else None
    if was is None or here is None or was.kind is not here.kind:
        return was or here
    return was.model_copy(update={name: getattr(here, name) for name in OWN})


@lru_cache(4096)
def _deployed(spec: str) -> JobSpec | None:
    """None of a spec that a later release wrote in a form of its own. Asked for each job at each pass."""
    try:
        return parse(spec, "the deployed spec")
    except BadSpec:
        return None


def find(specs: Mapping[str, JobSpec], job: str) -> JobSpec:
    """Raises UnknownJob that lists the jobs there are, or BadSpec if the job's file does not fit."""
    if job in specs:
        return specs[job]
    bad = bad_of(specs)
    if job in bad:
        raise BadSpec(bad[job].what, bad[job].next_step)
    there = [*specs, *(f"{name} (its file is not valid)" for name in bad)]
    raise UnknownJob(f"There is no job {job!r}.", f"Jobs: {', '.join(there) or 'none'}.")


def require(specs: Mapping[str, JobSpec], job: str, capability: Capability) -> None:
    """Raises BadInput if the job is of a kind that lacks the capability. Of a job without a spec, what it left can still be read."""
    if job in specs:
        specs[job].kind.require(job, capability)


def bad_of(specs: Mapping[str, JobSpec]) -> Mapping[str, BadSpec]:
    """What is wrong with the files that do not fit, by job name."""
    return specs.bad if isinstance(specs, Specs) else {}
