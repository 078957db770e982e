"""Recognize outages by the text of an exception: something that a driver needs went away. Standard library only.

A driver of Weir's own applies these rules to what it raised (`ending.py`); of a driver with queries of its own the supervisor applies
them to what it printed.
"""

from __future__ import annotations

import re

# Spark's messages about an executor, a worker or a master that went away.
SPARK_LOST = (
    "ExecutorLostFailure",
    "SparkContext was shut down",
    "SparkContext has been shutdown",
    "Master removed our application",
    "All masters are unresponsive",
    "FetchFailedException",
    "java.util.concurrent.TimeoutException",
)
# Disk, network, file system, broker, object store: by families, since a full disk made a batch look poisoned, and an operator
# was then offered to leave its lines out.
FAMILIES = re.compile(
    r"\bjava\.io\.IOException\b|\bjava\.net\.|\bjava\.nio\.(?:channels\.|file\.FileSystemException\b)"
    r"|\borg\.apache\.hadoop\.|\borg\.apache\.kafka\.common\.(?:KafkaException\b|errors\.)|\bsoftware\.amazon\.awssdk\."
)
OF_A_RECORD = re.compile(r"\b(?:CorruptRecord|RecordTooLarge|InvalidRecord|Serialization|RecordDeserialization)Exception\b")
STORES_OWN_WORD = ("InvalidRequest", "SyntaxException")  # of Cassandra: the statement is at fault, and not the store
OUT_OF_PATIENCE = ("spark_jobs.runtime.faults", "OutOfPatience")
OUT_OF_MEMORY = "java.lang.OutOfMemoryError"


def names_outage(text: str) -> bool:
    """Return whether an exception's text names an outage. Stack frames do not count, only what was raised."""
    found = raised(text)
    if any(sign in found for sign in SPARK_LOST):
        return True
    return bool(FAMILIES.search(found)) and not OF_A_RECORD.search(found)


def raised(text: str) -> str:
    """Return the text of an exception without its stack frames."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("at "))


def store_is_away(module: str, kind: str) -> bool:
    """Return whether a Python exception of this module and name says that Cassandra cannot be used, and not that a statement is wrong."""
    return (module.partition(".")[0] == "cassandra" and kind not in STORES_OWN_WORD) or (module, kind) == OUT_OF_PATIENCE
