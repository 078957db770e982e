"""Check whether a file of `state/` is whole. Each function returns what is wrong; empty if nothing is. Pure: `read` does the I/O.

Deltas, snapshots and changelogs are LZ4 blocks with a header each and an empty block at the end. RocksDB's snapshot is a ZIP file that
names its SST files with their sizes. They do not find bytes that changed in the middle of a file without a
checksum; Spark checks each LZ4 block when it reads it, and then fails.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from zipfile import BadZipFile, ZipFile

Read = Callable[[int, int], bytes]  # offset and number of bytes; fewer bytes at the end of the file

HEADER = struct.Struct("<8sBIII")  # magic, token, compressed and original length, checksum of the block
MAGIC = b"LZ4Block"
CODEC = "it does not begin as LZ4 does: it is torn, or spark.sql.streaming.stateStore.compression.codec is not lz4"
IN_MEMORY = 1024 * 1024  # bytes: a file up to this size is read at once


def lz4(size: int, read: Read, every_block: bool) -> str:
    """Check a stream of LZ4 blocks; of a large file only both ends, unless `every_block`: in a remote store each header is a request."""
    if size <= IN_MEMORY:
        data = read(0, size)
        return _blocks(size, lambda at, n: data[at : at + n]) if len(data) == size else _short(len(data), size)
    return _blocks(size, read) if every_block else _ends(size, read)


def _blocks(size: int, read: Read) -> str:
    at = 0
    while at < size:
        header = read(at, HEADER.size)
        if len(header) < HEADER.size or header[:8] != MAGIC:
            return f"it is torn at byte {at} of {size}" if at else CODEC
        _, _, length, original, _ = HEADER.unpack(header)
        at += HEADER.size + length
        if not length and not original:
            return "" if at == size else f"bytes follow its end at {at}"
    return f"it is cut off after {size} bytes"


def _ends(size: int, read: Read) -> str:
    if read(0, len(MAGIC)) != MAGIC:
        return CODEC
    last = read(size - HEADER.size, HEADER.size)
    whole = len(last) == HEADER.size and last[:8] == MAGIC and HEADER.unpack(last)[2:4] == (0, 0)
    return "" if whole else f"it is cut off after {size} bytes"


def _short(found: int, size: int) -> str:
    return f"it has {found} bytes, and {size} were listed"


@dataclass(frozen=True)
class Part:
    """A file that a RocksDB snapshot consists of, below the store's folder."""

    path: str
    size: int


def rocksdb(data: bytes) -> tuple[list[Part], str]:
    """Return the files that a RocksDB snapshot names, and what is wrong with the snapshot itself."""
    try:
        with ZipFile(io.BytesIO(data)) as file:
            if spoiled := file.testzip():
                return [], f"its {spoiled} does not match its checksum"
            found = json.loads(file.read("metadata").split(b"\n", 1)[1])
        parts = [Part(f"SSTs/{one['dfsSstFileName']}", int(one["sizeBytes"])) for one in found["sstFiles"]]
        return parts + [Part(f"logs/{one['dfsLogFileName']}", int(one["sizeBytes"])) for one in found.get("logFiles", ())], ""
    except (BadZipFile, KeyError, IndexError, ValueError, TypeError, EOFError, zlib.error) as error:
        return [], f"it is torn: {error}"


def crc(size: int, read: Read, sums: bytes) -> str:
    """Check a file against the checksums of Hadoop's LocalFileSystem: `crc`, a zero, the bytes per checksum, and a CRC-32 each."""
    if sums[:4] != b"crc\0" or len(sums) < 8:
        return "its file of checksums is torn"
    (each,) = struct.unpack(">i", sums[4:8])
    count = -(-size // each) if each > 0 else -1
    if count * 4 != len(sums) - 8:
        return f"it has {size} bytes, and checksums for {'fewer' if len(sums) - 8 < count * 4 else 'more'}"
    for first in range(0, count, step := max(1, IN_MEMORY // each)):
        data, n = read(first * each, step * each), min(step, count - first)
        actual = b"".join(zlib.crc32(data[i * each : (i + 1) * each]).to_bytes(4, "big") for i in range(n))
        if actual != sums[8 + first * 4 : 8 + (first + n) * 4]:
            return f"it does not match its checksums between byte {first * each} and {min(size, (first + step) * each)}"
    return ""


def schema(data: bytes) -> str:
    """Check a schema file of version 2 (one key and one value) or 3 (some column families): texts in pieces, each after its length."""
    try:
        at, families = {b"\0\2v2": (4, 0), b"\0\2v3": (8, int.from_bytes(data[4:8], "big"))}[data[:4]]
        for _ in range(families):
            at = _skip_text(data, at)
            at = _skip_texts(data, at + 2)  # after the number of a schema
            at = _skip_texts(data, at + 2)
            at = _skip_texts(data, _skip_texts(data, at))  # how keys are encoded, and the user's own key
        if not families:
            at = _skip_texts(data, _skip_texts(data, at))
    except (KeyError, struct.error):
        at = -1
    return "" if at == len(data) else f"it is not whole: it has {len(data)} bytes"


def _skip_texts(data: bytes, at: int) -> int:
    (count,) = struct.unpack_from(">i", data, at)
    at += 4
    for _ in range(count):
        at = _skip_text(data, at)
    return at


def _skip_text(data: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">H", data, at)
    return int(at + 2 + length)
