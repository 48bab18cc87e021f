"""ConnectorX and pyarrow: the table split over two connections by a column, the way its documentation makes it fast.
usage: connectorx_export.py URI TABLE COLUMN FILE CODEC LEVEL"""
import sys

import connectorx
import pyarrow.parquet

uri, table, column, path, codec, level = sys.argv[1:]
rows = connectorx.read_sql(uri, f"SELECT * FROM {table}", partition_on=column, partition_num=2, return_type="arrow")
pyarrow.parquet.write_table(rows, path, compression=codec, compression_level=int(level))
