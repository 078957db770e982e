"""The table of offsets on a job's page."""

from __future__ import annotations

from weir.console.job import partitions
from weir.supervise.judge.report import Report, Verdict


def test_a_folder_stands_beside_partitions() -> None:
    evidence = {"offsets": {"logs/10": 4, "logs/9": 5, "file:///data/in": 7}, "end_offsets": {"file:///data/in": 9}, "lag": 2}
    found = partitions(Report("filed", Verdict.OK, 1, 0, "", evidence=evidence))
    assert [(row["partition"], row["lag"]) for row in found] == [("file:///data/in", 2), ("logs/9", None), ("logs/10", None)]
