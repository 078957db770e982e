"""Convert a check of the fleet to metric families. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, StateSetMetricFamily, SummaryMetricFamily

from spark_jobs.protocol.head import base_progress
from weir.alerts.rules import SEVERITIES
from weir.jobs.kinds import Capability
from weir.metrics.catalogue import METRICS, Kind
from weir.metrics.look import Facts, Look, ends, waited_ms
from weir.metrics.recounts import worst
from weir.supervise.judge.concern import concerns_of
from weir.supervise.judge.pause import in_force
from weir.supervise.judge.report import Verdict
from weir.times import parse_time

Samples = Iterator[tuple[str, tuple[str, ...], Any]]  # metric name, label values, and value: None if unknown
MADE_OF: Mapping[Kind, type[Metric]] = {
    Kind.GAUGE: GaugeMetricFamily,
    Kind.COUNTER: CounterMetricFamily,
    Kind.STATES: StateSetMetricFamily,
    Kind.SUMMARY: SummaryMetricFamily,
}


def empty() -> dict[str, Any]:
    """Return an empty family for each metric of the catalogue, by name."""
    return {m.name: MADE_OF[m.kind](m.name, m.help, labels=m.labels) for m in METRICS}  # type: ignore[call-arg]


def families(look: Look) -> list[Any]:
    """Return all families in the order of the catalogue."""
    found = empty()
    for name, labels, value in _samples(look):
        if isinstance(value, tuple):
            found[name].add_metric(labels, *value)
        elif value is not None:
            found[name].add_metric(labels, value)
    return list(found.values())


def _samples(look: Look) -> Samples:
    yield "weir_up", (), int(look.up)
    yield "weir_look_timestamp_seconds", (), look.at
    yield "weir_look_duration_seconds", (), look.took_s
    fits = {facts.report.job for facts in look.jobs}.difference(look.bad)
    yield from (("weir_spec_fits", (job,), int(job in fits)) for job in sorted(fits.union(look.bad)))
    for facts in look.jobs:
        job = facts.report.job
        for part in (part for part, needs in PARTS if needs is None or facts.kind.can(needs)):
            yield from ((name, (job, *labels), value) for name, labels, value in part(facts))


def _standing(facts: Facts) -> Samples:
    report, evidence = facts.report, facts.report.evidence
    due = report.not_before if report.act != "none" else 0
    yield "weir_verdict", (), {str(verdict): verdict is report.verdict for verdict in Verdict}
    for kind, n in sorted(Counter(concern.kind for concern in concerns_of(evidence)).items()):
        yield "weir_concerns", (kind,), n
    yield "weir_verdict_since_timestamp_seconds", (), _s(report.since)
    yield "weir_paused", (), int(bool(in_force(facts.snapshot.pauses, report.at))) if report.at else None
    yield "weir_action_due_timestamp_seconds", (), _s(due)
    yield "weir_epoch", (), evidence.get("epoch")
    yield "weir_attempt", (), evidence.get("attempt")
    yield "weir_batch", (), evidence.get("batch_id")


def _progress(facts: Facts) -> Samples:
    report, head, counted = facts.report, facts.snapshot.head, facts.counted
    yield "weir_lag_lines", (), report.evidence.get("lag")
    if head is not None:
        topic = ends(report)
        yield "weir_lag_seconds", (), _s(waited_ms(head, topic, facts.read_up, report.at), zero=True) if topic else None
        yield "weir_watermark_timestamp_seconds", (), _s(base_progress(head).watermark)
        yield "weir_lost_lines", (), sum(max(0, to - since) for since, to in _mapping(report.evidence.get("lost")).values())
    yield "weir_landed_timestamp_seconds", (), _s(counted.landed_at) if counted else None


def _partitions(facts: Facts) -> Samples:
    evidence = facts.report.evidence
    for p, offset in _mapping(evidence.get("offsets")).items():
        yield "weir_landed_offset", (p,), offset
    for partition, offset in ends(facts.report).items():
        yield "weir_end_offset", (partition,), offset
    for p, minutes in _mapping(evidence.get("retention_minutes")).items():
        yield "weir_unread_retention_seconds", (p,), 60 * minutes


def _proof(facts: Facts) -> Samples:
    proven = _mapping(facts.report.evidence.get("proven"))
    if proven.get("up_to"):
        yield "weir_proven_timestamp_seconds", (), _s(parse_time(proven["up_to"]))
        yield "weir_proven_ratio", (), proven["share"]
    found = worst(facts.recounts, parse_time(proven["at"]) if proven.get("at") else 0)
    if found is not None:
        yield "weir_recount_missing_lines", (), found.missing
        yield "weir_recount_doubled_lines", (), found.doubled
        yield "weir_recount_timestamp_seconds", (), _s(found.at)


def _folding(facts: Facts) -> Samples:
    backlog = _mapping(facts.report.evidence.get("fold_backlog"))
    if backlog:
        waits_ms = facts.report.at - backlog["since"] if backlog["waiting"] else 0
        yield "weir_fold_backlog", (), backlog["waiting"]
        yield "weir_fold_backlog_seconds", (), max(0, waits_ms) / 1000
        yield "weir_fold_unswept", (), backlog["unswept"]


def _starts(facts: Facts) -> Samples:
    for labels, n in sorted(facts.counted.starts.items()) if facts.counted else ():
        yield "weir_starts_total", labels, n


def _counted(facts: Facts) -> Samples:
    if (counted := facts.counted) is None:
        return
    for level, n in sorted(counted.levels.items()):
        yield "weir_lines_total", (level,), n
    for reason, n in sorted(counted.rejected.items()):
        yield "weir_rejected_lines_total", (reason,), n
    yield "weir_continuation_lines_total", (), counted.continuations
    yield "weir_late_lines_total", (), counted.late
    yield "weir_batch_count_seconds", (), (counted.batches, counted.count_s)
    yield "weir_batch_write_seconds", (), (counted.batches, counted.write_s)


def _alerts(facts: Facts) -> Samples:
    if (book := facts.alerts) is None:
        return
    for severity in SEVERITIES:
        yield "weir_incidents", (severity,), sum(1 for incident in book.incidents if incident.severity == severity)
    yield "weir_messages_waiting", (), len(book.outbox)
    oldest = min((d.message.at for d in book.outbox), default=facts.report.at)
    yield "weir_message_wait_seconds", (), max(0, facts.report.at - oldest) / 1000
    yield "weir_message_tries", (), max((d.tries for d in book.outbox if d.trouble), default=0)


# With the capability that a job's kind must have: of what it lacks there is no series.
PARTS: Sequence[tuple[Callable[[Facts], Samples], Capability | None]] = (
    (_standing, None),
    (_starts, None),
    (_progress, None),
    (_partitions, None),
    (_proof, Capability.RECOUNTS),
    (_folding, Capability.FOLDS),
    (_counted, Capability.COUNTS),
    (_alerts, None),
)


def _s(ms: int | None, zero: bool = False) -> float | None:
    """Convert ms to s. 0 means an unknown time and gives None, unless `zero` says that it is a duration."""
    return None if ms is None or (not ms and not zero) else ms / 1000


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
