"""What rows of hundreds of columns cost the server."""
from __future__ import annotations

import re
from pathlib import Path

import support

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
