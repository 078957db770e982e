"""The one door to the streams: operators, CLI, service and console all enter here. Every method may be repeated, by anyone, at any time.

Observing is for `cluster/`, judging for `verdict` and `restart`; here is what acts. Each act is bound to the attempt that was judged, so a
stale judgement cannot hit a healthy successor.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol import Head, brought_forward, first_head
from weir.cluster.records import AttemptRow, DriverState, JobRow
from weir.errors import Conflict, NotRunning
from weir.supervise import bundle, takeover
from weir.supervise.beginning import Beginning
from weir.supervise.doctor import Seen
from weir.supervise.restart import Act
from weir.supervise.spec import JobSpec, find
from weir.supervise.starting import AUTOMATIC, Action, Order, Starter
from weir.supervise.verdict import SUBMIT_GRACE_MS, Observation, Report, Verdict
from weir.supervise.words import Words

STOP_WITHIN_S = 30.0


class Manager(Starter, Words):
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
        return self._start(Order(job, head.attempt, "deploy", who, reason or f"deploy of version {version}"))

    def restart(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Start the next attempt from the same checkpoint.

        Raises Conflict (another attempt has taken over since `judged`), DataLoss (there are lines that it could not read), Diverged.
        """
        self._wanted_running(job)
        return self._start(Order(job, self._judged(job, judged), str(Act.RESTART), who, reason))

    def rebuild(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Begin a new epoch exactly where the last landed batch ended, with a new checkpoint."""
        self._wanted_running(job)
        return self._start(Order(job, self._judged(job, judged), str(Act.REBUILD), who, reason))

    def accept_loss(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Begin a new epoch where the broker can still be read. What it no longer has is a gap of the ledger, by this person's word.

        Raises BadInput without a reason, Conflict if nothing is lost.
        """
        return self._start(Order(job, self._judged(job, judged), str(Act.ACCEPT_LOSS), who, reason))

    def quarantine(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", batch: int | None = None) -> Action:
        """Begin a new epoch behind the batch that fails. Its offsets, exactly, are a gap of the ledger, by this person's word.

        `batch` names it; without, the verdict must be poisoned. Raises BadInput without a reason, Conflict if it is another one.
        """
        self._wanted_running(job)
        batch = self.poisoned(job) if batch is None else batch
        return self._start(Order(job, self._judged(job, judged), str(Act.QUARANTINE), who, reason, batch))

    def poisoned(self, job: str) -> int:
        """The batch that failed twice with the same error. Raises Conflict if that is not how it is."""
        report, head = self.health(job), self._head(job)
        row = self._row(job, head.attempt)
        if report.verdict is not Verdict.POISONED or row is None:
            raise Conflict(f"{job} is not poisoned: {report.sentence}.", "To leave a batch out all the same, name it: --batch.")
        return row.exit_batch

    def foresee(self, job: str, act: Act, reason: str = "", batch: int = -1) -> tuple[int, Beginning]:
        """What `rebuild`, `accept_loss` or `quarantine` would do: the attempt that it would replace, and where the epoch would begin."""
        self._wanted_running(job)
        kept, head = self._newest_row(job), self._head(job)
        order = Order(job, head.attempt, str(act), reason=reason, batch=batch)
        return head.attempt, self._beginning(order)(brought_forward(head, kept))

    def checkpoint(self, job: str) -> Seen | None:
        """The checkpoint folder of the newest attempt, with what it is judged by; None if the job was never deployed.

        Raises UnknownJob, NotRunning (the checkpoints or the store cannot be read).
        """
        spec, before = find(self.specs, job), self.store.head(job)
        if before is None:
            return None
        kept, found = self._newest_row(job), self._checkpoints.attempts(job)
        newest = max((a for e, a in found if e == before.epoch and a <= before.attempt), default=before.attempt)
        folder = self._checkpoints.read(job, before.epoch, newest)
        return Seen(folder, before, self._head(job), spec.source.topic, kept, max((a for _, a in found), default=0))

    def stop(self, job: str, who: str = AUTOMATIC, reason: str = "") -> Action:
        """End the driver and keep it stopped until the next deploy. What it had not landed is counted after that. Raises UnknownJob."""
        wanted = self.store.job(job)
        if wanted is None:  # a job that was deployed once can be stopped without its folder
            find(self.specs, job)
        head = self.store.head(job)
        if wanted is None or head is None or wanted.desired == "stopped":
            return Action(False, head.attempt if head else 0, f"{job} is stopped already.")
        self._change(wanted, replace(wanted, desired="stopped", changed_by=who, reason=reason))
        row = self._row(job, head.attempt)
        if row and row.submission_id:
            self._end(job, row.submission_id)
        highest = self._highest(job)
        self.store.put_attempt(job, AttemptRow(max(head.attempt, highest) + 1, "stop", who, reason, self._now_ms(), wanted.version))
        fenced = takeover.take_over(self.store, job, head.attempt, highest)  # whatever of it still runs can write no more
        self._tell(job, "stop", f"{job} was stopped.", fenced.attempt, who, reason, {"replaces": head.attempt})
        return Action(True, fenced.attempt, f"{job} is stopped. All that had landed is kept.")

    def act(self, report: Report) -> Action | None:
        """Do what a report calls for, if its time has come. None if there is nothing to do, somebody else has done it, or a person has said
        that Weir leaves the job alone."""
        if report.act == Act.NONE or self._now_ms() < report.not_before or self._paused(report.job):
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

    # what is wanted

    def _ensure_head(self, spec: JobSpec) -> Head:
        head = self.store.head(spec.name)
        while head is None:
            earliest = self._broker.earliest_offsets(spec.source.topic)
            topic_id = self._broker.topic_id(spec.source.topic)
            self.store.create_head(first_head(spec.name, earliest, topic_id, self._now_ms() * 1000))
            head = self.store.head(spec.name)
        return head

    def _want(self, wanted: JobRow | None, spec: JobSpec, desired: str, version: str, who: str, reason: str) -> None:
        new = JobRow(spec.name, 0, desired, version, spec.model_dump_json(), who, reason, self._now_ms())
        self._change(wanted, new)

    def _change(self, wanted: JobRow | None, new: JobRow) -> None:
        new = replace(new, revision=wanted.revision + 1 if wanted else 1, changed_at=self._now_ms())
        if not self.store.set_job(wanted, new):
            raise Conflict(f"Somebody else changed {new.job} at the same moment.", f"Run: weir health {new.job}")

    # small helpers

    def _driver_lives(self, job: str, head: Head) -> bool:
        """Raises NotRunning if that cannot be known: a second driver would do no harm, but nobody asked for one."""
        row = self._submitted(job, head.attempt)
        if row is None or not row.submission_id or row.exit_reason:
            return False
        state = self._cluster(job).state(row.submission_id)
        if state is DriverState.UNKNOWN:
            raise NotRunning(f"Spark's master does not say whether {job} runs.", "Look at: weir status")
        return not state.ended

    def _submitted(self, job: str, attempt: int) -> AttemptRow | None:
        """The attempt's row. Whoever has just taken it is given the time to submit its driver: of many deploys at once, one starts it."""
        while (
            (row := self._row(job, attempt))
            and not row.submission_id
            and row.cause != "stop"
            and self._now_ms() - row.taken_at <= SUBMIT_GRACE_MS
        ):
            self._sleep(0.2)
        return row

    def _end(self, job: str, submission_id: str) -> None:
        """Ask a driver to end and give it time to land its batch."""
        self._cluster(job).kill(submission_id)
        deadline = self._clock() + STOP_WITHIN_S
        while not self._cluster(job).state(submission_id).ended and self._clock() < deadline:
            self._sleep(0.2)


__all__ = ["AUTOMATIC", "Action", "Manager"]
