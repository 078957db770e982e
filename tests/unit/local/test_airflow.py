import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from weir.local import airflow, ports, secrets
from weir.local.part import Stack


@pytest.fixture
def a_stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path))


def test_only_old_logs_are_removed_and_the_database_is_cleaned(a_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(airflow, "run", lambda command, *rest, **more: ran.append(command))
    now = datetime(2026, 1, 10, tzinfo=UTC)
    logs = a_stack.folder("airflow/logs/dag_id=weir_health")
    for name, age in (("run_id=old", airflow.KEEP + timedelta(hours=1)), ("run_id=young", timedelta(hours=1))):
        (logs / name).mkdir()
        os.utime(logs / name, ((now - age).timestamp(),) * 2)
    airflow.prune(a_stack, now)
    assert [path.name for path in logs.iterdir()] == ["run_id=young"]
    assert ran[0][ran[0].index("--clean-before-timestamp") + 1] == (now - airflow.KEEP).isoformat()


def test_the_last_pruning_is_remembered_over_restarts(a_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow, "run", lambda *_, **__: None)
    assert airflow.last_pruned(a_stack) == 0.0
    airflow.prune(a_stack)
    assert airflow.last_pruned(a_stack) > 0.0


def test_one_setting_switches_opentelemetry_on(a_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AIRFLOW__METRICS__OTEL_ON", "AIRFLOW__TRACES__OTEL_ON")
    monkeypatch.delenv(airflow.OTLP, raising=False)
    assert [airflow.env(a_stack)[name] for name in names] == ["False", "False"] and airflow.TRACES not in airflow.env(a_stack)
    monkeypatch.setenv(airflow.OTLP, "http://127.0.0.1:4318")
    env = airflow.env(a_stack)
    assert [env[name] for name in (*names, airflow.OTLP, airflow.TRACES)] == ["True", "True", "http://127.0.0.1:4318", "otlp_proto_http"]
    monkeypatch.setenv(airflow.TRACES, "otlp")
    assert airflow.env(a_stack)[airflow.TRACES] == "otlp"
