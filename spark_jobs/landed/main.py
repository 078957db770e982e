"""The program of every landed job: its arguments name the module of its pipeline."""

from __future__ import annotations

import sys

from spark_jobs.landed.job import landed
from spark_jobs.runtime import driver
from spark_jobs.runtime.contract import JobArguments

if __name__ == "__main__":
    driver.run_to_its_end(landed(JobArguments.from_argv(sys.argv[1:])), sys.argv[1:])
