"""Counts for the service, limited to what can be read in a short time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weir.api.pages import page, place_of
from weir.counts.closed import closed_now
from weir.counts.progress import head_of
from weir.counts.query import Question, counts, question
from weir.counts.read import Grain
from weir.counts.rules import Rules
from weir.counts.times import span_of
from weir.errors import BadInput
from weir.times import duration, parse_time

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

MOST_CELLS = 100_000  # panes, hours or days to read: eleven days of panes of 10 s, or eleven years of hours
MOST_OVERLAPS = 1_000  # windows that contain one line


@dataclass(frozen=True)
class Asked:
    """The options of `weir counts`. `since` may be a duration that ends at `until`; the default of `until` is now."""

    since: str
    until: str
    window: str
    slide: str
    by: str
    levels: str
    closed: bool
    services: tuple[str, ...] = ()
    signature: str = ""


def look(manager: Manager[Store], job: str, asked: Asked, limit: int, cursor: str, now: int) -> Any:
    """Return a page of counts. Raises UnknownJob, BadInput, NotProven, Conflict."""
    rules = Rules.of(manager.spec(job))
    pane = rules.pane
    span = span_of(asked.since, asked.until, now)
    wanted = replace(question(asked.window, asked.slide, asked.by, asked.levels, pane), since=span.since, until=span.until)
    wanted = replace(wanted, services=asked.services, signature=asked.signature)
    _bounded(wanted, pane)
    place = place_of(cursor, int, *(str for _ in wanted.by))
    if asked.closed:
        wanted = replace(wanted, closed_until=closed_now(head_of(manager.store, job), rules, manager.source, now))
    if place:
        wanted = replace(wanted, since=max(span.since, place[0]))
    found = counts(manager.store, job, wanted)
    return page((row for row in found if not place or _place(wanted, row) > place), limit, dict, lambda row: _place(wanted, row))


def _bounded(wanted: Question, pane: int) -> None:
    """Raise BadInput for a query that would take minutes."""
    assert wanted.since is not None and wanted.until is not None
    shape, cell = wanted.shape, pane if wanted.grain is Grain.PANE else int(wanted.grain)
    if (wanted.until - wanted.since + shape.width) // cell > MOST_CELLS:
        raise BadInput(f"since: this span has more than {MOST_CELLS} times {duration(cell)}.", "Ask for a shorter span.")
    if shape.width // shape.slide > MOST_OVERLAPS:
        raise BadInput(f"slide: each line would be in more than {MOST_OVERLAPS} windows.", "Give a longer slide.")


def _place(wanted: Question, row: dict[str, Any]) -> list[Any]:
    return [parse_time(row["window_start"]), *(row[name] for name in wanted.by)]
