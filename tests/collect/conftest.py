"""What tests of collectors share. Their servers are real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.collect import brokers
from tests.collect.brokers import Broker
from tests.collect.cable import Machine, other_machine
from tests.contract.conftest import real_kafka
from tests.parts import make_topic
from weir.settings import Settings

__all__ = ["real_kafka"]
ASKED = os.environ.get("WEIR_TEST_COLLECT") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.stack)
        if not ASKED:
            item.add_marker(pytest.mark.skip(reason="make test-collect runs it (WEIR_TEST_COLLECT=1)"))


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    broker = brokers.mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[Broker]:
    broker = brokers.rabbitmq(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def machine() -> Iterator[Machine]:
    with other_machine() as made:
        yield made


@pytest.fixture
def topic(real_kafka: Settings) -> str:
    name = f"topic-{uuid4().hex[:8]}"
    make_topic(real_kafka, name)
    return name
