"""Write the image's SBOM (CycloneDX 1.6, JSON) to standard output, from what is in it: Python distributions, jars, Debian packages.

Usage: sbom.py VENV REQUIREMENTS_TXT JARS_LOCK DPKG_STATUS OS_RELEASE. Its time is SOURCE_DATE_EPOCH and its serial number follows
from the components, so the same content gives the same file.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

LOCKED = re.compile(r"^([\w.-]+)==(\S+)|--hash=sha256:(\w{64})")
JAR_NAME = re.compile(r"(.+?)[-_.]?(\d[\w.+-]*)?\.jar")


def component(purl: PackageURL, kind: ComponentType = ComponentType.LIBRARY, **more: object) -> Component:
    return Component(type=kind, name=purl.name, group=purl.namespace, version=purl.version, purl=purl, bom_ref=str(purl), **more)


def sha256(text: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=text)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(requirements: Path) -> Mapping[str, list[str]]:
    """Return the permitted sha256 of each distribution's archives, by its normal name and version."""
    found: dict[str, list[str]] = {}
    hashes: list[str] = []
    for line in requirements.read_text().splitlines():
        for name, version, digest in LOCKED.findall(line):
            if name:
                hashes = found.setdefault(f"{normal(name)}=={version}", [])
            else:
                hashes.append(digest)
    return found


def python(distribution: Distribution, hashes: Mapping[str, list[str]]) -> Component:
    name, version = normal(distribution.name), distribution.version
    text = distribution.metadata.get("License-Expression") or distribution.metadata.get("License") or ""
    archive = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"pkg:pypi/{name}@{version}"),
        comment="one of the archives that requirements.txt permits",
        hashes=[sha256(digest) for digest in hashes.get(f"{name}=={version}", [])],
    )
    return component(
        PackageURL("pypi", name=name, version=version),
        licenses=[LicenseFactory().make_from_string(text)] if text and "\n" not in text else [],
        external_references=[archive] if archive.hashes else [],
    )


def pinned(lock: Path) -> Mapping[str, str]:
    """Return the coordinate of each jar of jars.lock, by its sha256."""
    rows = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return {digest: coordinate for _, coordinate, digest in rows}


def jar(path: Path, coordinates: Mapping[str, str]) -> Component:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    coordinate = coordinates.get(digest) or _of_pom(path)
    if coordinate:
        group, name, version, *classifier = coordinate.split(":")
        purl = PackageURL("maven", group, name, version, {"type": "jar", **({"classifier": classifier[0]} if classifier else {})})
    else:
        parts = JAR_NAME.fullmatch(path.name)
        purl = PackageURL("generic", name=parts[1] if parts else path.stem, version=parts[2] if parts else None)
    # Two jars may hold the POM of the same artifact: the file name tells them apart.
    purl = PackageURL(purl.type, purl.namespace, purl.name, purl.version, purl.qualifiers, subpath=path.name)
    return component(purl, hashes=[sha256(digest)], properties=[Property(name="weir:file", value=path.name)])


def _of_pom(path: Path) -> str:
    """Return the coordinate by the POM in the jar whose name is that of the file; a shaded jar holds the POMs of others, too."""
    with zipfile.ZipFile(path) as file:
        for name in sorted(it for it in file.namelist() if it.endswith("/pom.properties")):
            found = dict(line.split("=", 1) for line in file.read(name).decode(errors="replace").splitlines() if "=" in line)
            values = [found.get(key, "").strip() for key in ("groupId", "artifactId", "version")]
            if all(values) and path.name.startswith(f"{values[1]}-{values[2]}"):
                return ":".join(values)
    return ""


def debian(status: Path, os_release: Path) -> Iterator[Component]:
    release = dict(line.split("=", 1) for line in os_release.read_text().replace('"', "").splitlines() if "=" in line)
    for stanza in status.read_text().strip().split("\n\n"):
        fields = HeaderParser().parsestr(stanza)
        if fields["Status"].endswith(" installed"):
            qualifiers = {"arch": fields["Architecture"], "distro": release.get("VERSION_CODENAME", "")}
            yield component(PackageURL("deb", release["ID"], fields["Package"], fields["Version"], qualifiers))


def bom(venv: Path, requirements: Path, lock: Path, status: Path, os_release: Path) -> Bom:
    hashes, coordinates = locked(requirements), pinned(lock)
    installed = list(distributions(path=[str(site) for site in venv.glob("lib/python3*/site-packages")]))
    version = next(it.version for it in installed if it.name == "weir")
    own = component(PackageURL("pypi", name="weir", version=version), ComponentType.CONTAINER)
    found = [python(it, hashes) for it in installed if it.name != "weir"]
    found += [jar(path, coordinates) for path in sorted(venv.rglob("*.jar"))]
    found += debian(status, os_release)
    made = Bom(components=found)
    made.metadata.component = own
    made.register_dependency(own, found)
    made.metadata.timestamp = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    names = sorted(f"{it.bom_ref.value} {[digest.content for digest in it.hashes]}" for it in found)
    made.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(names))
    return made


if __name__ == "__main__":
    sys.stdout.write(JsonV1Dot6(bom(*map(Path, sys.argv[1:]))).output_as_string(indent=1) + "\n")
