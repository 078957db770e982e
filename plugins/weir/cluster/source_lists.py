"""Choose the files below `sources/` that list what the source of a folder has read, up to a planned batch. Pure.

Spark's offset in a folder that grows is a counter. `sources/S/<counter>` lists the files of one step; every tenth is `<counter>.compact`
and lists those of all steps before it, too. Checked with pyspark 4.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import unquote

from spark_jobs.sources.offsets import counter
from weir.errors import NotRunning

LIST = re.compile(r"(\d+)(\.compact)?")


def counters(contents: Mapping[str, bytes]) -> dict[int, int]:
    """Return the counter of each source that is a folder, by the source's number, at the newest plan among the files of a checkpoint."""
    plans = [int(found[1]) for path in contents if (found := re.fullmatch(r"offsets/(\d+)", path))]
    lines = contents[f"offsets/{max(plans)}"].decode(errors="replace").split("\n")[2:] if plans else []
    numbers = {source: counter(line) for source, line in enumerate(lines)}
    return {source: number for source, number in numbers.items() if number is not None and number >= 0}


def needed(names: Collection[str], upto: int) -> list[str]:
    """Return the lists that together name all files up to a counter: the newest compact one, and those after it.

    `names` are those in the source's folder. Raises ValueError with the first counter whose list is missing.
    """
    found = {int(match[1]): name for name in names if (match := LIST.fullmatch(name)) and int(match[1]) <= upto}
    first = max((number for number, name in found.items() if name.endswith(".compact")), default=0)
    for number in range(first, upto + 1):
        if number not in found:
            raise ValueError(str(number))
    return [found[number] for number in range(first, upto + 1)]


def names(data: bytes) -> list[str]:
    """Return the names of the files in a list, whose paths are URIs. Raises ValueError, KeyError or TypeError if it is torn."""
    return [unquote(json.loads(line)["path"].rpartition("/")[2]) for line in data.decode().split("\n")[1:]]


def unlisted(job: str, upto: int) -> NotRunning:
    return NotRunning(f"No checkpoint of {job} lists the files that it has read, up to step {upto}.", f"Run: weir health {job}")


def torn(name: str, data: bytes) -> str:
    """Return what is wrong with a list; empty if nothing is. Its last line names a file of its own step, and has no line end."""
    version, *lines = data.decode(errors="replace").split("\n")
    try:
        whole = re.fullmatch(r"v\d+", version) and json.loads(lines[-1])["batchId"] == int(name.partition(".")[0])
    except (ValueError, KeyError, TypeError, IndexError):
        whole = False
    return "" if whole else f"it is cut off after {len(data)} bytes"
