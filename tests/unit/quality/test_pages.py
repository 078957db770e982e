"""Data Docs that load nothing, made of real ones of Great Expectations."""

from __future__ import annotations

import re
from pathlib import Path

from weir.counts.quality.pages import address, alone, complete
from weir.counts.quality.tables import Tables
from weir.counts.quality.validate import Law, run

HOSTILE = "<script>alert(1)</script>\"'\x1b[2J\u202e"


def test_no_page_runs_or_loads_anything(tmp_path: Path) -> None:
    result = run("job", Tables([], [], [], [], [], 0), str(tmp_path))
    assert result.docs == str(tmp_path / "job/index.html")
    pages = {page: page.read_text() for page in (tmp_path / "job").rglob("*.html")}
    assert len(pages) > len({law.table for law in result.laws})  # a page of each table, and of its laws
    for page, text in pages.items():
        assert not re.search(r"<script|<link|src=\"https?:|@import", text, re.IGNORECASE), page
        assert "color-scheme" in text, page


def test_the_index_names_each_law_and_leads_to_each_table(tmp_path: Path) -> None:
    result = run("job", Tables([], [], [], [], [], 0), str(tmp_path))
    index = Path(result.docs).read_text()
    assert index.count("<tr class=") == len(result.laws) and 'class="broken"' in index
    assert f"{len(result.broken)} of {len(result.laws)} expectations failed" in index
    links = re.findall(r'href="([^"]+)"', index)
    assert len(links) == len({law.table for law in result.laws}) and all((tmp_path / "job" / link).is_file() for link in links)


def test_examples_from_the_log_are_text(tmp_path: Path) -> None:
    text = complete(tmp_path, "job", [Law("counts", HOSTILE, False, 1, 1, HOSTILE)], "now").read_text()
    assert "<script" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text and "\u202e" not in text and "\\x1b[2J" in text


def test_what_is_loaded_goes_and_the_rest_stays() -> None:
    page = '<head><SCRIPT src="https://x/y.js"></SCRIPT><link rel="stylesheet" href="https://x"/></head><p>7</p>'
    page += '<img\n src="https://x/logo.png"/><img src="../static/logo.png"/><script>\nf()\n</script ><b>8</b>'
    assert alone(page, "S") == '<head><style>S</style></head><p>7</p><img src="../static/logo.png"/><b>8</b>'


def test_the_address_has_airflows_own_path() -> None:
    assert address("http://host/airflow/", "job") == "http://host/airflow/weir/docs/job/index.html"
    assert address("", "a b") == "/weir/docs/a%20b/index.html"
