"""Cells, and the kinds that are summed up over panes, as rows have them."""

from __future__ import annotations

from typing import Any

from weir.cassandra.tables import ms
from weir.ports.counts import Cell, Kind


def cell(row: Any) -> Cell:
    return ms(row.pane_start), row.service, row.level, row.signature


def kind(row: Any) -> Kind:
    return row.service, row.level, row.signature
