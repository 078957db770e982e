"""The driver of `error_counts`: from Kafka, through the counting protocol, into Cassandra. One per attempt, ended by the next one."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from spark_jobs import logs, standby
from spark_jobs.contract import Exit, JobArguments, new_incarnation
from spark_jobs.error_counts import rehearsal, source
from spark_jobs.error_counts.sink import Closed, Sink, Tools
from spark_jobs.store import CassandraStore
from spark_jobs.writer import Diverged, Superseded, Writer

LOG = logging.getLogger("weir.driver")
LOOK_EVERY_S = 5.0  # how soon a driver notices that it is to stop, or, without input, that it was superseded
LAST_WORDS_S = 5.0
COMMIT_S = 1.0  # for Spark to commit what has just landed; cut short, the next driver finds the batch in the ledger
# Signs that what the driver stands on went away. An outage is told first: the same batch that fails twice for one is not poison.
# py4j says the bare "An error occurred while calling" of a call whose answer never came; an error inside the JVM brings a trace.
UNANSWERED = "Py4JError: An error occurred while calling"
JVM_GONE = ("ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "Py4JNetworkError")
LOST = (
    "ExecutorLostFailure",
    "SparkContext was shut down",
    "SparkContext has been shutdown",
    "Master removed our application",
    "All masters are unresponsive",
    "org.apache.kafka.common.errors.TimeoutException",
    "org.apache.kafka.common.errors.DisconnectException",
    "org.apache.kafka.common.errors.CoordinatorNotAvailableException",
    "org.apache.kafka.common.errors.NotLeaderOrFollowerException",
    "java.util.concurrent.TimeoutException",
    "FetchFailedException",
)


def main(argv: list[str]) -> int:
    """Run until superseded, diverged or failed; returns one of `contract.Exit`."""
    args = JobArguments.from_argv(argv)
    logs.set_up(args)
    incarnation = new_incarnation(os.getppid())  # Python is the child of the driver's JVM
    if not args.standby:
        threading.Thread(target=source.session, daemon=True).start()  # takes seconds, as the way to the store does: side by side
        return run(args, CassandraStore.connect(args.cassandra, patience_s=None), incarnation)
    try:
        store = CassandraStore.connect(args.cassandra, standby.PATIENCE_S)
        tools = Tools(source.session(), args)
        called = stand_by(args, store, incarnation, tools)
    except Exception as failure:
        LOG.exception("the standby ends: it holds nothing")
        return explain(failure)[0]
    if called is None:
        return Exit.STOPPED
    store.session.patience_s = None  # it holds an attempt now, and waits for ever
    # Of the same version, but the settings say where Kafka is, and they may have changed while it waited.
    same = (called.bootstrap_servers, called.topic) == (args.bootstrap_servers, args.topic)
    return run(called, store, incarnation, tools if same else None)


def stand_by(args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools) -> JobArguments | None:
    """Do all that takes long before there is an attempt, and wait for one: its arguments, or None if there will be none."""
    rehearsal.rehearse(tools, args)
    called = standby.wait(store, args, incarnation)
    if called is None:
        LOG.info("standby %s is not needed any more", args.standby)
    else:
        LOG.info("standby %s is called up", args.standby)
    return called


def run(args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools | None = None) -> int:
    """Be the driver of an attempt. `tools` are those of a standby, which is of the same version: it was called up by its spec and code."""
    lines = logs.set_up(args)
    writer = Writer(store, args.job, args.attempt, incarnation, args.version, args.shards, lambda: time.time_ns() // 1000)
    sink = Sink(writer, args)
    lines.batch = lambda: sink.batch_id
    try:
        writer.start()
        threading.Thread(target=_exit_when_told, args=(store, args, incarnation, sink), daemon=True).start()
        stream(args, sink, tools or Tools(source.session(), args))
        reason, error = Exit.STOPPED, ""
    except Exception as failure:
        reason, error = explain(sink.failure or failure)
        LOG.exception("the driver ends: %s", reason.name.lower())
    return _last_words(args, incarnation, reason, error, sink.batch_id)


def stream(args: JobArguments, sink: Sink, tools: Tools) -> None:
    """Read the topic batch by batch for ever. Raises what ended the query."""
    sink.equip(tools)
    query = (
        source.stream(tools.spark, args)
        .writeStream.queryName(args.job)
        .foreachBatch(sink)
        .option("checkpointLocation", args.checkpoint)
        .trigger(processingTime=f"{args.trigger_s} seconds")
        .start()
    )
    LOG.info("the query runs: %s", query.runId)
    query.awaitTermination()


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
    if unanswered or any(text.startswith(sign) for sign in JVM_GONE):
        return Exit.LOST, f"the driver's JVM has ended: it was killed, or ran out of memory ({text})"
    return (Exit.LOST if any(sign in text for sign in LOST) else Exit.FAILED), text


def _exit_when_told(store: CassandraStore, args: JobArguments, incarnation: str, sink: Sink) -> None:
    """Without input there is no batch that would notice a later attempt, or that the job is to stop."""
    while True:
        time.sleep(LOOK_EVERY_S)
        if not _mine(store, args, incarnation):
            LOG.warning("superseded: the driver ends")
            _last_words(args, incarnation, Exit.SUPERSEDED, "a later attempt has taken over", -1)
            os._exit(Exit.SUPERSEDED)
        if store.desired(args.job) == "stopped":
            LOG.warning("the job is to stop: the batch at work lands, then the driver ends")
            sink.close()
            time.sleep(COMMIT_S)
            _last_words(args, incarnation, Exit.STOPPED, "", -1)
            os._exit(Exit.STOPPED)


def _last_words(args: JobArguments, incarnation: str, reason: Exit, error: str, batch_id: int) -> Exit:
    """Tell the supervisor why, if the store can be reached; it finds out by itself if not. Returns the reason.

    A driver that slept while it was replaced wakes to a JVM that has ended: then the loss is only how it was superseded.
    """
    try:
        store = CassandraStore.connect(args.cassandra, LAST_WORDS_S)
        if not _mine(store, args, incarnation):
            reason = Exit.SUPERSEDED
        store.put_exit(args.job, args.attempt, incarnation, reason.name.lower(), error, batch_id)
    except Exception:
        LOG.exception("could not tell why the driver ends")
    return reason


def _mine(store: CassandraStore, args: JobArguments, incarnation: str) -> bool:
    """Does the job still belong to this process?"""
    head = store.head(args.job)
    return head is not None and head.attempt == args.attempt and head.incarnation in ("", incarnation)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # threads of a query that hangs must not keep the driver alive
