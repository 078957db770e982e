"""A verdict as pages tell it: since how long, why, what landed last, and what Weir does about it and when. Pure."""

from __future__ import annotations

from typing import Any

from weir.alerts.messages import span
from weir.counts.times import at
from weir.supervise.report import CALM, TROUBLE, Report, Verdict
from weir.supervise.summary import summary

DOUBTFUL = {Verdict.UNKNOWN, Verdict.MAINTENANCE, Verdict.CATCHING_UP, Verdict.SLOW, Verdict.STARTING}


def in_words(report: Report) -> dict[str, Any]:
    """A report as pages tell it: `words` and `sentence` belong together, and `lasts` comes between them where it is known."""
    words = {"words": str(report.verdict).replace("_", " "), "sentence": sentence(report), "next_step": report.next_step}
    lasts = span(report.at - report.since) if report.since and report.at else ""
    return {**summary(report), **words, "lasts": lasts, "since": at(report.since), "tone": tone(report.verdict)}


def sentence(report: Report) -> str:
    """`Cassandra timed out; last good batch 1842, landed 14:01:58; restart 2 of 5 at 14:09:00`, as far as the report knows it."""
    told = [report.sentence.removeprefix(f"{report.job}: ")]
    if report.verdict in TROUBLE:
        told += [text for text in (_landed(report), _plan(report)) if text and text not in told[0]]
    return "; ".join(told)


def tone(verdict: Verdict) -> str:
    return "doubtful" if verdict in DOUBTFUL else "good" if verdict in CALM else "bad"


def _landed(report: Report) -> str:
    """The newest batch that counts: one that is only claimed does not."""
    batch, landed_at = report.evidence.get("batch_id"), report.evidence.get("landed_at")
    if not isinstance(batch, int):
        return ""
    good = batch if report.evidence.get("state") == "landed" else batch - 1
    when = f", landed {at(landed_at)}" if isinstance(landed_at, int) and landed_at else ""
    return f"last good batch {good}{when}" if good >= 0 else "no batch has landed in this epoch"


def _plan(report: Report) -> str:
    """What was decided; when, if that is still to come."""
    if report.act == "none":
        return "" if report.plan.endswith(" calls for nothing") else report.plan
    return f"{report.plan} at {at(report.not_before)}" if report.not_before > report.at else f"{report.plan} now"
