"""ADBC's PostgreSQL driver and pyarrow: record batches are written as they arrive.
usage: adbc_export.py URI TABLE FILE CODEC LEVEL"""
import sys

import adbc_driver_postgresql.dbapi
import pyarrow.parquet

uri, table, path, codec, level = sys.argv[1:]
with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute(f"SELECT * FROM {table}")
    reader = cursor.fetch_record_batch()
    with pyarrow.parquet.ParquetWriter(path, reader.schema, compression=codec, compression_level=int(level)) as writer:
        for batch in reader:
            writer.write_batch(batch)
