"""Read a job's book and write it back by compare-and-set, so that only one of two simultaneous decisions takes effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from weir.alerts import ledger
from weir.alerts.book import Book
from weir.alerts.store import DecisionStore
from weir.errors import Conflict
from weir.ports.alerts import AlertStore, Booked

TRIES = 50  # a try fails only if another decision or delivery was written meanwhile


def open_book(store: AlertStore, job: str) -> tuple[Booked | None, Book]:
    """Return the row and its book; an empty book for a job that has none."""
    row = store.book(job)
    return row, Book.from_json(row.record) if row else Book(job)


def write(store: AlertStore, row: Booked | None, new: Book) -> Book | None:
    """Write the book with its next revision and return it; None if another process wrote meanwhile."""
    numbered = replace(new, revision=(row.revision if row else 0) + 1)
    return numbered if store.set_book(new.job, row, Booked(numbered.revision, numbered.to_json())) else None


def change(store: DecisionStore, job: str, step: Callable[[Book], Book]) -> Book:
    """Apply a pure step to the book, again if another process writes meanwhile. Write nothing if nothing changes. Raises Conflict."""
    for _ in range(TRIES):
        row, book = open_book(store, job)
        new = step(book)
        if new == book:
            return book
        if (new.noted, new.marks) != (book.noted, book.marks):
            ledger.flush(store, book)
        if (written := write(store, row, new)) is not None:
            return written
    raise Conflict(f"Other processes kept changing the alerts of {job}.", "Try again.")
