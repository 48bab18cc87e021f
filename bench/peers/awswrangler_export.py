"""awswrangler's read_sql_query in chunks, as a table of pyarrow each by way of pandas, and pyarrow's writer.
usage: awswrangler_export.py URI TABLE FILE CODEC LEVEL"""
import sys
from urllib.parse import urlsplit

import awswrangler
import pg8000
import pyarrow
import pyarrow.parquet

uri, table, path, codec, level = sys.argv[1:]
address = urlsplit(uri)
connection = pg8000.connect(
    user=address.username, password=address.password, host=address.hostname, port=address.port,
    database=address.path.lstrip("/"),
)
writer = None
chunks = awswrangler.postgresql.read_sql_query(
    f"SELECT * FROM {table}", con=connection, chunksize=100_000, dtype_backend="pyarrow"
)
for chunk in chunks:
    rows = pyarrow.Table.from_pandas(chunk, schema=writer.schema if writer else None, preserve_index=False)
    if writer is None:
        writer = pyarrow.parquet.ParquetWriter(path, rows.schema, compression=codec, compression_level=int(level))
    writer.write_table(rows)
writer.close()
connection.close()
