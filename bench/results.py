"""What was measured: kept in one JSON file while it grows, so that a run that was stopped can go on."""
from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from measure import Run
from settings import CODEC, LAKEHAUL, LEVEL, ROOT, Settings
from tables import Table


@dataclass
class TableResults:
    about: str = ""
    rows: int = 0
    columns: int = 0
    table_bytes: int = 0
    runs: dict[str, list[Run]] = field(default_factory=dict)  # by the tool's name
    outputs: dict[str, dict] = field(default_factory=dict)

    def facts(self, table: Table, rows: int, size_bytes: int) -> None:
        self.about, self.rows, self.columns, self.table_bytes = table.about, rows, len(table.columns), size_bytes

    def failure(self, tool: str) -> str:
        return next((run.failure for run in self.runs.get(tool, []) if run.failure), "")

    def median(self, tool: str, what: str) -> float | None:
        """Of wall_seconds, cpu_seconds or peak_bytes; None where it did not run to its end."""
        runs = self.runs.get(tool, [])
        if not runs or self.failure(tool):
            return None
        return median(getattr(run, what) for run in runs)

    def rows_per_cpu_second(self, tool: str) -> float | None:
        seconds = self.median(tool, "cpu_seconds")
        return self.rows / seconds if seconds else None

    def paired_ratio(self, tool: str, other: str) -> float | None:
        """The median over rounds of the wall time of `tool` by that of `other` in the same round."""
        if self.failure(tool) or self.failure(other):
            return None
        pairs = list(zip(self.runs.get(tool, []), self.runs.get(other, []), strict=False))
        return median(one.wall_seconds / two.wall_seconds for one, two in pairs) if pairs else None


@dataclass
class MemoryRun:
    tool: str
    rows: int
    run: Run


@dataclass
class Results:
    path: Path
    about: dict = field(default_factory=dict)
    tables: dict[str, TableResults] = field(default_factory=dict)
    memory: list[MemoryRun] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # tools that did not run at all, and why

    def table(self, name: str) -> TableResults:
        return self.tables.setdefault(name, TableResults())

    def as_json(self) -> dict:
        return {
            "about": self.about,
            "missing": self.missing,
            "tables": {
                name: {
                    "about": table.about, "rows": table.rows, "columns": table.columns, "table_bytes": table.table_bytes,
                    "runs": {tool: [run.as_json() for run in runs] for tool, runs in table.runs.items()},
                    "outputs": table.outputs,
                }
                for name, table in self.tables.items()
            },
            "memory": [{"tool": kept.tool, "rows": kept.rows, "run": kept.run.as_json()} for kept in self.memory],
        }

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.as_json(), indent=1) + "\n")
        new.replace(self.path)


def load(path: Path) -> Results:
    kept = json.loads(path.read_text())
    results = Results(path, kept["about"], missing=kept["missing"])
    for name, table in kept["tables"].items():
        runs = {tool: [Run(**run) for run in runs] for tool, runs in table["runs"].items()}
        results.tables[name] = TableResults(
            table["about"], table["rows"], table["columns"], table["table_bytes"], runs, table["outputs"]
        )
    results.memory = [MemoryRun(kept["tool"], kept["rows"], Run(**kept["run"])) for kept in kept["memory"]]
    return results


def first_match(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1].strip() if found else ""


def program_hash() -> str:
    return hashlib.sha256(LAKEHAUL.read_bytes()).hexdigest()[:16] if LAKEHAUL.exists() else ""


def describe_machine() -> dict:
    memory_kib = int(first_match(r"^MemTotal:\s+(\d+)", "/proc/meminfo") or 0)
    return {
        "processor": first_match(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": memory_kib * 1024,
        "system": first_match(r'^PRETTY_NAME="?([^"\n]+)', "/etc/os-release") + f", Linux {platform.release()}",
    }


def busy_cores(seconds: float = 2.0) -> float:
    """How many cores are at work just now, without this process, which sleeps."""

    def times() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all, and idle or waiting for a disk

    all_before, idle_before = times()
    time.sleep(seconds)
    all_after, idle_after = times()
    passed = max(all_after - all_before, 1)
    return (os.cpu_count() or 1) * (1 - (idle_after - idle_before) / passed)


def describe(settings: Settings, server: str) -> dict:
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, encoding="utf-8", check=False
    )
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe_machine(),
        "server": server,
        "commit": commit.stdout.strip(),
        "program": program_hash(),
        "codec": f"{CODEC}({LEVEL})",
        "busy_cores": round(busy_cores(), 2),  # with other things, as it began
        "scale": settings.scale,
        "repeat": settings.repeat,
        "slow_seconds": settings.slow_seconds,
        "whole": settings.mode == "compare" and settings.whole,
    }
