"""A real Trino over a lake on S3 whose tables are in Glue: queries and SQL tasks, against DuckDB over the same files."""
from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
import yaml
from services.aws_server import AwsServer
from services.environment import aws_env
from services.s3_server import Bucket, S3Server
from services.trino_server import TrinoServer

pytestmark = pytest.mark.slow

SHOP = support.ROOT / "examples" / "shop"
FEWER_ROWS = """
DELETE FROM currencies WHERE type_id > 20000;
DELETE FROM orders WHERE id > 20000;
"""
# The example's task in Trino's words: it groups by no ALL, and what Glue calls a timestamp has no zone.
REVENUE = """
SELECT CAST(date_trunc('month', created_at) AS DATE) AS month, country, count(*) AS orders,
       count(DISTINCT user_id) AS customers, sum(amount_usd) AS revenue_usd, max(amount_usd) AS largest_usd
FROM combined_orders
GROUP BY 1, 2
"""


class Lake:
    def __init__(self, project: support.Project, bucket: Bucket, trino: TrinoServer, catalog: str) -> None:
        self.project, self.bucket, self.trino, self.catalog = project, bucket, trino, catalog

    def query(self, engine: str, sql: str, *options: str, **more: object) -> str:
        return self.project.lakehaul("query", "--engine", engine, *options, sql, **{"expect": 0, **more}).stdout

    def rows(self, engine: str, sql: str) -> list[dict]:
        return json.loads(self.query(engine, sql, "--format", "json"))

    def pointer(self, table: str) -> dict:
        return json.loads(self.bucket.get(f"lake/_lakehaul/tables/{table}.json"))

    def tables(self) -> set[str]:
        return {name for (name,) in self.trino.rows("SHOW TABLES", self.catalog, "shop")}


@pytest.fixture(scope="module")
def lake(
    module_database: support.Database,
    trino_server: TrinoServer,
    s3_server: S3Server,
    aws_session_server: AwsServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lake]:
    """The shop example, but for its smaller number of orders: combined_orders and revenue_by_country both as they are
    and, with _trino behind their names, made by Trino."""
    directory = tmp_path_factory.mktemp("shop")
    module_database.psql("-f", SHOP / "schema.sql", "-f", SHOP / "data.sql", "-c", FEWER_ROWS)
    aws_session_server.reset()
    with s3_server.new_bucket() as bucket, trino_server.glue_catalog(s3_server, aws_session_server) as catalog:
        document = yaml.safe_load((SHOP / "lakehaul.yaml").read_text())
        document |= {
            "lake": f"{bucket.url}/lake", "catalog": "glue", "glue": {"database": "shop"},
            "trino": {"url": trino_server.url, "catalog": catalog},
        }
        document["tasks"] |= {
            "combined_orders_trino": {"sql": "tasks/combined_orders.sql", "engine": "trino"},
            "revenue_trino": {"sql": "tasks/revenue_trino.sql", "engine": "trino"},
            "nobody": {"sql": "tasks/nobody.sql", "engine": "trino"},
        }
        (directory / "tasks").mkdir()
        for path in (SHOP / "tasks").glob("*.sql"):
            (directory / "tasks" / path.name).write_text(path.read_text())
        (directory / "tasks" / "revenue_trino.sql").write_text(REVENUE)
        (directory / "tasks" / "nobody.sql").write_text("SELECT id, email, created_at FROM users WHERE id < 0")
        (directory / "lakehaul.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        env = aws_env(directory / "home") | s3_server.env() | aws_session_server.env()
        project = support.Project(directory, env={**env, "DATABASE_URL": module_database.uri})
        assert "warning" not in project.run().stderr
        yield Lake(project, bucket, trino_server, catalog)


def as_in_glue(rows: list[dict]) -> list[dict]:
    """Glue has one kind of timestamp, which says nothing of zones, and no JSON, which is text there."""

    def plain(name: str, value: object) -> object:
        if name.endswith("_at") and value is not None:
            return str(value).removesuffix("Z")
        return json.loads(value) if name in ("preferences", "attributes") and isinstance(value, str) else value

    return [{name: plain(name, value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("table", ["users", "products", "orders", "currencies", "taxes", "recent_orders", "combined_orders"])
def test_a_query_through_trino_returns_the_rows_of_duckdb(lake: Lake, table: str) -> None:
    order = {"taxes": "country", "combined_orders": "order_id", "products": "sku"}.get(table, "id")
    sql = f"SELECT * FROM {table} ORDER BY {order} LIMIT 3000"
    there, here = lake.rows("trino", sql), lake.rows("duckdb", sql)
    assert len(here) > 0
    assert as_in_glue(there) == as_in_glue(here)


def test_counts_and_sums_agree(lake: Lake) -> None:
    sql = "SELECT count(*) AS n, sum(amount) AS total, min(created_at) AS first_at, max(created_at) AS last_at FROM orders"
    assert as_in_glue(lake.rows("trino", sql)) == as_in_glue(lake.rows("duckdb", sql))


def test_a_task_on_trino_makes_the_table_that_it_makes_here(lake: Lake) -> None:
    there = lake.rows("duckdb", "SELECT * FROM combined_orders_trino ORDER BY order_id")
    here = lake.rows("duckdb", "SELECT * FROM combined_orders ORDER BY order_id")
    assert len(here) > 5000
    # Trino and DuckDB give products of decimals other numbers of digits; the values are the same.
    exact = "SELECT order_id, CAST(amount_usd AS DECIMAL(24, 2)) AS usd, CAST(amount_with_tax AS DECIMAL(27, 6)) AS tax, conversion_rate, country, user_email FROM {} ORDER BY 1"
    assert lake.rows("duckdb", exact.format("combined_orders_trino")) == lake.rows("duckdb", exact.format("combined_orders"))
    assert [row["created_at"].removesuffix("Z") for row in there] == [row["created_at"].removesuffix("Z") for row in here]


def test_a_task_on_trino_reads_what_another_has_made_in_the_run(lake: Lake) -> None:
    order = "ORDER BY month, country NULLS LAST"
    columns = "month, country, orders, customers, CAST(revenue_usd AS DECIMAL(38, 2)) AS usd, CAST(largest_usd AS DECIMAL(24, 2)) AS most"
    there = lake.rows("duckdb", f"SELECT {columns} FROM revenue_trino {order}")
    assert there == lake.rows("duckdb", f"SELECT {columns} FROM revenue_by_country {order}")
    assert lake.pointer("revenue_trino")["source"] == "sql tasks/revenue_trino.sql on trino"


def test_what_trino_made_is_published_and_nothing_else_stays(lake: Lake) -> None:
    pointer = lake.pointer("combined_orders_trino")
    assert sum(file["rows"] for file in pointer["files"]) == pointer["rows"] > 0
    assert all(file["key"].startswith(f"combined_orders_trino/{pointer['version']}/") for file in pointer["files"])
    tasks = yaml.safe_load(lake.project.path.read_text())["tasks"]
    assert lake.tables() == set(tasks), "the tables that Trino made on the way are dropped"
    assert lake.rows("trino", "SELECT count(*) AS n FROM combined_orders_trino") == [{"n": pointer["rows"]}]


def test_a_table_without_rows_has_its_columns(lake: Lake) -> None:
    assert lake.query("trino", "SELECT * FROM nobody", "--format", "csv") == "id,email,created_at\n"
    assert lake.query("duckdb", "SELECT * FROM nobody", "--format", "csv") == "id,email,created_at\n"


def test_files_are_compressed_as_the_project_says(lake: Lake) -> None:
    (lake.project.directory / "file").write_bytes(
        lake.bucket.get(f"lake/{lake.pointer('combined_orders_trino')['files'][0]['key']}")
    )
    shown = json.loads(support.run_lakehaul("inspect", "--json", lake.project.directory / "file", expect=0).stdout)
    assert {column["codec"].upper() for group in shown["row_groups"] for column in group["columns"]} == {"ZSTD"}


def test_types_of_trino_come_as_those_of_duckdb(lake: Lake) -> None:
    """Over values rather than tables: most of these types no lake table can have in Glue."""
    values = [
        ("true", "true"), ("TINYINT '-128'", "(-128)::TINYINT"), ("BIGINT '9007199254740993'", "9007199254740993"),
        ("REAL '0.1'", "0.1::FLOAT"), ("1e300", "1e300::DOUBLE"), ("nan()", "'nan'::DOUBLE"),
        ("-infinity()", "'-inf'::DOUBLE"), ("DECIMAL '-1234567890.10'", "(-1234567890.10)::DECIMAL(12,2)"),
        ("CAST('grüße' AS VARCHAR(20))", "'grüße'"), ("CAST('ab' AS CHAR(3))", "'ab '"),
        ("X'00FF6869'", "'\\x00\\xFFhi'::BLOB"), ("DATE '2024-02-29'", "'2024-02-29'::DATE"),
        ("TIME '23:59:59.123456'", "'23:59:59.123456'::TIME"),
        ("TIMESTAMP '1969-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.999999'::TIMESTAMP"),
        ("TIMESTAMP '2024-02-29 23:59:59.123456 UTC'", "'2024-02-29 23:59:59.123456+00'::TIMESTAMPTZ"),
        ("TIMESTAMP '2024-02-29 23:59:59.123 +01:30'", "'2024-02-29 23:59:59.123+01:30'::TIMESTAMPTZ"),
        ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "'12151fd2-7586-11e9-8f9e-2a86e4085a59'::UUID"),
        ("ARRAY[1, NULL, 3]", "[1, NULL, 3]"), ("MAP(ARRAY[7], ARRAY['x'])", "MAP {7: 'x'}"),
        ("CAST(ROW(1, DATE '2024-01-01') AS ROW(a BIGINT, b DATE))", "{'a': 1::BIGINT, 'b': '2024-01-01'::DATE}"),
        ("CAST(NULL AS DECIMAL(38,10))", "NULL::DECIMAL(38,10)"), ("NULL", "NULL::VARCHAR"),
    ]
    there = "SELECT " + ", ".join(f"{value} AS c{index}" for index, (value, _) in enumerate(values))
    here = "SELECT " + ", ".join(f"{value} AS c{index}" for index, (_, value) in enumerate(values))
    for format in ("json", "csv", "table"):
        assert lake.query("trino", there, "--format", format) == lake.query("duckdb", here, "--format", format)


def test_errors_tell_the_place(lake: Lake) -> None:
    stderr = lake.project.lakehaul("query", "--engine", "trino", "SELECT id,\n  amout FROM orders", expect=1).stderr
    assert "lakehaul: line 2, column 3: Column 'amout' cannot be resolved (Trino: COLUMN_NOT_FOUND, query 20" in stderr
    stderr = lake.project.lakehaul("query", "--engine", "trino", "SELECT * FROM ordres", expect=1).stderr
    assert "TABLE_NOT_FOUND" in stderr and "SHOW TABLES lists those of" in stderr


def test_what_was_read_is_told(lake: Lake) -> None:
    stderr = lake.project.lakehaul("query", "--engine", "trino", "SELECT sum(amount) AS s FROM orders", expect=0).stderr
    assert stderr.startswith("Trino: ") and " read, " in stderr and "0 B read" not in stderr


def test_an_interrupt_ends_the_query_on_the_server(lake: Lake) -> None:
    sql = "SELECT count(*) AS interrupted_by_a_test FROM orders a CROSS JOIN orders b CROSS JOIN orders c"
    process = support.start_lakehaul(
        "query", "--project", lake.project.path, "--engine", "trino", sql, env=lake.project.env
    )
    state = f"SELECT state, error_code FROM system.runtime.queries WHERE query = '{sql}'"
    wait_for(lambda: lake.trino.rows(state)[:1] == [("RUNNING", None)])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    wait_for(lambda: lake.trino.rows(state) == [("FAILED", "USER_CANCELED")])


def test_a_task_that_fails_on_trino_leaves_nothing(lake: Lake, tmp_path: Path) -> None:
    document = yaml.safe_load(lake.project.path.read_text())
    document["tasks"]["broken"] = {"sql": "broken.sql", "engine": "trino"}
    (tmp_path / "lakehaul.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "broken.sql").write_text("SELECT id,\n       1 / (id - id) AS n FROM orders")
    (tmp_path / "tasks").symlink_to(lake.project.directory / "tasks")
    broken = support.Project(tmp_path, env=lake.project.env)
    before = lake.tables()
    stderr = broken.run("broken", "--only", expect=1).stderr
    assert "broken.sql: Division by zero (Trino: DIVISION_BY_ZERO" in stderr
    assert lake.bucket.keys("lake/broken/") == [] and lake.tables() == before


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
