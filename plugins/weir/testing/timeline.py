"""Timelines and pauses in memory."""

from __future__ import annotations

from collections.abc import Sequence

from weir.ports.timeline import Event, Pause


class Timeline:
    """Timelines and pauses in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, dict[tuple[int, str], Event]] = {}
        self._pauses: dict[str, dict[str, Pause]] = {}

    def add_event(self, job: str, event: Event) -> None:
        self._events.setdefault(job, {})[-event.at, event.id] = event

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        rows = sorted(self._events.get(job, {}).items(), key=lambda x: x[0])
        return [event for at, event in rows if after is None or at > (-after[0], after[1])][:limit]

    def put_pause(self, job: str, pause: Pause) -> None:
        self._pauses.setdefault(job, {})[pause.kind] = pause

    def pauses(self, job: str) -> Sequence[Pause]:
        return [pause for _, pause in sorted(self._pauses.get(job, {}).items())]
