"""SQL tasks: what they read and in which order, types of their results, errors in them, and memory."""
import datetime
import json
import os
import re
import time
from decimal import Decimal

import pyarrow
import pytest
from processes import SANITIZED, assert_whole, peak_memory_bytes, running, wait_until
from support import arrow_rows, is_published, lake_pointer, read_lake_duckdb, read_lake_pyarrow


@pytest.fixture
def sql_project(project):
    """sql_project({"name": "SELECT …"}) makes a project of SQL tasks, each in its own file; keys as in project()."""

    def make(texts, tables=None, **keys):
        tasks = {**(tables or {}), **{name: {"sql": f"tasks/{name}.sql"} for name in texts}}
        return project(tasks, files={f"tasks/{name}.sql": text for name, text in texts.items()}, **keys)

    return make


# Order


def test_a_chain_of_sql_tasks_runs_in_the_order_of_what_they_read(database, sql_project):
    database.execute("CREATE TABLE numbers AS SELECT i AS n FROM generate_series(1, 100) AS i")
    made = sql_project(
        {
            "d_top": "SELECT max(doubled) AS top FROM c_even",
            "c_even": "SELECT doubled FROM b_doubled WHERE doubled % 4 = 0",
            "b_doubled": "SELECT n * 2 AS doubled FROM a_numbers",
        },
        tables={"a_numbers": {"table": "numbers"}},
        source=database.uri,
        jobs=4,
    )
    document = json.loads(made.run("--json").stdout)
    assert [task["task"] for task in document["tasks"]] == ["a_numbers", "b_doubled", "c_even", "d_top"]
    assert read_lake_duckdb(made.lake, "d_top") == [(200,)]


def test_a_run_without_tables_needs_no_source(sql_project):
    made = sql_project({"one": "SELECT 1 AS n"})
    made.run()
    assert read_lake_duckdb(made.lake, "one") == [(1,)]


@pytest.mark.asan
def test_names_of_ctes_shadow_tables_and_do_not_order_tasks(sql_project):
    made = sql_project(
        {
            "a": "WITH b AS (SELECT 1 AS n) SELECT n FROM b",
            "b": "SELECT n + 1 AS n FROM a",
            # The outer c is a table of the lake, the inner one a CTE; without scopes this were a cycle.
            "c": "SELECT 7 AS n",
            "d": "SELECT (WITH c AS (SELECT 100 AS n) SELECT n FROM c) AS inner_n, n AS outer_n FROM c",
        }
    )
    made.run()
    assert read_lake_duckdb(made.lake, "a") == [(1,)]
    assert read_lake_duckdb(made.lake, "b") == [(2,)]
    assert read_lake_duckdb(made.lake, "d") == [(100, 7)]


def test_tables_are_found_in_every_corner_of_a_query(database, sql_project):
    corners = {
        "in_join": "SELECT count(*) AS n FROM (SELECT 1 AS id) AS one LEFT JOIN base ON base.id = one.id",
        "in_where": "SELECT 1 AS n WHERE EXISTS (SELECT * FROM base)",
        "in_select": "SELECT (SELECT max(id) FROM base) AS n",
        "in_union": "SELECT 0 AS n UNION ALL SELECT id FROM base",
        "in_cte": "WITH x AS (SELECT id AS n FROM base) SELECT n FROM x",
        "quoted": 'SELECT id AS n FROM "BASE"',
        "in_lateral": "SELECT s.n FROM (SELECT 1) AS t, LATERAL (SELECT max(id) AS n FROM base) AS s",
        "from_first": "FROM base SELECT id AS n",
    }
    database.execute("CREATE TABLE base AS SELECT 1 AS id")
    made = sql_project(corners, tables={"base": {"table": "base"}}, source=database.uri)
    plan = json.loads(made.lakehaul("plan", "--json", expect=0).stdout)["tasks"]
    assert {task["task"]: task["reads"] for task in plan} == {"base": [], **{name: ["base"] for name in corners}}
    made.run()
    for name in corners:
        assert read_lake_duckdb(made.lake, name, "SELECT max(n) FROM lake_table") == [(1,)], name


def test_a_table_made_by_an_earlier_run_can_be_read_though_no_task_makes_it_now(database, sql_project, project):
    database.execute("CREATE TABLE old AS SELECT i AS id FROM generate_series(1, 5) AS i")
    project({"old": {"table": "old"}}, source=database.uri).run()
    made = sql_project({"from_old": "SELECT sum(id) AS total FROM old"})
    made.lakehaul("check", "--offline", expect=0)
    made.run()
    assert read_lake_duckdb(made.lake, "from_old") == [(15,)]


def test_a_table_that_is_nowhere_fails_that_task_alone(sql_project):
    made = sql_project({"lost": "SELECT * FROM nowhere", "fine": "SELECT 1 AS n"})
    result = made.run(expect=1)
    assert "lost" in result.stderr and "nowhere" in result.stderr and "hint:" in result.stderr
    assert_whole(made.lake, "fine", 1)
    assert not is_published(made.lake, "lost")
    checked = made.lakehaul("check", "--offline", expect=1)
    assert "nowhere" in checked.stderr


def test_a_cycle_is_spelled_out(sql_project):
    made = sql_project({"a": "SELECT * FROM c", "b": "SELECT * FROM a", "c": "SELECT * FROM b", "d": "SELECT 1 AS n"})
    for command in ("run", "plan", "check"):
        result = made.lakehaul(command, expect=2)
        assert re.search(r"a → c → b → a|b → a → c → b|c → b → a → c", result.stderr)
        assert re.search(r"lakehaul\.yaml:\d+", result.stderr)
    assert not made.lake.exists()


def test_a_task_that_reads_itself_is_a_cycle(sql_project):
    result = sql_project({"again": "SELECT * FROM again"}).run(expect=2)
    assert "again → again" in result.stderr


# Types


TYPES_SQL = """
SELECT 1::TINYINT AS tiny, -2::SMALLINT AS small, 3::INTEGER AS int4, 9223372036854775807::BIGINT AS int8, true AS yes,
       1.5::FLOAT AS single, -0.1::DOUBLE AS double, 12345.67::DECIMAL(9,2) AS money,
       -12345678901234567890123456789.123456789::DECIMAL(38,9) AS wide, 'ä'' "\\' AS text, '\\x00\\xFF'::BLOB AS bytes,
       DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 23:59:59.123456' AS local_time,
       TIMESTAMPTZ '2024-02-29 23:59:59.123456+02' AS moment,
       '123e4567-e89b-12d3-a456-426614174000'::UUID AS uuid
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""
UTC = datetime.timezone.utc
TYPES_ROW = (
    1,
    -2,
    3,
    9223372036854775807,
    True,
    1.5,
    -0.1,
    Decimal("12345.67"),
    Decimal("-12345678901234567890123456789.123456789"),
    "ä' \"\\",
    b"\x00\xff",
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 23, 59, 59, 123456),
    datetime.datetime(2024, 2, 29, 21, 59, 59, 123456, tzinfo=UTC),
    "123e4567-e89b-12d3-a456-426614174000",
)


@pytest.mark.asan
def test_flat_types_survive_with_their_precision(sql_project):
    made = sql_project({"types": TYPES_SQL})
    made.run()
    table = read_lake_pyarrow(made.lake, "types")
    assert [field.type for field in table.schema] == [
        pyarrow.int8(),
        pyarrow.int16(),
        pyarrow.int32(),
        pyarrow.int64(),
        pyarrow.bool_(),
        pyarrow.float32(),
        pyarrow.float64(),
        pyarrow.decimal128(9, 2),
        pyarrow.decimal128(38, 9),
        pyarrow.string(),
        pyarrow.binary(),
        pyarrow.date32(),
        pyarrow.timestamp("us"),
        pyarrow.timestamp("us", tz="UTC"),
        pyarrow.string(),
    ]
    expected = [TYPES_ROW, (None,) * len(TYPES_ROW)]
    assert arrow_rows(table) == expected
    assert read_lake_duckdb(made.lake, "types") == expected


NESTED_SQL = """
SELECT * FROM (VALUES
  (1, {'a': 1, 'b': 'x'}, [1, 2, NULL], MAP {'k': 1.25, 'l': NULL}, [{'a': [1]}, NULL, {'a': NULL}, {'a': []}]),
  (2, NULL, NULL, NULL, NULL),
  (3, {'a': NULL, 'b': NULL}, [], MAP {}, []),
  (4, {'a': 4, 'b': ''}, [NULL], MAP {'': 0.5}, [{'a': [NULL, 2]}])
) AS t (id, pair, list, map, deep)
"""
NESTED_ROWS = [
    (1, {"a": 1, "b": "x"}, [1, 2, None], {"k": Decimal("1.25"), "l": None},
     [{"a": [1]}, None, {"a": None}, {"a": []}]),
    (2, None, None, None, None),
    (3, {"a": None, "b": None}, [], {}, []),
    (4, {"a": 4, "b": ""}, [None], {"": Decimal("0.50")}, [{"a": [None, 2]}]),
]  # fmt: skip


@pytest.mark.asan
def test_nested_types_survive_with_nulls_and_empty_ones_at_every_level(sql_project):
    made = sql_project({"nested": NESTED_SQL, "again": "SELECT * FROM nested ORDER BY id"})
    made.run()
    for name in ("nested", "again"):
        table = read_lake_pyarrow(made.lake, name)
        decimal = table.schema.field("map").type.item_type
        assert [(field.name, field.type) for field in table.schema] == [
            ("id", pyarrow.int32()),
            ("pair", pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.string())])),
            ("list", pyarrow.list_(pyarrow.field("element", pyarrow.int32()))),
            ("map", pyarrow.map_(pyarrow.string(), decimal)),
            ("deep", table.schema.field("deep").type),
        ]
        assert decimal == pyarrow.decimal128(3, 2)
        rows = [
            (*row[:3], None if row[3] is None else dict(row[3]), row[4])
            for row in arrow_rows(table.sort_by("id"))
        ]
        assert rows == NESTED_ROWS
        assert read_lake_duckdb(made.lake, name, "SELECT * FROM lake_table ORDER BY id") == NESTED_ROWS


def test_sums_and_products_of_money_stay_exact_decimals(database, sql_project):
    database.execute(
        "CREATE TABLE bills (amount numeric(14,2), rate numeric(18,8));"
        "INSERT INTO bills SELECT (i * 1234567.89)::numeric(14,2), (1.0 / i)::numeric(18,8)"
        " FROM generate_series(1, 999) AS i"
    )
    made = sql_project(
        {"total": "SELECT sum(amount) AS s, sum(amount * rate) AS p, max(amount * rate) AS m FROM bills"},
        tables={"bills": {"table": "bills"}},
        source=database.uri,
    )
    made.run()
    assert all(pyarrow.types.is_decimal(field.type) for field in read_lake_pyarrow(made.lake, "total").schema)
    expected = database.rows("SELECT sum(amount), sum(amount * rate), max(amount * rate) FROM bills")
    assert read_lake_duckdb(made.lake, "total") == expected


# Errors


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 AS n\nFORM x", ["tasks/bad.sql", "line 2"]),
        ("SELECT (1 AS n", ["tasks/bad.sql", "line 1"]),
        ("DELETE FROM orders", ["tasks/bad.sql", "SELECT"]),
        ("CREATE TABLE x AS SELECT 1", ["tasks/bad.sql", "SELECT"]),
        ("COPY (SELECT 1) TO 'stolen.csv'", ["tasks/bad.sql", "SELECT"]),
        ("ATTACH 'other.db'", ["tasks/bad.sql", "SELECT"]),
        ("SET memory_limit = '100GB'", ["tasks/bad.sql", "SELECT"]),
        ("SELECT 1 AS n; SELECT 2 AS n", ["tasks/bad.sql", "one"]),
        ("  \n-- nothing\n", ["tasks/bad.sql"]),
    ],
)
def test_sql_that_cannot_be_a_task_is_a_project_error_and_starts_nothing(sql_project, sql, words):
    made = sql_project({"fine": "SELECT 1 AS n", "bad": sql})
    result = made.run(expect=2)
    for word in words:
        assert word in result.stderr
    assert re.search(r"lakehaul\.yaml:\d+", result.stderr)
    assert not made.lake.exists()
    assert not (made.directory / "stolen.csv").exists()


@pytest.mark.asan
def test_a_missing_column_is_placed_in_the_file_with_the_nearest_name(sql_project):
    made = sql_project(
        {"orders": "SELECT 1 AS order_id, 2 AS amount", "bad": "SELECT order_id,\n       amuont\nFROM orders"}
    )
    result = made.run(expect=1)
    assert re.search(r"tasks/bad\.sql\b.*line 2, column 8", result.stderr)
    assert '"amuont"' in result.stderr
    assert re.search(r"^hint: .*amount", result.stderr, re.MULTILINE)
    assert_whole(made.lake, "orders", 1)
    assert not is_published(made.lake, "bad")


def test_an_error_in_the_data_fails_the_task_and_leaves_no_files(sql_project):
    sql = "SELECT CASE WHEN i < 90000 THEN i ELSE error('row ' || i) END AS n FROM range(100000) t(i)"
    made = sql_project({"bad": sql})
    result = made.run(expect=1)
    assert "row 90000" in result.stderr
    assert not (made.lake / "bad").exists()


def test_two_columns_of_one_name_are_refused(sql_project):
    result = sql_project({"twice": "SELECT 1 AS n, 2 AS N"}).run(expect=1)
    assert '"N"' in result.stderr and "hint:" in result.stderr


def test_the_engine_cannot_write_files_or_reach_out(sql_project, tmp_path):
    """A SELECT has no way to change anything; what is not there to be loaded is said to be missing."""
    made = sql_project({"out": "SELECT * FROM read_parquet('https://127.0.0.1:1/x.parquet')"})
    result = made.run(expect=1)
    assert "hint:" in result.stderr
    assert not is_published(made.lake, "out")


def test_a_damaged_file_of_the_lake_is_named(sql_project):
    made = sql_project({"base": "SELECT i FROM range(10000) t(i)", "reader": "SELECT sum(i) AS s FROM base"})
    made.run()
    path = made.lake / lake_pointer(made.lake, "base")["files"][0]["key"]
    path.write_bytes(path.read_bytes()[:-8] + b"\x00\x00\x00\x7fPAR1")
    result = made.run("--only", "reader", expect=1)
    assert str(path) in result.stderr
    assert_whole(made.lake, "reader", 1)


# Memory


SORT_SQL = "SELECT md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS text, i FROM range({rows}) AS t(i) ORDER BY text"


def spilled_bytes(directory) -> int:
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass
    return total


def test_a_sort_larger_than_memory_spills_and_stays_near_its_budget(sql_project, tmp_path):
    rows = 2_000_000  # some 180 MB of values
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    made = sql_project({"sorted": SORT_SQL.format(rows=rows)}, memory="192MB", compression="none")
    peak = spilled = 0
    with running(made, env={"TMPDIR": str(scratch)}) as run:
        worker = run.worker("sorted")
        while run.process.poll() is None:
            peak = max(peak, peak_memory_bytes(worker))
            spilled = max(spilled, spilled_bytes(scratch))
            time.sleep(0.01)
        run.finish()
    assert spilled > 20 * 2**20, "it did not spill: the test shows nothing"
    assert list(scratch.iterdir()) == [], "temporary files were left behind"
    assert read_lake_duckdb(
        made.lake, "sorted", "SELECT count(*), count(DISTINCT i), bool_and(coalesce(before <= text, true)) FROM"
        " (SELECT i, text, lag(text) OVER (ORDER BY file_row_number) AS before FROM"
        f" (SELECT *, row_number() OVER () AS file_row_number FROM lake_table))",
    ) == [(rows, rows, True)]
    if not SANITIZED:
        assert peak < 230 * 2**20, f"the worker took {peak / 2**20:.0f} MB with a budget of 192 MB"


def test_what_cannot_spill_fails_with_advice_and_not_by_being_killed(sql_project):
    sql = "SELECT list(md5(i::VARCHAR)) AS all_of_it FROM range(5000000) AS t(i)"
    made = sql_project({"fine": "SELECT 1 AS n", "huge": sql}, memory="64MB", jobs=1)
    result = made.run(expect=1)
    assert re.search(r"huge: .*memory", result.stderr)
    assert re.search(r"^hint: .*memory", result.stderr, re.MULTILINE)
    assert_whole(made.lake, "fine", 1)


def test_a_long_query_stops_at_once_when_it_is_interrupted(sql_project, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sql = "SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3"
    made = sql_project({"endless": sql})
    with running(made, env={"TMPDIR": str(scratch)}) as run:
        worker = run.worker("endless")
        # It computes once it has used a tenth of a second of processor time.
        tick = os.sysconf("SC_CLK_TCK")
        wait_until(lambda: cpu_ticks(worker) > tick / 10, "the query computes")
        run.signal(2)
        run.finish(expect=130, timeout=6)
    assert not (made.lake / "endless").exists()
    assert list(scratch.iterdir()) == []


def cpu_ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
