"""The outbox: nothing is lost whatever is killed in between, and what may have arrived already says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from weir.alerts import messages as words
from weir.alerts import outbox
from weir.alerts.book import Delivery, Message
from weir.alerts.deliver import deliver
from weir.alerts.keep import change, open_book
from weir.alerts.outbox import KEEP, LEASE_MS, Sent
from weir.alerts.sink import Inbox, message_of
from weir.testing import Clock, MemoryStore

JOB = "job"
REPEAT = words.repeat(Message("", "", "", "", "", "", "", 0)).strip()


def message(i: int) -> Message:
    return Message(f"m{i}", "incident", JOB, "opened", "warning", f"title {i}", f"text {i}", i)


def queue(store: MemoryStore, i: int, *sinks: str) -> None:
    from dataclasses import replace

    new = [Delivery(message(i), sink) for sink in sinks]
    change(store, JOB, lambda book: replace(book, outbox=outbox.queued(book.outbox, new)))


class Killed(BaseException):
    """The process ends here."""


class Fragile(MemoryStore):
    """Dies before or after the n-th write."""

    def __init__(self) -> None:
        super().__init__()
        self.dies: tuple[int, bool] | None = None

    def set_book(self, job: str, expected: Any, new: Any) -> bool:
        at, after = self.dies or (-1, False)
        self.dies = (at - 1, after) if self.dies else None
        if at == 0 and not after:
            raise Killed
        done = super().set_book(job, expected, new)
        if at == 0:
            raise Killed
        return done


class World:
    """A sink that may be killed with its caller before or after it has taken a message, or refuse it, or take it and not say so."""

    def __init__(self) -> None:
        self.store, self.clock = Fragile(), Clock()
        self.taken: dict[str, list[Message]] = {"a": [], "b": []}
        self.queued = 0
        self.behaves = {"a": "well", "b": "well"}

    def sinks(self, name: str) -> Any:
        world = self

        class Sink:
            def send(self, message: Message) -> Sent:
                how = world.behaves[name]
                if how == "refuses":
                    return Sent("it says 500")
                if how == "dies before":
                    raise Killed
                world.taken[name].append(message)
                if how == "dies after":
                    raise Killed
                return Sent("no answer in time", doubtful=True) if how == "hangs" else Sent()

        return Sink()

    def deliver(self) -> None:
        try:
            deliver(self.store, JOB, self.sinks, self.clock)
        except Killed:
            self.store.dies = None

    def settle(self) -> None:
        self.behaves = {"a": "well", "b": "well"}
        for _ in range(20):
            self.clock.sleep(3600)
            self.deliver()


class Delivering(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @rule(sinks=st.sampled_from((("a",), ("b",), ("a", "b"))))
    def a_decision(self, sinks: tuple[str, ...]) -> None:
        queue(self.world.store, self.world.queued, *sinks)
        self.world.queued += 1

    @rule(sink=st.sampled_from("ab"), how=st.sampled_from(("well", "refuses", "hangs", "dies before", "dies after")))
    def a_sink_changes(self, sink: str, how: str) -> None:
        self.world.behaves[sink] = how

    @rule(writes=st.integers(0, 5), after=st.booleans())
    def the_deliverer_dies_at_a_write(self, writes: int, after: bool) -> None:
        self.world.store.dies = writes, after
        self.world.deliver()
        self.world.store.dies = None

    @rule(seconds=st.sampled_from((0, 5, 61, 700)))
    def somebody_delivers(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)
        self.world.deliver()

    @rule()
    def all_is_well_again(self) -> None:
        self.world.settle()
        assert open_book(self.world.store, JOB)[1].outbox == ()
        both = {m.id for taken in self.world.taken.values() for m in taken}
        assert both == {f"m{i}" for i in range(self.world.queued)}, "nothing is lost"

    @invariant()
    def what_came_twice_says_so_and_in_order(self) -> None:
        for taken in self.world.taken.values() if hasattr(self, "world") else ():
            ids = [m.id for m in taken]
            assert all(REPEAT in m.text for i, m in enumerate(taken) if m.id in ids[:i])
            firsts = list(dict.fromkeys(ids))
            assert firsts == sorted(firsts, key=lambda name: int(name[1:]))


def test_whatever_is_killed_nothing_is_lost_and_a_repeat_says_so() -> None:
    checks = settings(max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    run_state_machine_as_test(Delivering, settings=checks)


def test_it_finds_an_outbox_that_forgets_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    begun = outbox.begun

    def forgetful(waiting: Any, delivery: Delivery, now: int) -> Any:
        return begun(waiting, replace(delivery, begun=False, doubtful=False), now)

    monkeypatch.setattr(outbox, "begun", forgetful)
    with pytest.raises(AssertionError):
        test_whatever_is_killed_nothing_is_lost_and_a_repeat_says_so()


def test_a_sink_that_fails_is_tried_again_later_and_keeps_nobody_waiting() -> None:
    world = World()
    world.behaves["a"] = "refuses"
    queue(world.store, 0, "a", "b")
    world.deliver()
    assert [m.id for m in world.taken["b"]] == ["m0"] and world.taken["a"] == []
    (left,) = open_book(world.store, JOB)[1].outbox
    assert (left.sink, left.tries, left.trouble, left.doubtful) == ("a", 1, "it says 500", False)
    waits = []
    for _ in range(9):
        before = open_book(world.store, JOB)[1].outbox[0].not_before
        world.clock.now = before / 1000
        world.deliver()
        waits.append((open_book(world.store, JOB)[1].outbox[0].not_before - before) / 1000)
    assert waits == [20, 40, 80, 160, 320, 600, 600, 600, 600]
    world.settle()
    assert [m.text for m in world.taken["a"]] == ["text 0"], "it never arrived before, so it is no repeat"


def test_what_a_sink_asks_for_is_heeded() -> None:
    delivery = Delivery(message(0), "a")
    (waiting,), mine = outbox.begun([delivery], delivery, 0)
    assert waiting.not_before == LEASE_MS and outbox.due([waiting], LEASE_MS - 1) is None
    (left,) = outbox.settled([waiting], mine, Sent("it says 429", retry_after_ms=120_000), 1)
    assert left.not_before == 120_001 and not left.begun


def test_who_comes_back_from_the_dead_does_not_undo_what_another_has_begun() -> None:
    delivery = Delivery(message(0), "a")
    waiting, first = outbox.begun([delivery], delivery, 0)
    waiting, second = outbox.begun(waiting, waiting[0], LEASE_MS)
    assert second.doubtful and outbox.settled(waiting, first, Sent("it says 500"), LEASE_MS + 1) == waiting
    assert outbox.settled(waiting, first, Sent(), LEASE_MS + 1) == ()


def test_a_sink_that_is_away_for_days_does_not_fill_the_store() -> None:
    waiting: tuple[Delivery, ...] = ()
    for i in range(KEEP + 30):
        waiting = outbox.queued(waiting, [Delivery(message(i), "a"), Delivery(message(i), "b")])
    assert len(waiting) == 2 * (KEEP + 1)
    more = waiting[-1].message
    assert more.kind == "more" and more.text.splitlines()[0] == f"title {KEEP}" and len(more.text.splitlines()) == 30


def test_a_sink_that_is_not_there_is_a_failure_and_not_the_end() -> None:
    from weir.errors import BadInput

    store, clock = MemoryStore(), Clock()
    queue(store, 0, "gone", "inbox")

    def sinks(name: str) -> Any:
        if name == "inbox":
            return Inbox(store)
        raise BadInput("there is no sink gone.")

    assert deliver(store, JOB, sinks, clock) == 1
    assert [d.trouble for d in open_book(store, JOB)[1].outbox] == ["there is no sink gone."]
    assert [message_of(m) for m in store.mails(JOB)] == [message(0)]
