"""Runs every tool on every table, in turns: A B C, A B C, …, so that what the machine does meanwhile hits all alike."""
from __future__ import annotations

import shutil
from pathlib import Path

import check
import measure
from database import Database, build_table, fingerprint, table_facts
from results import Results
from settings import Settings
from tables import Table
from tools import Job, Tool


def report_run(tool: Tool, table: Table, run: measure.Run, note: str) -> None:
    if run.failure:
        print(f"  {table.name:<9} {tool.label:<27} {run.failure}", flush=True)
        return
    print(
        f"  {table.name:<9} {tool.label:<27} {run.wall_seconds:8.2f} s  {run.cpu_seconds:8.2f} CPU s  "
        f"{run.peak_bytes / 1e6:7.0f} MB  {note}",
        flush=True,
    )


class Comparison:
    """Tools on one table."""

    def __init__(self, settings: Settings, database: Database, table: Table, results: Results) -> None:
        self.settings, self.database, self.table, self.results = settings, database, table, results
        build_table(database, table, settings.scale)
        self.rows, size_bytes, self.pages = table_facts(database, table.name)
        self.kept = results.table(table.name)
        self.kept.facts(table, self.rows, size_bytes)
        self.expected = check.expected_sums(
            database, table, settings.work / "expected" / settings.scale_name / f"{table.name}.json",
            fingerprint(table, settings.scale),
        )
        if self.expected.rows != self.rows:
            raise RuntimeError(f"{table.name}: {self.expected.rows} rows as CSV, {self.rows} by count(*)")

    def output(self, tool: Tool) -> Path:
        return self.settings.work / "out" / self.table.name / tool.name

    def wanted(self, tool: Tool, number: int) -> bool:
        """Whether `tool` runs in round `number`: slow ones once, those that failed never again."""
        runs = self.kept.runs.get(tool.name, [])
        if len(runs) > number or any(run.failure for run in runs):
            return False
        return number == 0 or tool.measured_always or runs[0].wall_seconds <= self.settings.slow_seconds

    def run(self, tool: Tool) -> None:
        output = self.output(tool)
        job = Job(self.database, self.table, self.pages, output)
        run = measure.run_tool(tool, job, self.settings.timeout_seconds)
        if run.failure:
            self.database.end_others()  # a query that nobody waits for would slow the next tool down
        first = tool.name not in self.kept.runs
        note = ""
        if tool.writes and first and not run.failure:
            files = measure.written_files(output)
            size_bytes = sum(path.stat().st_size for path in files)
            verdict = check.compare(self.expected, files, self.table)
            self.kept.outputs[tool.name] = {
                "bytes": size_bytes, "files": len(files), "same": verdict.same, "verdict": verdict.text,
            }
            note = f"{size_bytes / 1e6:7.1f} MB in {len(files)} file{'s'[: len(files) != 1]}, {verdict.text}"
        if not self.settings.keep:
            shutil.rmtree(output, ignore_errors=True)
        self.kept.runs.setdefault(tool.name, []).append(run)
        self.results.save()
        report_run(tool, self.table, run, note)

    def run_all(self, tools: list[Tool]) -> None:
        # Once unmeasured, so that the first tool finds the table in memory as the others do.
        self.database.run(f"SELECT count(*) FROM {self.table.name}", f"ANALYZE {self.table.name}")
        for number in range(self.settings.repeat):
            for tool in tools:
                if self.wanted(tool, number):
                    self.run(tool)


def compare_tools(settings: Settings, database: Database, tables: list[Table], tools: list[Tool], results: Results) -> None:
    for table in tables:
        print(f"{table.name}: {table.about}", flush=True)
        Comparison(settings, database, table, results).run_all(tools)
