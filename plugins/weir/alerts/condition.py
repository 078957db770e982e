"""Describe a rule's condition in words. Pure."""

from __future__ import annotations

from weir.alerts.rules import Absence, NewSignature, Ratio, Rule, Threshold
from weir.times import duration


def condition(rule: Rule) -> str:
    """Return when the rule fires, such as `more than 100 error lines in 1m, 2 windows in a row, by service`."""
    told = f"{_broken(rule)} in {duration(rule.width)}"
    told += f" of {rule.service}" if rule.service is not None else ""
    told += f", {rule.windows} windows in a row" if rule.windows > 1 else ""
    return told + (f", by {' and '.join(rule.by)}" if rule.by else "")


def _broken(rule: Rule) -> str:
    lines = f"{' or '.join(rule.levels)} lines".strip()
    match rule:
        case Threshold(measure="rate"):
            return f"more than {rule.above * 100:g} % {lines} among {rule.at_least} lines or more"
        case Threshold():
            return f"more than {rule.above:g} {lines}"
        case NewSignature():
            return f"{rule.at_least} {lines} or more with a signature not seen for {duration(1000 * rule.lookback)}"
        case Ratio():
            return f"{rule.at_least} {lines} or more, and more than {rule.above:g} times the median of {rule.weeks} weeks"
        case Absence():
            return f"fewer than {rule.below} {lines}"
