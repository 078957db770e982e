"""A job of several topics under its manager: what it reads, what joins it, what is lost, and what a deploy may change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted
from spark_jobs.protocol.head import Batch, Progress, Totals
from spark_jobs.protocol.partition import Partition, labelled
from spark_jobs.protocol.writer import Writer
from weir.counts.recount import recount
from weir.counts.rules import Rules
from weir.errors import DataLoss, NotRunning, Refused
from weir.factory import assemble
from weir.jobs.source import Source
from weir.jobs.spec import JobSpec
from weir.ports.source import Retention, Subscription
from weir.supervise.judge.epoch_start import in_words, of_topic
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.judge.restart import Action
from weir.supervise.manager import Manager
from weir.supervise.topics import ask, bounds

from .bench import JOB, Bench

LINE = b"[Mon Jul 13 10:00:00 2026] [error] it broke"
PANE = 1_783_936_800_000  # of that line, in UTC


class Several(Bench):
    """A bench whose job reads `logs` and `web`, of one partition each, by a pattern or by the source that is given."""

    first: Writer  # of the first driver

    def __init__(self, folder: Path, **source: Any) -> None:
        super().__init__(folder)
        self.broker.delete("logs")
        for topic in ("logs", "web"):
            self.broker.create(topic, 1)
        self.manager = self.reading(**(source or {"pattern": "logs|web.*"}))

    def reading(self, **source: Any) -> Manager:
        """A manager whose spec names this source."""
        spec = self.manager.specs[JOB]
        changed: dict[str, JobSpec] = {**self.manager.specs, JOB: spec.model_copy(update={"source": Source(**source)})}
        return assemble(changed, self.parts)

    def send(self, topic: str, lines: int) -> None:
        for _ in range(lines):
            self.broker.add(topic, 0, b"svc", LINE, PANE)

    def partition(self, topic: str) -> Partition:
        return Partition(self.broker.topic_id(topic), 0)

    def frontier(self) -> Mapping[str, int]:
        return labelled(self.head().frontier, self.head().names)

    def read(self, writer: Writer, batch_id: int, missed: int = 0, **ends: int) -> None:
        """Land a batch that reads topics up to these offsets, but for some lines; what it does not name stays where it is."""
        head = self.head()
        names = {**head.names, **{self.broker.topic_id(topic): topic for topic in ends}}
        start = {**{self.partition(topic): 0 for topic in ends}, **head.frontier}
        end = {**start, **{self.partition(topic): offset for topic, offset in ends.items()}}
        lines = sum(end[p] - start[p] for p in end) - missed
        counted = Counted([Delta(PANE, "svc", "error", "it broke", lines)] if lines else [], Totals(lines, {"error": lines}), Progress())
        files = self.checkpoints.start(JOB, head.epoch, head.attempt)
        planned = {names[p.source]: {str(p.number): offset} for p, offset in end.items()}
        files[f"offsets/{batch_id}"] = f'v1\n{{"batchWatermarkMs":0}}\n{json.dumps(planned)}'.encode()
        writer.write(Batch(batch_id, start, end, names), lambda before: counted)
        self.checkpoints.commit(JOB, head.epoch, head.attempt, batch_id)

    def report(self) -> Report:
        (report,) = self.manager.onlooker().reports({JOB: self.manager.specs[JOB]})
        return report

    def joined(self) -> list[str]:
        return [event.text for event in self.store.events(JOB) if event.kind == "topic"]


@pytest.fixture
def bench(tmp_path: Path) -> Several:
    found = Several(tmp_path)
    found.send("logs", 10)
    found.send("web", 5)
    found.manager.deploy(JOB)
    return found


@pytest.fixture
def running(bench: Several) -> Several:
    """Its first driver has landed all that there is."""
    bench.first = bench.writer("driver-1")
    bench.read(bench.first, 0, logs=10, web=5)
    return bench


def test_the_first_epoch_begins_with_all_topics(bench: Several) -> None:
    args = bench.arguments("driver-1")
    ids = {"logs": bench.broker.topic_id("logs"), "web": bench.broker.topic_id("web")}
    assert (args.topic, args.topic_pattern, dict(args.topics)) == ("", "logs|web.*", ids)
    assert dict(args.starts) == {f"{ids['logs']}:0": 0, f"{ids['web']}:0": 0} and not args.starting_offsets
    assert bench.frontier() == {"logs/0": 0, "web/0": 0}
    report = bench.report()
    assert report.evidence["lag"] == 15 and report.evidence["end_offsets"] == {"logs/0": 10, "web/0": 5}


def test_lag_and_waiting_are_over_all_topics(running: Several) -> None:
    assert running.report().evidence["lag"] == 0 and running.manager.wait_landed(JOB, 1)
    running.send("web", 2)
    assert running.report().evidence["lag"] == 2 and not running.manager.wait_landed(JOB, 1)
    running.broker.answers = False
    assert running.report().evidence["lag"] is None, "a broker that does not answer is unknown, not a loss"
    assert running.report().verdict is not Verdict.DATA_LOSS


def test_a_topic_that_newly_matches_is_lag_from_its_earliest_offset_and_joins_at_the_takeover(running: Several) -> None:
    running.broker.create("web-2", 1)
    running.send("web-2", 9)
    running.broker.forget("web-2", 0, 6)
    report = running.report()
    assert report.verdict is not Verdict.DATA_LOSS and report.evidence["lag"] == 3
    assert report.evidence["offsets"] == {"logs/0": 10, "web/0": 5, "web-2/0": 6}
    error = "a topic newly matches: Added partition web-2-0 starts from 6 instead of 0"
    running.store.put_exit(JOB, 1, "i-driver-1", "lost", error, 1)
    down = running.manager.health(JOB)
    assert (down.verdict, down.act) == (Verdict.DOWN, "restart") and running.manager.act(down)
    assert running.frontier() == {"logs/0": 10, "web/0": 5, "web-2/0": 6}
    assert running.joined() == [f"{JOB}: the topic web-2 joined the job with attempt 2. It begins with partition 0 at 6."]
    args = running.arguments("driver-2")
    assert args.topics["web-2"] == running.broker.topic_id("web-2")
    copied = running.checkpoints.files[JOB, 1, 2]["offsets/0"].decode().splitlines()[2]
    assert json.loads(copied) == {"logs": {"0": 10}, "web": {"0": 5}, "web-2": {"0": 6}}
    running.read(running.writer("driver-2"), 1, **{"web-2": 9})
    assert running.report().evidence["lag"] == 0 and running.head().start[running.partition("web-2")] == 6


def test_a_trimmed_topic_without_lines_keeps_nobody_waiting(running: Several) -> None:
    running.broker.create("web-2", 1)
    running.send("web-2", 6)
    running.broker.forget("web-2", 0, 6)
    assert running.report().evidence["lag"] == 0 and running.manager.wait_landed(JOB, 1)


def test_a_topic_that_was_deleted_is_a_loss_of_its_partitions_alone(running: Several) -> None:
    running.send("web", 2)
    running.manager.health(JOB)  # what is known of the topic before it goes
    gone = running.partition("web")
    running.broker.delete("web")
    report = running.manager.health(JOB)
    assert report.verdict is Verdict.DATA_LOSS and report.sentence.endswith("the topic web was deleted")
    assert report.evidence["end_offsets"] == {"logs/0": 10, "web/0": 7}
    with pytest.raises(DataLoss):
        running.manager.restart(JOB, who="ana", reason="try")
    running.manager.accept_loss(JOB, who="ana", reason="it is gone")
    head = running.head()
    assert head.gap is not None and [(h.partition, h.start, h.end) for h in head.gap.holes] == [(gone, 5, 7)]
    assert running.frontier() == {"logs/0": 10} and list(running.arguments("driver-2").topics) == ["logs"]
    assert running.report().verdict is not Verdict.DATA_LOSS


def test_a_topic_that_was_made_again_goes_on_under_its_name_when_the_loss_is_accepted(running: Several) -> None:
    running.broker.delete("web")
    running.broker.create("web", 1)
    running.send("web", 4)
    report = running.report()
    assert report.verdict is Verdict.DATA_LOSS and "the topic web was deleted and created again under the same name" in report.sentence
    running.manager.accept_loss(JOB, who="ana", reason="it was made again")
    assert running.frontier() == {"logs/0": 10, "web/0": 0} and running.report().evidence["lag"] == 4
    assert dict(running.arguments("driver-2").topics)["web"] == running.broker.topic_id("web")


def test_lines_that_retention_took_of_one_topic_are_named_with_it(running: Several) -> None:
    running.send("web", 6)
    running.broker.forget("web", 0, 8)
    report = running.report()
    assert report.verdict is Verdict.DATA_LOSS and "web/0 offsets 5 to 7" in report.sentence
    running.manager.accept_loss(JOB, who="ana", reason="too slow")
    assert running.frontier() == {"logs/0": 10, "web/0": 8}


def test_retention_is_told_by_topic(running: Several) -> None:
    now = int(running.clock() * 1000)
    running.broker.kept = {"web": Retention(3_600_000)}
    running.broker.add("web", 0, b"svc", LINE, now - 3_000_000)
    running.broker.add("logs", 0, b"svc", LINE, now)
    report = running.manager.health(JOB)
    assert report.evidence["retention_minutes"] == {"web/0": 10.0}
    assert "partition web/0 in 10 min" in report.sentence


def test_a_topic_of_the_list_that_is_not_there_refuses_the_first_deploy(tmp_path: Path) -> None:
    bench = Several(tmp_path, topics=["logs", "nothing"])
    with pytest.raises(Refused, match="Kafka has no topic nothing"):
        bench.manager.deploy(JOB)
    assert bench.store.head(JOB) is None


def test_a_pattern_that_matches_nothing_refuses_the_first_deploy(tmp_path: Path) -> None:
    bench = Several(tmp_path, pattern="nothing.*")
    with pytest.raises(Refused, match="No topic matches the pattern"):
        bench.manager.deploy(JOB)


@pytest.mark.parametrize("source", [{"topics": ["logs", "web"]}, {"pattern": "(logs|web)"}])
def test_one_topic_becomes_several_with_the_same_checkpoint(tmp_path: Path, source: dict[str, Any]) -> None:
    bench = Several(tmp_path, topic="logs")
    bench.send("logs", 10)
    bench.send("web", 3)
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    bench.read(writer, 0, logs=10)
    bench.manager = bench.reading(**source)
    plan = bench.manager.plan(JOB)
    assert str(plan.kind) == "same checkpoint" and "adds the topic web, which begins at web/0: 0" in " ".join(plan.change.why)
    bench.manager.deploy(JOB)
    assert bench.head().epoch == 1 and bench.frontier() == {"logs/0": 10, "web/0": 0}
    assert bench.arguments("driver-2").several and bench.joined()


@pytest.mark.parametrize("source", [{"topic": "logs"}, {"topics": ["logs", "other"]}, {"pattern": "logs.*"}])
def test_a_topic_that_was_counted_cannot_be_taken_out(running: Several, source: dict[str, Any]) -> None:
    running.broker.create("other", 1)
    running.manager = running.reading(**source)
    plan = running.manager.plan(JOB)
    assert str(plan.kind) == "refused" and "the topic web, which" in plan.refusals and "Make a new job for it" in plan.refusals


@pytest.mark.parametrize(("first", "verdict"), [(0, Verdict.STARTING), (2, Verdict.DATA_LOSS)])
def test_a_partition_that_was_added_begins_at_zero_or_is_a_loss(running: Several, first: int, verdict: Verdict) -> None:
    running.broker.grow("web", 2)
    for _ in range(4):
        running.broker.add("web", 1, b"svc", LINE, PANE)
    running.broker.forget("web", 1, first)
    report = running.report()
    assert (report.verdict is Verdict.DATA_LOSS) == (verdict is Verdict.DATA_LOSS) and report.evidence["lag"] == 4
    assert first == 0 or "web/1 offsets 0 to 1" in report.sentence


def test_a_version_that_lacks_a_topic_that_has_joined_is_not_gone_back_to(tmp_path: Path) -> None:
    bench = Several(tmp_path, topic="logs")
    bench.send("logs", 10)
    bench.manager.deploy(JOB)
    bench.read(bench.writer("driver-1"), 0, logs=10)
    assert bench.manager.ready(JOB, 1), "the first version is a good one"
    bench.manager = bench.reading(topics=["logs", "web"])
    bench.manager.deploy(JOB)
    bench.store.put_exit(JOB, 2, "i-driver-2", "failed", "ValueError: the new version is at fault", 1)
    assert bench.manager.act(bench.manager.health(JOB))
    assert bench.frontier() == {"logs/0": 10, "web/0": 0} and set(bench.arguments("driver-3").topics) == {"logs", "web"}


def test_an_operator_is_shown_by_name_what_a_loss_leaves_out(running: Several) -> None:
    running.send("web", 2)
    running.manager.health(JOB)
    running.broker.delete("web")
    _, there = running.manager.foresee(JOB, Action.ACCEPT_LOSS, "it is gone")
    shown = " ".join(in_words(JOB, there))
    assert "begin with partition logs/0 at 10" in shown and "partition web/0, offsets 5 to 6: 2 lines" in shown


def test_what_landed_is_recounted_over_all_topics(running: Several) -> None:
    rules = Rules.of(running.manager.specs[JOB])
    found = recount(running.store, running.broker, rules)
    assert (found.missing, found.doubled, found.checked_lines, dict(found.frontier)) == (0, 0, 15, {"logs/0": 10, "web/0": 5})
    running.send("web", 2)
    running.broker.add("web", 0, b"late", LINE, PANE)
    running.read(running.first, 1, missed=1, web=8)
    found = recount(running.store, running.broker, rules)
    assert (found.missing, found.doubled, found.checked_lines) == (1, 0, 18)
    assert found.differences[0].as_dict()["first"] == {"partition": "web/0", "offset": 7}
    assert "first difference is at partition web/0, offset 7" in found.sentence


def test_a_pass_lists_names_once_for_all_patterns(running: Several) -> None:
    listed: list[int] = []
    names = running.broker.topic_names
    running.broker.topic_names = lambda: listed.append(1) or names()  # type: ignore[method-assign, func-returns-value]
    seen = ask(running.broker, {"logs"}, {"web.*", "l.*"})
    assert len(listed) == 1 and set(seen.each) == {"logs", "web"}
    running.broker.answers = False
    assert seen.of(Subscription(pattern="web.*"), None).names == {running.broker._ids["web"]: "web"}
    unknown = ask(running.broker, {"logs"}, {"web.*"}).of(Subscription(pattern="web.*"), None)
    assert (unknown.ends, unknown.names) == (None, None)
    with pytest.raises(NotRunning):
        bounds(running.broker, Subscription(pattern="web.*"))


def test_one_topic_is_asked_as_before(bench: Several) -> None:
    found = bounds(bench.broker, Subscription(("logs",)))
    assert found == of_topic(bench.broker.topic_id("logs"), {0: 0}, {0: 10}) and not found.names
