"""Every way in which a state file can be cut off is noticed."""

from __future__ import annotations

import os

import pytest

from tests import state_files as made
from weir.cluster import state_checks as check
from weir.cluster.state_checks import IN_MEMORY, Part, Read


def reader(data: bytes) -> Read:
    return lambda offset, length: data[offset : offset + length]


def test_a_log_cut_off_anywhere_is_noticed() -> None:
    whole = made.lz4(os.urandom(2500))
    assert check.lz4(len(whole), reader(whole), every_block=True) == ""
    for size in range(len(whole)):
        assert check.lz4(size, reader(whole[:size]), every_block=True), size
    assert "bytes follow its end" in check.lz4(len(whole) + 1, reader(whole + b"x"), every_block=True)
    assert "bytes, and" in check.lz4(len(whole), reader(whole[:-1]), every_block=True), "shorter than it was listed"


@pytest.mark.parametrize("every_block", [True, False])
def test_a_large_log(every_block: bool) -> None:
    whole = made.lz4(os.urandom(IN_MEMORY), 32_768)
    assert len(whole) > IN_MEMORY and check.lz4(len(whole), reader(whole), every_block) == ""
    for size in (IN_MEMORY + 1, len(whole) - 1, len(whole) - len(made.END)):
        assert "cut off" in check.lz4(size, reader(whole[:size]), every_block) or "torn" in check.lz4(
            size, reader(whole[:size]), every_block
        )
    zeros = bytes(len(whole))
    assert check.lz4(len(zeros), reader(zeros), every_block) == check.CODEC
    hole = whole[:32_789] + bytes(32_789) + whole[65_578:]
    found = check.lz4(len(hole), reader(hole), every_block)
    assert found == (f"it is torn at byte 32789 of {len(hole)}" if every_block else ""), "only a walk over all headers sees a hole"


def test_another_codec_is_named() -> None:
    assert "compression.codec" in check.lz4(8, reader(b"\x28\xb5\x2f\xfd1234"), every_block=True)


def test_a_rocksdb_snapshot_names_its_files() -> None:
    whole = made.rocksdb({"1.sst": 7, "2.sst": 9})
    assert check.rocksdb(whole) == ([Part("SSTs/1.sst", 7), Part("SSTs/2.sst", 9)], "")
    for size in range(len(whole)):
        assert check.rocksdb(whole[:size])[1], size
    spoiled = whole.replace(b"numKeys", b"numKeyz", 1)
    assert check.rocksdb(spoiled) == ([], "its metadata does not match its checksum")


def test_checksums_of_hadoop() -> None:
    data = os.urandom(2 * IN_MEMORY + 700)
    sums = made.checksums(data)
    assert check.crc(len(data), reader(data), sums) == ""
    flipped = bytearray(data)
    flipped[IN_MEMORY + 3] ^= 1
    assert "between byte 1048576 and" in check.crc(len(data), reader(bytes(flipped)), sums)
    assert "checksums for more" in check.crc(len(data) - 700, reader(data), sums)
    assert "checksums for fewer" in check.crc(len(data) + 700, reader(data + bytes(700)), sums)
    assert check.crc(len(data), reader(data), sums[:5]) == "its file of checksums is torn"
    assert check.crc(0, reader(b""), made.checksums(b"")) == ""


def test_a_schema_cut_off_anywhere_is_noticed() -> None:
    whole = made.schema()
    assert check.schema(whole) == ""
    assert all(check.schema(whole[:size]) for size in range(len(whole)))
    assert check.schema(whole + b"x")
