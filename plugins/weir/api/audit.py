"""The audit log `weir.audit`: one line of JSON for each requested action, with user, action, job, reason and outcome."""

from __future__ import annotations

import json
import logging

log = logging.getLogger("weir.audit")


def note(who: str, action: str, job: str, outcome: str, **more: object) -> None:
    """Write a line. `outcome` is done, nothing (there was nothing to do), refused, failed or repeated (the stored answer was returned)."""
    log.info("%s", json.dumps({"who": who, "action": action, "job": job, "outcome": outcome, **more}))
