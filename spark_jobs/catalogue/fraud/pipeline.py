"""The pattern is in job.yaml; the code is that of all patterns."""

from spark_jobs.patterns.pipeline import pipeline

__all__ = ["pipeline"]
