"""A network namespace that stands for another machine, and the cable to it, which a test cuts. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest

HERE, THERE = "198.18.77.1", "198.18.77.2"  # a network that is reserved for tests


@dataclass(frozen=True)
class Machine:
    """The other end, at THERE. What it starts sees no other network."""

    name: str

    @property
    def inside(self) -> list[str]:
        """Return the beginning of a command that runs there."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Let no packet pass, and so no end of a connection."""
        _ip("-n", self.name, "link", "set", "cable", "down")

    def mend(self) -> None:
        _ip("-n", self.name, "link", "set", "cable", "up")


@contextmanager
def other_machine() -> Iterator[Machine]:
    """Make a machine, and take it away with its cable. What runs there must have ended."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("it makes a network namespace: needs root and ip (apt-get install iproute2)")
    made = Machine(f"weir-{uuid4().hex[:6]}")
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", made.name, "type", "veth", "peer", "name", "cable", "netns", made.name)
        _ip("addr", "add", f"{HERE}/30", "dev", made.name)
        _ip("link", "set", made.name, "up")
        _ip("-n", made.name, "addr", "add", f"{THERE}/30", "dev", "cable")
        _ip("-n", made.name, "link", "set", "lo", "up")
        made.mend()
        yield made
    finally:
        subprocess.run(["ip", "link", "del", made.name], check=False)
        _ip("netns", "del", made.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
