"""`audit.py ADVISORIES OPTION...`: run pip-audit on advisories of this machine, where no vulnerability service can be reached.

ADVISORIES is OSV's `all.zip` for PyPI, or a clone of https://github.com/pypa/advisory-database. The options are pip-audit's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

OLDEST = timedelta(days=7)
Advisory = Mapping[str, Any]


def read(place: Path) -> Iterator[Advisory]:
    """Yield the advisories of a zip of JSON files or of a folder of YAML files."""
    if place.is_dir():
        for file in place.glob("vulns/*/*.yaml"):
            yield yaml.load(file.read_text(), yaml.CSafeLoader)  # safe_load takes ten times as long
    else:
        with ZipFile(place) as archive:
            for name in archive.namelist():
                yield json.loads(archive.read(name))


def moment(advisory: Advisory) -> datetime:
    """Return when the advisory was changed last. YAML has dates, JSON has their text."""
    at = datetime.fromisoformat(str(advisory["modified"]).replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def is_hit(affected: Mapping[str, Any], version: str) -> bool:
    """Is the version listed, or in a range? By the evaluation algorithm of the OSV schema."""
    if version in map(str, affected.get("versions", ())):
        return True
    return any(_in_range(found["events"], Version(version)) for found in affected.get("ranges", ()) if found["type"] == "ECOSYSTEM")


def _in_range(events: list[Mapping[str, Any]], version: Version) -> bool:
    moves = []
    for event in events:
        for kind, text in event.items():
            try:
                moves.append((Version(str(text)), kind))
            except InvalidVersion:  # of before PEP 440; such a release is in `versions`
                continue
    inside = False
    for at, kind in sorted(moves):
        if kind == "introduced" and at <= version:
            inside = True
        elif (kind == "fixed" and at <= version) or (kind == "last_affected" and at < version):
            inside = False
    return inside


class Advisories:
    def __init__(self, place: Path) -> None:
        self._by_name: dict[str, list[tuple[Mapping[str, Any], Advisory]]] = defaultdict(list)
        self.count, self.newest = 0, datetime.min.replace(tzinfo=UTC)
        for advisory in read(place):
            self.count += 1
            self.newest = max(self.newest, moment(advisory))
            for affected in advisory.get("affected", ()):
                if affected["package"]["ecosystem"] == "PyPI":
                    self._by_name[canonicalize_name(affected["package"]["name"])].append((affected, advisory))

    def about(self, name: str, version: str) -> list[Advisory]:
        """Return the advisories that a version of a package is affected by."""
        found = {hit["id"]: hit for affected, hit in self._by_name[canonicalize_name(name)] if is_hit(affected, version)}
        return list(found.values())


def served(advisories: Advisories) -> ThreadingHTTPServer:
    """Start a server that answers OSV's `POST /v1/query` on this machine."""

    class Query(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = advisories.about(asked["package"]["name"], asked["version"])
            body = json.dumps({"vulns": found} if found else {}, default=lambda at: at.isoformat()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing about each of 200 questions."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Query)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(place: str = "", *options: str) -> int | str:
    if not place or not Path(place).exists():
        return f"There are no advisories at `{place}`.\n{__doc__}"
    advisories = Advisories(Path(place))
    if not advisories.count:
        return f"{place} has no advisories: it must be OSV's all.zip for PyPI, or a clone of pypa/advisory-database."
    sys.stdout.write(f"{advisories.count} advisories, the newest of {advisories.newest:%Y-%m-%d}\n")
    sys.stdout.flush()
    address = f"http://127.0.0.1:{served(advisories).server_address[1]}/v1/query"
    command = [str(Path(sys.executable).with_name("pip-audit")), "-s", "osv", "--osv-url", address, *options]
    code = subprocess.run(command, check=False).returncode
    if code == 0 and datetime.now(UTC) - advisories.newest > OLDEST:
        return f"No advisory is newer than {advisories.newest:%Y-%m-%d}: what was found since then is not in them. Get newer ones."
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
