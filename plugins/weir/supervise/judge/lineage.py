"""Judge whether an attempt can start from a checkpoint folder and continue from what has landed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spark_jobs.protocol.head import Head, Offsets, extended, is_behind, joins
from spark_jobs.protocol.partition import labels
from spark_jobs.sources.offsets import NO_FOLDERS, Folders, Named, by_id, by_name, parse_plan, parse_source, shown, with_ends
from weir.ports.checkpoints import Folder

FIRST = "sources/0/0"  # where the source was when Spark first saw it
KEEP_BATCHES = 3  # the last committed one, the planned one, and one more


@dataclass(frozen=True)
class Plans:
    """The part of a checkpoint folder that Spark can start from."""

    contents: Mapping[str, bytes]  # the files to copy, by path
    planned: Mapping[int, Named]  # where each planned batch ends, by topic name
    committed: int  # the last committed batch, -1 for none
    began: Named | None  # where the source was when Spark first saw it; None: unknown

    @property
    def newest(self) -> int:
        """Return the last planned batch, -1 for none."""
        return max(self.planned, default=-1)

    def shown(self, batch: int) -> Mapping[str, int]:
        """Return where a planned batch ends, with labels: by partition, or by topic and partition if there are several topics."""
        return shown(self.planned[batch])


def usable(folder: Folder, folders: Folders = NO_FOLDERS) -> Plans | None:
    """Return the part of a folder that Spark can start from, or None if there is none. `folders` are the spec's, by position of the source.

    Torn files (a copy beside a writer, a power cut) are dropped from the end; what is kept is a committed batch, the one before it, and at
    most one planned after it. With nothing planned at all, a folder is usable only if its metadata is whole.
    """
    if not is_metadata(folder.contents.get("metadata", b"")):
        return None
    whole = {n: plan for n, data in folder.numbered("offsets").items() if (plan := parse_plan(data, folders)) is not None}
    commits = {n for n, data in folder.numbered("commits").items() if n in whole and is_commit(data)}
    committed = max(commits, default=-1)
    if committed < 0 and set(folder.numbered("offsets")) - {0}:
        return None  # at most the first batch may have been planned
    planned = {n: plan for n, plan in whole.items() if committed - 1 <= n <= committed + 1}
    newest = max(planned, default=0)
    if newest and newest - 1 not in planned:
        return None  # Spark does not start without the batch before the last one
    began = initial(folder.contents.get(FIRST, b""))
    names = ["metadata", *([FIRST] if began is not None else []), *(f"offsets/{n}" for n in planned)]
    names += [f"commits/{n}" for n in commits if n in planned]
    return Plans({name: folder.contents[name] for name in names}, planned, committed, began)


def with_sources(plans: Plans | None, head: Head) -> Plans | None:
    """Add the topics that have joined the job since the plans were written.

    Spark assumes that an unknown topic begins at 0, and refuses one that does not. So the files say that it was read up to where it begins.
    """
    if plans is None or not head.begins:
        return plans
    ids = head.ids("")

    def joined(named: Named) -> Named:
        return by_name(extended(by_id(named, ids), head), head.names) if named.keys() <= ids.keys() else named

    planned = {n: joined(named) for n, named in plans.planned.items()}
    began = None if plans.began is None else joined(plans.began)
    files = {f"offsets/{n}": with_ends(plans.contents[f"offsets/{n}"], named) for n, named in planned.items()}
    first = {FIRST: with_ends(plans.contents[FIRST], began)} if began is not None else {}
    return replace(plans, contents={**plans.contents, **files, **first}, planned=planned, began=began)


def disagreement(plans: Plans | None, head: Head, topic: str) -> str:
    """Return why an attempt must not continue from a folder; empty if the folder continues exactly from what has landed."""
    if plans is None:
        return "the folder has nothing to continue from"
    ids = head.ids(topic)
    others = {name for named in plans.planned.values() for name in named} - ids.keys()
    last, landed = plans.newest, head.last_landed
    if others:
        return f"it has read the topic {', '.join(sorted(others))}, and not {', '.join(sorted(ids))}"
    if last < landed:
        return f"it ends with batch {last}, and batch {landed} has landed"
    if plans.committed > landed:
        return f"it has committed batch {plans.committed}, and the ledger of this epoch ends with {landed}"
    if landed >= 0:
        end = by_id(plans.planned[landed], ids)
        return "" if joins(end, head.frontier) else f"its batch {landed} ends at {_text(end)}, the landed one at {_text(head.frontier)}"
    began = by_id(plans.began, ids) if plans.began is not None and plans.began.keys() <= ids.keys() else None
    if last == 0 and began is not None and not joins(began, head.frontier):
        return f"it began at {_text(began)}, and the epoch at {_text(head.frontier)}"
    return ""


def forgotten(head: Head, kept: Head | None) -> str:
    """Return how far the head is behind the ledger, if it was restored from an older copy; empty if it is not behind."""
    if kept is None or not is_behind(head, kept):
        return ""
    ends = (
        f"the head ends with batch {head.last_landed} of attempt {head.by}, and the ledger with batch {kept.batch_id} of attempt {kept.by}"
    )
    return f"{ends}: the head was restored from an older copy"


def is_commit(data: bytes) -> bool:
    """Return whether a `commits/N` file is whole."""
    lines = data.decode(errors="replace").splitlines()
    return lines[:1] == ["v1"] and (len(lines) == 1 or _is_json(lines[1]))


def is_metadata(data: bytes) -> bool:
    return _is_json(data.decode(errors="replace"))


def initial(data: bytes) -> Named | None:
    """Return the offsets in `sources/0/0`: a zero byte, `v1`, and the source's JSON. None if the file is not whole."""
    lines = data.removeprefix(b"\0").decode(errors="replace").splitlines()
    try:
        return parse_source(lines[1]) if lines[:1] == ["v1"] else None
    except (IndexError, ValueError, AttributeError, TypeError):
        return None


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _text(offsets: Offsets) -> str:
    return ", ".join(f"{label}: {offsets[p]}" for p, label in labels(offsets).items())
