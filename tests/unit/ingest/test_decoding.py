"""Encodings and archives, recognised by their first bytes and read as a stream."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.unit.ingest.fakes import whole
from weir.errors import UnreadableInput
from weir.ingest.decoding import Recognised
from weir.ingest.kinds import kind_of

LINES = [f"[Tue Jan 20 11:02:0{n % 10}.000001 2026] [core:error] [pid 9] Grüße aus 東京 {n}" for n in range(3000)]
TEXT = "".join(f"{line}\r\n" for line in LINES).encode()
ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,  # as zstd(1) does
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def text_of(data: bytes, step: int = 10_000, name: str = "a.log") -> tuple[bytes, str]:
    """What is read of a file, and why that is not all of it."""
    decoder = Recognised(name)
    parts = [part for at in range(0, len(data), step) for part in decoder.feed(data[at : at + step])]
    return b"".join([*parts, *decoder.end()]), decoder.problem


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"])
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_marks_are_dropped_and_wide_text_is_converted(encoding: str, step: int) -> None:
    text = TEXT if step > 1 else TEXT[:600]
    assert text_of(text.decode(errors="ignore").encode(encoding), step) == (text.decode(errors="ignore").encode(), "")


def test_a_mark_of_the_other_byte_order() -> None:
    assert text_of(b"\xfe\xff" + TEXT.decode().encode("utf-16-be")) == (TEXT, "")


@pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize("step", [1, 10**6])
def test_archives_of_one_member_or_several(pack: Callable[[bytes], bytes], step: int) -> None:
    text = TEXT[:20_000]
    assert text_of(pack(text), step) == (text, "")
    assert text_of(pack(text[:77]) + pack(b"") + pack(text[77:]), step) == (text, "")
    assert text_of(pack(text) + bytes(512)) == (text, ""), "padding"


@pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)
def test_what_is_in_an_archive_is_recognised_too(pack: Callable[[bytes], bytes]) -> None:
    assert text_of(pack(TEXT.decode().encode("utf-16"))) == (TEXT, "")
    assert text_of(gzip.compress(pack(TEXT))) == (TEXT, "")
    with pytest.raises(UnreadableInput, match=r"a\.log is a program"):
        text_of(pack(b"\x7fELF" + bytes(1000)))


@pytest.mark.parametrize(("name", "pack"), ARCHIVES.items())
def test_of_a_truncated_archive_what_is_there_is_read_and_told(name: str, pack: Callable[[bytes], bytes]) -> None:
    noise = random.Random(1).randbytes(400_000).hex().encode()
    packed = pack(noise)
    text, problem = text_of(packed[: len(packed) * 3 // 4])
    assert noise.startswith(text) and problem == f"its {name} data ends in the middle"
    assert len(text) > len(noise) // 2 or name in ("bzip2",)


@pytest.mark.parametrize(("name", "pack"), ARCHIVES.items())
def test_a_damaged_archive_is_told(name: str, pack: Callable[[bytes], bytes]) -> None:
    packed = bytearray(pack(random.Random(1).randbytes(400_000).hex().encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 100] = bytes(100)
    assert text_of(bytes(packed))[1].startswith(f"its {name} data is damaged")
    text, problem = text_of(pack(TEXT) + b"something else\n")
    assert text == TEXT and problem.startswith(f"its {name} data is damaged")


def _zip() -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("a.log", TEXT)
    return file.getvalue()


def _tar() -> bytes:
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.log"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_zip(), "a zip archive"),
        (_tar(), "a tar archive"),
        (gzip.compress(_tar(), mtime=0), "a tar archive"),  # without a time: both test processes must name it alike
        (b"\x04\x22\x4d\x18" + bytes(range(100)), "lz4 data"),
        (b"%PDF-1.7\n" + bytes(range(256)), "a PDF document"),
        (random.Random(2).randbytes(5000), "binary data"),
        (random.Random(3).randbytes(300), "binary data"),
        (bytes(300) + b"\1\2\3\4" + bytes(5000) + b"x", "binary data"),
    ],
)
def test_binary_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableInput, match=f"WEIR-107: a.log is {what}, not lines of text"):
        text_of(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"a",
        b"\x1f\n",
        b"\xef\n",
        b"BZhang logged in\n" * 100,
        TEXT[:500] + bytes(3000),  # after a crash
        bytes(100_000) + TEXT,  # after copytruncate under a writer that does not append
        "Grüße\n".encode("latin-1") * 100,
        "ログ\n".encode("shift-jis") * 100,
        b"8=FIX.4.4\x019=126\x0135=A\x01\n" * 50,
        b"\x1b[31merror\x1b[0m\a\n" * 50,
        b"\xff\xfeno mark but two odd bytes\n"[2:],
    ],
)
def test_odd_text_is_text(text: bytes) -> None:
    assert text_of(text) == (text, "") and text_of(text, 1) == (text, "")


def test_utf_16_that_ends_within_a_character_is_told() -> None:
    text, problem = text_of("ab\n".encode("utf-16")[:-1])
    assert text == "ab\ufffd".encode() and problem == "its UTF-16-LE text ends within a character"


def test_a_little_that_stands_for_much_stays_little(tmp_path: Path) -> None:
    packed = gzip.compress(b"\n" * 50_000_000)
    assert max(len(part) for part in Recognised("a").feed(packed)) < 10_000_000


def test_a_line_that_comes_alone_is_not_kept_back() -> None:
    assert list(Recognised("pipe").feed(b"one line\n")) == [b"one line\n"]
    assert kind_of(b"one line\n").encoding == "utf-8"


def test_blocks_of_a_file_with_a_mark_know_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree")
    once = whole(tmp_path / "a.log")
    found = [(block.lines, block.start, block.stop) for _, block in once.parts()]
    assert found == [([b"one", b"two"], 0, 10), ([b"three"], 10, 15)]
    once.texts[0].seek(5)
    assert [line for _, block in once.parts() for line in block.lines] == [b"two", b"three"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch(mode=0)
    with pytest.raises(UnreadableInput, match="cannot be read: Permission denied"):
        whole(tmp_path / "a.log")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UnreadableInput, match="cannot be read"):
            whole(path)
