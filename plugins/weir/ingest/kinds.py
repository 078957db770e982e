"""Recognise what a file is by its first bytes: text in some encoding, an archive, or something that has no lines."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import StrEnum

ENOUGH = 512  # bytes; a tar archive names itself at byte 257
SAMPLE = 64 * 1024


class Packing(StrEnum):
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


@dataclass(frozen=True)
class Kind:
    """`encoding` of a text, with `mark` bytes of byte order mark; or its `packing`; or `unreadable`: what it is instead, and what to do."""

    encoding: str = "utf-8"
    mark: int = 0
    packing: Packing | None = None
    unreadable: tuple[str, str] | None = None


MARKS = (  # UTF-32's begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
PACKED = (
    (b"\x1f\x8b\x08", Packing.GZIP),
    (b"\x28\xb5\x2f\xfd", Packing.ZSTD),
    *((bytes([n]) + b"\x2a\x4d\x18", Packing.ZSTD) for n in range(0x50, 0x60)),  # a frame to be skipped, as pzstd writes first
    *((b"BZh%d" % n + block, Packing.BZIP2) for n in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90")),
    (b"\xfd7zXZ\x00", Packing.XZ),
)
OTHERS = (
    (b"PK\x03\x04", "a zip archive", "unzip -p"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x -so"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar p -inul"),
    (b"\x04\x22\x4d\x18", "lz4 data", "lz4 -dc"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy data", "snzip -dc"),
    (b"\x1f\x9d", "compressed by compress(1)", "gzip -dc"),
    (b"LZIP", "lzip data", "lzip -dc"),
    (b"\x89LZO\x00\r\n\x1a\n", "lzop data", "lzop -dc"),
    (b"LPKSHHRH", "a systemd journal", "journalctl -o short-iso-precise --file"),
    (b"ElfFile\x00", "a Windows event log", "evtxexport"),
    (b"\x7fELF", "a program", ""),
    (b"%PDF-", "a PDF document", ""),
    (b"\x89PNG\r\n", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"SQLite format 3\x00", "a SQLite database", ""),
    (b"PAR1", "a Parquet file", ""),
    (b"Obj\x01", "an Avro file", ""),
    (b"\xca\xfe\xba\xbe", "a Java class", ""),
)
MAGIC: tuple[bytes, ...] = (*(m for m, _ in MARKS), *(m for m, _ in PACKED), *(m for m, _, _ in OTHERS))
LONGEST = max(map(len, MAGIC))
NO_TEXT = bytes(set(range(32)) - set(b"\a\b\t\n\v\f\r\x1b")) + b"\x7f"
TEXT = bytes(set(range(256)) - set(NO_TEXT))


def is_enough(head: bytes) -> bool:
    """Return whether a stream's first bytes show what it is. A line is enough for text, which may come slowly."""
    if len(head) >= ENOUGH:
        return True
    may_be_more = any(magic.startswith(head[: len(magic)]) for magic in MAGIC)
    return b"\n" in head and len(head) >= (LONGEST if may_be_more else 4)


def kind_of(head: bytes) -> Kind:
    """Return what a stream is, of which these are the first bytes."""
    for magic, packing in PACKED:
        if head.startswith(magic):
            return Kind(packing=packing)
    for magic, what, tool in OTHERS:
        if head.startswith(magic):
            return Kind(unreadable=(what, tool))
    if head[257:262] == b"ustar":
        return Kind(unreadable=("a tar archive", "tar -xOf"))
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return Kind(encoding, len(mark))
    if encoding := _wide(head[:SAMPLE]):
        return Kind(encoding)
    return Kind(unreadable=("binary data", "")) if _is_binary(head[:SAMPLE]) else Kind()


def _wide(head: bytes) -> str:
    """Return the kind of UTF-16 that a text without a mark is in: of the two ways to read it, one makes letters of its zeros."""
    if b"\0" not in head or not head.strip(b"\0"):
        return ""
    best = max(("utf-16-le", "utf-16-be"), key=lambda encoding: _ascii(head, encoding))
    return best if _ascii(head, best) > 0.3 else ""


def _ascii(head: bytes, encoding: str) -> float:
    """Return the share of ASCII among the characters; 0 if it is no text in this encoding."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return 0.0
    plain = text.encode("ascii", "ignore").translate(None, NO_TEXT)
    return len(plain) / len(text) if text and "\0" not in text else 0.0


def _is_binary(head: bytes) -> bool:
    """Return whether these are no lines: mostly zeros, or several control characters that no text has, and often.

    Zeros at both ends are left out: a file that was truncated under its writer begins with them, a crash leaves them at the end. One
    control character alone may separate fields, as in FIX.
    """
    body = head.strip(b"\0")
    odd = body.translate(None, TEXT)
    return odd.count(0) > 0.3 * len(body) or (len(set(odd)) >= 4 and len(odd) > 0.03 * len(body))
