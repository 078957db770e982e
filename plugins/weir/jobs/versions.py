"""The deployed versions of a job: which are good, which are kept, and which one a prefix names. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from spark_jobs.protocol.head import Head, landed
from weir.errors import BadSpec, NotKept
from weir.jobs.spec import JobSpec, parse
from weir.ports.attempts import AttemptRow
from weir.ports.jobs import VersionRow

KEEP = 10  # bundles of a job: each is a copy of the jobs' code, 0.1 MB


def with_good(rows: Sequence[VersionRow], head: Head | None, attempts: Sequence[AttemptRow]) -> list[VersionRow]:
    """Mark versions as good, too, of which an attempt has landed a batch: nothing may have waited for them to become ready."""
    good = landed_versions(head, attempts)
    return [replace(row, good=row.good or row.version in good) for row in rows]


def landed_versions(head: Head | None, attempts: Sequence[AttemptRow]) -> set[str]:
    if head is None:
        return set()
    spans = landed(head, {a.attempt: (a.epoch, a.first_batch) for a in attempts if a.first_batch >= 0}).spans
    return {a.version for a in attempts if a.attempt in spans and a.version}


def named(job: str, rows: Sequence[VersionRow], kept: Collection[str], text: str) -> VersionRow:
    """Return the kept version that begins with `text`. Raises NotKept if there is none, or more than one."""
    found = [row for row in rows if text and row.version.startswith(text)]
    there = ", ".join(row.version for row in rows if row.version in kept) or "none"
    if len(found) > 1:
        raise NotKept(f"{len(found)} versions of {job} begin with {text}.", f"Kept: {there}.")
    if not found:
        raise NotKept(f"{job} was never deployed with version {text or '(empty)'}.", f"Kept: {there}.")
    if found[0].version not in kept:
        raise NotKept(f"The code of version {found[0].version} of {job} is no longer kept.", f"Kept: {there}.")
    return found[0]


def droppable(rows: Sequence[VersionRow], attempts: Sequence[AttemptRow], current: str) -> list[str]:
    """Return the versions whose code is no longer needed; `rows` are newest first.

    Needed are the current one, the last good one before it, those of the last two drivers, and the newest KEEP.
    """
    last_good = next((row.version for row in rows if row.good and row.version != current), current)
    needed = {current, last_good, *[a.version for a in attempts if a.used][:2], *(row.version for row in rows[:KEEP])}
    return [row.version for row in rows if row.version not in needed]


def readable(rows: Sequence[VersionRow]) -> Iterator[tuple[str, JobSpec]]:
    """Yield the specs of the versions, except those that another version of Weir stored in another form."""
    for row in rows:
        with suppress(BadSpec):
            yield row.version, parse(row.spec, f"version {row.version}")
