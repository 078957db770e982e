"""Which file of the Data Docs an address means. Nothing outside of the folder, nothing hidden, no kind that the pages do not need."""

from __future__ import annotations

from pathlib import Path

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def find(folder: str, path: str) -> Path | None:
    """The file or directory at `path` below `folder`, with all links followed; None if there is none that may be shown."""
    parts = [part for part in path.split("/") if part]
    if not folder or any(part.startswith(".") or "\\" in part or not part.isprintable() for part in parts):
        return None  # validations that are being written are hidden folders
    try:
        root = Path(folder).resolve()
        found = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):  # it is not there, its name is too long, or its links go in a circle
        return None
    return found if found.is_relative_to(root) and (found.is_dir() or found.suffix in TYPES) else None
