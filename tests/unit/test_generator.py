"""The generator's promises: the same seed gives the same lines, and its truth adds up to what it handed out."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from drill.generator import Generator, Mix

START_MS = 1_768_435_200_000


def lines(seed: int, n: int, mix: Mix | None = None) -> tuple[Generator, list[tuple[bytes, bytes]]]:
    generator = Generator(seed, START_MS, mix or Mix(events_per_s=1000))
    return generator, [pair for block in generator.blocks(n) for pair in block]


def test_a_seed_gives_the_same_lines_and_another_one_others() -> None:
    assert lines(1, 3000)[1] == lines(1, 3000)[1]
    assert lines(1, 3000)[1] != lines(2, 3000)[1]


def test_truth_adds_up() -> None:
    generator, made = lines(3, 25_500, Mix(services=("a", "b"), bad_share=0.1, error_share=0.5, events_per_s=1000))
    truth = generator.truth
    assert len(made) == truth.lines == 25_500
    services: Counter[str] = Counter(service.decode() for service, _ in made)
    assert set(services) == {"a", "b"}
    assert truth.levels().total() == truth.lines - truth.rejected.total()
    assert 0.07 < truth.rejected.total() / truth.lines < 0.13
    errors = sum(n for (*_, signature), n in truth.panes.items() if signature)
    assert 0.45 < errors / truth.levels().total() < 0.55
    assert all(pane % 10_000 == 0 and START_MS - 20_000 <= pane < START_MS + 26_000 for pane, *_ in truth.panes)


def test_signatures_are_as_many_as_asked_for() -> None:
    generator, _ = lines(4, 20_000, Mix(signatures=17, events_per_s=1000))
    assert len({signature for *_, signature in generator.truth.panes} - {""}) == 17


def test_lines_without_end() -> None:
    generator = Generator(5, START_MS, Mix(events_per_s=10))
    assert [len(block) for block in islice(generator.blocks(), 5)] == [10] * 5


def test_a_clean_log_has_nothing_to_reject_and_nothing_late() -> None:
    generator, made = lines(6, 2000, Mix(bad_share=0, late_share=0, modern_share=0, events_per_s=1000))
    assert not generator.truth.rejected
    assert min(pane for pane, *_ in generator.truth.panes) == START_MS
    assert all(line[25:28] == b"] [" for _, line in made)
