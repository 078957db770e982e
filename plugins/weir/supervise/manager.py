"""The one door to the streams: operators, CLI, service and console all enter here. Every method may be repeated, by anyone, at any time.

Observing is for `cluster/`, judging for `verdict` and `restart`; here is what acts. Each act is bound to the attempt that was judged, so a
stale judgement cannot hit a healthy successor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spark_jobs import failpoint
from spark_jobs.protocol import Head, Offsets, first_head, rebuilt
from weir.cluster.base import Broker, Checkpoints, Cluster, JobStore
from weir.cluster.records import AttemptRow, DriverState, JobRow
from weir.errors import Conflict, Diverged, NotRunning
from weir.settings import Settings
from weir.supervise import bundle, takeover
from weir.supervise.fleet import Fleet
from weir.supervise.restart import Act
from weir.supervise.spec import JobSpec, find
from weir.supervise.submission import arguments, submission
from weir.supervise.verdict import Observation, Report

AUTOMATIC = "weir"  # who acts when no person does: only these restarts use up the budget
STOP_WITHIN_S = 30.0


@dataclass(frozen=True)
class Action:
    """What was done: nothing (`changed` False), or `attempt` was started; and a sentence for people."""

    changed: bool
    attempt: int
    sentence: str


class Manager:
    def __init__(
        self,
        specs: dict[str, JobSpec],
        store: JobStore,
        clusters: Mapping[str, Cluster],
        broker: Broker,
        checkpoints: Checkpoints,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.specs, self.store, self._clusters, self._broker = specs, store, clusters, broker
        self._checkpoints, self._settings, self._clock, self._sleep = checkpoints, settings, clock, sleep
        self._fleet = Fleet(store, clusters, broker, clock)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    # deploy, restart, stop

    def deploy(self, job: str, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Make the job run with the spec and the code that are here. Nothing happens if it does.

        Raises UnknownJob, NotRunning (a part does not answer) or Conflict (somebody else deployed at the same moment).
        """
        spec = find(self.specs, job)
        version = bundle.version_of(Path(self._settings.jobs), spec)
        bundle.publish(Path(self._settings.jobs), Path(self._settings.bundles), version)
        head = self._ensure_head(spec)
        wanted = self.store.job(job)
        if wanted and (wanted.desired, wanted.version) == ("running", version) and self._driver_lives(job, head):
            return Action(False, head.attempt, f"{job} runs version {version} already, as attempt {head.attempt}.")
        self._want(wanted, spec, "running", version, who, reason)
        return self._start(job, head.attempt, "deploy", who, reason or f"deploy of version {version}")

    def restart(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Start the next attempt from the same checkpoint. Raises Conflict if another attempt has taken over since `judged`."""
        self._wanted_running(job)
        return self._start(job, self._judged(job, judged), str(Act.RESTART), who, reason)

    def rebuild(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Begin a new epoch exactly where the last landed batch ended, with a new checkpoint."""
        self._wanted_running(job)
        return self._start(job, self._judged(job, judged), str(Act.REBUILD), who, reason)

    def stop(self, job: str, who: str = AUTOMATIC, reason: str = "") -> Action:
        """End the driver and keep it stopped until the next deploy. What it had not landed is counted after that."""
        wanted = self.store.job(job)
        head = self.store.head(job)
        if wanted is None or head is None or wanted.desired == "stopped":
            return Action(False, head.attempt if head else 0, f"{job} is stopped already.")
        self._change(wanted, replace(wanted, desired="stopped", changed_by=who, reason=reason))
        row = self._row(job, head.attempt)
        if row and row.submission_id:
            self._end(job, row.submission_id)
        self.store.put_attempt(job, AttemptRow(head.attempt + 1, "stop", who, reason, self._now_ms(), wanted.version))
        fenced = takeover.take_over(self.store, job, head.attempt)  # whatever of it still runs can write no more
        self.store.add_event(job, "stop", f"stopped by {who}", {"attempt": fenced.attempt, "reason": reason})
        return Action(True, fenced.attempt, f"{job} is stopped. All that had landed is kept.")

    def act(self, report: Report) -> Action | None:
        """Do what a report calls for, if its time has come. None if there is nothing to do or somebody else has done it."""
        if report.act == Act.NONE or self._now_ms() < report.not_before:
            return None
        do = self.rebuild if report.act == Act.REBUILD else self.restart
        try:
            return do(report.job, report.attempt, AUTOMATIC, report.sentence)
        except Conflict:
            return None

    # health

    def health(self, job: str) -> Report:
        """Observe, judge and decide for one job, and keep the report. Never acts."""
        return self._fleet.reports({job: find(self.specs, job)})[0]

    def tick(self) -> list[Report]:
        """One pass over the fleet. A job that cannot be judged does not keep the others from being looked at."""
        return self._fleet.reports(dict(self.specs))

    def observe(self, job: str) -> Observation:
        """What every part says of a job. What does not answer is unknown; raises NotRunning if that is the store."""
        return self._fleet.observe({job: find(self.specs, job)})[job]

    def ready(self, job: str, attempt: int) -> bool:
        """Has the attempt landed a batch, or started with nothing to read? Raises if it never will."""
        seen = self.observe(job)
        if seen.head is None or seen.head.attempt != attempt:
            now_at = f"attempt {seen.head.attempt}" if seen.head else "nothing"
            raise Conflict(f"{job} is at {now_at} now, attempt {attempt} was replaced.", f"Run: weir health {job}")
        if seen.head.by == attempt and seen.head.landed_at:
            return True
        row = seen.attempt
        if seen.driver.ended or (row and row.exit_reason):
            why = (row.exit_error or row.exit_reason) if row else ""
            raise NotRunning(f"The driver of {job}, attempt {attempt}, has ended: {why or seen.driver}.", f"Run: weir logs {job}")
        return bool(seen.head.incarnation) and seen.lag == 0

    def wait_landed(self, job: str, timeout_s: float) -> bool:
        """Wait until all lines that the topic has now have landed. False at the timeout."""
        ends = self._broker.end_offsets(find(self.specs, job).source.topic)
        deadline = self._clock() + timeout_s
        while True:
            head = self.store.head(job)
            if head and all(head.frontier.get(p, 0) >= end for p, end in ends.items()):
                return True
            if self._clock() >= deadline:
                return False
            self._sleep(0.2)

    def drivers(self) -> list[tuple[str, Observation]]:
        """What is known of each job that should run."""
        found = self._fleet.observe(dict(self.specs))
        return [(job, seen) for job, seen in found.items() if seen.wanted and seen.wanted.desired == "running"]

    def log_link(self, job: str) -> str:
        """Where the newest driver's log is, as a URL; empty if nobody knows."""
        row = next((a for a in self.store.attempts(job) if a.submission_id), None)
        return self._cluster(job).log_link(row.submission_id) if row else ""

    # how an attempt starts

    def _start(self, job: str, judged: int, cause: str, who: str, reason: str) -> Action:
        """Take over, copy the checkpoint, submit. Killed anywhere in between, the next tick takes the next attempt."""
        wanted = self._wanted_running(job)
        spec, cluster = JobSpec.model_validate_json(wanted.spec), self._cluster(job)  # nothing is taken over that cannot be started
        head = self._take(job, judged, cause, who, reason, wanted.version)
        if cause != Act.REBUILD and not self._checkpoint_fits(head):
            if not spec.restart.rebuild_on_divergence:
                raise Diverged(
                    f"The checkpoint of {job} does not reach the last landed batch {head.last_landed}.",
                    f"Run: weir checkpoint {job} --doctor",
                )
            head = self._take(job, head.attempt, str(Act.REBUILD), who, "the checkpoint was lost or too old", wanted.version)
        failpoint.reach("takeover.copy")
        checkpoint = self._checkpoints.location(job, head.epoch, head.attempt)
        args = arguments(spec, head, wanted.version, checkpoint, self._settings)
        code = Path(self._settings.bundles) / wanted.version
        submission_id = cluster.submit(submission(spec, args, code, self._settings))
        failpoint.reach("takeover.submit")
        self.store.put_submitted(job, head.attempt, submission_id, self._now_ms())
        sentence = f"{job}: attempt {head.attempt} was submitted as {submission_id}."
        detail = {"attempt": head.attempt, "epoch": head.epoch, "version": wanted.version, "who": who, "reason": reason}
        self.store.add_event(job, cause, sentence, detail)
        return Action(True, head.attempt, sentence)

    def _take(self, job: str, judged: int, cause: str, who: str, reason: str, version: str) -> Head:
        if self._judged(job, None) != judged:  # seen before anything is written; takeover looks again
            raise Conflict(f"{job} is no longer at attempt {judged} that was judged.", f"Run: weir health {job}")
        self.store.put_attempt(job, AttemptRow(judged + 1, cause, who, reason, self._now_ms(), version))
        failpoint.reach("takeover.note")
        if cause == Act.REBUILD:
            topic = self.specs[job].source.topic
            topic_id = self._broker.topic_id(topic)
            head = takeover.rebuild(
                self.store, job, judged, lambda head: rebuilt(head, self._with_new_partitions(topic, head.frontier), topic_id)
            )
        else:
            head = takeover.take_over(self.store, job, judged)
        failpoint.reach("takeover.swap")
        old = self._row(job, judged)
        if old and old.submission_id:
            self._cluster(job).kill(old.submission_id)  # it has been superseded: this only frees its cores sooner
        return head

    def _checkpoint_fits(self, head: Head) -> bool:
        """Copy the last attempt's checkpoint. False if it cannot lead on from the last landed batch."""
        last = self._checkpoints.copy_for(head.job, head.epoch, head.attempt)
        return head.last_landed < 0 if last is None else last >= head.last_landed

    def _with_new_partitions(self, topic: str, ends: Offsets) -> Mapping[int, int]:
        return {**dict.fromkeys(self._broker.end_offsets(topic), 0), **ends}

    def _ensure_head(self, spec: JobSpec) -> Head:
        head = self.store.head(spec.name)
        while head is None:
            earliest = self._broker.earliest_offsets(spec.source.topic)
            topic_id = self._broker.topic_id(spec.source.topic)
            self.store.create_head(first_head(spec.name, earliest, topic_id, self._now_ms() * 1000))
            head = self.store.head(spec.name)
        return head

    # what is wanted

    def _wanted_running(self, job: str) -> JobRow:
        find(self.specs, job)
        wanted = self.store.job(job)
        if wanted is None or wanted.desired != "running":
            raise Conflict(f"{job} is {'stopped' if wanted else 'not deployed'}.", f"Run: weir deploy {job}")
        return wanted

    def _want(self, wanted: JobRow | None, spec: JobSpec, desired: str, version: str, who: str, reason: str) -> None:
        new = JobRow(spec.name, 0, desired, version, spec.model_dump_json(), who, reason, self._now_ms())
        self._change(wanted, new)

    def _change(self, wanted: JobRow | None, new: JobRow) -> None:
        new = replace(new, revision=wanted.revision + 1 if wanted else 1, changed_at=self._now_ms())
        if not self.store.set_job(wanted, new):
            raise Conflict(f"Somebody else changed {new.job} at the same moment.", f"Run: weir health {new.job}")

    def _judged(self, job: str, judged: int | None) -> int:
        if judged is not None:
            return judged
        head = self.store.head(job)
        return head.attempt if head else 0

    # small helpers

    def _driver_lives(self, job: str, head: Head) -> bool:
        """Raises NotRunning if that cannot be known: a second driver would do no harm, but nobody asked for one."""
        row = self._row(job, head.attempt)
        if row is None or not row.submission_id or row.exit_reason:
            return False
        state = self._cluster(job).state(row.submission_id)
        if state is DriverState.UNKNOWN:
            raise NotRunning(f"Spark's master does not say whether {job} runs.", "Look at: weir status")
        return not state.ended

    def _end(self, job: str, submission_id: str) -> None:
        """Ask a driver to end and give it time to land its batch."""
        self._cluster(job).kill(submission_id)
        deadline = self._clock() + STOP_WITHIN_S
        while not self._cluster(job).state(submission_id).ended and self._clock() < deadline:
            self._sleep(0.2)

    def _cluster(self, job: str) -> Cluster:
        """Raises NotRunning if this door has no way to the kind of cluster that the job's spec names."""
        kind = find(self.specs, job).cluster
        if kind not in self._clusters:
            raise NotRunning(f"{job} runs on {kind}, which cannot be reached from here.", "See docs/clusters.md for the connection.")
        return self._clusters[kind]

    def _row(self, job: str, attempt: int) -> AttemptRow | None:
        return next((a for a in self.store.attempts(job) if a.attempt == attempt), None)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
