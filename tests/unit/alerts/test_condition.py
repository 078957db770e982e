"""How a rule reads."""

from __future__ import annotations

import pytest

from tests.unit.alerts.bench import rules
from weir.alerts.condition import condition

READS = {
    "{name: a, kind: threshold, above: 100, windows: 2, by: service}": "more than 100 error lines in 1m, 2 windows in a row, by service",
    "{name: a, kind: threshold, measure: rate, above: 0.2, at_least: 200, window: 5m, service: web}": (
        "more than 20 % error lines among 200 lines or more in 5m of web"
    ),
    "{name: a, kind: new_signature, lookback: 14d, at_least: 5, window: 5m}": (
        "5 error lines or more with a signature not seen for 14d in 5m, by service and signature"
    ),
    "{name: a, kind: ratio, above: 3, levels: [crit, error], at_least: 50}": (
        "50 crit or error lines or more, and more than 3 times the median of 4 weeks in 1m"
    ),
    "{name: a, kind: absence, below: 2}": "fewer than 2 lines in 1m",
}


@pytest.mark.parametrize("text", READS)
def test_a_rule_in_words(text: str) -> None:
    (rule,) = rules(text).rules
    assert condition(rule) == READS[text]
