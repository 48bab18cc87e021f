"""What lakehaul is meant to reach, and what it reached."""
from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from results import Results, TableResults
from tools import TOOLS

MB = 1_000_000
MIB = 1024 * 1024


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    value: str
    passed: bool | None  # None: not measured

    @property
    def outcome(self) -> str:
        return {True: "pass", False: "**miss**", None: "not measured"}[self.passed]


def at_most(what: str, limit: float, value: float | None, form: str = "{:.2f}") -> Target:
    if value is None:
        return Target(what, "≤ " + form.format(limit), "–", None)
    return Target(what, "≤ " + form.format(limit), form.format(value), value <= limit)


def at_least(what: str, limit: float, value: float | None) -> Target:
    wanted = f"≥ {limit:,.0f}"
    if value is None:
        return Target(what, wanted, "–", None)
    return Target(what, wanted, f"{value:,.0f}", value >= limit)


def speed_targets(results: Results) -> list[Target]:
    lineitem, taxi = results.table("lineitem"), results.table("taxi")
    return [
        at_most("lineitem, 2 streams: wall time by that of one COPY", 0.65, lineitem.paired_ratio("lakehaul-2", "psql-copy")),
        at_most("lineitem, 2 streams: … by that of two COPYs of half the table each, at once", 1.4,
                lineitem.paired_ratio("lakehaul-2", "psql-halves")),
        at_most("lineitem, 1 stream: wall time by that of one COPY", 1.1, lineitem.paired_ratio("lakehaul-1", "psql-copy")),
        at_least("taxi, 2 streams: rows per CPU second of the client", 2_000_000, taxi.rows_per_cpu_second("lakehaul-2")),
        at_least("taxi, 1 stream: …", 2_000_000, taxi.rows_per_cpu_second("lakehaul-1")),
        at_least("lineitem, 2 streams: …", 1_600_000, lineitem.rows_per_cpu_second("lakehaul-2")),
        at_least("lineitem, 1 stream: …", 1_600_000, lineitem.rows_per_cpu_second("lakehaul-1")),
    ]


def memory_growth(results: Results, tool: str) -> tuple[float | None, str]:
    """(peak with the most rows by peak with the fewest, both as text)."""
    by_rows: dict[int, list[int]] = {}
    for kept in results.memory:
        if kept.tool == tool:
            if kept.run.failure:
                return None, f"failed: {kept.run.failure}"
            by_rows.setdefault(kept.rows, []).append(kept.run.peak_bytes)
    if len(by_rows) < 2:
        return None, ""
    peaks = {rows: median(by_rows[rows]) for rows in (min(by_rows), max(by_rows))}
    said = ", ".join(f"{peak / MB:.1f} MB at {rows:,} rows" for rows, peak in peaks.items())
    small, large = peaks.values()
    return large / small, said


def memory_targets(results: Results) -> list[Target]:
    peaks = {
        name: peak for name, table in results.tables.items()
        if (peak := table.median("lakehaul-2", "peak_bytes")) is not None
    }
    targets = []
    if peaks:
        worst = max(peaks, key=lambda name: peaks[name])
        if "lineitem" in peaks:
            targets.append(at_most("lineitem, 2 streams: peak memory, MB", 128, peaks["lineitem"] / MB, "{:.0f}"))
        targets.append(at_most(f"every table, 2 streams: peak memory, MB; the most is with {worst}", 128, peaks[worst] / MB, "{:.0f}"))
    for tool, label in (("lakehaul-2", "2 streams"), ("lakehaul-64MB", "2 streams, 64 MB")):
        growth, said = memory_growth(results, tool)
        what = f"{label}: peak memory does not grow with rows" + (f": {said}" if said else "")
        targets.append(at_most(what, 1.05, growth))
    ceiling = [
        (name, table.failure("lakehaul-64MB"), table.median("lakehaul-64MB", "peak_bytes"))
        for name, table in results.tables.items() if "lakehaul-64MB" in table.runs
    ]
    if ceiling:
        failed = [name for name, failure, _ in ceiling if failure]
        peak = max((peak for *_, peak in ceiling if peak is not None), default=0)
        targets.append(Target("`--memory 64MB` succeeds with every table", "all", f"{len(ceiling) - len(failed)} of "
                              f"{len(ceiling)}" + (f", not {', '.join(failed)}" if failed else ""), not failed))
        targets.append(at_most("… and keeps to it: peak memory, MiB", 64, peak / MIB, "{:.0f}"))
    return targets


def peers_of(table: TableResults) -> list[str]:
    """The other tools that wrote the same rows."""
    others = {tool.name for tool in TOOLS if tool.family not in ("lakehaul", "psql")}
    return [tool for tool, output in table.outputs.items() if tool in others and output["same"]]


def own_of(table: TableResults) -> str | None:
    """The way lakehaul is run that is compared with the others."""
    return next((tool for tool in ("lakehaul-2", "lakehaul-1") if tool in table.outputs), None)


@dataclass(frozen=True)
class Beside:
    """lakehaul and the best of the other tools in one thing that is measured."""

    own: float
    best: float
    tool: str  # the best's label


def beside(table: TableResults, what: str) -> Beside | None:
    """Of wall_seconds, cpu_seconds, peak_bytes or "bytes", of the files."""
    own = own_of(table)
    if own is None:
        return None

    def value(tool: str) -> float | None:
        return table.outputs[tool]["bytes"] if what == "bytes" else table.median(tool, what)

    mine = value(own)
    peers = {tool: found for tool in peers_of(table) if (found := value(tool)) is not None}
    if mine is None or not peers:
        return None
    best = min(peers, key=lambda tool: peers[tool])
    return Beside(mine, peers[best], next(tool.label for tool in TOOLS if tool.name == best))


def size_targets(results: Results) -> list[Target]:
    """lakehaul's files against the smallest of those other tools' that hold the same rows."""
    targets = []
    for name, table in results.tables.items():
        sizes = beside(table, "bytes")
        if sizes is not None:
            targets.append(Target(
                f"{name}: size of the files, MB; the smallest other's are {sizes.tool}'s", f"≤ {sizes.best / MB:.2f}",
                f"{sizes.own / MB:.2f}", sizes.own <= sizes.best,
            ))
    return targets


def all_targets(results: Results) -> list[Target]:
    return speed_targets(results) + memory_targets(results) + size_targets(results)
