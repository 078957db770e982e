"""Judge whether a window breaks a rule. Pure: counts and rules in, outcomes with evidence out.

Times are in ms. A window is `[start, start + width)`, and begins at a multiple of its width.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from spark_jobs.counts.cells import DAY_MS, OTHER, day_of
from weir.alerts.rules import Absence, Basis, NewSignature, Ratio, Rule, Threshold
from weir.counts.signing import signed_again
from weir.ports.counts import Cell
from weir.times import duration

Key = tuple[str, ...]  # the values of the rule's `by`
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True)
class Breach:
    """Why a window breaks a rule: the value, the limit, and both in words."""

    value: float
    limit: float
    sentence: str


@dataclass(frozen=True)
class Outcome:
    """The result of a rule on a window. `value` is the largest of its groups; `firing` are the groups that broke it in enough windows."""

    start: int
    end: int
    value: float
    firing: Mapping[Key, Breach] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there were no lines and nothing fires."""
        return self.value == 0 and not self.firing


@dataclass(frozen=True)
class RuleCounts:
    """The counts that a rule judges."""

    lines: Mapping[tuple[int, Key], int]  # by window start and group
    all_lines: Mapping[tuple[int, Key], int]  # the same of every level
    known: frozenset[int]  # windows in which the job counted anything
    seen: Mapping[Key, Sequence[int]] = field(default_factory=dict)  # for NewSignature: cells of any grain in which the group occurred


def rule_counts(rule: Basis, cells: Iterable[tuple[Cell, int]], history: Iterable[Cell] = ()) -> RuleCounts:
    """Sum panes by window and group. `history` are earlier cells of any grain, for NewSignature."""
    lines: Counter[tuple[int, Key]] = Counter()
    all_lines: Counter[tuple[int, Key]] = Counter()
    seen: defaultdict[Key, list[int]] = defaultdict(list)
    known = set()
    for cell, n in cells:
        pane, service, level, _ = cell
        start = pane - pane % rule.width
        known.add(start)
        if rule.service is not None and service != rule.service:
            continue
        all_lines[start, _whole(rule, cell)] += n
        if not rule.levels or level in rule.levels:
            lines[start, _key(rule, cell)] += n
            seen[_key(rule, cell)].append(pane)
    for cell in history:
        if (rule.service is None or cell[1] == rule.service) and (not rule.levels or cell[2] in rule.levels):
            seen[_key(rule, cell)].append(cell[0])
    return RuleCounts(lines, all_lines, frozenset(known), seen if isinstance(rule, NewSignature) else {})


def judge(rule: Rule, starts: Sequence[int], found: RuleCounts) -> list[Outcome]:
    """Return the outcome of each window. `found` must include the `windows - 1` windows before the first one, too."""
    by_start = _grouped(found)
    broken: dict[int, Mapping[Key, Breach]] = {}

    def breaches(start: int) -> Mapping[Key, Breach]:
        if start not in broken:
            broken[start] = dict(_breaches(rule, start, by_start.get(start, {}), found))
        return broken[start]

    back = [i * rule.width for i in range(rule.windows)]
    return [_outcome(rule, start, by_start.get(start, {}), [breaches(start - ms) for ms in back]) for start in starts]


def _outcome(rule: Rule, start: int, groups: Mapping[Key, int], last: Sequence[Mapping[Key, Breach]]) -> Outcome:
    firing = {key: breach for key, breach in last[0].items() if all(key in before for before in last[1:])}
    value = max((b.value for b in last[0].values()), default=float(max(groups.values(), default=0)))
    return Outcome(start, start + rule.width, value, firing)


def _breaches(rule: Rule, start: int, groups: Mapping[Key, int], found: RuleCounts) -> Iterable[tuple[Key, Breach]]:
    if isinstance(rule, Absence):
        n = sum(groups.values())
        if n < rule.below:
            yield (), Breach(n, rule.below, f"{_lines(rule, n)} in {duration(rule.width)}, at least {rule.below} expected")
        return
    for key, n in groups.items():
        breach = _of_group(rule, start, key, n, found)
        if breach is not None:
            yield key, breach


def _of_group(rule: Threshold | NewSignature | Ratio, start: int, key: Key, n: int, found: RuleCounts) -> Breach | None:
    what = f"{_of(key)}{_lines(rule, n)} in {duration(rule.width)}"
    if isinstance(rule, NewSignature):
        told = f"{what}, not seen in {duration(1000 * rule.lookback)} before"
        return Breach(n, rule.at_least, told) if _is_new(rule, start, key, n, found) else None
    if isinstance(rule, Ratio):
        usual = _usual(rule, start, key, found)
        if usual is None or n < rule.at_least or n <= rule.above * max(usual, 1):
            return None
        return Breach(n, rule.above * max(usual, 1), f"{what}, usually {usual:g} at this time of the week")
    if rule.measure == "count":
        return Breach(n, rule.above, f"{what}, more than {rule.above:g}") if n > rule.above else None
    whole = found.all_lines.get((start, _part(rule, key)), 0)
    if whole < rule.at_least or n <= rule.above * whole:
        return None
    return Breach(n / whole, rule.above, f"{what}, {n / whole:.1%} of {whole} lines, more than {rule.above:.1%}")


def _is_new(rule: NewSignature, start: int, key: Key, n: int, found: RuleCounts) -> bool:
    """Cells of the history may be a day wide, so the lookback begins with a day."""
    if n < rule.at_least or key[rule.by.index("signature")] in ("", OTHER):
        return False
    since = day_of(start - 1000 * rule.lookback)
    if any(since <= at < start for at in found.seen[key]) or _was_signed_otherwise(rule, key, range(since, start), found):
        return False
    known = start - min(1000 * rule.lookback, DAY_MS)  # for a service that is new itself, no signature counts as new
    kin = (places for other, places in found.seen.items() if _part(rule, other) == _part(rule, key))
    return any(since <= at <= known for places in kin for at in places)


def _was_signed_otherwise(rule: NewSignature, key: Key, span: range, found: RuleCounts) -> bool:
    """Return whether a signature of the span, made by rules of before, becomes this one by the present rules: a deploy may change them, and
    the same errors are nothing new. A mask is signed as a digit, which every version masks. Only looked at before an alert."""
    place = rule.by.index("signature")
    kin = (
        other[place] for other, places in found.seen.items() if _part(rule, other) == _part(rule, key) and any(at in span for at in places)
    )
    return any(signed_again(one) == key[place] for one in kin)


def _usual(rule: Ratio, start: int, key: Key, found: RuleCounts) -> float | None:
    """Return the median of the same window in earlier weeks; None unless half of them have counts."""
    weeks = [start - i * WEEK_MS for i in range(1, rule.weeks + 1)]
    values = [found.lines.get((at, key), 0) for at in weeks if at in found.known]
    return median(values) if 2 * len(values) >= rule.weeks else None


def _grouped(found: RuleCounts) -> Mapping[int, Mapping[Key, int]]:
    groups: defaultdict[int, dict[Key, int]] = defaultdict(dict)
    for (start, key), n in found.lines.items():
        groups[start][key] = n
    return groups


def _key(rule: Basis, cell: Cell) -> Key:
    return tuple(cell[1] if name == "service" else cell[3] for name in rule.by)


def _whole(rule: Basis, cell: Cell) -> Key:
    """Return the group that is the base of a rate: the cell's service, or the whole job."""
    return (cell[1],) if "service" in rule.by else ()


def _part(rule: Basis, key: Key) -> Key:
    return (key[rule.by.index("service")],) if "service" in rule.by else ()


def _of(key: Key) -> str:
    return f"{' '.join(key)}: " if key else ""


def _lines(rule: Basis, n: int) -> str:
    told = "/".join(rule.levels)
    return f"{n} {told + ' ' if told else ''}line{'' if n == 1 else 's'}" + (f" of {rule.service}" if rule.service else "")
