"""Check that Java knows the time zones of a spec: Spark reads local times by the rules of the driver's Java.

Python's zones are newer than those of an old JDK: a plan was ok, the driver failed in its first batch, and its lines were offered for
quarantine.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from weir.supervise.judge.plan import Check

# What `java.time.ZoneId` knows beside its data, with the short names that Spark adds (java.time.ZoneId.SHORT_IDS).
BESIDE = frozenset(("Z", "UTC", "GMT", "UT", "EST", "MST", "HST", "GMT+0", "GMT-0"))


def zones(options: Any) -> Iterator[str]:
    """Yield the time zones that options name, at any depth."""
    for name, value in options.items() if isinstance(options, Mapping) else ():
        if name == "time_zone" and isinstance(value, str):
            yield value
        yield from zones(value)


def check(options: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Check, ...]:
    """Check the zones that a spec names. Nothing to check: only zones that every Java knows."""
    wanted = sorted(set(zones(options)) - BESIDE)
    if not wanted:
        return ()
    home = java_home(env)
    known = _known(home / "lib/tzdb.dat") if home else None
    if known is None:
        return (Check("time zones", None, f"{', '.join(wanted)}: there is no Java here whose zones could be read"),)
    if unknown := [zone for zone in wanted if zone not in known]:
        cure = "install a newer Java for the drivers, or name another zone in job.yaml"
        return (Check("time zones", False, f"the Java in {home} does not know {', '.join(unknown)}: {cure}"),)
    return (Check("time zones", True, f"{', '.join(wanted)}: known to the Java in {home}"),)


def java_home(env: Mapping[str, str]) -> Path | None:
    """Return the home of the Java that starts drivers from this environment: JAVA_HOME's, else of the first `java` on PATH."""
    home = env.get("JAVA_HOME", "")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else env.get("PATH"))
    return Path(java).resolve().parent.parent if java else None


def _known(data: Path) -> frozenset[str] | None:
    try:
        return frozenset(known_of(data.read_bytes())) | BESIDE
    except (OSError, ValueError, struct.error):
        return None


@lru_cache(4)
def known_of(data: bytes) -> tuple[str, ...]:
    """Return the names in a JDK's `tzdb.dat`: a byte 1, `TZDB`, the versions, then the names of zones. Raises ValueError, struct.error.

    See `java.time.zone.TzdbZoneRulesProvider`. Java itself takes a second to start, and needs a compiler to be asked.
    """
    at = 1

    def number() -> int:
        nonlocal at
        at += 2
        return int(struct.unpack_from(">H", data, at - 2)[0])

    def text() -> str:
        nonlocal at
        size = number()
        at += size
        return data[at - size : at].decode()

    if data[:1] != b"\x01" or text() != "TZDB":
        raise ValueError("no data of time zones")
    for _ in range(number()):
        text()
    return tuple(text() for _ in range(number()))
