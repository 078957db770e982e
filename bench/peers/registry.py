"""List the peers, each with the settings that measured best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from bench.peers import libraries
from bench.peers.java_peer import JavaPeer
from bench.peers.peer import Peer
from bench.peers.spark_peer import SparkPeer

# Java 17 and later hide these from Flink's serializers.
OPENS = ("lang", "net", "io", "nio", "text", "time", "util", "util.concurrent", "util.concurrent.atomic", "util.concurrent.locks")
FLINK_JVM = tuple(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENS)
FLINK_SQL = str(Path(__file__).with_name("flink.sql"))
STREAMS = ("StreamsCount", "ErrorLine", "Result")

_ALL: tuple[Peer, ...] = (
    JavaPeer("reader", ("Reader", "Result"), libraries.kafka, quick_below=math.inf),
    JavaPeer("flink_sql", ("FlinkSql", "ErrorLine", "Result"), libraries.flink, 12e6, FLINK_JVM, (FLINK_SQL,)),
    JavaPeer("kafka_streams", STREAMS, libraries.kafka_streams, arguments=("at_least_once",)),
    JavaPeer("kafka_streams_exactly_once", STREAMS, libraries.kafka_streams, arguments=("exactly_once_v2",)),
    SparkPeer("spark_stateful"),
    SparkPeer("spark_stateful_cassandra", sink="cassandra"),
)
PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _ALL}
