"""All operations by name, each with the output mode in which it gives what its DStream counterpart gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyspark.sql import DataFrame

from .combined import join, transform
from .keyed import map_with_state, update_state_by_key
from .shapes import session, sliding, tumbling
from .windowed import count_by_value_and_window, count_by_window, panes, reduce_by_key_and_window, reduce_by_window, window


class Operation(NamedTuple):
    """A function of events, and the output mode of its query."""

    function: Callable[[DataFrame], DataFrame]
    output_mode: str


_SHAPES = (tumbling, sliding, session)
_WINDOWED = (window, count_by_window, reduce_by_window, reduce_by_key_and_window, panes, count_by_value_and_window)
OPERATIONS: Mapping[str, Operation] = {
    **{one.__name__: Operation(one, "append") for one in (*_SHAPES, *_WINDOWED, transform, join)},
    **{one.__name__: Operation(one, "update") for one in (update_state_by_key, map_with_state)},
}
