"""What the text of deploy/Dockerfile and .dockerignore promises. tests/image has what only a built image shows."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.conftest import PROJECT

DOCKERFILE = (PROJECT / "deploy" / "Dockerfile").read_text()
INSTRUCTIONS = [
    (match[1], match[2])
    for match in re.finditer(r"^([A-Z]+) (.*)$", re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M)), re.M)
]
RULES = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def of(name: str, instructions: list[tuple[str, str]] = INSTRUCTIONS) -> list[str]:
    return [rest for instruction, rest in instructions if instruction == name]


def final_stage() -> list[tuple[str, str]]:
    last = max(at for at, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM")
    return INSTRUCTIONS[last:]


def excluded(path: str) -> bool:
    """Docker's rule: the last line that fits the path or a folder above it decides."""
    decided = False
    for rule in RULES:
        pattern = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, str(it)) for it in (PurePosixPath(path), *PurePosixPath(path).parents)):
            decided = not rule.startswith("!")
    return decided


def copied_from_the_context() -> list[str]:
    return [source for rest in of("COPY") if "--from" not in rest for source in rest.split()[:-1]]


def test_the_base_is_an_argument_with_a_version() -> None:
    assert [rest for rest in of("ARG") if rest.startswith("BASE=")] == ["BASE=debian:bookworm-slim"]
    stages = {rest.split()[-1] for rest in of("FROM") if " AS " in rest}
    assert {rest.split()[0] for rest in of("FROM")} <= {"${BASE}", *stages}
    assert ":latest" not in DOCKERFILE


def test_it_ends_as_the_user_without_rights() -> None:
    assert of("USER", final_stage()) == ["10001:10001"]
    assert "--uid 10001 --gid 10001" in DOCKERFILE


def test_it_has_a_health_check_and_reaps_children() -> None:
    assert len(of("HEALTHCHECK", final_stage())) == 1
    assert of("ENTRYPOINT", final_stage())[0].startswith('["/usr/bin/tini"')


def test_the_final_stage_runs_nothing_and_takes_only_what_is_below_weir() -> None:
    assert of("RUN", final_stage()) == []
    sources = [source for rest in of("COPY", final_stage()) for source in rest.split()[1:-1]]
    assert all(rest.startswith("--from=build ") for rest in of("COPY", final_stage()))
    assert [source for source in sources if not source.startswith("/weir/")] == []


def test_everything_is_installed_from_a_lock_with_hashes() -> None:
    scripts = "".join((PROJECT / "deploy" / "image" / name).read_text() for name in ("dependencies.sh", "assemble.sh"))
    installs = [line for line in scripts.splitlines() if " install --quiet" in line]
    own = [line for line in installs if line.endswith(" -e .")]
    assert [line for line in installs if "--require-hashes" not in line] == own
    assert len(own) == 1
    assert "--no-deps --build-constraints requirements-build.txt" in own[0]
    assert set(re.findall(r" -r (\S+)", scripts)) == {"requirements.txt", "requirements-build.txt", "requirements-image.txt"}
    assert "jars.class_path(" in scripts, "the jars are those of jars.lock, with their checksums"


@pytest.mark.parametrize("source", copied_from_the_context())
def test_what_it_copies_exists_and_is_in_the_context(source: str) -> None:
    assert (PROJECT / source).exists()
    assert not excluded(source)


@pytest.mark.parametrize(
    "path",
    (
        ".git",
        ".venv/bin/python",
        ".weir/compose/fernet_key",
        "tests/conftest.py",
        "deploy/Dockerfile",
        "plugins/weir/__pycache__/x.pyc",
        "dags/.ruff_cache/CACHEDIR.TAG",
    ),
)
def test_what_is_no_part_of_it_stays_out_of_the_context(path: str) -> None:
    assert excluded(path)


def test_it_knows_nothing_of_a_machine() -> None:
    assert re.findall(r"https?://|SSL_CERT|PIP_CERT|PIP_INDEX|update-ca-certificates", DOCKERFILE) == []
