"""Which files of the Data Docs are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.console.docs import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Data Docs with a secret beside them, and with what must not be shown inside."""
    (tmp_path / "secret.html").write_text("secret")
    docs = tmp_path / "docs"
    (docs / "job").mkdir(parents=True)
    (docs / ".job-new").mkdir()
    for name in ("job/index.html", "job/.hidden.html", ".job-new/index.html", "job/code.js", "job/noend", "job/with space.html"):
        (docs / name).write_text("page")
    (docs / "job/link.html").symlink_to(tmp_path / "secret.html")
    (docs / "job/up").symlink_to(tmp_path)
    (docs / "circle.html").symlink_to(docs / "circle.html")
    return docs


@pytest.mark.parametrize("path", ["job/index.html", "job//index.html", "/job/index.html", "job/with space.html"])
def test_pages_are_found(folder: Path, path: str) -> None:
    found = find(str(folder), path)
    assert found is not None and found.read_text() == "page"


def test_a_folder_is_a_folder(folder: Path) -> None:
    assert find(str(folder), "job/") == folder / "job"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.html",
        "job/../../secret.html",
        "job/..\\..\\secret.html",
        "%2e%2e/secret.html",
        "job/link.html",
        "job/up/secret.html",
        "job/.hidden.html",
        ".job-new/index.html",
        "job/code.js",
        "job/noend",
        "job/index.html\0",
        "job/index.html\n",
        "job/\u202eindex.html",
        "job/none.html",
        "job/index.html/more.html",
        "/etc/passwd",
        "circle.html",
        pytest.param("x" * 5000 + ".html", id="too long"),
    ],
)
def test_nothing_else_is(folder: Path, path: str) -> None:
    assert find(str(folder), path) is None


def test_without_a_folder_there_is_nothing(folder: Path) -> None:
    assert find("", "index.html") is None
