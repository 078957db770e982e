"""Describe a verdict for the pages: for how long, why, what landed last, and what Weir does and when. Pure."""

from __future__ import annotations

from typing import Any

from weir.alerts.messages import span
from weir.counts.times import at
from weir.supervise.judge.concern import concerns_of
from weir.supervise.judge.report import CALM, TROUBLE, Report, Verdict
from weir.supervise.judge.summary import summary

DOUBTFUL = {Verdict.UNKNOWN, Verdict.MAINTENANCE, Verdict.CATCHING_UP, Verdict.SLOW, Verdict.STARTING}
NOTHING = (" needs no action", " calls for nothing")  # the second one is in reports that the release before kept


def in_words(report: Report) -> dict[str, Any]:
    """Return a report for the pages. They show `words`, `lasts` (empty if unknown) and `sentence` in this order."""
    words = {"words": str(report.verdict).replace("_", " "), "sentence": sentence(report), "next_step": report.next_step}
    lasts = span(report.at - report.since) if report.since and report.at else ""
    concerns = [
        {"name": one.name, "since": at(one.since), "sentence": one.sentence, "next_step": one.next_step}
        for one in concerns_of(report.evidence)
    ]
    return {**summary(report), **words, "lasts": lasts, "since": at(report.since), "tone": tone(report.verdict), "concern_list": concerns}


def sentence(report: Report) -> str:
    """Return a sentence such as `Cassandra timed out; last good batch 1842, landed 14:01:58; restart 2 of 5 at 14:09:00`."""
    told = [report.sentence.removeprefix(f"{report.job}: ")]
    if report.verdict in TROUBLE:
        told += [text for text in (_landed(report), _plan(report)) if text and text not in told[0]]
    return "; ".join(told)


def tone(verdict: Verdict) -> str:
    return "doubtful" if verdict in DOUBTFUL else "good" if verdict in CALM else "bad"


def _landed(report: Report) -> str:
    """Describe the newest landed batch; a claimed one does not count."""
    batch, landed_at = report.evidence.get("batch_id"), report.evidence.get("landed_at")
    if not isinstance(batch, int):
        return ""
    good = batch if report.evidence.get("state") == "landed" else batch - 1
    when = f", landed {at(landed_at)}" if isinstance(landed_at, int) and landed_at else ""
    return f"last good batch {good}{when}" if good >= 0 else "no batch has landed in this epoch"


def _plan(report: Report) -> str:
    """Describe the next action, with its time if that is in the future."""
    if report.act == "none":
        return "" if report.plan.endswith(NOTHING) else report.plan
    return f"{report.plan} at {at(report.not_before)}" if report.not_before > report.at else f"{report.plan} now"
