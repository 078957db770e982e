"""Files of Spark's `state/` and `sources/`, made by their forms (docs/state.md), for tests without Spark."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from zipfile import ZipFile

END = b"LZ4Block" + struct.pack("<BIII", 0x15, 0, 0, 0)


def lz4(content: bytes, block: int = 1000) -> bytes:
    """A stream of blocks as Spark's LZ4 writes it, of content that was not compressed. Its checksums are zeros, which only Spark reads."""
    pieces = [content[at : at + block] for at in range(0, len(content), block)]
    return b"".join(b"LZ4Block" + struct.pack("<BIII", 0x10, len(p), len(p), 0) + p for p in pieces) + END


def rocksdb(ssts: Mapping[str, int]) -> bytes:
    """A snapshot of RocksDB that names SST files with their sizes."""
    named = [{"localFileName": name, "dfsSstFileName": name, "sizeBytes": size} for name, size in ssts.items()]
    made = io.BytesIO()
    with ZipFile(made, "w") as file:
        file.writestr("CURRENT", "MANIFEST-000005\n")
        file.writestr("metadata", "v1\n" + json.dumps({"sstFiles": named, "numKeys": 1}))
    return made.getvalue()


def checksums(data: bytes, each: int = 512) -> bytes:
    """The file that Hadoop's LocalFileSystem keeps beside another."""
    return b"crc\0" + struct.pack(">i", each) + b"".join(_sum(data[at : at + each]) for at in range(0, len(data), each))


def metadata(stores: Mapping[str, int]) -> bytes:
    """What an operator writes about itself: its stores, and the number of partitions of each."""
    infos = [{"storeName": name, "numColsPrefixKey": 0, "numPartitions": count} for name, count in stores.items()]
    return b"v1\n" + json.dumps({"operatorInfo": {"operatorId": 0}, "stateStoreInfo": infos}).encode()


def schema() -> bytes:
    """A schema file of version 2."""
    text = b'{"type":"struct"}'
    return b"\0\2v2" + 2 * (struct.pack(">iH", 1, len(text)) + text)


def listed(number: int, *earlier: int) -> bytes:
    """What a folder's source writes about the files of a step, and of the steps before it if it is compact."""
    entries = [json.dumps({"path": f"file:///in/{n}.csv", "timestamp": n, "batchId": n}) for n in (*earlier, number)]
    return "\n".join(["v1", *entries]).encode()


def _sum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")
