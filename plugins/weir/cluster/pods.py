"""Read pods and quotas of Kubernetes' API: why a pod has not started. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weir.http import rows, within

Object = Mapping[str, Any]
REFUSED = re.compile(  # POST of the pod, PATCH of what comes before it; as fabric8's client says it
    r"(?:POST at: \S+/pods|PATCH at: \S+)\. Message: (?P<why>\S+ \S+ is forbidden: .+?)\.? Received status", re.DOTALL
)
STARTING = ("ContainerCreating", "PodInitializing")  # a reason that every pod has for a moment


def pending(pod: Object, called: str) -> str:
    """Return why a pod has not started, in the words of the scheduler or the node; empty if it has, or if neither says so."""
    if within(pod, "status", "phase") != "Pending":
        return ""
    unscheduled = [c for c in rows(pod, "status", "conditions") if c.get("type") == "PodScheduled" and c.get("status") == "False"]
    held = [w for c in rows(pod, "status", "containerStatuses") if isinstance(w := within(c, "state", "waiting"), Mapping)]
    told = (f"{each.get('reason') or ''}: {each.get('message') or ''}".strip(": ") for each in (*unscheduled, *held))
    return next((f"{called} is pending: {text}" for text in told if text and text not in STARTING), "")


def quotas(found: Iterable[Object]) -> str:
    """Return what is used of a namespace's quotas, as the rest of a sentence; empty if there are none, or if Weir may not see them."""
    each = [f"{within(quota, 'metadata', 'name')} ({', '.join(_used(quota))})" for quota in found]
    return f"; the namespace has a quota, see the driver's log for a refusal: {', '.join(each)}" if each else ""


def refusal(printed: str) -> str:
    """Return why the API server refused a driver that spark-submit wanted to create, in its words; empty if it may have taken it.

    Spark creates a few objects before the pod, and deletes the pod if one after it is refused: only its last refusal is a no to the pod."""
    found = REFUSED.search(printed)
    return found["why"] if found else ""


def _used(quota: Object) -> Iterator[str]:
    hard, used = within(quota, "status", "hard") or {}, within(quota, "status", "used") or {}
    return (f"{name}: {used.get(name, '?')} of {most}" for name, most in sorted(hard.items()))
