"""The panels of a page, loaded side by side. What fails to load is told in its own panel, and the others still show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from weir.errors import WeirError
from weir.supervise.questions import Questions

PATIENT_S = 10.0  # more than a store's own patience with one question

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """What was loaded, or in words why nothing was."""

    data: Any = None
    trouble: str = ""


LATE = Panel(trouble="It did not answer in time. See: weir status")


class Panels:
    """Remembers which part of which job did not answer the last time, and does not wait long for it."""

    def __init__(self, patient_s: float = PATIENT_S) -> None:
        self._questions = Questions(patient_s)

    def load(self, job: str, parts: Mapping[str, Callable[[], Any]]) -> dict[str, Panel]:
        begun = {name: self._questions.ask(f"{name} of {job}", partial(_loaded, job, part), LATE) for name, part in parts.items()}
        return {name: answer() for name, answer in begun.items()}


def _loaded(job: str, part: Callable[[], Any]) -> Panel:
    try:
        return Panel(part())
    except WeirError as error:
        return Panel(trouble=str(error))
    except Exception as error:
        log.exception("a panel of %s could not be loaded", job)
        return Panel(trouble=f"It could not be loaded: {error!r}")
