"""The shop example end to end: the lake's combined_orders equals the same join computed by PostgreSQL."""
from decimal import Decimal

import pyarrow
import pytest
from support import ROOT, Project, arrow_rows, assert_same_rows, lake_pointer, read_lake_duckdb, read_lake_pyarrow

SHOP = ROOT / "examples" / "shop"
COLUMNS = (
    "order_id, user_id, country, currency, conversion_rate, user_email, amount, amount_usd, amount_with_tax, created_at"
)

# PostgreSQL's own numeric arithmetic, written apart from the example's SQL.
EXPECTED_SQL = """
SELECT orders.id, users.id, users.country,
       CASE WHEN paid.currency IS NULL THEN 'USD' ELSE paid.currency END,
       CASE WHEN paid.conversion_rate IS NULL THEN 1.0 ELSE paid.conversion_rate END,
       users.email, orders.amount,
       round(CASE WHEN paid.id IS NULL THEN orders.amount ELSE orders.amount * paid.conversion_rate END, 2),
       orders.amount + orders.amount * coalesce(taxes.rate, 0),
       orders.created_at
FROM orders
JOIN users ON orders.user_id = users.id
LEFT JOIN (SELECT * FROM currencies WHERE type = 'Order') AS paid ON paid.type_id = orders.id
LEFT JOIN taxes USING (country)
WHERE orders.status = 'active'
ORDER BY orders.id
"""

REVENUE_SQL = f"""
WITH combined (id, user_id, country, currency, rate, email, amount, usd, with_tax, created_at) AS ({EXPECTED_SQL})
SELECT date_trunc('month', created_at AT TIME ZONE 'UTC')::date, country, count(*), count(DISTINCT user_id),
       sum(usd), max(usd)
FROM combined GROUP BY 1, 2
"""

# What the example's data does not have: halves below zero, products with as many digits as the types allow, a rate
# for the wrong type, an order at the ends of time.
EDGE_ROWS = """
INSERT INTO taxes VALUES ('XX', 'Highest', 99.9999, '2020-01-01'), ('XN', 'Below zero', -0.0500, '2020-01-01');
INSERT INTO users SELECT id, email, 'Edge', country, '2020-01-01 00:00:00+00', NULL, NULL, true, NULL, '{}', ''
FROM (VALUES (900001, NULL, NULL), (900002, 'ä''"\n@example.com', 'XX'), (900003, '', 'XN')) AS u (id, email, country);
INSERT INTO products VALUES ('00000000-0000-0000-0000-000000000000', 'SKU-EDGE', '', 'other', 0);
INSERT INTO orders SELECT id, user_id, '00000000-0000-0000-0000-000000000000', status::order_status, 1, amount, NULL,
       NULL, created_at, NULL, NULL
FROM (VALUES
  (9000001, 900001, 'active', -0.05, '0001-01-01 00:00:00+00'::timestamptz),
  (9000002, 900002, 'active', 999999999999.99, '9999-12-31 23:59:59.999999+00'),
  (9000003, 900002, 'active', -999999999999.99, '1969-12-31 23:59:59.999999+00'),
  (9000004, 900003, 'active', 0.01, '2024-02-29 12:00:00.000001+00'),
  (9000005, 900003, 'active', 0, '2024-02-29 12:00:00+00'),
  (9000006, 900003, 'cancelled', 1, '2024-02-29 12:00:00+00'),
  (9000007, NULL, 'active', 1, '2024-02-29 12:00:00+00'),
  (9000008, 999999, 'active', 1, '2024-02-29 12:00:00+00'),
  (9000009, 900003, 'active', 0.03, '2024-02-29 12:00:00+00')
) AS o (id, user_id, status, amount, created_at);
INSERT INTO currencies VALUES
  (9000001, 'Order', 9000001, 'BBD', 0.5), (9000002, 'Order', 9000002, 'ZZZ', 9999999999.99999999),
  (9000003, 'Order', 9000003, 'ZZZ', 9999999999.99999999), (9000004, 'Order', 9000004, 'AAA', 0.00000001),
  (9000005, 'Refund', 9000005, 'NOT', 123), (9000009, 'Order', 9000009, 'BBD', 0.5);
"""


def copy_example(destination, database) -> Project:
    """A copy of examples/shop, so that the lake there stays as it is."""
    (destination / "tasks").mkdir(parents=True)
    for path in [SHOP / "lakehaul.yaml", *(SHOP / "tasks").glob("*.sql")]:
        (destination / path.relative_to(SHOP)).write_text(path.read_text())
    return Project(destination, env={"DATABASE_URL": database.uri})


@pytest.fixture(scope="module")
def shop(module_database, tmp_path_factory):
    """The whole example, with the edge rows, hauled once."""
    module_database.psql("-f", SHOP / "schema.sql", "-f", SHOP / "data.sql", "-c", EDGE_ROWS)
    project = copy_example(tmp_path_factory.mktemp("shop") / "project", module_database)
    project.run()
    return module_database, project


@pytest.fixture(scope="module")
def expected(shop):
    database, _ = shop
    return database.rows(EXPECTED_SQL)


def test_the_example_has_the_flaws_it_is_meant_to_show(shop, expected):
    database, _ = shop
    assert database.value("SELECT count(*) FROM orders") >= 500_000
    assert len(expected) < database.value("SELECT count(*) FROM orders WHERE status = 'active'")
    assert database.value("SELECT count(*) FROM orders WHERE user_id IS NULL") > 1000
    assert sum(1 for row in expected if row[3] == "USD") > 1000
    assert sum(1 for row in expected if row[2] is None) > 1000


def test_columns_have_their_names_and_exact_types(shop):
    _, project = shop
    schema = read_lake_pyarrow(project.lake, "combined_orders").schema
    assert [(field.name, field.type) for field in schema] == [
        ("order_id", pyarrow.int64()),
        ("user_id", pyarrow.int64()),
        ("country", pyarrow.string()),
        ("currency", pyarrow.string()),
        ("conversion_rate", pyarrow.decimal128(18, 8)),
        ("user_email", pyarrow.string()),
        ("amount", pyarrow.decimal128(14, 2)),
        ("amount_usd", pyarrow.decimal128(24, 2)),
        ("amount_with_tax", pyarrow.decimal128(27, 6)),
        ("created_at", pyarrow.timestamp("us", tz="UTC")),
    ]


def test_pyarrow_reads_the_join_that_postgres_computes_row_for_row(shop, expected):
    _, project = shop
    table = read_lake_pyarrow(project.lake, "combined_orders").sort_by("order_id")
    assert_same_rows(arrow_rows(table), expected)


def test_duckdb_reads_the_join_that_postgres_computes_row_for_row(shop, expected):
    _, project = shop
    rows = read_lake_duckdb(project.lake, "combined_orders", f"SELECT {COLUMNS} FROM lake_table ORDER BY order_id")
    assert_same_rows(rows, expected)


def test_a_task_on_top_of_the_join_equals_postgres(shop):
    database, project = shop
    rows = read_lake_duckdb(project.lake, "revenue_by_country")
    key = lambda row: (row[0], row[1] or "")  # noqa: E731
    assert_same_rows(sorted(rows, key=key), sorted(database.rows(REVENUE_SQL), key=key))


def test_query_answers_what_postgres_does(shop, expected):
    _, project = shop
    result = project.lakehaul(
        "query", "--format", "csv", "SELECT count(*) AS n, sum(amount_usd) AS usd FROM combined_orders", expect=0
    )
    header, values = result.stdout.split()
    assert header == "n,usd"
    n, usd = values.split(",")
    assert (int(n), Decimal(usd)) == (len(expected), sum(row[7] for row in expected))


def test_the_password_hash_stays_out_of_the_lake(shop):
    _, project = shop
    assert "password_hash" not in read_lake_pyarrow(project.lake, "users").column_names
    files = [path for path in project.lake.rglob("*") if path.is_file()]
    assert files and not any(b"password_hash" in path.read_bytes() for path in files)


def test_recent_orders_holds_the_last_thirty_days(shop):
    database, project = shop
    expected = database.rows(
        "SELECT id FROM orders WHERE created_at > (SELECT max(created_at) FROM orders) - interval '30 days' ORDER BY id"
    )
    assert_same_rows(read_lake_duckdb(project.lake, "recent_orders", "SELECT id FROM lake_table ORDER BY id"), expected)


@pytest.mark.asan
def test_edge_amounts_rates_and_times_are_exact(database, tmp_path):
    database.psql("-f", SHOP / "schema.sql", "-c", EDGE_ROWS)
    project = copy_example(tmp_path / "project", database)
    project.run()
    rows = read_lake_duckdb(project.lake, "combined_orders", f"SELECT {COLUMNS} FROM lake_table ORDER BY order_id")
    assert_same_rows(rows, database.rows(EXPECTED_SQL))
    by_id = {row[0]: row for row in rows}
    assert by_id[9000001][7] == Decimal("-0.03")
    assert by_id[9000002][7] == Decimal("9999999999999899990000.00")
    assert by_id[9000005][3:5] == ("USD", Decimal(1))
    assert sorted(by_id) == [9000001, 9000002, 9000003, 9000004, 9000005, 9000009]


def test_a_second_run_publishes_new_versions_and_gc_keeps_what_it_shall(database, tmp_path):
    database.psql("-f", SHOP / "schema.sql", "-c", EDGE_ROWS)
    project = copy_example(tmp_path / "project", database)
    project.path.write_text(project.path.read_text().replace("lake: ./lake", "lake: ./lake\nkeep: 2"))
    versions = []
    for _ in range(3):
        project.run()
        versions.append(lake_pointer(project.lake, "combined_orders")["version"])
    assert len(set(versions)) == 3
    project.lakehaul("gc", expect=0)
    directories = {path.name for path in (project.lake / "combined_orders").iterdir()}
    assert directories == set(versions[1:])
    assert read_lake_pyarrow(project.lake, "combined_orders").num_rows == 6
