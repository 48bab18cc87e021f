"""The results as a picture: a row of panels for each table, a panel for each thing measured, a bar for each tool.

Bars of one panel share a scale that begins at zero. What is far beyond the rest is cut, with a gap in the bar, and its
number says how long it would be.
"""
from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from results import Results, TableResults
from tools import TOOLS, Tool

MB = 1_000_000
INK, FAINT, GRID, OWN, OTHER, YARDSTICK = "#1f2328", "#6e7781", "#e3e6ea", "#d1500b", "#9aa7b4", "#2c5d8f"
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"
MARGIN, LABELS, PANEL, GAP, NUMBER = 24, 172, 214, 26, 52
BAR, STEP = 11, 17
TITLE, TABLE_HEAD, TABLE_FOOT = 92, 46, 26
SHORT = 0.8  # of the room: the longest bar beside bars that are cut


@dataclass(frozen=True)
class Measure:
    title: str
    unit: str
    value: Callable[[TableResults, str], float | None]
    digits: int


def file_megabytes(table: TableResults, tool: str) -> float | None:
    output = table.outputs.get(tool)
    return output["bytes"] / MB if output else None


def scaled(what: str, divisor: float) -> Callable[[TableResults, str], float | None]:
    def value(table: TableResults, tool: str) -> float | None:
        found = table.median(tool, what)
        return None if found is None else found / divisor

    return value


MEASURES = [
    Measure("wall time", "s", scaled("wall_seconds", 1), 2),
    Measure("CPU time of the client", "s", scaled("cpu_seconds", 1), 2),
    Measure("peak memory", "MB", scaled("peak_bytes", MB), 0),
    Measure("Parquet files", "MB", file_megabytes, 1),
]


def text(x: float, y: float, content: str, *, size: int = 11, anchor: str = "start", fill: str = INK, bold: bool = False) -> str:
    weight = " font-weight='bold'" if bold else ""
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{fill}'{weight}>{escape(content)}</text>"


def rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0.8):.1f}' height='{height}' fill='{fill}' rx='1.5'/>"


def full_scale(values: list[float]) -> float:
    """The value that would fill a panel: the largest, unless it and perhaps others tower over at least half of them."""
    ordered = sorted(values)
    if not ordered:
        return 1.0
    limit = 4 * ordered[len(ordered) // 2]
    shown = [value for value in ordered if value <= limit]
    return max(shown[-1] / (1 if len(shown) == len(ordered) else SHORT), 1e-9)


def said(value: float, digits: int) -> str:
    if value >= 100:
        digits = 0
    elif value >= 10:
        digits = min(digits, 1)
    return f"{value:,.{digits}f}"


def color(tool: Tool) -> str:
    return OWN if tool.family == "lakehaul" else YARDSTICK if not tool.writes else OTHER


def bar(x: float, y: float, tool: Tool, value: float, scale: float, digits: int) -> list[str]:
    room = PANEL - NUMBER
    parts = []
    if value <= scale:
        width = room * value / scale
        parts.append(rectangle(x, y, width, BAR, color(tool)))
    else:
        width = room
        parts.append(rectangle(x, y, room - 16, BAR, color(tool)))
        parts.append(rectangle(x + room - 12, y, 12, BAR, color(tool)))
    own = tool.family == "lakehaul"
    parts.append(text(x + width + 5, y + BAR - 1.5, said(value, digits), size=10, fill=INK if own else FAINT, bold=own))
    return parts


def panel(x: float, y: float, table: TableResults, tools: list[Tool], measure: Measure) -> list[str]:
    values = {tool.name: measure.value(table, tool.name) for tool in tools}
    known = [value for value in values.values() if value is not None]
    scale = full_scale(known)
    parts = [f"<line x1='{x:.1f}' y1='{y - 5:.1f}' x2='{x:.1f}' y2='{y + STEP * len(tools) - 1:.1f}' stroke='{GRID}' stroke-width='1.5'/>"]
    for index, tool in enumerate(tools):
        top, value = y + STEP * index, values[tool.name]
        if value is not None:
            parts += bar(x + 1, top, tool, value, scale, measure.digits)
        elif table.failure(tool.name):
            words = "out of time" if table.failure(tool.name).startswith("killed") else "failed"
            parts.append(text(x + 6, top + BAR - 1.5, words, size=10, fill=FAINT))
        elif tool.writes:
            parts.append(text(x + 6, top + BAR - 1.5, "–", size=10, fill=FAINT))
    return parts


def table_panels(y: float, name: str, table: TableResults, tools: list[Tool]) -> list[str]:
    parts = [f"<line x1='{MARGIN}' y1='{y:.1f}' x2='{width()}' y2='{y:.1f}' stroke='{GRID}'/>"]
    parts.append(text(MARGIN, y + 22, name, size=14, bold=True))
    parts.append(text(MARGIN, y + 38, f"{table.rows:,} × {table.columns}", size=10, fill=FAINT))
    first = y + TABLE_HEAD + 4
    for index, tool in enumerate(tools):
        # A star: the files do not hold the same values.
        star = " *" if not table.outputs.get(tool.name, {}).get("same", True) else ""
        parts.append(text(MARGIN + LABELS - 8, first + STEP * index + BAR - 1.5, tool.label + star, size=10, anchor="end",
                          bold=tool.family == "lakehaul", fill=color(tool) if tool.family == "lakehaul" else INK))
    for column, measure in enumerate(MEASURES):
        x = MARGIN + LABELS + column * (PANEL + GAP)
        parts.append(text(x, y + 28, f"{measure.title}, {measure.unit}", size=11, bold=True))
        parts += panel(x, first, table, tools, measure)
    return parts


def width() -> int:
    return MARGIN + LABELS + len(MEASURES) * (PANEL + GAP)


def legend(x: float, y: float) -> list[str]:
    parts = []
    for fill, words, room in ((OWN, "lakehaul", 90), (OTHER, "other tools", 108), (YARDSTICK, "bare COPY, rows thrown away", 0)):
        parts += [rectangle(x, y - 10, 12, 11, fill), text(x + 18, y, words)]
        x += room + 12
    return parts


def draw(results: Results) -> str:
    about, machine = results.about, results.about["machine"]
    parts = [text(MARGIN, 34, "PostgreSQL to Parquet: less is better in every panel", size=18, bold=True)]
    runs = f"medians of {about['repeat']} runs" if about["repeat"] > 1 else "one run each"
    parts.append(text(MARGIN, 54, f"{runs} · {about['codec']} · {machine['cores']} cores of "
                      f"{machine['processor']} · {about['server']} on the same machine · {about['date'][:10]}", fill=FAINT))
    parts += legend(MARGIN, 78)
    y = float(TITLE)
    starred = False
    for name, table in results.tables.items():
        tools = [tool for tool in TOOLS if tool.name in table.runs]
        parts += table_panels(y, name, table, tools)
        starred = starred or any(not output["same"] for output in table.outputs.values())
        y += TABLE_HEAD + STEP * len(tools) + TABLE_FOOT
    foot = "A bar with a gap is cut: its number says how long it would be."
    if starred:
        foot += " * The files do not hold the same values as the table."
    parts.append(text(MARGIN, y + 6, foot, size=10, fill=FAINT))
    height, full = y + 24, width() + MARGIN - GAP // 2
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{full}' height='{height:.0f}' viewBox='0 0 {full} {height:.0f}' {FONT}>\n"
        f"<rect width='100%' height='100%' fill='#ffffff'/>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def write_chart(results: Results, directory: Path) -> None:
    svg = directory / "chart.svg"
    svg.write_text(draw(results))
    if shutil.which("rsvg-convert") is None:
        print("bench: no chart.png: rsvg-convert is missing", flush=True)
        return
    subprocess.run(["rsvg-convert", "--zoom", "2", "-o", directory / "chart.png", svg], check=True)
