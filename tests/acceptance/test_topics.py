"""A job of several topics on the real parts: by a pattern, with topics that newly match while it runs, and a driver killed in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from drill.generator import Truth
from weir.local import folder, kafka

from .conftest import Stack, generate, until

pytestmark = pytest.mark.stack
MANY = "many"
START_MS = 1_784_000_000_000
GONE = 40  # lines of a topic that retention took before anybody read them


@pytest.fixture
def many(stack: Stack) -> Iterator[Stack]:
    """The stack, with a job folder outside the package that reads all topics `many-...`."""
    stack.jobs.mkdir(exist_ok=True)
    stack.weir("new", MANY, "--kind", "counts", "--into", str(stack.jobs))
    spec = stack.jobs / MANY / "job.yaml"
    text = spec.read_text().replace(f"  topic: {MANY} ", "  pattern: many-.*  # ")
    assert "pattern: many-" in text
    spec.write_text(text)
    yield stack
    stack.weir("stop", MANY, "--reason", "the test is over")


class Sent:
    """What was sent to topics, each by a service of its name."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder, self.truths, self.lines = stack, folder, dict[str, Truth](), 0

    def send(self, topic: str, lines: int = 2000) -> None:
        file, seed = self.folder / topic, len(self.truths) + 1
        self.lines += lines
        self.truths[topic] = generate(file, seed, lines, START_MS, topic)
        self.stack.weir("ingest", str(file), "--service", topic, "--topic", topic, "--create")

    def expected(self) -> dict[str, int]:
        """Lines that are counted: some of the generator's are no log lines."""
        return {topic: sum(truth.panes.values()) for topic, truth in self.truths.items()}


def counted(stack: Stack) -> Mapping[str, int]:
    args = ("--since", "2026-07-01T00:00:00Z", "--until", "2026-09-01T00:00:00Z", "--window", "1d", "--levels", "all", "--by", "service")
    sums: dict[str, int] = {}
    for row in stack.json("counts", "--job", MANY, *args):
        sums[row["service"]] = sums.get(row["service"], 0) + row["n"]
    return sums


def joined(stack: Stack, topic: str) -> list[str]:
    return [e["text"] for e in stack.json("timeline", MANY) if f"the topic {topic} joined" in e["text"]]


def test_topics_join_while_it_runs_and_the_counts_stay_exact(many: Stack, tmp_path: Path) -> None:
    sent = Sent(many, tmp_path)
    sent.send("many-a")
    sent.send("many-b")
    many.weir("deploy", MANY, "--wait", timeout=400)
    many.weir("wait", MANY, "--timeout", "240s", timeout=300)
    assert counted(many) == sent.expected()

    # A third topic, while the driver is killed: it begins at 0, in the batch of whoever reads it first.
    killed = many.kill(f"driver:{MANY}")
    sent.send("many-c")
    until(lambda: many.part(f"driver:{MANY}").get("pid") not in (None, killed), "the driver is restarted", 240)
    many.weir("wait", MANY, "--timeout", "240s", timeout=300)
    assert counted(many) == sent.expected()

    # A fourth one has lost its first lines before the driver, which is held, can see it.
    pid = int(many.part(f"driver:{MANY}")["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        many.weir("ingest", "-", "--service", "gone", "--topic", "many-d", "--create", stdin=b"a line that retention takes\n" * GONE)
        trim(many, "many-d")
        sent.send("many-d", 1000)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: joined(many, "many-d"), "the fourth topic joins with a new attempt", 240)
    many.weir("wait", MANY, "--timeout", "240s", timeout=300)
    assert counted(many) == sent.expected()
    proof = many.json("recount", MANY)
    assert (proof["missing"], proof["doubled"], proof["checked_lines"], proof["gap_lines"]) == (0, 0, sent.lines, 0), proof
    assert proof["rejected"] == sent.lines - sum(sent.expected().values()), proof
    assert {label.rpartition("/")[0] for label in proof["frontier"]} == {"many-a", "many-b", "many-c", "many-d"}
    begins: dict[str, int] = {}
    for row in many.json("ledger", MANY, "--last", "50"):
        begins |= {label: min(first, begins.get(label, first)) for label, (first, _) in row["offsets"].items()}
    gone = {f"many-d/{number}": offset for number, offset in offsets(many, "many-d", OffsetSpec.earliest()).items()}
    assert {label: first for label, first in begins.items() if label in gone} == gone and sum(gone.values()) == GONE


def offsets(stack: Stack, topic: str, which: OffsetSpec) -> dict[int, int]:
    admin = kafka.admin(kafka.owner(folder.load(stack.home)))
    asked = admin.list_offsets({TopicPartition(topic, p): which for p in admin.list_topics(topic, timeout=10).topics[topic].partitions})
    return {tp.partition: future.result(10).offset for tp, future in asked.items()}


def trim(stack: Stack, topic: str) -> None:
    """Delete all records, as retention does."""
    ends = offsets(stack, topic, OffsetSpec.latest())
    admin = kafka.admin(kafka.owner(folder.load(stack.home)))
    for future in admin.delete_records([TopicPartition(topic, p, end) for p, end in ends.items()]).values():
        future.result(30)
