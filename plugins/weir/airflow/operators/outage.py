"""Notifications about an outage of the store. Without it Weir can keep no verdict and no incident, so the callbacks of `weir_health`'s tick
send them.

What was sent is kept in an Airflow variable. A single failed tick sends nothing: a restarted store is back by the next tick.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.definitions.context import Context

from weir.airflow.notifiers import connected
from weir.airflow.session import settings
from weir.alerts.book import Message
from weir.errors import BadSetting, NotRunning

NAME = "weir_store_away"
AGAIN_S = 1800.0

log = logging.getLogger(__name__)


def away(context: Context) -> None:
    """Handle a failed tick: notify at the second failure in a row to reach the store, and again every half hour."""
    error, now = context.get("exception"), time.time()
    if not isinstance(error, (NotRunning, BadSetting)):  # a password file that is gone keeps the tick from the store as well
        return
    known = _known()
    if not known:
        _keep(now, 0.0)
    elif now - known["told"] >= AGAIN_S and _send("opened", known["since"], now, str(error)):
        _keep(known["since"], now)


def back(context: Context) -> None:
    """Handle a successful tick: if an outage was notified, notify its end."""
    if not (known := _known()):
        return
    if known["told"]:
        _send("resolved", known["since"], time.time(), "The store answers again. Verdicts and incidents continue.")
    Variable.delete(NAME)


def _known() -> dict[str, Any]:
    text = Variable.get(NAME, default="")
    return dict(json.loads(text)) if text else {}


def _keep(since: float, told: float) -> None:
    Variable.set(
        NAME, json.dumps({"since": since, "told": told}), description="Notifications about the store's outage, recorded by weir_health"
    )


def _send(kind: str, since: float, now: float, why: str) -> bool:
    """Send to the sinks of all rules except the inbox, which is in the store. Return whether a sink accepted the message."""
    thread = f"weir-store-{since:.0f}"
    title = "[critical] weir: the store does not answer" if kind == "opened" else f"weir: the store is back after {now - since:.0f} s"
    message = Message(f"{thread}-{kind}-{now:.0f}", thread, "weir", kind, "critical", title, f"{why}{_meanwhile(kind)}", round(now * 1000))
    taken = [_taken(name, message) for name in _sinks()]  # all sinks get it, also after one has accepted it
    return any(taken)


def _meanwhile(kind: str) -> str:
    if kind != "opened":
        return ""
    return "\nStreams wait for it and lose nothing. Until it is back, no driver is restarted and no other alerts are sent."


def _taken(name: str, message: Message) -> bool:
    try:
        sent = connected(name).send(message)
    except Exception:
        log.exception("%s could not be notified that the store is away", name)
        return False
    if sent.trouble:
        log.error("%s was not notified that the store is away: %s", name, sent.trouble)
    return not sent.trouble


def _sinks() -> Iterable[str]:
    from weir.alerts.rules import JobRules, read_all
    from weir.jobs.folders import sound

    found = read_all(Path(settings().rules), sound(*settings().job_folders)).values()
    names = {name for rules in found if isinstance(rules, JobRules) for one in (rules, *rules.rules) for name in one.sinks}
    return sorted(names - {"inbox"})
