"""Find the file of the Data Docs for an address. Nothing outside the folder, nothing hidden, only file types that the pages need."""

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
    """Return the file or directory at `path` below `folder`, with all links resolved; None if there is none that may be shown."""
    parts = [part for part in path.split("/") if part]
    if not folder or any(part.startswith(".") or "\\" in part or not part.isprintable() for part in parts):
        return None  # validations in progress are hidden folders
    try:
        root = Path(folder).resolve()
        found = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):  # it does not exist, its name is too long, or its links form a cycle
        return None
    return found if found.is_relative_to(root) and (found.is_dir() or found.suffix in TYPES) else None
