"""Classify what a deploy would do, from the old spec, the new spec, the head and the topic. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import NO_NAMES, labelled, labels, sources_of
from spark_jobs.runtime.options import Change as Needs
from weir.errors import DataLoss, Diverged, Refused, StateLost, WeirError
from weir.jobs.bundle import Made
from weir.jobs.options import Model, change, defaults
from weir.jobs.source import EARLIEST
from weir.jobs.spec import JobSpec
from weir.supervise.judge import landed_verdict
from weir.supervise.judge.epoch_start import Bounds, lost_of
from weir.supervise.judge.verdict import MADE_AGAIN, gone_in_words, lost_in_words

REPLAYED = "applies to new lines; a recount reads each line by the value that counted it"
NOTES = {
    "cluster": "the old driver ends by itself when it is superseded",
    "source.start": "used only by the first deploy of a job",
}
OPTIONS = "options."


class Kind(StrEnum):
    NO_CHANGE = "no change"
    SAME_CHECKPOINT = "same checkpoint"
    NEEDS_REPLAY = "needs replay"  # continues from the same checkpoint; only old lines need a replay
    NEW_EPOCH = "new epoch"
    REFUSED = "refused"


@dataclass(frozen=True)
class Check:
    """The result of one check before a deploy."""

    name: str
    ok: bool | None  # None: unknown, which refuses nothing, since an outage is no fault of the deploy
    text: str
    word: str = ""  # what is printed instead of unknown

    def __str__(self) -> str:
        return f"{self.name}: {'ok' if self.ok else (self.word or 'unknown') if self.ok is None else 'NOT OK'}: {self.text}"


@dataclass(frozen=True)
class Change:
    """The kind of a change."""

    kind: Kind
    why: tuple[str, ...]  # the reasons, as sentences
    error: type[WeirError] = Refused  # what a refused deploy raises


@dataclass(frozen=True)
class Plan:
    """A change with its checks."""

    job: str
    version: str
    before: str  # the version that should run now; empty: none
    spec: JobSpec
    change: Change
    differences: tuple[str, ...] = ()  # the fields that change
    checks: tuple[Check, ...] = ()
    made: Made | None = None  # the code in the job folder; None: the plan goes back to a kept version

    @property
    def kind(self) -> Kind:
        return Kind.REFUSED if any(check.ok is False for check in self.checks) else self.change.kind

    @property
    def refusals(self) -> str:
        """Return why it is refused, as sentences; empty if it is not."""
        failed = [f"{c.name}: {c.text}" for c in self.checks if c.ok is False]
        return "; ".join([*(self.change.why if self.change.kind is Kind.REFUSED else ()), *failed])

    def lines(self) -> Iterator[str]:
        """Yield the plan for operators, line by line."""
        yield f"{self.job}: {self.before or 'nothing'} -> {self.version}: {self.kind}"
        yield from (f"  {sentence}" for sentence in self.change.why)
        yield from (f"  changes {difference}" for difference in self.differences)
        yield from (f"  checked {check}" for check in self.checks)


def classify(ran: JobSpec | None, spec: JobSpec, model: Model, head: Head | None, topic: Bounds | None, finding: str = "") -> Change:
    """Return the change that a deploy of a counting job makes.

    `ran` is the spec of the newest driver, None if unknown; `topic` is None if the broker did not answer; `finding` says why no checkpoint
    can be continued; `model` declares the options of the job.
    """
    if head is None or not head.attempt:
        oldest = spec.source.start == EARLIEST
        return Change(Kind.NEW_EPOCH, (f"the first epoch begins {_oldest(spec) if oldest else 'at source.start'}",))
    if refused := _another_job(ran, spec, head):
        return Change(Kind.REFUSED, (f"{refused}. Make a new job for it",))
    if ran and (refused := spec.cannot_follow(ran, head.stateful)):
        return Change(Kind.REFUSED, (refused,))
    if spec.source.subscription.several and "" in head.sources:
        # Its offsets would stand beside those of the same topic by its id, which would be read from the beginning, and counted twice.
        why = f"the id of the topic that {spec.name} has counted is not recorded, so it cannot be distinguished from other topics"
        return Change(Kind.REFUSED, (f"{why}. With the old source, run: weir checkpoint {spec.name} --rebuild; then deploy this",))
    if gone := _loss(head, topic):
        return Change(Kind.REFUSED, (gone,), DataLoss)
    where = f"after batch {head.last_landed} of epoch {head.epoch}, at {_text(head)}{_added(head, topic)}"
    ended = fixed(ran, spec, model)
    if head.stateful and (ended or finding):
        why = f"{', '.join(ended)} can only change with a new epoch" if ended else f"no checkpoint is usable: {finding}"
        choices = landed_verdict.CHOICES.format(job=spec.name)
        return Change(Kind.REFUSED, (f"{why}, and its state would be lost. Choose: {choices}",), StateLost)
    if ended:
        return Change(
            Kind.NEW_EPOCH, (f"{', '.join(ended)}: can only change with a new epoch", f"epoch {head.epoch + 1} begins exactly {where}")
        )
    if finding and not spec.restart.rebuild_on_divergence:
        return Change(Kind.REFUSED, (f"no checkpoint is usable, and the spec leaves a new epoch to an operator: {finding}",), Diverged)
    if finding:
        return Change(Kind.NEW_EPOCH, (f"no checkpoint is usable: {finding}", f"epoch {head.epoch + 1} begins exactly {where}"))
    if read := _needing(Needs.REPLAY, ran, spec, model):
        kept = f"{', '.join(read)}: landed lines stay as they were read, and a recount reads them by the old value"
        anew = "to read old lines by the new value, replay the topic into a new job"
        return Change(Kind.NEEDS_REPLAY, (kept, anew, f"continues {where}"))
    return Change(Kind.SAME_CHECKPOINT, (f"continues {where}",))


def classify_plain(ran: JobSpec | None, spec: JobSpec) -> Change:
    """Return the change that a deploy of a plain job makes. Its offsets are only in its own checkpoint."""
    if ran is None:
        return Change(Kind.NEW_EPOCH, ("the first driver begins with an empty checkpoint",))
    if refused := _another_job(ran, spec):
        return Change(Kind.REFUSED, (f"{refused}. Make a new job for it",))
    return Change(Kind.SAME_CHECKPOINT, ("continues from its checkpoint, if the new code can read it",))


def _another_job(ran: JobSpec | None, spec: JobSpec, head: Head | None = None) -> str:
    """Return why the spec belongs to another job than the one that ran; empty if it does not. The head has the topics that were counted."""
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
        return f"{ran.source} cannot become {spec.source}: the job has counted the topic {', '.join(dropped)}, which would be dropped"
    return f"the topic {ran.source} cannot become {spec.source}: offsets belong to one topic"


def _added(head: Head, topic: Bounds | None) -> str:
    """Say which topics join the job with the next attempt, and where they begin; empty for none."""
    begins = topic.joining(head) if topic else {}
    names = {source: name for source, name in topic.names.items() if source in sources_of(begins)} if topic else NO_NAMES
    offsets = ", ".join(f"{label}: {offset}" for label, offset in labelled(begins, names).items())
    return f"; adds the topic {', '.join(sorted(names.values()))}, which begins at {offsets}" if begins else ""


def fixed(ran: JobSpec | None, spec: JobSpec, model: Model) -> list[str]:
    """Return the differences that need a new epoch."""
    return _needing(Needs.NEW_EPOCH, ran, spec, model)


def differences(ran: JobSpec | None, spec: JobSpec, model: Model) -> tuple[str, ...]:
    """Return each field that differs, with a note on what the change means, if there is one."""
    found = ((text, _note(name, model)) for name, text in _differing(ran, spec, model).items())
    return tuple(f"{text} ({note})" if note else text for text, note in found) or ("only the code",)


def _needing(needs: Needs, ran: JobSpec | None, spec: JobSpec, model: Model) -> list[str]:
    return [text for name, text in _differing(ran, spec, model).items() if _needs(name, model) is needs]


def _note(name: str, model: Model) -> str:
    return REPLAYED if _needs(name, model) is Needs.REPLAY else NOTES.get(name, "")


def _needs(name: str, model: Model) -> Needs:
    """Return what a change of a spec's field needs."""
    return change(model, name.removeprefix(OPTIONS)) if name.startswith(OPTIONS) else Needs.NOTHING


def _loss(head: Head, topic: Bounds | None) -> str:
    """Say what is lost, so that no driver can continue from the head; empty if nothing, or if the broker did not answer."""
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
    """Return by field name how it was and how it will be."""
    old, new = _values(ran, model) if ran else {}, _values(spec, model)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)] if ran else []
    return {name: f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}" for name in names}


def _values(spec: JobSpec, model: Model) -> dict[str, Any]:
    """Return every field by its name. An option that the spec does not set has the model's default."""
    values = spec.model_dump()
    return _flat(values | {"options": defaults(model) | values["options"]} if "options" in values else values)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _text(head: Head) -> str:
    return ", ".join(f"{p}: {o}" for p, o in head.shown_frontier.items()) or "its beginning"


def _oldest(spec: JobSpec) -> str:
    kinds = [("lines in the topic", spec.source.subscription.topics or spec.source.pattern), ("files in the folder", spec.folders)]
    return f"with the oldest {' and the oldest '.join(name for name, there in kinds if there)}"
