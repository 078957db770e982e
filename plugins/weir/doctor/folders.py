"""Folders that Weir writes: checkpoints, bundles, Data Docs. Each is tried by a file that is removed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.file_systems import prepared
from weir.doctor.line import Line, fine, wrong
from weir.errors import BadSetting
from weir.jobs.packed import is_packed
from weir.settings import Settings, as_uri


def folders(settings: Settings) -> Iterator[Line]:
    yield checkpoints(settings)
    if settings.event_logs:
        yield event_logs(settings)
    yield bundles(settings)
    yield folder("data docs", "WEIR_DATA_DOCS", Path(settings.data_docs))


def checkpoints(settings: Settings) -> Line:
    """Try the folder of checkpoints, which may be on any file system. Raises NotRunning, BadSetting."""
    base = settings.checkpoints
    if base.startswith("/"):
        found = folder("checkpoints", "WEIR_CHECKPOINTS", Path(base))
        return replace(found, told=f"{found.told}; drivers must reach it, too") if found.ok else found
    CheckpointFolders(base, settings).try_out()
    return fine("checkpoints", f"{base} can be written, listed and read from here; drivers must reach it, too")


def event_logs(settings: Settings) -> Line:
    """Make the folder of event logs, without which no driver starts, and try it. Raises NotRunning, BadSetting, OSError."""
    prepared(as_uri(settings.event_logs), settings)
    return fine("event logs", f"{settings.event_logs} is there and can be written from here; drivers must reach it, too")


def bundles(settings: Settings) -> Line:
    """Try the place of deployed code, which may be in a store. Raises NotRunning, BadSetting, OSError."""
    if not is_packed(settings.bundles):
        return folder("bundles", "WEIR_BUNDLES", Path(settings.bundles))
    prepared(settings.bundles, settings)
    return fine("bundles", f"{settings.bundles} can be written from here; drivers must be able to read it")


def folder(check: str, setting: str, place: Path) -> Line:
    """Try a folder; of one that is not there yet, the folder in which it will be made."""
    there = next((each for each in (place, *place.parents) if each.exists()), place)
    trial = there / f".weir-doctor-{uuid4().hex}"
    try:
        trial.write_text("x")
        trial.unlink()
        list(there.iterdir())
    except OSError as error:
        told = f"{there} cannot be used: {error.strerror or error}"
        return wrong(check, told, f"Give this user the right, or correct {setting}.", BadSetting.code)
    return fine(check, f"{place} can be {'read and written' if there == place else 'made'} from here")
