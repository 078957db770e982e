"""Time zones that Python knows and the driver's Java does not."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from weir.supervise.java_zones import check, java_home, zones
from weir.supervise.judge.plan import Check

OPTIONS = {"time_zone": "UTC", "services": {"shop": {"time_zone": "Asia/Tokyo"}, "web": {"line_format": {"name": "json"}}}}


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def java(folder: Path, known: Iterable[str]) -> dict[str, str]:
    """A JDK with data of these zones, and the environment in which it is found."""
    names = list(known)
    data = b"\x01" + text("TZDB") + struct.pack(">H", 1) + text("2020a") + struct.pack(">H", len(names)) + b"".join(map(text, names))
    for name in ("bin", "lib"):
        (folder / name).mkdir()
    (folder / "lib/tzdb.dat").write_bytes(data + b"\0\0")
    (folder / "bin/java").touch(0o755)
    return {"JAVA_HOME": str(folder), "PATH": ""}


def test_zones_are_found_at_any_depth() -> None:
    assert list(zones(OPTIONS)) == ["UTC", "Asia/Tokyo"]


def test_a_zone_that_java_lacks_is_refused(tmp_path: Path) -> None:
    (found,) = check(OPTIONS, java(tmp_path, ["Europe/Berlin"]))
    assert (found.ok, "does not know Asia/Tokyo: install a newer Java" in found.text) == (False, True)


def test_a_zone_that_java_knows(tmp_path: Path) -> None:
    (found,) = check(OPTIONS, java(tmp_path, ["Asia/Tokyo"]))
    assert found.ok


def test_what_every_java_knows_is_not_looked_up() -> None:
    assert check({"time_zone": "UTC"}, {"PATH": ""}) == ()


def test_without_a_java_it_is_unknown(tmp_path: Path) -> None:
    (found,) = check(OPTIONS, {"PATH": str(tmp_path)})
    assert found.ok is None
    (tmp_path / "lib").mkdir()
    env = java_home_of(tmp_path)
    (tmp_path / "lib/tzdb.dat").write_bytes(b"something else")
    assert check(OPTIONS, env) == (Check("time zones", None, "Asia/Tokyo: there is no Java here whose zones could be read"),)


def java_home_of(folder: Path) -> dict[str, str]:
    (folder / "bin").mkdir()
    (folder / "bin/java").touch(0o755)
    return {"JAVA_HOME": str(folder), "PATH": ""}


@pytest.mark.skipif(java_home(os.environ) is None, reason="there is no Java here")
def test_the_java_here_knows_zones() -> None:
    (found,) = check(OPTIONS, os.environ)
    assert found.ok
