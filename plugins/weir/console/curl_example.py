"""The curl example for an action: the request that a program would send. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from urllib.parse import quote


def curl(base: str, job: str, act: str, body: Mapping[str, object], key: str) -> list[str]:
    """Return the lines of one curl command. `base` is the console's address without a trailing slash; the token is the shell's `$TOKEN`.
    `key` makes the action run once, however often the request is sent."""
    address = f"{base}/api/v1/jobs/{quote(job, safe='')}/actions/{act}"
    parts = [
        f"curl -X POST {shlex.quote(address)}",
        '-H "Authorization: Bearer $TOKEN"',
        "-H 'Content-Type: application/json'",
        f"-H {shlex.quote(f'Idempotency-Key: {key}')}",
        f"-d {shlex.quote(json.dumps(body))}",
    ]
    lines = parts[:1] + [f"  {part}" for part in parts[1:]]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
