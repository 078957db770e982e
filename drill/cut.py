"""Drop the packets of a stack's ports (iptables, root only): neither end of a connection is told that the other is gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from drill.stage import Stage
from weir.local import folder


@contextmanager
def dropped(stage: Stage, *ports: str, sides: Sequence[str] = ("--dport", "--sport")) -> Iterator[None]:
    """Within the block every packet to and from some ports of the stack is dropped silently."""
    with ExitStack() as cuts:
        for port in ports:
            cuts.enter_context(_dropped(str(folder.load(stage.home).ports[port]), sides))
        yield


@contextmanager
def _dropped(number: str, sides: Sequence[str]) -> Iterator[None]:
    rules = [("OUTPUT", "-o", "lo", "-p", "tcp", side, number, "-j", "DROP") for side in sides]
    with ExitStack() as undone:
        for rule in rules:
            undone.callback(_iptables, "-D", *rule)
            _iptables("-I", *rule)
        yield


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "-w", *arguments], check=True, capture_output=True)
