"""Partitioned lake tables: one directory a value, rewritten one by one, and read by software nobody here wrote."""
import datetime
import json
import urllib.parse

import duckdb
import pyarrow.dataset
import pyarrow.parquet
import pytest
from support import lake_files, lake_pointer

NULL = "__HIVE_DEFAULT_PARTITION__"

EVENTS_SQL = """
CREATE TABLE events (
  id bigint PRIMARY KEY, country text, created_at timestamptz, amount numeric(10,2), tags text[],
  updated_at timestamptz NOT NULL DEFAULT '2026-03-01'
);
INSERT INTO events
  SELECT n, CASE WHEN n % 5 = 0 THEN NULL WHEN n % 5 = 1 THEN 'a/b=c d%' ELSE 'de' END,
         '2026-01-31 22:30:00+00'::timestamptz + n * interval '17 minutes', n / 4.0, ARRAY['t' || n, NULL]
  FROM generate_series(1, 200) n;
INSERT INTO events VALUES (1000, 'old', '1969-12-31 23:59:59.999999+00', 1, '{}'),
  (1001, 'bc', '0044-03-15 12:00:00+00 BC', 1, NULL), (1002, 'never', NULL, NULL, NULL);
CREATE INDEX ON events (created_at);
"""


@pytest.fixture
def events(database, project):
    database.execute(EVENTS_SQL)

    def make(**task):
        return project({"events": {"table": "public.events", **task}}, source=database.uri)

    return make


def run_json(project, *args, expect: int = 0) -> dict:
    return json.loads(project.run("--json", *args, expect=expect).stdout)["tasks"][0]


def paths(lake, table="events") -> list[str]:
    """The current partitions' directories, as the pointer's files have them."""
    return sorted({str(file.relative_to(lake / table).parent.parent) for file in lake_files(lake, table)})


def read_hive(lake, sql, types="'day': DATE"):
    files = ", ".join(f"'{file}'" for file in lake_files(lake, "events"))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"CREATE VIEW events AS SELECT * FROM read_parquet([{files}], hive_partitioning = true,"
            f" hive_types = {{{types}}})"
        )
        return connection.execute(sql).fetchall()


def query(project, sql):
    return json.loads(project.lakehaul("query", "--format", "json", sql).stdout)


def assert_verified(project):
    project.lakehaul("verify", "events")


# The layout


@pytest.mark.asan
@pytest.mark.parametrize(
    ("transform", "sql"),
    [
        ("hour", "to_char(created_at, 'YYYY-MM-DD-HH24')"),
        ("day", "to_char(created_at, 'YYYY-MM-DD')"),
        ("month", "to_char(created_at, 'YYYY-MM')"),
        ("year", "to_char(created_at, 'YYYY')"),
    ],
)
def test_periods_are_those_of_utc_and_floored_before_1970(events, database, transform, sql):
    project = events(partition_by=f"{transform}(created_at)")
    project.run("--verify")
    expected = database.rows(
        f"SELECT CASE WHEN created_at IS NULL THEN '{NULL}' WHEN created_at < '0001-01-01' THEN "
        f"replace({sql}, '0044', '-0043') ELSE {sql} END, count(*) FROM "
        "(SELECT created_at AT TIME ZONE 'UTC' AS created_at FROM events) e GROUP BY 1 ORDER BY 1"
    )
    task = run_json(project)
    found = [(p["path"].split("=")[1], p["rows"]) for p in task["partitions"]]
    assert sorted(found) == sorted(expected)
    assert all(p["written"] and p["files"] >= 1 and p["bytes"] > 0 for p in task["partitions"])
    assert_verified(project)


@pytest.mark.asan
def test_duckdb_and_pyarrow_read_the_directories(events, database):
    project = events(partition_by=["country", "day(created_at)"])
    project.run()
    expected = database.rows("SELECT id, country, (created_at AT TIME ZONE 'UTC')::date, amount FROM events"
                             " WHERE created_at > '1900-01-01' ORDER BY id")
    types = "'country': VARCHAR, 'day': DATE"
    rows = read_hive(project.lake, "SELECT id, country, day, amount FROM events WHERE created_at > '1900-01-01'"
                                   " ORDER BY id", types)
    assert rows == expected
    first = pyarrow.parquet.read_schema(lake_files(project.lake, "events")[0]).names
    assert "country" not in first and "created_at" in first and "day" not in first
    dataset = pyarrow.dataset.dataset([str(file) for file in lake_files(project.lake, "events")],
                                      partitioning=pyarrow.dataset.partitioning(
                                          pyarrow.schema([("country", pyarrow.string()), ("day", pyarrow.string())]),
                                          flavor="hive"), partition_base_dir=str(project.lake / "events"))
    assert sorted(dataset.to_table(columns=["id", "country"]).to_pylist(), key=lambda row: row["id"]) == [
        {"id": id, "country": country} for id, country in database.rows("SELECT id, country FROM events ORDER BY id")
    ]
    names = {path.split("/")[0] for path in paths(project.lake)}
    assert "country=a%2Fb%3Dc d%25" in names and f"country={NULL}" in names
    assert {urllib.parse.unquote(name) for name in names} >= {"country=a/b=c d%"}


def test_queries_and_sql_tasks_see_typed_columns(database, project, tmp_path):
    database.execute(EVENTS_SQL)
    (tmp_path / "daily.sql").write_text(
        "SELECT day, country, count(*) AS n FROM events WHERE day >= DATE '2026-02-01' GROUP BY ALL")
    shop = project({"events": {"table": "public.events", "partition_by": ["country", "day(created_at)"]},
                    "daily": {"sql": "daily.sql", "partition_by": "month(day)"}}, source=database.uri)
    shop.run()
    assert query(shop, "SELECT typeof(day) d, typeof(country) c FROM events LIMIT 1") == [
        {"d": "DATE", "c": "VARCHAR"}]
    expected = database.rows(
        "SELECT count(*)::int, count(DISTINCT (created_at AT TIME ZONE 'UTC')::date)::int FROM events"
        " WHERE (created_at AT TIME ZONE 'UTC')::date >= '2026-02-01'")
    assert query(shop, "SELECT sum(n)::int n, count(DISTINCT day)::int d FROM daily") == [
        {"n": expected[0][0], "d": expected[0][1]}]
    assert paths(shop.lake, "daily") == ["month=2026-02"]


def test_a_condition_leaves_the_files_of_other_partitions_unread(events):
    project = events(partition_by=["country", "day(created_at)"])
    project.run()
    count = "SELECT count(amount)::int AS n FROM events WHERE day = '2026-02-01' AND country = 'de'"
    expected = query(project, count)
    for file in lake_files(project.lake, "events")[1:]:  # of the first the columns are taken
        if "/country=de/day=2026-02-01/" not in str(file):
            file.write_bytes(b"no Parquet file")
    assert query(project, count) == expected and expected[0]["n"] > 0


@pytest.mark.parametrize(
    ("column", "text"),
    [("smallint", "-7"), ("bigint", "9223372036854775807"), ("boolean", "true"), ("date", "2026-01-31"),
     ("numeric(6,2)", "1.50"), ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("char(4)", "ab  ")],
)
def test_identity_of_every_type_comes_back_typed(database, project, column, text):
    database.execute(f"CREATE TABLE events (id int PRIMARY KEY, v {column});"
                     f"INSERT INTO events VALUES (1, '{text}'), (2, NULL)")
    shop = project({"events": {"table": "public.events", "partition_by": "v"}}, source=database.uri)
    shop.run("--verify")
    assert f"v={text}" in paths(shop.lake) and f"v={NULL}" in paths(shop.lake)
    rows = query(shop, "SELECT id, v::varchar AS v FROM events ORDER BY id")
    assert rows == [{"id": 1, "v": text}, {"id": 2, "v": None}]
    assert_verified(shop)
    shop.run("events", "--partition", f"v={text}", "--verify")
    assert_verified(shop)


def test_a_table_without_rows_is_still_a_table(database, project):
    database.execute("CREATE TABLE events (id int PRIMARY KEY, at date, c text)")
    shop = project({"events": {"table": "public.events", "partition_by": ["c", "day(at)"]}}, source=database.uri)
    shop.run("--verify")
    assert query(shop, "SELECT count(*)::int n, count(day)::int d FROM events") == [{"n": 0, "d": 0}]
    database.execute("INSERT INTO events VALUES (1, '2026-01-31', 'x')")
    shop.run()
    assert paths(shop.lake) == ["c=x/day=2026-01-31"]


# What is refused


@pytest.mark.parametrize(
    ("partition_by", "message", "hint"),
    [
        ("created", 'partition_by names column "created"', 'did you mean "created_at"?'),
        ("created_at", 'column "created_at" is timestamp with time zone', "partition by hour, day, month or year"),
        ("day(country)", "there is no day of that", "a date or a timestamp"),
        ("tags", "of which no partitions can be made", "can name partitions"),
        ("day(created_at) as amount", 'makes a column "amount", and the table has one', "as created_at_day"),
    ],
)
def test_what_cannot_be_partitioned_by_is_said_before_a_row_is_read(events, partition_by, message, hint):
    error = run_json(events(partition_by=partition_by), expect=1)["error"]
    assert message in error["message"] and hint in error["hint"]


def test_an_empty_text_is_no_partition(database, project):
    database.execute("CREATE TABLE events (id int, c text); INSERT INTO events VALUES (1, '')")
    shop = project({"events": {"table": "public.events", "partition_by": "c"}}, source=database.uri)
    error = run_json(shop, expect=1)["error"]
    assert error["message"] == 'column "c" holds an empty text, which cannot name a partition'
    assert not list(shop.lake.glob("events/*/*/*.parquet"))


# One partition alone


@pytest.mark.asan
def test_a_named_partition_is_read_and_replaced_alone(events, database):
    project = events(partition_by="day(created_at)")
    before = {p["path"]: p for p in run_json(project)["partitions"]}
    database.execute("UPDATE events SET amount = amount + 1")
    task = run_json(project, "events", "--partition", "2026-02-01", "--verify")
    after = {p["path"]: p for p in task["partitions"]}
    assert [path for path, p in after.items() if p["written"]] == ["day=2026-02-01"]
    assert task["rows"] == after["day=2026-02-01"]["rows"] == before["day=2026-02-01"]["rows"]
    assert set(after) == set(before)
    changed = query(project, "SELECT day::varchar AS day FROM events WHERE amount <> id / 4.0 AND id < 1000 GROUP BY 1")
    assert changed == [{"day": "2026-02-01"}]
    # Only its rows were read, over the index.
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'events'"
    assert database.value(scans) is not None


def test_a_partition_that_lost_its_rows_goes(events, database):
    project = events(partition_by="day(created_at)")
    project.run()
    assert "day=2026-02-01" in paths(project.lake)
    database.execute("DELETE FROM events WHERE (created_at AT TIME ZONE 'UTC')::date = '2026-02-01'")
    result = project.run("events", "--partition", "day=2026-02-01")
    assert "day=2026-02-01" not in paths(project.lake)
    assert "warning: task events: partition day=2026-02-01 has no rows" in result.stderr
    assert_verified(project)


def test_null_and_nested_partitions_are_named_like_their_directories(events, database):
    project = events(partition_by=["country", "day(created_at)"])
    project.run()
    database.execute("UPDATE events SET amount = 77")
    task = run_json(project, "events", "--partition", f"country={NULL}/day=2026-02-01", "--partition",
                    "country=a%2Fb%3Dc d%25/day=2026-02-02", "--verify")
    assert sorted(p["path"] for p in task["partitions"] if p["written"]) == [
        f"country={NULL}/day=2026-02-01", "country=a%2Fb%3Dc d%25/day=2026-02-02"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--partition", "2026-01-31"], "--partition needs the name of a task"),
        (["events", "--partition", "2026-01-31", "--full"], "--partition and --full exclude each other"),
        (["events", "--partition", "week=1"], '"week=1" names no partition'),
    ],
)
def test_wrong_partitions_are_usage_errors(events, args, message):
    assert message in events(partition_by="day(created_at)").run(*args, expect=2).stderr


def test_a_partition_in_another_form_is_refused_by_the_task(events):
    project = events(partition_by="day(created_at)")
    project.run()
    error = run_json(project, "events", "--partition", "2026-1-31", expect=1)["error"]
    assert error["message"] == '"2026-1-31" is no day'


def test_single_partitions_need_a_table_of_the_same_form(events, database):
    project = events(partition_by="day(created_at)")
    error = run_json(project, "events", "--partition", "2026-02-01", expect=1)["error"]
    assert "it is not published yet" in error["message"]
    project.run()
    database.execute("ALTER TABLE events ADD COLUMN extra int")
    error = run_json(project, "events", "--partition", "2026-02-01", expect=1)["error"]
    assert "its columns are not the published ones" in error["message"]


# What has changed since


@pytest.mark.asan
def test_a_watermark_rewrites_what_has_changed(events, database):
    project = events(partition_by="day(created_at)", watermark="updated_at")
    project.run()
    assert lake_pointer(project.lake, "events")["watermark"] == {
        "column": "updated_at", "value": "2026-03-01 00:00:00+00"}
    database.execute("UPDATE events SET amount = 9, updated_at = '2026-03-02' WHERE id IN (10, 1000, 1002);"
                     "INSERT INTO events VALUES (2000, 'new', '2026-07-01', 1, NULL, '2026-03-03 00:00:00.000001')")
    task = run_json(project, "--verify")
    written = [p["path"] for p in task["partitions"] if p["written"]]
    assert written == [f"day=1969-12-31", "day=2026-02-01", "day=2026-07-01", f"day={NULL}"]
    assert_verified(project)
    assert lake_pointer(project.lake, "events")["watermark"]["value"] == "2026-03-03 00:00:00.000001+00"
    assert [p["path"] for p in run_json(project)["partitions"] if p["written"]] == []
    assert_verified(project)


def test_full_rewrites_all_and_sees_deleted_rows(events, database):
    project = events(partition_by="day(created_at)", watermark="updated_at")
    project.run()
    database.execute("DELETE FROM events WHERE id = 1000")
    project.run()
    assert "day=1969-12-31" in paths(project.lake)
    assert all(p["written"] for p in run_json(project, "--full")["partitions"])
    assert "day=1969-12-31" not in paths(project.lake)
    assert_verified(project)


def test_another_schema_or_other_partitions_rewrite_all(events, database):
    events(partition_by="day(created_at)", watermark="updated_at").run()
    project = events(partition_by="month(created_at)", watermark="updated_at")
    result = project.run()
    assert "all partitions are rewritten: it is published with other partitions" in result.stderr
    assert all(path.startswith("month=") for path in paths(project.lake))
    database.execute("ALTER TABLE events ADD COLUMN extra int")
    assert all(p["written"] for p in run_json(project)["partitions"])
    assert_verified(project)


def test_a_watermark_that_is_no_column_is_named(events):
    error = run_json(events(partition_by="day(created_at)", watermark="changed"), expect=1)["error"]
    assert error["message"].startswith('watermark "changed" is no column')


# What stays and what goes


def version_directories(lake):
    return {str(path.relative_to(lake / "events")) for path in (lake / "events").glob("**/*Z-*") if path.is_dir()}


def test_gc_keeps_what_kept_versions_need(events, database):
    project = events(partition_by="day(created_at)")
    first = lake_version(project)
    database.execute("UPDATE events SET amount = 1")
    second = lake_version(project, "events", "--partition", "2026-02-01")
    third = lake_version(project, "events", "--partition", "2026-02-01")
    project.lakehaul("gc", "--keep", "2")
    left = version_directories(project.lake)
    assert f"day=2026-02-01/{first}" not in left
    assert f"day=2026-02-01/{second}" in left and f"day=2026-02-01/{third}" in left
    assert f"day=2026-02-02/{first}" in left
    assert_verified(project)
    project.lakehaul("gc", "--keep", "1")
    assert f"day=2026-02-01/{second}" not in version_directories(project.lake)
    assert lake_pointer(project.lake, "events").get("retired", []) == []
    assert_verified(project)


def test_gc_after_a_whole_run_and_without_partitions(events):
    project = events(partition_by="day(created_at)")
    lake_version(project)
    last = lake_version(project)
    project.lakehaul("gc", "--keep", "1")
    assert {path.split("/")[1] for path in version_directories(project.lake)} == {last}
    plain = events()
    version = lake_version(plain)
    plain.lakehaul("gc", "--keep", "2")
    assert version in version_directories(project.lake) and len(version_directories(project.lake)) > 1
    plain.lakehaul("gc", "--keep", "1")
    assert version_directories(project.lake) == {version}
    assert [path.name for path in (project.lake / "events").iterdir()] == [version]


def lake_version(project, *args) -> str:
    project.run(*args)
    return lake_pointer(project.lake, "events")["version"]


def test_a_failed_run_leaves_nothing_in_any_partition(events, database):
    project = events(partition_by="day(created_at)")
    project.run()
    before = version_directories(project.lake)
    database.execute("ALTER TABLE events ALTER amount TYPE numeric(12,4); UPDATE events SET amount = 'NaN' WHERE id = 200")
    project.run(expect=1)
    assert version_directories(project.lake) == before


def test_the_summary_lists_a_few_partitions(events):
    result = events(partition_by="hour(created_at)").run()
    assert "partitions written" in result.stdout and "more (--json lists all)" in result.stdout
    lines = [line for line in result.stdout.splitlines() if line.startswith("  hour=")]
    assert len(lines) == 8


def test_geometries_of_partitions_have_their_metadata(database, project):
    database.execute("CREATE TABLE events (id int PRIMARY KEY, c text, p point);"
                     "INSERT INTO events SELECT n, 'c' || n % 3, point(n, n) FROM generate_series(1, 30) n")
    shop = project({"events": {"table": "public.events", "partition_by": "c"}}, source=database.uri)
    shop.run("--verify")
    assert paths(shop.lake) == ["c=c0", "c=c1", "c=c2"]


# With what else a task may say


def test_queries_read_single_partitions_too(database, project):
    database.execute(EVENTS_SQL)
    task = {"query": "SELECT * FROM events WHERE id < 1000 -- all but three", "partition_by": "day(created_at)",
            "watermark": "updated_at"}
    shop = project({"events": task}, source=database.uri)
    shop.run("--verify")
    database.execute("UPDATE events SET amount = 5, updated_at = '2026-03-02' WHERE id IN (150, 1001)")
    assert [p["path"] for p in run_json(shop, "--verify")["partitions"] if p["written"]] == ["day=2026-02-02"]
    task = run_json(shop, "events", "--partition", "2026-02-01", "--verify")
    assert [p["path"] for p in task["partitions"] if p["written"]] == ["day=2026-02-01"]
    assert_verified(shop)


def test_conditions_orders_masks_and_names_go_with_partitions(database, project):
    database.execute(
        'CREATE TABLE events (id int PRIMARY KEY, "Country" text, "At" timestamp, secret text, doc jsonb, n int8);'
        "INSERT INTO events SELECT i, 'c' || i % 3, '2026-01-31'::timestamp + i * interval '1 hour', 's' || i % 2,"
        " jsonb_build_object('a', i), -i FROM generate_series(1, 500) i")
    columns = {"secret": {"mask": "sha256"}, "Country": {"rename": "land"}, "n": {"type": "text", "encoding": "plain"}}
    task = {"table": "events", "partition_by": ["land", "month(At)", "secret"], "where": "id > 100 -- most",
            "columns": columns, "sort_by": ["Country", "id desc"]}
    shop = project({"events": task}, source=database.uri)
    shop.run("--verify")
    names = [path.split("/") for path in paths(shop.lake)]
    assert {name[0] for name in names} == {"land=c0", "land=c1", "land=c2"}
    assert {len(name[2]) for name in names} == {len("secret=") + 64}
    for file in lake_files(shop.lake, "events"):
        ids = pyarrow.parquet.read_table(file, columns=["id"], partitioning=None)["id"].to_pylist()
        assert ids == sorted(ids, reverse=True)
        [order] = pyarrow.parquet.ParquetFile(file).metadata.row_group(0).sorting_columns
        assert order.column_index == 0 and order.descending
    one = "/".join(names[0])
    assert [p["path"] for p in run_json(shop, "events", "--partition", one, "--verify")["partitions"]
            if p["written"]] == [one]
    assert_verified(shop)


def test_partitioned_source_tables_are_read_over_several_connections(database, project):
    database.execute(
        "CREATE TABLE events (id bigint, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2026-02-01');"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO (MAXVALUE);"
        "INSERT INTO events SELECT i, '2026-01-01'::timestamptz + i % 90 * interval '1 day', repeat('x', 400)"
        " FROM generate_series(1, 60000) i; ANALYZE events")
    shop = project({"events": {"table": "events", "partition_by": "day(at)"}}, source=database.uri, streams=3)
    shop.run("--verify")
    assert len(paths(shop.lake)) == 90
    task = run_json(shop, "events", "--verify", "--partition", "2026-01-31", "--partition", "2026-02-01")
    assert [p["path"] for p in task["partitions"] if p["written"]] == ["day=2026-01-31", "day=2026-02-01"]
    assert_verified(shop)


def test_a_limited_run_says_nothing_of_what_has_changed(events):
    project = events(partition_by="day(created_at)", watermark="updated_at")
    project.run("--limit", "10")
    assert "watermark" not in lake_pointer(project.lake, "events")
    assert all(p["written"] for p in run_json(project)["partitions"])
    assert_verified(project)
