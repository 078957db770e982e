"""Options of a pattern that could never match, or whose alerts no rule would find, are refused by a deploy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalogue import CATALOGUE
from weir.errors import BadSpec
from weir.jobs.folders import sound
from weir.jobs.models import complete_spec, model_in


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"more_than": 20, "events_per_key": 10}, "10 events are too few to find more_than 20"),
        ({"key": ["card", "kind"]}, "an alert has a field kind of its own"),
        ({"key": ["card", "card"]}, "must name each field once"),
        ({"key": ["card"], "different": "card"}, "card is part of the key, so it never differs"),
        ({"key": ["Card"], "only": {"card": ["c1"]}}, "differ only in upper and lower case"),
        ({"key": ["a`b"]}, "must have no backtick"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: dict[str, Any], why: str) -> None:
    spec = sound(CATALOGUE)["fraud"]
    changed = spec.model_copy(update={"options": {**spec.options, **options}})
    with pytest.raises(BadSpec, match=why):
        complete_spec(changed, model_in(CATALOGUE / "fraud", changed))
