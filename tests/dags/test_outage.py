"""The store is away: Airflow's own callbacks tell, once for an outage, and that it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from weir.airflow.operators import outage
from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.errors import BadSetting, NotRunning

AWAY: Any = {"exception": NotRunning("Cassandra did not answer in 10.0 s.", "Run: weir status")}
WELL: Any = {}


@dataclass
class World:
    clock: float = 1_800_000_000.0
    kept: dict[str, str] = field(default_factory=dict)
    got: list[Message] = field(default_factory=list)
    trouble: str = ""

    def send(self, message: Message) -> Sent:
        self.got.append(message)
        return Sent(self.trouble)

    def fails(self, seconds: float = 30.0) -> list[str]:
        self.clock += seconds
        outage.away(AWAY)
        return [message.kind for message in self.got]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "error_counts.yaml").write_text("job: error_counts\nsinks: [inbox, pager]")
    monkeypatch.setenv("WEIR_RULES", str(tmp_path / "rules"))
    variable = SimpleNamespace(
        get=lambda name, default: made.kept.get(name, default),
        set=lambda name, value, description: made.kept.update({name: value}),
        delete=lambda name: made.kept.pop(name),
    )
    monkeypatch.setattr(outage, "Variable", variable)
    monkeypatch.setattr(outage, "connected", lambda name: made if name == "pager" else pytest.fail(name))
    monkeypatch.setattr(outage.time, "time", lambda: made.clock)
    return made


def test_an_outage_is_told_from_its_second_tick_on_and_every_half_hour(world: World) -> None:
    assert world.fails() == []
    assert world.fails() == ["opened"]
    assert world.fails() == ["opened"]
    assert world.fails(1800) == ["opened", "opened"]
    first = world.got[0]
    assert "WEIR-201: Cassandra did not answer" in first.text and "no driver is restarted" in first.text
    outage.back(WELL)
    assert [m.kind for m in world.got][2:] == ["resolved"] and len({m.incident for m in world.got}) == 1
    assert not world.kept and world.fails() == ["opened", "opened", "resolved"], "the next outage is another one"


def test_a_hiccup_is_told_to_nobody(world: World) -> None:
    world.fails()
    outage.back(WELL)
    assert world.got == [] and not world.kept


def test_what_no_sink_takes_is_tried_again_by_the_next_tick(world: World) -> None:
    world.fails()
    world.trouble = "it is away, too"
    assert world.fails() == ["opened"]
    world.trouble = ""
    assert world.fails() == ["opened", "opened"]
    assert world.fails() == ["opened", "opened"]


def test_a_password_file_that_is_gone_keeps_the_tick_from_the_store_too(world: World) -> None:
    for _ in range(2):
        outage.away({"exception": BadSetting("WEIR_CASSANDRA_PASSWORD_FILE, /x, cannot be read.")})  # type: ignore[typeddict-item]
    assert [message.kind for message in world.got] == ["opened"]


def test_another_failure_of_the_tick_is_no_outage(world: World) -> None:
    outage.away({"exception": KeyError("x")})  # type: ignore[typeddict-item]
    assert not world.kept
