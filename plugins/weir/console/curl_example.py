"""The same act by other means: the request that a program would send. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from urllib.parse import quote


def curl(base: str, job: str, act: str, body: Mapping[str, object], key: str) -> list[str]:
    """The lines of one command. `base` is the console's own address, without a slash at its end. The token is the shell's `$TOKEN`. `key`
    makes it one that acts once, however often it is sent."""
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
