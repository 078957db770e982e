"""The address of Kafka, and the options of Kafka's Java client for it. Pure, standard library only.

The options name files, and contain no secret: the client itself reads the files, on the driver's and on the executors' machines. So a plan,
a log line, Spark's pages and `ps` show nothing but paths, and each new client reads a password that was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

PROVIDER = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "OAUTHBEARER": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
}
TOKENS = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
UNQUOTABLE = ('"', "\\", "\n", "\r")  # end a quoted value of Kafka's login configuration, or change it
# A line end at the end of a file is no part of a password. Kafka's parser ends a quoted value at the end of its line, and takes the quote
# behind it for the begin of the next word; so what follows must be read in two ways: with such a line end `" end` is a name, and without
# it `"` ends the value and `end` is the name.
LINE_END = '" end\n="";'


@dataclass(frozen=True)
class KafkaAddress:
    """The address of Kafka, and how to connect. Secrets are in files, which each client reads on its own machine.

    `security` is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; `mechanism` is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.
    `ca_file` is empty for the authorities of the machine; `cert_file` and `key_file` are a client's own, for mutual TLS. The token of
    OAUTHBEARER comes from `token_url`, for `client_id` and the secret in `client_secret_file`.
    """

    servers: str = ""  # HOST:PORT, separated by commas
    security: str = "PLAINTEXT"
    mechanism: str = ""
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret_file: str = ""

    @property
    def tls(self) -> bool:
        return self.security in ("SSL", "SASL_SSL")

    @property
    def sasl(self) -> bool:
        return self.security.startswith("SASL")

    @property
    def files(self) -> Mapping[str, str]:
        """Return the files that a client must be able to read, by the name of their field."""
        names = ["ca_file", "cert_file", "key_file"] if self.tls else []
        if self.sasl:
            names.append("client_secret_file" if self.mechanism == "OAUTHBEARER" else "password_file")
        return {name: file for name in names if (file := str(getattr(self, name)))}


def java_options(address: KafkaAddress) -> dict[str, str]:
    """Return the options, with the servers. Raises ValueError for a path or a user that Kafka's syntax cannot express."""
    options = {"bootstrap.servers": address.servers}
    if address.security == "PLAINTEXT":
        return options
    options |= {"security.protocol": address.security, "config.providers": "directory", "config.providers.directory.class": PROVIDER}
    if address.tls:
        options |= _tls(address)
    if address.sasl:
        options |= _login(address)
    return options


def _tls(address: KafkaAddress) -> dict[str, str]:
    found: dict[str, str] = {}
    if address.ca_file:
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": address.ca_file}
    if address.cert_file:
        found |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _content(address.cert_file),
            "ssl.keystore.key": _content(address.key_file),
        }
    return found


def _login(address: KafkaAddress) -> dict[str, str]:
    module = MODULES[address.mechanism]
    if address.mechanism == "OAUTHBEARER":
        words = f'clientId="{_quoted(address.client_id)}" clientSecret="{_content(address.client_secret_file)}'
        return {
            "sasl.mechanism": address.mechanism,
            "sasl.oauthbearer.token.endpoint.url": address.token_url,
            "sasl.login.callback.handler.class": TOKENS,
            "sasl.jaas.config": f"{module} required {words}{LINE_END}",
        }
    words = f'username="{_quoted(address.user)}" password="{_content(address.password_file)}'
    return {"sasl.mechanism": address.mechanism, "sasl.jaas.config": f"{module} required {words}{LINE_END}"}


def _content(file: str) -> str:
    """Return the reference to the content of a file, which Kafka's client replaces."""
    path = PurePosixPath(file)
    if not path.is_absolute() or set(file) & set(":}"):
        raise ValueError(f"{file!r} cannot be handed to Kafka's Java client: give an absolute path without : and }}")
    return f"${{directory:{path.parent}:{path.name}}}"


def _quoted(text: str) -> str:
    if bad := [sign for sign in UNQUOTABLE if sign in text]:
        raise ValueError(f"the user {text!r} has {bad[0]!r} in it, which Kafka's login configuration cannot express")
    return text
