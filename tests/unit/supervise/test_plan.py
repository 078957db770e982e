"""What a deploy would do, as a table of examples."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import of_source
from weir.errors import DataLoss, Diverged, NotKept, Refused
from weir.jobs.source import Source
from weir.jobs.spec import CountsSpec, JobSpec, PlainSpec, Resources
from weir.jobs.versions import KEEP, droppable, named, with_good
from weir.ports.attempts import AttemptRow
from weir.ports.jobs import VersionRow
from weir.ports.room import Room, User, Worker, room_of, user_name
from weir.supervise.judge.epoch_start import Bounds, of_topic
from weir.supervise.judge.plan import Change, Check, Kind, Plan, classify, classify_plain, differences
from weir.supervise.preflight import mebibytes, resources, tables

at = partial(of_source, "topic-a")  # offsets by partition

SPEC = CountsSpec.model_validate({"name": "counts", "application": "spark_jobs/job.py", "source": {"topic": "logs"}})
TOPIC = of_topic("topic-a", {0: 0, 1: 0}, {0: 100, 1: 100})
ANEW = of_topic("topic-b", {0: 0, 1: 0}, {0: 100, 1: 100})
GROWN = of_topic("topic-a", {0: 0, 1: 0, 2: 0}, {0: 100, 1: 100, 2: 7})


def head_at(end: int) -> Head:
    """Attempt 1 has landed batch 0, offsets 0 to `end` of partitions 0 and 1."""
    head = started(taken_over(first_head("counts", at({0: 0, 1: 0}), 1)), "i1")
    return land(claim(head, Batch(0, at({0: 0, 1: 0}), at({0: end, 1: end})), Totals(2 * end, {"error": 2 * end}), Progress(), "v1", 5), 9)


def spec(**changed: Any) -> CountsSpec:
    """The spec with some fields changed; `options__shards` is one in a section."""
    values = SPEC.model_dump()
    for name, value in changed.items():
        section, _, field = name.rpartition("__")
        (values[section] if section else values)[field] = value
    return CountsSpec.model_validate(values)


HEAD = head_at(100)
CASES: dict[str, tuple[JobSpec | None, JobSpec, Head | None, Bounds | None, Kind, str]] = {
    "nothing has run yet": (None, SPEC, None, TOPIC, Kind.NEW_EPOCH, "oldest lines"),
    "a head without an attempt": (None, SPEC, first_head("counts", at({0: 0}), 1), TOPIC, Kind.NEW_EPOCH, "oldest lines"),
    "the code alone": (SPEC, SPEC, HEAD, TOPIC, Kind.SAME_CHECKPOINT, "after batch 0 of epoch 1, at 0: 100, 1: 100"),
    "another trigger": (SPEC, spec(trigger=5), HEAD, TOPIC, Kind.SAME_CHECKPOINT, "continues"),
    "more memory": (SPEC, spec(resources__driver_memory="2g"), HEAD, TOPIC, Kind.SAME_CHECKPOINT, "continues"),
    "another time zone": (
        SPEC,
        spec(options__time_zone="Europe/Berlin"),
        HEAD,
        TOPIC,
        Kind.NEEDS_REPLAY,
        "a recount reads them by the old value",
    ),
    "a zone of one service": (
        SPEC,
        spec(options__services={"web": {"time_zone": "Asia/Tokyo"}}),
        HEAD,
        TOPIC,
        Kind.NEEDS_REPLAY,
        "options.services.web.time_zone: not set -> Asia/Tokyo",
    ),
    "another format": (SPEC, spec(options__line_format={"name": "json"}), HEAD, TOPIC, Kind.NEEDS_REPLAY, "options.line_format.name"),
    "another bound for the future": (SPEC, spec(options__future_skew=60), HEAD, TOPIC, Kind.NEEDS_REPLAY, "continues after batch 0"),
    "more shards": (SPEC, spec(options__shards=8), HEAD, TOPIC, Kind.NEW_EPOCH, "options.shards: 4 -> 8"),
    "wider panes": (SPEC, spec(options__pane=20), HEAD, TOPIC, Kind.NEW_EPOCH, "options.pane: 10 -> 20"),
    "more lateness": (SPEC, spec(options__allowed_lateness=90), HEAD, TOPIC, Kind.SAME_CHECKPOINT, "continues"),
    "another topic": (SPEC, spec(source__topic="web"), HEAD, of_topic("topic-b", {0: 0}, {0: 0}), Kind.REFUSED, "Make a new job for it"),
    "another topic, more shards": (SPEC, spec(source__topic="web", options__shards=8), HEAD, None, Kind.REFUSED, "Make a new job for it"),
    "the topic was made again": (SPEC, SPEC, HEAD, ANEW, Kind.REFUSED, "deleted and created again"),
    "fewer partitions": (SPEC, SPEC, HEAD, of_topic("topic-a", {0: 0}, {0: 100}), Kind.REFUSED, "no longer has the partitions 1"),
    "a partition more": (SPEC, SPEC, HEAD, GROWN, Kind.SAME_CHECKPOINT, "continues"),
    "retention passed": (SPEC, SPEC, HEAD, of_topic("topic-a", {0: 140, 1: 0}, {0: 150, 1: 100}), Kind.REFUSED, "offsets 100 to 139"),
    "the log was cut": (SPEC, SPEC, HEAD, of_topic("topic-a", {0: 0, 1: 0}, {0: 60, 1: 100}), Kind.REFUSED, "ends at 60"),
    "the broker is away": (SPEC, spec(trigger=5), HEAD, None, Kind.SAME_CHECKPOINT, "continues"),
    "nobody knows what ran": (None, spec(options__shards=8), HEAD, TOPIC, Kind.SAME_CHECKPOINT, "continues"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_what_it_does_to_the_checkpoint(name: str) -> None:
    ran, new, head, topic, kind, words = CASES[name]
    change = classify(ran, new, CountsOptions, head, topic)
    assert (change.kind, words in " ".join(change.why)) == (kind, True), change


def test_what_is_lost_is_told_apart_from_what_does_not_fit() -> None:
    assert classify(SPEC, SPEC, CountsOptions, HEAD, ANEW).error is DataLoss
    assert classify(SPEC, spec(source__topic="web"), CountsOptions, HEAD, TOPIC).error is Refused


def test_a_checkpoint_that_does_not_lead_on_is_a_new_epoch_or_a_persons_word() -> None:
    change = classify(SPEC, SPEC, CountsOptions, HEAD, TOPIC, "it ends with batch 1, and batch 2 has landed")
    assert change.kind is Kind.NEW_EPOCH and "batch 2 has landed" in change.why[0]
    change = classify(SPEC, spec(restart__rebuild_on_divergence=False), CountsOptions, HEAD, TOPIC, "it ends with batch 1")
    assert (change.kind, change.error) == (Kind.REFUSED, Diverged)


def test_differences_say_what_they_mean_for_counts() -> None:
    assert differences(SPEC, spec(trigger=5), CountsOptions) == ("trigger: 1.0 -> 5.0",)
    assert "by the value that counted it" in differences(SPEC, spec(options__time_zone="Europe/Berlin"), CountsOptions)[0]
    assert differences(SPEC, spec(spark_conf={"a": "1"}), CountsOptions) == ("spark_conf.a: not set -> 1",)
    assert differences(SPEC, SPEC, CountsOptions) == ("only the code",)


def test_one_failed_check_refuses_and_one_that_could_not_be_made_does_not() -> None:
    change = Change(Kind.SAME_CHECKPOINT, ("goes on",))
    unknown, wrong = Check("topic", None, "no answer"), Check("application", False, "no module x")
    plan = Plan("counts", "b2", "a1", SPEC, change, checks=(unknown,))
    assert (plan.kind, plan.refusals) == (Kind.SAME_CHECKPOINT, "")
    plan = replace(plan, checks=(unknown, wrong))
    assert (plan.kind, plan.refusals) == (Kind.REFUSED, "application: no module x")
    assert [*plan.lines()][-1] == "  checked application: NOT OK: no module x"


def of(cores: int, memory: int, used: int = 0) -> Room | None:
    """The room of a cluster of one worker."""
    return room_of([Worker("w", cores, memory, 0, used)])


@pytest.mark.parametrize(
    ("needs", "room", "ok"),
    [
        ({"executors": 0, "cores": 16, "driver_memory": "2g"}, of(1, 2048), True),  # the driver takes one core, whatever it does inside
        ({"executors": 0, "driver_memory": "2049m"}, of(8, 2048), False),
        ({"executors": 2, "cores": 4, "driver_memory": "1g", "executor_memory": "1g"}, of(5, 3072), True),
        ({"executors": 2, "cores": 4, "driver_memory": "1g", "executor_memory": "1g"}, of(4, 3072), False),
        ({"executors": 1, "cores": 1, "executor_memory": "4g"}, of(8, 2048), False),
        ({"executors": 0, "driver_memory": "1g"}, of(8, 3072, 2048), True),
        ({"executors": 0, "driver_memory": "1g"}, of(8, 3072, 2049), None),  # it waits
        ({"executors": 1, "driver_memory": "1g", "executor_memory": "1g"}, of(8, 3072, 2048), None),  # there is room for the driver alone
        ({"executors": 0, "driver_memory": "1g"}, Room(8, 3072), None),  # what is free is unknown
        ({}, None, None),
    ],
)
def test_there_is_room_at_all(needs: dict[str, Any], room: Room | None, ok: bool | None) -> None:
    assert resources(Resources.model_validate(needs), room).ok is ok


def test_a_full_cluster_is_named_with_those_who_use_it() -> None:
    users = [User("driver-7", 1, 2048, "w"), User("weir:words:3", 1, 1024)]
    room = room_of([Worker("w", 8, 3072, 2, 3072)], users)
    needs = Resources.model_validate({"executors": 0, "driver_memory": "1g"})
    full = resources(needs, room, called=partial(user_name, jobs={"driver-7": "counts"}))
    assert str(full) == "resources: WAITS: no worker has 1 GiB free (3072 of 3072 MiB in use by counts, words); the driver waits for room"
    assert resources(needs, room, ["driver-7"]).ok, "the job's own driver ends first"


def test_memory_is_read_as_a_spec_says_it() -> None:
    assert (mebibytes("768m"), mebibytes("2g")) == (768, 2048)


def test_a_store_that_lacks_a_table_refuses() -> None:
    assert tables(()).ok and tables(["0009_x.cql"]).ok is False


# versions

ROWS = [VersionRow(f"{n:02d}aa", 100 - n, "{}", good=n == 14) for n in range(16)]  # the last deployed first


def test_a_version_is_named_by_its_beginning() -> None:
    kept = {row.version for row in ROWS[:12]}
    assert named("counts", ROWS, kept, "03").version == "03aa"
    for text, why in (("0", "versions of counts begin with 0"), ("zz", "never deployed"), ("", "never deployed"), ("13", "no longer kept")):
        with pytest.raises(NotKept, match=why):
            named("counts", ROWS, kept, text)


def test_the_code_that_is_dropped_is_needed_by_nobody() -> None:
    attempts = [
        AttemptRow(9, version="12aa", submission_id="d9"),
        AttemptRow(8, version="15aa"),
        AttemptRow(7, version="13aa", first_batch=3),
    ]
    dropped = droppable(ROWS, attempts, "00aa")
    assert dropped == ["10aa", "11aa", "15aa"] and ROWS[KEEP].version in dropped


def test_a_version_is_good_when_an_attempt_of_it_has_landed() -> None:
    rows = [VersionRow("b2", 2, "{}"), VersionRow("a1", 1, "{}")]
    attempts = [AttemptRow(2, version="b2", epoch=1, first_batch=1), AttemptRow(1, version="a1", epoch=1, first_batch=0)]
    assert [row.good for row in with_good(rows, HEAD, attempts)] == [False, True]
    assert [row.good for row in with_good(rows, None, attempts)] == [False, False]


# plain jobs

WORDS = PlainSpec.model_validate({"name": "words", "output": "plain", "application": "words.py", "source": {"topic": "logs"}})
PLAIN_CASES: dict[str, tuple[JobSpec | None, JobSpec, Kind, str]] = {
    "nothing has run yet": (None, WORDS, Kind.NEW_EPOCH, "empty checkpoint"),
    "another application": (WORDS, WORDS.model_copy(update={"application": "count.py"}), Kind.SAME_CHECKPOINT, "its checkpoint"),
    "other arguments": (WORDS, WORDS.model_copy(update={"arguments": ("x",)}), Kind.SAME_CHECKPOINT, "its checkpoint"),
    "a topic more": (WORDS, WORDS.model_copy(update={"source": Source(topics=("logs", "web"))}), Kind.SAME_CHECKPOINT, "its checkpoint"),
    "no source named": (WORDS, WORDS.model_copy(update={"source": Source()}), Kind.SAME_CHECKPOINT, "its checkpoint"),
    "another topic": (WORDS, WORDS.model_copy(update={"source": Source(topic="web")}), Kind.REFUSED, "Make a new job for it"),
    "another kind": (SPEC, WORDS, Kind.REFUSED, "a counts job cannot become a plain job"),
}


@pytest.mark.parametrize("name", PLAIN_CASES)
def test_a_change_of_a_plain_job_goes_on_from_its_checkpoint(name: str) -> None:
    ran, new, kind, words = PLAIN_CASES[name]
    change = classify_plain(ran, new)
    assert (change.kind, words in " ".join(change.why)) == (kind, True), change
