"""What is in the image, and what is not."""

from __future__ import annotations

import json
from functools import cache

from tests.image.conftest import IMAGE, docker, run

BOUND = 1_800_000_000


def test_it_is_at_most_1_8_gb() -> None:
    assert int(docker("inspect", "--format", "{{.Size}}", IMAGE)) <= BOUND


def test_the_user_has_no_rights_and_owns_none_of_the_code() -> None:
    assert run("id").strip() == "uid=10001(weir) gid=10001(weir) groups=10001(weir)"
    assert run("find", "/weir", "-xdev", "-writable", "-not", "-type", "l", options=()).split() == ["/weir/.state"]


def test_no_file_gives_rights_but_those_of_debian() -> None:
    found = {line.rpartition("/")[2] for line in run("find", "/", "-xdev", "-perm", "/6000", "-type", "f", options=("--user", "0")).split()}
    debian = {"chage", "chfn", "chsh", "expiry", "gpasswd", "mount", "newgrp", "passwd", "su", "umount", "unix_chkpwd"}
    assert found <= debian


def test_it_holds_no_compiler_and_no_cache() -> None:
    tools = "for tool in gcc cc g++ clang make javac jlink pip uv git wget; do command -v $tool; done; true"
    assert run("sh", "-c", tools) == ""
    left = "ls -A /var/lib/apt/lists /var/cache/apt /var/log /tmp /home/weir | grep -v -e : -e '^$' -e '^\\.\\(bash\\|profile\\)'; true"
    assert run("sh", "-c", left, options=()) == ""
    assert run("find", "/", "-xdev", "-name", ".cache", "-not", "-path", "/proc/*", options=("--user", "0")) == ""


def test_each_jar_is_there_once() -> None:
    """A copy over a hard link, or a copy in a second layer, would show here or in the size."""
    names = [line.rpartition("/")[2] for line in run("find", "/weir", "-name", "*.jar").split()]
    assert len(names) == len(set(names)) > 200


@cache
def sbom() -> dict[str, dict[str, str]]:
    """Return the components by kind of package: their names (jars: file names) and versions."""
    found: dict[str, dict[str, str]] = {"pypi": {}, "deb": {}, "jar": {}}
    document = json.loads(run("cat", "/weir/sbom.cdx.json"))
    assert (document["bomFormat"], document["metadata"]["component"]["name"]) == ("CycloneDX", "weir")
    for component in [document["metadata"]["component"], *document["components"]]:
        kind = component["purl"].removeprefix("pkg:").partition("/")[0]
        jar = next((it["value"] for it in component.get("properties", ()) if it["name"] == "weir:file"), "")
        name, value = (jar, component["hashes"][0]["content"]) if jar else (component["name"], component["version"])
        found["jar" if jar else kind][name] = value
    return found


def test_the_sbom_names_each_distribution() -> None:
    script = "from importlib.metadata import distributions as all; print(*(f'{it.name} {it.version}' for it in all()), sep='\\n')"
    installed = dict(line.split() for line in run("python", "-c", script).splitlines())
    assert {name.lower().replace("_", "-").replace(".", "-"): version for name, version in installed.items()} == sbom()["pypi"]


def test_the_sbom_names_each_debian_package() -> None:
    listed = run("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\\n").splitlines()
    assert {line.split()[1]: line.split()[2] for line in listed if line.startswith("installed ")} == sbom()["deb"]


def test_the_sbom_names_each_jar_with_its_checksum() -> None:
    sums = run("sh", "-c", "find /weir -name '*.jar' -print0 | xargs -0 sha256sum").splitlines()
    assert {line.split()[1].rpartition("/")[2]: line.split()[0] for line in sums} == sbom()["jar"]


def test_the_locked_python_packages_have_hashes() -> None:
    document = json.loads(run("cat", "/weir/sbom.cdx.json"))
    python = [it for it in document["components"] if it["purl"].startswith("pkg:pypi/")]
    assert [it["name"] for it in python if not any(ref.get("hashes") for ref in it.get("externalReferences", ()))] == []
