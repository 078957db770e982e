"""Write docs/figures.md and its plots from the reports in docs/figures.

python bench/page.py
"""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.goals import GOALS, Goal  # noqa: E402
from bench.harness import spread  # noqa: E402

FOLDER, PAGE = PROJECT / "docs" / "figures", PROJECT / "docs" / "figures.md"
Reports = Mapping[str, Mapping[str, Any]]
HEAD = """# Figures

`make bench` measures these figures and writes this page; `make bench-peers` measures the peers. Compared programs take turns in one run
(A B B A ...). CPU is the CPU time of the whole process tree. A run is reported only if every count equals the generator's. The machine
is small and shared, so compare ratios; times show only the order of magnitude. A value is a median, with minimum and maximum in brackets.
"""


def samples(report: Mapping[str, Any], figure: str) -> Sequence[float]:
    """Return the samples of a figure or a ratio; empty if it was not measured."""
    found = report["ratios"].get(figure) or report["figures"].get(figure, {}).get("samples", [])
    return [float(each) for each in found]


def row(goal: Goal, reports: Reports) -> str:
    found = samples(reports[goal.program], goal.figure) if goal.program in reports else []
    bound = f"{'at most' if goal.at_most else 'at least'} {goal.bound:,g} {goal.unit}"
    if not found:
        return f"| {goal.what} | {bound} | not measured | {goal.why or 'not run on this machine'} |"
    verdict = "reached" if goal.reached(median(found)) else goal.why or "not reached"
    return f"| {goal.what} | {bound} | {spread(found)} | {verdict} |"


def table(name: str, report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    where = f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB"
    told = f"{report['began']}, {where}; load average before: {report['load_before']}"
    rows = [f"| {figure} | {spread(of['samples'])} | {of['unit']} |" for figure, of in report["figures"].items()]
    rows += [f"| {ratio} | {spread(found)} | times |" for ratio, found in report["ratios"].items()]
    return "\n".join([f"### {name}", "", f"{told}.", "", "| figure | value | unit |", "|---|---|---|", *rows])


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """Return a bar chart as SVG."""
    width, height, left = 720, 28 * len(values) + 44, 150
    most = max(values.values())
    parts = [f'<text x="0" y="16" font-weight="bold">{html.escape(title)}</text>']
    for n, (name, value) in enumerate(values.items()):
        top, long = 30 + 28 * n, (width - left - 120) * value / most
        colour = "#1f77b4" if name.startswith("native") else "#b0b7c3"
        parts.append(f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{top}" width="{long:.1f}" height="18" fill="{colour}"/>')
        parts.append(f'<text x="{left + long + 6:.1f}" y="{top + 14}">{value:,.3g} {html.escape(unit)}</text>')
    return _svg(width, height, parts)


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str) -> str:
    """Return a chart with logarithmic axes as SVG, one line a series."""
    from math import log10

    width, height, left, bottom = 720, 300, 70, 50
    xs = [log10(x) for points in series.values() for x, _ in points]
    ys = [log10(y) for points in series.values() for _, y in points]
    x0, x1, y0, y1 = min(xs), max(xs) or 1, min(ys), max(ys)

    def place(x: float, y: float) -> str:
        right = left + (width - left - 170) * (log10(x) - x0) / ((x1 - x0) or 1)
        return f"{right:.1f},{height - bottom - (height - bottom - 40) * (log10(y) - y0) / ((y1 - y0) or 1):.1f}"

    parts = [f'<text x="0" y="16" font-weight="bold">{html.escape(title)}</text>']
    parts.append(f'<text x="{left}" y="{height - 8}">{html.escape(across)}, {10**x0:,.3g} to {10**x1:,.3g}</text>')
    parts.append(f'<text x="0" y="34">{html.escape(up)}, {10**y0:,.3g} to {10**y1:,.3g}</text>')
    for n, (name, points) in enumerate(series.items()):
        colour = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")[n % 6]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(place(x, y) for x, y in points)}"/>')
        x, y = place(*points[-1]).split(",")
        parts.append(f'<text x="{float(x) + 6:.1f}" y="{float(y) + 4:.1f}" fill="{colour}">{html.escape(name)}</text>')
    return _svg(width, height, parts)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])


def plots(reports: Reports) -> dict[str, str]:
    """Return the plots by file name."""
    found = {}
    if "peers" in reports:
        figures = reports["peers"]["figures"]
        cpu = {
            name.removesuffix(", CPU"): median(of["samples"])
            for name, of in figures.items()
            if name.endswith(", CPU") and "warm" not in name
        }
        found["peers.svg"] = bars("CPU seconds for a million lines, start included", dict(sorted(cpu.items(), key=lambda x: x[1])), "CPU-s")
    if "growth" in reports:
        series: dict[str, list[tuple[float, float]]] = {}
        for name, of in reports["growth"]["figures"].items():
            driver, _, size = name.rpartition(" ")
            series.setdefault(driver, []).append((float(size), median(of["samples"])))
        first = {driver: min(points) for driver, points in series.items()}
        grown = {driver: [(x / first[driver][0], y / first[driver][1]) for x, y in sorted(points)] for driver, points in series.items()}
        found["growth.svg"] = lines("Cost as the input grows", grown, "times the smallest", "times the cost of the smallest")
    return found


def page(reports: Reports) -> str:
    """Return docs/figures.md."""
    goals = ["## Goals", "", "| what | goal | measured | verdict |", "|---|---|---|---|", *(row(goal, reports) for goal in GOALS)]
    pictures = [f"![{name.removesuffix('.svg')}](figures/{name})" for name in plots(reports)]
    tables = [table(name, report) for name, report in sorted(reports.items())]
    return "\n\n".join([HEAD.strip(), "\n".join(goals), *pictures, "## All figures", *tables]) + "\n"


def main() -> None:
    reports = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
    for name, picture in plots(reports).items():
        (FOLDER / name).write_text(picture)
    PAGE.write_text(page(reports))


if __name__ == "__main__":
    main()
