"""The driver of a job that lands its batches: from the source, through the protocol, into the job's sink. One per attempt; the next
attempt ends it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from functools import partial
from typing import Any, NoReturn

from spark_jobs.protocol.writer import Sink, Writer
from spark_jobs.runtime import logs, proof, rehearsal, standby
from spark_jobs.runtime.batches import Batches, Job, Tools
from spark_jobs.runtime.contract import TRYING, Exit, JobArguments, new_incarnation
from spark_jobs.runtime.ending import explain
from spark_jobs.runtime.faults import OutOfPatience
from spark_jobs.runtime.store import CassandraStore
from spark_jobs.sources import kafka as source

LOG = logging.getLogger("weir.driver")
LOOK_EVERY_S = 5.0  # how soon a driver notices that it should stop, or, without input, that it was superseded
NOTE_EXIT_S = 5.0
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
    try:
        store = CassandraStore.connect(args.cassandra, patience_s=None)
    except OutOfPatience as failure:
        LOG.error("the driver ends: %s", failure)
        traceback.print_exc()  # the store cannot be told why: supervision reads it here, also if log lines are JSON
        return Exit.LOST
    return run(job, args, store, incarnation)


def _rehearsed(job: Job[Any], args: JobArguments) -> int:
    spark = source.session()
    rehearsal.rehearse(Tools(job, spark, args), args)
    spark.stop()
    return Exit.STOPPED


def _as_standby(job: Job[Any], args: JobArguments, incarnation: str) -> int:
    """Wait as a standby, then run as the driver of the attempt that calls it up. Return one of `contract.Exit`."""
    try:
        store = CassandraStore.connect(args.cassandra, standby.PATIENCE_S)
        tools = Tools(job, source.session(), args)
        called = stand_by(args, store, incarnation, tools, job.sink(store.session, args))
    except Exception as failure:
        reason, error = explain(failure, args.kafka)
        LOG.exception("the standby ends: it owns no attempt, so nothing is lost: %s", error.partition("\n")[0])
        return reason
    if called is None:
        return Exit.STOPPED
    store.session.patience_s = None  # it owns an attempt now, and waits for ever
    # Of the same version, but the settings say where Kafka is, and they may have changed while it waited.
    same = (called.kafka, called.topic) == (args.kafka, args.topic)
    return run(job, called, store, incarnation, tools if same else None)


def stand_by(args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools[Any], sink: Any) -> JobArguments | None:
    """Do the slow work before there is an attempt, then wait for one. Return its arguments, or None if there will be none."""
    rehearsal.rehearse(tools, args)
    proof.rehearse(args, tools, store, sink)
    called = standby.wait(store, args, incarnation)
    if called is None:
        LOG.info("standby %s is no longer needed", args.standby)
    else:
        LOG.info("standby %s is called up", args.standby)
    return called


def run(job: Job[Any], args: JobArguments, store: CassandraStore, incarnation: str, tools: Tools[Any] | None = None) -> int:
    """Run as the driver of an attempt. `tools` are those of a standby of the same version."""
    lines = logs.set_up(args)
    try:
        sink = job.sink(store.session, args)
    except Exception as failure:  # the client library is missing, or the section `sink` is not valid
        reason, error = explain(failure)
        LOG.exception("the driver ends: its sink cannot be made: %s", error.partition("\n")[0])
        return _note_exit(args, incarnation, reason, error, -1)
    writer = Writer(store, sink, args.job, args.attempt, incarnation, args.version, lambda: time.time_ns() // 1000)
    batches = Batches(writer, args)
    lines.batch = lambda: batches.batch_id
    try:
        if _unclaimed(store, args):  # before the start, which tells a driver of an earlier release: that one notes nothing
            proof.note(store, args, TRYING)
        writer.start()
        threading.Thread(target=_watch_for_exit, args=(store, args, incarnation, batches, sink), daemon=True).start()
        tools = tools or Tools(job, source.session(), args)
        query = begin(args, batches, tools)
        threading.Thread(target=_prove, args=(args, store, incarnation, batches, tools, sink, query), daemon=True).start()
        query.awaitTermination()
        reason, error = Exit.STOPPED, ""
    except Exception as failure:
        reason, error = explain(batches.failure or failure, args.kafka)
        LOG.exception("the driver ends: %s: %s", reason.name.lower(), error.partition("\n")[0])
    return _note_exit(args, incarnation, reason, error, batches.batch_id)


def begin(args: JobArguments, batches: Batches[Any], tools: Tools[Any]) -> Any:
    """Begin to read the source batch by batch. Return the query."""
    pace = source.Pace(tools.spark, args.max_lines_per_batch)
    batches.equip(tools, pace)
    query = (
        tools.job.stream(tools.spark, args, pace)
        .writeStream.queryName(args.job)
        .outputMode(tools.job.output_mode)
        .foreachBatch(batches)
        .option("checkpointLocation", args.checkpoint)
        .trigger(processingTime=f"{args.trigger_s} seconds")
        .start()
    )
    LOG.info("the query runs: %s", query.runId)
    return query


def stream(args: JobArguments, batches: Batches[Any], tools: Tools[Any]) -> None:
    """Read the source batch by batch for ever. Raises what ended the query."""
    begin(args, batches, tools).awaitTermination()


def _prove(
    args: JobArguments, store: CassandraStore, incarnation: str, batches: Batches[Any], tools: Tools[Any], sink: Any, query: Any
) -> None:
    """Prove without input that the attempt can work; end the driver if it cannot."""

    def end(reason: Exit, error: str) -> None:
        os._exit(_note_exit(args, incarnation, reason, error, -1))

    attempt = partial(proof.rehearse, args, tools, store, sink)
    proof.Proof(args, batches, store, attempt, end).run(lambda: proof.looked_for_input(query))


def _watch_for_exit(store: CassandraStore, args: JobArguments, incarnation: str, batches: Batches[Any], sink: Sink[Any]) -> None:
    """Poll for a later attempt or a stop: without input there is no batch that would notice, or that moves the sink's fence."""
    while True:
        time.sleep(LOOK_EVERY_S)
        sink.keep()
        try:
            mine, desired = _mine(store, args, incarnation), store.desired(args.job)
        except OutOfPatience as failure:  # unknown now; a batch that needs the store ends the driver for it
            LOG.warning("it is not known whether a later attempt has taken over: %s", failure)
            continue
        if not mine:
            LOG.warning("superseded: the driver ends")
            _note_exit(args, incarnation, Exit.SUPERSEDED, "a later attempt has taken over", -1)
            os._exit(Exit.SUPERSEDED)
        if desired == "stopped":
            LOG.warning("the job should stop: the current batch lands, then the driver ends")
            batches.close()
            time.sleep(COMMIT_S)
            _note_exit(args, incarnation, Exit.STOPPED, "", -1)
            os._exit(Exit.STOPPED)


def _note_exit(args: JobArguments, incarnation: str, reason: Exit, error: str, batch_id: int) -> Exit:
    """Note in the store why the driver ends, if it can be reached; else the supervisor finds out by itself. Returns the reason.

    A driver that slept while it was replaced wakes to a JVM that has ended: then the loss is only how it was superseded.
    """
    try:
        store = CassandraStore.connect(args.cassandra, NOTE_EXIT_S)
        head = store.head(args.job)
        if head is None or head.attempt != args.attempt:
            reason = Exit.SUPERSEDED
        elif head.incarnation not in ("", incarnation):
            return Exit.SUPERSEDED  # the attempt runs in another process: a note of an exit would have that one replaced
        store.put_exit(args.job, args.attempt, incarnation, reason.name.lower(), error, batch_id)
    except Exception:
        LOG.exception("could not note why the driver ends")
    return reason


def _unclaimed(store: CassandraStore, args: JobArguments) -> bool:
    """Return whether no process has started for the attempt yet."""
    head = store.head(args.job)
    return head is not None and head.attempt == args.attempt and not head.incarnation


def _mine(store: CassandraStore, args: JobArguments, incarnation: str) -> bool:
    """Return whether the job still belongs to this process."""
    head = store.head(args.job)
    return head is not None and head.attempt == args.attempt and head.incarnation in ("", incarnation)
