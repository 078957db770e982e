import io
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from weir.errors import BadInput, NotRunning, Prerequisite, StackFailed
from weir.local import first_counts, folder, parts, ports, secrets, stack
from weir.local.part import Stack
from weir.local.report import Lines, Reporter
from weir.local.state import FAILED, Record
from weir.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def a_stack(home: Path) -> Stack:
    return Stack(home, ports.WANTED, secrets.load_or_create(home), history=True, collect=True)


def configured(home: Path, a_stack: Stack) -> None:
    (home / "stack.json").write_text(json.dumps({"ports": dict(a_stack.ports), **folder.addresses(a_stack)}))


def test_settings_are_what_was_chosen(home: Path, a_stack: Stack) -> None:
    configured(home, a_stack)
    settings = Settings.load()
    assert settings.kafka == "127.0.0.1:9092"
    assert settings.cassandra_port == 9042
    assert settings.spark_rest == "http://127.0.0.1:6066"
    assert settings.spark_jars == ""
    assert settings.checkpoints == str(home / "checkpoints")


def test_every_part_ends_exactly_once(a_stack: Stack) -> None:
    for either in (a_stack, replace(a_stack, history=False, collect=False)):
        kept = [part.name for part in parts.all_parts(either)]
        assert sorted(name for group in parts.groups_to_stop(kept) for name in group) == sorted(kept)


def test_every_port_has_an_owner_among_the_parts(a_stack: Stack) -> None:
    assert set(folder.PORT_OWNERS) == set(ports.WANTED)
    assert set(folder.PORT_OWNERS.values()) <= {part.name for part in parts.all_parts(a_stack)}


def test_everything_binds_to_loopback(a_stack: Stack) -> None:
    assert all(part.address.startswith("127.0.0.1:") for part in parts.all_parts(a_stack) if part.address)
    assert not any("0.0.0.0" in word for part in parts.all_parts(a_stack) for word in (*part.command, *part.env.values()))


def test_no_secret_on_a_command_line(a_stack: Stack) -> None:
    words = [word for part in parts.all_parts(a_stack) for word in part.command]
    assert not any(secret in word for secret in a_stack.secrets.values() for word in words)


def test_a_persons_own_settings_do_not_reach_the_parts(a_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW__CORE__EXECUTOR", "SPARK_HOME", "PYTHONPATH", "WEIR_KAFKA", "PYTHONDONTWRITEBYTECODE", "CLASSPATH"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in a_stack.env().values()


def test_status_of_nothing_is_empty(home: Path) -> None:
    assert stack.status() == []


def test_status_of_a_stack_that_is_down(home: Path, a_stack: Stack) -> None:
    configured(home, a_stack)
    found = stack.status()
    assert {each["state"] for each in found} == {"not running"}
    assert {each["pid"] for each in found} == {0}


def test_logs_and_parts_that_are_not_there(home: Path) -> None:
    with pytest.raises(NotRunning, match="weir up"):
        folder.load(home)
    with pytest.raises(BadInput, match="There are: none yet"):
        list(stack.logs("kafka"))


def test_logs_give_the_last_lines(home: Path) -> None:
    (home / "logs").mkdir()
    (home / "logs" / "kafka.log").write_text("".join(f"line {n}\n" for n in range(500)))
    assert list(stack.logs("kafka", lines=2)) == ["line 498\n", "line 499\n"]
    with pytest.raises(BadInput, match="There are: kafka"):
        list(stack.logs("../kafka"))


def test_a_part_that_failed_is_told_with_its_last_lines(a_stack: Stack) -> None:
    kafka = next(part for part in parts.all_parts(a_stack) if part.name == "kafka")
    kafka.log.write_text("java.net.BindException: Address already in use\n")
    with pytest.raises(StackFailed) as failed:
        stack._raise_if_failed(a_stack, {"kafka": kafka}, {"kafka": Record(FAILED, "ended with exit code 1")}, late=False)
    told = str(failed.value)
    assert "kafka ended with exit code 1" in told and "BindException" in told and str(kafka.log) in told and "weir up" in told


def test_up_without_java_starts_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "java_problem", lambda: "Weir needs Java 17")
    with pytest.raises(Prerequisite, match="Java 17"):
        stack.up(Reporter())
    assert list(home.iterdir()) == []


def test_the_sample_is_fed_once_in_the_life_of_a_folder(a_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[str] = []
    monkeypatch.setattr(first_counts, "late", lambda module, name: lambda path, service, settings: fed.append(service) or 480)
    for _ in range(2):
        first_counts.feed(a_stack, Settings(home=str(a_stack.home)))
    assert fed == ["sample"]


def test_lines_tell_each_step_with_its_time() -> None:
    out = io.StringIO()
    lines = Lines(out)
    with lines.step("topic", "logs"):
        pass
    with pytest.raises(ValueError), lines.step("schema"):
        raise ValueError
    told = out.getvalue().splitlines()
    assert told[0] == "...  topic" and told[1].startswith("ok   topic: 0.") and told[1].endswith("s  logs")
    assert told[3].startswith("FAIL schema: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_block_so_that_it_cleans_up(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)  # as a shell has it for what it starts in the background
    try:
        with pytest.raises(KeyboardInterrupt), stack.told_to_end():
            os.kill(os.getpid(), number)
            signal.pause()
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_up_waits_until_every_server_is_well_and_names_those_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended 0 with `airflow-scheduler: Airflow says unhealthy` in its table."""
    ill = {"part": "airflow-scheduler", "state": "Airflow says unhealthy", "address": "", "pid": 1, "since": ""}
    begins = {**ill, "part": "driver:error_counts", "state": "is starting"}
    seen = iter([[ill, begins], [ill, begins], [{**ill, "state": "ok"}, begins]])
    monkeypatch.setattr(stack, "status", lambda: next(seen))
    paused: list[float] = []
    assert stack.unwell(stack._settled(60, paused.append)) == [] and len(paused) == 2
    monkeypatch.setattr(stack, "status", lambda: [ill])
    assert stack.unwell(stack._settled(0, paused.append)) == ["airflow-scheduler Airflow says unhealthy"]


@pytest.mark.parametrize("letter", [":", ",", "#", "%", "'", "$", "\n"])
def test_up_refuses_a_folder_that_no_server_could_name(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "PROJECT", f"/srv/a{letter}b")
    with pytest.raises(Prerequisite, match="Move or rename the folder"):
        stack.up(Reporter())


def test_a_stack_has_a_history_server_if_asked_and_keeps_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HISTORY", "1")
    assert folder.configure(home, lambda _: None).history
    assert Settings.load().event_logs == str(home / "event_logs")
    monkeypatch.delenv("WEIR_HISTORY")
    again = folder.configure(home, lambda _: None)
    assert again.history and "spark-history" in {part.name for part in parts.all_parts(again)}
    monkeypatch.setenv("WEIR_HISTORY", "0")
    without = folder.configure(home, lambda _: None)
    assert "spark-history" not in {part.name for part in parts.all_parts(without)}
    assert Settings.load().event_logs == ""


def test_a_stack_has_a_collector_only_if_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "collect" not in {part.name for part in parts.all_parts(folder.configure(home, lambda _: None))}
    monkeypatch.setenv("WEIR_COLLECT", "1")
    folder.configure(home, lambda _: None)
    monkeypatch.delenv("WEIR_COLLECT")
    assert "collect" in {part.name for part in parts.all_parts(folder.load(home))}
