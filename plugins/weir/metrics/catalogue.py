"""Every metric that there is: its name, kind, labels and meaning. docs/metrics.md has the same table, and a test compares them.

Labels are the job (`weir_job`: Prometheus has a `job` of its own, and would rename ours), and beside it a partition or one of a few words
that Weir itself chose: nothing that a log line says. Moments are seconds since the epoch, durations seconds. A metric whose value is not
known is left out: 0 would be a claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"  # since the exporter began, as Prometheus expects: it notices a new beginning
    SUMMARY = "summary"  # a sum and how many
    STATES = "state set"  # one series a state, 1 for the one that holds


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
    Metric("weir_up", GAUGE, "1 if the store answered the last look at the fleet, 0 if not.", ()),
    Metric("weir_look_timestamp_seconds", GAUGE, "When the fleet was looked at.", ()),
    Metric("weir_look_duration_seconds", GAUGE, "How long that took.", ()),
)
STANDING = (
    Metric("weir_verdict", Kind.STATES, "The verdict on the job."),
    Metric("weir_verdict_since_timestamp_seconds", GAUGE, "Since when it is the verdict."),
    Metric("weir_paused", GAUGE, "1 while a hold or a maintenance window keeps Weir from acting by itself."),
    Metric("weir_action_due_timestamp_seconds", GAUGE, "From when on Weir would act. Only while an action is called for."),
    Metric("weir_epoch", GAUGE, "The epoch: one lineage of checkpoints."),
    Metric("weir_attempt", GAUGE, "The attempt that may write. It grows with each start and each stop."),
    Metric("weir_batch", GAUGE, "The last batch that was claimed or landed, counted anew in each epoch."),
)
PROGRESS = (
    Metric("weir_lag_lines", GAUGE, "Lines that the broker has and that have not landed."),
    Metric("weir_lag_seconds", GAUGE, "How long the oldest of them has waited, at most. 0 if there are none."),
    Metric("weir_landed_offset", GAUGE, "Where the landed part of the partition ends.", PARTITION),
    Metric("weir_end_offset", GAUGE, "Where the partition ends.", PARTITION),
    Metric("weir_landed_timestamp_seconds", GAUGE, "When the last batch landed."),
    Metric("weir_watermark_timestamp_seconds", GAUGE, "Panes that end before this event time are closed."),
    Metric("weir_unread_retention_seconds", GAUGE, "How long the first unread line is kept, at the least. Only with lag.", PARTITION),
    Metric("weir_lost_lines", GAUGE, "Lines that the broker deleted before they landed, and that nobody has accepted as lost yet."),
)
PROOF = (
    Metric("weir_proven_timestamp_seconds", GAUGE, "All that landed up to this moment was recounted, and came out equal."),
    Metric("weir_proven_ratio", GAUGE, "The share of the lines up to there that could be checked, 1 for all of them."),
    Metric("weir_recount_missing_lines", GAUGE, "Missing lines: the most that one recount found since the counts were last proven."),
    Metric("weir_recount_doubled_lines", GAUGE, "Doubled lines: the most that one recount found since the counts were last proven."),
    Metric("weir_recount_timestamp_seconds", GAUGE, "When the newest recount was made."),
    Metric("weir_fold_backlog", GAUGE, "Closed hours and shards that wait to be folded."),
    Metric("weir_fold_backlog_seconds", GAUGE, "How long the first of them has waited, 0 if there are none."),
    Metric("weir_fold_unswept", GAUGE, "Hours and shards that were folded, and whose deltas are due to be deleted."),
)
COUNTED = (
    Metric("weir_lines_total", COUNTER, "Lines that landed, by level.", ("weir_job", "level")),
    Metric("weir_rejected_lines_total", COUNTER, "Lines that were rejected, by reason.", ("weir_job", "reason")),
    Metric("weir_late_lines_total", COUNTER, "Lines that came after their pane was closed; they are counted all the same."),
    Metric("weir_batch_count_seconds", Kind.SUMMARY, "From the beginning of a batch to its claim: the time it took to read and count it."),
    Metric("weir_batch_write_seconds", Kind.SUMMARY, "From the claim of a batch to its landing: the time it took to write it."),
    Metric("weir_starts_total", COUNTER, "Starts of drivers, by cause and by how the one before ended.", ("weir_job", "cause", "after")),
)
ALERTS = (
    Metric("weir_incidents", GAUGE, "Open incidents, by severity.", ("weir_job", "severity")),
    Metric("weir_messages_waiting", GAUGE, "Messages that a sink has not taken yet."),
    Metric("weir_message_wait_seconds", GAUGE, "How long the oldest of them has waited, 0 if there are none."),
    Metric("weir_message_tries", GAUGE, "How often the most stubborn of their sinks was tried in vain."),
)
METRICS = (*EXPORTER, *STANDING, *PROGRESS, *PROOF, *COUNTED, *ALERTS)
