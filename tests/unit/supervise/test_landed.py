"""Landed jobs under supervision, with everything in memory: takeovers restore the plan, and no epoch begins with empty state by itself."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.landed.fenced import Evaluated, FencedSink
from spark_jobs.protocol import codec
from spark_jobs.protocol.gap import Gap, GapKind, Hole
from spark_jobs.protocol.head import Batch, Digest, Head, Progress, State, first_head
from spark_jobs.protocol.landing import Held, LandedSink, NotDeterministic, SinkAhead
from spark_jobs.protocol.partition import Partition, of_source
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import PROVEN, Exit, JobArguments
from tests.state_files import lz4, metadata, schema
from tests.unit.supervise.bench import memory_parts
from weir.errors import Refused, StateLost
from weir.factory import assemble
from weir.jobs.folders import sound
from weir.jobs.new import create
from weir.ports.checkpoints import Folder
from weir.supervise.judge.epoch_start import Beginning, Word, in_words, with_state
from weir.supervise.judge.landed_lineage import continuations
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.restart import Action
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore
from weir.testing.landed_sinks import MemorySink, Target

JOB = "words"
TOPIC_ID = "topic-1"


class Rows(list[tuple[int]]):
    """Stands for a DataFrame."""

    def collect(self) -> list[tuple[int]]:
        return self


class Landing:
    """A landed job and its manager. `driver` plays the driver of the newest submission with the product's own writer."""

    def __init__(self, folder: Path, stateful: bool = True) -> None:
        create(JOB, "landed", folder / "jobs")
        self.folder, self.stateful = folder / "jobs" / JOB, stateful
        self.store, self.cluster, self.broker, self.checkpoints = MemoryStore(), MemoryCluster(), MemoryBroker(), MemoryCheckpoints()
        self.clock, self.target = Clock(), Target()
        self.broker.create("logs", partitions=1)
        self.broker.fill("logs", 0, 100)
        self.parts = memory_parts(self, folder, str(folder / "jobs"))
        self.manager = assemble(sound(folder / "jobs"), self.parts)
        self.manager.deploy(JOB)

    @property
    def head(self) -> Head:
        head = self.store.head(JOB)
        assert head is not None
        return head

    @property
    def files(self) -> dict[str, bytes]:
        return self.checkpoints.start(JOB, self.head.epoch, self.head.attempt)

    def arguments(self) -> JobArguments:
        newest = list(self.cluster.submissions.values())[-1]
        return JobArguments.from_argv(newest.arguments[-1:])

    def driver(self, version: str = "v", sink: LandedSink | None = None) -> Writer[Evaluated]:
        args = self.arguments()
        assert args.attempt == self.head.attempt
        fenced, incarnation = FencedSink(sink or MemorySink(self.target)), f"i{args.attempt}"
        writer: Writer[Evaluated] = Writer(self.store, fenced, JOB, args.attempt, incarnation, version, lambda: int(self.clock() * 1e6))
        writer.start()
        return writer

    def plan(self, batch_id: int, start: int, end: int) -> Batch:
        """Plan a batch as Spark does, unless the folder has a plan of it."""
        path = f"offsets/{batch_id}"
        self.files.setdefault(path, f'v1\n{{"batchWatermarkMs":0,"at":{self.clock()}}}\n{{"logs":{{"0":{end}}}}}'.encode())
        return Batch(batch_id, of_source(TOPIC_ID, {0: start}), of_source(TOPIC_ID, {0: end}), plan=self.files[path])

    def evaluate(self, batch: Batch, value: str = "a") -> Evaluated:
        if self.stateful:
            self.files["state/0/_metadata/metadata"], self.files["state/0/0/_metadata/schema"] = metadata({"default": 1}), schema()
            self.files[f"state/0/0/{batch.batch_id + 1}.delta"] = lz4(b"so many")
        return Evaluated(Rows(), Digest(0, value), Progress(), self.stateful)  # type: ignore[arg-type]

    def land(self, writer: Writer[Evaluated], batch_id: int, start: int, end: int, commit: bool = True) -> None:
        batch = self.plan(batch_id, start, end)
        writer.write(batch, lambda _: self.evaluate(batch))
        if commit:
            self.commit(batch_id)

    def commit(self, batch_id: int) -> None:
        self.files[f"commits/{batch_id}"] = b'v1\n{"nextBatchWatermarkMs":7}'

    def claim(self, writer: Writer[Evaluated], batch_id: int, start: int, end: int) -> Batch:
        """Claim a batch, and go no further."""
        batch = self.plan(batch_id, start, end)
        claimed = writer._claim(self.head, batch, self.evaluate(batch), 0)
        assert claimed
        return batch


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def test_a_driver_is_given_pipeline_sources_and_sink(landing: Landing) -> None:
    args = landing.arguments()
    assert (args.pipeline, dict(args.inputs), args.output_mode) == ("words.pipeline", {"lines": {"topics": ["logs"]}}, "update")
    assert args.sink == {"kind": "parquet", "path": "file:///tmp/words"}
    assert dict(args.options) == {"least_letters": 1}
    (submission,) = landing.cluster.submissions.values()
    assert submission.application.endswith("/spark_jobs/landed/main.py")


def test_a_takeover_restores_the_plan_of_an_open_claim_byte_for_byte(landing: Landing) -> None:
    writer = landing.driver()
    landing.land(writer, 0, 0, 10)
    batch = landing.claim(writer, 1, 10, 30)
    del landing.files["offsets/1"]  # torn by a power cut
    landing.manager.restart(JOB)
    files = landing.files
    assert (files["offsets/1"], sorted(path for path in files if path.startswith(("offsets", "commits")))) == (
        batch.plan,
        ["commits/0", "offsets/0", "offsets/1"],
    )
    assert "state/0/0/1.delta" in files and "state/0/0/2.delta" not in files
    assert landing.driver().write(batch, lambda _: landing.evaluate(batch))
    assert landing.head.state is State.LANDED


def test_a_batch_whose_commit_was_lost_is_planned_again_for_its_state(landing: Landing) -> None:
    writer = landing.driver()
    landing.land(writer, 0, 0, 10)
    landing.land(writer, 1, 10, 30, commit=False)
    landing.manager.restart(JOB)
    assert "commits/1" not in landing.files and "offsets/1" in landing.files and "state/0/0/2.delta" not in landing.files
    batch = landing.plan(1, 10, 30)
    with pytest.raises(NotDeterministic, match=r"batch 1 \[0: 10-30\] had landed, and gives other rows now: it had 0 rows with digest a"):
        landing.driver().write(batch, lambda _: landing.evaluate(batch, "b"))
    assert not landing.driver().write(batch, lambda _: landing.evaluate(batch))


def test_a_job_without_state_continues_without_any_folder(tmp_path: Path) -> None:
    landing = Landing(tmp_path, stateful=False)
    writer = landing.driver()
    landing.land(writer, 0, 0, 10)
    batch = landing.claim(writer, 1, 10, 30)
    landing.checkpoints.files.clear()
    landing.manager.restart(JOB)
    assert landing.head.epoch == 1
    assert landing.files["offsets/1"] == batch.plan and b'"id"' in landing.files["metadata"]
    assert landing.driver().write(batch, lambda _: landing.evaluate(batch))


def lost(landing: Landing) -> None:
    """Lose the state of a job that has landed two batches."""
    writer = landing.driver()
    landing.land(writer, 0, 0, 10)
    landing.land(writer, 1, 10, 30)
    for path in [path for path in landing.files if path.endswith(".delta")]:
        landing.files[path] = landing.files[path][:5]
    with pytest.raises(StateLost, match=r"The state of words is lost: attempt 1: state/0/0/\d.delta is torn"):
        landing.manager.restart(JOB)


def test_torn_state_stops_the_job_and_nothing_is_done_by_itself(landing: Landing) -> None:
    lost(landing)
    report = landing.manager.health(JOB)
    assert report.verdict is Verdict.STATE_LOST and "is torn" in report.sentence and "--state empty" in report.next_step
    assert landing.manager.act(report) is None
    assert (landing.head.epoch, landing.head.attempt) == (1, 2)
    with pytest.raises(StateLost, match="would begin with empty state"):
        landing.manager.rebuild(JOB, reason="try")


def test_an_operator_may_give_the_state_up_as_a_gap(landing: Landing) -> None:
    lost(landing)
    judged, there = landing.manager.foresee(JOB, Action.REBUILD, "the disk is gone", state="empty")
    landing.manager.rebuild(JOB, judged, "ana", "the disk is gone", there.mark, "empty")
    head = landing.head
    assert (head.epoch, head.batch_id, head.gap and (head.gap.kind, head.gap.who)) == (2, -1, (GapKind.STATE, "ana"))
    assert not head.stateful and dict(head.end) == of_source(TOPIC_ID, {0: 30})
    landing.land(landing.driver(), 0, 30, 40)
    assert [row.gap.kind for row in landing.store.ledger(JOB) if row.gap] == [GapKind.STATE]


@pytest.mark.parametrize("gap", [None, Gap(GapKind.LOSS, (Hole(Partition(TOPIC_ID, 0), 10, 40),), "ana", "the disk was small", 9)])
def test_what_gives_state_up_is_shown_before_and_recorded(landing: Landing, gap: Gap | None) -> None:
    landing.land(landing.driver(), 0, 0, 10)
    began = Beginning(of_source(TOPIC_ID, {0: 40}), gap)
    there = with_state(began, landing.head, "empty", Word("ana", "the disk was small", 9))
    assert there.gap is not None and there.gap.gives_up_state
    assert "It begins with empty state" in " ".join(in_words(JOB, there))
    head = replace(landing.head, gap=there.gap)
    assert codec.load(codec.dump(head), head.plan, str(head.digest)).gap == there.gap


def test_an_operator_may_keep_the_state_of_the_last_landed_batch(landing: Landing) -> None:
    writer = landing.driver()
    landing.land(writer, 0, 0, 10)
    landing.land(writer, 1, 10, 30)
    landing.manager.rebuild(JOB, reason="a new epoch", state="kept")
    head = landing.head
    assert (head.epoch, head.batch_id, head.base, head.state_epoch, head.stateful) == (2, 1, 1, 1, True)
    assert "state/0/0/2.delta" in landing.files and {"offsets/1", "commits/1"} <= landing.files.keys()
    landing.land(landing.driver(), 2, 30, 40)
    assert [(row.epoch, row.batch_id) for row in (landing.head, *landing.store.ledger(JOB))][:3] == [(2, 2), (1, 1), (1, 0)]
    landing.manager.restart(JOB)
    landing.land(landing.driver(), 3, 40, 50)
    assert landing.head.epoch == 2


def test_state_that_was_never_committed_is_made_again_before_it_can_be_kept(landing: Landing) -> None:
    writer = landing.driver()
    landing.land(writer, 0, 0, 10, commit=False)
    with pytest.raises(StateLost, match=r"Spark's commit of batch 0 is missing\. To evaluate the batch again, run: weir restart words"):
        landing.manager.rebuild(JOB, reason="now", state="kept")
    assert landing.head.epoch == 1


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        (Exit.NOT_DETERMINISTIC, Verdict.NOT_DETERMINISTIC),
        (Exit.SINK_DIFFERS, Verdict.SINK_DIFFERS),
        (Exit.STATE_LOST, Verdict.STATE_LOST),
    ],
)
def test_a_driver_that_stopped_for_an_operator_is_not_started_again(landing: Landing, reason: Exit, verdict: Verdict) -> None:
    landing.driver()
    landing.store.put_exit(JOB, 1, "i1", reason.name.lower(), "what was seen", 3)
    report = landing.manager.health(JOB)
    assert (report.verdict, report.act) == (verdict, "none") and "what was seen" in report.sentence and report.next_step
    assert landing.manager.act(report) is None and landing.head.attempt == 1


def test_a_changed_order_of_sources_is_refused_by_the_plan(landing: Landing) -> None:
    landing.land(landing.driver(), 0, 0, 10)
    file = landing.folder / "job.yaml"
    file.write_text(file.read_text().replace("lines: {topic: logs}", "others: {topic: logs}"))
    manager = assemble(sound(landing.folder.parent), landing.parts)
    assert "sources: Spark keeps offsets by the order of lines" in manager.plan(JOB).refusals
    with pytest.raises(Refused):
        manager.deploy(JOB)


def test_a_claim_after_kept_state_is_done_again_only_with_the_state_of_the_landed_batch() -> None:
    """An older driver may have evaluated the kept epoch's last batch as it planned it itself, and have landed nothing."""
    offsets = of_source(TOPIC_ID, {0: 30})
    before = replace(first_head(JOB, offsets, 1), batch_id=0, state=State.LANDED, plan=plan_to(30), stateful=True)
    head = replace(before, epoch=2, batch_id=1, base=0, state_epoch=1, state=State.CLAIMED, plan=plan_to(40))
    unlanded = Folder(1, 1, "", {}, {"offsets/0": plan_to(20)})
    assert not list(continuations(unlanded, head, before, "logs"))
    landed = replace(unlanded, contents={"offsets/0": plan_to(30), "commits/0": b"v1\n{}"})
    assert [way.version for way in continuations(landed, head, before, "logs")] == [1]


def test_a_restored_store_continues_from_the_state_of_its_own_last_batch(landing: Landing) -> None:
    """Checkpoints are further by many batches. What the sink holds tells its driver that the store was restored."""
    writer = landing.driver()
    for n in range(8):
        landing.land(writer, n, n * 10, n * 10 + 10)
        if n == 2:
            older, copies = landing.head, deepcopy((landing.store._heads, landing.store._ledger))
    landing.store._heads, landing.store._ledger = copies
    landing.manager.restart(JOB)
    plans = [path for path in sorted(landing.files) if path.startswith(("commits", "offsets"))]
    assert plans == ["commits/1", "commits/2", "offsets/1", "offsets/2"] and landing.files["offsets/2"] == older.plan
    with pytest.raises(SinkAhead, match="WEIR-321"):
        landing.driver()


def test_a_commit_counts_only_with_the_plan_that_landed() -> None:
    """After the store was restored, an attempt that is forgotten had committed other offsets under the number of a landed batch."""
    before = replace(first_head(JOB, of_source(TOPIC_ID, {0: 30}), 1), batch_id=0, state=State.LANDED, plan=plan_to(30), stateful=True)
    head = replace(before, batch_id=1, plan=plan_to(50))
    commits = {"offsets/0": plan_to(30), "commits/0": b"v1\n{}", "commits/1": b"v1\n{}"}
    its, others = (Folder(1, 1, "", {}, {**commits, "offsets/1": plan_to(end)}) for end in (50, 40))
    assert [way.version for way in continuations(its, head, before, "logs")] == [2, 1]
    assert [way.version for way in continuations(others, head, before, "logs")] == [1]


def plan_to(end: int) -> bytes:
    return f'v1\n{{"batchWatermarkMs":0}}\n{{"logs":{{"0":{end}}}}}'.encode()


def test_state_may_be_given_up_after_it_could_not_be_kept(landing: Landing) -> None:
    lost(landing)
    with pytest.raises(StateLost, match="is torn"):
        landing.manager.rebuild(JOB, reason="it was committed", state="kept")
    assert (landing.head.epoch, landing.head.epoch_ends) == (2, (1,))
    landing.manager.rebuild(JOB, reason="the disk is gone", state="empty")
    assert (landing.head.epoch, landing.head.epoch_ends) == (3, (1, -1))  # epoch 2 has landed nothing
    landing.land(landing.driver(), 0, 30, 40)
    assert landing.target.held == Held(3, landing.head.attempt, 0)


def test_a_driver_that_diverges_on_kept_state_is_started_again(landing: Landing) -> None:
    """A new epoch would need a choice about the state, which nobody makes for a restart."""
    landing.land(landing.driver(), 0, 0, 10)
    landing.manager.rebuild(JOB, reason="a new epoch", state="kept")
    landing.driver()
    landing.store.put_exit(JOB, 2, "i2", "diverged", "the checkpoint has no ranges for batch 1", 1)
    report = landing.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.DOWN, "restart")
    landing.manager.restart(JOB)
    landing.land(landing.driver(), 1, 10, 20)
    assert landing.head.epoch == 2


def refused_batch(landing: Landing) -> Batch:
    """Claim a batch by version w, whose rows the sink refuses."""
    landing.land(landing.driver(), 0, 0, 10)
    batch = landing.claim(landing.driver("w"), 1, 10, 30)
    landing.manager.restart(JOB)
    return batch


def test_another_version_may_give_other_rows_for_a_claim_that_the_sink_does_not_hold(landing: Landing) -> None:
    batch = refused_batch(landing)
    assert landing.driver("v").write(batch, lambda _: landing.evaluate(batch, "other"))
    assert (landing.head.state, landing.head.version, landing.head.digest) == (State.LANDED, "v", Digest(0, "other"))
    assert landing.target.held == Held(1, 2, 1)


def test_the_same_version_may_not(landing: Landing) -> None:
    batch = refused_batch(landing)
    with pytest.raises(NotDeterministic, match="was claimed by an earlier attempt"):
        landing.driver("w").write(batch, lambda _: landing.evaluate(batch, "other"))


def test_a_sink_that_does_not_know_what_it_holds_takes_only_the_rows_that_were_claimed(landing: Landing) -> None:
    class Unknowing(MemorySink):
        def fence(self, head: Head) -> None:  # type: ignore[override]
            super().fence(head)

    batch = refused_batch(landing)
    with pytest.raises(NotDeterministic):
        landing.driver("v", Unknowing(landing.target)).write(batch, lambda _: landing.evaluate(batch, "other"))


def test_another_version_may_where_nobody_reads_what_has_not_landed(landing: Landing) -> None:
    class Hiding(MemorySink):
        hides_claims = True

        def fence(self, head: Head) -> None:  # type: ignore[override]
            super().fence(head)

    batch = refused_batch(landing)
    assert landing.driver("v", Hiding(landing.target)).write(batch, lambda _: landing.evaluate(batch, "other"))
    assert (landing.head.version, landing.head.digest) == ("v", Digest(0, "other"))


def test_a_batch_that_the_sink_holds_lands_as_it_is_whatever_the_next_version_gives(landing: Landing) -> None:
    batch = refused_batch(landing)
    landing.target.held = Held(1, 1, 1)  # its transaction had been committed after all
    with pytest.raises(NotDeterministic, match="had landed"):
        landing.driver("v").write(batch, lambda _: landing.evaluate(batch, "other"))
    assert (landing.head.state, landing.head.digest) == (State.LANDED, Digest(0, "a"))


def test_a_version_without_input_is_ready_and_none_to_go_back_to(landing: Landing) -> None:
    """Its pipeline first runs with the first records, so an error in it shows only then."""
    landing.land(landing.driver(), 0, 0, 100)
    assert landing.manager.ready(JOB, 1).ready
    file = landing.folder / "job.yaml"
    file.write_text(file.read_text().replace("least_letters: 1", "least_letters: 2"))
    landing.clock.sleep(1)  # versions of one moment have no order
    manager = assemble(sound(landing.folder.parent), landing.parts)
    manager.deploy(JOB)
    landing.driver()
    landing.store.put_proof(JOB, 2, PROVEN)
    assert manager.ready(JOB, 2).ready
    assert [row.good for row in manager.versions(JOB)] == [False, True]
    landing.broker.fill("logs", 0, 10)
    landing.land(landing.driver(), 1, 100, 110)
    assert [row.good for row in manager.versions(JOB)] == [True, True]


def test_a_version_that_adds_state_is_not_told_to_have_lost_it(tmp_path: Path) -> None:
    landing = Landing(tmp_path, stateful=False)
    landing.land(landing.driver(), 0, 0, 10)
    landing.store.put_exit(JOB, 1, "i1", "state_lost", "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY", 1)
    report = landing.manager.health(JOB)
    assert "this version keeps state, but earlier batches left none" in report.sentence and "--to VERSION" in report.next_step
    landing.manager.rebuild(JOB, reason="begin with empty state")
    assert (landing.head.epoch, landing.head.epoch_ends, landing.head.gap) == (2, (0,), None)
