"""The room of a cluster: what each worker has, what of it is in use, and what would not fit now. Memory is in MiB."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Worker:
    """One machine of a cluster."""

    id: str
    cores: int
    memory: int
    cores_used: int = 0
    memory_used: int = 0

    def has_room(self, need: Need) -> bool:
        return self.cores - self.cores_used >= need.cores and self.memory - self.memory_used >= need.memory

    def with_more(self, cores: int, memory: int) -> Worker:
        return replace(self, cores_used=max(0, self.cores_used + cores), memory_used=max(0, self.memory_used + memory))


@dataclass(frozen=True)
class User:
    """A driver or an application that uses room. An application's executors are on any workers, so its `worker` is empty."""

    name: str
    cores: int = 0
    memory: int = 0
    worker: str = ""


@dataclass(frozen=True)
class Need:
    """What one process needs, all of it on one worker."""

    what: str  # driver or executor
    cores: int
    memory: int


@dataclass(frozen=True)
class Room:
    """What a cluster has in all, busy or not: cores, and the memory of its largest worker. Without `workers`, what is free is unknown."""

    cores: int
    memory: int
    workers: Sequence[Worker] = ()
    users: Sequence[User] = ()


def room_of(workers: Sequence[Worker], users: Sequence[User] = ()) -> Room | None:
    """Return the room of these workers; None if there is no worker."""
    if not workers:
        return None
    return Room(sum(worker.cores for worker in workers), max(worker.memory for worker in workers), workers, users)


def shortage(needs: Sequence[Need], room: Room, leaves: Collection[str] = (), called: Callable[[str], str] = str) -> str:
    """Return why not all needs fit beside what runs now; empty if they do. `leaves` are users that end before; `called` names a user."""
    users = [user for user in room.users if user.name not in leaves]
    workers = [_without(worker, [user for user in room.users if user.name in leaves]) for worker in room.workers]
    for need in needs:
        place = next((worker for worker in workers if worker.has_room(need)), None)
        if place is None:
            return _in_words(need, workers, list(dict.fromkeys(called(user.name) for user in users)))
        workers[workers.index(place)] = place.with_more(need.cores, need.memory)
    return ""


def _without(worker: Worker, left: Sequence[User]) -> Worker:
    """Return the worker after these users have ended. Where executors run is unknown, so theirs stay unless there is one worker."""
    gone = [user for user in left if user.worker in (worker.id, "")]
    return worker.with_more(-sum(user.cores for user in gone), -sum(user.memory for user in gone))


def _in_words(need: Need, workers: Sequence[Worker], names: Sequence[str]) -> str:
    by = f" by {', '.join(names)}" if names else ""
    memory, most = sum(worker.memory for worker in workers), max(worker.memory - worker.memory_used for worker in workers)
    what = "" if need.what == "driver" else f" for an {need.what}"
    if most < need.memory:
        used = sum(worker.memory_used for worker in workers)
        return f"no worker has {size(need.memory)} free{what} ({used} of {memory} MiB in use{by})"
    cores, busy = sum(worker.cores for worker in workers), sum(worker.cores_used for worker in workers)
    wanted = f"{need.cores} core{'' if need.cores == 1 else 's'}"
    return f"no worker has {size(need.memory)} and {wanted} free{what} ({busy} of {cores} cores in use{by})"


def user_name(user: str, jobs: Mapping[str, str]) -> str:
    """Return the job of a driver or of an application, `weir:JOB:ATTEMPT`; the name itself of those that are not of Weir. `jobs` are the
    names of jobs by submission id."""
    parts = user.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "weir" else jobs.get(user, user)


def size(mebibytes: int) -> str:
    """Return `1 GiB` for whole GiB, else `768 MiB`."""
    return f"{mebibytes // 1024} GiB" if mebibytes and mebibytes % 1024 == 0 else f"{mebibytes} MiB"
