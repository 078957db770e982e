"""One run of `weir ingest`: from what was asked to what was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.addresses import ingest_kafka_address
from weir.errors import BadInput
from weir.ingest.exact import ExactSender
from weir.ingest.following import Once, Tail
from weir.ingest.limits import line_limit, record_limit
from weir.ingest.position import Position, key_of
from weir.ingest.positions import Positions
from weir.ingest.producers import BATCH, producer, transactional
from weir.ingest.reading import Text, opened, shown
from weir.ingest.sampling import Look, Sampled
from weir.ingest.sending import Input, Progress, Sender, Sent
from weir.ingest.starting import Say, require_unsent, resumed
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker


@dataclass(frozen=True)
class Asked:
    """What to send. `rate` is in lines/s."""

    path: Path
    service: str
    topic: str
    rate: float | None = None
    follow: bool = False
    resume: bool = False
    from_start: bool = False

    @property
    def key(self) -> bytes:
        return self.service.encode()

    @property
    def name(self) -> str:
        """Return the name of the position, and of the transactions."""
        return key_of(self.path, self.service, self.topic)


@dataclass(frozen=True)
class Ears:
    """Who is told what: how far it is, the first lines, what happens on the way, what was sent."""

    progress: Progress | None
    look: Look | None
    say: Say
    tell: Callable[[Sent], None]

    def shown(self, texts: Input) -> Input:
        return Sampled(texts, self.look) if self.look else texts


def first_text(asked: Asked) -> Text | None:
    """Open the file that has the name now. None if one that is followed is not there yet. Raises UnreadableInput, BadInput."""
    if asked.follow and str(asked.path) != "-" and not asked.path.exists():
        return None
    text = opened(asked.path)
    if not text.regular and (asked.follow or asked.resume):
        option = "--follow" if asked.follow else "--resume"
        raise BadInput(f"{option}: {shown(text.name)} cannot be read a second time.", "Name a file.")
    text.check()
    return text


def send_through(text: Text, asked: Asked, settings: Settings, ears: Ears) -> Sent:
    """Send what cannot be read again, without a position."""
    to = Target.of(asked, settings)
    text.allow(to.line_limit)
    sender = Sender(producer(to.address, **to.options), asked.topic, to.partitions, asked.key, asked.rate, ears.progress)
    sent = sender.send(ears.shown(Once([text])))
    ears.tell(sent)
    return sent


def send_exactly(text: Text | None, asked: Asked, settings: Settings, ears: Ears) -> Sent:
    """Send a file, or whatever has its name, each line once."""
    to = Target.of(asked, settings)
    positions = Positions(to.address)
    positions.create()
    found = positions.known(asked.name)
    texts, new = _begin(text, asked, found, to, ears.say)
    source: Input = Tail(asked.path, texts, ears.say, to.line_limit, new.place) if asked.follow else Once(texts)
    connect = partial(transactional, to.address, asked.name, **to.options)
    sender = ExactSender(connect, positions, asked.name, new, to.partitions, asked.rate, ears.progress)
    return sender.send_once(ears.shown(source), found, ears.tell)


@dataclass(frozen=True)
class Target:
    """The topic that lines are sent to."""

    address: KafkaAddress
    topic_id: str
    partitions: list[int]
    line_limit: int
    options: dict[str, int]  # of a producer whose batches the topic takes

    @classmethod
    def of(cls, asked: Asked, settings: Settings) -> Target:
        """Ask Kafka. Raises NotRunning, TopicMissing."""
        source, address = KafkaBroker(ingest_kafka_address(settings)), ingest_kafka_address(settings)
        partitions, record = source.partitions(asked.topic), record_limit(address, asked.topic)
        return cls(address, source.topic_id(asked.topic), partitions, line_limit(record, asked.key), {"batch.size": min(BATCH, record)})


def _begin(text: Text | None, asked: Asked, found: Position | None, to: Target, say: Say) -> tuple[list[Text], Position]:
    """Return the texts to be sent, and the position to count from. Raises BadInput if that is for an operator to say."""
    new = Position(shown(asked.path), asked.service, asked.topic, to.topic_id, uuid4().hex)
    known = found if found is not None and found.topic_id == to.topic_id else None
    if known is not None and (asked.resume or (asked.follow and not asked.from_start)):
        return resumed(known, asked.path, say, to.line_limit), replace(new, lines=known.lines, seen=known.seen, place=known.place)
    if asked.resume:
        what = f"The topic {asked.topic} was created anew since it was sent." if found else "No earlier run of it is known."
        say(f"{shown(asked.path)} is sent from its first line. {what}")
    if text is None:
        return [], new
    if not asked.follow and not asked.from_start:
        require_unsent(known, text)
    text.allow(to.line_limit)
    return [text], new
