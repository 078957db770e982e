"""The spool: what was acknowledged is there, once and in order, whenever the power was cut."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.collect.disks import MemoryDisk, PowerCut
from weir.collect.spool.block import LARGEST, Block, merged
from weir.collect.spool.disk import Folder
from weir.collect.spool.reader import Reader
from weir.collect.spool.segments import name_of
from weir.collect.spool.spool import Bounds, Spool, Waiting
from weir.errors import SpoolDamaged

SMALL = Bounds(size=4_000, segment=300)


def opened(disk: MemoryDisk | Folder, bounds: Bounds = SMALL, told: list[str] | None = None) -> Spool:
    return Spool(disk, bounds, 7, (told if told is not None else []).append, clock=lambda: 1_000)


def block(*values: bytes) -> Block:
    return Block.of(b"web", values)


def values(spool: Spool, number: int = 0) -> list[bytes]:
    reader, found = Reader(spool, number), list[bytes]()
    while record := reader.next(0):
        found += record.block.values()
    return found


class PowerCuts(RuleBasedStateMachine):
    """`acknowledged` values are in the spool. `unknown` ones were written when the power was cut: a beginning of them may be there."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chance, self.disk = Random(seed), MemoryDisk()
        self.acknowledged: list[bytes] = []
        self.forwarded = self.n = 0
        self.point = Reader(self.open(), 0).point

    def open(self) -> Spool:
        self.spool = opened(self.disk)
        return self.spool

    @rule(sizes=st.lists(st.integers(0, 120), min_size=1, max_size=5))
    def append(self, sizes: list[int]) -> None:
        self.spool.append(self.blocks(sizes))
        self.acknowledged += self.new

    def blocks(self, sizes: list[int]) -> list[Block]:
        self.new, found = [], []
        for size in sizes:
            self.n += 1
            pair = [b"%d:" % self.n + b"x" * size, b"%d\n" % self.n if size % 3 == 0 else b"%d" % self.n]
            self.new += pair
            found.append(block(*pair))
        return found

    @rule(steps=st.integers(0, 6))
    def forward(self, steps: int) -> None:
        reader = Reader(self.spool, self.point.number)
        for _ in range(steps):
            if record := reader.next(0):
                assert record.block.values() == self.acknowledged[self.forwarded : self.forwarded + 2]
                self.forwarded += 2
        self.point = reader.point
        assert self.point.values == self.forwarded
        self.spool.remove_before(self.point.number)

    @rule(sizes=st.lists(st.integers(0, 200), min_size=1, max_size=5), steps=st.integers(0, 12))
    def cut_while_appending(self, sizes: list[int], steps: int) -> None:
        self.burn(steps)
        blocks = self.blocks(sizes)
        try:
            self.spool.append(blocks)
            self.acknowledged += self.new
        except PowerCut:
            self.restart(unknown=self.new)
        else:
            self.restart(unknown=[])

    @rule(steps=st.integers(0, 3))
    def cut_while_opening(self, steps: int) -> None:
        self.disk = self.disk.after_power_cut(self.chance)
        self.burn(steps)
        try:
            self.open()
        except PowerCut:
            self.restart(unknown=[])
        self.disk.fuse = lambda step: None

    @rule(n=st.integers(0, 8), sizes=st.lists(st.integers(0, 200), min_size=1, max_size=5))
    def full_disk(self, n: int, sizes: list[int]) -> None:
        left = [n]

        def fuse(step: str) -> None:
            left[0] -= 1
            if left[0] == 0 and step in ("write", "written"):
                raise OSError(28, "No space left on device")

        self.disk.fuse = fuse
        blocks = self.blocks(sizes)
        try:
            self.spool.append(blocks)
        except OSError:
            self.disk.fuse = lambda step: None
            self.spool.append(blocks[:1])
            self.new = self.new[:2]
        self.disk.fuse = lambda step: None
        self.acknowledged += self.new

    def burn(self, steps: int) -> None:
        left = [steps]

        def fuse(step: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise PowerCut

        self.disk.fuse = fuse

    def restart(self, unknown: list[bytes]) -> None:
        self.disk.fuse = lambda step: None
        if self.chance.random() < 0.7:  # else kill -9: what was written is still in memory
            self.disk = self.disk.after_power_cut(self.chance)
        found = values(self.open(), self.point.number)
        more = found[len(self.acknowledged) - self.forwarded :]
        assert more == unknown[: len(more)]
        self.acknowledged += more

    @invariant()
    def all_that_was_acknowledged_is_there_once_and_in_order(self) -> None:
        if hasattr(self, "spool"):
            assert values(self.spool, self.point.number) == self.acknowledged[self.forwarded :]
            assert self.spool.size == sum(
                self.disk.size(name) for name in self.disk.names() if int(name[:20]) >= self.spool.segments[0].first
            )


PowerCuts.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPowerCuts = PowerCuts.TestCase


@given(st.lists(st.binary(max_size=20), min_size=1))
def test_a_block_gives_its_values_back(given: list[bytes]) -> None:
    assert Block.of(b"k", given).values() == given


@given(st.lists(st.lists(st.binary(max_size=5), min_size=1), min_size=1), st.lists(st.sampled_from([b"a", b"b"]), min_size=1))
def test_merged_blocks_have_the_same_values_in_the_same_order(given: list[list[bytes]], keys: list[bytes]) -> None:
    blocks = [Block.of(keys[n % len(keys)], one) for n, one in enumerate(given)]
    assert [(b.key, v) for b in merged(blocks) for v in b.values()] == [(b.key, v) for b in blocks for v in b.values()]


def test_blocks_are_merged_up_to_a_bound() -> None:
    half = block(b"x" * (LARGEST // 2))
    assert [found.count for found in merged([half, half, half, block(b"a"), block(b"b")])] == [1, 1, 3]


def test_files_that_were_forwarded_are_removed_and_the_newest_stays() -> None:
    disk = MemoryDisk()
    spool = opened(disk)
    for n in range(30):
        spool.append([block(b"%d" % n)])
    assert len(disk.names()) > 3
    spool.remove_before(29)
    assert disk.names() == [spool.segments[-1].name] and values(spool, 29) == [b"29"]
    spool.remove_before(30)
    assert opened(disk).end == spool.end


def test_a_full_spool_has_room_again_once_files_were_forwarded() -> None:
    spool = opened(MemoryDisk())
    while spool.has_room(200):
        spool.append([block(b"x" * 150)])
    assert not spool.wait_for_room(200, 0.01)
    free = threading.Timer(0.05, lambda: spool.remove_before(spool.end.number))
    free.start()
    assert spool.wait_for_room(200, 30)
    free.join()


def test_a_reader_waits_for_what_comes() -> None:
    spool = opened(MemoryDisk())
    reader = Reader(spool, 0)
    assert reader.next(0.01) is None and spool.waiting(*reader.spot) == Waiting(0, 0)
    soon = threading.Timer(0.05, lambda: spool.append([block(b"late")]))
    soon.start()
    record = reader.next(30)
    soon.join()
    assert record and record.block.values() == [b"late"] and record.at == 1_000
    assert spool.waiting(*reader.spot) == Waiting(0, 0)
    spool.append([block(b"more")])
    waiting = spool.waiting(*reader.spot)
    assert waiting.size > 0 and waiting.since == 1_000


def test_a_torn_tail_is_cut_and_told(tmp_path: Path) -> None:
    spool, told = opened(Folder(tmp_path)), list[str]()
    spool.append([block(b"a"), block(b"b")])
    file = tmp_path / name_of(0)
    file.write_bytes(file.read_bytes()[:-1])
    again = opened(Folder(tmp_path), told=told)
    assert values(again) == [b"a"] and again.end.number == 1
    assert [sentence.partition(" bytes were cut off")[1] for sentence in told] == [" bytes were cut off"]
    again.append([block(b"c")])
    assert values(opened(Folder(tmp_path))) == [b"a", b"c"]


@pytest.mark.parametrize("at", [3, 60, -5])
def test_a_damaged_file_that_was_complete_is_refused(tmp_path: Path, at: int) -> None:
    spool = opened(Folder(tmp_path))
    for n in range(30):
        spool.append([block(b"%d" % n)])
    file = tmp_path / name_of(0)
    text = bytearray(file.read_bytes())
    text[at] ^= 1
    file.write_bytes(text)
    with pytest.raises(SpoolDamaged, match=f"{name_of(0)} has no intact record"):
        values(opened(Folder(tmp_path)))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    spool = opened(Folder(tmp_path))
    for n in range(30):
        spool.append([block(b"%d" % n)])
    first, second = spool.segments[0], spool.segments[1]
    (tmp_path / first.name).unlink()
    with pytest.raises(SpoolDamaged, match=f"records 0 to {second.first - 1} are missing"):
        values(opened(Folder(tmp_path)))


def test_a_file_of_another_spool_does_not_fit(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder, origin in ((mine, 1), (other, 2)):
        folder.mkdir()
        spool = Spool(Folder(folder), SMALL, origin, print)
        for n in range(30):
            spool.append([block(b"%d" % n)])
    names = sorted(file.name for file in mine.iterdir())
    (other / names[1]).replace(mine / names[1])
    with pytest.raises(SpoolDamaged, match=names[1]):
        values(opened(Folder(mine)))
