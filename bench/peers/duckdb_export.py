"""DuckDB's postgres extension, which reads ranges of pages over several connections.
usage: duckdb_export.py URI TABLE FILE CODEC LEVEL"""
import sys
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner

uri, table, path, codec, level = sys.argv[1:]
extension = next(Path(duckdb_extension_postgres_scanner.__file__).parent.rglob("*.duckdb_extension"))
with duckdb.connect(config={"allow_unsigned_extensions": True}) as connection:
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"ATTACH '{uri}' AS source (TYPE postgres, READ_ONLY)")
    connection.execute(
        f"COPY source.public.{table} TO '{path}' (FORMAT parquet, COMPRESSION {codec}, COMPRESSION_LEVEL {level})"
    )
