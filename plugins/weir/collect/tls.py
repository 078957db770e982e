"""The TLS context of a server, from files."""

from __future__ import annotations

import ssl

from weir.errors import BadInput
from weir.settings import check_file


def server_context(cert: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    """Return the context; None without a certificate. With `client_ca`, senders must show a certificate of it.

    Raises BadInput, BadSetting.
    """
    if bool(cert) != bool(key):
        raise BadInput("--tls-cert and --tls-key belong together.", "Give both, or none.")
    if client_ca and not cert:
        raise BadInput("--tls-client-ca is set, and --tls-cert is not.", "Give a certificate and its key, too.")
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
