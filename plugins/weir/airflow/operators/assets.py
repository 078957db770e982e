"""Assets that users' own DAGs can follow, one for each job and fact. `schedule=[proven("error_counts")]` runs a DAG after each proof."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

# Which jobs landed something is known only when the task runs: the alias stands for their assets.
LANDED = AssetAlias("weir_landed")


def landed(job: str) -> Asset:
    """An event after batches have landed, at most one every 30 s; its extra has the newest batch."""
    return _asset(job, "landed")


def validated(job: str) -> Asset:
    """An event after each validation whose expectations are all met."""
    return _asset(job, "validated")


def proven(job: str) -> Asset:
    """An event whenever the counts are proven further than before."""
    return _asset(job, "proven")


def _asset(job: str, fact: str) -> Asset:
    return Asset(name=f"{job}_{fact}", uri=f"weir://{job}/{fact}", group="weir")
