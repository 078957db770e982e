"""Read what YARN says of an application, and what spark-submit printed about one. Pure."""

from __future__ import annotations

import re
from typing import Any

from weir.http import rows, within
from weir.ports.cluster import DriverState

STATES = {
    "NEW": DriverState.SUBMITTED,
    "NEW_SAVING": DriverState.SUBMITTED,
    "SUBMITTED": DriverState.SUBMITTED,
    "ACCEPTED": DriverState.SUBMITTED,
    "RUNNING": DriverState.RUNNING,
    "FINISHED": DriverState.FAILED,  # unless the final status says better
    "FAILED": DriverState.FAILED,
    "KILLED": DriverState.KILLED,
}
# KILLED_EXCEEDED_VMEM and KILLED_EXCEEDED_PMEM of org.apache.hadoop.yarn.api.records.ContainerExitStatus, as diagnostics quote them.
OVER_MEMORY = re.compile(r"exitCode: -10[34]\b")
# ABORTED (its node was lost) and PREEMPTED of the same, which the ResourceManager sets by itself; and what it says of a driver that it
# no longer hears from (org.apache.hadoop.yarn.server.resourcemanager.rmapp.attempt.RMAppAttemptImpl). No node has seen the process end.
GIVEN_UP = re.compile(r"exitCode: -10[02]\b|on a \*lost\* node|ApplicationMaster for attempt \S+ timed out")
# Of an ACCEPTED application: the driver's process has been started, and has not registered yet. After the ResourceManager's restart every
# running application is told so until its driver asks it for something: for 18 s in a test.
STARTED = re.compile(r"AM container is launched|Attempt recovered after RM restart")
FINAL = {"SUCCEEDED": DriverState.FINISHED, "KILLED": DriverState.KILLED}
# Of spark-submit: the ResourceManager has taken the application, whatever happened to spark-submit since.
SUBMITTED = re.compile(r"YarnClientImpl: Submitted application (application_\d+_\d+)")
# What it prints if the ResourceManager refuses an application, or would: no queue of that name, no right to use it, more than any node has.
REFUSED = re.compile(
    r"(?:\.AccessControlException: |\.YarnException: (?=Failed to submit )|InvalidResourceRequestException: "
    r"|IllegalArgumentException: (?=Required ))"
    r"(?P<why>(?!.*Exception: ).+)"
)


def submitted_as(printed: str) -> str:
    """Return the id of the application that spark-submit has submitted; empty if it is not known to have done so."""
    found = SUBMITTED.search(printed)
    return found[1] if found else ""


def refusal(printed: str) -> str:
    """Return why YARN does not take an application, in its words; empty if it may have taken it."""
    found = REFUSED.search(printed)
    return found["why"].strip().rstrip(".!") if found else ""


def lack_of(app: Any) -> str:
    """Return why a driver, or every executor of one, has not been started; empty if it has, or if that is unknown."""
    state, queue = state_of(app), within(app, "queue") or "?"
    if state is DriverState.SUBMITTED:
        return f"its application waits in the queue {queue}: {_line(app)}"
    lacks = sum(_memory(part) for part in rows(app, "resourceInfo", "resourceUsagesByPartition"))
    if state is DriverState.RUNNING and within(app, "runningContainers") == 1 and lacks:
        return f"the queue {queue} has no room for its executors, which need {lacks} MiB"
    return ""


def _memory(partition: Any) -> int:
    """Return the memory in MiB that is wanted and was not given."""
    found = within(partition, "pending", "memory")
    return found if isinstance(found, int) else 0


def _line(app: Any) -> str:
    return " ".join(str(within(app, "diagnostics") or "YARN gives no reason").split())[:300]


def state_of(app: Any) -> DriverState:
    """Return the state of an application from the API; UNKNOWN for anything else."""
    if not isinstance(app, dict):
        return DriverState.UNKNOWN
    said, diagnostics = app.get("state"), str(app.get("diagnostics"))
    state = STATES.get(str(said), DriverState.UNKNOWN)
    if state is DriverState.FAILED and OVER_MEMORY.search(diagnostics):
        return DriverState.OUT_OF_MEMORY
    if said == "FAILED" and GIVEN_UP.search(diagnostics):
        return DriverState.LOST
    if said == "ACCEPTED" and (app.get("launchTime") or STARTED.search(diagnostics)):
        return DriverState.RUNNING
    return FINAL.get(str(app.get("finalStatus")), state) if said == "FINISHED" else state
