"""Make the sink of a job from the section `sink` of its spec. The client library of a kind is imported only if a job uses that kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spark_jobs.protocol.landing import LandedSink
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.sinks.settings import CassandraRows, Kafka, Parquet, Postgresql, settings_of

if TYPE_CHECKING:
    from spark_jobs.runtime.session import Session


def sink_of(values: Mapping[str, Any], job: str, session: Session | None = None, kafka: KafkaAddress | None = None) -> LandedSink:
    """Return the sink. `session` is to Weir's Cassandra, `kafka` the address of Weir's Kafka. Raises ValueError, ImportError."""
    match settings_of(values):
        case CassandraRows() as rows:
            from spark_jobs.sinks.cassandra import CassandraSink

            assert session is not None
            return CassandraSink(rows, session)
        case Postgresql() as table:
            from spark_jobs.sinks.postgresql import PostgresqlSink

            return PostgresqlSink(table)
        case Kafka() as topic:
            from spark_jobs.sinks.kafka import KafkaSink

            assert kafka is not None
            return KafkaSink(topic, kafka, job)
        case Parquet() as folder:
            from pyspark.sql import SparkSession

            from spark_jobs.sinks.parquet import ParquetSink

            return ParquetSink(folder, SparkSession.builder.getOrCreate())
