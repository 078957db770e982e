"""Several topics in one job, as supervision sees them: what joins, what is lost, and what a checkpoint is made to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.gap import Hole
from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, rebuilt, started, taken_over, with_sources
from spark_jobs.protocol.partition import Partition, of_source
from tests.unit.supervise.bench import JOB, Bench
from weir.errors import DataLoss
from weir.jobs.source import Source
from weir.jobs.spec import parse
from weir.ports.checkpoints import Folder
from weir.supervise.judge.epoch_start import Bounds, Word, after_loss, at_frontier
from weir.supervise.judge.lineage import disagreement, usable
from weir.supervise.judge.lineage import with_sources as joined
from weir.supervise.judge.plan import Kind, classify

SPEC = parse("name: counts\napplication: a.py\nsource: {topic: logs}", "it")
A, B, C = (partial(of_source, source) for source in ("a", "b", "c"))
NAMES = {"a": "logs", "b": "web"}
HEAD = replace(started(taken_over(first_head("counts", {**A({0: 0}), **B({0: 0})}, 1)), "i"), names=NAMES)
ANA = Word("ana", "it was so", 1)


def landed(head: Head = HEAD) -> Head:
    batch = Batch(head.last_landed + 1, head.frontier, {**A({0: 10}), **B({0: 5})})
    return land(claim(head, batch, Totals(15, {"error": 15}), Progress(), "v1", 5), 6)


def bounds(names: Mapping[str, str], **topics: tuple[int, int]) -> Bounds:
    """Of topics by id, each of one partition: the first offset that is there, and the one after the last."""
    earliest = {Partition(source, 0): first for source, (first, _) in topics.items()}
    return Bounds(earliest, {Partition(source, 0): end for source, (_, end) in topics.items()}, names)


def test_a_topic_that_newly_matches_joins_where_it_begins() -> None:
    there = bounds({**NAMES, "c": "api"}, a=(0, 20), b=(0, 5), c=(4, 9))
    assert there.joining(landed()) == C({0: 4})
    begins = at_frontier(landed(), there)
    assert begins.gap is None and begins.offsets == {**A({0: 10}), **B({0: 5}), **C({0: 4})}
    new = rebuilt(with_sources(landed(), begins.joined, begins.names), begins.offsets)
    assert new.begins == C({0: 4}) and new.names == {**NAMES, "c": "api"}
    with pytest.raises(ValueError, match="is not what the gap says"):
        rebuilt(landed(), begins.offsets)


def test_a_topic_that_was_made_again_does_not_join_but_is_a_loss() -> None:
    there = bounds({"a": "logs", "c": "web"}, a=(0, 20), c=(2, 9))
    assert there.joining(landed()) == {}
    with pytest.raises(DataLoss):
        at_frontier(landed(), there)
    found = after_loss(landed(), there, B({0: 8}), ANA)
    assert found.gap is not None and set(found.gap.holes) == {Hole(Partition("b", 0), 5, 8), Hole(Partition("c", 0), 0, 2)}
    new = rebuilt(landed(), found.offsets, found.gap)
    assert new.frontier == {**A({0: 10}), **C({0: 2})} and not found.gap.exact


def test_one_loss_leaves_the_other_topics_as_they_are() -> None:
    there = bounds(NAMES, a=(14, 20), b=(0, 9))
    found = after_loss(landed(), there, {}, ANA)
    assert found.gap is not None and found.gap.holes == (Hole(Partition("a", 0), 10, 14),) and found.gap.exact
    assert found.offsets == {**A({0: 14}), **B({0: 5})}


def test_a_job_of_one_topic_lets_none_join() -> None:
    head = first_head("counts", A({0: 0}), 1)
    assert Bounds(A({0: 0}), A({0: 9})).joining(head) == {} == Bounds(C({0: 4}), C({0: 9})).joining(head)


def checkpoint(planned: Mapping[int, str], committed: int) -> Folder:
    files = {f"offsets/{n}": f'v1\n{{"batchWatermarkMs":0}}\n{text}'.encode() for n, text in planned.items()}
    files |= {f"commits/{n}": b"v1\n{}" for n in planned if n <= committed} | {"metadata": b'{"id":"7f"}'}
    files |= {"sources/0/0": b'\0v1\n{"logs":{"0":0},"web":{"0":0}}'}
    return Folder(1, 1, "memory", {name: len(data) for name, data in files.items()}, files)


LANDED = '{"logs":{"0":10},"web":{"0":5}}'


@pytest.mark.parametrize("committed", [0, -1])
def test_a_checkpoint_leads_on_with_the_topics_that_joined(committed: int) -> None:
    head = with_sources(landed(), C({0: 4}), {"c": "api"})
    plans = usable(checkpoint({0: LANDED, **({1: '{"logs":{"0":12},"web":{"0":5}}'} if committed == 0 else {})}, committed))
    assert "ends at" in disagreement(plans, head, "")
    leads_on = joined(plans, head)
    assert leads_on is not None and disagreement(leads_on, head, "") == ""
    read = usable(Folder(1, 2, "memory", {}, leads_on.contents))
    assert read is not None and read.planned == leads_on.planned and read.began == leads_on.began
    assert all(named["api"] == {0: 4} for named in read.planned.values())


def test_what_a_checkpoint_lacks_for_another_reason_stays_a_disagreement() -> None:
    head = with_sources(landed(), C({0: 4}), {"c": "api"})
    plans = joined(usable(checkpoint({0: '{"logs":{"0":10},"web":{"0":3}}'}, 0)), head)
    assert "ends at" in disagreement(plans, head, "")
    further = replace(head, batch_id=1, start=head.end, end={**head.end, **C({0: 9})})
    assert "ends with batch 0" in disagreement(joined(usable(checkpoint({0: LANDED}, 0)), further), further, "")


def test_a_topic_whose_id_was_never_noted_is_joined_by_no_other() -> None:
    counts = SPEC.model_copy(update={"source": Source(topic="logs")})
    nameless = replace(HEAD, start={Partition("", 0): 0}, end={Partition("", 0): 5}, names={})
    several = SPEC.model_copy(update={"source": Source(topics=("logs", "web"))})
    change = classify(counts, several, CountsOptions, nameless, bounds(NAMES, a=(0, 5), b=(0, 3)))
    assert change.kind is Kind.REFUSED and "not recorded" in change.why[0] and "--rebuild" in change.why[0]
    assert classify(counts, counts, CountsOptions, nameless, None).kind is Kind.SAME_CHECKPOINT


def test_a_plan_that_adds_a_topic_to_a_single_one_keeps_its_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB, "ana", "why")
    bench.land(bench.writer("driver-1"), 0, 0, 5)
    bench.broker.create("web", 1)
    spec = bench.manager.specs[JOB]
    bench.manager.specs[JOB] = spec.model_copy(update={"source": Source(topics=("logs", "web"))})
    plan = bench.manager.plan(JOB)
    assert plan.kind is Kind.SAME_CHECKPOINT and "adds the topic web" in plan.change.why[0]
    bench.manager.deploy(JOB, "ana", "why")
    assert bench.head().epoch == 1
