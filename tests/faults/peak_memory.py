#!/usr/bin/env python3
"""Prints the peak memory of exporting a table of 16 columns like TPC-H's lineitem, at several numbers of rows.

usage: peak_memory.py [ROWS…]      default: 1500000 6000000

The program is that of LAKEHAUL_BUILD_DIR (default: build/dev); the database is a private cluster, removed at the end.
Exit status 1 where a worker took more than 128 MB, or where peaks of tables with whole row groups of both its
connections (524,288 rows) differ by more than a twentieth. Smaller tables take less: the pages of the open row group are in memory.
"""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg  # noqa: E402
import support  # noqa: E402
from processes import peak_memory_bytes, running  # noqa: E402

MOST_BYTES = 128 * 2**20
# One of each connection.
ROW_GROUP_ROWS = 2 * 2**18
# Values as dbgen makes them: their ranges, their numbers of distinct values, and texts of some 27 characters.
LINEITEM_SQL = """
CREATE UNLOGGED TABLE {table} (
  l_orderkey bigint NOT NULL, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int NOT NULL,
  l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL,
  l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL,
  l_commitdate date NOT NULL, l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL,
  l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL);
INSERT INTO {table}
SELECT i / 4 * 8 + i % 4, h % 200000 + 1, h % 10000 + 1, i % 7 + 1, h % 50 + 1,
       ((h % 50 + 1) * (90000 + h % 100000) / 100.0), h % 11 / 100.0, h % 9 / 100.0, (ARRAY['A', 'N', 'R'])[h % 3 + 1],
       (ARRAY['F', 'O'])[h % 2 + 1],
       '1992-01-02'::date + (h % 2525)::int, '1992-01-31'::date + (h % 2465)::int, '1992-01-04'::date + (h % 2553)::int,
       (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[h % 4 + 1],
       (ARRAY['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[h % 7 + 1],
       substr('carefully final deposits sleep furiously regular accounts across the ironic packages', (h % 40 + 1)::int,
              (10 + h % 25)::int) || to_hex(h)
FROM (SELECT i, abs(hashint8(i)::bigint) AS h FROM generate_series(1, {rows}) AS i) AS numbers;
"""


def peak_of_export(table: str, project: support.Project, *args: str) -> int:
    """Most bytes that the worker held which exports `table`, as the kernel counts."""
    peak = 0
    with running(project, table, *args) as run:
        worker = run.worker(table)
        while run.process.poll() is None:
            peak = max(peak, peak_memory_bytes(worker))
            time.sleep(0.005)
        run.finish()
    return peak


def measure(uri: str, directory: Path, rows: int) -> tuple[int, float, int]:
    """Peak of the worker, seconds, bytes in the lake."""
    table = f"lineitem_{rows}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(LINEITEM_SQL.format(table=table, rows=rows))
    project = support.Project(directory)
    tasks = f"tasks: {{{table}: {{table: {table}}}}}"
    project.path.write_text(f'project: memory\nsource: "{uri}"\nlake: ./lake\n{tasks}\n')
    begun = time.monotonic()
    peak = peak_of_export(table, project)
    seconds = time.monotonic() - begun
    return peak, seconds, support.lake_pointer(project.lake, table)["bytes"]


def main() -> int:
    sizes = [int(argument) for argument in sys.argv[1:]] or [1_500_000, 6_000_000]
    peaks: dict[int, int] = {}
    print(f"{'rows':>12}  {'peak of worker':>14}  {'seconds':>8}  {'file':>10}")
    with tempfile.TemporaryDirectory(prefix="lakehaul-memory-") as name:
        cluster = Path(name) / "cluster"
        Path(name).chmod(0o755)
        started = subprocess.run(
            [support.CLUSTER_SCRIPT, "start", cluster], stdout=subprocess.PIPE, encoding="utf-8", check=True
        )
        try:
            for rows in sizes:
                peak, seconds, size = measure(started.stdout.strip(), Path(name), rows)
                peaks[rows] = peak
                print(f"{rows:>12,}  {peak / 2**20:>11.1f} MB  {seconds:>8.1f}  {size / 2**20:>7.1f} MB", flush=True)
        finally:
            subprocess.run([support.CLUSTER_SCRIPT, "remove", cluster], check=True)
    of_whole_row_groups = [peak for rows, peak in peaks.items() if rows >= ROW_GROUP_ROWS] or [0]
    if max(peaks.values()) > MOST_BYTES or max(of_whole_row_groups) > 1.05 * min(of_whole_row_groups):
        print(f"more than {MOST_BYTES / 2**20:.0f} MB, or peaks that follow the number of rows", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
