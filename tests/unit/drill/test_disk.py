"""How large the small file system of F13 must be, so that a server finds all its files there, and some room."""

from __future__ import annotations

import shutil
from pathlib import Path

from drill.disk import size_mib

MIB = 1024 * 1024


def test_holes_count_since_copies_fill_them(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    (folder / "logs-0").mkdir(parents=True)
    (folder / "logs-0" / "0.log").write_bytes(bytes(MIB + 1))
    with (folder / "logs-0" / "0.index").open("wb") as index:
        index.truncate(10 * MIB)
    shutil.copytree(folder, copy)
    taken = sum(file.stat().st_blocks * 512 for file in copy.rglob("*") if file.is_file())
    assert size_mib(folder) == 12 and taken <= 12 * MIB
