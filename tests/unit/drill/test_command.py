import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from drill import command as command
from drill import run
from drill.run import Row
from weir.output import Format


def test_a_drill_that_is_told_to_end_still_shows_what_it_has_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def a_stage(*_: object) -> Iterator[None]:
        yield None

    def played(*_: object) -> Iterator[Row]:
        yield Row("F1.batch", "a title", lines=7)
        raise SystemExit(143)

    monkeypatch.setattr(command, "_stage", a_stage)
    monkeypatch.setattr(run, "play", played)
    with pytest.raises(SystemExit):
        command.drill(only="F1", seed=1, runs=1, list_=False, here=False, keep=None, form=Format.JSON)
    assert [(row["fault"], row["lines"]) for row in json.loads(capsys.readouterr().out)] == [("F1.batch", 7)]
