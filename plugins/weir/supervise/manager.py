"""The one door to the streams: operators, CLI, service and console all enter here. Every method may be repeated, by anyone, at any time.

Observing is for `cluster/`, judging for `verdict` and `restart`; here is what acts. Each act is bound to the attempt that was judged, so a
stale judgement cannot hit a healthy successor.
"""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.protocol.head import brought_forward
from weir.counts.closed import closed_now
from weir.counts.rules import Rules
from weir.errors import Conflict, DriverEnded
from weir.jobs.specs import find
from weir.ports.cluster import DriverState
from weir.ports.jobs import AttemptRow
from weir.supervise import takeover
from weir.supervise.deploying import Deployer
from weir.supervise.doctor import Seen
from weir.supervise.epoch_start import Beginning
from weir.supervise.observation import Observation, with_the_clusters_word
from weir.supervise.report import Report, Verdict
from weir.supervise.restart import Act
from weir.supervise.starting import AUTOMATIC, Action, Order

STOP_WITHIN_S = 30.0  # as LAND_WITHIN_S, and a driver looks every 5 s
KILL_WITHIN_S = 30.0


class Manager(Deployer):
    # restart, stop

    def restart(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Start the next attempt from the same checkpoint.

        Raises Conflict (another attempt has taken over since `judged`), DataLoss (there are lines that it could not read), Diverged.
        """
        self._wanted_running(job)
        return self._start(Order(job, self._judged(job, judged), str(Act.RESTART), who, reason))

    def rebuild(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", shown: str = "") -> Action:
        """Begin a new epoch exactly where the last landed batch ended, with a new checkpoint."""
        self._wanted_running(job)
        return self._start(Order(job, self._judged(job, judged), str(Act.REBUILD), who, reason, shown=shown))

    def accept_loss(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", shown: str = "") -> Action:
        """Begin a new epoch where the broker can still be read. What it no longer has is a gap of the ledger, by this person's word.

        `shown` is the mark of the beginning that the person was shown. Raises BadInput without a reason, Conflict if nothing is lost, or
        something else than was shown.
        """
        return self._start(Order(job, self._judged(job, judged), str(Act.ACCEPT_LOSS), who, reason, shown=shown))

    def quarantine(
        self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", batch: int | None = None, shown: str = ""
    ) -> Action:
        """Begin a new epoch behind the batch that fails. Its offsets, exactly, are a gap of the ledger, by this person's word.

        `batch` names it; without, the verdict must be poisoned. Raises BadInput without a reason, Conflict if it is another one.
        """
        self._wanted_running(job)
        batch = self.poisoned(job) if batch is None else batch
        return self._start(Order(job, self._judged(job, judged), str(Act.QUARANTINE), who, reason, batch, shown=shown))

    def poisoned(self, job: str) -> int:
        """The batch that failed twice with the same error. Raises Conflict if that is not how it is. No report is kept: who only asks what
        a quarantine would do comes here, too."""
        (report,), head = self.onlooker().reports({job: find(self.specs, job)}), self._head(job)
        row = self._row(job, head.attempt)
        if report.found is not Verdict.POISONED or row is None:
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
        spec, before = self.spec(job), self.store.head(job)
        if before is None:
            return None
        kept, found = self._newest_row(job), self._checkpoints.attempts(job)
        newest = max((a for e, a in found if e == before.epoch and a <= before.attempt), default=before.attempt)
        folder = self._checkpoints.read(job, before.epoch, newest)
        return Seen(folder, before, self._head(job), spec.source.topic, kept, max((a for _, a in found), default=0))

    def stop(self, job: str, who: str = AUTOMATIC, reason: str = "") -> Action:
        """Let the driver land the batch at work and end, kill it if it does not, and keep the job stopped until the next deploy. What had
        not landed is counted after that. Raises UnknownJob, or Conflict if somebody deploys it meanwhile."""
        wanted = self.store.job(job)
        if wanted is None:  # a job that was deployed once can be stopped without its folder
            find(self.specs, job)
        head = self.store.head(job)
        if wanted is None or head is None or wanted.desired == "stopped":
            return Action(False, head.attempt if head else 0, f"{job} is stopped already.")
        self._change(wanted, replace(wanted, desired="stopped", changed_by=who, reason=reason))
        row, standbys = self._row(job, head.attempt), self._dismiss(job)
        if row and row.submission_id:
            self._end(job, row.submission_id, begun=bool(head.incarnation))
        for standby in standbys:
            self._end(job, standby, begun=True)
        highest = self._highest(job)
        self.store.put_attempt(job, AttemptRow(max(head.attempt, highest) + 1, "stop", who, reason, self._now_ms(), wanted.version))
        fenced = takeover.take_over(self.store, job, head.attempt, highest)  # whatever of it still runs can write no more
        self._tell(job, "stop", f"{job} was stopped.", fenced.attempt, who, reason, {"replaces": head.attempt})
        return Action(True, fenced.attempt, f"{job} is stopped. All that had landed is kept.")

    def act(self, report: Report) -> Action | None:
        """Do what a report calls for, if its time has come. None if there is nothing to do, somebody else has done it, or a person has said
        that Weir leaves the job alone. A version that cannot run is taken back.

        A report may have waited for its turn: an attempt that was stalled and has landed since is well.
        """
        if report.act == Act.NONE or self._now_ms() < report.not_before or self._paused(report.job):
            return None
        if report.verdict is Verdict.STALLED and dict(self._head(report.job).frontier) != dict(report.frontier):
            return None
        if report.evidence.get("driver") == DriverState.OUT_OF_MEMORY:
            self._note_end(report.job, report.attempt)
        do = self.rebuild if report.act == Act.REBUILD else self.restart
        try:
            if report.act == Act.RESTART and (given_back := self._give_back(report)):
                return given_back
            return do(report.job, report.attempt, AUTOMATIC, report.sentence)
        except Conflict:
            return None

    def _note_end(self, job: str, attempt: int) -> None:
        """Keep what only the cluster could tell: that the driver was killed for its memory. The next one is given more for it."""
        row = self._row(job, attempt)
        if row and (ended := with_the_clusters_word(row, DriverState.OUT_OF_MEMORY)) != row:
            self.store.put_exit(job, row.attempt, row.incarnation, ended.exit_reason, ended.exit_error, row.exit_batch)

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

    def closed_until(self, job: str) -> int:
        """Before this moment (ms) no more lines are expected. Raises UnknownJob."""
        return closed_now(self._head(job), Rules.of(self.spec(job)), self._broker, self._now_ms())

    def ready(self, job: str, attempt: int) -> bool:
        """Has the attempt landed a batch, or started with nothing to read? Raises DriverEnded or Conflict if it never will, NotRunning if
        nobody can tell now."""
        seen = self.observe(job)
        if seen.head is None or seen.head.attempt != attempt:
            now_at = f"attempt {seen.head.attempt}" if seen.head else "nothing"
            raise Conflict(f"{job} is at {now_at} now, attempt {attempt} was replaced.", f"Run: weir health {job}")
        row = seen.attempt
        if seen.head.by == attempt and seen.head.landed_at:
            return self._is_good(job, row)
        if seen.driver.ended or (row and row.exit_reason):
            why = (row.exit_error or row.exit_reason) if row else ""
            raise DriverEnded(f"The driver of {job}, attempt {attempt}, has ended: {why or seen.driver}.", f"Run: weir logs {job}")
        return bool(seen.head.incarnation) and seen.lag == 0 and self._is_good(job, row)

    def wait_landed(self, job: str, timeout_s: float) -> bool:
        """Wait until all lines that the topic has now have landed. False at the timeout."""
        ends = self._broker.end_offsets(self.spec(job).source.topic)

        def landed() -> bool:
            head = self.store.head(job)
            return head is not None and all(head.frontier.get(p, 0) >= end for p, end in ends.items())

        return self._until(landed, timeout_s)

    def wait_ready(self, job: str, attempt: int, timeout_s: float) -> bool:
        """Wait until the attempt is ready. False at the timeout; raises what `ready` raises."""
        return self._until(lambda: self.ready(job, attempt), timeout_s)

    def drivers(self) -> list[tuple[str, Observation]]:
        """What is known of each job that should run."""
        found = self._fleet.observe(dict(self.specs))
        return [(job, seen) for job, seen in found.items() if seen.wanted and seen.wanted.desired == "running"]

    def log_link(self, job: str) -> str:
        """Where the newest driver's log is, as a URL; empty if nobody knows."""
        row = next((a for a in self.store.attempts(job) if a.submission_id), None)
        return self._cluster(job).log_link(row.submission_id) if row else ""

    def _end(self, job: str, submission_id: str, begun: bool) -> None:
        """Wait for a driver to end by itself, as it does when the job is to stop; else kill it. What has not begun has nothing to land."""
        if begun and self._ended(job, submission_id, STOP_WITHIN_S):
            return
        self._cluster(job).kill(submission_id)
        self._ended(job, submission_id, KILL_WITHIN_S)

    def _ended(self, job: str, submission_id: str, within_s: float) -> bool:
        return self._until(lambda: self._cluster(job).state(submission_id).ended, within_s)


__all__ = ["AUTOMATIC", "Action", "Manager"]
