"""Landed jobs that read a folder, under supervision, with everything in memory."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from spark_jobs.landed.fenced import Evaluated, FencedSink
from spark_jobs.protocol.head import Batch, Digest, Head, Progress
from spark_jobs.protocol.partition import Partition
from spark_jobs.protocol.read_files import File, FilesChanged, packed
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import PROVEN, Exit, JobArguments
from spark_jobs.sources.offsets import parse_plan
from tests.state_files import lz4, metadata, schema
from tests.unit.supervise.bench import memory_parts
from weir.counts.progress import batches, ledger_row
from weir.errors import Conflict, Refused, StateLost
from weir.factory import assemble
from weir.jobs.folders import sound
from weir.jobs.new import create
from weir.supervise.judge.epoch_start import in_words
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.restart import Action
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryFolders, MemoryStore
from weir.testing.landed_sinks import MemorySink, Target

JOB, URI = "filed", "file:///in"
FOLDER, TOPIC = Partition(URI, 0), Partition("topic-1", 0)
FILES: dict[str, Any] = {"path": "/in", "format": "csv", "schema": "id long"}


class Rows(list[tuple[int]]):
    """Stands for a DataFrame."""

    def collect(self) -> list[tuple[int]]:
        return self


class Filed:
    """A landed job over a folder, perhaps beside a topic, and its manager. `land` plays the driver: each step reads one file."""

    def __init__(self, home: Path, stateful: bool = False, **more: Any) -> None:
        self.store, self.cluster, self.broker, self.checkpoints = MemoryStore(), MemoryCluster(), MemoryBroker(), MemoryCheckpoints()
        self.folders, self.clock, self.stateful, self.target = MemoryFolders(), Clock(), stateful, Target()
        self.folders.files[URI] = {"0.csv", "1.csv", "2.csv"}
        create(JOB, "landed", home / "jobs")
        file = home / "jobs" / JOB / "job.yaml"
        spec = {**yaml.safe_load(file.read_text()), "sources": {"files": FILES, **more}}
        file.write_text(yaml.safe_dump(spec, sort_keys=False))
        self.parts = memory_parts(self, home, str(home / "jobs"), folders=self.folders)
        self.manager = assemble(sound(home / "jobs"), self.parts)

    @property
    def head(self) -> Head:
        head = self.store.head(JOB)
        assert head is not None
        return head

    @property
    def files(self) -> dict[str, bytes]:
        return self.checkpoints.start(JOB, self.head.epoch, self.head.attempt)

    def arguments(self) -> JobArguments:
        return JobArguments.from_argv(list(self.cluster.submissions.values())[-1].arguments[-1:])

    def driver(self) -> Writer[Evaluated]:
        sink, attempt = FencedSink(MemorySink(self.target)), self.head.attempt
        writer: Writer[Evaluated] = Writer(self.store, sink, JOB, attempt, f"i{attempt}", "v", lambda: int(self.clock() * 1e6))
        writer.start()
        return writer

    def plan(self, batch_id: int, step: int, size: int = 7) -> Batch:
        """Plan a batch of one step as Spark does, unless the folder has a plan of it."""
        self.files.setdefault(f"sources/0/{step}", _listed(step))
        path = f"offsets/{batch_id}"
        self.files.setdefault(path, f'v1\n{{"batchWatermarkMs":0}}\n{{"logOffset":{step}}}'.encode())
        files = packed([File(f"{URI}/{step}.csv", size, step)])
        return Batch(batch_id, {FOLDER: step}, {FOLDER: step + 1}, {URI: URI}, plan=self.files[path], files=files)

    def evaluate(self, batch: Batch) -> Evaluated:
        if self.stateful:
            self.files["state/0/_metadata/metadata"], self.files["state/0/0/_metadata/schema"] = metadata({"default": 1}), schema()
            self.files[f"state/0/0/{batch.batch_id + 1}.delta"] = lz4(b"so many")
        return Evaluated(Rows(), Digest(0, "a"), Progress(), self.stateful)  # type: ignore[arg-type]

    def land(self, writer: Writer[Evaluated], batch_id: int, step: int, commit: bool = True) -> None:
        batch = self.plan(batch_id, step)
        writer.write(batch, lambda _: self.evaluate(batch))
        if commit:
            self.files[f"commits/{batch_id}"] = b'v1\n{"nextBatchWatermarkMs":0}'

    def claim(self, writer: Writer[Evaluated], batch_id: int, step: int) -> Batch:
        """Claim a batch, and go no further."""
        batch = self.plan(batch_id, step)
        assert writer._claim(self.head, batch, self.evaluate(batch), 0)
        return batch


def _listed(step: int) -> bytes:
    return b"v1\n" + json.dumps({"path": f"{URI}/{step}.csv", "timestamp": step, "batchId": step}).encode()


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    found = Filed(tmp_path)
    found.manager.deploy(JOB)
    return found


def test_a_driver_is_given_the_folder_and_needs_no_kafka(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.broker.answers = False
    filed.manager.deploy(JOB)
    args = filed.arguments()
    assert args.folders == {0: URI} and args.several and dict(args.ids) == {URI: URI} and dict(args.start) == {FOLDER: 0}
    assert args.inputs["files"] == {"folder": URI, "format": "csv", "schema": "id long", "files_per_batch": 1000}


def test_the_lag_is_the_number_of_files_that_are_in_no_landed_batch(filed: Filed) -> None:
    seen = filed.manager.observe(JOB)
    assert (seen.lag, dict(seen.end_offsets or {})) == (3, {FOLDER: 3})
    filed.land(filed.driver(), 0, 0)
    filed.clock.sleep(11)
    assert filed.manager.observe(JOB).lag == 2
    filed.folders.files[URI] -= {"0.csv", "1.csv"}  # one that has landed, and one that has not, are gone
    filed.clock.sleep(11)
    seen = filed.manager.observe(JOB)
    assert seen.lag == 1 and not seen.lost and "1 files behind" in filed.manager.health(JOB).sentence


def test_a_folder_is_listed_at_most_once_in_ten_seconds(filed: Filed) -> None:
    filed.manager.observe(JOB)
    asked = filed.folders.asked
    for _ in range(9):
        filed.clock.sleep(1)
        filed.manager.observe(JOB)
    assert filed.folders.asked == asked
    filed.clock.sleep(2)
    filed.manager.observe(JOB)
    assert filed.folders.asked == asked + 1


@pytest.mark.parametrize("what", ["folder", "lists"])
def test_what_cannot_be_listed_is_unknown_and_the_sentence_says_why(filed: Filed, what: str) -> None:
    filed.land(filed.driver(), 0, 0)
    if what == "folder":
        filed.folders.answers = False
    else:
        filed.files.pop("sources/0/0")
    filed.clock.sleep(60)
    report = filed.manager.health(JOB)
    assert (report.verdict, report.evidence["lag"]) == (Verdict.UNKNOWN, None)
    said = "cannot be listed: it does not answer" if what == "folder" else "No checkpoint of filed lists the files that it has read"
    assert said in report.sentence


def test_without_new_files_a_driver_that_rehearsed_is_idle(filed: Filed) -> None:
    filed.folders.files[URI] = set()
    filed.driver()
    filed.store.put_proof(JOB, 1, PROVEN)
    assert filed.manager.health(JOB).verdict is Verdict.IDLE and filed.manager.ready(JOB, 1).ready


def test_a_missing_folder_refuses_the_deploy(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.folders.files.clear()
    with pytest.raises(Refused, match=r"The folder file:///in does not exist"):
        filed.manager.deploy(JOB)
    filed.folders.files[URI] = {"0.csv"}
    assert filed.manager.plan(JOB).change.why == ("the first epoch begins with the oldest files in the folder",)
    assert ("folder", True, "file:///in, 1 files") in [(check.name, check.ok, check.text) for check in filed.manager.plan(JOB).checks]


def test_a_takeover_brings_the_lists_and_the_claimed_plan(filed: Filed) -> None:
    writer = filed.driver()
    filed.land(writer, 0, 0)
    batch = filed.claim(writer, 1, 1)
    filed.files["sources/0/2"] = _listed(2)  # planned by nobody: the next driver lists the file again
    filed.manager.restart(JOB)
    files = filed.files
    assert files["offsets/1"] == batch.plan and {"sources/0/0", "sources/0/1"} <= files.keys() and "sources/0/2" not in files
    assert filed.driver().write(batch, lambda _: filed.evaluate(batch))


def test_a_repeated_batch_must_have_the_files_of_its_claim(filed: Filed) -> None:
    filed.claim(filed.driver(), 0, 0)
    filed.manager.restart(JOB)
    changed = filed.plan(0, 0, size=8)
    with pytest.raises(FilesChanged, match=r"WEIR-327: batch 0 .* was claimed by an earlier attempt.*/0.csv had 7 bytes, and now has 8"):
        filed.driver().write(changed, lambda _: pytest.fail("it must not be evaluated"))
    filed.store.put_exit(JOB, 2, "i2", Exit.FILES_CHANGED.name.lower(), "WEIR-327: file:///in/0.csv had 7 bytes, and now has 8", 0)
    report = filed.manager.health(JOB)
    assert report.verdict is Verdict.FILES_CHANGED and "file:///in/0.csv" in report.sentence and "weir restart filed" in report.next_step
    assert filed.manager.act(report) is None and filed.head.attempt == 2


def test_what_was_planned_and_never_claimed_is_listed_again(filed: Filed) -> None:
    filed.driver()
    filed.plan(0, 0)
    filed.manager.restart(JOB)
    assert not any(path.startswith(("offsets", "sources")) for path in filed.files)


def test_a_new_epoch_continues_behind_the_files_that_have_landed(filed: Filed) -> None:
    writer = filed.driver()
    filed.land(writer, 0, 0)
    filed.land(writer, 1, 1, commit=False)
    filed.manager.rebuild(JOB, reason="a test")
    head, files = filed.head, filed.files
    assert (head.epoch, head.batch_id, head.base, head.stateful, dict(head.end)) == (2, 1, 1, False, {FOLDER: 2})
    assert {"offsets/1", "commits/1", "sources/0/0", "sources/0/1"} <= files.keys()
    filed.clock.sleep(11)
    assert filed.manager.observe(JOB).lag == 1
    filed.land(filed.driver(), 2, 2)
    filed.manager.restart(JOB)
    assert filed.head.epoch == 2 and {"offsets/1", "offsets/2", "sources/0/2"} <= filed.files.keys()


def test_a_landed_batch_without_state_is_never_read_again(filed: Filed) -> None:
    filed.land(filed.driver(), 0, 0, commit=False)
    filed.manager.restart(JOB)
    assert "commits/0" in filed.files


def test_a_quarantined_batch_is_left_out_with_its_files(filed: Filed) -> None:
    writer = filed.driver()
    filed.land(writer, 0, 0)
    filed.claim(writer, 1, 1)
    filed.manager.quarantine(JOB, reason="it has no end", batch=1)
    assert parse_plan(filed.files["offsets/0"], {0: URI}) == {URI: {0: 2}} and "sources/0/1" in filed.files
    gap = filed.head.gap
    assert gap is not None and [(hole.partition, hole.start, hole.end) for hole in gap.holes] == [(FOLDER, 1, 2)]
    filed.land(filed.driver(), 1, 2)
    assert dict(filed.head.end) == {FOLDER: 3}


def test_files_cannot_be_left_out_before_a_batch_has_landed(filed: Filed) -> None:
    filed.claim(filed.driver(), 0, 0)
    with pytest.raises(Conflict, match="has landed no batch yet, so files cannot be left out"):
        filed.manager.quarantine(JOB, reason="it has no end", batch=0)


def test_lost_lists_stop_the_job_and_no_file_is_read_twice(filed: Filed) -> None:
    filed.land(filed.driver(), 0, 0)
    filed.checkpoints.files.clear()
    with pytest.raises(StateLost, match=r"The list of the files read of filed is lost: sources/0/0 is missing"):
        filed.manager.restart(JOB)
    report = filed.manager.health(JOB)
    assert (report.verdict, filed.head.epoch) == (Verdict.STATE_LOST, 1) and "would read all files again" in report.sentence


def test_state_and_a_folder_are_kept_together(tmp_path: Path) -> None:
    filed = Filed(tmp_path, stateful=True)
    filed.manager.deploy(JOB)
    filed.land(filed.driver(), 0, 0)
    with pytest.raises(StateLost, match="reads a folder, so its new epoch continues from the last landed batch"):
        filed.manager.rebuild(JOB, reason="give it up", state="empty")
    filed.manager.rebuild(JOB, reason="keep it", state="kept")
    assert {"state/0/0/1.delta", "sources/0/0", "offsets/0"} <= filed.files.keys() and filed.head.stateful


def test_a_folder_beside_a_topic(tmp_path: Path) -> None:
    filed = Filed(tmp_path, lines={"topic": "logs"})
    filed.broker.create("logs", partitions=1)
    filed.broker.fill("logs", 0, 5)
    filed.manager.deploy(JOB)
    assert dict(filed.head.names) == {"topic-1": "logs", URI: URI} and filed.manager.observe(JOB).lag == 8
    assert filed.arguments().topics == {"logs": "topic-1", URI: URI}
    filed.broker.answers = False
    filed.clock.sleep(11)
    assert filed.manager.observe(JOB).lag is None


def test_waiting_ends_when_the_files_that_were_there_have_landed(filed: Filed) -> None:
    writer = filed.driver()
    filed.land(writer, 0, 0)
    assert not filed.manager.wait_landed(JOB, 1)
    filed.land(writer, 1, 1)
    filed.land(writer, 2, 2)
    assert filed.manager.wait_landed(JOB, 1)


def test_lists_of_another_attempts_step_are_not_continued_from(filed: Filed) -> None:
    """The first attempt slept, listed other files for the step that landed, and only its folder is left."""
    filed.land(filed.driver(), 0, 0)
    filed.plan(1, 1)
    slept = dict(filed.files)
    filed.manager.restart(JOB)
    filed.clock.sleep(1)
    filed.files["offsets/1"] = filed.plan(1, 1).plan + b" "
    filed.land(filed.driver(), 1, 1, commit=False)
    filed.checkpoints.files[JOB, 1, 2].clear()
    filed.checkpoints.files[JOB, 1, 1] = slept
    filed.manager.restart(JOB)
    assert "commits/1" not in filed.files, "the batch is repeated, and its files compared"


def test_what_a_quarantine_leaves_out_is_shown_as_files(filed: Filed) -> None:
    writer = filed.driver()
    filed.land(writer, 0, 0)
    filed.claim(writer, 1, 1)
    _, there = filed.manager.foresee(JOB, Action.QUARANTINE, "it has no end", batch=1)
    assert in_words(JOB, there)[-2:] == [
        "Left out for good: 1 steps of file:///in, with the files that they list.",
        "The ledger keeps them as a gap.",
    ]


def test_the_ledger_lists_the_files_of_a_batch(filed: Filed) -> None:
    filed.land(filed.driver(), 0, 0)
    row = next(ledger_row(head) for head in batches(filed.store, JOB))
    assert row["files"] == [{"path": "file:///in/0.csv", "size": 7, "modified_at": "1970-01-01T00:00:00Z"}]
    assert (row["lines"], row["offsets"]) == (0, {URI: [0, 1]})


def test_a_folder_that_hangs_delays_no_pass_for_long(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.supervise.observe.folder_watch.WITHIN_S", 0.05)
    filed.driver()
    hangs = Event()
    monkeypatch.setattr(filed.folders, "names", lambda uri: hangs.wait(30) and frozenset())
    try:
        report = assemble(filed.manager.specs, filed.parts).health(JOB)
    finally:
        hangs.set()
    assert report.evidence["lag"] is None
    assert "its folder could not be listed in time" in report.sentence
