"""Data Docs that work everywhere, without the internet and without scripts.

Great Expectations' pages load scripts and styles from six hosts, and a script draws their index: behind a firewall it is empty, and inside
Airflow a foreign script could read the login. So we keep the pages of results without what they load, and write our own index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from weir.html import render

if TYPE_CHECKING:
    from weir.counts.quality.expectation import Law

HERE = Path(__file__).parent
LOADED = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>|<img\b[^>]*\bsrc=\"https?:[^>]*>", re.DOTALL | re.IGNORECASE)


def address(base: str, job: str) -> str:
    """Return the address of a job's Data Docs in Airflow. `base` is Airflow's own URL; without it, the address begins at the server's
    root."""
    return f"{base.rstrip('/')}/weir/docs/{quote(job)}/index.html"


def complete(folder: Path, job: str, laws: Sequence[Law], at: str) -> Path:
    """Make the pages in `folder` self-contained, write the index and return it. `at` is the time of the check."""
    style = (HERE / "docs.css").read_text()
    for page in folder.rglob("*.html"):
        page.write_text(alone(page.read_text(), style))
    index = folder / "index.html"
    index.write_text(render(HERE / "index.html", job=job, laws=laws, tables=_tables(folder, laws), at=at, style=style))
    return index


def alone(page: str, style: str) -> str:
    """Return a page that loads nothing."""
    return LOADED.sub("", page).replace("</head>", f"<style>{style}</style></head>", 1)


def _tables(folder: Path, laws: Sequence[Law]) -> Mapping[str, tuple[str, list[Law]]]:
    """Return the expectations by table, each table with the address of its page by Great Expectations."""
    found: dict[str, tuple[str, list[Law]]] = {}
    for law in laws:
        found.setdefault(law.table, (_page(folder, law.table), []))[1].append(law)
    return found


def _page(folder: Path, table: str) -> str:
    pages = sorted(folder.glob(f"validations/{table}/**/*.html"))
    return pages[-1].relative_to(folder).as_posix() if pages else ""
