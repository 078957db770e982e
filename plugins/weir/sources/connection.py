"""Connect librdkafka to an address of Kafka, and say why a connection failed.

The options contain secrets: they are made where a client is made, and kept nowhere.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError

from spark_jobs.runtime.faults import Cause, Fault
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_probe import explained
from weir import errors
from weir.errors import BadSetting, WeirError

Options = dict[str, Any]
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
    address = KafkaAddress(address) if isinstance(address, str) else address
    options: Options = {"bootstrap.servers": address.servers, "log_level": 0}
    if address.security == "PLAINTEXT":
        return options
    for field in ("ca_file", "cert_file", "key_file"):
        if address.tls and getattr(address, field):
            _content(address, field)  # librdkafka's own error names no file
    options["security.protocol"] = address.security
    return options | (_tls(address) if address.tls else {}) | (_login(address, password) if address.sasl else {})


def _tls(address: KafkaAddress) -> Options:
    files = {"ssl.ca.location": address.ca_file, "ssl.certificate.location": address.cert_file, "ssl.key.location": address.key_file}
    return {name: file for name, file in files.items() if file}


def _login(address: KafkaAddress, password: str) -> Options:
    if not address.mechanism:
        raise BadSetting(f"WEIR_KAFKA_SECURITY is {address.security}, and no mechanism is set.", "Set WEIR_KAFKA_MECHANISM.")
    if address.mechanism == "OAUTHBEARER":
        return {
            "sasl.mechanism": address.mechanism,
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.token.endpoint.url": address.token_url,
            "sasl.oauthbearer.client.id": address.client_id,
            "sasl.oauthbearer.client.secret": _content(address, "client_secret_file"),
        }
    secret = password or _content(address, "password_file")
    return {"sasl.mechanism": address.mechanism, "sasl.username": address.user, "sasl.password": secret}


def _content(address: KafkaAddress, field: str) -> str:
    """Return the content of a file that the address names, without the line end at its end."""
    file, setting = getattr(address, field), f"WEIR_KAFKA_{field.upper()}"
    if not file:
        raise BadSetting(f"{setting} is not set, and {address.security} with {address.mechanism} needs it.", "Set it to the file's path.")
    try:
        text = Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadSetting(f"The file {file} of {setting} cannot be read: {why}.", "Check the path and its permissions.") from error
    if not text:
        raise BadSetting(f"The file {file} of {setting} is empty.", "Write the secret into it.")
    return text
