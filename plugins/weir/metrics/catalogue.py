"""All metrics: name, kind, labels and help. docs/metrics.md has the same table, and a test compares them.

The label of the job is `weir_job`, since Prometheus has a `job` of its own and would rename ours. All other label values come from a fixed
set, never from a log line. Moments are seconds since 1970, durations are seconds. A metric whose value is unknown is left out; 0 would be a
statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"  # since the start of the exporter; Prometheus detects the reset
    SUMMARY = "summary"  # a sum and a count
    STATES = "state set"  # one series for each state; 1 for the current one


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ("weir_job",)

    @property
    def series(self) -> tuple[str, ...]:
        """The names that queries may use."""
        return (f"{self.name}_sum", f"{self.name}_count") if self.kind is Kind.SUMMARY else (self.name,)


GAUGE, COUNTER, PARTITION = Kind.GAUGE, Kind.COUNTER, ("weir_job", "partition")
EXPORTER = (
    Metric("weir_up", GAUGE, "1 if the store answered the last check of the fleet, 0 if not.", ()),
    Metric("weir_look_timestamp_seconds", GAUGE, "Time of the last check of the fleet.", ()),
    Metric("weir_look_duration_seconds", GAUGE, "Duration of that check.", ()),
)
STANDING = (
    Metric("weir_spec_fits", GAUGE, "1 if the job's job.yaml is valid, 0 if not. A running job keeps its deployed spec."),
    Metric("weir_verdict", Kind.STATES, "Verdict of the job."),
    Metric("weir_verdict_since_timestamp_seconds", GAUGE, "Time since which the job has this verdict."),
    Metric("weir_concerns", GAUGE, "Problems that do not change the verdict. No series if there are none.", ("weir_job", "kind")),
    Metric("weir_paused", GAUGE, "1 while a pause (hold or maintenance) is active."),
    Metric("weir_action_due_timestamp_seconds", GAUGE, "Time from which an automatic action is due. Only while one is due."),
    Metric("weir_epoch", GAUGE, "Current epoch: one lineage of checkpoints."),
    Metric("weir_attempt", GAUGE, "Current attempt: the only one that may write. Grows with each start and each stop."),
    Metric("weir_batch", GAUGE, "Last batch that was claimed or landed. Begins at 0 in each epoch."),
)
PROGRESS = (
    Metric("weir_lag_lines", GAUGE, "Lines in the broker that have not landed."),
    Metric("weir_lag_seconds", GAUGE, "Upper bound of the age of the oldest line that has not landed. 0 if there are none."),
    Metric("weir_landed_offset", GAUGE, "End offset of the landed part of the partition.", PARTITION),
    Metric("weir_end_offset", GAUGE, "End offset of the partition in the broker.", PARTITION),
    Metric("weir_landed_timestamp_seconds", GAUGE, "Time at which the last batch landed."),
    Metric("weir_watermark_timestamp_seconds", GAUGE, "Watermark: panes that end before this event time are closed."),
    Metric(
        "weir_unread_retention_seconds",
        GAUGE,
        "Lower bound of the time for which the broker keeps the first unread line. Only with lag.",
        PARTITION,
    ),
    Metric("weir_lost_lines", GAUGE, "Lines that the broker deleted before they landed, and whose loss no operator has accepted yet."),
)
PROOF = (
    Metric("weir_proven_timestamp_seconds", GAUGE, "Everything that landed up to this time was recounted and came out equal."),
    Metric("weir_proven_ratio", GAUGE, "Share of the lines up to that time that could be checked. 1 for all of them."),
    Metric("weir_recount_missing_lines", GAUGE, "Missing lines: maximum of the recounts since the counts were last proven."),
    Metric("weir_recount_doubled_lines", GAUGE, "Doubled lines: maximum of the recounts since the counts were last proven."),
    Metric("weir_recount_timestamp_seconds", GAUGE, "Time of the newest recount."),
    Metric("weir_fold_backlog", GAUGE, "Closed hours and shards that are not folded yet."),
    Metric("weir_fold_backlog_seconds", GAUGE, "Age of the oldest of them. 0 if there are none."),
    Metric("weir_fold_unswept", GAUGE, "Folded hours and shards whose deltas are due to be deleted."),
)
COUNTED = (
    Metric("weir_lines_total", COUNTER, "Lines that landed, by level.", ("weir_job", "level")),
    Metric("weir_rejected_lines_total", COUNTER, "Lines that were rejected, by reason.", ("weir_job", "reason")),
    Metric(
        "weir_continuation_lines_total", COUNTER, "Lines that continue the one before, such as stack traces: not counted, not rejected."
    ),
    Metric("weir_late_lines_total", COUNTER, "Lines that came after their pane was closed. They are counted, too."),
    Metric("weir_batch_count_seconds", Kind.SUMMARY, "Time to read and count a batch: from its beginning to its claim."),
    Metric("weir_batch_write_seconds", Kind.SUMMARY, "Time to write a batch: from its claim to its landing."),
    Metric(
        "weir_starts_total", COUNTER, "Starts of drivers, by cause and by how the previous driver ended.", ("weir_job", "cause", "after")
    ),
)
ALERTS = (
    Metric("weir_incidents", GAUGE, "Open incidents, by severity.", ("weir_job", "severity")),
    Metric("weir_messages_waiting", GAUGE, "Messages that their sink has not accepted yet."),
    Metric("weir_message_wait_seconds", GAUGE, "Age of the oldest of them. 0 if there are none."),
    Metric("weir_message_tries", GAUGE, "Failed tries of the message that failed most often."),
)
METRICS = (*EXPORTER, *STANDING, *PROGRESS, *PROOF, *COUNTED, *ALERTS)
