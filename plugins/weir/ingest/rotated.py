"""Find a file again after it was rotated: under another name, as a copy, or compressed; and those that came between."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from weir.errors import UnreadableInput
from weir.ingest.cutting import MAX_LINE
from weir.ingest.position import Mark, Place
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
            return _from(text, mark)
        elif copy:
            text.close()
        else:
            copy = text
    return _from(copy, mark) if copy else None


def since(place: Place, path: Path, limit: int, known: Sequence[Text]) -> list[Text]:
    """Open the files of this name that were rotated after a place was noted, the oldest first: nothing of them was sent.

    `known` are those that are open now.
    """
    later = [one for one in siblings(path, NUMBER) if _changed(one) > place.looked] if place.looked else []
    found = []
    for text in _open_all(later, limit):
        found_before = any(os.path.samestat(os.fstat(text.handle), os.fstat(one.handle)) for one in known)
        if found_before or any(_is_one(text, mark) for mark in place.files) or any(_has_ended(text, mark) for mark in place.ended):
            text.close()
        else:
            found.append(text)
    return found


def _is_one(text: Text, mark: Mark) -> bool:
    """Return whether a text is that of a mark, or a copy of it."""
    return text.is_the_one(mark) if mark.length else mark.is_of(os.fstat(text.handle))


def _has_ended(text: Text, mark: Mark) -> bool:
    """Return whether a text is one that was sent to its end. An inode alone says nothing: the next file may get it."""
    return bool(mark.length) and text.is_the_one(mark) and (mark.is_of(os.fstat(text.handle)) or text.ends_at(mark.offset))


def _from(text: Text, mark: Mark) -> Text:
    text.seek(mark.offset)
    text.kept = mark.offset
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
