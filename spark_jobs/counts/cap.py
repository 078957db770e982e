"""Which signatures of a service are kept of a batch: the most frequent, but a flood of one shape leaves room for the others.

A flood is many signatures that differ in a part which no rule masks. Half of the cap goes to the most frequent signatures of any shape. The
other half is shared: each shape gets as many as every other, unless it has fewer. So a quarter of the cap is safe from any one flood.
Looks at one batch alone and not at the order of rows, so that a batch that is done again gives the same. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from spark_jobs.counts.signature_rules import MASK

Shape = tuple[str, str]  # which end of a signature, and the word there


def kept(numbers: Mapping[str, int], cap: int) -> set[str]:
    """Return at most `cap` of the signatures; `numbers` are their lines. Among equals, the lower bytes."""
    if len(numbers) <= cap:
        return set(numbers)
    ranked = sorted(numbers, key=lambda text: (-numbers[text], text))
    top, rest = ranked[: cap // 2], ranked[cap // 2 :]
    shapes = _shapes(numbers)
    room = cap - len(top)
    share = _share(Counter(shapes[text] for text in rest).values(), room)
    taken, within, beyond = Counter[Shape](), list[str](), list[str]()
    for text in rest:
        taken[shapes[text]] += 1
        (within if taken[shapes[text]] <= share else beyond).append(text)
    return {*top, *[*within, *beyond][:room]}


def _shapes(texts: Iterable[str]) -> dict[str, Shape]:
    """Return the shape of each text: its first or its last word without a mask, whichever more of the texts have. A flood varies in one."""
    ends = {text: _ends(text) for text in texts}
    common = Counter(end for pair in ends.values() for end in pair)
    return {text: max(pair, key=lambda end: (common[end], end)) for text, pair in ends.items()}


def _ends(text: str) -> tuple[Shape, Shape]:
    words = [word for word in text.split(" ") if word and MASK not in word] or [""]
    return ("first", words[0]), ("last", words[-1])


def _share(sizes: Iterable[int], room: int) -> int:
    """Return how many of each shape there is room for, at least one."""
    left = sorted(sizes)
    while left and left[0] * len(left) <= room:
        room -= left.pop(0)
    return max(1, room // len(left)) if left else room
