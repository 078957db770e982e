"""Parquet files below a folder, written by the executors. Readers see a batch once its manifest is there.

Each attempt writes to folders of its own, so an older attempt cannot change files that a manifest names.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Digest, SinkAhead, SinkBehind
from spark_jobs.protocol.writer import Superseded
from spark_jobs.sinks.errors import BadTarget
from spark_jobs.sinks.fences import RESTORED
from spark_jobs.sinks.hadoop_files import HadoopFiles
from spark_jobs.sinks.manifests import WRITTEN, Manifest, batches, folder_of, of_written, path_of, read
from spark_jobs.sinks.published import left_over, missing, unknown
from spark_jobs.sinks.settings import Parquet

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Version 1 makes files visible when the whole write commits. With version 2, a task that ran twice leaves two files.
COMMITTER = {"mapreduce.fileoutputcommitter.algorithm.version": "1"}


class ParquetSink:
    """Writes below one folder, which belongs to one job."""

    hides_claims = True

    def __init__(self, settings: Parquet, spark: SparkSession) -> None:
        self._base = settings.path.rstrip("/")
        self._files = HadoopFiles(spark, self._base)

    def fence(self, head: Head) -> None:
        """Compare the manifests with the head, and complete those of earlier epochs. `landed` completes this epoch's."""
        found = batches(self._files)
        if ahead := unknown(found, head):
            raise self._ahead(read(self._files, path_of(*ahead)), head)
        if behind := missing(found, head):
            raise self._behind(*behind, head)
        if last := left_over(found, head):
            self._complete(*last, head, following=(last[0], last[1] - 1) in found)

    def _complete(self, epoch: int, batch_id: int, head: Head, following: bool) -> None:
        """Publish the last batch of an earlier epoch: the newest attempt that wrote it landed it. A folder that has none of it is new."""
        attempts = [int(found[1]) for name in self._files.folders() if (found := re.fullmatch(r"attempt=(\d+)", name))]
        for attempt in sorted(attempts, reverse=True):
            noted = self._files.read(f"{folder_of(attempt, batch_id)}/{WRITTEN}")
            if noted is not None and Manifest.load(noted).epoch == epoch:
                self._publish(replace(head, epoch=epoch, batch_id=batch_id, by=attempt))
                return
        if following:
            raise self._behind(epoch, batch_id, head)

    def _behind(self, epoch: int, batch_id: int, head: Head) -> Exception:
        said = f"{self._base} has no manifest of batch {batch_id} of epoch {epoch} of {head.job}, which landed"
        return SinkBehind(f"WEIR-322: {said}. {RESTORED}")

    def _ahead(self, newest: Manifest, head: Head) -> Exception:
        if newest.attempt > head.attempt:
            return Superseded(f"attempt {head.attempt} of {head.job} was superseded: attempt {newest.attempt} has landed batches")
        said = f"{self._base} has a manifest of batch {newest.batch_id} of epoch {newest.epoch} of {newest.job}"
        known = f"the head of {head.job} knows batch {head.last_landed} of epoch {head.epoch} as the last one that landed"
        return SinkAhead(f"WEIR-321: {said}, and {known}. The store was restored, or two jobs write there: see docs/runbook.md#weir-321")

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        folder = folder_of(claimed.attempt, claimed.batch_id)
        self._files.delete(folder)  # of an earlier try of this attempt
        try:
            rows.write.options(**COMMITTER).parquet(f"{self._base}/{folder}")
        except AnalysisException as error:
            raise BadTarget(self._base, [" ".join(str(error).split())]) from error
        files = {f"{folder}/{name}": size for name, size in self._files.sizes(folder).items() if name.endswith(".parquet")}
        noted = Manifest(claimed.job, claimed.epoch, claimed.batch_id, claimed.attempt, digest.rows, digest.value, files)
        self._files.write(f"{folder}/{WRITTEN}", noted.dump())
        failpoint.reach("sink.write")

    def landed(self, head: Head) -> None:
        """Publish the files of the landed batch. Raises OSError, and SinkBehind if they are gone."""
        if head.has_batch:
            self._publish(head)
            failpoint.reach("sink.commit")

    def _publish(self, head: Head) -> None:
        path = path_of(head.epoch, head.batch_id)
        try:
            data = of_written(self._files, head).dump()
        except (FileNotFoundError, ValueError) as error:
            said = f"Batch {head.batch_id} of epoch {head.epoch} of {head.job} landed, and its files below {self._base} are not whole"
            raise SinkBehind(f"WEIR-322: {said}: {error}. {RESTORED}") from error
        if self._files.read(path) != data:
            self._files.write(path, data)

    def rehearse(self, job: str) -> None:
        """Write a file that readers skip, and delete it."""
        self._files.write(f"_rehearsals/{job}", b"rehearsal")
        self._files.delete(f"_rehearsals/{job}")

    def keep(self) -> None:
        """Do nothing: manifests do not expire."""
