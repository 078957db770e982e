"""Lines as they are cut, and where each ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.fakes import cut
from weir.ingest import MAX_LINE
from weir.ingest.cutting import Cutter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\r\n\r\n", [b"a", b"b\r", b""]),
        (b"a\rb\x0b\x0c\x85\n", [b"a\rb\x0b\x0c\x85"]),
        (b"last\r", [b"last\r"]),
    ],
)
def test_lines_end_at_lf_only(text: bytes, expected: list[bytes]) -> None:
    assert cut(text) == expected


pieces = st.lists(st.sampled_from([b"", b"a", b"bc", b"\r", b"\n", b"d\r\n", b"\n\n", b"long line"]), max_size=30)


@given(pieces, st.sampled_from([3, 100]))
def test_how_the_bytes_arrive_does_not_matter(parts: list[bytes], limit: int) -> None:
    assert cut(*parts, limit=limit) == cut(b"".join(parts), limit=limit)


@given(pieces, st.sampled_from([3, 100]))
def test_cutting_from_the_end_of_any_line_gives_the_rest(parts: list[bytes], limit: int) -> None:
    text, cutter, before = b"".join(parts), Cutter(limit=limit), 0
    for block in (*map(cutter.feed, parts), cutter.end()):
        for n in range(len(block.lines) + 1):
            assert cut(text[block.end(n) :], limit=limit) == cut(text, limit=limit)[before + n :]
        before += len(block.lines)
        assert block.end(len(block.lines)) == block.stop
    assert before == 0 or block.stop == len(text)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [64, 4096, 10**7])
def test_a_line_of_exactly_1_mib_is_sent_and_a_longer_one_refused(end: bytes, size: int) -> None:
    text = b"x" * MAX_LINE + end + b"y" * (MAX_LINE + 1) + end + b"z" * 3 * MAX_LINE + end + b"last"
    found = cut(*(text[i : i + size] for i in range(0, len(text), size)))
    assert [None if line is None else len(line) for line in found] == [MAX_LINE, None, None, 4]


def test_an_endless_line_is_not_kept() -> None:
    cutter = Cutter()
    for _ in range(200):
        assert not cutter.feed(b"x" * MAX_LINE).lines
    assert cutter.unfinished == 200 * MAX_LINE and len(cutter._rest) <= MAX_LINE
    assert cutter.end().lines == [None]
