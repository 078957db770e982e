"""The cells of counting: deltas, rejected lines, hours, days and shards. Times are whole milliseconds since the Unix epoch (UTC)."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

OTHER = "~other"  # the signature of all lines beyond the cap
UNKNOWN_SERVICE = "unknown"  # the service of a record without a key
LONGEST_SERVICE = 256  # bytes of a key that are its service
HOUR_MS = 3_600_000
SAMPLE_BYTES = 4096  # of a rejected line; longer ones are cut
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, order=True, slots=True)
class Delta:
    """The count of one micro-batch for one pane, service, level and signature (empty unless the level is an error)."""

    pane_start: int
    service: str
    level: str
    signature: str
    n: int


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A sample of a line that was counted as rejected: where it is, why, its first bytes, and when the broker appended it (ms; None in
    samples older than that field)."""

    topic: str
    partition: int
    offset: int
    service: str
    reason: str
    value: bytes
    append_ms: int | None = None

    @property
    def cut(self) -> bool:
        """Return whether this is only the beginning of the line."""
        return len(self.value) >= SAMPLE_BYTES


def hour_of(pane_start: int) -> int:
    """Return the hour (ms) of a pane; a pane never spans two hours."""
    return pane_start - pane_start % HOUR_MS


def day_of(moment: int) -> int:
    """Return the day (UTC, ms) of a time."""
    return moment - moment % DAY_MS


def shard_of(service: str, shards: int) -> int:
    """Return the shard of a service. CRC-32, so that every language and every release agrees."""
    return crc32(service.encode()) % shards
