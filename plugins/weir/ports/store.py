"""The whole store, for what people touch: pages, service, metrics and commands show jobs with their counts and alerts."""

from __future__ import annotations

from typing import Protocol

from weir.ports.alerts import AlertStore
from weir.ports.counts import CountStore
from weir.ports.requests import RequestStore
from weir.ports.supervision import SupervisionStore


class Store(SupervisionStore, CountStore, AlertStore, RequestStore, Protocol):
    """Every port, of one store."""
