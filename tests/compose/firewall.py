"""What a Docker daemon leaves in the network, and the commands that take it away again. Pure; machine.py runs them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

BRIDGE = re.compile(r"\b(docker0|br-[0-9a-f]{12})\b")
CHAIN = re.compile(r"(?:^:| -[jgA] |^-A )(DOCKER[\w-]*)")


def bridges(links: str) -> set[str]:
    """Return the names of Docker's bridges in the output of `ip -o link show type bridge`."""
    return set(BRIDGE.findall(links))


def of_docker(saved: str, made: Iterable[str]) -> list[str]:
    """Return the lines of `iptables-save` that are a daemon's own: its chains, jumps to them, and rules for the bridges `made`."""
    names = set(made)
    return [line for line in saved.splitlines() if CHAIN.search(line) or (line.startswith("-A") and names & set(BRIDGE.findall(line)))]


def undo(saved: str, made: Iterable[str], policy: str) -> list[list[str]]:
    """Return the commands that remove `of_docker` rule by rule, and give FORWARD its `policy` again. They name nothing else, so what others
    have added meanwhile stays."""
    own = set(of_docker(saved, made))
    rules: list[list[str]] = []
    chains: list[list[str]] = []
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line in own and line.startswith(":"):
            chains.append(["iptables", "-t", table, "-X", line[1:].split()[0]])
        elif line in own:
            rules.append(["iptables", "-t", table, "-D", *shlex.split(line)[1:]])
        elif line.startswith(":FORWARD") and table == "filter" and line.split()[1] != policy:
            rules.append(["iptables", "-t", table, "-P", "FORWARD", policy])
    return [*rules, *chains]


def policy(saved: str) -> str:
    """Return what the table `filter` does with a packet to forward that no rule decides."""
    table = saved.partition("*filter\n")[2].partition("\nCOMMIT")[0]
    return next((line.split()[1] for line in table.splitlines() if line.startswith(":FORWARD")), "ACCEPT")
