"""The driver of a job that lands its batches: from the source, through the protocol, into the job's sink. One per attempt, ended by the
next one."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import Any, NoReturn

from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime import logs, rehearsal, standby
from spark_jobs.runtime.batches import Batches, Job, Tools
from spark_jobs.runtime.contract import Exit, JobArguments, new_incarnation
from spark_jobs.runtime.ending import explain
from spark_jobs.runtime.store import CassandraStore
from spark_jobs.sources import kafka as source

LOG = logging.getLogger("weir.driver")
LOOK_EVERY_S = 5.0  # how soon a driver notices that it is to stop, or, without input, that it was superseded
LAST_WORDS_S = 5.0
COMMIT_S = 1.0  # for Spark to commit what has just landed; cut short, the next driver finds the batch in the ledger


def run_to_its_end(job: Job[Any], argv: list[str]) -> NoReturn:
    """Run the driver, and end the process with its exit code."""
    code = main(job, argv)
    sys.stderr.flush()
    os._exit(code)  # threads of a query that hangs must not keep the driver alive


def main(job: Job[Any], argv: list[str]) -> int:
    """Run until superseded, diverged or failed; returns one of `contract.Exit`. A rehearsal raises what ended it."""
    args = JobArguments.from_argv(argv)
    logs.set_up(args)
    incarnation = new_incarnation(os.getppid())  # Python is the child of the driver's JVM
    if args.standby:
        return _as_standby(job, args, incarnation)
    if not args.attempt:
        return _rehearsed(job, args)
    threading.Thread(target=source.session, daemon=True).start()  # takes seconds, as the way to the store does: side by side
    return run(job, args, CassandraStore.connect(args.cassandra, patience_s=None), incarnation)


def _rehearsed(job: Job[Any], args: JobArguments) -> int:
    spark = source.session()
    rehearsal.rehearse(Tools(job, spark, args), args)
    spark.stop()
    return Exit.STOPPED


def _as_standby(job: Job[Any], args: JobArguments, incarnation: str) -> int:
    """Be the driver of an attempt once one calls for it."""
    try:
        store = CassandraStore.connect(args.cassandra, standby.PATIENCE_S)
        tools = Tools(job, source.session(), args)
        called = stand_by(args, store, incarnation, tools)
    except Exception as failure:
        LOG.exception("the standby ends: it holds nothing")
        return explain(failure)[0]
    if called is None:
        return Exit.STOPPED
    store.session.patience_s = None  # it holds an attempt now, and waits for ever
    # Of the same version, but the settings say where Kafka is, and they may have changed while it waited.
    same = (called.bootstrap_servers, called.topic) == (args.bootstrap_servers, args.topic)
    return run(job, called, store, incarnation, tools if same else None)


def stand_by(args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools[Any]) -> JobArguments | None:
    """Do all that takes long before there is an attempt, and wait for one: its arguments, or None if there will be none."""
    rehearsal.rehearse(tools, args)
    called = standby.wait(store, args, incarnation)
    if called is None:
        LOG.info("standby %s is not needed any more", args.standby)
    else:
        LOG.info("standby %s is called up", args.standby)
    return called


def run(job: Job[Any], args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools[Any] | None = None) -> int:
    """Be the driver of an attempt. `tools` are those of a standby, which is of the same version: it was called up by its spec and code."""
    lines = logs.set_up(args)
    sink = job.sink(store.session, args)
    writer = Writer(store, sink, args.job, args.attempt, incarnation, args.version, lambda: time.time_ns() // 1000)
    batches = Batches(writer, args)
    lines.batch = lambda: batches.batch_id
    try:
        writer.start()
        threading.Thread(target=_exit_when_told, args=(store, args, incarnation, batches), daemon=True).start()
        stream(args, batches, tools or Tools(job, source.session(), args))
        reason, error = Exit.STOPPED, ""
    except Exception as failure:
        reason, error = explain(batches.failure or failure)
        LOG.exception("the driver ends: %s", reason.name.lower())
    return _last_words(args, incarnation, reason, error, batches.batch_id)


def stream(args: JobArguments, batches: Batches[Any], tools: Tools[Any]) -> None:
    """Read the source batch by batch for ever. Raises what ended the query."""
    batches.equip(tools)
    query = (
        source.stream(tools.spark, args)
        .writeStream.queryName(args.job)
        .foreachBatch(batches)
        .option("checkpointLocation", args.checkpoint)
        .trigger(processingTime=f"{args.trigger_s} seconds")
        .start()
    )
    LOG.info("the query runs: %s", query.runId)
    query.awaitTermination()


def _exit_when_told(store: CassandraStore, args: JobArguments, incarnation: str, batches: Batches[Any]) -> None:
    """Without input there is no batch that would notice a later attempt, or that the job is to stop."""
    while True:
        time.sleep(LOOK_EVERY_S)
        if not _mine(store, args, incarnation):
            LOG.warning("superseded: the driver ends")
            _last_words(args, incarnation, Exit.SUPERSEDED, "a later attempt has taken over", -1)
            os._exit(Exit.SUPERSEDED)
        if store.desired(args.job) == "stopped":
            LOG.warning("the job is to stop: the batch at work lands, then the driver ends")
            batches.close()
            time.sleep(COMMIT_S)
            _last_words(args, incarnation, Exit.STOPPED, "", -1)
            os._exit(Exit.STOPPED)


def _last_words(args: JobArguments, incarnation: str, reason: Exit, error: str, batch_id: int) -> Exit:
    """Tell the supervisor why, if the store can be reached; it finds out by itself if not. Returns the reason.

    A driver that slept while it was replaced wakes to a JVM that has ended: then the loss is only how it was superseded.
    """
    try:
        store = CassandraStore.connect(args.cassandra, LAST_WORDS_S)
        head = store.head(args.job)
        if head is None or head.attempt != args.attempt:
            reason = Exit.SUPERSEDED
        elif head.incarnation not in ("", incarnation):
            return Exit.SUPERSEDED  # the attempt is at work in another process: to note an end would have that one replaced
        store.put_exit(args.job, args.attempt, incarnation, reason.name.lower(), error, batch_id)
    except Exception:
        LOG.exception("could not tell why the driver ends")
    return reason


def _mine(store: CassandraStore, args: JobArguments, incarnation: str) -> bool:
    """Does the job still belong to this process?"""
    head = store.head(args.job)
    return head is not None and head.attempt == args.attempt and head.incarnation in ("", incarnation)
