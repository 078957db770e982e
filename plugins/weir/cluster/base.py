"""The outside world as Weir sees it: one protocol a system. Whoever implements one is held to tests/contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from spark_jobs.contract import RejectedLine
from spark_jobs.protocol import Head, Position
from spark_jobs.writer import Store as DriverStore
from weir.cluster.records import (
    Asked,
    AttemptRow,
    Booked,
    Cell,
    DayShard,
    DriverState,
    Event,
    Folder,
    FoldNote,
    Glance,
    HourShard,
    JobRow,
    Kept,
    Kind,
    Mail,
    Noted,
    Pause,
    Published,
    Record,
    Retention,
    Rolled,
    Room,
    StandbyRow,
    Submission,
    TopicGlance,
    Touched,
    VersionRow,
)

Submit = Callable[[Submission], str]  # for cluster managers whose drivers are started by spark-submit


class CountStore(DriverStore, Protocol):
    """What fold, readers and the supervisor need of the store beside what drivers need."""

    def create_head(self, head: Head) -> bool:
        """Make a job's first head; False if it has one."""

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        """For each attempt that set out to claim: its epoch and first batch."""

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        """The hours that were touched, their start in [since, until), in order."""

    def published(self, job: str, at: HourShard) -> Published | None:
        """What readers should read (serial consistency)."""

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        """Point readers to a new run if `expected` is still what they read."""

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        """Write a run's cells. `base` is the run that was published when this one was begun, empty for none."""

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        """A run's cells, read back."""

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        """Write a run's hour roll-up."""

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        """A run's hour roll-up, read back; empty for a run that has none."""

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        """Every run of an hour and shard that was begun and not deleted, with its base."""

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        """Forget a run that nobody can publish any more, and its hour roll-up."""

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        """What readers of days should read, of the days that begin in [since, until) (serial consistency)."""

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        """Point readers to a new roll if `expected` is still what they read."""

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        """Write a roll. `base` is the roll that was published when this one was begun, empty for none."""

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        """A roll, read back."""

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        """Every roll that was begun and not deleted, with its base, by day and shard."""

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        """Forget a roll that nobody can publish any more."""

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        """The deltas that are still there, landed or not."""

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        """Delete the deltas written at `write_ts` or before."""

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        """Lines by level that each batch, landed or not, wrote to an hour and shard. Never deleted."""

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        """The landed batches, newest first, as the heads that they were; with `before`, older ones only. The batch in the head itself may
        be missing."""

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        """The landed batches after a position, oldest first. The batch in the head itself may be missing."""

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        """The landed batches that were claimed in [since, until) (ms), oldest first: of more than `most`, some that are spread evenly. The
        batch in the head itself may be missing, and gaps are."""

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        """The first batch after a position that wrote to an hour and shard, landed or not."""

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        """The samples of rejected lines, of landed batches or not, newest batch first."""

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        """The notes of all hours and shards that were ever folded."""

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        """Note what is published."""

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        """Note that what this run replaced was deleted."""

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        """Keep what a recount found."""

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        """What recounts found, newest first."""

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        """Keep how far the counts are proven; `write_ts` is that of the batch: what reaches further stays, whichever is written last."""

    def proven(self, job: str) -> str | None:
        """How far the counts are proven, as it was kept for the latest batch."""


class Cluster(Protocol):
    """Where drivers run. Nothing here decides: a state that cannot be learnt is UNKNOWN, and never an exception."""

    def submit(self, submission: Submission) -> str:
        """Start a driver and return its submission id. Raises NotRunning if the cluster does not take it."""

    def state(self, submission_id: str) -> DriverState:
        """What the cluster says of a submission, within a few seconds."""

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """The same of each of many submissions, in as few questions as the cluster allows."""

    def kill(self, submission_id: str) -> None:
        """End a driver that has been superseded. Best effort: it would end by itself."""

    def log_link(self, submission_id: str) -> str:
        """Where a person reads what the driver said, as a URL; empty if that is not known."""

    def room(self) -> Room | None:
        """What there is to run drivers and executors on; None if the cluster does not say."""


class Checkpoints(Protocol):
    """The folders that drivers keep their progress in: one per attempt, so that two drivers never share one."""

    def location(self, job: str, epoch: int, attempt: int) -> str:
        """The URI that the driver of an attempt is given."""

    def attempts(self, job: str) -> Sequence[tuple[int, int]]:
        """Every (epoch, attempt) that has a folder, or the rest of a copy that was cut short, in order. Raises NotRunning."""

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        """An attempt's folder as it is, while a driver may be writing it; only the `newest` batches' contents if that is given.
        What cannot be read is named in its `trouble`."""

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        """Make an attempt's folder: there with all its files, or not at all. Raises NotRunning."""

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        """Remove the folders of attempts that nobody goes back to. Raises NotRunning."""


class AlertStore(Protocol):
    """What alerts keep: decisions with their messages, what windows came to, and what the inbox got."""

    def book(self, job: str) -> Booked | None:
        """The book of a job's alerts (serial consistency)."""

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        """Change the book if `expected` is what it was. Revisions only grow."""

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        """Write rows of the evaluation ledger. Of two about the same windows the one of the later revision stays, whichever comes last."""

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        """The rows about windows that begin in [since, until), in order."""

    def put_mail(self, job: str, mail: Mail) -> None:
        """Put a message into the inbox. The same one, put again, is there once."""

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        """The newest messages of the inbox, newest first."""

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        """The books of many jobs, for who only looks: without those that have none, and what is being decided just now may be missing."""

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        """The newest messages of each of many jobs, newest first."""


class RequestStore(Protocol):
    """What the REST service keeps of what it was asked to do, for a day."""

    def asked(self, who: str, key: str) -> Asked | None:
        """The request of a person under an idempotency key (serial consistency)."""

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        """Change it if it is still under the claim of `expected`; None if there is to be none. No two requests have the same claim."""


class JobStore(CountStore, AlertStore, RequestStore, Protocol):
    """What the manager keeps: what is wanted, each attempt, the timeline and the last reports."""

    def close(self) -> None:
        """Let go of the connections."""

    def job(self, job: str) -> JobRow | None:
        """What is wanted of a job (serial consistency)."""

    def jobs(self) -> Sequence[JobRow]:
        """What is wanted of every job that was ever deployed."""

    def desired(self, job: str) -> str:
        """The same as drivers see it: `running` or `stopped`; empty if the job was never deployed."""

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        """Change what is wanted if `expected` is what was wanted."""

    def versions(self, job: str) -> Sequence[VersionRow]:
        """Every version that was deployed, the last one first."""

    def put_version(self, job: str, row: VersionRow) -> None:
        """Note that a version is being deployed. Whether it is good stays as it is."""

    def put_good(self, job: str, version: str) -> None:
        """Note that an attempt of a version has become ready."""

    def pending(self) -> Sequence[str]:
        """The migrations of the schema that this release has and the store has not, in order."""

    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        """The newest attempts, newest first."""

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        """Note why an attempt is about to be taken, before it is."""

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        """Note the driver that was started for an attempt."""

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        """Note how an attempt ended: its driver's last words, or why it never had one (then without an incarnation)."""

    def add_event(self, job: str, event: Event) -> None:
        """Add a line to the timeline. The same line, added again, is there once."""

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        """The newest lines of the timeline, newest first; with `after`, those that follow on the line of that time (ms) and id."""

    def put_pause(self, job: str, pause: Pause) -> None:
        """Keep a person's word in place of the last one of its kind."""

    def pauses(self, job: str) -> Sequence[Pause]:
        """The last word of each kind, ended or not."""

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        """The newest standbys, newest first."""

    def put_standby(self, job: str, row: StandbyRow) -> None:
        """Note a standby that is about to be submitted, or has been: its version, its submission and when."""

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        """Give a standby an attempt, with the arguments of its driver. It looks by itself."""

    def retire(self, job: str, standby_id: str, at: int) -> None:
        """Let a standby that waits end by itself."""

    def report(self, job: str) -> str | None:
        """The last report as JSON."""

    def glance(self, jobs: Collection[str], history: int = 50) -> Mapping[str, Glance]:
        """What is known of each of many jobs, with its `history` newest attempts, in as few questions as the store allows. A job that
        cannot be read says so in its `trouble`, and never keeps the others from being read."""

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        """Keep what was said of jobs, in place of what was said before."""


class Broker(Protocol):
    """What the source says of itself, each within a few seconds. Raises NotRunning, or its kind TopicMissing."""

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """For each partition the offset after the last record."""

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        """For each partition the first offset that is still there."""

    def topic_id(self, topic: str) -> str:
        """What tells a topic from one that was deleted and made again under its name."""

    def retention(self, topic: str) -> Retention:
        """How long the topic keeps its records."""

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        """When the first record at or after an offset was appended (ms), by partition; without those that have none."""

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicGlance]:
        """All this of each of many topics, in as few questions as the broker allows. What it does not say is None. Never raises."""


class Source(Broker, Protocol):
    """A broker whose records can be read back."""

    def records(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """The records with offsets in [start, end), in order. Raises NotRunning if they stop coming, or are gone."""
