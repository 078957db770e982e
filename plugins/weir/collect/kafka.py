"""The topic that a collector sends to, and the position of its spool there."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, Producer

from weir.addresses import ingest_kafka_address
from weir.collect.place import Place
from weir.errors import NotRunning
from weir.ingest.positions import Positions
from weir.ingest.producers import transactional
from weir.settings import Settings
from weir.sources.connection import unusable
from weir.sources.kafka import KafkaBroker

TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)
QUEUE_KIB = 32 * 1024  # of lines in the producer's memory


class Topic:
    """One topic, and the position of one spool; `name` is the position's key."""

    def __init__(self, settings: Settings, topic: str, name: str) -> None:
        """Raises BadSetting."""
        self._address, self._topic, self._name = ingest_kafka_address(settings), topic, name
        self._positions = Positions(self._address)
        self._created = False

    def connect(self) -> Producer:
        return transactional(self._address, self._name, **{"queue.buffering.max.kbytes": QUEUE_KIB})

    def place(self) -> Place | None:
        if not self._created:
            self._positions.create()
            self._created = True
        found = self._positions.last(self._name)
        return Place.load(found) if found else None

    def partitions(self) -> list[int]:
        return KafkaBroker(self._address).partitions(self._topic)

    def explained(self, error: KafkaException | NotRunning) -> str:
        """Return a sentence about the error. May connect to the broker to find the cause."""
        if isinstance(error, NotRunning):
            return str(error)
        if error.args[0].code() in TOO_LARGE:
            what = f"A line in the spool is larger than the topic {self._topic} accepts."
            return str(NotRunning(what, f"Raise its max.message.bytes: kafka-configs.sh --alter --topic {self._topic}"))
        return str(unusable(self._address, error.args[0].str()))
