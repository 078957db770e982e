"""The note of a planned stop: of this stack's cluster only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weir import stack_stop
from weir.settings import Settings


def test_a_stop_is_noted_for_the_cluster_of_the_stack(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), spark_rest="http://127.0.0.1:6066")
    assert stack_stop.stopped_at(settings) == 0
    stack_stop.note(settings)
    assert stack_stop.stopped_at(settings) > 1_700_000_000_000
    assert stack_stop.stopped_at(replace(settings, spark_rest="http://elsewhere:6066")) == 0
    (tmp_path / stack_stop.FILE).write_text("{")
    assert stack_stop.stopped_at(settings) == 0, "a torn note is none: the driver is then judged as ever"


def test_a_folder_that_was_removed_stays_removed(tmp_path: Path) -> None:
    stack_stop.note(Settings(home=str(tmp_path / "gone")))
    assert not (tmp_path / "gone").exists()
