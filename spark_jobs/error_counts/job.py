"""The driver of `error_counts`: log lines of Kafka, counted by pane, service, level and signature, and landed in Cassandra."""

from __future__ import annotations

import sys

from spark_jobs.counts.counting import counting
from spark_jobs.error_counts.options import Options
from spark_jobs.runtime import driver

if __name__ == "__main__":
    driver.run_to_its_end(counting(Options), sys.argv[1:])
