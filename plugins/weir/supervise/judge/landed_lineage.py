"""Choose what an attempt of a landed job continues from: the plans of head and ledger, byte for byte, and state of the right version. Pure.

A batch is repeated with the ranges that were claimed or that landed. Commits and state come from a checkpoint folder. Its own plans only
show whether its state is that of the landed batches: an older driver may have evaluated another plan that never landed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from spark_jobs.protocol.head import Head, State
from spark_jobs.sources.offsets import NO_FOLDERS, Folders, by_name, with_offsets
from weir.ports.checkpoints import Folder
from weir.supervise.judge.lineage import is_commit, is_metadata

SOURCES = "sources/"
COMMIT = b'v1\n{"nextBatchWatermarkMs":0}'  # Spark's commit of a batch without state


@dataclass(frozen=True)
class Continuation:
    """A way to continue: the files to write into the new folder, and the version of the state that the next batch reads."""

    contents: Mapping[str, bytes]
    version: int


def continuations(
    folder: Folder, head: Head, before: Head | None, topic: str = "", folders: Folders = NO_FOLDERS
) -> Iterator[Continuation]:
    """Yield the ways to continue the head's epoch from a folder, the best first; none if the folder's state may be that of other batches.

    The head must have a batch, or continue from one. `before` is the landed batch before the head's, or the one that the epoch continues
    from. `folders` are the spec's, by the position of the source. A landed batch of a job that reads folders and has no state is not
    repeated: its files may be gone.
    """
    plans = _plans(head, before, topic, folders)
    known = {n: {plan} for n, plan in plans.items()}
    if before is not None:
        known[before.batch_id].add(before.plan)  # as its own epoch has it
    commits = {n for n in known if n <= head.last_landed and committed(folder, n, known[n])}
    needs_no_repeat = head.state is State.LANDED and head.reads_folders and not head.stateful
    if needs_no_repeat and _planned(folder, head.batch_id, known.get(head.batch_id, ())):
        commits |= {head.batch_id}
    if head.state is State.LANDED and head.batch_id in commits:
        yield _continuation(folder, head, plans, commits, head.batch_id + 1)
    if head.has_batch:  # the claimed batch, or the landed one again, since Spark's commit of it was lost
        commits -= {head.batch_id}
        if not head.stateful or head.batch_id == 0 or _evaluated_as_landed(folder, before, commits):
            yield _continuation(folder, head, plans, commits, head.batch_id)


def committed(folder: Folder, batch: int, plans: Collection[bytes]) -> bool:
    """Return whether Spark has committed the batch in this folder, by one of these plans.

    A commit alone is not enough: after the store was restored from an older copy, two folders may have different batches of one number.
    """
    return is_commit(folder.numbered("commits").get(batch, b"")) and _planned(folder, batch, plans)


def _planned(folder: Folder, batch: int, plans: Collection[bytes]) -> bool:
    """Return whether the folder has one of these plans for the batch, and so its lists of files: other attempts may list other files."""
    return folder.numbered("offsets").get(batch) in plans


def _plans(head: Head, before: Head | None, topic: str, folders: Folders) -> Mapping[int, bytes]:
    """Return the plan of the head's batch, and that of the batch before."""
    own = {head.batch_id: head.plan} if head.has_batch else {}
    if before is None:
        return own
    if before.epoch == head.epoch:
        return {before.batch_id: before.plan, **own}
    began = by_name(head.start, head.names or {head.topic_id: topic})
    return {before.batch_id: with_offsets(before.plan, began, folders), **own}  # offsets may have been left out between the epochs


def _evaluated_as_landed(folder: Folder, before: Head | None, commits: set[int]) -> bool:
    """Return whether the folder's state after the batch `before` is that of the landed batch."""
    return before is not None and (before.batch_id in commits or _planned(folder, before.batch_id, {before.plan}))


def _continuation(folder: Folder, head: Head, plans: Mapping[int, bytes], commits: set[int], version: int) -> Continuation:
    files = folder.contents
    metadata = files.get("metadata", b"")
    fresh = b'{"id":"%s"}' % str(uuid5(NAMESPACE_OID, f"{head.job} {head.epoch}")).encode()
    return Continuation(
        {
            "metadata": metadata if is_metadata(metadata) else fresh,
            **{path: data for path, data in files.items() if path.startswith(SOURCES)},
            **{f"offsets/{n}": plan for n, plan in plans.items()},
            **{f"commits/{n}": files.get(f"commits/{n}", COMMIT) for n in commits},
        },
        version,
    )
