"""Start the next attempt of a job: from the desired state to the entry in the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spark_jobs import failpoint
from weir.errors import NotTaken
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec, parse
from weir.ports.attempts import AttemptStore
from weir.ports.cluster import Cluster, Submission
from weir.supervise.judge.circumstances import circumstances, in_words
from weir.supervise.judge.requests import ActionResult, StartRequest
from weir.supervise.kind import Kinds, Preparation, Start
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.standbys import Standbys
from weir.supervise.start.submission import enlarged
from weir.supervise.timeline import Timeline


class Starter:
    def __init__(
        self,
        parts: Parts,
        register: Register,
        timeline: Timeline,
        standbys: Standbys,
        kinds: Kinds,
        preparations: Mapping[bool, Preparation],
    ) -> None:
        """`preparations` has one for kinds with fencing (True) and one for kinds without (False)."""
        self._parts, self._register, self._timeline = parts, register, timeline
        self._attempts: AttemptStore = parts.store
        self._standbys, self._kinds, self._preparations = standbys, kinds, preparations

    def start(self, request: StartRequest) -> ActionResult:
        """Start the next attempt. If this process is killed on the way, the next call starts the attempt after it.

        Raises Conflict if the judged attempt is no longer the newest or the job should not run, NotRunning if a part does not answer, and
        what its preparation raises.
        """
        job, wanted = request.job, self._register.wanted_running(request.job)
        request = replace(request, version=wanted.version)
        spec = parse(wanted.spec, f"version {wanted.version}")
        cluster = self._register.cluster(job)  # before the takeover: an attempt that cannot start must not take over
        kind = self._kinds[spec.kind.name]
        if request.begins_epoch:
            spec.kind.require(job, Capability.LANDS)
        preparation = self._preparations[kind.fenced]
        start = preparation.prepare(request, spec)
        failpoint.reach("takeover.copy")
        driver = kind.driver(spec, start, self._parts.bundles.place(wanted.version))
        standby = self._standbys.call_up(wanted, start.head.attempt, driver.arguments)
        submission_id = standby or self._submitted(cluster, start, self._with_memory(driver, spec))
        failpoint.reach("takeover.submit")
        self._attempts.put_submitted(job, start.head.attempt, submission_id, self._parts.now_ms())
        action = ActionResult(True, start.head.attempt, _sentence(start, submission_id, standby))
        self._tell(request, start, action, standby)
        preparation.started(start)
        return action

    def _submitted(self, cluster: Cluster, start: Start, driver: Submission) -> str:
        """Submit the driver. If the cluster refuses it, record that the attempt never had one. Raises NotRunning."""
        try:
            return cluster.submit(driver)
        except NotTaken as error:
            self._attempts.put_exit(start.head.job, start.head.attempt, "", "lost", error.what, -1)
            raise

    def _tell(self, request: StartRequest, start: Start, action: ActionResult, standby: str) -> None:
        old = or_none(lambda: self._register.row(request.job, request.judged))
        facts = circumstances(request, start.before, start.head, old, self._parts.now_ms())
        detail = {**facts, **({"standby": standby} if standby else {})}
        sentence = action.sentence + in_words(request, detail)
        self._timeline.tell(request.job, request.cause, sentence, action.attempt, request.who, request.reason, detail)

    def _with_memory(self, driver: Submission, spec: JobSpec) -> Submission:
        """Return the driver, with the larger memory if an earlier one ran out of the usual one."""
        return replace(driver, driver_memory=enlarged(spec, self._attempts.attempts(spec.name)).resources.driver_memory)


def _sentence(start: Start, submission_id: str, standby: str) -> str:
    how = "was given to the standby" if standby else "was submitted as"
    return f"{start.head.job}: attempt {start.head.attempt} {how} {submission_id}."
