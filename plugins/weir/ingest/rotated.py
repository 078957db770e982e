"""Find a file again after it was rotated: under another name, as a copy, or compressed; and those that came between."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weir.errors import UnreadableInput
from weir.ingest.cutting import MAX_LINE
from weir.ingest.position import Mark
from weir.ingest.reading import Text, opened

NUMBER = r"[.-]\d[\d._T-]*"  # logrotate's numbers and dates, rotatelogs' seconds
COPY = r"[.-](?:old|bak)"
PACKED = r"(?:\.(?:gz|zst|bz2|xz))?"


def siblings(path: Path, age: str = f"(?:{NUMBER}|{COPY})") -> list[Path]:
    """Return the files beside `path` that are named as its rotated ones, in the order of their last change."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    name = re.compile(f"(?:{stem}{suffix}{age}|{stem}{age}{suffix}){PACKED}")
    try:
        found = [(entry.stat().st_mtime_ns, Path(entry.path)) for entry in os.scandir(path.parent) if name.fullmatch(entry.name)]
    except OSError:
        return []
    return [one for _, one in sorted(found)]


def find(mark: Mark, path: Path, limit: int = MAX_LINE) -> Text | None:
    """Open the file that was sent so far, and go to where that ended. None if it is not found.

    It is looked for under the name that it had, as `path`, and beside both. The same inode comes before a copy.
    """
    places = dict.fromkeys((Path(mark.name), path, *siblings(Path(mark.name)), *siblings(path)))
    copy: Text | None = None
    for text in _open_all(places, limit):
        same = mark.is_of(os.fstat(text.handle))
        if not text.is_the_one(mark) or (not mark.length and not same):  # of an empty beginning every file has one
            text.close()
        elif same:
            if copy:
                copy.close()
            return _from(text, mark.offset)
        elif copy:
            text.close()
        else:
            copy = text
    return _from(copy, mark.offset) if copy else None


@dataclass(frozen=True)
class Seen:
    """A file that was sent, and when it last changed (ns)."""

    mark: Mark
    changed: int

    @classmethod
    def of(cls, text: Text) -> Seen:
        return cls(text.mark(), os.fstat(text.handle).st_mtime_ns)

    def is_that(self, text: Text) -> bool:
        """Return whether a text is this file or a copy of it."""
        return self.mark.is_of(os.fstat(text.handle)) or (bool(self.mark.length) and text.is_the_one(self.mark))


def since(seen: Sequence[Seen], path: Path, limit: int = MAX_LINE) -> list[Text]:
    """Open the files of this name that were rotated after these, the oldest first: nothing of them was sent."""
    last = max((one.changed for one in seen), default=sys.maxsize)
    found = []
    for text in _open_all([one for one in siblings(path, NUMBER) if _changed(one) > last], limit):
        if any(one.is_that(text) for one in seen):
            text.close()
        else:
            found.append(text)
    return found


def _from(text: Text, offset: int) -> Text:
    text.seek(offset)
    text.kept = offset
    return text


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _open_all(places: Iterable[Path], limit: int) -> Iterator[Text]:
    for place in places:
        try:
            if place.is_file():
                yield opened(place, limit)
        except (UnreadableInput, OSError):
            continue  # one that may not be read cannot be told to be the one
