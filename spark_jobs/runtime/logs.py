"""Format a driver's log lines: as text, or as one JSON object a line. Both name job, epoch and attempt."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from spark_jobs.runtime.contract import JobArguments

FORMAT = "WEIR_LOG_FORMAT"  # of the driver's environment: json, or text


class Lines(logging.Formatter):
    """Log lines as text. `batch` returns the current batch, -1 for none."""

    def __init__(self, args: JobArguments) -> None:
        super().__init__(f"%(asctime)s %(levelname)s job={args.job} epoch={args.epoch} attempt={args.attempt} %(message)s")
        self.whose = {"job": args.job, "epoch": args.epoch, "attempt": args.attempt}
        self.batch: Callable[[], int] = lambda: -1


class JsonLines(Lines):
    """Log lines as JSON, all ASCII.

    `time` is in ISO 8601 with milliseconds, `batch` is null for none, `error` has the traceback if there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment, batch = datetime.fromtimestamp(record.created, UTC), self.batch()
        line = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            **self.whose,
            "batch": batch if batch >= 0 else None,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up(args: JobArguments) -> Lines:
    """Log to standard error, in the format that the environment sets."""
    lines = JsonLines(args) if os.environ.get(FORMAT) == "json" else Lines(args)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)  # again for a standby that gets an attempt
    for noisy in ("py4j", "cassandra"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return lines
