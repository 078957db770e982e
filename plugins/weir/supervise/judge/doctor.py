"""Find damage in a checkpoint folder, file by file, each with the safe action. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from spark_jobs.protocol.head import Head
from spark_jobs.sources.offsets import Folders, parse_plan
from weir.ports.checkpoints import Folder
from weir.supervise.judge.lineage import disagreement, forgotten, initial, is_commit, is_metadata, usable

LEFT_OVER = re.compile(r"^(?!state/).*(\.tmp|\.crc)$|\.copying/")  # checksums of state files are read
LEAVE = "nothing: it is never read"


@dataclass(frozen=True)
class Finding:
    """A finding: the file, what is wrong, and the safe action. A harmless one does not prevent a start."""

    path: str
    what: str
    action: str
    harmless: bool = False


@dataclass(frozen=True)
class Seen:
    """The input. `before` and `after` are the head before and after the folder was read, since a driver may be running.

    `topic` is the one that the spec names, `kept` the newest row of the ledger, `highest` the highest attempt that has a folder, and
    `folders` are those that the spec names, by the position of the source.
    """

    folder: Folder
    before: Head
    after: Head
    topic: str
    kept: Head | None = None
    highest: int = 0
    folders: Folders = field(default_factory=dict)


def examine(seen: Seen) -> list[Finding]:
    """Return all findings, worst first."""
    folder, job = seen.folder, seen.after.job
    if not folder.exists:
        return [*_forgotten(seen), *([_missing(seen)] if seen.before.last_landed >= 0 else [])]
    why = _misfit(seen)
    fix = f"weir checkpoint {job} --rebuild: a new epoch begins where the ledger ends" if why else _restart(job)
    found = [*_forgotten(seen), *_closed(folder), *([Finding("", why, fix)] if why else [])]
    found += [
        Finding(path, what, fix) for path, what in (*_damaged(folder, seen.after.ids(seen.topic).keys(), seen.folders), *_gaps(folder))
    ]
    return found + [Finding(path, "left over", LEAVE, harmless=True) for path in sorted(folder.sizes) if LEFT_OVER.search(path)]


def _restart(job: str) -> str:
    return f"weir restart {job}: whole files are copied, and missing batches are done again"


def _missing(seen: Seen) -> Finding:
    job = seen.after.job
    action = f"weir checkpoint {job} --rebuild: a new epoch begins where the ledger ends"
    return Finding("", f"the folder is missing, and batch {seen.before.last_landed} has landed", action)


def _misfit(seen: Seen) -> str:
    """Judge "behind" by the head before and "ahead" by the head after, so that batches landed meanwhile count as neither."""
    plans = usable(seen.folder, seen.folders)
    before = disagreement(plans, seen.before, seen.topic)
    return before if before and disagreement(plans, seen.after, seen.topic) else ""


def _forgotten(seen: Seen) -> Iterator[Finding]:
    if why := forgotten(seen.after, seen.kept):
        yield Finding("", why, f"weir checkpoint {seen.after.job} --rebuild: a new epoch begins where the ledger ends")
    if seen.highest > seen.after.attempt:
        what = f"attempt {seen.highest} has a folder, and the head is at attempt {seen.after.attempt}: it was restored from an older copy"
        yield Finding("", what, f"weir restart {seen.after.job}: the next attempt is {seen.highest + 1}")


def _closed(folder: Folder) -> Iterator[Finding]:
    for path, why in sorted(folder.trouble.items()):
        yield Finding(path, f"cannot be read: {why}", "give the drivers' user read access, then run the doctor again")
    if folder.writable is False:
        yield Finding("", "cannot be written", "give the drivers' user write access, then run the doctor again")


def _damaged(folder: Folder, topics: Collection[str], folders: Folders) -> Iterator[tuple[str, str]]:
    files = folder.contents
    metadata = files.get("metadata")
    if metadata is None and "metadata" not in folder.trouble:
        yield "metadata", "missing"
    elif metadata is not None and not is_metadata(metadata):
        yield "metadata", _damage(metadata, 1)
    for n, data in sorted(folder.numbered("offsets").items()):
        plan = parse_plan(data, folders)
        if plan is None or plan.keys() - set(topics):
            yield f"offsets/{n}", f"of the topic {', '.join(sorted(plan.keys() - set(topics)))}" if plan else _damage(data, 3)
    for n, data in sorted(folder.numbered("commits").items()):
        if not is_commit(data):
            yield f"commits/{n}", _damage(data, 2)
    began = files.get("sources/0/0")
    if began is not None and 0 not in folders and initial(began) is None and not folder.numbered("commits"):
        yield "sources/0/0", _damage(began.removeprefix(b"\0"), 2)


def _damage(data: bytes, lines: int) -> str:
    """Return what is wrong with a file that should have so many lines, the last ones JSON; empty if nothing."""
    if not data.strip(b"\0 \r\n"):
        return "empty"
    found = data.decode(errors="replace").splitlines()
    if len(found) < lines:
        return "truncated"
    for line in found[1 if lines > 1 else 0 :]:
        try:
            json.loads(line)
        except json.JSONDecodeError as error:
            return "truncated" if error.pos >= len(line.rstrip()) or "Unterminated" in error.msg else "not JSON"
    return "not what Spark writes"


def _gaps(folder: Folder) -> Iterator[tuple[str, str]]:
    offsets, commits = folder.numbered("offsets"), folder.numbered("commits")
    for kind, numbers in (("offsets", offsets), ("commits", commits)):
        for n in _between(sorted(numbers)):
            if f"{kind}/{n}" not in folder.trouble:
                yield f"{kind}/{n}", "missing in the sequence"
    for n in sorted(commits.keys() - offsets.keys()):
        if not min(offsets, default=n) < n < max(offsets, default=n):
            yield f"commits/{n}", "committed, but its offsets are missing"
    if offsets and max(offsets) > max(commits, default=-1) + 1:
        yield f"commits/{max(offsets) - 1}", f"missing, and batch {max(offsets)} is planned"


def _between(numbers: Sequence[int]) -> list[int]:
    """Find what is missing between the first and the last batch."""
    return sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers else []
