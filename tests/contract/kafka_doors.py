"""One broker with a listener for each way to connect, and for each fault of a server's certificate."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from spark_jobs.runtime.kafka_address import KafkaAddress
from tests.parts import configured_secure, running_stack
from weir.local import certs, jars, kafka, kafka_access, ports
from weir.local.part import Stack, properties

SASL = {"passwords": "SASL_SSL", "tokens": "SASL_PLAINTEXT"}
TLS = ("expired", "elsewhere", "foreign")
PASSWORD = "it's a \u00fcber s3cret; x = y"  # what a parser may stumble over
CLIENT, SECRET = "weir-client", "the client's secret"


@dataclass(frozen=True)
class Doors:
    """The broker's addresses by listener, and the stack that it is of."""

    stack: Stack
    servers: dict[str, str]
    token_url: str

    def address(self, door: str, security: str, **more: str) -> KafkaAddress:
        return KafkaAddress(self.servers[door], security, ca_file=str(certs.ca_file(self.stack.home)), **more)

    def secret(self, name: str, text: str) -> str:
        file = self.stack.home / name
        file.write_text(text)
        return str(file)

    def login(self, mechanism: str, user: str = "", password_file: str = "") -> KafkaAddress:
        """As Weir's own user, or another one."""
        file = password_file or self.secret("password", PASSWORD)
        door = "client" if mechanism == "SCRAM-SHA-512" else "passwords"
        return self.address(door, "SASL_SSL", mechanism=mechanism, user=user or kafka_access.WEIR, password_file=file)

    def with_certificate(self, name: str) -> KafkaAddress:
        home = self.stack.home
        return self.address("internal", "SSL", cert_file=str(certs.cert_file(home, name)), key_file=str(certs.key_file(home, name)))

    def with_token(self, secret: str = SECRET) -> KafkaAddress:
        file = self.secret(f"secret-{len(secret)}", secret)
        return KafkaAddress(
            self.servers["tokens"], "SASL_PLAINTEXT", "OAUTHBEARER", token_url=self.token_url, client_id=CLIENT, client_secret_file=file
        )


@contextlib.contextmanager
def doors(home: Path) -> Iterator[Doors]:
    """Start the broker, with a topic `logs` and the users of a secure stack."""
    stack = configured_secure(home)
    for user in kafka_access.RIGHTS:
        stack.secrets[user] = PASSWORD  # type: ignore[index]
    taken: set[int] = set()
    servers = {door: stack.address(f"kafka{name}") for door, name in (("client", ""), ("driver", "_driver"), ("internal", "_internal"))}
    for door in ("plain", *SASL, *TLS):
        port = ports.next_free(21000, taken)
        taken.add(port)
        servers[door] = f"127.0.0.1:{port}"
    _bad_certificates(home)
    with tokens() as url:
        jars.class_path("kafka")
        part = kafka.part(stack)
        more = _properties(stack, servers, url)
        part = replace(part, prepare=lambda: _prepare(stack, more), env={**part.env, "JDK_JAVA_OPTIONS": _allowed(url)})
        with running_stack(stack, part):
            kafka.open_to_clients(stack)
            _more_users(stack)
            yield Doors(stack, servers, f"{url}/token")


def _allowed(url: str) -> str:
    return f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}/keys"


def _bad_certificates(home: Path) -> None:
    certs.renew(home, "expired", now=datetime.now(UTC) - 2 * certs.VALID)
    certs.renew(home, "elsewhere", hosts=("elsewhere.example",))
    certs.ensure(home / "another")


def _prepare(stack: Stack, more: dict[str, object]) -> None:
    kafka.part(stack).prepare()
    with (stack.folder("kafka") / "server.properties").open("a") as file:
        file.write(properties(more))


def _properties(stack: Stack, servers: dict[str, str], url: str) -> dict[str, object]:
    own = kafka_access.properties(stack)
    doors = {"plain": "PLAINTEXT", **SASL, **dict.fromkeys(TLS, "SSL")}
    listen = ",".join(f"{door.upper()}://{servers[door]}" for door in doors)
    kinds = ",".join(f"{door.upper()}:{security}" for door, security in doors.items())
    plain = " ".join(f'user_{user}="{PASSWORD}"' for user in kafka_access.RIGHTS)
    stores = {**{d: certs.store_file(stack.home, d) for d in TLS}, "foreign": certs.store_file(stack.home / "another", "kafka")}
    validator = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
    return {
        "listeners": f"{own['listeners']},{listen}",
        "advertised.listeners": f"{own['advertised.listeners']},{listen}",
        "listener.security.protocol.map": f"{own['listener.security.protocol.map']},{kinds}",
        "listener.name.passwords.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "listener.name.passwords.plain.sasl.jaas.config": f"org.apache.kafka.common.security.plain.PlainLoginModule required {plain};",
        "listener.name.passwords.scram-sha-256.sasl.jaas.config": kafka_access.SCRAM,
        "listener.name.tokens.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.tokens.oauthbearer.sasl.jaas.config": (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
        ),
        "listener.name.tokens.oauthbearer.sasl.server.callback.handler.class": validator,
        "listener.name.tokens.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": f"{url}/keys",
        "listener.name.tokens.oauthbearer.sasl.oauthbearer.expected.audience": "kafka",
        **{f"listener.name.{door}.ssl.keystore.location": store for door, store in stores.items()},
    }


def _more_users(stack: Stack) -> None:
    """The same password for SCRAM-SHA-256, and rights for the owner of the token."""
    from confluent_kafka.admin import (
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )  # fmt: skip

    client = kafka.admin(kafka.owner(stack))
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    wanted = UserScramCredentialUpsertion(kafka_access.WEIR, how, PASSWORD.encode())
    client.alter_user_scram_credentials([wanted])[kafka_access.WEIR].result(30)
    literal, topic = ResourcePatternType.LITERAL, ResourceType.TOPIC
    rights = [
        AclBinding(topic, "logs", literal, f"User:{CLIENT}", "*", operation, AclPermissionType.ALLOW)
        for operation in (AclOperation.DESCRIBE, AclOperation.READ)
    ]
    for asked in client.create_acls(rights).values():
        asked.result(30)


@contextlib.contextmanager
def tokens() -> Iterator[str]:
    """A server of tokens on loopback, and the key that they are signed with; its address."""
    key = rsa.generate_private_key(65537, 2048)

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = _basic(self.headers.get("Authorization", ""))
            self._say(200, {"access_token": _token(key), "token_type": "Bearer", "expires_in": 3600}) if asked == (CLIENT, SECRET) else (
                self._say(401, {"error": "invalid_client"})
            )

        def do_GET(self) -> None:
            numbers = key.public_key().public_numbers()
            self._say(200, {"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}]})

        def _say(self, code: int, body: object) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _basic(header: str) -> tuple[str, str]:
    from base64 import b64decode
    from urllib.parse import unquote

    user, _, password = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return unquote(user), unquote(password)


def _token(key: rsa.RSAPrivateKey) -> str:
    now = datetime.now(UTC)
    claims = {
        "sub": CLIENT,
        "aud": "kafka",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        "scope": "weir",
    }
    text = f"{_base64(json.dumps({'alg': 'RS256', 'kid': '1'}).encode())}.{_base64(json.dumps(claims).encode())}"
    return f"{text}.{_base64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(data).decode().rstrip("=")
