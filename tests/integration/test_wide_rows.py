"""What rows of hundreds of columns cost the server, and the client."""
from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pyarrow.parquet
import support
from processes import peak_memory_bytes

WIDTH = 300
ROWS = 2000


def server_log(cluster: support.Cluster) -> str:
    home = (cluster.directory / "home").read_text().strip()
    return (Path(home) / "log").read_text(errors="replace")


def test_the_server_keeps_its_memory_from_row_to_row(cluster, database, lakehaul, tmp_path) -> None:
    """PostgreSQL takes a kilobyte a column while it sends a row. A server that gives it back to the kernel after every
    row needs several times the processor time, all of it in page faults."""
    columns = ", ".join(f"i + {index} AS c{index}" for index in range(WIDTH))
    database.execute(f"CREATE TABLE wide AS SELECT {columns} FROM generate_series(1, {ROWS}) AS i")
    name = database.value("SELECT current_database()")
    database.execute(f"ALTER DATABASE {name} SET log_statement_stats = on")
    before = len(server_log(cluster))
    lakehaul("export", database.uri, "--table", "wide", "-o", tmp_path / "wide.parquet", expect=0)
    copies = re.findall(
        r"!\t(\d+)/(\d+) \[.*page faults/reclaims.*\n(?:\t!.*\n)*.*STATEMENT:  COPY \(", server_log(cluster)[before:]
    )
    assert copies, "the server logs what each statement takes"
    assert sum(int(faults) + int(reclaims) for faults, reclaims in copies) < ROWS, "page faults, at 30 a row without that"


def test_columns_that_have_left_their_dictionary_take_the_memory_of_a_page(database, tmp_path) -> None:
    """All columns begin with a dictionary, and find in the first row group that it does not pay: 77 MB, and 94 where
    each keeps the memory of it."""
    rows = 12_000
    columns = ", ".join(f"i * {index} + random() AS c{index}" for index in range(WIDTH))
    database.execute(f"CREATE TABLE wide AS SELECT {columns} FROM generate_series(1, {rows}) AS i")
    path = tmp_path / "wide.parquet"
    command = [support.LAKEHAUL, "export", database.uri, "--table", "wide", "-o", path, "--quiet"]
    peak = 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory_bytes(process.pid))
            time.sleep(0.002)
    assert process.returncode == 0
    assert pyarrow.parquet.ParquetFile(path).metadata.num_rows == rows
    assert peak < 85e6, f"{peak / 1e6:.0f} MB"
