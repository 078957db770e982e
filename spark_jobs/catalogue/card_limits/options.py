"""The options of `card_limits`."""

from dataclasses import dataclass

from spark_jobs.runtime.options import option, text


@dataclass(frozen=True)
class Options:
    """The fields of `options` in job.yaml."""

    limits: str = option("file:///data/limits/1.csv", text, "a CSV file of card,most that never changes: another table is another file")
