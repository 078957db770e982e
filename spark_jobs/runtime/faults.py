"""Say why Cassandra cannot be used, from the client's error. Pure, and free of the client's imports: errors are known by their names.

The codes are those of the runbook; `weir.errors` has a class for each.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from spark_jobs.runtime.contract import CassandraAddress

LONGEST = 300  # characters of the client's own text
MISSING_KEYSPACE = re.compile(r"Keyspace '?([^' \"]+)'? does not exist")
NO_PERMISSION = re.compile(r"User \S+ has no (?P<right>.+?) permission on (?P<on><[^>]+>|\S+)")
OTHER_PROTOCOL = re.compile(r"does not support protocol version (\d+)")
OF_TLS = ("[ssl", "certificate verify failed")
# Handshakes that ended without a reason: the server went away, which is an outage and no fault of a certificate.
CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
ENDED = ("eof occurred", "unexpected eof")
NO_JUDGE = ("Cannot achieve consistency", "Unable to perform authentication")  # the nodes with the roles are away: an outage
HINTS = {
    "unable to get local issuer": "the certificate's authority is not in WEIR_CASSANDRA_CA_FILE",
    "self-signed certificate": "the certificate's authority is not in WEIR_CASSANDRA_CA_FILE",
    "has expired": "the server's certificate has expired",
    "not yet valid": "the server's certificate is not valid yet, or a clock is wrong",
    "mismatch": "the server's certificate is for another host name",
    "certificate required": "the server asks for a client certificate: set WEIR_CASSANDRA_CERT_FILE and WEIR_CASSANDRA_KEY_FILE",
    "bad certificate": "the server does not accept the client certificate of WEIR_CASSANDRA_CERT_FILE",
    "unknown ca": "the server does not know the authority of the client certificate of WEIR_CASSANDRA_CERT_FILE",
    "wrong version number": "the server does not speak TLS at this port: set WEIR_CASSANDRA_TLS to false, or use its TLS port",
    "record layer failure": "the server does not speak TLS at this port: set WEIR_CASSANDRA_TLS to false, or use its TLS port",
    "packet length too long": "the server does not speak TLS at this port: set WEIR_CASSANDRA_TLS to false, or use its TLS port",
}


class Cause(StrEnum):
    """Why a server cannot be used, as the code of the runbook."""

    SETTING = "WEIR-106"
    NO_ANSWER = "WEIR-201"
    TOPIC = "WEIR-204"
    UNRESOLVED = "WEIR-207"
    REFUSED = "WEIR-208"
    HANDSHAKE = "WEIR-209"
    LOGIN = "WEIR-210"
    PERMISSION = "WEIR-211"
    KEYSPACE = "WEIR-212"
    DATACENTER = "WEIR-213"
    TOO_FEW = "WEIR-214"

    @property
    def passes(self) -> bool:
        """Return whether waiting helps. The other causes need an operator."""
        return self in (Cause.NO_ANSWER, Cause.UNRESOLVED, Cause.REFUSED, Cause.TOO_FEW)


# What an operator must fix comes first: with one node down and one that refuses the login, the login is what to look at.
WEIGHT = (
    Cause.SETTING, Cause.LOGIN, Cause.PERMISSION, Cause.HANDSHAKE, Cause.TOPIC, Cause.KEYSPACE, Cause.DATACENTER,
    Cause.TOO_FEW, Cause.NO_ANSWER, Cause.REFUSED, Cause.UNRESOLVED,
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Why a server cannot be used, and what to do."""

    cause: Cause
    what: str  # without a full stop
    next_step: str = ""


class OutOfPatience(Exception):
    """Cassandra could not be used within the patience that the caller had."""

    def __init__(self, fault: Fault, after_s: float) -> None:
        self.fault, self.after_s = fault, after_s
        super().__init__(f"{fault.cause}: {self.what}. {fault.next_step}".strip())

    @property
    def what(self) -> str:
        """Return what is wrong, and for how long it was tried."""
        if self.fault.cause is Cause.NO_ANSWER:
            return self.fault.what.replace("does not answer", f"did not answer in {self.after_s:.1f} s", 1)
        return f"{self.fault.what} (tried for {self.after_s:.1f} s)" if self.fault.cause.passes else self.fault.what


class BadFile(Exception):
    """A file of the connection's settings cannot be used."""


class NoKeyspace(Exception):
    """Cassandra does not know the keyspace of the settings."""


class SpeaksTls(Exception):
    """A server closed a connection without TLS, and answers to TLS at the same port."""


@dataclass(frozen=True)
class _Seen:
    """An error of one server."""

    error: BaseException
    host: str
    address: CassandraAddress

    @property
    def kind(self) -> str:
        return type(self.error).__name__

    @property
    def text(self) -> str:
        return " ".join(str(self.error).split())[:LONGEST]


def fault_of(error: BaseException, address: CassandraAddress, datacenters: Collection[str] = ()) -> Fault:
    """Return the fault that an error of the client names. `datacenters` are those of the nodes that were found."""
    if datacenters and address.datacenter not in datacenters:
        theirs = ", ".join(sorted(datacenters))
        what = f"Cassandra's nodes at {_hosts(address)} are of {theirs}, and not of {address.datacenter}"
        return Fault(Cause.DATACENTER, what, f"Set WEIR_CASSANDRA_DATACENTER={sorted(datacenters)[0]}.")
    faults = [_fault(_Seen(one, host, address)) for host, one in _by_server(error).items()]
    return min(faults, key=lambda fault: WEIGHT.index(fault.cause)) if faults else _fault(_Seen(error, _hosts(address), address))


def _by_server(error: BaseException) -> Mapping[str, BaseException]:
    errors = getattr(error, "errors", None)
    return {str(host): one for host, one in errors.items()} if isinstance(errors, dict) else {}


def _fault(seen: _Seen) -> Fault:
    found = (rule(seen) for rule in (_of_settings, _of_name, _of_tls, _of_login, _of_statement, _of_server))
    fault = next((fault for fault in found if fault), None)
    return fault or Fault(Cause.NO_ANSWER, f"Cassandra at {seen.host} does not answer: {seen.text or seen.kind}", "See: weir status")


def _of_settings(seen: _Seen) -> Fault | None:
    return Fault(Cause.SETTING, seen.text, "The file is read again at each new connection.") if isinstance(seen.error, BadFile) else None


def _of_name(seen: _Seen) -> Fault | None:
    if seen.kind not in ("UnresolvableContactPoints", "gaierror", "UnicodeError"):
        return None
    what = f"The name of Cassandra's host cannot be resolved: {_hosts(seen.address)}"
    return Fault(Cause.UNRESOLVED, what, "Check WEIR_CASSANDRA_HOSTS, and the name service with: getent hosts NAME")


def _of_tls(seen: _Seen) -> Fault | None:
    if isinstance(seen.error, SpeaksTls):
        what = f"Cassandra at {seen.host} speaks TLS, and WEIR_CASSANDRA_TLS is not set"
        return Fault(Cause.HANDSHAKE, what, "Set WEIR_CASSANDRA_TLS=true and WEIR_CASSANDRA_CA_FILE.")
    text = seen.text.lower().replace("_", " ")
    if not isinstance(seen.error, ssl.SSLError) and not any(sign in text for sign in OF_TLS):
        return None
    if isinstance(seen.error, CUT_OFF) or any(sign in text for sign in ENDED):
        return None
    hint = next((hint for sign, hint in HINTS.items() if sign in text), "")
    what = f"The TLS handshake with Cassandra at {seen.host} failed: {hint or seen.text}"
    return Fault(Cause.HANDSHAKE, what, f"Fix it: docs/runbook.md, WEIR-209 ({seen.text})" if hint else "Check WEIR_CASSANDRA_CA_FILE.")


def _of_login(seen: _Seen) -> Fault | None:
    if seen.kind != "AuthenticationFailed" or any(sign in seen.text for sign in NO_JUDGE):
        return None
    user, file, login = seen.address.user, seen.address.password_file, seen.address.login
    if not user:
        step = f"Set {login}_USER and {login}_PASSWORD_FILE."
        return Fault(Cause.LOGIN, f"Cassandra at {seen.host} asks for a login, and no user is set", step)
    what = f"Cassandra at {seen.host} refuses the login of {user} with the password in {file}"
    return Fault(Cause.LOGIN, what, f"Fix the file ({login}_PASSWORD_FILE) or the user's password in Cassandra; no restart is needed.")


def _of_statement(seen: _Seen) -> Fault | None:
    if seen.kind == "Unauthorized":
        found = NO_PERMISSION.search(seen.text)
        lacks = f"{found['right']} on {found['on'].strip('<>')}" if found else seen.text
        what = f"Cassandra does not allow {seen.address.user or 'an anonymous user'}: {lacks}"
        return Fault(Cause.PERMISSION, what, "Grant it; docs/security.md lists what each role needs.")
    if missing := MISSING_KEYSPACE.search(seen.text):
        step = "Check WEIR_CASSANDRA_KEYSPACE. To create it: weir migrate"
        return Fault(Cause.KEYSPACE, f"Cassandra at {seen.host} has no keyspace {missing[1]}", step)
    return None


def _of_server(seen: _Seen) -> Fault | None:
    if isinstance(seen.error, ConnectionRefusedError) or "Connection refused" in seen.text:
        what = f"Cassandra at {seen.host} refuses the connection: nothing listens there"
        return Fault(Cause.REFUSED, what, "Check WEIR_CASSANDRA_HOSTS and WEIR_CASSANDRA_PORT. On the embedded stack: weir status")
    if seen.kind == "Unavailable":
        return Fault(Cause.TOO_FEW, f"Too few of Cassandra's nodes are up for the copies of the keyspace: {seen.text}", "See: weir doctor")
    if other := OTHER_PROTOCOL.search(seen.text):
        what = f"Cassandra at {seen.host} does not answer with its protocol 5: it sent the byte {other[1]}"
        return Fault(Cause.NO_ANSWER, what, "Check WEIR_CASSANDRA_HOSTS and WEIR_CASSANDRA_PORT. Cassandra 4.0 or newer is needed.")
    return None


def _hosts(address: CassandraAddress) -> str:
    return ", ".join(address.hosts)
