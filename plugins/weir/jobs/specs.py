"""The specs of all jobs: from the job folders, and deployed; and which spec of a job is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from weir.errors import BadSpec, UnknownJob
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec, parse
from weir.ports.jobs import JobRow

# These fields apply as soon as they are written. All others apply with the next deploy.
OWN = ("description", "owner", "health", "restart", "reader")


class Specs(dict[str, JobSpec]):
    """The valid specs, by job name. `bad` has an error for each file that is not valid, by the name of its job."""

    def __init__(self, specs: Mapping[str, JobSpec] | None = None, bad: Mapping[str, BadSpec] | None = None) -> None:
        super().__init__(specs or {})
        self.bad = dict(bad or {})


def with_deployed(here: Specs, rows: Iterable[JobRow]) -> Specs:
    """Add the deployed specs of jobs without a valid file: jobs that run, and jobs whose file is not valid."""
    missing = [row for row in rows if row.job not in here and (row.desired == "running" or row.job in here.bad)]
    return Specs(here | {row.job: spec for row in missing if (spec := in_force(None, row))}, here.bad)


def all_in_force(specs: Mapping[str, JobSpec], rows: Iterable[JobRow]) -> Specs:
    """Return each job's spec in force."""
    wanted = {row.job: row for row in rows}
    return Specs({job: in_force(spec, wanted.get(job)) or spec for job, spec in specs.items()}, bad_of(specs))


def spec_of(specs: Mapping[str, JobSpec], job: str, wanted: JobRow | None) -> JobSpec:
    """Return the spec in force of one job. Raises UnknownJob, or BadSpec if its file is not valid and it is not deployed."""
    return in_force(specs.get(job), wanted) or find(specs, job)


def in_force(here: JobSpec | None, wanted: JobRow | None) -> JobSpec | None:
    """Return the spec that a job is judged and counted by: the deployed one, with the fields OWN of the file. None if there is neither.

    A changed topic that was not deployed made the verdict of a running driver data_loss; a typo left it unsupervised.
    """
    was = _deployed(wanted.spec) if wanted else None
    if was is None or here is None or was.kind is not here.kind:
        return was or here
    return was.model_copy(update={name: getattr(here, name) for name in OWN if name in type(here).model_fields})


@lru_cache(4096)
def _deployed(spec: str) -> JobSpec | None:
    """Parse a deployed spec; None if a later release wrote it in another form. Used for each job at each pass."""
    try:
        return parse(spec, "the deployed spec")
    except BadSpec:
        return None


def find(specs: Mapping[str, JobSpec], job: str) -> JobSpec:
    """Return the spec of a job. Raises UnknownJob that lists all jobs, or BadSpec if the job's file is not valid."""
    if job in specs:
        return specs[job]
    bad = bad_of(specs)
    if job in bad:
        raise BadSpec(bad[job].what, bad[job].next_step)
    there = [*specs, *(f"{name} (its file is not valid)" for name in bad)]
    raise UnknownJob(f"There is no job {job!r}.", f"Jobs: {', '.join(there) or 'none'}.")


def require(specs: Mapping[str, JobSpec], job: str, capability: Capability) -> None:
    """Raise BadInput if the job's kind lacks the capability. The data of a job without a spec can still be read."""
    if job in specs:
        specs[job].kind.require(job, capability)


def bad_of(specs: Mapping[str, JobSpec]) -> Mapping[str, BadSpec]:
    """Return the errors of files that are not valid, by job name."""
    return specs.bad if isinstance(specs, Specs) else {}
