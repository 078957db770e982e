"""What a client of Cassandra proves itself by, and the server to it. Files are read at each new connection, so that a password or a
certificate is rotated without a restart."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cassandra.auth import AuthProvider, PlainTextAuthenticator

from spark_jobs.runtime.contract import LOGIN, CassandraAddress
from spark_jobs.runtime.faults import BadFile

PROBE_S = 2.0


class PasswordFile(AuthProvider):  # type: ignore[misc]  # the client has no types
    """Logs in with the password that a file has at the time of the login."""

    def __init__(self, address: CassandraAddress) -> None:
        self._address = address

    def new_authenticator(self, host: str) -> PlainTextAuthenticator:
        return _Login(self._address)


class _Login(PlainTextAuthenticator):  # type: ignore[misc]
    """The client makes one for a node that is down, and uses it at each try: so the file is read at the login, and not before."""

    def __init__(self, address: CassandraAddress) -> None:
        self.username, self._address = address.user, address

    @property
    def password(self) -> str:
        return password_of(self._address.password_file, self._address.login)


def password_of(file: str, login: str = LOGIN, setting: str = "") -> str:
    """Return the password in a file, without white space around it. Raises BadFile, with the name of the setting."""
    setting = setting or f"{login}_PASSWORD_FILE"
    if not file:
        raise BadFile(f"{login}_USER is set, and {setting} is not")
    try:
        password = Path(file).read_text().strip()
    except UnicodeDecodeError as error:
        raise BadFile(f"{setting}, {file}, is not UTF-8 text") from error
    except (OSError, ValueError) as error:
        raise BadFile(f"{setting}, {file}, cannot be read: {_why(error)}") from error
    if not password:
        raise BadFile(f"{setting}, {file}, is empty")
    return password


class FreshTls:
    """Wraps a connection's socket in TLS, as the client asks an SSLContext to. The files are read each time.

    A node of the settings must have a certificate of the name by which the settings call it, a node that was discovered one of its address.
    """

    check_hostname = True

    def __init__(self, address: CassandraAddress) -> None:
        self._address = address
        context_of(address)  # once now: a file that is not there is told before a connection is tried

    def wrap_socket(self, sock: socket.socket, server_hostname: str = "", **options: Any) -> ssl.SSLSocket:
        name = _names(self._address.hosts).get(server_hostname, server_hostname)
        return context_of(self._address).wrap_socket(sock, server_hostname=name, **options)


def _names(hosts: Sequence[str]) -> dict[str, str]:
    """Return the hosts of the settings by their addresses. A name that cannot be resolved is left out."""
    found: dict[str, str] = {}
    for name in hosts:
        with suppress(OSError, UnicodeError):
            found |= {str(sockaddr[0]): name for *_, sockaddr in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    return found


def context_of(address: CassandraAddress) -> ssl.SSLContext:
    """Return a TLS context from the files as they are now. Raises BadFile."""
    try:
        context = ssl.create_default_context(cafile=address.ca_file or None)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise BadFile(f"WEIR_CASSANDRA_CA_FILE, {address.ca_file}, cannot be used: {_why(error)}") from error
    if address.cert_file:
        try:
            context.load_cert_chain(address.cert_file, address.key_file or None, password=_no_password)
        except (OSError, ValueError) as error:
            files = f"{address.cert_file} with WEIR_CASSANDRA_KEY_FILE, {address.key_file or 'which is not set'},"
            raise BadFile(f"WEIR_CASSANDRA_CERT_FILE, {files} cannot be used: {_why(error)}") from error
    return context


def _no_password() -> str:
    """Refuse a key with a password: OpenSSL would ask for it on the terminal."""
    raise ValueError("the key has a password; store it without one, in a file that only its user can read")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"it is not PEM, or key and certificate do not belong together ({error.reason or error})"
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)


def speaks_tls(host: str, port: int) -> bool:
    """Return whether a server answers a TLS handshake, whatever its certificate. Nothing is sent beyond the handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), PROBE_S) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error)
    except OSError:
        return False
