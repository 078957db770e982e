"""Classify why a driver ends, by the exception. Outages come first: a batch that fails twice in outages is not poison."""

from __future__ import annotations

import re

from spark_jobs.protocol.landing import NotDeterministic, SinkAhead, SinkBehind
from spark_jobs.protocol.read_files import FilesChanged
from spark_jobs.protocol.writer import Diverged, Superseded
from spark_jobs.runtime.batches import Closed
from spark_jobs.runtime.contract import JVM_ENDED, Exit
from spark_jobs.runtime.faults import Fault, OutOfPatience
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_probe import explained
from spark_jobs.runtime.outages import OUT_OF_MEMORY, SPARK_LOST, names_outage, raised, store_is_away
from spark_jobs.sources.file_watch import FilesUnsettled

# py4j says the bare "An error occurred while calling" of a call whose answer never came; an error inside the JVM brings a trace.
UNANSWERED = "Py4JError: An error occurred while calling"
# Spark's errors about newly matching topics: one that does not begin at 0 must join with a takeover before it is read, and before the
# first batch all topics must be named. Nothing is lost, and the next attempt reads them.
NEW_TOPICS = ("ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO", "Reason: Added partition ", "you must specify all TopicPartitions")
# Spark's error classes about files of its state store that are missing or torn.
NO_STATE = ("CANNOT_LOAD_STATE_STORE", "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY")
# Causes for which Spark says the same of whole files: where they are did not answer, or an executor went away.
STATE_AWAY = re.compile("|".join([r"\bjava\.net\.", r"\borg\.apache\.hadoop\.(?:net|ipc)\.", *SPARK_LOST]))
OF_KAFKA = "org.apache.kafka."
# What py4j says of a class that the JVM does not have. A driver needs none but Spark's own and those of the Kafka source.
NO_CLASS = "'JavaPackage' object is not callable"
JVM_GONE = ("ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "Py4JNetworkError")


def explain(failure: BaseException, kafka: KafkaAddress | None = None) -> tuple[Exit, str]:
    """Return the exit reason for a failure, and its text.

    The text of an error of Kafka's client begins with why Kafka cannot be used. To find that out, this may connect to `kafka`.
    """
    reason, text = _explained(failure)
    if reason is Exit.LOST and kafka and (fault := kafka_fault(text, kafka)):
        return reason, f"{fault.cause}: {fault.what}. {fault.next_step}\n{text}"
    return reason, text


def _explained(failure: BaseException) -> tuple[Exit, str]:
    if isinstance(failure, Closed):
        return Exit.STOPPED, ""
    if isinstance(failure, Superseded):
        return Exit.SUPERSEDED, str(failure)
    if isinstance(failure, Diverged):
        return Exit.DIVERGED, str(failure)
    if isinstance(failure, NotDeterministic):
        return Exit.NOT_DETERMINISTIC, str(failure)
    if isinstance(failure, FilesChanged):
        return Exit.FILES_CHANGED, str(failure)
    if isinstance(failure, FilesUnsettled):  # nothing was claimed, so the next attempt lists them as they are then
        return Exit.LOST, str(failure)
    if isinstance(failure, SinkAhead | SinkBehind):
        return Exit.SINK_DIFFERS, f"{type(failure).__name__}: {failure}"
    if isinstance(failure, OutOfPatience):
        return Exit.LOST, str(failure)
    text = f"{type(failure).__name__}: {failure}"
    if OUT_OF_MEMORY in text:
        return Exit.OUT_OF_MEMORY, text
    unanswered = text.startswith(UNANSWERED) and "Trace:" not in text
    if unanswered or text.startswith(JVM_GONE):
        return Exit.LOST, f"{JVM_ENDED}: it was killed, or ran out of memory ({text})"
    if NO_CLASS in text:
        where = "Put the four jars of Spark's Kafka source into $SPARK_HOME/jars of the workers, or list them in WEIR_SPARK_JARS."
        return Exit.FAILED, f"a Java class is not on the driver's class path. {where} ({text})"
    if any(sign in text for sign in NO_STATE):
        return (Exit.LOST if STATE_AWAY.search(raised(text)) else Exit.STATE_LOST), text
    if any(sign in text for sign in NEW_TOPICS):
        return Exit.LOST, f"a new topic matches; the next attempt will read it: {text}"
    return (Exit.LOST if _outage(failure, text) else Exit.FAILED), text


def kafka_fault(text: str, address: KafkaAddress) -> Fault | None:
    """Return why Kafka cannot be used, if an exception of its client was raised. Stack frames do not count."""
    found = raised(text)
    return explained(found, address) if OF_KAFKA in found else None


def _outage(failure: BaseException, text: str) -> bool:
    """Return whether something that the driver needs went away."""
    kind = type(failure)
    return isinstance(failure, OSError) or store_is_away(kind.__module__, kind.__name__) or names_outage(text)
