"""Rule 7: a head that was restored from an older copy. The real code goes on from it, and what is read in between is right or refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from spark_jobs.protocol.head import Head, brought_forward, rebuilt
from weir.errors import Conflict, NotProven
from weir.supervise.judge.lineage import forgotten
from weir.supervise.start import takeover
from weir.testing import MemoryStore

from . import world as worlds
from .world import HOUR, JOB, PARTITIONS, SHARDS, Checkpoint, World


class Restoring(World):
    """Keeps every head there was. `restore` puts back an old one, with all drivers gone: that is how a store is restored."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(MemoryStore(), rng)
        self.copies: list[Head] = []

    def restore(self) -> None:
        self.drivers.clear()
        self.others.clear()
        self.raw._heads[JOB] = self.rng.choice(self.copies)

    def heal(self) -> None:
        """What the manager does: a number beyond all that is known, and from the ledger's end if it knows more than the head."""
        highest = max(self.checkpoints, default=0)
        head = takeover.take_over(self.raw, JOB, self.raw.head(JOB).attempt, highest)
        if forgotten(head, self.newest()):
            head = takeover.rebuild(self.raw, JOB, head.attempt, lambda head: self.begin(brought_forward(head, self.newest())))
            self.checkpoints[head.attempt] = Checkpoint(head.end)
        else:
            fitting = [c for a, c in self.checkpoints.items() if c.end_of(head.last_landed) == dict(head.frontier)]
            if head.last_landed >= 0 and not fitting:
                head = takeover.rebuild(self.raw, JOB, head.attempt, self.begin)
            self.checkpoints[head.attempt] = Checkpoint(head.frontier) if not head.has_batch else self._copied(fitting[-1], head)
        self.spawn_driver(head.attempt)

    def begin(self, head: Head) -> Head:
        return rebuilt(head, head.frontier)

    def newest(self) -> Head | None:
        return next(iter(self.raw.ledger(JOB)), None)

    def _copied(self, source: Checkpoint, head: Head) -> Checkpoint:
        kept = {b: e for b, e in source.offsets.items() if b <= head.last_landed}
        return Checkpoint(head.start if head.batch_id <= 0 else source.start, kept, set(kept))


def walk(seed: int) -> tuple[int, int]:
    """Counts, folds and a restored head in any order. Returns how often reads were refused, and how many heads were behind the ledger."""
    rng = random.Random(seed)
    world, refused, behind = Restoring(rng), 0, 0
    world.spawn(world.take_over)
    for _ in range(rng.randint(60, 250)):
        at = rng.choice((0, HOUR)), rng.randrange(SHARDS)
        chance = rng.random()
        if chance < 0.2:
            world.end[rng.choice(PARTITIONS)] += rng.randint(1, 5)
        elif chance < 0.25:
            world.spawn(world.take_over)
        elif chance < 0.27:
            process = worlds.greenlet(lambda at=at: world.fold(at))
            world._finish(process)
        elif world.drivers or world.others:
            world.step(rng.choice(world.drivers + world.others))
        world.copies.append(world.raw.head(JOB))
    world.restore()
    behind += bool(forgotten(world.raw.head(JOB), world.newest()))
    for hour, shard in ((0, 0), (0, 1), (HOUR, 0), (HOUR, 1)):
        refused += not may_be_read(world, (hour, shard))
    world.heal()
    world.settle()
    check(world)
    return refused, behind


def may_be_read(world: Restoring, at: tuple[int, int]) -> bool:
    """Right as of the head that was restored, or refused; never something else."""
    from weir.counts import read as reading

    try:
        cells = reading.read(world.raw, JOB, at)
    except NotProven:
        return False
    spans = worlds.landed(world.raw.head(JOB), world.raw.firsts(JOB))
    heads = {(h.by, h.batch_id): h for h in (*world.raw.ledger(JOB), world.raw.head(JOB)) if (h.by, h.batch_id) in spans}
    assert cells == world.truth(at, list(heads.values())), at
    return True


def check(world: Restoring) -> None:
    """At the end every line is counted once: all that readers see is the truth of the whole source."""
    from weir.counts import read as reading

    for hour, shard in ((0, 0), (0, 1), (HOUR, 0), (HOUR, 1)):
        whole = Head(JOB, 1, 0, "", 0, worlds.State.LANDED, 0, 0, dict.fromkeys(world.end, 0), world.end)
        assert reading.read(world.raw, JOB, (hour, shard)) == world.truth((hour, shard), [whole])


def test_no_line_is_lost_or_doubled_by_a_restored_head() -> None:
    seen = [walk(seed) for seed in range(300)]
    assert sum(refused for refused, _ in seen) > 10 and sum(behind for _, behind in seen) > 10, seen


def fails_within(seeds: int) -> bool:
    for seed in range(seeds):
        try:
            walk(seed)
        except (AssertionError, NotProven, Conflict):
            return True
    return False


def _go_on_from_the_old_head(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tests.unit.protocol.test_restored.brought_forward", lambda head, kept: head)


def _read_whatever_is_published(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("weir.counts.restored.refuse", lambda *args: None)


def _publish_what_the_ledger_does_not_have(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("weir.counts.restored.keep", lambda *args: None)


@pytest.mark.parametrize("breaks", [_go_on_from_the_old_head, _read_whatever_is_published, _publish_what_the_ledger_does_not_have])
def test_a_broken_rule_is_caught(breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch)
    assert fails_within(300)
