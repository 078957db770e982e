"""What is wrong with a job beside its stream's own verdict, such as counts that a recount could not prove. Pure.

A concern never changes the verdict, and nothing is restarted for it: it is shown with the verdict, and opens an incident of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

EVIDENCE = "concerns"  # the name of the list in a report's evidence


@dataclass(frozen=True)
class Concern:
    """One thing that is wrong. `key` tells several of a kind apart, such as services; `since` in ms."""

    kind: str
    key: tuple[str, ...]
    since: int
    sentence: str
    next_step: str
    severity: str = "warning"

    @property
    def name(self) -> str:
        """Return the name for people, such as `unproven recount`."""
        return " ".join((self.kind.replace("_", " "), *self.key))

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "key": list(self.key)}


def concerns_of(evidence: Mapping[str, object]) -> list[Concern]:
    """Return the concerns of a report. Those that another version of Weir wrote in another form are left out."""
    found: Any = evidence.get(EVIDENCE) or ()
    read = []
    for values in found:
        try:
            read.append(Concern(**{**values, "key": tuple(values["key"])}))
        except (TypeError, KeyError):
            continue
    return read


def merged(parts: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Merge evidence of several probes: concerns are joined, everything else replaced."""
    evidence: dict[str, object] = {}
    joined: list[Concern] = []
    for part in parts:
        joined += concerns_of(part)
        evidence |= {name: value for name, value in part.items() if name != EVIDENCE}
    return {**evidence, **as_evidence(joined)}


def continued(evidence: Mapping[str, object], before: Mapping[str, object]) -> dict[str, object]:
    """Return the evidence with the beginning of each concern that the last report had already: a new process has not seen it begin."""
    began = {(one.kind, one.key): one.since for one in concerns_of(before)}
    found = [replace(one, since=min(one.since, began.get((one.kind, one.key), one.since))) for one in concerns_of(evidence)]
    return {**evidence, **as_evidence(found)}


def as_evidence(concerns: Iterable[Concern]) -> dict[str, object]:
    """Return evidence with these concerns; empty for none."""
    found = [concern.as_dict() for concern in sorted(concerns, key=lambda one: (one.since, one.name))]
    return {EVIDENCE: found} if found else {}
