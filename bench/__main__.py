"""lakehaul and the other tools that write PostgreSQL tables as Parquet, side by side. `make bench` runs this;
bench/README.md says what it measures and what the environment may say."""
from __future__ import annotations

import signal
import subprocess
import sys

import install
from chart import write_chart
from database import started
from memory import measure_memory
from report import as_markdown, as_text
from results import Results, describe, load, program_hash
from runner import compare_tools
from settings import DOCS_DIR, Settings
from tables import TABLES
from tools import TOOLS, Tool

MODES = ("compare", "memory", "report", "install")


def chosen(names: list[str], known: dict[str, object], what: str) -> None:
    for name in names:
        if name not in known:
            sys.exit(f"bench: no {what} '{name}': {', '.join(known)}")


def chosen_tools(settings: Settings) -> list[Tool]:
    known = {tool.name: tool for tool in TOOLS} | {tool.family: tool for tool in TOOLS}
    chosen(settings.tools, known, "tool")
    return [tool for tool in TOOLS if not settings.tools or tool.name in settings.tools or tool.family in settings.tools]


def install_peers(tools: list[Tool]) -> None:
    for name in (*install.CARGO, *install.PYTHON):
        if any(tool.name == name for tool in tools):
            install.install(name)


def runnable(tools: list[Tool], results: Results) -> list[Tool]:
    results.missing = {}
    for tool in tools:
        why = tool.missing()
        if why is not None:
            results.missing[tool.label] = why
            print(f"bench: {tool.label}: {why}", flush=True)
    results.missing |= install.UNAVAILABLE
    return [tool for tool in tools if tool.missing() is None]


def begin(settings: Settings, server: str) -> Results:
    """New results, or the old ones to go on with: where they are of the same program, and either RESUME says so or only
    memory is measured. Old ones that are not gone on with are kept beside, until the next time."""
    path = settings.work / "results" / f"scale-{settings.scale_name}.json"
    about = describe(settings, server)
    kept = load(path) if path.exists() else None
    same = kept is not None and kept.about.get("program") == about["program"]
    if kept is not None and same and settings.mode == "memory":
        kept.memory = []
        return kept
    if kept is not None and same and settings.resume:
        kept.about["repeat"] = settings.repeat
        return kept
    if settings.resume:
        print("bench: nothing of this program to go on with: starting over", flush=True)
    results = Results(path, about)
    if kept is not None:
        path.replace(path.with_suffix(".before.json"))
        results.memory = kept.memory if same else []
    return results


def publish(settings: Settings, results: Results) -> None:
    """Into docs/ when every tool ran on every table at full scale, else beside the work files."""
    text = as_text(results)
    print("\n" + text, flush=True)
    directory = DOCS_DIR if settings.whole and results.about["whole"] else settings.work / "report"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "RESULTS.md").write_text(as_markdown(results))
    (directory / "results.json").write_text(results.path.read_text())
    if results.tables:
        write_chart(results, directory)
    print(f"\nbench: written to {directory}", flush=True)


def main() -> None:
    settings = Settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if settings.mode not in MODES:
        sys.exit(f"bench: no MODE '{settings.mode}': {', '.join(MODES)}")
    chosen(settings.tables, {table.name: table for table in TABLES}, "table")
    tools = chosen_tools(settings)
    if settings.mode == "report":
        publish(settings, load(settings.work / "results" / f"scale-{settings.scale_name}.json"))
        return
    if settings.install:
        install_peers(tools)
    if settings.mode == "install":
        return
    with started(settings.work, f"bench_{settings.scale_name}") as database:
        server = subprocess.check_output([database.bindir / "postgres", "--version"], encoding="utf-8")
        results = begin(settings, "PostgreSQL " + server.split()[2])
        tools = runnable(tools, results)
        results.about["versions"] = results.about.get("versions", {}) | {tool.name: tool.version() for tool in tools}
        if settings.mode == "memory":
            measure_memory(settings, database, [tool for tool in tools if tool.family == "lakehaul"], results)
        else:
            tables = [table for table in TABLES if not settings.tables or table.name in settings.tables]
            compare_tools(settings, database, tables, tools, results)
            if settings.whole:
                measure_memory(settings, database, [tool for tool in tools if tool.family == "lakehaul"], results)
        results.save()
    publish(settings, results)


if __name__ == "__main__":
    main()
