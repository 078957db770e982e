"""Choose what a run sends: everything, or what an earlier run of the same file left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from weir.errors import BadInput
from weir.ingest.cutting import MAX_LINE
from weir.ingest.position import Position
from weir.ingest.reading import Text, opened, shown
from weir.ingest.rotated import find, since

Say = Callable[[str], None]


def require_unsent(found: Position | None, text: Text) -> None:
    """Raise BadInput if an earlier run sent a part of this file, and did not reach its end or could not say so."""
    if found is None or found.done or not found.lines or not any(text.is_the_one(mark) for mark in found.place.files):
        return
    raise BadInput(
        f"An earlier run that was interrupted sent {found.lines} lines of {shown(text.name)} to {found.topic} as {found.service}.",
        "Repeat the command with --resume to send the rest only, or with --from-start to send them once more.",
    )


def resumed(found: Position, path: Path, say: Say, limit: int = MAX_LINE) -> list[Text]:
    """Open the files that an earlier run did not finish, where it ended, and those that came after them. Says what is not there."""
    texts: list[Text] = []
    for mark in found.place.files:
        if old := find(mark, path, limit):
            texts.append(old)
        else:
            say(f"{shown(mark.name)} was sent up to byte {mark.offset} and cannot be found any more: any lines after that are not sent.")
    texts += since(found.place, path, limit, texts)
    if path.exists() and not _is_there(path, texts):
        texts.append(opened(path, limit))
    say(f"Continuing after {found.lines} lines that were sent before." + _where(texts, path))
    return texts


def _is_there(path: Path, texts: list[Text]) -> bool:
    return path.exists() and any(os.path.samestat(path.stat(), os.fstat(text.handle)) for text in texts)


def _where(texts: list[Text], path: Path) -> str:
    others = [shown(text.name) for text in texts if Path(text.name) != path]
    return f" First the rest of: {', '.join(others)}." if others else ""
