"""Connect librdkafka to an address of Kafka, and say why a connection failed.

The options contain secrets: they are made where a client is made, and kept nowhere.
"""

from __future__ import annotations

import time
from collections import deque

from confluent_kafka import KafkaError

from spark_jobs.runtime import kafka_client
from spark_jobs.runtime.faults import Cause, Fault
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_client import BadKafkaFile, Options
from spark_jobs.runtime.kafka_probe import explained
from weir import errors
from weir.errors import BadSetting, WeirError

RECENT_S = 60.0  # librdkafka tells the same reason again after half a minute
CLASSES = (
    errors.BadSetting, errors.NotRunning, errors.TopicMissing, errors.NameNotResolved, errors.ConnectionRefused,
    errors.HandshakeFailed, errors.LoginRefused, errors.NotAuthorized,
)  # fmt: skip
BY_CODE = {kind.code: kind for kind in CLASSES}


class Reasons:
    """What a client of librdkafka said of its connections. Its errors themselves say only that no broker answered."""

    def __init__(self) -> None:
        self._said: deque[tuple[float, str]] = deque(maxlen=8)

    def __call__(self, error: KafkaError) -> None:
        """Note a reason: the callback `error_cb` of a client, which is called while the client is polled."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._said.append((time.monotonic(), f"{error.name()}: {error.str()}"))

    def recent(self) -> str:
        """Return what was said within RECENT_S, the newest first."""
        return " ".join(said for at, said in reversed(self._said) if time.monotonic() - at < RECENT_S)


def unusable(address: KafkaAddress, error: object, reasons: str = "") -> WeirError:
    """Return why Kafka cannot be used, for an error of a client and the reasons that it gave. May connect, to find out."""
    return as_error(fault_of(address, error, reasons))


def fault_of(address: KafkaAddress, error: object, reasons: str = "") -> Fault:
    """Return the fault behind an error of a client. May connect, to find out."""
    nothing = Fault(Cause.NO_ANSWER, f"Kafka at {address.servers} does not answer ({error})", "See: weir status")
    return explained(f"{error} {reasons}", address) or nothing


def as_error(fault: Fault) -> WeirError:
    return BY_CODE[str(fault.cause)](f"{fault.what}.", fault.next_step)


def client_options(address: KafkaAddress | str, password: str = "") -> Options:
    """Return the options of a client; a bare HOST:PORT is in plain text. Reads the secrets from their files, unless a password is given.

    Raises BadSetting, which names file and setting.
    """
    try:
        return kafka_client.client_options(address, password)
    except BadKafkaFile as error:
        raise BadSetting(error.what, error.next_step) from error
