"""Which files a query needs to continue, from their names."""

from __future__ import annotations

import json

import pytest

from weir.cluster.state_names import Store, chains, checksum_path, metadata_path, moved_metadata, operators, parse_metadata, why_none

V2 = {
    "operatorInfo": {"operatorId": 0, "operatorName": "transformWithStateInPySparkExec"},
    "stateStoreInfo": [
        {"storeName": "default", "numPartitions": 2, "stateSchemaFilePaths": ["file:/w/state/1/state/0/_stateSchema/default/0_a"]}
    ],
}


@pytest.mark.parametrize(
    ("names", "version", "found"),
    [
        ("1.delta 2.delta 3.delta", 2, ["1.delta 2.delta"]),
        ("1.delta 2.delta 3.delta", 4, []),
        ("9.snapshot 10.delta 11.delta 12.delta", 11, ["9.snapshot 10.delta 11.delta"]),
        ("9.snapshot 9.delta", 9, ["9.snapshot"]),
        ("12.snapshot 12.delta", 11, []),
        (
            "5.snapshot 9.snapshot 6.delta 7.delta 8.delta 9.delta 10.delta",
            10,
            ["9.snapshot 10.delta", "5.snapshot 6.delta 7.delta 8.delta 9.delta 10.delta"],
        ),
        ("9.snapshot 10.delta 12.delta", 12, []),
        ("10.zip 11.zip 12.zip", 11, ["11.zip"]),
        ("1.changelog 2.changelog 2.zip 3.changelog", 3, ["2.zip 3.changelog", "1.changelog 2.changelog 3.changelog"]),
        (".9.delta.tmp 9.delta.part 9.deltas", 9, []),
    ],
)
def test_the_files_of_a_version(names: str, version: int, found: list[str]) -> None:
    assert [" ".join(chain) for chain in chains(names.split(), version)] == found


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("", "has no files, and version 7 is needed"),
        ("1.delta 6.delta", "ends with version 6, and version 7 is needed"),
        ("7.delta", "lacks a file of those that version 7 is made of"),
        ("7_96fe8ef9-1d4f-4f23-a94a-40aa6e7f9db3.changelog", "is of state format 2, which Weir does not copy"),
    ],
)
def test_why_a_version_cannot_be_had(names: str, why: str) -> None:
    assert why_none(names.split(), 7).startswith(why)


def test_stores_by_operator_partition_and_name() -> None:
    join = parse_metadata(0, b'v1\n{"stateStoreInfo":[{"storeName":"left","numPartitions":2},{"storeName":"default","numPartitions":1}]}')
    assert [store.folder for store in join.stores] == ["state/0/0/left", "state/0/1/left", "state/0/0"]
    assert str(Store(3, 17, "left")) == "state/3/17/left (operator 3, partition 17)"
    assert operators(["state/0/1/1.delta", "state/10/_metadata/metadata", "sources/0/0"]) == [0, 10]


def test_of_several_metadata_the_newest_before_the_batch_counts() -> None:
    paths = [f"state/0/_metadata/v2/{n}" for n in (0, 5, 9, 12)]
    assert [metadata_path(paths, 0, version) for version in (1, 9, 10, 13)] == [paths[0], paths[1], paths[2], paths[3]]
    assert metadata_path(paths, 1, 9) == "state/1/_metadata/metadata"


def test_the_schemas_of_a_copy_lie_in_the_copy() -> None:
    data = b"v2\n" + json.dumps(V2).encode()
    assert parse_metadata(0, data).schemas == ("state/0/_stateSchema/default/0_a",)
    moved = moved_metadata(data, "s3a://weir/a b#c/attempt-2")
    expected = "s3a://weir/a b#c/attempt-2/state/0/_stateSchema/default/0_a"
    assert moved.startswith(b"v2\n") and json.loads(moved[3:])["stateStoreInfo"][0]["stateSchemaFilePaths"] == [expected]
    assert parse_metadata(0, moved) == parse_metadata(0, data)


@pytest.mark.parametrize(
    "data", [b"", b"v1", b"v1\n", b"v1\n{}", b'v1\n{"stateStoreInfo":[{}]}', b"v1\n[]", b'v1\n{"stateStoreInfo":[{"storeName":"d']
)
def test_torn_metadata_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"it has no|line 1|below"):
        parse_metadata(0, data)


def test_where_checksums_lie() -> None:
    assert checksum_path("state/0/0/SSTs/1.sst") == "state/0/0/SSTs/.1.sst.crc"
