"""Count batches with the native engine: `spark_jobs/native` reads the topics and counts in one pass, and returns counts instead of lines.

This side tells it what to count, as data: expressions of formats and rules of signatures are the very ones that Spark's functions use.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from struct import unpack_from
from typing import Any

from pyspark import SparkContext
from pyspark.sql import SparkSession

from spark_jobs.counts import shapes
from spark_jobs.counts.cells import LONGEST_SERVICE, OTHER, UNKNOWN_SERVICE
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.services import Reading, readings
from spark_jobs.counts.shapes import Chars, Shape
from spark_jobs.counts.signature_options import changes
from spark_jobs.counts.signature_rules import LONGEST, LONGEST_MESSAGE, ROW, TOKEN, Changes, Gate, Rule, rules
from spark_jobs.counts.transform import FEW, Count
from spark_jobs.formats import shape
from spark_jobs.formats.container import PREFIXES
from spark_jobs.formats.continuation import pattern as continuation
from spark_jobs.formats.json_line import PER_UNIT
from spark_jobs.formats.spec import APACHE, LineFormat
from spark_jobs.formats.spec.levels import LEVELS
from spark_jobs.protocol.head import Batch
from spark_jobs.protocol.partition import Partition
from spark_jobs.sources import native_jar

REASONS = ("empty", "too_long", "not_utf8", "not_a_log_line", "bad_time", "future", "continuation")  # by number, as Judge.java has them
NEVER = -(2**63)
Json = Mapping[str, Any]


class NativeEngine:
    """Counts the ranges of a batch. `kafka` are the settings of its consumers."""

    def __init__(self, options: CountsOptions, kafka: Mapping[str, str]) -> None:
        context: Any = SparkContext._active_spark_context
        self._spark, self._jvm, self._plan = context._jsc, context._jvm, plan(options, kafka)
        # Otherwise Spark compiles code for the rows of a batch, which this engine never reads: a second of a start on a busy machine.
        SparkSession.active().conf.set("spark.sql.codegen.wholeStage", "false")

    def __call__(self, batch: Batch, names: Mapping[str, str]) -> list[Count]:
        """Return the counts of the batch; `names` are topic names by id. Raises Py4JJavaError if lines cannot be read."""
        partitions = sorted(batch.end)
        ranges = [[names[p.source], p.number, batch.start.get(p, 0), batch.end[p]] for p in partitions]
        packed = self._jvm.weir.counting.Engine.count(self._spark, self._plan, json.dumps(ranges), batch.arrived_by, FEW)
        return unpacked(bytes(packed), partitions)


def missing() -> str:
    """Return why the native engine cannot be used; empty if it can."""
    context: Any = SparkContext._active_spark_context
    if not native_jar.is_there(context._jvm):
        return "its jar is not on the driver's class path"
    return "" if context._jvm.weir.counting.Engine.sources() == native_jar.digest() else "its jar is of another release than this code"


def plan(options: CountsOptions, kafka: Mapping[str, str]) -> str:
    """Return what the engine needs to know, as JSON (Plan.java). `kafka` are the settings of its consumers."""
    return json.dumps({
        "pane_ms": options.pane_s * 1000,
        "future_skew_ms": options.future_skew_s * 1000,
        "longest_service": LONGEST_SERVICE,
        "signature_cap": options.signature_cap,
        "other": OTHER,
        "unknown_service": UNKNOWN_SERVICE,
        "kafka": dict(kafka),
        "readings": [each for one in readings(options.line_format, options.time_zone, options.services) for each in _by_zone(one)],
        "signatures": _signing(changes(options.signatures)),
        "own_signatures": [
            {"services": _keys([name]), "rules": _signing(changes(options.signatures, own["signatures"]))}
            for name, own in options.services.items()
            if "signatures" in own
        ],
    })  # fmt: skip


def _by_zone(reading: Reading) -> Iterable[Json]:
    """Yield the reading in its own zone, and in those of single services."""
    form = _format(reading.line_format)
    yield {"format": form, "zone": reading.time_zone, "services": _keys(reading.names)}
    for zone, names in reading.zones.items():
        yield {"format": form, "zone": zone, "services": _keys(names)}


def _keys(names: Iterable[str]) -> Sequence[str]:
    """Return the keys of services, each byte as a character."""
    return [key for name in names for key in ([name.encode().decode("latin-1")] + ([""] if name == UNKNOWN_SERVICE else []))]


def _format(found: LineFormat) -> Json:
    common = {
        "containers": [_container(one) for one in found.containers],
        "continuation": continuation(found) if found.continuations else None,
        "levels": dict(found.levels),
        "default_level": found.default_level,
    }
    if found.members:
        unit = PER_UNIT.get(found.time_format.name, 0)
        time = None if unit else _text(shape.of_time(found.time_format))
        return {**common, "kind": "json", "members": dict(found.members), "unit_ms": unit, "time": time}
    if found.name == APACHE and not found.parts:
        return {**common, "kind": "apache"}
    return {**common, "kind": "text", "text": _text(shape.of_format(found))}


def _container(name: str) -> Json:
    kind, _, member = name.partition(":")
    return {"member": member} if kind == "json" else _text(shape.reading(PREFIXES[kind], "message"))


def _text(expression: str) -> Json:
    return {"pattern": rf"(?s)\A{expression}\z", "groups": shape.groups(expression)}


def _signing(given: Changes) -> Json:
    row, token = _shape(ROW), _chars(TOKEN)
    return {"longest_message": LONGEST_MESSAGE, "longest": LONGEST, "token": token, "rules": _rule(rules(given)), "row": row}


def _rule(rule: Rule | Gate) -> Json:
    if isinstance(rule, Gate):
        return {"lead": _shape(rule.lead), "rules": [_rule(one) for one in rule.rules]}
    return {"before": _shape(rule.before), "masked": _shape(rule.masked)}


def _shape(one: Shape) -> Json:
    match one:
        case shapes.Run(chars, least, most):
            return {"run": [_chars(chars), least, most]}
        case shapes.Text(literals, any_case):
            return {"text": [list(literals), any_case]}
        case shapes.Seq(parts):
            return {"seq": [_shape(part) for part in parts]}
        case shapes.First(those):
            return {"first": [_shape(each) for each in those]}
        case shapes.Many(inner, least, most):
            return {"many": [_shape(inner), least, most]}
        case shapes.Ahead(inner, there):
            return {"ahead": [_shape(inner), there]}
        case shapes.After(chars, there):
            return {"after": [_chars(chars), there]}


def _chars(chars: Chars) -> Sequence[int]:
    return sorted(map(ord, chars))


def unpacked(data: bytes, partitions: Sequence[Partition]) -> list[Count]:
    """Return counts as rows like those of Spark's functions (`transform.collected`). `partitions` are those of the ranges, in order.

    A cell is the sum over all partitions, and is listed under the first. Each partition has one more row, with n = 0, for its largest
    times.
    """
    return list(_Packed(data).rows(partitions))


class _Packed:
    """Reads what Packed.java writes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 16
        services, signatures, self._cells, self._ranges = unpack_from("<4i", data)
        self._services = [name.decode(errors="replace") or UNKNOWN_SERVICE for name in self._names(services)]
        self._signatures = [name.decode() for name in self._names(signatures)]

    def rows(self, partitions: Sequence[Partition]) -> Iterable[Count]:
        for place, key, n in zip(*(self._column(self._cells) for _ in range(3)), strict=True):
            service, level = self._services[key >> 8 & 0xFFFFFF], LEVELS[key & 255]
            yield Count(partitions[0], service, place, level, self._signatures[key >> 32], None, n, None, None, 0)
        for _ in range(self._ranges):
            number, event, append, rejected = self._column(4)
            at = partitions[number]
            yield Count(at, "", 0, None, "", None, 0, None if event == NEVER else event, append, 0)
            for block, key, n, offsets in zip(*(self._column(rejected) for _ in range(4)), strict=True):
                yield Count(at, self._services[key >> 8], block, None, "", REASONS[key & 255], n, None, None, offsets)

    def _names(self, size: int) -> Iterable[bytes]:
        lengths = unpack_from(f"<{size}i", self._data, self._at)
        self._at += 4 * size
        for length in lengths:
            yield self._data[self._at : self._at + length]
            self._at += length

    def _column(self, size: int) -> array[int]:
        found = array("q", self._data[self._at : self._at + 8 * size])
        self._at += 8 * size
        return found
