"""What a collector says of itself: only what it has seen."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PROJECT
from weir.collect import metrics
from weir.collect.counters import Counters, Seldom
from weir.collect.metrics import METRICS, OF_SENDERS
from weir.collect.serve import serve
from weir.collect.spool.spool import Waiting
from weir.errors import BadInput

NOW = 1_800_000_000.0


def test_the_document_has_every_metric() -> None:
    rows = [line for line in (PROJECT / "docs" / "collect.md").read_text().splitlines() if line.startswith("| `weir_collect_")]
    assert rows == [f"| `{metric.name}` | {metric.kind} | {metric.help} |" for metric in METRICS]


def test_what_is_not_known_is_left_out() -> None:
    found = dict(metrics.values(Counters(), 0, 100, None, NOW))
    assert {name for name, value in found.items() if value is None} == {
        "weir_collect_dropped_datagrams_total", "weir_collect_broker_up", "weir_collect_waiting_bytes",
        "weir_collect_oldest_waiting_seconds", "weir_collect_committed_timestamp_seconds", "weir_collect_kafka_up",
    }  # fmt: skip
    assert len(metrics.families(iter(found.items()))) == len(OF_SENDERS) - 6


def test_of_files_nothing_is_told_that_their_processes_know_alone() -> None:
    found = dict(metrics.of_files(Counters(reached=True, forwarded=5), 2, 1, 6, 5.0))
    assert found["weir_collect_files"] == 2 and found["weir_collect_file_restarts_total"] == 1
    assert (found["weir_collect_forwarded_lines_total"], found["weir_collect_oldest_waiting_seconds"]) == (5, 5.0)
    assert not {"weir_collect_lines_total", "weir_collect_cut_lines_total", "weir_collect_spool_bytes"} & found.keys()


def test_numbers_and_ages() -> None:
    seen = Counters(lines=7, cut=2, reached=True, committed_at=NOW - 3, dropped=lambda: 4)
    found = dict(metrics.values(seen, 10, 100, Waiting(6, int(1000 * NOW) - 5_000), NOW))
    assert (found["weir_collect_lines_total"], found["weir_collect_cut_lines_total"], found["weir_collect_kafka_up"]) == (7, 2, 1)
    assert (found["weir_collect_waiting_bytes"], found["weir_collect_oldest_waiting_seconds"]) == (6, 5.0)
    assert found["weir_collect_dropped_datagrams_total"] == 4
    assert dict(metrics.values(seen, 10, 100, Waiting(0, 0), NOW))["weir_collect_oldest_waiting_seconds"] == 0


@pytest.mark.parametrize(
    ("seen", "state", "kafka"),
    [
        (Counters(), "starting", "not answered yet"),
        (Counters(reached=True), "ok", "answered"),
        (Counters(reached=True, trouble="WEIR-201: away"), "waiting", "WEIR-201: away"),
        (Counters(reached=True, trouble="WEIR-201: away", held_since=NOW - 2), "holding", "WEIR-201: away"),
    ],
)
def test_health(seen: Counters, state: str, kafka: str) -> None:
    found = metrics.health(seen, None, NOW)
    assert (found["state"], found["kafka"], found["waiting_bytes"]) == (state, kafka, None)
    assert found["held_s"] == (2.0 if state == "holding" else None)


@pytest.fixture
def seen() -> Counters:
    return Counters(reached=True, lines=3)


@pytest.fixture
def url(seen: Counters) -> Iterator[str]:
    server = serve("127.0.0.1", 0, lambda: metrics.families(metrics.values(seen, 0, 9, None, NOW)), lambda: metrics.health(seen, None, NOW))
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def asked(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_both_are_served(url: str, seen: Counters) -> None:
    found = {sample.name: sample.value for family in text_string_to_metric_families(asked(f"{url}/metrics")) for sample in family.samples}
    assert found["weir_collect_lines_total"] == 3 and "weir_collect_waiting_bytes" not in found
    assert json.loads(asked(f"{url}/health"))["state"] == "ok"
    seen.held_since = NOW
    with pytest.raises(urllib.error.HTTPError, match="503"):
        asked(f"{url}/health")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        asked(f"{url}/other")


def test_an_address_that_is_taken_is_told(url: str) -> None:
    with pytest.raises(BadInput, match="Choose another address: --metrics-port"):
        serve("127.0.0.1", int(url.rpartition(":")[2]), list, dict)


def test_a_sentence_is_said_once_in_a_while_with_the_number_of_the_others() -> None:
    said, now = list[str](), [0.0]
    say = Seldom(said.append, clock=lambda: now[0])
    for at in (0.0, 1.0, 2.0, 20.0):
        now[0] = at
        say("cut", "A line was cut.")
    say("other", "Another kind.")
    assert said == ["A line was cut.", "A line was cut. (2 more of this kind since the last message.)", "Another kind."]
