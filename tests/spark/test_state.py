"""State that survives a takeover: queries killed with `kill -9`, their folders copied at what they had committed, and continued there.

What they give must be what plain Python computes from the same files. The folder of the killed attempt is deleted before the next one runs.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.spark.processes import running
from tests.spark.stateful import QUERIES
from weir.cluster.checkpoints import CheckpointFolders
from weir.supervise.judge.lineage import is_commit

STATEFUL = "tests.spark.stateful"
ALL = bool(os.environ.get("WEIR_ALL_STATE"))
FILES, ROWS, KEYS = 20, 30, 11
WITHIN_S = 900.0
Rows = list[dict[str, Any]]


def fill(home: Path) -> dict[str, Rows]:
    """Write the files that the queries read; what is in them, by folder. Some rows of `b` have a partner in a much earlier file of `a`."""
    dice = random.Random(7)
    made: dict[str, Rows] = {"a": [], "b": []}
    for n in range(FILES):
        a = [{"k": f"k{dice.randrange(KEYS)}", "v": n * ROWS + i, "t": f"2026-01-01T00:{n:02}:00Z"} for i in range(ROWS)]
        made["a"] += a
        b = [{**dice.choice(made["a"]), "t": f"2026-01-01T00:{n:02}:30Z"} for _ in range(5)]
        made["b"] += b
        for folder, rows in (("a", a), ("b", b)):
            path = home / folder / f"{n:03}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            os.utime(path, (1_700_000_000 + n,) * 2)
    return made


def committed(folders: CheckpointFolders, query: str, attempt: int) -> int:
    commits = folders.read(query, 1, attempt).numbered("commits")
    return max((n for n, data in commits.items() if is_commit(data)), default=-1)


def taken_over(folders: CheckpointFolders, query: str, attempt: int) -> str:
    """Copy an attempt's folder for the next attempt, as a takeover does."""
    return folders.copy(query, (1, attempt), (1, attempt + 1), *plans(folders, query, attempt), stateful=True)


def plans(folders: CheckpointFolders, query: str, attempt: int) -> tuple[Mapping[str, bytes], int]:
    """Return the files that say what was committed and planned, and the version of the state that the next batch reads."""
    found, last = folders.read(query, 1, attempt), committed(folders, query, attempt)
    kept = {f"offsets/{n}" for n in (last - 1, last, last + 1)} | {f"commits/{n}" for n in (last - 1, last)}
    return {path: data for path, data in found.contents.items() if path in kept or path == "metadata"}, last + 1


def until(condition: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.05)


def given(home: Path, query: str) -> Rows:
    """Return what the batches of a query gave, in their order."""
    files = sorted((home / "out" / query).glob("*.json"), key=lambda path: int(path.stem))
    return [row for path in files for row in json.loads(path.read_text())]


def expected(query: str, made: Mapping[str, Rows]) -> Any:
    by_key = {k: sorted(row["v"] for row in made["a"] if row["k"] == k) for k in {row["k"] for row in made["a"]}}
    match query:
        case "sums":
            return {k: (len(values), sum(values)) for k, values in by_key.items()}
        case "distinct":
            return Counter(by_key.keys())
        case "pairs":
            return Counter((a["k"], a["v"]) for a in made["a"] for b in made["b"] if (a["k"], a["v"]) == (b["k"], b["v"]))
        case _:
            return {k: (len(values), values[-3:]) for k, values in by_key.items()}


def seen(query: str, rows: Rows) -> Any:
    match query:
        case "sums":
            return {row["k"]: (row["n"], row["v"]) for row in rows}
        case "distinct":
            return Counter(row["k"] for row in rows)
        case "pairs":
            return Counter((row["k"], row["v"]) for row in rows)
        case _:
            return {row["k"]: (row["n"], row["values"]) for row in rows}


EACH = [
    "heap",
    *(pytest.param(name, marks=pytest.mark.skipif(not ALL, reason="make test-state")) for name in ("changelog", "rocksdb", "python")),
]


@pytest.mark.parametrize("provider", EACH)
def test_state_survives_kills(provider: str, tmp_path: Path) -> None:
    made, queries = fill(tmp_path), QUERIES[provider]
    folders = CheckpointFolders(str(tmp_path / "checkpoints"))
    for attempt, goal in ((1, 4), (2, 7)):
        with running(STATEFUL, tmp_path, attempt, provider) as process:
            until(lambda a=attempt, g=goal: all(committed(folders, q, a) >= g for q in queries), process, tmp_path / f"{attempt}.log")
            os.killpg(process.pid, signal.SIGKILL)
        for query in queries:
            assert committed(folders, query, attempt) < FILES - 1, "killed too late to show anything"
            if attempt == 1:
                damaged_copies_are_refused(folders, query, attempt, tmp_path)
            assert taken_over(folders, query, attempt) == ""
            shutil.rmtree(tmp_path / "checkpoints" / query / "epoch-1" / f"attempt-{attempt}")
    with running(STATEFUL, tmp_path, 3, provider) as process:
        assert process.wait(WITHIN_S) == 0, (tmp_path / "3.log").read_text()[-3000:]
    for query in queries:
        assert seen(query, given(tmp_path, query)) == expected(query, made), query


def damaged_copies_are_refused(folders: CheckpointFolders, query: str, attempt: int, home: Path) -> None:
    """Cut off and remove each file of the state that a copy has, in turn: the copy must be refused, or do with an older snapshot."""
    contents, version = plans(folders, query, attempt)
    assert folders.copy(query, (1, attempt), (9, 1), contents, version, stateful=True) == ""
    needed = folders.read(query, 9, 1).sizes.keys() - contents.keys()
    assert any(path.startswith("state/0/1") for path in needed)
    folder = home / "checkpoints" / query / "epoch-9" / "attempt-1"
    for path in sorted(needed):
        file = folder / path
        whole, optional = file.read_bytes(), path.endswith((".crc", "_metadata/schema"))
        for damaged in (None, whole[: len(whole) // 2], whole[:-1]):
            file.unlink()  # the original has the same file under another name
            if damaged is not None:
                file.write_bytes(damaged)
            why = folders.copy(query, (9, 1), (9, 2), contents, version, stateful=True)
            assert why or (damaged is None and optional), path
            named = path.replace("/.", "/").removesuffix(".crc")
            assert not why or re.sub(r"/(SSTs|v2)$", "", named.rpartition("/")[0]) in why, (path, why)
            folders.forget(query, 9, [2])
            file.unlink(missing_ok=True)
            file.write_bytes(whole)
    folders.forget(query, 9, [1])
