"""What is done to Cassandra's files before it starts."""

from __future__ import annotations

from pathlib import Path

from weir.local.cassandra import BLOCK, drop_unwritten


def test_a_segment_that_a_full_disk_left_unwritten_is_removed_and_no_other(tmp_path: Path) -> None:
    for name, content in {
        "CommitLog-7-1.log": b"\0\0\0\7" + bytes(BLOCK),
        "CommitLog-7-2.log": bytes(2 * BLOCK),
        "CommitLog-7-3.log": b"",
        "CommitLog-7-4.log": bytes(2 * BLOCK) + b"x",
        "other.log": bytes(10),
    }.items():
        (tmp_path / name).write_bytes(content)
    drop_unwritten(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["CommitLog-7-1.log", "CommitLog-7-4.log", "other.log"]
    drop_unwritten(tmp_path / "none yet")
