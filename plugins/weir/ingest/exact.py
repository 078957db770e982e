"""Send each line of files once, also through kills: lines and position are committed in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from confluent_kafka import KafkaError, KafkaException, Producer

from weir.errors import Conflict, NotAuthorized, NotRunning, UnreadableInput, WeirError
from weir.ingest.cutting import Block
from weir.ingest.position import Position
from weir.ingest.positions import TOPIC, Positions
from weir.ingest.producers import OUTAGE_S
from weir.ingest.reading import Text, shown
from weir.ingest.sending import HURRY_S, Input, Interrupted, Progress, Sender, Sent

COMMIT_S = 1.0  # lines wait so long until they can be read
AGAIN_S = 1.0  # from one attempt to the next while Kafka is away
HOPELESS = (  # another attempt ends the same way
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.INVALID_RECORD,
    KafkaError.POLICY_VIOLATION,
)
DENIED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
)
ALLOWED = f"Allow this user to write to the topic and to {TOPIC}, and to use transactional ids that begin with weir-ingest."


class ExactSender(Sender):
    """Commits about once a second, and as soon as no more lines are there at the moment.

    After any trouble it begins anew where the last commit ended, which only Kafka knows: a commit may have succeeded whose answer was lost.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        positions: Positions,
        name: str,
        position: Position,
        partitions: list[int],
        rate: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(connect(), position.topic, partitions, position.service.encode(), rate, progress)
        self._connect, self._positions, self._name = connect, positions, name
        self._position = self._next = position  # as committed, and as of a commit that is under way
        self._sent = Sent(before=position.lines, seen=position.seen)
        self._saved = self._sent.copy()
        self._texts: Input
        self._lost: list[str] = []
        self._ready = self._open = False
        self._begun, self._trouble = 0.0, 0.0  # when the transaction began, and when trouble did

    def send_once(self, texts: Input, before: Position | None, tell: Callable[[Sent], None] = lambda sent: None) -> Sent:
        """Send until the lines end. `before` is the position that was found. `tell` says what was sent to whoever asked; if that raises,
        the run is left unfinished in the position.

        Raises Interrupted, NotRunning, Conflict, UnreadableInput.
        """
        self._texts, self._found = texts, before
        try:
            self._persist(self._commit)  # from here on, this run is the one to be resumed
            self._persist(self._all)
            tell(self._ended(texts))
            self._persist(lambda: self._commit(done=True))
        except KeyboardInterrupt as error:
            raise Interrupted(self._saved, known=self._settled()) from error
        except UnreadableInput:
            self._persist(self._commit)
            raise
        return self._sent

    def _ended(self, texts: Input) -> Sent:
        super()._ended(texts).problems += self._lost
        return self._sent

    def _persist(self, step: Callable[[], None]) -> None:
        """Do a step, again after each trouble. Raises NotRunning if it does not end, Conflict."""
        while True:
            try:
                if not self._ready:
                    self._start()
                return step()
            except KafkaException as error:
                self._bear(error)

    def _bear(self, error: KafkaException) -> None:
        """Wait a moment. Raises NotRunning if another attempt is hopeless, or there were enough."""
        self._ready = self._open = False
        self._trouble = self._trouble or time.monotonic()
        if error.args[0].code() in (*HOPELESS, *DENIED) or time.monotonic() - self._trouble > OUTAGE_S:
            what = f"Kafka accepts no more lines ({self._saved.acknowledged} so far): {error.args[0].str()}."
            raise (NotAuthorized(what, ALLOWED) if error.args[0].code() in DENIED else NotRunning(what, "See: weir status")) from error
        time.sleep(AGAIN_S)

    def _start(self) -> None:
        """End every other run of this name with what it has not committed, and go to where the last commit ended."""
        self._producer = self._connect()
        self._producer.init_transactions(10.0)
        found = self._positions.read(self._name)
        if found == self._next:
            self._accept()
        elif found != self._found:
            raise Conflict(
                f"Another weir ingest sends the same file as {self._position.service} to {self._topic}; "
                f"this one ends after {self._saved.acknowledged} lines.",
                "Let the other run finish. If it is interrupted, send the rest with --resume.",
            )
        self._rewind()
        self._ready = True

    def _rewind(self) -> None:
        """Read on from where the last commit ended."""
        self._sent, self._next = self._saved.copy(), self._position
        for text in self._texts.texts:
            if not text.gone:
                text.rewind()
            elif text.sent > text.kept:
                self._lost.append(f"{shown(text.name)} was truncated while Kafka was away: {text.sent - text.kept} bytes of it are lost.")
                text.sent, text.ended = text.kept, True

    def _all(self) -> None:
        for part in self._texts.parts():
            self._part(part)
            if part is None and (self._open or any(text.ended for text in self._texts.texts)):
                self._commit()
        self._commit()

    def _between(self, text: Text, block: Block, at: int) -> None:
        if time.monotonic() - self._begun > COMMIT_S:
            text.sent = block.end(at)
            self._commit()

    def _produce(self, lines: Sequence[bytes], partition: int) -> None:
        self._enter()
        produce, topic, key = self._producer.produce, self._topic, self._key
        for line in lines:
            while True:
                try:
                    produce(topic, line, key, partition)
                    break
                except BufferError:  # the producer's queue is full
                    self._producer.poll(0.1)

    def _enter(self) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open, self._begun = True, time.monotonic()

    def _commit(self, done: bool = False) -> None:
        """Commit what was sent, and with it how far that is. Raises KafkaException."""
        self._enter()
        sent, texts = self._sent, self._texts
        self._next = replace(
            self._position,
            commit=self._position.commit + 1,
            lines=sent.before + sent.lines,
            seen=sent.seen,
            done=done,
            place=texts.place(),
        )
        self._producer.produce(TOPIC, self._next.dump(), self._name.encode(), 0)
        deadline = time.monotonic() + OUTAGE_S
        while True:
            try:
                self._producer.commit_transaction(1.0)
                return self._accept()
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def _accept(self) -> None:
        """Take over what was committed."""
        self._open, self._trouble = False, 0.0
        self._sent.acknowledged = self._sent.lines
        self._saved, self._position, self._found = self._sent.copy(), self._next, self._next
        for text in self._texts.texts:
            text.kept = text.sent
        self._texts.committed()

    def _settled(self) -> bool:
        """Drop what was not committed. Return whether it is known how much was: the answer to a commit may have been lost."""
        try:
            self._producer.abort_transaction(HURRY_S)
        except KafkaException:
            self._open = False  # it never began, or its commit is under way
        try:
            found = self._positions.read(self._name, HURRY_S)
        except (KafkaException, WeirError):
            return False
        if found == self._next:
            self._saved.acknowledged = self._sent.lines
        return True
