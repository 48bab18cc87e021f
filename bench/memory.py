"""Whether memory grows with the table: the same lineitem rows as a small and as a large table, read by lakehaul."""
from __future__ import annotations

import shutil

import measure
from database import Database, build_table, fingerprint, table_facts
from results import MemoryRun, Results
from settings import Settings
from tables import Table
from tables.lineitem import LINEITEM
from tools import Job, Tool

ROWS = (1_000_000, 20_000_000)
REPEAT = 2  # memory hardly varies


def sized_table(rows: int) -> Table:
    return Table(f"lineitem_{rows}", f"{rows:,} rows of lineitem", rows, LINEITEM.columns, "", LINEITEM.split_column)


def build_sized(database: Database, table: Table, source_fingerprint: str) -> None:
    """`table.rows` rows, copied from lineitem as often as it takes."""
    wanted = f"{source_fingerprint} {table.rows}"
    if database.run(f"SELECT fingerprint FROM bench_built WHERE name = '{table.name}'") == wanted:
        return
    print(f"bench: building {table.name}", flush=True)
    have = int(database.run(f"SELECT count(*) FROM {LINEITEM.name}"))
    database.run(f"DELETE FROM bench_built WHERE name = '{table.name}'", f"DROP TABLE IF EXISTS {table.name}", table.ddl())
    missing = table.rows
    while missing > 0:
        database.run(f"INSERT INTO {table.name} SELECT * FROM {LINEITEM.name} LIMIT {min(missing, have)}")
        missing -= have
    database.run(f"VACUUM (FREEZE, ANALYZE) {table.name}", f"INSERT INTO bench_built VALUES ('{table.name}', '{wanted}')")


def measure_memory(settings: Settings, database: Database, tools: list[Tool], results: Results) -> None:
    build_table(database, LINEITEM, settings.scale)
    tables = [sized_table(round(rows * settings.scale)) for rows in ROWS]
    for table in tables:
        build_sized(database, table, fingerprint(LINEITEM, settings.scale))
    for _ in range(min(settings.repeat, REPEAT)):
        for table in tables:
            for tool in tools:
                job = Job(database, table, table_facts(database, table.name)[2], settings.work / "out" / table.name)
                run = measure.run_tool(tool, job, settings.timeout_seconds)
                shutil.rmtree(job.output, ignore_errors=True)
                results.memory.append(MemoryRun(tool.name, table.rows, run))
                results.save()
                said = run.failure or f"{run.peak_bytes / 1e6:6.1f} MB  {run.wall_seconds:6.2f} s"
                print(f"  {table.rows:>11,} rows  {tool.label:<27} {said}", flush=True)
