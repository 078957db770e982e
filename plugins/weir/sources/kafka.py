"""Read Kafka: implements weir.ports.source.Source."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec

from spark_jobs.runtime.faults import Fault
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_probe import explained
from weir.errors import BadSetting, NotRunning, TopicMissing, WeirError
from weir.ports.source import Record, Retention, TopicSnapshot
from weir.sources.connection import Reasons, as_error, client_options, fault_of
from weir.sources.following import FOLLOWING, KafkaFollower, record_of

T = TypeVar("T")
CHUNK = 10_000  # records handed over by librdkafka at a time
NO_OPTIONS: Mapping[str, Any] = {}
PATIENCE_S = 0.2
SILENCE_S = 30.0  # a broker that restarts is back within this
MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
INTERNAL = frozenset(("__consumer_offsets", "__transaction_state", "__share_group_state"))  # no pattern matches them, as in Spark
# A topic or a broker that has just started. A topic that was just created answered that its leader's epoch is newer than the broker's.
PASSING = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
)


class KafkaBroker:
    """A client of the brokers at `address`; a bare HOST:PORT is in plain text. Each request takes `budget_s` at most."""

    def __init__(self, address: KafkaAddress | str, budget_s: float = 5.0) -> None:
        self._address = KafkaAddress(address) if isinstance(address, str) else address
        self._where, self._budget_s = self._address.servers, budget_s
        self._admin: AdminClient | None = None
        self._reasons = Reasons()

    def __reduce__(self) -> tuple[type[KafkaBroker], tuple[KafkaAddress, float]]:
        """Pickle only the address: a client lives in one process."""
        return KafkaBroker, (self._address, self._budget_s)

    def end_offsets(self, topic: str, committed: bool = True) -> Mapping[int, int]:
        return self._asked(topic, lambda: self._offsets(topic, OffsetSpec.latest(), committed))

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        return self._asked(topic, lambda: self._offsets(topic, OffsetSpec.earliest()))

    def offsets_at(self, topic: str, moment: int) -> Mapping[int, int]:
        ends = self.end_offsets(topic)
        found = self._asked(topic, lambda: self._offsets(topic, OffsetSpec.for_timestamp(moment)))
        return {p: offset if 0 <= (offset := found.get(p, -1)) < end else end for p, end in ends.items()}

    def topic_id(self, topic: str) -> str:
        def ask() -> str:
            asked = self._client().describe_topics(TopicCollection([topic]), request_timeout=self._budget_s)
            return str(asked[topic].result(self._budget_s).topic_id)

        return self._asked(topic, ask)

    def retention(self, topic: str) -> Retention:
        config = self.topic_config(topic)
        compacted, claimed = "compact" in config["cleanup.policy"], config["message.timestamp.type"] == "CreateTime"
        if "delete" not in config["cleanup.policy"]:
            return Retention(compacted=compacted, claimed_times=claimed)
        ms, most = (int(config[name]) for name in ("retention.ms", "retention.bytes"))
        return Retention(ms if ms >= 0 else None, most if most >= 0 else None, compacted, claimed)

    def topic_config(self, topic: str) -> Mapping[str, str]:
        """Return the topic's settings by Kafka's own names. Raises NotRunning, TopicMissing."""

        def ask() -> Mapping[str, str]:
            of = ConfigResource(ConfigResource.Type.TOPIC, topic)
            config = self._client().describe_configs([of], request_timeout=self._budget_s)[of].result(self._budget_s)
            return {name: str(entry.value) for name, entry in config.items()}

        return self._asked(topic, ask)

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        ends = self.end_offsets(topic)
        left = {p for p, o in offsets.items() if o < ends.get(p, 0)}
        consumer, deadline, times = self._consumer(where_gone="earliest"), time.monotonic() + self._budget_s, dict[int, int]()
        try:
            consumer.assign([TopicPartition(topic, p, offsets[p]) for p in sorted(left)])
            while left:
                message = consumer.poll(PATIENCE_S)
                if time.monotonic() > deadline:
                    raise self._not_running(f"the next records of {topic} did not come in time")
                if message is None or message.partition() not in left:
                    continue
                if message.error() is None:
                    times[message.partition()] = message.timestamp()[1]
                elif message.error().code() != KafkaError._PARTITION_EOF:  # the end: there are offsets without a record
                    continue
                left.discard(message.partition())
                consumer.pause([TopicPartition(topic, message.partition())])
        finally:
            consumer.close()
        return times

    def topic_names(self) -> Collection[str]:
        try:
            return frozenset(self._client().list_topics(timeout=self._budget_s).topics) - INTERNAL
        except KafkaException as error:
            raise self._not_running(error) from error

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicSnapshot]:
        """Return a snapshot of each topic, with one description and three lists of offsets for all of them."""
        deadline, names = time.monotonic() + self._budget_s, sorted(set(topics))
        if not names:
            return {}
        try:
            described = self._client().describe_topics(TopicCollection(names), request_timeout=self._budget_s)
        except BadSetting as error:
            return dict.fromkeys(names, TopicSnapshot(fault=f"{error.code}: {error.what}"))
        found = {name: told for name, asked in described.items() if (told := _answer(asked, deadline)) is not None}
        partitions = {name: [p.id for p in told.partitions] for name, told in found.items()}
        earliest = self._offsets_of(partitions, OffsetSpec.earliest(), deadline)
        # In this order: lines that come in between must not look held back by a transaction.
        log_ends, ends = (self._offsets_of(partitions, OffsetSpec.latest(), deadline, committed) for committed in (False, True))
        ids = {name: str(told.topic_id) for name, told in found.items()}
        missing = {name for name, asked in described.items() if asked.done() and _code(asked.exception()) in MISSING}
        unknown = [name for name in names if name not in ends and name not in missing]
        fault = self._told(_error(described[unknown[0]], unknown[0])) if unknown else ""
        return {
            name: TopicSnapshot(
                ends.get(name), earliest.get(name), ids.get(name), name in missing, log_ends.get(name), fault if name in unknown else ""
            )
            for name in names
        }

    def _told(self, error: object) -> str:
        """Return the fault behind an error of the admin client, for a sentence. May connect, to find out."""
        fault = self._fault(error)
        return f"{fault.cause}: {fault.what}"

    def _offsets_of(
        self, partitions: Mapping[str, list[int]], spec: OffsetSpec, deadline: float, committed: bool = True
    ) -> dict[str, dict[int, int]]:
        """Return the offsets of the topics of which every partition answered."""
        wanted = {TopicPartition(topic, p): spec for topic, each in partitions.items() for p in each}
        asked = self._listed(wanted, committed) if wanted else {}
        told = {
            (tp.topic, tp.partition): answer.offset for tp, future in asked.items() if (answer := _answer(future, deadline)) is not None
        }
        whole = {topic for topic, each in partitions.items() if all((topic, p) in told for p in each)}
        return {topic: {p: told[topic, p] for p in partitions[topic]} for topic in whole}

    def partitions(self, topic: str) -> list[int]:
        """Return the partitions of a topic."""
        return self._asked(topic, lambda: self._partitions(topic))

    def records(self, topic: str, partition: int, start: int, end: int, committed: bool = True) -> Iterator[Record]:
        consumer = self._consumer(committed=committed)
        try:
            consumer.assign([TopicPartition(topic, partition, start)])
            while start < end:
                start = yield from self._chunk(consumer, topic, partition, start, end)
        finally:
            consumer.close()

    def follow(self, topic: str, position: Mapping[int, int]) -> KafkaFollower:
        consumer = self._consumer(more=FOLLOWING)
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in position.items()])
        return KafkaFollower(consumer, lambda error: self._unreadable(topic, error))

    def _chunk(self, consumer: Consumer, topic: str, partition: int, start: int, end: int) -> Generator[Record, None, int]:
        """Yield the next records. Return the offset to continue from."""
        for message in self._consume(consumer, min(CHUNK, end - start), f"{topic}/{partition}"):
            error, offset = message.error(), message.offset()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise self._unreadable(f"{topic}/{partition}", error)
            if offset >= end:
                return end  # there are offsets without a record
            if error is None:
                yield record_of(message)
                start = offset + 1
        return start

    def _consume(self, consumer: Consumer, most: int, what: str) -> list[Message]:
        """Return some messages. The client waits for all of `most`, so each wait is short, and only long silence is an error."""
        silent_since = time.monotonic()
        messages: list[Message] = []
        while not messages:
            messages = consumer.consume(most, PATIENCE_S)
            if not messages and time.monotonic() - silent_since > SILENCE_S:
                raise self._not_running(f"no records of {what} for {SILENCE_S:.0f} s")
        return messages

    def _consumer(self, where_gone: str = "error", committed: bool = True, more: Mapping[str, Any] = NO_OPTIONS) -> Consumer:
        return Consumer({
            **client_options(self._address),
            "error_cb": self._reasons,
            "group.id": "weir-reader",  # asked for by the client; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": where_gone,  # what retention deleted must raise, not be skipped
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "check.crcs": True,
            "queued.max.messages.kbytes": 65_536,
            "fetch.message.max.bytes": 4 * 1024 * 1024,
            **more,
        })  # fmt: skip

    def _partitions(self, topic: str) -> list[int]:
        seen = self._client().list_topics(topic, timeout=self._budget_s).topics[topic]
        if seen.error is not None:
            raise KafkaException(seen.error)
        return sorted(seen.partitions)

    def _offsets(self, topic: str, spec: OffsetSpec, committed: bool = True) -> dict[int, int]:
        asked = self._listed({TopicPartition(topic, p): spec for p in self._partitions(topic)}, committed)
        return {tp.partition: future.result(self._budget_s).offset for tp, future in asked.items()}

    def _listed(self, wanted: Mapping[TopicPartition, OffsetSpec], committed: bool) -> Mapping[TopicPartition, Any]:
        """Ask for offsets; the latest is where an open transaction begins if `committed`, as the stream reads."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        return dict(self._client().list_offsets(dict(wanted), isolation_level=level, request_timeout=self._budget_s))

    def _asked(self, topic: str, question: Callable[[], T]) -> T:
        """Return the answer; ask again while a leader changes. Raises NotRunning, TopicMissing."""
        deadline = time.monotonic() + self._budget_s
        while True:
            try:
                return question()
            except TimeoutError as error:
                raise self._not_running(error) from error
            except KafkaException as error:
                code = error.args[0].code()
                if code in MISSING:
                    raise TopicMissing(f"Kafka at {self._where} has no topic {topic}.", "Create it, or run: weir up") from error
                if code not in PASSING or time.monotonic() > deadline:
                    raise self._not_running(_text(error.args[0], topic)) from error
            time.sleep(0.1)

    def _client(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({**client_options(self._address), "error_cb": self._reasons})
        return self._admin

    def _not_running(self, error: object) -> WeirError:
        return as_error(self._fault(error))

    def _fault(self, error: object) -> Fault:
        """Return the fault behind an error of the admin client. May connect, to find out."""
        if self._admin is not None:
            self._admin.poll(0)  # lets the client tell its reasons
        fault = fault_of(self._address, error, self._reasons.recent())
        if not fault.cause.passes:
            self._admin, self._reasons = None, Reasons()  # the next client reads the files again, which may have been put right
        return fault

    def _unreadable(self, what: str, error: KafkaError) -> WeirError:
        fault = explained(f"{error.name()}: {error.str()} {self._reasons.recent()}", self._address)
        return as_error(fault) if fault else NotRunning(f"Reading {what} from Kafka at {self._where} failed: {error.str()}.", "Try again.")


def _code(error: BaseException | None) -> int | None:
    """Return the code of an error of the client; None for any other error, or none."""
    return error.args[0].code() if isinstance(error, KafkaException) else None


def _text(error: KafkaError, topic: str) -> str:
    """Return an error's text; one about a missing right does not name its topic."""
    return f"{error.name()}: {error.str()}" + (f" [{topic}]" if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else "")


def _error(question: Any, topic: str) -> str:
    """Return why a question about a topic has no answer."""
    error = question.exception() if question.done() else None
    return _text(error.args[0], topic) if isinstance(error, KafkaException) else "no answer in time"


def _answer(question: Any, deadline: float) -> Any:
    """Return the answer of the admin client; None if it is late, or an error."""
    try:
        return question.result(max(0.0, deadline - time.monotonic()))
    except (KafkaException, TimeoutError):
        return None
