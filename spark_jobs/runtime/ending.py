"""Why a driver ends, by what was raised. An outage is told first: the same batch that fails twice for one is not poison."""

from __future__ import annotations

import re

from spark_jobs.counts.sink import Closed
from spark_jobs.protocol.writer import Diverged, Superseded
from spark_jobs.runtime.contract import JVM_ENDED, Exit

# py4j says the bare "An error occurred while calling" of a call whose answer never came; an error inside the JVM brings a trace.
UNANSWERED = "Py4JError: An error occurred while calling"
JVM_GONE = ("ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "Py4JNetworkError")
# What Spark says of an executor, a worker or a master that went away.
SPARK_LOST = (
    "ExecutorLostFailure",
    "SparkContext was shut down",
    "SparkContext has been shutdown",
    "Master removed our application",
    "All masters are unresponsive",
    "FetchFailedException",
    "java.util.concurrent.TimeoutException",
)
# Disk, network, file system, broker, object store: by families, since a disk that is full had a batch called poisoned, whose lines a person
# was then offered to leave out.
FAMILIES = re.compile(
    r"\bjava\.io\.IOException\b|\bjava\.net\.|\bjava\.nio\.(?:channels\.|file\.FileSystemException\b)"
    r"|\borg\.apache\.hadoop\.|\borg\.apache\.kafka\.common\.(?:KafkaException\b|errors\.)|\bsoftware\.amazon\.awssdk\."
)
OF_A_RECORD = re.compile(r"\b(?:CorruptRecord|RecordTooLarge|InvalidRecord|Serialization|RecordDeserialization)Exception\b")
STORES_OWN_WORD = ("InvalidRequest", "SyntaxException")  # of the store: the statement is at fault, and not the store


def explain(failure: BaseException) -> tuple[Exit, str]:
    """How the driver ends because of a failure, and the text for whoever asks why."""
    if isinstance(failure, Closed):
        return Exit.STOPPED, ""
    if isinstance(failure, Superseded):
        return Exit.SUPERSEDED, str(failure)
    if isinstance(failure, Diverged):
        return Exit.DIVERGED, str(failure)
    text = f"{type(failure).__name__}: {failure}"
    if "java.lang.OutOfMemoryError" in text:
        return Exit.OUT_OF_MEMORY, text
    unanswered = text.startswith(UNANSWERED) and "Trace:" not in text
    if unanswered or text.startswith(JVM_GONE):
        return Exit.LOST, f"{JVM_ENDED}: it was killed, or ran out of memory ({text})"
    return (Exit.LOST if _outage(failure, text) else Exit.FAILED), text


def _outage(failure: BaseException, text: str) -> bool:
    """Did something go away that the driver stands on? Where a trace passed through says nothing: only what was raised counts."""
    kind = type(failure)
    if isinstance(failure, OSError) or (kind.__module__.startswith("cassandra") and kind.__name__ not in STORES_OWN_WORD):
        return True
    raised = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("at "))
    if any(sign in raised for sign in SPARK_LOST):
        return True
    return bool(FAMILIES.search(raised)) and not OF_A_RECORD.search(raised)
