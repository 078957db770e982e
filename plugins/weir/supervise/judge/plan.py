"""What a deploy would do, before anything stops: a pure function of what ran, what is to run, the head and the topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import NO_NAMES, labelled, labels, sources_of
from spark_jobs.runtime.options import Change as Needs
from weir.errors import DataLoss, Diverged, Refused, WeirError
from weir.jobs.bundle import Made
from weir.jobs.options import Model, change, defaults
from weir.jobs.spec import JobSpec
from weir.supervise.judge.epoch_start import Bounds, lost_of
from weir.supervise.judge.verdict import MADE_AGAIN, gone_in_words, lost_in_words

REPLAYED = "new lines are read by it; a recount reads each line by the value that counted it"
NOTES = {"cluster": "the old driver ends by itself when it is superseded"}
OPTIONS = "options."


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
        return f"{self.name}: {'ok' if self.ok else 'unknown' if self.ok is None else 'NOT OK'}: {self.text}"


@dataclass(frozen=True)
class Change:
    """What it is, and why, in sentences. `error` is what a deploy that is refused for that raises."""

    kind: Kind
    why: tuple[str, ...]
    error: type[WeirError] = Refused


@dataclass(frozen=True)
class Plan:
    """A change with all that was looked at before it. `made` is the code that is here, None where a kept version is gone back to."""

    job: str
    version: str
    before: str  # the version that is wanted now, empty for none
    spec: JobSpec
    change: Change
    differences: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    made: Made | None = None

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


def classify(ran: JobSpec | None, spec: JobSpec, model: Model, head: Head | None, topic: Bounds | None, finding: str = "") -> Change:
    """`ran` is the spec of the newest driver, None if nobody knows it; `topic` is None if the broker did not answer; `finding` says why no
    checkpoint leads on; `model` declares the options of the job."""
    if head is None or not head.attempt:
        return Change(Kind.NEW_EPOCH, ("the first epoch begins with the oldest lines in the topic",))
    if refused := _another_job(ran, spec, head):
        return Change(Kind.REFUSED, (f"{refused}. Give the other one a job of its own",))
    if gone := _loss(head, topic):
        return Change(Kind.REFUSED, (gone,), DataLoss)
    where = f"behind batch {head.last_landed} of epoch {head.epoch}, at {_text(head)}{_added(head, topic)}"
    if ended := fixed(ran, spec, model):
        return Change(Kind.NEW_EPOCH, (f"{', '.join(ended)}: fixed for an epoch", f"epoch {head.epoch + 1} begins exactly {where}"))
    if finding and not spec.restart.rebuild_on_divergence:
        return Change(Kind.REFUSED, (f"no checkpoint is usable, and the spec leaves a new epoch to an operator: {finding}",), Diverged)
    if finding:
        return Change(Kind.NEW_EPOCH, (f"no checkpoint is usable: {finding}", f"epoch {head.epoch + 1} begins exactly {where}"))
    if read := _needing(Needs.REPLAY, ran, spec, model):
        kept = f"{', '.join(read)}: what has landed stays as it was read, and is recounted so"
        anew = "to read old lines by the new value, replay the topic into a job of its own"
        return Change(Kind.NEEDS_REPLAY, (kept, anew, f"continues {where}"))
    return Change(Kind.SAME_CHECKPOINT, (f"continues {where}",))


def classify_plain(ran: JobSpec | None, spec: JobSpec) -> Change:
    """What a deploy does to a plain job, whose offsets are in its own checkpoint alone."""
    if ran is None:
        return Change(Kind.NEW_EPOCH, ("the first driver begins with an empty checkpoint",))
    if refused := _another_job(ran, spec):
        return Change(Kind.REFUSED, (f"{refused}. Give the other one a job of its own",))
    return Change(Kind.SAME_CHECKPOINT, ("continues from its checkpoint, if Spark can read that with the new code",))


def _another_job(ran: JobSpec | None, spec: JobSpec, head: Head | None = None) -> str:
    """Why the spec is of another job than the one that ran; empty if it is not. The head knows the topics that were counted."""
    if ran is None:
        return ""
    if ran.kind is not spec.kind:
        return f"a {ran.kind.name} job cannot become a {spec.kind.name} job"
    counted = sorted(head.names.values()) if head and head.names else ran.source.names
    same = bool(head and head.names) or ran.source.pattern == spec.source.pattern or not ran.source.pattern
    dropped = [topic for topic in counted if not spec.source.reads(topic)]
    if not ran.source or not spec.source or (same and not dropped):
        return ""
    if len(counted) > 1 and dropped:
        return f"{ran.source} cannot become {spec.source}: the job has counted the topic {', '.join(dropped)}, which that does not read"
    return f"the topic {ran.source} cannot become {spec.source}: offsets belong to one topic"


def _added(head: Head, topic: Bounds | None) -> str:
    """Which topics join the job with the next attempt, and where they begin; empty for none."""
    begins = topic.joining(head) if topic else {}
    names = {source: name for source, name in topic.names.items() if source in sources_of(begins)} if topic else NO_NAMES
    offsets = ", ".join(f"{label}: {offset}" for label, offset in labelled(begins, names).items())
    return f"; adds the topic {', '.join(sorted(names.values()))}, which begins at {offsets}" if begins else ""


def fixed(ran: JobSpec | None, spec: JobSpec, model: Model) -> list[str]:
    """The differences that an epoch cannot have in its middle."""
    return _needing(Needs.NEW_EPOCH, ran, spec, model)


def differences(ran: JobSpec | None, spec: JobSpec, model: Model) -> tuple[str, ...]:
    """Each field that differs, and what that means where it means something."""
    found = ((text, _note(name, model)) for name, text in _differing(ran, spec, model).items())
    return tuple(f"{text} ({note})" if note else text for text, note in found) or ("the code alone",)


def _needing(needs: Needs, ran: JobSpec | None, spec: JobSpec, model: Model) -> list[str]:
    return [text for name, text in _differing(ran, spec, model).items() if _needs(name, model) is needs]


def _note(name: str, model: Model) -> str:
    return REPLAYED if _needs(name, model) is Needs.REPLAY else NOTES.get(name, "")


def _needs(name: str, model: Model) -> Needs:
    """What a change of a spec's field needs."""
    return change(model, name.removeprefix(OPTIONS)) if name.startswith(OPTIONS) else Needs.NOTHING


def _loss(head: Head, topic: Bounds | None) -> str:
    """What is lost, so that no driver can go on from the head; empty for nothing, or if the broker did not answer."""
    if topic is None:
        return ""
    gone = topic.gone_of(head)
    if topic.names:
        return "; ".join(gone_in_words(gone, head.names, topic.names) + lost_in_words(lost_of(head, topic), {**head.names, **topic.names}))
    if gone:
        return MADE_AGAIN
    frontier = topic.frontier(head)
    names = labels(frontier, head.names)
    if fewer := [name for p, name in names.items() if frontier[p] and p not in topic.ends]:
        return f"the topic no longer has the partitions {', '.join(fewer)}, which were counted"
    return "; ".join(lost_in_words(lost_of(head, topic)))


def _differing(ran: JobSpec | None, spec: JobSpec, model: Model) -> dict[str, str]:
    """By name of the field: how it was and how it is to be."""
    old, new = _values(ran, model) if ran else {}, _values(spec, model)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)] if ran else []
    return {name: f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}" for name in names}


def _values(spec: JobSpec, model: Model) -> dict[str, Any]:
    """Every field by its name. An option that a spec does not name has the default of the model."""
    values = spec.model_dump()
    return _flat(values | {"options": defaults(model) | values["options"]} if "options" in values else values)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _text(head: Head) -> str:
    return ", ".join(f"{p}: {o}" for p, o in head.shown_frontier.items()) or "its beginning"
