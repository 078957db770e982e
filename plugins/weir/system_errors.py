"""Errors of the operating system as sentences: what it refused, for which file, and what to do. They are never a bug of Weir."""

from __future__ import annotations

import errno
import json
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from weir.errors import BadSetting, OperatingSystem, Prerequisite, WeirError

OURS = ("weir", "spark_jobs")  # a module of these that is missing is a bug
NEXT = {
    errno.ENOSPC: "Free some space on its disk, then repeat the command.",
    errno.EDQUOT: "Free some space below your quota, then repeat the command.",
    errno.EROFS: "Use a folder that can be written.",
    errno.EACCES: "Give this user the right, or run the command as the owner.",
    errno.EPERM: "Give this user the right, or run the command as the owner.",
    errno.ENOENT: "Check the path, and that the working directory still exists.",
    errno.ENOTDIR: "A part of the path is a file: check it.",
    errno.EISDIR: "It is a folder: name a file.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n), then repeat the command.",
    errno.ENFILE: "The machine has too many open files. Repeat the command later.",
    errno.EAGAIN: "Raise the limit of processes (ulimit -u), or end some, then repeat the command.",
    errno.ENOMEM: "Free some memory, then repeat the command.",
    errno.ENAMETOOLONG: "Use a shorter path.",
    errno.EIO: "The disk or file system fails: look at the system's log.",
    errno.ELOOP: "The path has links that lead in a circle: check it.",
}


def of_system(error: Exception) -> WeirError | None:
    """Return an error of the operating system, its memory or the installation as one of Weir's, with a next step; None for any other."""
    if isinstance(error, OSError):
        return explained(error)
    if isinstance(error, MemoryError):
        return OperatingSystem("This machine has no memory left for the command.", "End other programs, then repeat it.")
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in OURS:
        return Prerequisite(
            f"A part of the installation cannot be loaded: {error}.", "Install Weir again: make install, or docs/airflow.md."
        )
    return None


def explained(error: OSError) -> WeirError:
    """Return the error as one of Weir's, with a next step."""
    why = error.strerror or str(error) or type(error).__name__
    about = f": {error.filename}" if error.filename is not None else ""
    return OperatingSystem(f"The operating system refused: {why}{about}.", NEXT.get(error.errno or 0, "Check it, then repeat the command."))


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file of the state folder; empty if there is no such file.

    Raises BadSetting if this user may not read it, or if it is damaged.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise not_readable(file, error) from error
    except UnicodeDecodeError as error:
        raise damaged(file, str(error)) from error
    try:
        found = json.loads(text)
    except ValueError as error:
        raise damaged(file, str(error)) from error
    if not isinstance(found, dict):
        raise damaged(file, "it is not a JSON object")
    return found


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Replace a file as a whole, so that no reader sees half of it."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(values, indent=1), encoding="utf-8")
    new.replace(file)


def damaged(file: Path, why: str) -> BadSetting:
    """Return the error of a file of the state folder that has something else in it than Weir wrote."""
    away = f"mv {quote(str(file))} {quote(f'{file}.damaged')}"
    return BadSetting(f"The file {file} is damaged: {why}.", f"Restore it, or move it away ({away}); `weir up` then writes a new one.")


def not_readable(file: Path, error: OSError) -> WeirError:
    """Return why this user cannot use a file of the state folder, with the owner's name."""
    if isinstance(error, NotADirectoryError | FileExistsError):
        in_the_way = next((place for place in reversed(file.parents) if place.is_file()), file.parent)
        return BadSetting(f"WEIR_HOME: {in_the_way} is a file, not a folder.", "Set WEIR_HOME to a folder, or unset it.")
    if not isinstance(error, PermissionError):
        return explained(error)
    place, owner = _closed(file)
    if owner == os.geteuid():
        return BadSetting(f"{place} is yours, and its permissions do not let you use it.", f"Run: chmod u+rwX {quote(str(place))}")
    return BadSetting(
        f"WEIR_HOME: {place} belongs to {named(owner)}, and {named(os.geteuid())} may not use it.",
        f"Run the command as {named(owner)}, or set WEIR_HOME to a folder of your own.",
    )


def named(user: int) -> str:
    """Return the name of a user, or its number if it has none, as in some containers."""
    with suppress(KeyError):
        return pwd.getpwuid(user).pw_name
    return f"user id {user}"


def _closed(file: Path) -> tuple[Path, int]:
    """Return the outermost folder on the way to a file that this user may not pass, or the file itself, and the user id of its owner."""
    for place in (*reversed(file.parents), file):
        try:
            owner = place.stat().st_uid
        except OSError:
            break
        if not os.access(place, os.R_OK | os.X_OK if place.is_dir() else os.R_OK):
            return place, owner
    return file, -1
