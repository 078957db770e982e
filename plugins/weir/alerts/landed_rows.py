"""Make a message for each new row that a landed job writes to its topic.

The book contains the position in the topic, so one write queues the messages and moves the position: each row is sent once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from weir.alerts.book import RowsRead
from weir.alerts.messages import plain
from weir.alerts.rules import JobRules, RowRule
from weir.ports.source import Record, Source

MOST = 500  # rows that a pass reads: the messages that wait are one record of the store, and above outbox.KEEP they are combined


@dataclass(frozen=True)
class RowMessage:
    """A message about a row. `thread` is derived from partition and offset, so a repeated pass gives the same one."""

    rule: RowRule
    thread: str
    title: str
    text: str


@dataclass(frozen=True)
class RowsFound:
    """What a pass found in the topic: the position after it, the messages, and whether rows are left."""

    read: RowsRead | None
    messages: Sequence[RowMessage] = ()
    more: bool = False


def look(source: Source, topic: str, rules: JobRules, before: RowsRead | None) -> RowsFound:
    """Return the rows after a position. A job without a position begins at the end, so older rows are not sent. Raises NotRunning."""
    if not rules.rows or not topic:
        return RowsFound(None)
    its_id, ends = source.topic_id(topic), source.end_offsets(topic)
    if before is None:
        return RowsFound(RowsRead(topic, its_id, dict(ends)))
    if (before.topic, before.topic_id) != (topic, its_id):  # another topic, or one that was made again: all of its rows are new
        before = RowsRead(topic, its_id, {})
    earliest, after, messages, left = source.earliest_offsets(topic), dict(before.offsets), list[RowMessage](), MOST
    for partition, end in sorted(ends.items()):
        start = before.offsets.get(partition, 0)
        if gone := max(0, earliest.get(partition, 0) - start):
            messages += _gone(rules, topic, partition, start, gone)
        found = list(islice(source.records(topic, partition, start + gone, end), left)) if left and start + gone < end else []
        left -= len(found)
        after[partition] = end if left else found[-1].offset + 1 if found else start + gone
        messages += [one for record in found for one in of_record(rules, record)]
    return RowsFound(replace(before, offsets=after), messages, not left)


def of_record(rules: JobRules, record: Record) -> Iterable[RowMessage]:
    """Yield the messages of a record. A value that is not a JSON object matches every rule, so that no unreadable row is left out."""
    row = _object(record.value)
    for rule in rules.rows:
        if row is None or all(row.get(name) == value for name, value in rule.where.items()):
            told = _raw(record) if row is None else str(row.get(rule.text) or _raw(record))
            where = f"offset {record.offset} of partition {record.partition}"
            yield _message(rules, rule, f"{record.partition}-{record.offset}", told, f"{where}: {_raw(record)}")


def _gone(rules: JobRules, topic: str, partition: int, start: int, n: int) -> Iterable[RowMessage]:
    told = f"{n} offsets were deleted before their rows were sent"
    for rule in rules.rows:
        where = f"{topic}, from offset {start} of partition {partition}"
        text = f"{where}. Raise the topic's retention.ms above the longest outage of the alerts."
        yield _message(rules, rule, f"{partition}-{start}-gone", told, text)


def _message(rules: JobRules, rule: RowRule, place: str, told: str, text: str) -> RowMessage:
    return RowMessage(rule, f"{rules.job}-{rule.name}-{place}", f"[{rule.severity}] {plain(f'{rules.job}: {told}')}", plain(text))


def _object(value: bytes | None) -> Mapping[str, Any] | None:
    try:
        found = json.loads(value or b"")
    except (ValueError, RecursionError):  # 2 KB of brackets are deeper than Python reads
        return None
    return found if isinstance(found, dict) else None


def _raw(record: Record) -> str:
    return (record.value or b"").decode("utf-8", "replace")
