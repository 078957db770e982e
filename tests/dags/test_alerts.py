"""The alert task: from a verdict to the inbox, and what makes it fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.dags.fleet import JOB, Fleet, context
from weir.airflow.notifiers import filled, sinks
from weir.airflow.operators.alerts import AlertOperator
from weir.alerts.evaluate import Passed, evaluate
from weir.alerts.sink import message_of
from weir.errors import BadInput, NotDelivered
from weir.ports.jobs import JobStore

ENDED = f"[warning] {JOB}: the driver of attempt 1 has ended: it was killed or lost (the cluster says failed)"


@pytest.fixture
def alert(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("weir.factory.source_of", lambda _: fleet.broker)
    monkeypatch.setattr("weir.airflow.alerting.time.time", fleet.clock)
    monkeypatch.setenv("WEIR_RULES", str(tmp_path / "rules"))
    (tmp_path / "rules").mkdir()
    return lambda: AlertOperator(task_id="alert").execute(context())


def test_a_dead_driver_is_in_the_inbox_once_and_then_that_it_recovered(fleet: Fleet, alert) -> None:  # type: ignore[no-untyped-def]
    fleet.manager.deploy(JOB)
    fleet.kill()
    for _ in range(2):
        fleet.manager.tick()
        alert()
    assert [message_of(m).title for m in fleet.store.mails(JOB)] == [
        f"[warning] {JOB}: the driver of attempt 1 has ended: it was killed or lost (the cluster says failed)"
    ]
    fleet.manager.restart(JOB)
    fleet.land()
    fleet.clock.sleep(250)
    fleet.land()
    fleet.manager.tick()
    alert()
    newest = message_of(fleet.store.mails(JOB)[0])
    assert "recovered after 4 min 10 s, 0 lost" in newest.title and "already done" not in newest.text


def test_rules_that_do_not_fit_fail_the_task_and_what_waits_is_delivered(
    fleet: Fleet,
    alert,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    fleet.manager.deploy(JOB)
    (tmp_path / "rules" / "error_counts.yaml").write_text("job: error_counts\nrules: [{name: x, kind: threshold}]")
    with pytest.raises(NotDelivered, match=r"WEIR-501: WEIR-104: error_counts.yaml is not valid: rules.0.threshold.above"):
        alert()


def test_what_is_decided_does_not_wait_for_all_that_is_left_to_evaluate(fleet: Fleet, alert, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """A stack whose first lines were twenty years old had its first message wait for minutes."""
    waiting: list[int] = []

    def with_more(store: JobStore, *args: Any) -> Passed:
        passed = evaluate(store, *args)
        waiting.append(len(store.mails(JOB)))
        return replace(passed, more=len(waiting) < 3)

    monkeypatch.setattr("weir.alerts.evaluate.evaluate", with_more)
    fleet.manager.deploy(JOB)
    fleet.kill()
    fleet.manager.tick()
    alert()
    assert waiting == [0, 1, 1], "it was delivered before the second pass"


def test_a_sink_that_is_refused_again_and_again_fails_the_task(fleet: Fleet, alert, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "rules" / "error_counts.yaml").write_text("job: error_counts\nsinks: [nowhere, inbox]")
    fleet.manager.deploy(JOB)
    fleet.kill()
    fleet.manager.tick()
    for _ in range(2):
        alert()
        fleet.clock.sleep(700)
    with pytest.raises(NotDelivered, match=r"nowhere did not accept .* in 3 tries: sink: there is no Airflow connection 'nowhere'"):
        alert()
    assert len(fleet.store.mails(JOB)) == 1, "the inbox did not wait for it"


def test_sinks_are_connections_or_notifiers(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    find = sinks(fleet.store)
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "extra": {"to": "ops@example.org"}}
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(smtp))
    assert type(find("mail")).__name__ == "Mail"
    notifier = {
        "conn_type": "generic",
        "extra": {"notifier": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "arguments": {"to": "a@b"}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ANY", json.dumps(notifier))
    assert type(find("any")).__name__ == "Notifier"
    for wrong, told in (("os.path.join", "not a notifier"), ("airflow.providers.smtp.hooks.smtp.SmtpHook", "is no notifier")):
        monkeypatch.setenv("AIRFLOW_CONN_ANY", json.dumps({"conn_type": "generic", "extra": {"notifier": wrong}}))
        with pytest.raises(BadInput, match=told):
            find("any")


def test_fields_are_filled_in_and_nothing_is_run() -> None:
    fields = {"title": "{{ var.value.secret }}", "text": "b"}
    assert filled({"x": ["{title}: {text}", 3]}, fields) == {"x": ["{{ var.value.secret }}: b", 3]}
