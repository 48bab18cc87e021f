"""The results as text: one table for the terminal and for docs/bench/RESULTS.md."""
from __future__ import annotations

from results import Results, TableResults
from targets import all_targets, beside, own_of
from tools import TOOLS, Tool

MB = 1_000_000
BUSY = 0.2  # cores at work before the first tool runs
HEADINGS = ["table", "tool", "wall s", "CPU s", "peak MB", "file MB", "rows / CPU s", "runs", "rows compared"]


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def table_row(name: str, table: TableResults, tool: Tool) -> list[str]:
    failure = table.failure(tool.name)
    if failure:
        return [name, tool.label, "–", "–", "–", "–", "–", "–", failure]
    peak = table.median(tool.name, "peak_bytes")
    output = table.outputs.get(tool.name)
    said = ""
    if output is not None:
        said = output["verdict"] if output["same"] else f"DIFFERS: {output['verdict']}"
    return [
        name,
        tool.label,
        number(table.median(tool.name, "wall_seconds")),
        number(table.median(tool.name, "cpu_seconds")),
        number(None if peak is None else peak / MB, 0),
        number(None if output is None else output["bytes"] / MB, 1),
        number(table.rows_per_cpu_second(tool.name), 0),
        str(len(table.runs[tool.name])),
        said,
    ]


def table_rows(results: Results) -> list[list[str]]:
    return [
        table_row(name, table, tool) for name, table in results.tables.items() for tool in TOOLS if tool.name in table.runs
    ]


def plain(headings: list[str], rows: list[list[str]], left: set[int]) -> str:
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    lines = []
    for row in [headings, *rows]:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown(headings: list[str], rows: list[list[str]], left: set[int]) -> str:
    rule = ["---" if column in left else "---:" for column in range(len(headings))]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in [headings, rule, *rows])


def target_rows(results: Results) -> list[list[str]]:
    return [[target.what, target.wanted, target.value, target.outcome] for target in all_targets(results)]


BESIDE = {"wall time": "wall_seconds", "CPU time": "cpu_seconds", "peak memory": "peak_bytes", "files": "bytes"}


def beside_rows(results: Results) -> list[list[str]]:
    """By how much the best other tool takes more than lakehaul, in each thing; below 1 it takes less."""
    rows = []
    for name, table in results.tables.items():
        if own_of(table) is None:
            continue
        found = [beside(table, what) for what in BESIDE.values()]
        rows.append([name, *(f"{one.best / one.own:.2f} × ({one.tool})" if one else "–" for one in found)])
    return rows


def as_text(results: Results) -> str:
    parts = []
    if results.tables:
        parts.append(plain(HEADINGS, table_rows(results), {0, 1, 8}))
    if any(own_of(table) for table in results.tables.values()):
        parts.append("the best other tool / lakehaul\n" + plain(["table", *BESIDE], beside_rows(results), set(range(5))))
    rows = [[cell.replace("*", "").replace("`", "") for cell in row] for row in target_rows(results)]
    parts.append(plain(["target", "wanted", "reached", ""], rows, {0, 3}))
    if results.missing:
        parts.append("\n".join(f"{name}: {why}" for name, why in results.missing.items()))
    return "\n\n".join(parts)


def heading(results: Results) -> str:
    about, machine = results.about, results.about["machine"]
    busy = ""
    if about["busy_cores"] > BUSY:
        busy = f"\n**Other work ran on the machine**, on {about['busy_cores']:.1f} cores as it began: times are too long.\n"
    runs = "One run of each tool"
    if about["repeat"] > 1:
        runs = f"Medians of {about['repeat']} runs, in turns; tools that take longer than {about['slow_seconds']:g} seconds run once"
    return f"""# Benchmark

{about["date"]}, lakehaul at {about["commit"]}. {machine["processor"]}, {machine["cores"]} cores,
{machine["memory_bytes"] / 2**30:.0f} GiB of memory, {machine["system"]}. {about["server"]}, on the same machine as the
clients: what a client takes, the server lacks. {runs}. Written by `make bench`; [bench/README.md](../../bench/README.md) says how it is measured,
[results.json](results.json) has every run.
{busy}
![wall time, CPU time, memory and file size of every tool on every table](chart.svg)
"""


def tables_about(results: Results) -> str:
    rows = [
        [name, f"{table.rows:,}", str(table.columns), f"{table.table_bytes / MB:,.0f}", table.about]
        for name, table in results.tables.items()
    ]
    return markdown(["table", "rows", "columns", "MB in PostgreSQL", "what"], rows, {0, 4})


def tools_about(results: Results) -> str:
    ran = {name for table in results.tables.values() for name in table.runs}
    rows = [[tool.label, results.about["versions"].get(tool.name, ""), tool.settings] for tool in TOOLS if tool.name in ran]
    return markdown(["tool", "version", "how it is run"], rows, {0, 1, 2})


def as_markdown(results: Results) -> str:
    parts = [
        heading(results),
        "## Targets\n\nRatios of wall times are medians of ratios within a round.\n",
        markdown(["target", "wanted", "reached", ""], target_rows(results), {0, 3}),
        "\n## Beside the best other tool\n\nWhat the best other tool takes, as a multiple of what lakehaul takes with two "
        "streams; the best in one column need not be the best in the next. Tools that wrote other values do not count.\n",
        markdown(["table", *BESIDE], beside_rows(results), set(range(5))),
        "\n## All results\n\nMemory and files in MB of 1,000,000 bytes; CPU time is the client's. *Exact*: all rows, with "
        "the types that the table has.\n",
        markdown(HEADINGS, table_rows(results), {0, 1, 8}),
        "\n## Tables\n",
        tables_about(results),
        "\n## Tools\n",
        tools_about(results),
    ]
    if results.missing:
        missing = markdown(["tool", "why it was not run"], [[name, why] for name, why in results.missing.items()], {0, 1})
        parts += ["\n## Not run\n", missing]
    return "\n".join(parts) + "\n"
