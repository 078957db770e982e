"""How counts are addressed: by cell, by hour and shard, by day and shard."""

from __future__ import annotations

from spark_jobs.protocol.head import Position

Cell = tuple[int, str, str, str]  # pane_start (ms), service, level, signature
Kind = tuple[str, str, str]  # service, level, signature: what a roll-up keeps of a cell
HourShard = tuple[int, int]  # hour (ms), shard
DayShard = tuple[int, int]  # day (ms), shard
NOWHERE: Position = (-1, -1)  # before every position
