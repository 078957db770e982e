"""The watch: one trigger for the whole fleet. It notices a dead driver within a second or two, and acts at once.

A trigger's event needs one to two seconds to become a task. So the trigger itself lets the manager act, and its event only reports what was
done, once the new attempt has started. An action applies only to the judged attempt: a second or late watch does no harm.

The trigger belongs to an asset and not to a task: nothing can fail, time out, or be cleared. The triggerer starts it again whenever it
ends, and another triggerer takes it over when one dies. Scheduler and api-server may be away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from weir.airflow.triggers.alert_pool import Alarm
from weir.airflow.triggers.restart_events import Telling
from weir.airflow.triggers.restart_pool import Hands
from weir.airflow.triggers.session import ask

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

EVERY_S = 1.0
SOONEST_S = 0.3  # half of the time to a standby's first batch was the wait for the next pass
SHARE = 5  # a pass is due after five times what the last one took, and after `every_s` at the latest
REST_S = 5.0  # after a pass that failed

log = logging.getLogger(__name__)


class WatchTrigger(BaseEventTrigger):
    """Checks all jobs at least every `every_s` seconds, without end. Its event lists the actions to report now."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.every_s = every_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "weir.airflow.triggers.watch.WatchTrigger", {"every_s": self.every_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        clock, crew = asyncio.get_running_loop().time, Crew()
        while True:
            started = clock()
            try:
                acted = await ask(lambda manager: sweep(manager, crew, clock()))
                rest = due_after(clock() - started, self.every_s)
                if acted:
                    yield TriggerEvent(acted)
            except Exception as error:  # noqa: BLE001 - what cannot be seen is unknown; the watch goes on
                log.warning("the watch could not check the fleet: %r", error)
                rest = max(REST_S, self.every_s)
            await asyncio.sleep(max(0.0, started + rest - clock()))


def due_after(took_s: float, every_s: float) -> float:
    """Return when the next pass is due, in seconds since this one began: sooner for a small fleet, whose passes are short."""
    return min(every_s, max(SOONEST_S, SHARE * took_s))


@dataclass(frozen=True)
class Crew:
    """The collaborators of the watch: restarts, reports to Airflow, alerts."""

    hands: Hands = field(default_factory=Hands)
    telling: Telling = field(default_factory=Telling)
    alarm: Alarm = field(default_factory=Alarm)


def sweep(manager: Manager[Store], crew: Crew, now: float) -> list[dict[str, Any]]:
    """Run one pass over the fleet. Return the actions to report at `now` (s), as plain values."""
    reports = manager.tick()
    done = crew.hands.attend(manager, reports)
    crew.alarm.attend(manager, reports, now)
    return [vars(acted) for acted in crew.telling.due(done, reports, now)]
