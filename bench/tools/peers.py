"""The other tools that do this job. Each is told the same codec and level; other settings are its defaults, or what its
documentation says makes it fast, as `settings` says."""
from __future__ import annotations

from functools import partial
from pathlib import Path

import install
from settings import CODEC, LEVEL
from tools.model import Job, Tool

SCRIPTS = Path(__file__).resolve().parent.parent / "peers"


def pg2parquet(job: Job) -> list[str]:
    return [
        install.cargo_program("pg2parquet"), "export", "-c", job.database.uri, "-t", job.table.name, "-o", job.file,
        "--quiet", "--compression", CODEC, "--compression-level", str(LEVEL),
    ]


def odbc2parquet(job: Job) -> list[str]:
    database = job.database
    connection = (
        f"Driver={{PostgreSQL Unicode}};Server={database.host};Port={database.port};Database={database.name};"
        "Uid=bench;Pwd=bench;UseDeclareFetch=1;Fetch=10000"
    )
    return [
        install.cargo_program("odbc2parquet"), "--quiet", "query", "-c", connection, job.file,
        f"SELECT * FROM {job.table.name}", "--column-compression-default", CODEC,
        "--column-compression-level-default", str(LEVEL),
    ]


def script(job: Job, *, peer: str, split: bool = False) -> list[str]:
    """A client written in Python, bench/peers/<peer>_export.py, in the environment of that peer."""
    command = [str(install.python(peer)), str(SCRIPTS / f"{peer}_export.py"), job.database.uri, job.table.name]
    if split:
        command.append(job.table.split_column)
    return [*command, job.file, CODEC, str(LEVEL)]


def sling(job: Job) -> list[str]:
    return [
        str(install.sling_program()), "run", "--src-conn", f"{job.database.uri}?sslmode=disable",
        "--src-stream", f"public.{job.table.name}", "--tgt-object", f"file://{job.file}",
        "--tgt-options", f"{{format: parquet, compression: {CODEC}}}",
    ]


def peer(name: str, label: str, settings: str, command, environment=dict) -> Tool:
    return Tool(
        name=name, label=label, settings=settings, command=command, environment=environment,
        version=partial(install.version, name), missing=partial(install.reason, name),
    )


PEERS = [
    peer("duckdb", "DuckDB", "`COPY source.t TO` by its postgres extension, which reads ranges of pages over several "
         "connections", partial(script, peer="duckdb")),
    peer("pg2parquet", "pg2parquet", "`pg2parquet export -t`; numeric as double is its default", pg2parquet),
    peer("odbc2parquet", "odbc2parquet", "`odbc2parquet query` with psqlODBC and `UseDeclareFetch=1;Fetch=10000`, without "
         "which the driver holds the whole table", odbc2parquet),
    peer("adbc", "ADBC + pyarrow", "record batches written by `pyarrow.parquet.ParquetWriter` as they come",
         partial(script, peer="adbc")),
    peer("connectorx", "ConnectorX + pyarrow", "`read_sql(partition_on=…, partition_num=2, return_type='arrow')`, then "
         "`write_table`", partial(script, peer="connectorx", split=True)),
    peer("sling", "Sling", "`sling run`, which writes Parquet by DuckDB's command line, whose level of zstd is 3; newer "
         "versions lose rows of large tables or are in no package registry",
         sling, install.sling_environment),
    peer("awswrangler", "awswrangler", "`postgresql.read_sql_query(chunksize=100_000, dtype_backend='pyarrow')`, then "
         "`ParquetWriter`", partial(script, peer="awswrangler")),
]
