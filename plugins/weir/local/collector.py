"""The collector of a stack: TCP lines into the topic `logs`. A stack has one only if it is asked for."""

from __future__ import annotations

import sys

from weir.local.part import LOOPBACK, Part, Stack, get_json, told

SWITCH = "WEIR_COLLECT"  # 1: the stack has a collector. 0: no more. Read by `weir up` at a start


def part(stack: Stack) -> Part:
    """Return the collector. It is ready once it takes lines: Kafka may come later, or go."""
    ports = ("--port", str(stack.ports["collect"]), "--metrics-port", str(stack.ports["collect_metrics"]))
    return Part(
        name="collect",
        address=stack.address("collect"),
        command=(sys.executable, "-m", "weir", "collect", "tcp", "--host", LOOPBACK, *ports),
        env=stack.env(),
        log=stack.log("collect"),
        probe=told(lambda: _probe(stack)),
        after=("kafka",),
        cwd=stack.home,
    )


def _probe(stack: Stack) -> str:
    """Return why no lines are taken."""
    found = get_json(f"http://{stack.address('collect_metrics')}/health")
    return f"holds its senders back: {found['kafka']}" if found["state"] == "holding" else ""
