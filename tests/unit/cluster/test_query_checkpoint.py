"""What is read from a query's checkpoint: files as pyspark 4.2 writes them, torn anywhere, and several queries below one folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.cluster import query_folders
from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.query_checkpoint import ends_of, progress_of
from weir.ports.checkpoints import Ends, QueryProgress

META = '{"batchWatermarkMs":0,"batchTimestampMs":1795920659815,"conf":{"spark.sql.shuffle.partitions":"2"}}'
COMMIT = b'v1\n{"nextBatchWatermarkMs":0}'
COMMIT_2 = b'v2\n{"nextBatchWatermarkMs":0,"stateUniqueIds":{"0":[["61ffb755-aac6-4a10-bde6-4a7c62f14806"]]}}'
OTHERS = [
    "7",
    '{"logOffset":0}',
    "-",
    '{"sourceVersion":1,"reservoirVersion":3,"index":0}',
    "[1,2]",
]  # rate, files, none yet, Delta, a list


def plan(*sources: str, version: str = "v1") -> bytes:
    return "\n".join([version, META, *sources]).encode()


def kafka(ends: Ends) -> str:
    return json.dumps({topic: {str(p): end for p, end in partitions.items()} for topic, partitions in ends.items()})


topics = st.text("abcdefghij.-_0123456789", min_size=1, max_size=8)
kafka_ends = st.dictionaries(
    topics, st.dictionaries(st.integers(0, 50), st.integers(0, 2**62), min_size=1, max_size=3), min_size=1, max_size=3
)


@pytest.mark.parametrize(
    ("sources", "ends"),
    [
        (['{"words":{"0":49,"1":53}}'], {"words": {0: 49, 1: 53}}),
        (['{"words":{"0":49}}', '{"words2":{"0":48,"1":55}}'], {"words": {0: 49}, "words2": {0: 48, 1: 55}}),
        (['{"a":{"0":9,"1":2}}', '{"a":{"0":4,"1":3}}'], {"a": {0: 4, 1: 2}}),  # a self-join reads it twice
        (['{"a":{"0":9},"b":{"0":1}}', "7", "-"], {"a": {0: 9}, "b": {0: 1}}),
        (['{"logOffset":0}'], {}),
        (["7"], {}),
        (["-", "-"], {}),
        ([], None),
        (['{"words":{"0":49,"1":5'], None),
        (["7", ""], None),
    ],
)
def test_what_the_sources_of_a_plan_say(sources: list[str], ends: Ends | None) -> None:
    assert ends_of(plan(*sources)) == ends
    named = [f"source_{n}:{source}" if source else "" for n, source in enumerate(sources)]
    assert ends_of(plan(*named, version="v2")) == ends


def test_where_a_kafka_source_began() -> None:
    began = b'\0v1\n{"words":{"0":0,"1":7}}'
    assert ends_of(began) == {"words": {0: 0, 1: 7}}
    assert progress_of("", {}, {}, {}, [began]).committed_ends == {"words": {0: 0, 1: 7}}
    assert progress_of("", {}, {}, {}, [began, began[:-3]]).committed_ends is None


@given(kafka_ends, st.lists(st.sampled_from(OTHERS), max_size=3), st.booleans(), st.data())
def test_sources_of_all_sorts_stand_in_one_plan(ends: Ends, others: list[str], named: bool, data: st.DataObject) -> None:
    lines = data.draw(st.permutations([*(kafka({topic: partitions}) for topic, partitions in ends.items()), *others]))
    if named:
        lines = [f"s{n}:{line}" for n, line in enumerate(lines)]
    assert ends_of(plan(*lines, version="v2" if named else "v1")) == ends


@given(kafka_ends, st.data())
def test_a_plan_that_was_torn_tells_no_end_that_it_did_not_have(ends: Ends, data: st.DataObject) -> None:
    whole = plan("7", *(kafka({topic: partitions}) for topic, partitions in ends.items()))
    torn = ends_of(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert torn is None or (torn.items() <= ends.items() and torn != ends)


@given(
    st.dictionaries(st.integers(0, 30), st.sampled_from([COMMIT, COMMIT_2, b"", b"v1", COMMIT[:-1], b"\xff\0"])),
    st.sets(st.integers(0, 30)),
)
def test_what_is_committed_was_written_whole(commits: dict[int, bytes], planned: set[int]) -> None:
    plans = {batch: plan(kafka({"a": {0: batch}})) for batch in planned}
    found = progress_of("q", plans, commits, {batch: 1000 + batch for batch in commits})
    whole = {batch for batch, data in commits.items() if data in (COMMIT, COMMIT_2)}
    assert found.committed == max(whole, default=-1)
    assert found.planned == max(whole | planned, default=-1)
    assert found.committed_at == (1000 + found.committed if whole else 0)
    assert found.committed_ends == ({"a": {0: found.committed}} if found.committed in planned else None)
    assert found.uncommitted == (found.planned if found.planned not in whole else -1)


@given(st.binary(max_size=60))
def test_no_bytes_do_harm(data: bytes) -> None:
    ends_of(data)
    progress_of("q", {3: data}, {3: data}, {3: 1}, [data], data)


# in folders


def write(base: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_bytes(data)


def query(batches: int, committed: int, topic: str = "words") -> dict[str, bytes]:
    plans = {f"offsets/{n}": plan(kafka({topic: {0: n * 10}})) for n in range(batches)}
    return {"metadata": b'{"id":"7f"}', **plans, **{f"commits/{n}": COMMIT for n in range(committed)}}


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{path}": data for path, data in files.items()}


def test_queries_lie_anywhere_below_and_in_the_folder_itself(tmp_path: Path) -> None:
    place = CheckpointFolders(str(tmp_path))
    where = place.location("fraud", 3)
    home = tmp_path / "fraud" / "epoch-3" / "shared"
    write(home, {**query(120, 119), **below("enrich/one", query(1, 0, "a")), **below("two", query(3, 3, "b"))})
    write(home, {"state/0/0/offsets/9": b"no query", "_hidden/offsets/9": b"", "out/day=3/offsets/9": b""})
    os.utime(home / "two" / "commits" / "2", (1_795_920_000, 1_795_920_000.25))
    found = place.progress(where)
    assert found is not None and [q.folder for q in found] == ["", "enrich/one", "two"]
    assert (found[0].planned, found[0].committed, found[0].uncommitted) == (119, 118, 119)
    assert (found[0].planned_ends, found[0].committed_ends) == ({"words": {0: 1190}}, {"words": {0: 1180}})
    assert found[1] == QueryProgress("enrich/one", 0, -1, {"a": {0: 0}}, None, 0, "7f")
    assert found[2] == QueryProgress("two", 2, 2, {"b": {0: 20}}, {"b": {0: 20}}, 1_795_920_000_250, "7f")


def test_a_newest_commit_that_is_torn_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {**query(5, 4), "commits/4": b"", "offsets/.5.7f.tmp": b"v1"})
    (found,) = CheckpointFolders("/elsewhere").progress(f"file://{tmp_path}") or ()
    assert (found.planned, found.committed) == (4, 3)


def test_before_the_first_commit_it_is_where_the_query_began(tmp_path: Path) -> None:
    write(tmp_path, {**query(1, 0), "sources/0/0": b'\0v1\n{"words":{"0":5}}'})
    (found,) = CheckpointFolders(str(tmp_path)).progress(f"file://{tmp_path}") or ()
    assert (found.committed_ends, found.planned_ends, found.uncommitted) == ({"words": {0: 5}}, {"words": {0: 0}}, 0)


def test_what_cannot_be_read_is_unknown_and_what_is_not_there_has_no_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = CheckpointFolders(str(tmp_path))
    assert place.progress(place.location("fraud", 1)) == []
    assert place.progress("no address") is None
    (tmp_path / "fraud").write_text("a file where a folder should be")
    assert place.progress(f"file://{tmp_path}/fraud") is None
    write(tmp_path / "many", below("q", query(1, 1)))
    monkeypatch.setattr(query_folders, "MOST_FOLDERS", 1)
    assert place.progress(f"file://{tmp_path}/many") is None, "there is more than was looked through"
