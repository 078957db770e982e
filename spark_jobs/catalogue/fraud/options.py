"""The options of a pattern, and none beside."""

from spark_jobs.patterns.options import Options

__all__ = ["Options"]
