"""The protocol of landed jobs as a model that shares no code with the product: one stateful job, three kinds of sinks.

Drivers, zombies and takeovers are generators that stop between all steps, where they may be killed or sleep. The store, the sink and the
checkpoints may each be restored from an older copy. In the end the sink has each event exactly once, with the running total that it must
have, or the job has stopped with a reason, and only if something was restored, torn or not deterministic. `broken` names a rule to break.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from typing import Any

KEYS = 3
Row = tuple[int, int, int, int]  # offset of the event, the total before it, the total with it, and the version that made the row
RULES = {  # each rule by the name under which it can be broken, with the kinds of sinks that cannot be exact without it
    "claim keeps the plan": ("rows", "keys", "files"),
    "fence before the first batch": ("rows",),
    "held batch lands, unwritten": ("rows",),
    "landed batch is evaluated again": ("rows", "keys", "files"),
    "digests are compared": ("rows", "keys", "files"),
    "state never begins empty": ("rows", "keys", "files"),
    "a commit is that of the landed plan": ("keys",),
    "sink ahead is told": ("rows", "files"),
    "sink behind is told": ("rows", "files"),
    "rows have the claim's timestamp": ("keys",),
    "landed is published at a start": ("files",),
    "landing needs the own claim": ("files",),  # elsewhere the rows of both claims are the same
    "another version may make other rows of a claim that nobody reads": ("rows", "files"),
    "only of a claim that nobody reads": ("keys",),
}


class Stop(Exception):
    """The job stops with a reason, and an operator must act."""


class Fenced(Exception):
    """A later attempt owns the job."""


class Rows:
    """A sink with transactions, such as PostgreSQL: appended rows and a fence that moves with them."""

    hides_claims = False

    def __init__(self, w: World) -> None:
        self.w, self.rows, self.attempt, self.held = w, [], 0, (1, -1)

    def fence(self, h: dict[str, Any]) -> tuple[int, int] | None:
        if self.attempt > h["attempt"]:
            raise Fenced
        self.attempt = h["attempt"]
        last = h["batch"] if self.held[0] == h["epoch"] else dict(enumerate(h["ends"], 1)).get(self.held[0], -1)
        if self.w.rule("sink ahead is told") and (self.held[0] > h["epoch"] or self.held[1] > last):
            raise Stop("sink ahead")
        newest = (h["epoch"], h["last"]) if h["last"] > h["base"] else (h["from"], h["base"])
        if self.w.rule("sink behind is told") and newest[1] >= 0 and self.held < newest:
            raise Stop("sink behind")
        return self.held

    def write(self, h: dict[str, Any], rows: list[Row]) -> Iterator[None]:
        yield
        if self.w.rule("fence before the first batch") and self.attempt != h["by"]:
            raise Fenced
        follows = self.held[1] == h["batch"] - 1 and (self.held[0] == h["epoch"] or h["batch"] == h["base"] + 1)
        again = self.held == (h["epoch"], h["batch"])  # only if that rule is broken
        if self.w.rule("sink behind is told") and not follows and not again:
            raise Stop("sink behind")
        self.rows += rows
        self.held = (h["epoch"], h["batch"])

    def landed(self, h: dict[str, Any]) -> None: ...

    def seen(self) -> list[Row]:
        return self.rows


class Keys:
    """A sink of rows by key whose cells keep the newest timestamp, such as Cassandra. It cannot know what it holds, so nobody notices if it
    alone is restored from an older copy: that is left out here, and said in the table of promises."""

    hides_claims = False

    def __init__(self, w: World) -> None:
        self.w, self.cells = w, dict[int, tuple[int, Row]]()
        self.of_versions = dict[int, tuple[int, Row]]()  # each version has a key of its own, too

    def fence(self, h: dict[str, Any]) -> None: ...

    def write(self, h: dict[str, Any], rows: list[Row]) -> Iterator[None]:
        keyed = [(self.cells, row[0] % KEYS, row) for row in rows] + [(self.of_versions, row[3], row) for row in rows]
        for cells, key, row in {(id(cells), key): (cells, key, row) for cells, key, row in keyed}.values():
            yield
            ts = h["ts"] if self.w.rule("rows have the claim's timestamp") else self.w.now()
            if ts >= cells.get(key, (-1,))[0]:
                cells[key] = (ts, row)

    def landed(self, h: dict[str, Any]) -> None: ...

    def seen(self) -> list[Row]:
        return [row for _, row in self.cells.values()]


class Files:
    """A sink of files by attempt and batch, which count once a manifest names them, such as Parquet."""

    hides_claims = True

    def __init__(self, w: World) -> None:
        self.w, self.files, self.manifests = w, dict[tuple[int, int], list[Row]](), dict[tuple[int, int], tuple[int, int]]()

    def fence(self, h: dict[str, Any]) -> None:
        known = {(x["epoch"], x["batch"]) for x in self.w.landed()}
        newest = [(x["epoch"], x["batch"]) for x in self.w.landed()][-1:]  # it may not be published yet
        if self.w.rule("sink ahead is told") and self.manifests.keys() - known:
            raise Stop("sink ahead")
        if self.w.rule("sink behind is told") and known - self.manifests.keys() - {*newest}:
            raise Stop("sink behind")

    def write(self, h: dict[str, Any], rows: list[Row]) -> Iterator[None]:
        yield
        self.files[h["by"], h["batch"]] = rows

    def landed(self, h: dict[str, Any]) -> None:
        at = (h["by"], h["batch"])
        if at not in self.files:
            raise Stop("sink behind")
        self.manifests[h["epoch"], h["batch"]] = at

    def seen(self) -> list[Row]:
        return [row for at in self.manifests.values() for row in self.files[at]]


class World:
    def __init__(self, kind: str, seed: int, broken: str = "", deterministic: bool = True) -> None:
        self.r, self.kind, self.broken, self.deterministic = random.Random(seed), kind, broken, deterministic
        self.end, self.clock, self.stopped, self.damaged, self.version = 0, 100, "", not deterministic, 1
        self.head: dict[str, Any] = {
            "epoch": 1,
            "attempt": 1,
            "inc": None,
            "batch": -1,
            "base": -1,
            "start": 0,
            "end": 0,
            "state": "landed",
            "by": 0,
            "ts": 0,
        }
        self.head |= dict(plan=None, digest=None, version=0, ends=(), last=-1, **{"from": 1})
        self.ledger: dict[tuple[int, int], dict[str, Any]] = {}
        self.sink: Any = {"rows": Rows, "keys": Keys, "files": Files}[kind](self)
        self.folders: dict[int, dict[str, Any]] = {1: self._folder(1, 0)}
        self.drivers: list[Iterator[None]] = [self._driver(1, 1)]
        self.others: list[Iterator[None]] = []
        self.copies: dict[str, Any] = {}
        self.seen: dict[str, int] = {}

    # parts

    def rule(self, name: str) -> bool:
        assert name in RULES
        return name != self.broken

    def now(self) -> int:
        self.clock += 1
        return self.clock

    def swap(self, expected: dict[str, Any], new: dict[str, Any]) -> bool:
        if any(self.head[name] != value for name, value in expected.items()):
            return False
        self.head = {**self.head, **new}
        self.head["last"] = self.head["batch"] if self.head["state"] == "landed" else self.head["batch"] - 1
        return True

    def keep(self, h: dict[str, Any]) -> None:
        if h["state"] == "landed" and h["batch"] > h["base"]:
            self.ledger[h["by"], h["batch"]] = h

    def landed(self) -> list[dict[str, Any]]:
        found, h = dict(self.ledger), self.head
        if h["state"] == "landed" and h["batch"] > h["base"]:
            found[h["by"], h["batch"]] = h
        return [found[at] for at in sorted(found)]

    def _folder(self, epoch: int, began: int) -> dict[str, Any]:
        return {"epoch": epoch, "began": began, "offsets": {}, "commits": set(), "state": {0: 0}}

    def note(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1

    def stop(self, why: str) -> None:
        assert self.damaged, f"stopped for nothing: {why}"
        self.stopped = why
        self.note(why)

    # processes

    def _driver(self, attempt: int, version: int) -> Iterator[None]:
        try:
            yield from self._runs(attempt, version, object())
        except Fenced:
            self.note("superseded")
        except Stop as why:
            if self.head["attempt"] == attempt:  # what a zombie thinks is no verdict
                self.stop(str(why))

    def _runs(self, attempt: int, version: int, nonce: object) -> Iterator[None]:
        folder, mine = self.folders[attempt], {"attempt": attempt, "inc": nonce}
        yield
        if not self.swap({"attempt": attempt, "inc": None}, {"inc": nonce}):
            return
        h = dict(self.head)
        yield
        held = self.sink.fence(h)
        unread = h["state"] == "claimed" and (self.sink.hides_claims or (held is not None and held != (h["epoch"], h["batch"])))
        unread = unread or not self.rule("only of a claim that nobody reads")
        yield
        if h["state"] == "claimed" and held == (h["epoch"], h["batch"]):
            if self.rule("held batch lands, unwritten") and not self.swap(
                {**mine, "batch": h["batch"], "state": "claimed"}, {"state": "landed"}
            ):
                raise Fenced
            self.note("landed as held")
        if self.rule("landed is published at a start"):
            for newest in self.landed()[-1:]:  # of the epoch before, if this one has none
                self.sink.landed(newest)
        while True:
            yield
            b = max(folder["offsets"], default=-1)
            if b < 0 or b in folder["commits"]:
                start = folder["offsets"][b][1] if b >= 0 else folder["began"]
                if start >= self.end and self.r.random() < 0.7:
                    continue
                b += 1  # a batch without input lands, too
                folder["offsets"][b] = (start, self.r.randint(start, self.end), self.now())
            yield
            yield from self._lands(folder, b, folder["offsets"][b], mine, version, unread)
            folder["commits"].add(b)

    def _lands(
        self, folder: dict[str, Any], b: int, plan: tuple[int, int, int], mine: dict[str, Any], version: int, unread: bool
    ) -> Iterator[None]:
        while True:
            h = dict(self.head)
            if any(h[name] != value for name, value in mine.items()):
                raise Fenced
            again = next((x for x in self.landed() if (x["epoch"], x["batch"]) == (h["epoch"], b)), None)
            if again:
                self._same_plan(again, plan)
            elif h["state"] == "claimed" and h["batch"] == b and h["start"] == plan[0]:
                self._same_plan(h, plan)
            elif not (h["state"] == "landed" and h["batch"] == b - 1 and h["end"] == plan[0]):
                raise Stop("diverged")
            yield
            rows = self._evaluated(folder, b, plan, bool(again), version)
            digest = (len(rows), sum(hash((row, plan[2])) for row in rows))
            if again:
                self.damaged = self.damaged or again["version"] != version
                self._same_digest(again, digest)
                self.note("evaluated again")
                return
            if h["state"] == "claimed" and self.rule("claim keeps the plan"):
                self._same_rows(h, digest, version, unread)
            yield
            self.keep(h)
            yield
            claim = {
                "batch": b,
                "start": plan[0],
                "end": plan[1],
                "state": "claimed",
                "by": h["attempt"],
                "ts": max(h["ts"] + 1, self.now()),
            }
            claim |= {"plan": plan, "digest": digest, "version": version}
            if self.swap({name: h[name] for name in ("attempt", "inc", "batch", "state", "ts")}, claim):
                break
        claimed = dict(self.head)
        self.note("claimed again" if h["state"] == "claimed" else "claimed")
        yield from self.sink.write(claimed, rows)
        yield
        own = {"batch": b, "state": "claimed"} | (mine if self.rule("landing needs the own claim") else {})
        if not self.swap(own, {"state": "landed"}):
            raise Fenced
        landed = {**claimed, "state": "landed", "last": b}
        yield
        self.sink.landed(landed)
        yield

    def _same_plan(self, known: dict[str, Any], plan: tuple[int, int, int]) -> None:
        if self.rule("claim keeps the plan") and known["plan"] != plan:
            raise Stop("diverged")

    def _same_digest(self, known: dict[str, Any], digest: object) -> None:
        if self.rule("digests are compared") and known["digest"] != digest:
            raise Stop("not deterministic")

    def _same_rows(self, claimed: dict[str, Any], digest: object, version: int, unread: bool) -> None:
        """Rows of a claim that readers may have seen must be the same again. Another version makes other rows: that is told."""
        other = claimed["version"] != version
        if other and unread and self.rule("another version may make other rows of a claim that nobody reads"):
            self.note("claimed by another version")
            return
        self.damaged = self.damaged or (other and self.kind == "keys")
        self._same_digest(claimed, digest)

    def _evaluated(self, folder: dict[str, Any], b: int, plan: tuple[int, int, int], again: bool, version: int) -> list[Row]:
        """The pipeline: a running total over all events. What it has read is kept in the state of the next version."""
        if b not in folder["state"]:
            raise Stop("state lost")
        total, rows = folder["state"][b], list[Row]()
        for offset in range(plan[0], plan[1]):
            more = 1 if self.deterministic else self.r.randint(1, 9)
            rows.append((offset, total, total + more, version))
            total += more
        kept = folder["state"][b] if again and not self.rule("landed batch is evaluated again") else total
        folder["state"][b + 1] = kept
        return rows

    def take_over(self) -> Iterator[None]:
        judged, h = self.head["attempt"], dict(self.head)
        yield
        new = max(judged, *self.folders) + 1
        if not self.swap({"attempt": judged}, {"attempt": new, "inc": None}):
            return
        yield
        h = dict(self.head)
        if self.ledger and h["last"] >= 0 and max(self.ledger) > (h["by"], h["batch"]):
            self.stop("head restored")
            return
        yield from self._copied(h, new)

    def _copied(self, h: dict[str, Any], new: int) -> Iterator[None]:
        """Copy the newest folder that has what the head needs, as a zombie may still write it."""
        reasons = []
        keeps = h["last"] == h["base"] >= 0  # the epoch begins with the state of an earlier one, and may have no folder yet
        epochs = range(h["from"] if keeps else h["epoch"], h["epoch"] + 1)
        for attempt in sorted((a for a in self.folders if self.folders[a]["epoch"] in epochs), reverse=True):
            found = copy.deepcopy(self.folders[attempt])
            yield
            if self.r.random() < 0.1:  # a file of the zombie was torn
                self._torn(found, h["base"] >= 0)
            found["epoch"] = h["epoch"]
            if why := self._cut(found, h):
                reasons.append(why)
                continue
            self.folders[new] = found
            yield
            self.drivers.append(self._driver(new, self.version))
            return
        if h["last"] == h["base"] == -1 and h["state"] == "landed":
            self.folders[new] = self._folder(h["epoch"], h["start"])
            self.drivers.append(self._driver(new, self.version))
        else:
            self.stop("state lost")

    def _torn(self, folder: dict[str, Any], continues: bool) -> None:
        what = self.r.choice(("offsets", "commits", "state"))
        newest = max(folder[what], default=None)
        if what == "state" or (continues and what == "commits"):
            self.damaged = True  # all others can be made again, but for what an epoch continues from
        if newest is not None and (what != "state" or newest > 0):
            folder[what].remove(newest) if what == "commits" else folder[what].pop(newest)

    def _cut(self, folder: dict[str, Any], h: dict[str, Any]) -> str:
        """Cut a folder to what has landed and is claimed. Return why it cannot be continued."""
        last, keeps = h["last"], h["base"] == h["last"] >= 0
        plans = {x["batch"]: x["plan"] for x in self.landed() if x["epoch"] == (h["from"] if keeps else h["epoch"])}
        own, moved = folder["offsets"], {h["base"]: (h["base_end"], h["base_end"], 0)} if h["base"] >= 0 else {}
        commits = {b for b in folder["commits"] if b <= last and self._as_landed(b, own, plans, moved)}
        if not self.rule("claim keeps the plan"):
            plans, last = own, max((b for b in own if b <= last + 1), default=-1)
        offsets = {b: plans[b] for b in plans if last - 1 <= b <= last}
        if h["state"] == "claimed" and self.rule("claim keeps the plan"):
            offsets[h["batch"]] = h["plan"]
        newest = max(offsets, default=-1)
        begins = max(0, newest + (newest in commits))  # the batch that is evaluated next, and the version of its state
        # A zombie's evaluation of another plan, which never landed, has left state of the same version. The digest would show it, too late.
        known = begins == 0 or begins - 1 in commits or self._as_landed(begins - 1, own, plans, moved)
        if begins not in folder["state"] or not known:
            if begins == last + 1 and last in commits and last in folder["state"] and not keeps:
                begins = last  # the landed batch is evaluated again, if the state before it is there
                commits.discard(last)
            elif self.rule("state never begins empty"):
                return "state lost"
            else:
                folder["state"][begins] = 0
        if keeps and begins != last + 1:
            return "state lost"
        if keeps:  # what was left out may lie between
            offsets = moved | {b: plan for b, plan in offsets.items() if b > last}
        folder |= {"offsets": offsets, "commits": commits, "state": {v: n for v, n in folder["state"].items() if v <= begins}}
        return ""

    def _as_landed(self, b: int, own: dict[int, Any], plans: dict[int, Any], moved: dict[int, Any]) -> bool:
        """Did the folder evaluate the batch as it landed? A restored store gives its number to another batch."""
        if not self.rule("a commit is that of the landed plan"):
            return b in plans
        return b in own and own[b] in (plans.get(b), moved.get(b))

    def new_epoch(self) -> Iterator[None]:
        """An operator begins a new epoch with the state as it was when the last batch landed."""
        h = dict(self.head)
        yield
        self.keep(h)
        last, frontier = h["last"], h["start"] if h["state"] == "claimed" else h["end"]
        new = max(h["attempt"], *self.folders) + 1
        lineage = range(h["from"] if h["base"] == last >= 0 else h["epoch"], h["epoch"] + 1)
        old = [f for f in self.folders.values() if f["epoch"] in lineage and last in f["commits"] and last + 1 in f["state"]]
        if last >= 0 and not old:
            return  # refused: a restart evaluates the batch again first
        begun = {
            "epoch": h["epoch"] + 1,
            "attempt": new,
            "inc": None,
            "batch": last,
            "base": last,
            "start": frontier,
            "end": frontier,
            "state": "landed",
        }
        begun |= {"by": new, "ts": h["ts"] + 1, "plan": None, "digest": None, "ends": (*h["ends"], last)}
        begun["base_end"] = frontier
        begun["from"] = h["epoch"] if last > h["base"] else h["from"]  # whose state it keeps
        if not self.swap({name: h[name] for name in ("attempt", "batch", "state", "ts", "epoch")}, begun):
            return
        if h["state"] == "claimed":
            self.damaged = True  # the sink may hold a batch that never lands now: it is ahead, and the job stops
            self.note("claim left")
        self.note("new epoch")
        yield
        yield from self._copied(dict(self.head), new)

    # what happens

    def restore(self, what: str) -> None:
        """Put an older copy in place of the store, the sink or the checkpoints."""
        if what not in self.copies or (what == "sink" and self.kind == "keys"):
            return
        self.damaged = True
        old = self.copies[what]
        if what == "store":
            self.head, self.ledger = dict(old[0]), dict(old[1])
        elif what == "sink":
            self.sink.__dict__.update(copy.deepcopy(old))
        else:
            for attempt in self.folders:
                if attempt in old:
                    self.folders[attempt] = copy.deepcopy(old[attempt])
        self.note(f"{what} restored")

    def back_up(self) -> None:
        kept = {name: value for name, value in self.sink.__dict__.items() if name != "w"}
        self.copies = {"store": (self.head, self.ledger), "sink": copy.deepcopy(kept), "folders": copy.deepcopy(self.folders)}
        self.copies["store"] = (dict(self.head), dict(self.ledger))

    def step(self, process: Iterator[None]) -> None:
        try:
            next(process)
        except StopIteration:
            for pool in (self.drivers, self.others):
                if process in pool:
                    pool.remove(process)

    def check(self) -> None:
        """Landed ranges join; nobody who reads sees an event twice."""
        rows = [] if "store restored" in self.seen else self.landed()  # a zombie may add rows that a restored head does not know
        for a, b in itertools.pairwise(rows):
            assert a["end"] == b["start"], (a, b)
        if self.kind != "keys":
            seen = [row[0] for row in self.sink.seen()]
            assert len(seen) == len(set(seen)), ("an event twice", sorted(seen))

    def settle(self) -> None:
        for _ in range(40):
            if self.stopped or self.drained():
                break
            self.others.append(self.take_over())
            for _ in range(150):
                for process in (*self.others, *self.drivers):
                    if not self.stopped:
                        self.step(process)
                if self.stopped or self.drained():
                    break
        else:
            raise AssertionError(f"no progress: {self.head}, the source ends at {self.end}")
        for _ in range(60):  # zombies wake up after all
            for process in list(self.drivers):
                self.step(process)

    def drained(self) -> bool:
        h = self.head
        published = self.kind != "files" or all((x["epoch"], x["batch"]) in self.sink.manifests for x in self.landed())
        return h["state"] == "landed" and h["end"] == self.end and published

    def check_exact(self) -> None:
        """The oracle: one event after the other, each once, and each total continues the one before."""
        rows = sorted(self.sink.seen())
        if self.kind == "keys":
            assert {row[0] for row in rows} == {max(range(k, self.end, KEYS)) for k in range(min(KEYS, self.end))}, rows
        else:
            assert [row[0] for row in rows] == list(range(self.end)), rows
        for one, two in itertools.pairwise(rows):
            assert one[0] + 1 != two[0] or one[2] == two[1], ("the total does not continue", one, two)
        assert not self.deterministic or all(row[:3] == (row[0], row[0], row[0] + 1) for row in rows), rows
        if self.kind != "keys":
            self._check_versions(rows)
        elif not {"store restored", "claim left"} & self.seen.keys():  # keys of rows that never landed may stay
            self._check_versions(rows + [row for _, row in self.sink.of_versions.values()])

    def _check_versions(self, rows: list[Row]) -> None:
        """Each landed batch has only rows of the version that landed it."""
        for x in self.landed():
            made = {row[3] for row in rows if x["start"] <= row[0] < x["end"]}
            assert made <= {x["version"]}, ("rows of two versions in a batch", x, made)


# How often something happens in a walk of a thousand steps; the rest goes to whatever is under way.
ODDS = {"event": 110, "take over": 25, "new version": 1, "kill driver": 15, "kill other": 5, "back up": 10, "new epoch": 1}
DAMAGE = {"store": 2, "sink": 2, "folders": 2}


def wander(kind: str, seed: int, broken: str = "", deterministic: bool = True, damage: bool = True, steps: int = 250) -> World:
    """A random walk with the odds of a bad day, to its end. Raises AssertionError if the job is ever silently wrong."""
    w = World(kind, seed, broken, deterministic)
    odds = {**ODDS, **(DAMAGE if damage else {})}
    for what in w.r.choices([*odds, "step"], [*odds.values(), 1000 - sum(odds.values())], k=steps):
        _happen(w, what)
        if w.stopped:
            return w
        w.check()
    w.settle()
    w.check()
    if not w.stopped:
        w.check_exact()
        w.note("exact")
    return w


def _happen(w: World, what: str) -> None:
    if what == "event":
        w.end += w.r.randint(1, 3)
    elif what == "take over":
        w.others.append(w.take_over())
    elif what == "new version":
        w.version += 1  # the next driver runs it
    elif what == "new epoch":
        w.others.append(w.new_epoch())
    elif what == "kill driver" and w.drivers:
        w.drivers.remove(w.r.choice(w.drivers))
    elif what == "kill other" and w.others:
        w.others.remove(w.r.choice(w.others))
    elif what == "back up":
        w.back_up()
    elif what in DAMAGE:
        w.restore(what)
    elif w.drivers or w.others:
        w.step(w.r.choice(w.drivers + w.others))


def crash_and_wake(kind: str, first: int, second: int, wakes: bool, broken: str = "") -> World:
    """Bounded search: the first driver stops after `first` steps; its successor after `second`; then the first wakes up, or never does."""
    w = World(kind, first * 1000 + second, broken)
    w.end = 4
    for _ in range(first):
        for driver in w.drivers[:1]:
            w.step(driver)
    sleeper = w.drivers[:1] if wakes else []
    w.drivers = []
    w.end = 7
    for _ in w.take_over():
        pass
    for _ in range(second):
        for driver in w.drivers[:1]:
            w.step(driver)
    w.drivers = sleeper
    for _ in range(30):
        for driver in list(w.drivers):
            w.step(driver)
    w.check()
    w.settle()
    w.check()
    if not w.stopped:
        w.check_exact()
    return w
