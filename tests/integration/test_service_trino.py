"""Trino reads tables of the S3 server through both metastores that other tests use it with."""
from __future__ import annotations

import io

import pyarrow
import pyarrow.parquet
import pytest
from services.aws_server import AwsServer
from services.s3_server import Bucket, S3Server
from services.trino_server import TrinoServer

pytestmark = pytest.mark.slow

ROWS = [(1, "a"), (2, "ü"), (3, None)]
FORMATS = "org.apache.hadoop.hive.ql.io.parquet"


@pytest.fixture
def location(s3_bucket: Bucket) -> str:
    """Where a Parquet file with ROWS lies."""
    file = io.BytesIO()
    ids, names = zip(*ROWS, strict=True)
    pyarrow.parquet.write_table(pyarrow.table({"id": ids, "name": names}), file)
    s3_bucket.put("orders/v1/part-00000.parquet", file.getvalue())
    return f"{s3_bucket.url}/orders/v1/"


def test_trino_reads_a_table_of_the_file_metastore(trino_server: TrinoServer, s3_server: S3Server, location: str) -> None:
    with trino_server.file_catalog(s3_server) as catalog:
        trino_server.rows("CREATE SCHEMA shop", catalog)
        trino_server.rows(
            "CREATE TABLE shop.orders (id bigint, name varchar)"
            f" WITH (external_location = '{location}', format = 'PARQUET')",
            catalog,
        )
        assert sorted(trino_server.rows("SELECT * FROM shop.orders", catalog)) == ROWS
        assert trino_server.rows("SELECT count(*), max(name) FROM orders WHERE id > 1", catalog, "shop") == [(2, "ü")]


def test_trino_reads_and_makes_tables_of_glue(
    trino_server: TrinoServer, s3_server: S3Server, s3_bucket: Bucket, aws_server: AwsServer, location: str
) -> None:
    glue = aws_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    descriptor = {
        "Location": location,
        "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}],
        "InputFormat": f"{FORMATS}.MapredParquetInputFormat",
        "OutputFormat": f"{FORMATS}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{FORMATS}.serde.ParquetHiveSerDe"},
    }
    glue.create_table(
        DatabaseName="shop",
        TableInput={"Name": "orders", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": descriptor},
    )
    with trino_server.glue_catalog(s3_server, aws_server) as catalog:
        assert sorted(trino_server.rows("SELECT * FROM shop.orders", catalog)) == ROWS
        trino_server.rows(
            f"CREATE TABLE shop.some WITH (external_location = '{s3_bucket.url}/some/', format = 'PARQUET')"
            " AS SELECT * FROM shop.orders WHERE id < 3",
            catalog,
        )
        assert sorted(trino_server.rows("SELECT * FROM shop.some", catalog)) == ROWS[:2]
    made = glue.get_table(DatabaseName="shop", Name="some")["Table"]["StorageDescriptor"]
    assert made["Location"].rstrip("/") == f"{s3_bucket.url}/some"
    (key,) = s3_bucket.keys("some/")
    assert pyarrow.parquet.read_table(io.BytesIO(s3_bucket.get(key))).num_rows == 2
