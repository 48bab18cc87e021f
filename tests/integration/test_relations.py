"""Relations that are easily read wrongly, in part or not at all, beside those of test_exactness.py."""
import re
import time
from urllib.parse import unquote, urlsplit

import pytest
from hauls import haul, make_project
from oracle import assert_files_hold, server_texts
from processes import peak_memory_bytes, running
from support import is_published, lake_pointer, read_lake_duckdb


def haul_tables(directory, database, *names: str, **options):
    return haul(make_project(directory, database, {name: {"table": name} for name in names}), **options)


def test_a_table_of_1600_columns_the_most_there_can_be(database, tmp_path):
    names = [f"c{number}" for number in range(1600)]
    database.execute(f"CREATE TABLE widest ({', '.join(f'{name} boolean' for name in names)})")
    database.execute("COMMENT ON COLUMN widest.c1599 IS 'the last'")
    for row in range(3):
        values = ", ".join(["true", "false", "NULL"][(i + row) % 3] for i in range(1600))
        database.execute(f"INSERT INTO widest VALUES ({values})")
    run = haul_tables(tmp_path, database, "widest")
    assert_files_hold(run.files("widest"), server_texts(database, "SELECT * FROM widest"))
    assert lake_pointer(run.project.lake, "widest")["columns"][1599]["comment"] == "the last"
    assert haul(run.project).tasks["widest"]["schema_changes"] == []


def test_partitions_detached_attached_and_foreign(database, tmp_path):
    parts = urlsplit(database.uri)
    database.execute(f"""
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw
          OPTIONS (host '127.0.0.1', port '{parts.port}', dbname '{parts.path[1:]}');
        CREATE USER MAPPING FOR CURRENT_USER SERVER self
          OPTIONS (user '{parts.username}', password '{unquote(parts.password)}');
        CREATE TABLE far (id int NOT NULL, year int NOT NULL, note text);
        INSERT INTO far SELECT i, 2020, 'far ' || i FROM generate_series(1, 50) AS i;
        CREATE FOREIGN TABLE near (id int, year int, note text) SERVER self OPTIONS (table_name 'far');
        CREATE TABLE years (id int, year int, note text) PARTITION BY LIST (year);
        CREATE FOREIGN TABLE years_2020 PARTITION OF years FOR VALUES IN (2020) SERVER self OPTIONS (table_name 'far');
        CREATE TABLE years_2021 PARTITION OF years FOR VALUES IN (2021);
        CREATE TABLE years_2022 PARTITION OF years FOR VALUES IN (2022);
        INSERT INTO years SELECT i, 2021 + i % 2, 'here ' || i FROM generate_series(51, 100) AS i;
        ALTER TABLE years DETACH PARTITION years_2022;
        """)
    run = haul_tables(tmp_path, database, "near", "years", "years_2020", "years_2022")
    counts = {"near": 50, "years": 75, "years_2020": 50, "years_2022": 25}
    for name, count in counts.items():
        texts = server_texts(database, f"SELECT * FROM {name} ORDER BY id")
        assert_files_hold(run.files(name), texts, key="id")
        assert run.tasks[name]["rows"] == count
    database.execute("ALTER TABLE years ATTACH PARTITION years_2022 FOR VALUES IN (2022)")
    assert haul(run.project).tasks["years"]["rows"] == 100


def test_foreign_tables_can_be_out_of_reach(database, tmp_path):
    database.execute("""
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x');
        CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (user 'x', password 'x');
        CREATE FOREIGN TABLE lost (id int) SERVER nowhere;
        """)
    run = haul_tables(tmp_path, database, "lost", expect=1)
    assert "nowhere" in run.tasks["lost"]["error"]["message"]
    assert not is_published(run.project.lake, "lost")


def test_views_over_views_and_over_everything_else(database, tmp_path):
    database.execute("""
        CREATE TABLE base (id int PRIMARY KEY, amount numeric(8,2), note text);
        INSERT INTO base SELECT i, i * 1.5, 'n' || i % 3 FROM generate_series(1, 100) AS i;
        CREATE VIEW first AS SELECT id, amount * 2 AS twice, note FROM base WHERE id % 2 = 0;
        CREATE MATERIALIZED VIEW second AS SELECT note, sum(twice)::numeric(12,2) AS total FROM first GROUP BY note;
        CREATE VIEW third AS SELECT f.id, f.twice, s.total FROM first f JOIN second s USING (note);
        CREATE RECURSIVE VIEW counting (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 10;
        """)
    run = haul_tables(tmp_path, database, "first", "second", "third", "counting")
    for name, key in {"first": "id", "second": "note", "third": "id", "counting": "n"}.items():
        assert_files_hold(run.files(name), server_texts(database, f"SELECT * FROM {name} ORDER BY {key}"), key=key)
    assert lake_pointer(run.project.lake, "third")["primary_key"] == []


def test_a_materialized_view_that_is_not_populated_is_an_error_that_says_what_to_do(database, tmp_path):
    database.execute("CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA")
    run = haul_tables(tmp_path, database, "unfilled", expect=1)
    error = run.tasks["unfilled"]["error"]
    assert "unfilled" in error["message"] and "has not been populated" in error["message"]
    assert "REFRESH MATERIALIZED VIEW" in error["hint"]
    assert not is_published(run.project.lake, "unfilled")
    database.execute("REFRESH MATERIALIZED VIEW unfilled")
    assert haul(run.project).tasks["unfilled"]["rows"] == 1


def test_row_level_security_of_a_partition_or_below_a_view_is_an_error_too(database, tmp_path):
    database.execute("""
        CREATE TABLE divided (id int, side text) PARTITION BY LIST (side);
        CREATE TABLE divided_a PARTITION OF divided FOR VALUES IN ('a');
        INSERT INTO divided SELECT i, 'a' FROM generate_series(1, 10) AS i;
        ALTER TABLE divided ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON divided USING (id <= 3);
        CREATE ROLE kept_out LOGIN PASSWORD 'kept';
        CREATE VIEW through WITH (security_invoker = true) AS SELECT * FROM divided;
        GRANT SELECT ON divided, divided_a, through TO kept_out;
        """)
    uri = re.sub("//[^@]*@", "//kept_out:kept@", database.uri)
    tasks = {name: {"table": name} for name in ("divided", "through")} | {"asked": {"query": "select id from divided"}}
    run = haul(make_project(tmp_path, database, tasks, source=uri), expect=1)
    for name in tasks:
        assert "row-level security" in run.tasks[name]["error"]["message"]
        assert not is_published(run.project.lake, name)


def test_inheritance_with_columns_of_the_children_and_several_parents(database, tmp_path):
    database.execute("""
        CREATE TABLE one (id int NOT NULL, note text);
        CREATE TABLE two (id int NOT NULL, price numeric(6,2));
        CREATE TABLE both_of (extra int) INHERITS (one, two);
        CREATE TABLE grandchild () INHERITS (both_of);
        INSERT INTO one VALUES (1, 'one');
        INSERT INTO two VALUES (2, 2.5);
        INSERT INTO both_of VALUES (3, 'both', 3.5, 33);
        INSERT INTO grandchild VALUES (4, 'grand', 4.5, 44);
        """)
    run = haul_tables(tmp_path, database, "one", "two", "both_of", "grandchild")
    for name in ("one", "two", "both_of", "grandchild"):
        assert_files_hold(run.files(name), server_texts(database, f"SELECT * FROM {name} ORDER BY id"), key="id")
    assert [run.tasks[name]["rows"] for name in ("one", "two", "both_of", "grandchild")] == [3, 3, 2, 1]


def test_the_primary_key_of_a_table_is_none_of_its_children_and_not_told(database, tmp_path):
    database.execute("""
        CREATE TABLE parent (id int PRIMARY KEY, note text);
        CREATE TABLE child () INHERITS (parent);
        INSERT INTO parent VALUES (1, 'parent');
        INSERT INTO child VALUES (1, 'child');
        CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
        """)
    run = haul_tables(tmp_path, database, "parent", "parted")
    assert run.tasks["parent"]["rows"] == 2
    assert lake_pointer(run.project.lake, "parent")["primary_key"] == []
    assert lake_pointer(run.project.lake, "parted")["primary_key"] == ["id"]


def test_a_schema_before_pg_catalog_on_the_search_path_changes_nothing(database, tmp_path):
    """Its functions, operators and types would take the place of the server's in what lakehaul asks and reads."""
    database.execute("""
        CREATE SCHEMA shadow;
        CREATE FUNCTION shadow.pg_export_snapshot() RETURNS text LANGUAGE sql AS $$SELECT 'shadow'$$;
        CREATE FUNCTION shadow.oideq(oid, oid) RETURNS boolean LANGUAGE sql AS $$SELECT false$$;
        CREATE OPERATOR shadow.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = shadow.oideq);
        CREATE DOMAIN shadow.int4 AS int8;
        CREATE TABLE shadow.plain (id int PRIMARY KEY, address inet);
        INSERT INTO shadow.plain VALUES (1, '10.0.0.1/8'), (2, NULL);
        """)
    role = database.uri.split("//")[1].split(":")[0]
    expected = server_texts(database, "SELECT * FROM shadow.plain ORDER BY id")
    for path in ("shadow, pg_catalog, public", "shadow", "''"):
        name = database.uri.rsplit("/", 1)[1]
        database.execute(f'ALTER ROLE "{role}" IN DATABASE "{name}" SET search_path = {path}')
        tasks = {"named": {"table": "shadow.plain"}, "asked": {"query": "SELECT * FROM shadow.plain"}}
        run = haul(make_project(tmp_path, database, tasks), "--verify")
        assert_files_hold(run.files("named"), expected, key="id")
        assert_files_hold(run.files("asked"), expected, key="id")


def test_what_the_server_says_at_length_and_names_that_terminals_would_obey(database, tmp_path):
    database.execute(
        "CREATE FUNCTION fail(shift int) RETURNS int LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION '%', repeat('x', shift) || repeat('é', 2000); END$$"
    )
    database.execute('CREATE TABLE coloured (id int, "\x1b[31mred\nline" int)')
    tasks = {f"fail{shift}": {"query": f"SELECT fail({shift})"} for shift in (0, 1)}
    tasks["coloured"] = {"table": "coloured"}
    run = haul(make_project(tmp_path, database, tasks), expect=1)
    for shift in (0, 1):
        assert f"{'x' * shift}éééé" in run.tasks[f"fail{shift}"]["error"]["message"]
    assert run.tasks["coloured"]["status"] == "published"
    assert run.warnings("coloured") == [
        "warning: task coloured: columns of public.coloured have other names in the lake: "
        '" [31mred line" → __31mred_line'
    ]


def peak_of_task(project, task: str) -> int:
    """Most bytes that the worker of `task` held, as the kernel counts."""
    peak = 0
    with running(project, task) as run:
        worker = run.worker(task)
        while run.process.poll() is None:
            peak = max(peak, peak_memory_bytes(worker))
            time.sleep(0.005)
        run.finish()
    return peak


@pytest.mark.slow
def test_values_of_200_mb_take_memory_by_the_value_and_not_by_the_table(database, tmp_path):
    megabytes = 200
    for table, rows in {"one_large": 1, "six_large": 6}.items():
        database.execute(f"""
            CREATE TABLE {table} (id int, doc text);
            INSERT INTO {table} SELECT i, repeat(lpad(i::text, 1023) || E'\\n', {megabytes} * 1024)
            FROM generate_series(1, {rows}) AS i;
            """)
    project = make_project(
        tmp_path, database, {name: {"table": name} for name in ("one_large", "six_large")}, jobs=1
    )
    one, six = (peak_of_task(project, name) for name in ("one_large", "six_large"))
    sums = database.rows("SELECT id, md5(doc), octet_length(doc) FROM six_large ORDER BY id")
    assert read_lake_duckdb(
        project.lake, "six_large", "SELECT id, md5(doc), strlen(doc) FROM lake_table ORDER BY id"
    ) == sums
    assert sums[0][2] == megabytes * 2**20
    assert six < one * 1.3, f"{one >> 20} MB for one row, {six >> 20} MB for six"
    assert one < 5 * megabytes * 2**20, f"{one >> 20} MB for a value of {megabytes} MB"
