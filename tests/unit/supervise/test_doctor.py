"""A table of damaged checkpoints: what is found in each, and what may be done about it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import of_source
from weir.ports.checkpoints import Folder
from weir.supervise.judge.doctor import Seen, examine
from weir.supervise.judge.lineage import disagreement, forgotten, usable

at = partial(of_source, "topic-a")  # offsets by partition

COMMIT = b'v1\n{"nextBatchWatermarkMs":0}'
OTHER = b'v1\n{"batchWatermarkMs":0}\n{"clicks":{"0":70}}'


def end(n: int) -> dict[int, int]:
    return at({0: 10 * n + 10, 1: n})


def offsets(n: int) -> bytes:
    return b'v1\n{"batchWatermarkMs":0}\n{"logs":{"0":%d,"1":%d}}' % (10 * n + 10, n)


def head(landed: int, attempt: int = 3) -> Head:
    """Attempt 3 has landed that batch; -1 for none."""
    new = replace(started(taken_over(first_head("counts", at({0: 0, 1: 0}), 1)), "i3"), attempt=attempt, by=attempt)
    if landed < 0:
        return new
    start = end(landed - 1) if landed else at({0: 0, 1: 0})
    before = replace(new, batch_id=landed - 1, start=start, end=start)
    return land(claim(before, Batch(landed, start, end(landed)), Totals(), Progress(), "v1", 5), 6)


def folder(**changes: bytes | None) -> Folder:
    """Batches 3 to 5 are planned, 3 and 4 committed. A change writes a file, or None removes it; `offsets_5` stands for offsets/5."""
    files = {f"offsets/{n}": offsets(n) for n in (3, 4, 5)} | {f"commits/{n}": COMMIT for n in (3, 4)}
    files |= {"metadata": b'{"id":"7f"}', "sources/0/0": b'\0v1\n{"logs":{"0":0,"1":0}}'}
    for name, data in changes.items():
        path = name.replace("_", "/")
        files.pop(path, None)
        if data is not None:
            files[path] = data
    read = {path: data for path, data in files.items() if not path.endswith((".tmp", ".crc"))}
    return Folder(1, 3, "memory://counts/1/3", {path: len(data) for path, data in files.items()}, read, writable=True)


def of(landed: int, **changes: bytes | None) -> Seen:
    return Seen(folder(**changes), head(landed), head(landed), "logs", None, 3)


RESTORED = "the head was restored from an older copy"
EMPTY = Folder(1, 3, "memory://counts/1/3", {}, {})
RESTART, REBUILD = "weir restart counts", "weir checkpoint counts --rebuild"
CASES: dict[str, tuple[Seen, list[tuple[str, str]], str]] = {
    "well, a batch is planned": (of(4), [], ""),
    "well, the planned batch has landed and is not committed": (of(5), [], ""),
    "an offsets file without content": (of(4, offsets_5=b""), [("offsets/5", "empty")], RESTART),
    "an offsets file of zeros": (of(4, offsets_5=b"\0" * 40), [("offsets/5", "empty")], RESTART),
    "an offsets file that is cut in its header": (of(4, offsets_5=b"v1"), [("offsets/5", "truncated")], RESTART),
    "an offsets file that is cut in its metadata": (of(4, offsets_5=b'v1\n{"batchWa'), [("offsets/5", "truncated")], RESTART),
    "an offsets file that is cut at its end": (of(4, offsets_5=offsets(5)[:-1]), [("offsets/5", "truncated")], RESTART),
    "an offsets file that is not JSON": (of(4, offsets_5=b"v1\n{}\n{no}"), [("offsets/5", "not JSON")], RESTART),
    "an offsets file of another kind": (of(4, offsets_5=b'v1\n{}\n{"logs":7}'), [("offsets/5", "not what Spark writes")], RESTART),
    "the planned batch landed, and its offsets are torn": (
        of(5, offsets_5=b""),
        [("", "it ends with batch 4, and batch 5 has landed"), ("offsets/5", "empty")],
        REBUILD,
    ),
    "a commit without content": (of(4, commits_4=b""), [("commits/4", "empty")], RESTART),
    "a commit without content, and nothing planned after": (of(4, commits_4=b"", offsets_5=None), [("commits/4", "empty")], RESTART),
    "a commit that is cut": (of(4, commits_4=COMMIT[:9], offsets_5=None), [("commits/4", "truncated")], RESTART),
    "no metadata": (of(4, metadata=None), [("", "the folder has nothing to continue from"), ("metadata", "missing")], REBUILD),
    "metadata without content": (of(4, metadata=b""), [("", "the folder has nothing to continue from"), ("metadata", "empty")], REBUILD),
    "metadata that is not JSON": (
        of(4, metadata=b"{7f}"),
        [("", "the folder has nothing to continue from"), ("metadata", "not JSON")],
        REBUILD,
    ),
    "an old file is gone": (of(4, offsets_3=None, offsets_2=offsets(2)), [("offsets/3", "missing in the sequence")], RESTART),
    "the batch before the last one is gone": (
        of(5, offsets_4=None),
        [("", "the folder has nothing to continue from"), ("offsets/4", "missing in the sequence")],
        REBUILD,
    ),
    "a commit is gone, and the next batch is planned": (
        of(4, commits_4=None),
        [("commits/4", "missing, and batch 5 is planned")],
        RESTART,
    ),
    "a commit whose offsets are gone": (
        of(4, offsets_5=None, commits_5=COMMIT),
        [("commits/5", "committed, but its offsets are missing")],
        RESTART,
    ),
    "left-over files": (
        of(4, **{"offsets/.6.af.tmp": b"v1", "commits/.4.crc": b"x"}),
        [("commits/.4.crc", "left over"), ("offsets/.6.af.tmp", "left over")],
        "nothing: it is never read",
    ),
    "offsets of another topic": (
        of(4, offsets_5=OTHER),
        [("", "it has read the topic clicks, and not logs"), ("offsets/5", "of the topic clicks")],
        REBUILD,
    ),
    "behind the ledger": (of(7), [("", "it ends with batch 5, and batch 7 has landed")], REBUILD),
    "ahead of the ledger": (of(2), [("", "it has committed batch 4, and the ledger of this epoch ends with 2")], REBUILD),
    "the same batch with other offsets": (
        of(4, offsets_4=offsets(3)),
        [("", "its batch 4 ends at 0: 40, 1: 3, the landed one at 0: 50, 1: 4")],
        REBUILD,
    ),
    "no folder, and something has landed": (replace(of(4), folder=EMPTY), [("", "the folder is missing, and batch 4 has landed")], REBUILD),
    "no folder, and nothing has landed": (replace(of(-1), folder=EMPTY), [], ""),
    "a folder that cannot be read": (
        replace(of(4), folder=replace(EMPTY, trouble={"": "Permission denied"})),
        [("", "cannot be read: Permission denied"), ("", "the folder has nothing to continue from"), ("metadata", "missing")],
        "",
    ),
    "a folder that cannot be written": (replace(of(4), folder=replace(folder(), writable=False)), [("", "cannot be written")], "give the"),
    "the head is older than the folders": (
        replace(of(4), highest=5),
        [("", "attempt 5 has a folder, and the head is at attempt 3: it was restored from an older copy")],
        RESTART,
    ),
    "the head is older than the ledger": (
        replace(of(4), kept=head(5)),
        [
            (
                "",
                f"the head ends with batch 4 of attempt 3, and the ledger with batch 5 of attempt 3: {RESTORED}",
            )
        ],
        REBUILD,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(name: str) -> None:
    seen, expected, action = CASES[name]
    found = examine(seen)
    assert [(f.path, f.what) for f in found] == expected
    assert all(f.action.startswith(action) for f in found if f.what not in ("cannot be read: Permission denied",))
    assert all(f.harmless == (f.what == "left over") for f in found)


def test_a_first_batch_that_began_elsewhere_is_not_gone_on_from() -> None:
    files = {"metadata": b'{"id":"7f"}', "offsets/0": offsets(0), "sources/0/0": b'\0v1\n{"logs":{"0":0,"1":0}}'}
    fresh = replace(folder(), contents=files)
    elsewhere = replace(head(-1), start=at({0: 5, 1: 0}), end=at({0: 5, 1: 0}))
    assert disagreement(usable(fresh), head(-1), "logs") == ""
    assert disagreement(usable(fresh), elsewhere, "logs") == "it began at 0: 0, 1: 0, and the epoch at 0: 5, 1: 0"


def test_a_damaged_beginning_is_left_out_of_the_copy_and_named_while_it_matters() -> None:
    files = {"metadata": b'{"id":"7f"}', "offsets/0": offsets(0), "sources/0/0": b""}
    fresh = replace(folder(), contents=files, sizes={path: len(data) for path, data in files.items()})
    plans = usable(fresh)
    assert plans is not None and "sources/0/0" not in plans.contents
    assert [(f.path, f.what) for f in examine(Seen(fresh, head(-1), head(-1), "logs"))] == [("sources/0/0", "empty")]
    assert examine(of(4, sources_0_0=b"")) == []


def test_a_driver_that_lands_while_the_folder_is_read_is_neither_behind_nor_ahead() -> None:
    assert examine(replace(of(4), after=head(9))) == []
    assert examine(replace(of(4), before=head(2))) == []


def test_what_is_kept_is_what_spark_starts_from() -> None:
    long = {f"offsets/{n}": offsets(n) for n in range(6)} | {f"commits/{n}": COMMIT for n in range(5)}
    plans = usable(replace(folder(), contents={"metadata": b"{}", **long}))
    assert plans is not None and (plans.newest, plans.committed) == (5, 4)
    assert plans.contents.keys() == {"metadata", *(f"offsets/{n}" for n in (3, 4, 5)), *(f"commits/{n}" for n in (3, 4))}


def test_a_folder_that_never_planned_leads_on_only_where_nothing_has_landed() -> None:
    plans = usable(replace(folder(), contents={"metadata": b'{"id":"7f"}'}))
    assert plans is not None and plans.newest == -1
    assert disagreement(plans, head(-1), "logs") == ""
    assert disagreement(plans, head(0), "logs") == "it ends with batch -1, and batch 0 has landed"


def test_a_head_is_older_than_the_ledger_only_if_a_later_batch_is_there() -> None:
    assert forgotten(head(4), None) == forgotten(head(4), head(4)) == forgotten(head(4), head(3)) == ""
    assert "restored" in forgotten(head(4), replace(head(0), by=5))
