"""Find out why Kafka cannot be reached, step by step as a client connects: name, connection, TLS, protocol, login. Standard library only.

Clients tell little: one in plain text at a TLS port waits in silence, and librdkafka says of every certificate that it "could not be
verified". No password is sent.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from pathlib import Path

from spark_jobs.runtime.faults import WEIGHT, Cause, Fault
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_faults import fault_in, handshake, not_offered, refused, unresolved, who

WITHIN_S = 3.0
LONGEST = 1024 * 1024  # bytes of an answer
API_VERSIONS, METADATA, SASL_HANDSHAKE = 18, 3, 17
UNSUPPORTED_MECHANISM, ILLEGAL_STATE = 33, 34
NO_TOPICS = struct.pack(">i", 0)


class Closed(Exception):
    """The server closed the connection."""


def probe(address: KafkaAddress, within_s: float = WITHIN_S) -> Fault | None:
    """Return why none of the servers can be used; None if one of them answers up to the login."""
    end = time.monotonic() + within_s
    faults = []
    for server in address.servers.split(","):
        fault = _probe(address, *split(server), end)
        if fault is None:
            return None
        faults.append(fault)
    return min(faults, key=lambda fault: WEIGHT.index(fault.cause))


def explained(text: str, address: KafkaAddress, within_s: float = WITHIN_S) -> Fault | None:
    """Return the fault behind a client's error; None if there is none to be seen. Looks at the connection where the client tells little."""
    told = fault_in(text, address)
    if told and told.cause in (Cause.LOGIN, Cause.SETTING):
        return bad_file(address) or told  # Kafka's client takes the name of a file that is not there for the password
    if told and told.cause not in (Cause.HANDSHAKE, Cause.REFUSED, Cause.UNRESOLVED):
        return told
    return probe(address, within_s) or (told if told and told.cause is Cause.HANDSHAKE else None)  # others may have passed


def bad_file(address: KafkaAddress) -> Fault | None:
    """Return which of the files cannot be read here; None if all can."""
    for field, file in address.files.items():
        setting = f"WEIR_KAFKA_{field.upper()}"
        try:
            if not Path(file).read_bytes().strip():
                return Fault(Cause.SETTING, f"The file {file} of {setting} is empty", "Write the secret into it.")
        except OSError as error:
            what = f"The file {file} of {setting} cannot be read on {socket.gethostname()}: {error.strerror}"
            return Fault(Cause.SETTING, what, "Put it there, readable for the user of this process; drivers read it on Spark's workers.")
    return None


def split(server: str) -> tuple[str, int]:
    """Split HOST:PORT; the host may be an IPv6 address in brackets."""
    host, _, port = server.strip().rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0


def _probe(address: KafkaAddress, host: str, port: int, end: float) -> Fault | None:
    try:
        with _connected(host, port, end) as plain:
            if not address.tls:
                return _spoken(address, plain, host, port, end)
            with _context(address).wrap_socket(plain, server_hostname=host) as secured:
                return _spoken(address, secured, host, port, end)
    except ssl.SSLError as error:
        return _of_tls(address, error, host, port, end)
    except (socket.gaierror, UnicodeError):
        return unresolved(address)
    except ConnectionRefusedError:
        return refused(address)
    except (Closed, ConnectionError):
        return _closed(address, host, port, end)
    except BadFiles as error:
        return Fault(Cause.SETTING, str(error), "Check the files.")
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        return Fault(Cause.NO_ANSWER, f"Kafka at {address.servers} does not answer: {why}", "See: weir status")


class BadFiles(Exception):
    """The CA's file or the client's certificate cannot be used."""


def _context(address: KafkaAddress) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.ca_file or None)
        if address.cert_file:
            context.load_cert_chain(address.cert_file, address.key_file or None, password="")
    except (OSError, ValueError) as error:
        files = ", ".join(filter(None, (address.ca_file, address.cert_file, address.key_file)))
        raise BadFiles(f"The certificates in {files} cannot be used: {error}") from error
    return context


def _connected(host: str, port: int, end: float) -> socket.socket:
    return socket.create_connection((host, port), max(0.1, end - time.monotonic()))


def _spoken(address: KafkaAddress, line: socket.socket, host: str, port: int, end: float) -> Fault | None:
    """Speak Kafka's protocol up to the login. Raises Closed, OSError."""
    line.settimeout(max(0.1, end - time.monotonic()))
    _asked(line, API_VERSIONS, 0, b"")
    if address.sasl:
        mechanism = address.mechanism.encode()
        return _offered(address, _asked(line, SASL_HANDSHAKE, 1, struct.pack(">h", len(mechanism)) + mechanism))
    try:
        _asked(line, METADATA, 1, NO_TOPICS)
    except (Closed, ConnectionError):
        step = "Set WEIR_KAFKA_SECURITY to SASL_SSL or SASL_PLAINTEXT, with WEIR_KAFKA_MECHANISM and a user; or use another port."
        return Fault(Cause.LOGIN, f"Kafka at {address.servers} asks for a login, and WEIR_KAFKA_SECURITY is {address.security}", step)
    return None


def _offered(address: KafkaAddress, answer: bytes) -> Fault | None:
    """Judge the answer to a handshake of SASL: an error, and the mechanisms that there are."""
    (error, count), at, names = struct.unpack_from(">hi", answer), 6, []
    for _ in range(count):
        (size,) = struct.unpack_from(">h", answer, at)
        names.append(answer[at + 2 : at + 2 + size].decode())
        at += 2 + size
    if error == UNSUPPORTED_MECHANISM:
        return not_offered(address, names)
    if error == ILLEGAL_STATE:
        plain = "SSL" if address.tls else "PLAINTEXT"
        what = f"Kafka at {address.servers} takes no login at this port, and {who(address)} wants to log in"
        return Fault(Cause.LOGIN, what, f"Set WEIR_KAFKA_SECURITY={plain}, or use another port.")
    return None


def _of_tls(address: KafkaAddress, error: ssl.SSLError, host: str, port: int, end: float) -> Fault:
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return _closed(address, host, port, end)
    return handshake(f"{error.reason or ''} {error}", address)


def _closed(address: KafkaAddress, host: str, port: int, end: float) -> Fault:
    """Judge a connection that the server closed without a reason: does it speak as the client does not?"""
    if address.tls and _speaks_plain(host, port, end):
        return handshake("wrong version number", address)
    if not address.tls and _speaks_tls(host, port, end):
        what = f"Kafka at {address.servers} speaks TLS, and WEIR_KAFKA_SECURITY is {address.security}"
        return Fault(Cause.HANDSHAKE, what, "Set WEIR_KAFKA_SECURITY to SSL or SASL_SSL, and WEIR_KAFKA_CA_FILE.")
    return Fault(Cause.NO_ANSWER, f"Kafka at {address.servers} closes each connection: is it Kafka?", "See: weir status")


def _speaks_plain(host: str, port: int, end: float) -> bool:
    try:
        with _connected(host, port, end) as line:
            _asked(line, API_VERSIONS, 0, b"")
            return True
    except (Closed, OSError):
        return False


def _speaks_tls(host: str, port: int, end: float) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with _connected(host, port, end) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error)
    except OSError:
        return False


def _asked(line: socket.socket, api: int, version: int, body: bytes) -> bytes:
    """Send a request without a client's name, and return the answer's body. Raises Closed, OSError."""
    header = struct.pack(">hhih", api, version, api, -1)
    line.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    (size,) = struct.unpack(">i", _read(line, 4))
    if not 4 <= size <= LONGEST:
        raise Closed
    answer = _read(line, size)
    if struct.unpack_from(">i", answer)[0] != api:
        raise Closed
    return answer[4:]


def _read(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        chunk = line.recv(size - len(found))
        if not chunk:
            raise Closed
        found += chunk
    return found
