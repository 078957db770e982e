"""Streams are cut into lines and messages, however their bytes arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.collect.senders.framer import Framer, Malformed
from weir.collect.senders.framing import Either
from weir.collect.senders.lines import Lines
from weir.collect.senders.octets import Octets

LONGEST = 12
text = st.binary(max_size=20)
pieces = st.integers(0, 2**32)


def pieces_of(stream: bytes, seed: int) -> Iterator[bytes]:
    chance = Random(seed)
    while stream:
        n = chance.choice([1, 2, 5, 40])
        yield stream[:n]
        stream = stream[n:]


def fed(framer: Framer, parts: Iterator[bytes] | Sequence[bytes]) -> list[bytes]:
    return [value for part in parts if (block := framer.feed(part)) for value in block.values()]


@given(st.lists(text.map(lambda line: line.replace(b"\n", b" "))), st.sampled_from([b"\n", b"\r\n"]), text, pieces)
def test_lines(lines: list[bytes], end: bytes, rest: bytes, seed: int) -> None:
    rest = rest.replace(b"\n", b" ")
    framer = Lines(b"k", LONGEST)
    found = fed(framer, pieces_of(b"".join(line + end for line in lines) + rest, seed))
    whole = [line.removesuffix(b"\r") if end == b"\n" else line for line in lines]
    assert found == [line for line in whole if len(line) <= LONGEST]
    refused = sum(len(line) > LONGEST for line in whole)
    assert framer.refused == refused + (len(rest) > LONGEST + 1)
    assert framer.unfinished == (rest if len(rest) <= LONGEST + 1 else b"")


@given(st.lists(st.binary(min_size=1, max_size=20)), pieces)
def test_messages_with_their_size(messages: list[bytes], seed: int) -> None:
    framer = Octets(b"k", LONGEST)
    found = fed(framer, pieces_of(b"".join(b"%d %s" % (len(one), one) for one in messages), seed))
    assert found == [one for one in messages if len(one) <= LONGEST]
    assert (framer.refused, framer.unfinished) == (sum(len(one) > LONGEST for one in messages), b"")


@pytest.mark.parametrize("bad", [b"x", b"<13>hello", b"0 ", b"012 x", b" 5 hello", b"123456789 ", b"12345678901"])
def test_what_is_not_framed_is_told_and_what_came_before_is_kept(bad: bytes) -> None:
    with pytest.raises(Malformed, match="the size of a message was expected") as told:
        Octets(b"k").feed(b"2 ab1 c" + bad)
    assert told.value.block and told.value.block.values() == [b"ab", b"c"]


def test_a_message_that_has_not_come_yet_is_unfinished() -> None:
    framer = Octets(b"k")
    assert framer.feed(b"5 hel") is None and framer.unfinished == b"5 hel"


@pytest.mark.parametrize(("stream", "values"), [(b"<13>a\n<13>b\n", [b"<13>a", b"<13>b"]), (b"5 <13>a6 <13>bc", [b"<13>a", b"<13>bc"])])
def test_the_first_byte_says_which_framing_it_is(stream: bytes, values: list[bytes]) -> None:
    assert fed(Either(b"k"), [stream[n : n + 1] for n in range(len(stream))]) == values
