"""Reading a job's book and writing it back: one compare-and-set, so that of two who decide at once only one has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from weir.alerts import ledger
from weir.alerts.book import Book
from weir.errors import Conflict
from weir.ports.alerts import Booked
from weir.ports.jobs import JobStore

TRIES = 50  # each is lost only to somebody else's decision or delivery


def open_book(store: JobStore, job: str) -> tuple[Booked | None, Book]:
    """The row, and the book in it; an empty one for a job that has none."""
    row = store.book(job)
    return row, Book.from_json(row.record) if row else Book(job)


def write(store: JobStore, row: Booked | None, new: Book) -> Book | None:
    """The book with its next revision, once it stands; None if somebody else wrote meanwhile."""
    numbered = replace(new, revision=(row.revision if row else 0) + 1)
    return numbered if store.set_book(new.job, row, Booked(numbered.revision, numbered.to_json())) else None


def change(store: JobStore, job: str, step: Callable[[Book], Book]) -> Book:
    """Change a book by a pure step, anew if somebody else writes meanwhile. A step that changes nothing writes nothing. Raises Conflict."""
    for _ in range(TRIES):
        row, book = open_book(store, job)
        new = step(book)
        if new == book:
            return book
        if (new.noted, new.marks) != (book.noted, book.marks):
            ledger.flush(store, book)
        if (written := write(store, row, new)) is not None:
            return written
    raise Conflict(f"The alerts of {job} kept being changed by others.", "Try again.")
