"""What tests of the console share: the plugin as it is installed, hostile texts, and a page taken apart."""

from __future__ import annotations

import importlib.metadata
import tomllib
from html.parser import HTMLParser

from weir.settings import PROJECT

PASSWORD = "for these tests"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></table><iframe src=//evil>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;",
    "\x00\x07\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe\u2066",
    "javascript:alert(1)",
    "\ud800",
]


def entry_point() -> importlib.metadata.EntryPoint:
    """As an installed Weir declares it."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["entry-points"]["airflow.plugins"]
    (point,) = [importlib.metadata.EntryPoint(name, value, "airflow.plugins") for name, value in declared.items()]
    return point


def shown(hostile: str) -> str:
    """How a page has it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in hostile)


class Elements(HTMLParser):
    """The tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.values: dict[str, str] = {}  # of the form's fields, by name
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        if tag == "input":
            field = dict(attrs)
            self.values[field.get("name") or ""] = field.get("value") or ""
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data
