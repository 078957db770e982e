"""Keep the last report on each job: the stored one, and what this process has judged since."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from weir.errors import NotRunning
from weir.ports.attempts import AttemptRow
from weir.ports.reports import JobSnapshot, Kept, ReportStore
from weir.ports.timeline import Event
from weir.supervise.judge.report import Report, is_news, report_of

log = logging.getLogger(__name__)


class LastReports:
    """With `keeps` False, reports stay in this process and are not stored."""

    def __init__(self, store: ReportStore, keeps: bool = True) -> None:
        self._store, self._keeps = store, keeps
        self._last: dict[str, tuple[str | None, Report]] = {}  # by job: the stored report, and the last one of this process

    def before(self, job: str, snapshot: JobSnapshot) -> Report | None:
        """Return the last report: of this process, unless another process has stored one since."""
        kept, report = self._last.get(job, (None, None))
        if report is not None and kept == snapshot.report:
            return report
        return report_of(snapshot.report)

    def keep(self, snapshots: Mapping[str, JobSnapshot], judged: Mapping[str, Report]) -> None:
        """Store the reports that are news. If that fails, the next pass tries again; it must not prevent any action."""
        news: list[Kept] = []
        for job, report in judged.items():
            if not report.at:
                continue  # nothing was observed
            text = snapshots[job].report
            before = report_of(text)
            if is_news(report, before):
                news.append(_kept(report, before, snapshots[job].attempts))
            self._last[job] = text, report
        if not self._keeps:
            return
        try:
            self._store.keep_reports(news)
        except NotRunning as error:
            log.warning("%d reports could not be stored: %s", len(news), error)
        else:
            self._last |= {kept.job: (kept.report, judged[kept.job]) for kept in news}


def _kept(report: Report, before: Report | None, attempts: Sequence[AttemptRow]) -> Kept:
    detail: dict[str, object] = {"verdict": str(report.verdict), "before": str(before.verdict) if before else ""}
    text, taken = report.sentence, next((a.taken_at for a in attempts if a.attempt == report.attempt), 0)
    if before and report.settled > before.settled and taken:
        detail["caught_up_ms"] = report.at - taken
        text += f", {(report.at - taken) / 1000:.1f} s after attempt {report.attempt} took over"
    said = Event(report.at, "verdict", text, detail, report.attempt)
    return Kept(report.job, report.to_json(), said if before is None or before.verdict != report.verdict else None)
