"""Say why Kafka cannot be used, from what its clients in Java and in C raise. Pure: errors are known by their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from spark_jobs.runtime.faults import Cause, Fault
from spark_jobs.runtime.kafka_address import KafkaAddress

LONGEST = 300  # characters of the client's own text
RIGHTS = "Grant it; docs/security.md lists what each role needs."
AGAIN = "Clients read the file when they start; Weir restarts drivers by itself."
NO_TLS = "it does not speak TLS at this port: set WEIR_KAFKA_SECURITY to PLAINTEXT or SASL_PLAINTEXT, or use its TLS port"
# The signs of Java's, Python's and librdkafka's TLS in lower case, with `_` as a blank, and what they say of the server.
TLS = {
    "unable to get local issuer": "its certificate's authority is not in WEIR_KAFKA_CA_FILE",
    "self-signed certificate": "its certificate's authority is not in WEIR_KAFKA_CA_FILE",
    "self signed certificate": "its certificate's authority is not in WEIR_KAFKA_CA_FILE",
    "does not chain with any of the trust anchors": "its certificate's authority is not in WEIR_KAFKA_CA_FILE",
    "unable to find valid certification path": "its certificate's authority is not in WEIR_KAFKA_CA_FILE",
    "has expired": "its certificate has expired",
    "notafter": "its certificate has expired",
    "not yet valid": "its certificate is not valid yet, or a clock is wrong",
    "notbefore": "its certificate is not valid yet, or a clock is wrong",
    "mismatch": "its certificate is for another host name",
    "no subject alternative": "its certificate is for another host name",
    "no name matching": "its certificate is for another host name",
    "certificate required": "it asks for a client certificate: set WEIR_KAFKA_CERT_FILE and WEIR_KAFKA_KEY_FILE",
    "bad certificate": "it does not accept the client certificate of WEIR_KAFKA_CERT_FILE, or asks for one",
    "certificate unknown": "it does not accept the client certificate of WEIR_KAFKA_CERT_FILE",
    "unknown ca": "it does not know the authority of the client certificate of WEIR_KAFKA_CERT_FILE",
    "wrong version number": NO_TLS,
    "record layer failure": NO_TLS,
    "packet length too long": NO_TLS,
    "unsupported or unrecognized ssl message": NO_TLS,
    "plaintext broker listener": NO_TLS,
}
OF_TLS = ("sslauthenticationexception", "sslhandshakeexception", "ssl handshake failed", "certificate verify failed", "[ssl")
END = r"(?= Caused by| \.\.\. |$)"  # of what an exception in Java says
SETTINGS = re.compile(rf"(?:\bConfigException: |\bInvalidConfigurationException: |(?=Could not (?:list directory|read file)))(.*?){END}")
OFFERED = re.compile(r"(?:enabled mechanisms are \[|supported mechanisms: )([A-Z0-9, -]+)")
GIVEN = re.compile(rf"(The response code.*?|Failed to acquire SASL OAUTHBEARER token.*?|\b[\w.]*Exception: (?!.*Exception: ).*?){END}")
UNRESOLVED = ("No resolvable bootstrap", "Couldn't resolve server", "Failed to resolve", "Host resolution failure", "UnknownHostException")
LOGIN = ("SaslAuthenticationException", "SASL authentication error", "Authentication failed", "SASL authentication failed")
MECHANISM = (
    "UnsupportedSaslMechanismException",
    "IllegalSaslStateException",
    "Unsupported SASL mechanism",
    "SASL mechanism handshake failed",
)
TOKEN = ("token endpoint", "Failed to retrieve token", "OAuthBearer", "OAUTHBEARER", "OIDC")
DENIED = re.compile(
    r"Not authorized to access (?P<kind>topics|group|cluster|transactional id)s?:? ?(?P<which>\[[^\]]*\]|[\w.-]*)"
    r"|(?P<code>Topic|Group|Cluster|Transactional Id) authorization failed\.?(?: (?P<named>\[[^\]]*\]))?", re.IGNORECASE
)  # fmt: skip
JAVA_DENIED = re.compile(r"(Topic|Group|Cluster|TransactionalId)AuthorizationException")
NO_TOPIC = ("UnknownTopicOrPartitionException", "Unknown topic or partition", "UnknownTopicIdException")


def fault_in(text: str, address: KafkaAddress) -> Fault | None:
    """Return the fault that a client's error names; None if it names none, as when nothing answered in time."""
    found = " ".join(text.split())
    rules: tuple[Callable[[str, KafkaAddress], Fault | None], ...] = (_permission, _topic, _tls, _login, _name, _refused, _settings)
    return next((fault for rule in rules if (fault := rule(found, address))), None)


def _permission(text: str, address: KafkaAddress) -> Fault | None:
    java, told = JAVA_DENIED.search(text), DENIED.search(text)
    if not java and not told:
        return None
    kind = (told and (told["kind"] or told["code"])) or (java and java[1]) or ""
    named = (told and (told["which"] or told["named"])) or ""
    which = f" {named.strip('[]')}" if named else ""
    kind = kind.removesuffix("s").lower()
    return Fault(Cause.PERMISSION, f"Kafka does not allow {who(address)} what it asks of the {kind}{which}", RIGHTS)


def _topic(text: str, address: KafkaAddress) -> Fault | None:
    if not any(sign in text for sign in NO_TOPIC):
        return None
    step = "Create it, correct the source in job.yaml, or grant this user Describe on it."
    return Fault(Cause.TOPIC, f"Kafka at {address.servers} lacks a topic, or a partition of it", step)


def _tls(text: str, address: KafkaAddress) -> Fault | None:
    plain = text.lower().replace("_", " ")
    return handshake(text, address) if any(sign in plain for sign in OF_TLS) else None


def handshake(text: str, address: KafkaAddress) -> Fault:
    """Return the fault of a failed handshake."""
    plain = text.lower().replace("_", " ")
    hint = next((hint for sign, hint in TLS.items() if sign in plain), "")
    what = f"The TLS handshake with Kafka at {address.servers} failed: {hint or text[:LONGEST]}"
    return Fault(Cause.HANDSHAKE, what, "Fix it: docs/runbook.md, WEIR-209." if hint else "Check WEIR_KAFKA_CA_FILE.")


def _login(text: str, address: KafkaAddress) -> Fault | None:
    if any(sign in text for sign in MECHANISM):
        offered = OFFERED.search(text)
        return not_offered(address, [name.strip() for name in offered[1].split(",")] if offered else [])
    if address.mechanism == "OAUTHBEARER" and any(sign in text for sign in TOKEN):
        given = GIVEN.search(text)
        why = (given[1] if given else text)[:LONGEST]
        what = f"Kafka at {address.servers} refuses the login of {who(address)}, or {address.token_url} gave no token: {why}"
        return Fault(Cause.LOGIN, what, f"Check WEIR_KAFKA_TOKEN_URL, WEIR_KAFKA_CLIENT_ID and {address.client_secret_file}. {AGAIN}")
    if not any(sign in text for sign in LOGIN):
        return None
    what = f"Kafka at {address.servers} refuses the login of {who(address)} with the password in {address.password_file}"
    return Fault(Cause.LOGIN, what, f"Fix the file, or the user's password in Kafka. {AGAIN}")


def not_offered(address: KafkaAddress, offered: Sequence[str]) -> Fault:
    """Return the fault of a mechanism that the broker does not have."""
    instead = f"offers the login {', '.join(offered)}, and not {address.mechanism}" if offered else f"does not offer {address.mechanism}"
    return Fault(Cause.LOGIN, f"Kafka at {address.servers} {instead}", f"Set WEIR_KAFKA_MECHANISM={offered[0] if offered else '...'}.")


def who(address: KafkaAddress) -> str:
    """Return the user by whom a client is known."""
    if address.sasl:
        return address.client_id if address.mechanism == "OAUTHBEARER" else address.user
    return f"the owner of {address.cert_file}" if address.tls and address.cert_file else "an anonymous user"


def _name(text: str, address: KafkaAddress) -> Fault | None:
    return unresolved(address) if any(sign in text for sign in UNRESOLVED) else None


def unresolved(address: KafkaAddress) -> Fault:
    what = f"The name of Kafka's host cannot be resolved: {address.servers}"
    return Fault(Cause.UNRESOLVED, what, "Check WEIR_KAFKA or WEIR_DRIVER_KAFKA, and the name service with: getent hosts NAME")


def _refused(text: str, address: KafkaAddress) -> Fault | None:
    return refused(address) if "Connection refused" in text else None


def refused(address: KafkaAddress) -> Fault:
    what = f"Kafka at {address.servers} refuses the connection: nothing listens there"
    return Fault(Cause.REFUSED, what, "Start it, or correct WEIR_KAFKA or WEIR_DRIVER_KAFKA. On the embedded stack: weir status")


def _settings(text: str, address: KafkaAddress) -> Fault | None:
    found = SETTINGS.search(text)
    if not found:
        return None
    what = f"Kafka's client refuses its settings: {found[1][:LONGEST]}"
    return Fault(Cause.SETTING, what, "Check WEIR_KAFKA_* and the files that they name.")
