"""The panels of a page, loaded in parallel. A panel that fails shows its error; the others still show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from weir.errors import WeirError
from weir.supervise.observe.questions import Questions

PATIENT_S = 10.0  # longer than the store's timeout for one query

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """The loaded data, or the reason why there is none."""

    data: Any = None
    trouble: str = ""


LATE = Panel(trouble="Timed out. See: weir status")


class Panels:
    """Loads panels. Waits only briefly for a panel that timed out the last time."""

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
        return Panel(trouble=f"This panel could not be loaded: {error!r}")
