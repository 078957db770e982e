"""The spans that a recount is mapped over, as XCom values and as labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weir.counts.scope import Scope

Span = dict[str, Any]  # the fields of a Scope, but `hours`


def as_span(scope: Scope) -> Span:
    return {name: value for name, value in asdict(scope).items() if name != "hours"}


def scope_of(span: Span) -> Scope:
    """Convert a position, which comes back from Airflow as a list."""
    from weir.counts.scope import Scope

    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in span.items()}
    return Scope(**fields)


def told_span(span: Span) -> str:
    return "batches of rejected lines only" if span["barren"] else told(span["since"], span["until"])


def told(since: int | None, until: int | None) -> str:
    """Return a span's label."""
    from weir.times import iso

    return f"{iso(since) if since is not None else 'the beginning'} to {iso(until) if until is not None else 'now'}"
