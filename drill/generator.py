"""Generate Apache error log lines from a seed, with their truth known by construction: nothing here parses or masks a line.

Every line is a head (the time) joined to one of 65,536 tails. They are rendered beforehand together with what must be counted for them, so
ten million lines take seconds, and the truth is a table of the tails that were drawn.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

POOL = 65_536
BARE = 0  # the head of a line that brings its own, or has none

# (module, message, the signature that the masking rules must produce), written by hand.
TEMPLATES = (
    ("core", "File does not exist: {path}", "File does not exist: *"),
    ("autoindex", "Directory index forbidden by rule: {path}", "Directory index forbidden by rule: *"),
    ("jk", "mod_jk child workerEnv in error state {n}", "mod_jk child workerEnv in error state *"),
    ("proxy", "AH00898: Error reading from remote server returned by {path}", "AH00898: Error reading from remote server returned by *"),
    ("authz_core", "AH01630: client denied by server configuration: {path}", "AH01630: client denied by server configuration: *"),
    ("proxy_http", "({n})Connection timed out: AH01102: backend {ip}:{n} took {n}ms", "(*)Connection timed out: AH01102: backend * took *"),
    ("ssl", "SSL handshake with {ip} failed, session 0x{n}", "SSL handshake with * failed, session *"),
)
OTHER_LEVELS = ("notice", "notice", "warn", "info", "debug", "trace3")
ERROR_LEVELS = ("error",) * 13 + ("crit", "alert", "emerg")
BAD_LINES: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("not_utf8", b"[Fri Dec 20 01:46:23 2015] [error] caf\xe9"),
    ("not_utf8", b"\xff\xfe\x00"),
    ("continuation", b"    at org.example.Main(Main.java:17)"),
    ("not_a_log_line", b"[Fri Dec 20 01:46:23 2015] [shouting] no such level"),
    ("bad_time", b"[Tue Feb 30 10:00:00 2016] [error] no such day"),
    ("bad_time", b"[Thu Dec 31 23:59:60.000000 2015] [core:error] [pid 7] a leap second"),
    ("future", b"[Thu Jan 01 00:00:00 2099] [notice] a clock gone wrong"),
)


@dataclass(frozen=True)
class Mix:
    """The kinds of lines. Shares are of all lines; `events_per_s` is the density in event time, not a speed."""

    services: tuple[str, ...] = ("web", "shop", "api")
    signatures: int = 40
    error_share: float = 0.25
    bad_share: float = 0.001
    modern_share: float = 0.5  # of the 2.4 form
    late_share: float = 0.01  # out of order, by `late_by_s`
    late_by_s: int = 20
    events_per_s: int = 10_000


@dataclass
class Truth:
    """The expected counts: lines by (pane start in ms, service, level, signature), and rejected lines by reason."""

    pane_ms: int
    panes: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        return self.panes.total() + self.rejected.total()

    def levels(self) -> Counter[str]:
        """Return lines by level."""
        total: Counter[str] = Counter()
        for (_, _, level, _), n in self.panes.items():
            total[level] += n
        return total


@dataclass(frozen=True)
class Tail:
    """The rest of a line after its head, and what the line counts as; a rejected line has a reason and no head."""

    service: str
    head: int
    text: bytes
    level: str = ""
    signature: str = ""
    late: bool = False
    reason: str = ""


class Generator:
    """Generates lines from `start_ms` (event time, UTC) on. `truth` covers every block that was returned."""

    def __init__(self, seed: int, start_ms: int, mix: Mix | None = None, pane_ms: int = 10_000) -> None:
        self.mix = mix or Mix()
        self.truth = Truth(pane_ms)
        self._second = start_ms // 1000
        self._random = Random(seed)
        tails = [_tail(self._random, self.mix) for _ in range(POOL)]
        self._tails = [(tail.service.encode(), tail.head, tail.text) for tail in tails]
        cells = {(tail.late, tail.service, tail.level, tail.signature, tail.reason): None for tail in tails}
        numbers = {cell: number for number, cell in enumerate(cells)}
        self._cells = list(cells)
        self._cell_of = [numbers[tail.late, tail.service, tail.level, tail.signature, tail.reason] for tail in tails]

    def blocks(self, lines: int | None = None) -> Iterator[list[tuple[bytes, bytes]]]:
        """(service, line) pairs, a second of event time at a time; without end when `lines` is None."""
        while lines is None or lines > 0:
            size = self.mix.events_per_s if lines is None else min(lines, self.mix.events_per_s)
            yield self._block(size)
            lines = None if lines is None else lines - size

    def _block(self, size: int) -> list[tuple[bytes, bytes]]:
        drawn = array("H", self._random.randbytes(2 * size))
        heads = self._heads()
        self._count(Counter(map(self._cell_of.__getitem__, drawn)))
        self._second += 1
        return [(service, heads[head] + text) for service, head, text in map(self._tails.__getitem__, drawn)]

    def _count(self, cells: Counter[int]) -> None:
        for number, n in cells.items():
            late, service, level, signature, reason = self._cells[number]
            if reason:
                self.truth.rejected[reason] += n
            else:
                event_ms = 1000 * (self._second - late * self.mix.late_by_s)
                self.truth.panes[event_ms - event_ms % self.truth.pane_ms, service, level, signature] += n

    def _heads(self) -> list[bytes]:
        """The ways to write this second, in the order that `_head` numbers them; the second half is late."""
        heads = [b""]
        for second in (self._second, self._second - self.mix.late_by_s):
            time = datetime.fromtimestamp(second, UTC)
            for form in ("%a %b {} %H:%M:%S %Y", f"%a %b {{}} %H:%M:%S.{self._random.randrange(10**6):06} %Y"):
                heads += [f"[{time.strftime(form.format(day))}] [".encode() for day in (f"{time.day:02}", f"{time.day:2}")]
        return heads


def _tail(random: Random, mix: Mix) -> Tail:
    service = random.choice(mix.services)
    if random.random() < mix.bad_share:
        reason, line = random.choice(BAD_LINES)
        return Tail(service, BARE, line, reason=reason)
    error, modern, late = random.random() < mix.error_share, random.random() < mix.modern_share, random.random() < mix.late_share
    level = random.choice(ERROR_LEVELS if error else OTHER_LEVELS)
    module, message, signature = message_of(random, random.randrange(mix.signatures))
    text = (_modern if modern else _classic)(random, module, _cased(random, level), message)
    return Tail(service, _head(random, modern, late), text.encode(), level, signature if error else "", late)


def _head(random: Random, modern: bool, late: bool) -> int:
    return 1 + 4 * late + 2 * modern + (random.random() < 0.05)  # a day padded by a space is rare


def message_of(random: Random, kind: int) -> tuple[str, str, str]:
    """A message of this kind with its variable parts filled in. Kinds beyond the templates differ by a word that no rule masks."""
    module, message, signature = TEMPLATES[kind % len(TEMPLATES)]
    if kind >= len(TEMPLATES):
        word = "".join("ghjklmnpqrstuvwxyz"[kind // 18**i % 18] for i in range(4))
        message, signature = f"{word}: {message}", f"{word}: {signature}"
    return module, _filled(random, message), signature


def _filled(random: Random, message: str) -> str:
    parts: dict[str, Callable[[], str]] = {
        "{path}": lambda: _path(random),
        "{ip}": lambda: _ip(random),
        "{n}": lambda: str(random.randrange(100_000)),
    }
    for part, make in parts.items():
        while part in message:
            message = message.replace(part, make(), 1)
    return message


def _classic(random: Random, module: str, level: str, message: str) -> str:
    client = f"[client {_ip(random)}] " if random.random() < 0.7 else ""
    return f"{level}] {client}{message}"


def _modern(random: Random, module: str, level: str, message: str) -> str:
    client = f"[client {_ip(random)}:{random.randrange(65536)}] " if random.random() < 0.7 else ""
    name = module if random.random() < 0.9 else ""
    return f"{name}:{level}] [pid {random.randrange(99999)}:tid {random.randrange(2**32)}] {client}{message}"


def _cased(random: Random, level: str) -> str:
    return level.upper() if random.random() < 0.2 else level


def _ip(random: Random) -> str:
    return ".".join(str(random.randrange(256)) for _ in range(4))


def _path(random: Random) -> str:
    return "/" + "/".join(
        random.choice(("var", "www", "html", "scripts", "~raj", "index.php", "a.b-c_d")) for _ in range(random.randint(1, 5))
    )
