"""Where the landed jobs of these tests write to, and what is there in the end, in the form of the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.contract.sinks import consumed
from tests.landed.rig import LandedRig

Cards = Mapping[str, tuple[int, int, str]]


class Target(Protocol):
    @property
    def sink(self) -> dict[str, Any]:
        """The section `sink` of the spec."""

    def cards(self) -> Cards:
        """Return number, sum and last three of each card. Raises AssertionError if a row is there twice."""


@dataclass(frozen=True)
class InPostgres:
    rig: LandedRig
    job: str

    def __post_init__(self) -> None:
        self.rig.sql(f"CREATE TABLE public.{self.job} (card text PRIMARY KEY, n bigint, amount bigint, last text)")

    @property
    def sink(self) -> dict[str, Any]:
        return self.rig.postgres_sink(f"public.{self.job}", mode="upsert", key=["card"])

    def cards(self) -> Cards:
        rows = self.rig.sql(f"SELECT card, n, amount, last FROM public.{self.job}")
        return {card: (n, int(amount), last) for card, n, amount, last in rows}


@dataclass(frozen=True)
class InCassandra:
    rig: LandedRig
    job: str

    def __post_init__(self) -> None:
        run = self.rig.store.session.run
        run("CREATE KEYSPACE IF NOT EXISTS bank WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}")
        run(f"CREATE TABLE bank.{self.job} (card text PRIMARY KEY, n bigint, amount bigint, last text)")

    @property
    def sink(self) -> dict[str, Any]:
        return {"kind": "cassandra", "table": f"bank.{self.job}"}

    def cards(self) -> Cards:
        rows = self.rig.store.session.execute(f"SELECT card, n, amount, last FROM bank.{self.job}")
        return {row.card: (row.n, row.amount, row.last) for row in rows}


@dataclass(frozen=True)
class InParquet:
    """Each batch appends a row for each card that has changed: the row with the largest number is the newest."""

    rig: LandedRig
    job: str

    @property
    def sink(self) -> dict[str, Any]:
        return {"kind": "parquet", "path": (self.rig.stack.home / f"parquet-{self.job}").as_uri()}

    def cards(self) -> Cards:
        from spark_jobs.sinks.parquet_reader import landed_table

        rows = landed_table(str(self.rig.stack.home / f"parquet-{self.job}")).to_pylist()
        keys = [(row["card"], row["n"]) for row in rows]
        assert len(keys) == len(set(keys)), "a row of a card is there twice"
        return {row["card"]: (row["n"], row["amount"], row["last"]) for row in sorted(rows, key=lambda row: row["n"])}


@dataclass(frozen=True)
class InKafka:
    rig: LandedRig
    job: str

    def __post_init__(self) -> None:
        self.rig.make_topic(f"{self.job}-out", partitions=1)

    @property
    def sink(self) -> dict[str, Any]:
        return {"kind": "kafka", "topic": f"{self.job}-out"}

    def values(self) -> list[bytes]:
        """Return what readers of committed records see."""
        return [record.value() for record in consumed(self.rig.settings.kafka, f"{self.job}-out")]
