"""Deploy a version: refuse what cannot work before anything stops, and let a healthy driver land its batch first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spark_jobs.protocol.head import Head, Offsets, first_head
from weir.errors import DataLoss, Diverged, WeirError
from weir.jobs.spec import JobSpec
from weir.ports.heads import HeadStore
from weir.ports.jobs import JobStore
from weir.supervise.act.planner import Planner
from weir.supervise.act.wanted import Wanted
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.plan import Kind, Plan
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.requests import ActionResult, StartRequest
from weir.supervise.kind import Kinds
from weir.supervise.observe.health import Health
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.starter import Starter
from weir.supervise.start.unfenced_drivers import UnfencedDrivers
from weir.supervise.topics import bounds, start_of

LAND_WITHIN_S = 30.0  # for the current batch to land: a full one of a million lines takes ten
LANDS = frozenset({Verdict.OK, Verdict.CATCHING_UP, Verdict.SLOW})


class Deployer:
    def __init__(
        self,
        parts: Parts,
        register: Register,
        health: Health,
        versions: Versions,
        planner: Planner,
        wanted: Wanted,
        starter: Starter,
        kinds: Kinds,
        drivers: UnfencedDrivers,
    ) -> None:
        self._parts, self._register, self._health = parts, register, health
        self._heads: HeadStore = parts.store
        self._jobs: JobStore = parts.store
        self._versions, self._planner, self._wanted, self._starter, self._kinds = versions, planner, wanted, starter, kinds
        self._drivers = drivers

    def deploy(self, job: str, who: str, reason: str = "", plan: Plan | None = None) -> ActionResult:
        """Make the job run with the spec and the code of its folder, or those of a plan. Do nothing if it already does.

        Raises UnknownJob, BadSpec, Refused, DataLoss, Diverged, NotRunning (a part does not answer) or Conflict (somebody else deployed at
        the same moment).
        """
        plan = plan or self._planner.plan(job)
        _refuse(plan)
        spec, version = plan.spec, plan.version
        if plan.made:
            self._parts.bundles.publish(version, plan.made.files)
        if plan.kind is not Kind.NO_CHANGE:
            self._let_land(spec)
        # The head first: a later deploy is noticed when the job's row is changed or when the attempt is replaced.
        head, wanted = self._ensure_head(spec), self._jobs.job(job)
        if self._versions.runs(wanted, version, job, head.attempt):
            return ActionResult(False, head.attempt, f"{job} runs version {version} already, as attempt {head.attempt}.")
        self._versions.remember(job, wanted)
        self._versions.put(spec, version)
        self._wanted.run(wanted, spec, version, who, reason)
        changes = plan.differences if plan.before else ()
        action = self._starter.start(
            StartRequest(job, head.attempt, "deploy", who, reason or f"deploy of version {version}", changes=changes)
        )
        self._versions.drop_old(job, version)
        return action

    def _let_land(self, spec: JobSpec) -> None:
        """Wait until the current batch has landed:

        otherwise its work is done again. Do not wait for an unhealthy job, or beyond the limit.
        """
        (report,) = self._health.onlooker.reports({spec.name: spec})
        if report.found in LANDS and report.evidence.get("lag"):
            judged = report.attempt, dict(report.frontier)
            self._parts.until(lambda: _at(self._health.observation(spec)) != judged, LAND_WITHIN_S)

    def _ensure_head(self, spec: JobSpec) -> Head:
        head = self._heads.head(spec.name)
        while head is None:
            first, names = self._first(spec)
            self._heads.create_head(replace(first_head(spec.name, first, self._parts.now_ms() * 1000), names=names))
            head = self._heads.head(spec.name)
        return head if self._kinds[spec.kind.name].fenced else self._drivers.recall(head)

    def _first(self, spec: JobSpec) -> tuple[Offsets, Mapping[str, str]]:
        """Return where the first epoch begins, and the names of its topics.

        A job without fencing has its offsets only in its checkpoint.
        """
        if not self._kinds[spec.kind.name].fenced:
            return {}, {}
        there = bounds(self._parts.source, spec.source.subscription)
        return start_of(self._parts.source, spec.source, there), there.names


def _at(seen: Observation) -> tuple[int, dict[str, int]]:
    return seen.head.attempt if seen.head else 0, dict(seen.frontier)


NEXT: dict[type[WeirError], str] = {
    DataLoss: 'Run: weir restart {job} --accept-loss --reason "..."',
    Diverged: "Run: weir checkpoint {job} --doctor, then weir checkpoint {job} --rebuild",
}


def _refuse(plan: Plan) -> None:
    """Raise Refused, DataLoss or Diverged if the plan is refused."""
    if plan.kind is Kind.REFUSED:
        next_step = NEXT.get(plan.change.error, "See: weir deploy {job} --plan").format(job=plan.job)
        what = f"The deploy of {plan.job}, version {plan.version}, is refused; nothing was stopped: {plan.refusals}."
        raise plan.change.error(what, next_step)
