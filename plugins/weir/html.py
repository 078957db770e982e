"""Render HTML: every value is escaped, and unprintable characters are shown as escapes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from weir.output import printable


def render(template: Path, **values: Any) -> str:
    """Render a template with values. Raises UndefinedError for a missing value."""
    text: str = _environment(template.parent).get_template(template.name).render(**values)
    return text


@cache
def _environment(folder: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, finalize=_shown)


def _shown(value: Any) -> Any:
    return (
        printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
    )  # except what the template marks as safe
