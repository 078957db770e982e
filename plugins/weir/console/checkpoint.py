"""Describe the checkpoint: where the next attempt continues, and the doctor's findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weir.supervise.judge.doctor import Finding, Seen, examine
from weir.supervise.judge.lineage import usable


def in_words(job: str, seen: Seen | None) -> dict[str, Any]:
    """Return `sentences` about the checkpoint, and `findings`, harmful ones first."""
    if seen is None:
        return {"sentences": [f"{job} has not been deployed yet: there is no checkpoint."], "findings": []}
    findings = sorted(examine(seen), key=lambda finding: finding.harmless)
    return {"sentences": [_begins(seen), _size(seen), _verdict(findings)], "findings": [vars(finding) for finding in findings]}


def _begins(seen: Seen) -> str:
    plans = usable(seen.folder, seen.folders)
    of = f"attempt {seen.folder.attempt} of epoch {seen.folder.epoch}"
    if plans is None or plans.committed not in plans.planned:
        return f"No batch is committed in the checkpoint of {of}."
    planned = f"; batch {plans.newest} is planned" if plans.newest > plans.committed else ""
    return f"The checkpoint of {of} is committed up to batch {plans.committed}, at {_offsets(plans.shown(plans.committed))}{planned}."


def _size(seen: Seen) -> str:
    sizes = seen.folder.sizes.values()
    return f"{len(sizes):,} files, {sum(sizes):,} bytes, at {seen.folder.location}"


def _verdict(findings: Sequence[Finding]) -> str:
    harmful = sum(not finding.harmless for finding in findings)
    return f"{harmful} finding{'' if harmful == 1 else 's'} for an operator to check." if harmful else "No harmful findings."


def _offsets(ends: Mapping[str, int]) -> str:
    return ", ".join(f"partition {p}: {o}" for p, o in ends.items())
