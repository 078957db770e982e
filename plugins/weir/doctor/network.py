"""The names of all servers in the settings have addresses."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import NameNotResolved
from weir.settings import Settings


def names(settings: Settings) -> Iterator[Line]:
    for host, setting in sorted(hosts(settings).items()):
        yield resolved(host, setting)


def hosts(settings: Settings) -> dict[str, str]:
    """Return each host that the settings name, with the setting that names it."""
    found: dict[str, str] = {}
    for setting in ("kafka", "cassandra_hosts", "spark_rest", "spark_ui", "airflow_url"):
        for each in filter(None, str(getattr(settings, setting)).split(",")):
            host = _host(each) if setting != "cassandra_hosts" else each
            found.setdefault(host, f"WEIR_{setting.upper()}")
    return found


def resolved(host: str, setting: str) -> Line:
    check = f"name {host}"
    try:
        addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return unknown(check, f"the name service does not answer ({setting})", "Check the network, then repeat the command.")
        return wrong(check, f"has no address ({setting})", f"Correct {setting}, or the name service.", NameNotResolved.code)
    return fine(check, ", ".join(addresses))


def _host(address: str) -> str:
    if "://" in address:
        return urlsplit(address).hostname or ""
    return re.sub(r":\d+$", "", address).strip("[]")
