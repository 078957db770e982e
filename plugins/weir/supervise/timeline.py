"""Add entries to the timeline of a job."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from weir.ports.timeline import Event
from weir.supervise.parts import Parts

log = logging.getLogger(__name__)


class Timeline:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def tell(self, job: str, kind: str, text: str, attempt: int, who: str, reason: str, detail: Mapping[str, object]) -> None:
        """Add an entry about an action. If it cannot be written, it is logged; the action has happened anyway."""
        try:
            self._parts.store.add_event(job, Event(self._parts.now_ms(), kind, text, detail, attempt, who, reason))
        except Exception:
            log.exception("the timeline of %s lacks a line: %s by %s: %s", job, kind, who, text)
