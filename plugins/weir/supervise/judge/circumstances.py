"""Describe a start for the timeline, as facts and as sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from spark_jobs.protocol.head import Head
from weir.ports.attempts import AttemptRow
from weir.supervise.judge.observation import KILLED_FOR_MEMORY
from weir.supervise.judge.requests import StartRequest
from weir.supervise.judge.restart import Action


def circumstances(request: StartRequest, before: Head, head: Head, old: AttemptRow | None, now: int) -> dict[str, object]:
    """Return what a start replaces, how that ended and how long ago, and what is left out.

    `old` is the row of the attempt that is replaced; `now` is in ms. A driver that was killed recorded no exit: then `batch` is the next
    one, and only the time since the last landing is known.
    """
    facts: dict[str, object] = {"epoch": head.epoch, "version": request.version, "replaces": request.judged}
    if before.has_batch or before.frontier:  # the progress of queries of a job's own is in their checkpoints
        facts |= {"batch": before.last_landed + 1, "offsets": dict(before.shown_frontier)}
    if before.landed_at:
        facts["unlanded_ms"] = now - before.landed_at
    if request.changes:
        facts["changes"] = list(request.changes)
    facts |= _of_old(request, old, now) if old else {}
    if request.batch >= 0:
        facts["batch"] = request.batch
    if head.gap and request.begins_epoch:
        facts["lines_left_out"] = head.gap.lines
    return facts


def _of_old(request: StartRequest, old: AttemptRow, now: int) -> dict[str, object]:
    facts: dict[str, object] = {}
    if old.version != request.version:
        facts["version_before"] = old.version
    if old.exit_reason:
        facts |= {"exit": old.exit_reason, "error": old.exit_error}
    if old.exit_reason and old.exit_error != KILLED_FOR_MEMORY:  # that was noted a moment ago
        facts["down_ms"] = now - old.exited_at
    if old.exit_batch >= 0:
        facts["batch"] = old.exit_batch
    return facts


def in_words(request: StartRequest, facts: Mapping[str, object]) -> str:
    """Return the sentences for operators: for a restart, how long it was down and where it continues; for a deploy, what changed."""
    sentences: list[str] = []
    if request.cause in (Action.RESTART, Action.REBUILD):
        where = f"with batch {facts['batch']}" if "batch" in facts else "from its checkpoint"
        sentences.append(f"{_since(facts)} continues {where}")
    if request.changes:
        sentences.append(f"Changed: {'; '.join(request.changes)}")
    return "".join(f" {sentence}." for sentence in sentences)


def _since(facts: Mapping[str, object]) -> str:
    """Return how long it was down, if its driver recorded its exit; else how long nothing had landed, perhaps for lack of input."""
    if isinstance(down_ms := facts.get("down_ms"), int):
        return f"It was down for {down_ms / 1000:.0f} s, and"
    if isinstance(unlanded_ms := facts.get("unlanded_ms"), int):
        return f"Nothing had landed for {unlanded_ms / 1000:.0f} s, and it"
    return "It"
