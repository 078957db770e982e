"""The state machine of tests/unit/protocol, with fewer steps, on the real Cassandra."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from spark_jobs.protocol.head import Head
from tests.unit.protocol.machine import machine
from tests.unit.protocol.test_protocol import wander
from tests.unit.protocol.world import JOB

pytestmark = pytest.mark.stack


class Renamed:
    """A store in which the one job of the state machine has a name of its own, so that each run begins with nothing."""

    def __init__(self, store: Any, name: str) -> None:
        self._store, self._name = store, name

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any) -> Any:
            return self._back(getattr(self._store, method)(*(self._there(a) for a in args)))

        return call

    def _there(self, value: Any) -> Any:
        if isinstance(value, Head):
            return replace(value, job=self._name)
        return self._name if value == JOB else value

    def _back(self, value: Any) -> Any:
        if isinstance(value, Head):
            return replace(value, job=JOB)
        return map(self._back, value) if isinstance(value, Iterator) else value


@pytest.fixture
def fresh(real_store: Any) -> Any:
    run, numbers = uuid4().hex[:8], itertools.count()
    return lambda: Renamed(real_store, f"machine-{run}-{next(numbers)}")


def test_state_machine(fresh: Any) -> None:
    run_state_machine_as_test(
        machine(fresh),
        settings=settings(
            max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        ),
    )


def test_random_walks(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.protocol.test_protocol.MemoryStore", fresh)
    for seed in range(4):
        wander(seed, steps=150)
