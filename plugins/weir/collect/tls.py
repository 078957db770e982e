"""Read TLS contexts and a password from files."""

from __future__ import annotations

import ssl
from pathlib import Path

from weir.errors import BadInput
from weir.settings import check_file


def server_context(cert: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    """Return the context of a server; None without a certificate. With `client_ca`, senders must present a certificate of that authority.

    Raises BadInput, BadSetting.
    """
    if bool(cert) != bool(key):
        raise BadInput("--tls-cert and --tls-key belong together.", "Give both, or none.")
    if client_ca and not cert:
        raise BadInput("--tls-client-ca is set, but --tls-cert is not.", "Give a certificate and its key, too.")
    if not cert:
        return None
    for option, file in (("--tls-cert", cert), ("--tls-key", key), ("--tls-client-ca", client_ca)):
        if file:
            check_file(option, file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (ssl.SSLError, OSError) as error:
        raise BadInput(f"--tls-cert: {cert} and {key} cannot be used: {error}.", "Give a certificate in PEM with its own key.") from error
    return context


def client_context(tls: bool, ca: str) -> ssl.SSLContext | None:
    """Return the context for a broker; None without TLS. `ca` names its authority; empty: those of the system.

    Raises BadInput, BadSetting.
    """
    if not tls:
        if ca:
            raise BadInput("--tls-ca is set, but --tls is not.", "Give --tls, too.")
        return None
    if ca:
        check_file("--tls-ca", ca)
    try:
        return ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError as error:
        raise BadInput(f"--tls-ca: {ca} cannot be used: {error}.", "Give a certificate in PEM.") from error


def password(file: str) -> str:
    """Return the password in a file; empty without a file. Raises BadSetting."""
    if not file:
        return ""
    check_file("--password-file", file)
    return Path(file).read_text(encoding="utf-8").rstrip("\n")
