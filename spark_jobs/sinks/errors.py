"""Define the errors of sinks. docs/runbook.md explains the codes."""

from __future__ import annotations

from collections.abc import Sequence


class BadTarget(Exception):
    """The table, topic or folder cannot take the batches of this job. Nothing was written."""

    def __init__(self, target: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        what = f"WEIR-323: {target} cannot be written to: {'; '.join(problems)}."
        super().__init__(f"{what} Create or change the target, or change the pipeline, then deploy.")


class BadRows(Exception):
    """A batch has rows that the target cannot hold. The message names the column or the key."""

    def __init__(self, target: str, what: str) -> None:
        super().__init__(f"WEIR-324: {target} cannot take this batch: {what}. Correct the pipeline or the target, then deploy.")


class SinkAway(ConnectionError):
    """The sink's server could not be used for as long as the driver waits. The batch may be written again."""

    def __init__(self, what: str, after_s: float) -> None:
        super().__init__(f"WEIR-325: {what} (tried for {after_s:.0f} s). Check the sink's server and its address in the spec.")
