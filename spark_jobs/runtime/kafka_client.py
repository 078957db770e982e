"""Make the options of librdkafka for an address of Kafka. They contain secrets: make them where a client is made, and never store them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spark_jobs.runtime.faults import BadFile
from spark_jobs.runtime.kafka_address import KafkaAddress

Options = dict[str, Any]


class BadKafkaFile(BadFile):
    """A setting of the address, or the file that it names, cannot be used."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what} {next_step}")
        self.what, self.next_step = what, next_step


def client_options(address: KafkaAddress | str, password: str = "") -> Options:
    """Return the options of a client; a bare HOST:PORT is in plain text. Reads the secrets from their files, unless a password is given.

    Raises BadKafkaFile, which names file and setting.
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
        raise BadKafkaFile(f"WEIR_KAFKA_SECURITY is {address.security}, and no mechanism is set.", "Set WEIR_KAFKA_MECHANISM.")
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
        raise BadKafkaFile(f"{setting} is not set, and {address.security} with {address.mechanism} needs it.", "Set it to the file's path.")
    try:
        text = Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadKafkaFile(f"The file {file} of {setting} cannot be read: {why}.", "Check the path and its permissions.") from error
    if not text:
        raise BadKafkaFile(f"The file {file} of {setting} is empty.", "Write the secret into it.")
    return text
