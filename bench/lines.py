"""Fill topics with the lines that the programs of this folder count, and return the true counts from the generator."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from confluent_kafka import Producer

from drill.generator import Generator, Mix, Truth
from tests.parts import make_topic
from weir.ports.counts import Cell
from weir.settings import Settings

START_MS = 1_768_435_200_000  # 15 January 2026
MIX = Mix(services=("web", "shop", "api", "pay", "auth"), events_per_s=20_000)
PARTITIONS = 4
WINDOW_MS, SLIDE_MS = 30_000, 10_000
Window = tuple[int, str, str]  # start (ms), service, level


def mix(services: int = 0, signatures: int = 0) -> Mix:
    """Return the usual mix of lines, with other numbers of services and signatures; 0 for the usual one."""
    names = tuple(f"service-{n}" for n in range(services)) or MIX.services
    return replace(MIX, services=names, signatures=signatures or MIX.signatures)


def fill(settings: Settings, topic: str, lines: int, kind: Mix = MIX, partitions: int = PARTITIONS) -> Truth:
    """Fill a new topic with the same number of lines in each partition."""
    make_topic(settings, topic, partitions)
    generator = Generator(1, START_MS, kind)
    producer = Producer({
        "bootstrap.servers": settings.kafka, "linger.ms": 50, "batch.num.messages": 100_000, "batch.size": 1_000_000,
        "queue.buffering.max.messages": 1_000_000, "acks": "all", "enable.idempotence": True,
    })  # fmt: skip
    for block in generator.blocks(lines):
        for n, (service, line) in enumerate(block):
            while True:
                try:
                    producer.produce(topic, line, service, partition=n % partitions)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0
    return generator.truth


def windows(panes: Iterable[tuple[Cell, int]]) -> Counter[Window]:
    """Add panes up to sliding windows."""
    found: Counter[Window] = Counter()
    for (pane, service, level, _), n in panes:
        for start in range(pane - WINDOW_MS + SLIDE_MS, pane + 1, SLIDE_MS):
            found[start, service, level] += n
    return found


def digest(found: Counter[Window]) -> str:
    """Return a digest of all windows. It depends only on the counts."""
    return hashlib.sha256(json.dumps(sorted([*window, n] for window, n in found.items())).encode()).hexdigest()[:16]
