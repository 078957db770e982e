"""Read the page of Spark's standalone master: its room, and who waits for it. Pure.

https://github.com/apache/spark/blob/v4.0.0/core/src/main/scala/org/apache/spark/deploy/JsonProtocol.scala
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from weir.http import rows
from weir.ports.room import Need, Room, User, Worker, room_of, shortage, user_name

Page = Mapping[str, Any]


def room(page: Page) -> Room | None:
    """Return the room; None if the master has no worker, or does not say."""
    alive = [w for w in rows(page, "workers") if w.get("state") == "ALIVE" and _number(w, "cores") and _number(w, "memory")]
    sizes = ("cores", "memory", "coresused", "memoryused")
    workers = [Worker(str(worker.get("id")), *(_number(worker, name) for name in sizes)) for worker in alive]
    return room_of(workers, [*_drivers(page), *_applications(page)])


def waits_for(page: Page, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
    """Return what drivers, or all executors of one, wait for, by submission id. `jobs` are the names of all jobs by submission id.

    If all is there that they need, the master has only not placed them yet.
    """
    needs = {**_without_executors(page, {job: one for one, job in jobs.items() if one in asked}), **_submitted(page)}
    here = room(page)
    if here is None:
        return dict.fromkeys(needs.keys() & set(asked), "the cluster has no worker")
    found = {one: shortage([need], here, called=lambda name: user_name(name, jobs)) for one, need in needs.items() if one in asked}
    return {one: why for one, why in found.items() if why}


def _submitted(page: Page) -> Mapping[str, Need]:
    """Return what drivers need that have not been started, by submission id."""
    waiting = [d for d in rows(page, "activedrivers") if d.get("state") == "SUBMITTED"]
    return {str(d.get("id")): Need("driver", _number(d, "cores"), _number(d, "memory")) for d in waiting}


def _without_executors(page: Page, drivers: Mapping[str, str]) -> Mapping[str, Need]:
    """Return what an executor needs of each application that has none, by the submission id of its driver. `drivers` are those, by job."""
    waiting = [(user_name(str(a.get("name")), {}), a) for a in rows(page, "activeapps") if a.get("state") == "WAITING"]
    return {drivers[job]: Need("executor", 1, _number(a, "memoryperexecutor")) for job, a in waiting if job in drivers}


def _drivers(page: Page) -> list[User]:
    running = [d for d in rows(page, "activedrivers") if d.get("state") != "SUBMITTED"]
    return [User(str(d.get("id")), _number(d, "cores"), _number(d, "memory"), str(d.get("worker"))) for d in running]


def _applications(page: Page) -> list[User]:
    """Return the applications with executors. The page does not have their memory in all, but that of one executor."""
    with_some = [a for a in rows(page, "activeapps") if _number(a, "cores")]
    return [User(str(a.get("name")), _number(a, "cores"), _number(a, "memoryperexecutor")) for a in with_some]


def _number(row: Page, name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
