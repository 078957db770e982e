"""The state machine: hypothesis chooses what happens next; the world asserts that every read is exact and every landed range joins."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spark_jobs.protocol.partition import Partition
from weir.counts.read import Grain

from .world import HOUR, PARTITIONS, SHARDS, World

PLACES = st.tuples(st.sampled_from((0, HOUR)), st.integers(0, SHARDS - 1))


def machine(make_store: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    class Counting(RuleBasedStateMachine):
        world: World

        @initialize(seed=st.integers(0, 2**32))
        def begin(self, seed: int) -> None:
            self.world = World(make_store(), random.Random(seed))
            self.world.spawn(self.world.take_over)

        @rule(partition=st.sampled_from(PARTITIONS), n=st.integers(1, 5))
        def lines_arrive(self, partition: Partition, n: int) -> None:
            self.world.end[partition] += n

        @rule(times=st.integers(1, 25), which=st.randoms(use_true_random=False))
        def time_passes(self, times: int, which: random.Random) -> None:
            for _ in range(times):
                processes = self.world.drivers + self.world.others
                if processes:
                    self.world.step(which.choice(processes))

        @rule()
        def supervisor_takes_over(self) -> None:
            self.world.spawn(self.world.take_over)

        @rule()
        def supervisor_rebuilds(self) -> None:
            self.world.spawn(self.world.rebuild)

        @rule(partition=st.sampled_from(PARTITIONS), n=st.integers(1, 5))
        def retention_passes(self, partition: Partition, n: int) -> None:
            self.world.forget(partition, n)

        @rule()
        def somebody_accepts_the_loss(self) -> None:
            self.world.spawn(self.world.accept_loss)

        @rule()
        def somebody_quarantines(self) -> None:
            self.world.spawn(self.world.quarantine)

        @rule(at=PLACES)
        def folding_begins(self, at: tuple[int, int]) -> None:
            self.world.spawn(lambda: self.world.fold(at))

        @rule(at=PLACES)
        def sweeping_begins(self, at: tuple[int, int]) -> None:
            self.world.spawn(lambda: self.world.sweep(at))

        @rule(at=PLACES)
        def somebody_reads(self, at: tuple[int, int]) -> None:
            self.world.spawn(lambda: self.world.read(at))

        @rule(shard=st.integers(0, SHARDS - 1))
        def rolling_up_begins(self, shard: int) -> None:
            self.world.spawn(lambda: self.world.roll_up(shard))

        @rule()
        def sweeping_of_rolls_begins(self) -> None:
            self.world.spawn(self.world.sweep_rolls)

        @rule(grain=st.sampled_from((Grain.HOUR, Grain.DAY)))
        def somebody_reads_roll_ups(self, grain: Grain) -> None:
            self.world.spawn(lambda: self.world.read_all(grain))

        @precondition(lambda self: self.world.drivers)
        @rule(which=st.randoms(use_true_random=False))
        def a_driver_is_killed(self, which: random.Random) -> None:
            self.world.drivers.remove(which.choice(self.world.drivers))

        @precondition(lambda self: self.world.others)
        @rule(which=st.randoms(use_true_random=False))
        def a_helper_is_killed(self, which: random.Random) -> None:
            self.world.others.remove(which.choice(self.world.others))

        @invariant()
        def landed_ranges_join(self) -> None:
            if hasattr(self, "world"):
                self.world.check_ledger()

        def teardown(self) -> None:
            if hasattr(self, "world"):
                self.world.settle()
                self.world.check_ledger()
                self.world.check_all_counted()

    return Counting
