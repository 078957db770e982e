"""Define a peer for the harness: how to prepare it, and the command of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Command = tuple[list[str], Mapping[str, str]]  # argv; what is added to the environment


@dataclass(frozen=True)
class Run:
    """One run over a whole topic. Everything that it writes is in `home`, an empty folder; `lines` is how many the topic has."""

    kafka: str
    topic: str
    home: Path
    cassandra: tuple[str, int] | None  # host and port, for peers with that sink
    lines: int


class Peer(Protocol):
    """An engine that does the work of `bench.peers`, and its sink: `nothing` or `cassandra`."""

    @property
    def name(self) -> str: ...

    @property
    def sink(self) -> str: ...

    def prepare(self, cache: Path) -> None:
        """Fetch and compile what `command` needs, unless the folder has it. Safe to repeat. Raises StackFailed."""

    def command(self, run: Run) -> Command:
        """Return the command of a run. It ends with exit code 0 when `result.json` is in `run.home`.

        Raises StackFailed if the peer was not prepared, or lacks the address of its sink.
        """
