"""Find episodes of a pattern in JSON events of a topic. Java keeps the state of each key (`spark_jobs/native`, package `weir.patterns`).

Events of a key are judged in the order of arrival. So an alert does not wait for a watermark, and a topic gives the same alerts however it
is cut into batches. The watermark only decides when the state of a key is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.patterns.options import Options
from spark_jobs.sources import native_jar

LONGEST = 200  # characters of a field: id, key and what is counted are kept in the state, which holds 64 KB of each at most
FUTURE_MS = 3_600_000  # a time so far behind its arrival is wrong; the state would be dropped by it
SEPARATOR = "\u001f"
MILLIS = "^-?[0-9]{1,15}$"
DATED = r"^\s*[+-]?[0-9]{4,7}-[0-9]"  # Spark reads 12:30 as a time of the day on which it runs


def pipeline(inputs: Mapping[str, DataFrame], options: Options) -> DataFrame:
    """Return records for a topic: `key`, and `value` as JSON with kind, text, the key's fields, first_at, last_at (ms) and ids (of events).

    kind is alert, late (an event too far behind), forgotten (a key has too many events), unreadable or future (no event). Reads `events`.
    """
    return told(episodes(events(inputs["events"], options), options), options)


def events(records: DataFrame, options: Options) -> DataFrame:
    """Return the columns of weir.patterns.Event, and `time` for the watermark. Leave out events that `only` excludes."""
    names = dict.fromkeys(["id", "at", *options.key, *options.only, *filter(None, [options.different])])
    schema = ", ".join(f"`{name}` STRING" for name in names)
    event = F.from_json(F.col("value").cast("string"), schema)
    arrived = F.unix_millis("timestamp")
    read = records.select(event.alias("e"), arrived.alias("arrived"), "partition", "offset")
    at = _millis(F.col("e.at"))
    key = F.concat_ws(SEPARATOR, *(F.col(f"e.`{name}`") for name in options.key))
    found = read.select("e", "arrived", "partition", "offset", at.alias("at"), key.alias("key")).withColumn("problem", _problem(options))
    sound = F.col("problem").isNull()
    wanted = found.where(F.coalesce(_wanted(options), ~sound))  # an event of another kind need not have the fields of these
    return wanted.select(
        F.when(sound, F.col("key")).otherwise("").alias("key"),
        F.when(sound, F.col("e.id")).otherwise("").alias("id"),
        F.when(sound, F.col("at")).otherwise(F.lit(0).cast("long")).alias("at"),
        F.when(sound, F.col(f"e.`{options.different}`") if options.different else F.lit("")).otherwise("").alias("value"),
        "arrived",
        "partition",
        "offset",
        "problem",
        F.timestamp_millis(F.least(F.coalesce(F.col("at"), F.col("arrived")), F.col("arrived"))).alias("time"),
    )


def episodes(found: DataFrame, options: Options) -> DataFrame:
    """Return the rows of weir.patterns.Found. Raises RuntimeError if the native jar is not on the driver's class path."""
    spark = found.sparkSession
    jvm: Any = spark._jvm
    if not native_jar.is_there(jvm):
        raise RuntimeError("the native jar is not on the driver's class path. Put it into $SPARK_HOME/jars of the workers: docs/engines.md")
    pattern = jvm.weir.patterns.Pattern(
        1000 * options.within_s, 1000 * options.lateness_s, options.more_than, bool(options.different), options.events_per_key
    )
    # Without its column Spark drops no event as late, and still follows the watermark.
    watched = found.withWatermark("time", f"{options.lateness_s} seconds").drop("time")
    return DataFrame(jvm.weir.patterns.Episodes.find(watched._jdf, pattern), spark)


def told(found: DataFrame, options: Options) -> DataFrame:
    """Return the rows as Kafka records."""
    parts = F.split("key", SEPARATOR)
    own = [F.get(parts, i).alias(name) for i, name in enumerate(options.key)]
    value = F.struct(
        "kind", _text(options).alias("text"), *own, F.col("firstAt").alias("first_at"), F.col("lastAt").alias("last_at"), "ids"
    )
    return found.select(F.when(F.col("key") != "", F.col("key")).alias("key"), F.to_json(value).alias("value"))


def _millis(at: Column) -> Column:
    """Return a time as ms: a whole number of ms, or a time of ISO 8601, in the session's zone if it names none. Null for anything else."""
    return F.when(at.rlike(MILLIS), at.try_cast("long")).when(at.rlike(DATED), F.unix_millis(at.try_cast("timestamp")))


def _problem(options: Options) -> Column:
    needed = [F.col(f"e.`{name}`") for name in ("id", *options.key, *filter(None, [options.different]))]
    lacking = F.col("at").isNull()
    for one in needed:
        lacking = lacking | one.isNull() | (one == "") | (F.length(one) > LONGEST) | one.contains(SEPARATOR)
    return F.when(lacking, "unreadable").when(F.col("at") > F.col("arrived") + FUTURE_MS, "future")


def _wanted(options: Options) -> Column:
    found = F.lit(True)
    for name, values in options.only.items():
        found = found & F.col(f"e.`{name}`").isin(list(values))
    return found


def _text(options: Options) -> Column:
    parts = F.split("key", SEPARATOR)
    own = F.concat_ws(", ", *(F.concat(F.lit(f"{name} "), F.get(parts, i)) for i, name in enumerate(options.key)))
    ids, seconds = F.array_join("ids", ", "), ((F.col("lastAt") - F.col("firstAt")) / 1000).cast("long").cast("string")
    counted = f"{options.what} with different {options.different}" if options.different else options.what
    return (
        F.when(
            F.col("kind") == "alert", F.concat(F.col("events").cast("string"), F.lit(f" {counted} within "), seconds, F.lit(" s: "), own)
        )
        .when(F.col("kind") == "late", F.concat(F.lit("event "), ids, F.lit(" came too late to be judged: "), own))
        .when(F.col("kind") == "forgotten", F.concat(ids, F.lit(" events were forgotten, since their key has too many: "), own))
        .otherwise(F.concat(F.lit("record "), ids, F.lit(" (partition-offset) is "), F.col("kind")))
    )
