"""A line of `weir doctor`: one thing that was checked, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weir.errors import WeirError

Question = Callable[[], Iterable["Line"]]


@dataclass(frozen=True)
class Line:
    """`ok` is None if it could not be seen. `told` says what was found, `next_step` what to do; `code` is that of the runbook, if there is
    one."""

    check: str
    ok: bool | None
    told: str
    next_step: str = ""
    code: str = ""

    @property
    def state(self) -> str:
        return {True: "ok", False: "wrong", None: "unknown"}[self.ok]

    def as_row(self) -> Mapping[str, Any]:
        return {"check": self.check, "state": self.state, "found": self.told, "next": self.next_step, "code": self.code}


def fine(check: str, told: str) -> Line:
    return Line(check, True, told)


def wrong(check: str, told: str, next_step: str, code: str = "") -> Line:
    return Line(check, False, told, next_step, code)


def unknown(check: str, why: str, next_step: str = "") -> Line:
    return Line(check, None, why, next_step)


def failed(check: str, error: WeirError) -> Line:
    """Return the line of a check that an error ended."""
    return wrong(check, error.what, error.next_step, error.code)
