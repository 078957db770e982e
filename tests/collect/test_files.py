"""`weir collect files` with a real Kafka: each line once, also of a file that comes later, through a stop and a rotation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.collecting import collecting, committed, measured
from tests.parts import until
from weir.settings import Settings


def test_each_line_of_each_file_once(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    first, later = logs / "a.log", logs / "b.log"
    first.write_bytes(b"line a1\nline a2\n")
    options = ("--tail", str(logs / "*.log"), "--service", "web", "--topic", topic, "--metrics-port", "0")
    with collecting(real_kafka, tmp_path / "home", "files", *options) as collector:
        until(lambda: committed(real_kafka, topic).total() == 2, "the first file is sent", 120)
        later.write_bytes(b"line b1\n")
        until(lambda: committed(real_kafka, topic).total() == 3, "the later file is sent", 120)
        until(lambda: measured(collector, "weir_collect_forwarded_lines_total") == 3, "its metrics say so", 120)
        until(lambda: measured(collector, "weir_collect_waiting_bytes") == 0, "nothing waits", 120)
        assert measured(collector, "weir_collect_files") == 2 and measured(collector, "weir_collect_kafka_up") == 1
        assert measured(collector, "weir_collect_file_restarts_total") == 0 and measured(collector, "weir_collect_lines_total") is None
        assert collector.stop() == 0
    first.rename(logs / "a.log.1")
    first.write_bytes(b"line a3\n")
    with later.open("ab") as file:
        file.write(b"line b2\n")
    with collecting(real_kafka, tmp_path / "home", "files", *options) as collector:
        until(lambda: committed(real_kafka, topic).total() == 5, "what came meanwhile is sent", 120)
        assert collector.stop() == 0
    assert committed(real_kafka, topic) == Counter([b"line a1", b"line a2", b"line a3", b"line b1", b"line b2"])
