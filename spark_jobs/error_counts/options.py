"""The options of `error_counts`: those of counting, and none beside."""

from spark_jobs.counts.options import CountsOptions as Options

__all__ = ["Options"]
