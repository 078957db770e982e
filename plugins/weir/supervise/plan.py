"""What a deploy would do, before anything stops: a pure function of what ran, what is to run, the head and the topic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import labels
from weir.errors import DataLoss, Diverged, Refused, WeirError
from weir.jobs.spec import JobSpec
from weir.supervise.epoch_start import Bounds, lost
from weir.supervise.verdict import lost_in_words

FIXED = ("panes.width", "panes.shards")  # for an epoch: what is in the store by them is read as the epoch began
READING = ("source.line_format", "source.time_zone", "panes.future_skew")  # how a line is read: what has landed was read otherwise
NOTES = {
    **dict.fromkeys(READING, "lines from here on are read by it; a recount reads each by what it was counted by"),
    "cluster": "the old driver ends by itself, when it sees that it was superseded",
}


class Kind(StrEnum):
    NO_CHANGE = "no change"
    SAME_CHECKPOINT = "same checkpoint"
    NEEDS_REPLAY = "needs replay"  # the same checkpoint, too: nobody is kept from going on
    NEW_EPOCH = "new epoch"
    REFUSED = "refused"


@dataclass(frozen=True)
class Check:
    """One look of the pre-flight. `ok` is None where nobody can say: that refuses nothing, since an outage is no fault of the deploy."""

    name: str
    ok: bool | None
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {'ok' if self.ok else 'not known' if self.ok is None else 'NOT OK'}: {self.text}"


@dataclass(frozen=True)
class Change:
    """What it is, and why, in sentences. `error` is what a deploy that is refused for that raises."""

    kind: Kind
    why: tuple[str, ...]
    error: type[WeirError] = Refused


@dataclass(frozen=True)
class Plan:
    """A change with all that was looked at before it. `kept` says that the version's code is a kept one, not the one that is here."""

    job: str
    version: str
    before: str  # the version that is wanted now, empty for none
    spec: JobSpec
    change: Change
    differences: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    kept: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.REFUSED if any(check.ok is False for check in self.checks) else self.change.kind

    @property
    def refusals(self) -> str:
        """Why it is refused, in sentences; empty if it is not."""
        failed = [f"{c.name}: {c.text}" for c in self.checks if c.ok is False]
        return "; ".join([*(self.change.why if self.change.kind is Kind.REFUSED else ()), *failed])

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.job}: {self.before or 'nothing'} -> {self.version}: {self.kind}"
        yield from (f"  {sentence}" for sentence in self.change.why)
        yield from (f"  changes {difference}" for difference in self.differences)
        yield from (f"  checked {check}" for check in self.checks)


def classify(ran: JobSpec | None, spec: JobSpec, head: Head | None, topic: Bounds | None, finding: str = "") -> Change:
    """`ran` is the spec of the newest driver, None if nobody knows it; `topic` is None if the broker did not answer; `finding` says why no
    checkpoint leads on."""
    if head is None or not head.attempt:
        return Change(Kind.NEW_EPOCH, ("the first epoch begins with the oldest lines that the topic has",))
    if ran is not None and ran.source.topic != spec.source.topic:
        why = (
            f"the topic {ran.source.topic} cannot become {spec.source.topic}: offsets are of one topic. Give the other one a job of its own"
        )
        return Change(Kind.REFUSED, (why,))
    if gone := _loss(head, topic):
        return Change(Kind.REFUSED, (gone,), DataLoss)
    where = f"behind batch {head.last_landed} of epoch {head.epoch}, at {_text(head)}"
    if ended := fixed(ran, spec):
        return Change(Kind.NEW_EPOCH, (f"{', '.join(ended)}: fixed for an epoch", f"epoch {head.epoch + 1} begins exactly {where}"))
    if finding and not spec.restart.rebuild_on_divergence:
        return Change(Kind.REFUSED, (f"no checkpoint leads on, and the spec leaves a new epoch to a person: {finding}",), Diverged)
    if finding:
        return Change(Kind.NEW_EPOCH, (f"no checkpoint leads on: {finding}", f"epoch {head.epoch + 1} begins exactly {where}"))
    if read := _of(READING, ran, spec):
        kept = f"{', '.join(read)}: what has landed stays as it was read, and is recounted so"
        anew = "to read it anew, replay the topic into a job of its own"
        return Change(Kind.NEEDS_REPLAY, (kept, anew, f"goes on {where}"))
    return Change(Kind.SAME_CHECKPOINT, (f"goes on {where}",))


def fixed(ran: JobSpec | None, spec: JobSpec) -> list[str]:
    """The differences that an epoch cannot have in its middle."""
    return _of(FIXED, ran, spec)


def _of(names: Collection[str], ran: JobSpec | None, spec: JobSpec) -> list[str]:
    return [text for name, text in _differing(ran, spec).items() if name in names]


def differences(ran: JobSpec | None, spec: JobSpec) -> tuple[str, ...]:
    """Each field that differs, and what that means for counts where it means something."""
    found = _differing(ran, spec)
    return tuple(f"{text} ({NOTES[name]})" if name in NOTES else text for name, text in found.items()) or ("the code alone",)


def _loss(head: Head, topic: Bounds | None) -> str:
    """What is lost, so that no driver can go on from the head; empty for nothing, or if the broker did not answer."""
    if topic is None:
        return ""
    if topic.gone_of(head):
        return "the topic was deleted and made again under the same name"
    frontier = topic.frontier(head)
    names = labels(frontier, head.names)
    if gone := [name for p, name in names.items() if frontier[p] and p not in topic.ends]:
        return f"the topic has no longer the partitions {', '.join(gone)}, which were counted"
    return "; ".join(lost_in_words(lost(frontier, topic.earliest, topic.ends)))


def _differing(ran: JobSpec | None, spec: JobSpec) -> dict[str, str]:
    """By name of the field: how it was and how it is to be."""
    old, new = _flat(ran.model_dump()) if ran else {}, _flat(spec.model_dump())
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)] if ran else []
    return {name: f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}" for name in names}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _text(head: Head) -> str:
    return ", ".join(f"{p}: {o}" for p, o in head.shown_frontier.items()) or "its beginning"
