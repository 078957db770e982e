"""A line for each action that was asked for, as JSON in the log `weir.audit`: who, what, of which job, why, and what became of it."""

from __future__ import annotations

import json
import logging

log = logging.getLogger("weir.audit")


def note(who: str, action: str, job: str, outcome: str, **more: object) -> None:
    """`outcome` is done, nothing (there was nothing to do), refused, failed or repeated (an answer was given again)."""
    log.info("%s", json.dumps({"who": who, "action": action, "job": job, "outcome": outcome, **more}))
