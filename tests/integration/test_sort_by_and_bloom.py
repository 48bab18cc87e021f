"""sort_by and bloom, through the real program: rows in the order that the file says, read by pyarrow, and pages and
row groups that DataFusion and DuckDB then need not read."""
from __future__ import annotations

import re

import datafusion
import duckdb
import pyarrow.parquet as pq
import pytest
from hauls import Haul, assert_verified, haul, make_project
from oracle import read_with_pyarrow
from support import Database

ROWS = 60000


@pytest.fixture(scope="module")
def events(module_database: Database) -> Database:
    """In no order, by any of its columns but `serial`. Its text is sorted otherwise under most collations."""
    module_database.execute(f"""
        CREATE TYPE mood AS ENUM ('zero', 'one', 'alpha');
        CREATE TABLE events AS
        SELECT i AS serial, gen_random_uuid() AS id, (i * 7919::bigint % {ROWS})::int AS number,
               (ARRAY['zero', 'one', 'alpha'])[1 + i % 3]::mood AS mood,
               (ARRAY['Zoe', 'adam', 'Ärger', 'zoe', 'a b', 'a-b', 'ab', ''])[1 + i % 8]
                 || CASE WHEN i % 8 = 0 THEN '' ELSE (i * 31 % 97)::text END AS name,
               CASE WHEN i % 10 > 0 THEN timestamp '2026-01-01' + (i * 104729::bigint % {ROWS}) * interval '1 minute'
               END AS at,
               ('10.0.' || i % 200 || '.' || i % 250)::inet AS host, i / 7.0::float8 AS ratio,
               jsonb_build_object('i', i) AS document
        FROM generate_series(1, {ROWS}) i;
        ALTER TABLE events ADD PRIMARY KEY (id);
        ANALYZE events;
    """)
    return module_database


def run_one(directory, database: Database, task: dict, **keys: object) -> Haul:
    return haul(make_project(directory, database, {"t": task}, **keys))


def failure(directory, database: Database, task: dict) -> dict:
    made = make_project(directory, database, {"t": task})
    run = haul(made, expect=None)
    assert run.tasks["t"]["status"] == "failed", run.stderr
    error = run.tasks["t"]["error"]
    assert error["message"] in made.lakehaul("check", expect=1).stderr
    return error


def sort_key(row: dict, keys: list[tuple[str, bool]]):
    """Ascending with nulls last, descending with nulls first; text by its bytes."""
    parts = []
    for name, is_descending in keys:
        value = row[name]
        value = value.encode() if isinstance(value, str) else value
        parts.append(Reversed(value) if is_descending else Plain(value))
    return parts


class Plain:
    def __init__(self, value):
        self.key = (value is None, value if value is not None else 0)

    def __lt__(self, other):
        return self.key < other.key if self.key[0] == other.key[0] else self.key[0] < other.key[0]

    def __eq__(self, other):
        return self.key == other.key


class Reversed(Plain):
    def __lt__(self, other):
        return Plain.__lt__(other, self)


def assert_sorted(run: Haul, keys: list[tuple[str, bool]]) -> None:
    (file,) = run.files("t")
    rows = read_with_pyarrow([file]).to_pylist()
    assert len(rows) == ROWS
    assert rows == sorted(rows, key=lambda row: sort_key(row, keys))
    metadata = pq.read_metadata(file)
    names = [metadata.row_group(0).column(i).path_in_schema for i in range(metadata.num_columns)]
    for group in range(metadata.num_row_groups):
        told = [(names[s.column_index], s.descending, s.nulls_first) for s in metadata.row_group(group).sorting_columns]
        assert told == [(name, is_descending, is_descending) for name, is_descending in keys]


@pytest.mark.parametrize(("sort_by", "keys"), [
    (["number"], [("number", False)]),
    (["at desc", "number"], [("at", True), ("number", False)]),
    (["name", "at"], [("name", False), ("at", False)]),
    (["mood desc", "host", "id"], [("mood", True), ("host", False), ("id", False)]),
])
def test_rows_come_in_the_order_that_the_file_tells(events, tmp_path, sort_by, keys):
    task = {"table": "events", "sort_by": sort_by, "columns": {"exclude": ["document"]}}
    assert_sorted(run_one(tmp_path / "p", events, task, streams=2), keys)


@pytest.mark.asan
def test_a_sorted_query_with_settings_of_its_columns(events, tmp_path):
    task = {"query": "SELECT * FROM events -- in any order", "sort_by": ["name desc", "serial"],
            "columns": {"exclude": ["document", "ratio"], "name": {"mask": "sha256"}, "serial": {"rename": "n"}}}
    run = run_one(tmp_path / "p", events, task)
    assert_sorted(run, [("name", True), ("n", False)])
    assert_verified(run.project)


@pytest.mark.asan
def test_sql_tasks_are_sorted_by_the_engine(events, tmp_path):
    made = make_project(tmp_path / "p", events, {
        "events": {"table": "events", "columns": {"exclude": ["document"]}},
        "t": {"sql": "t.sql", "sort_by": ["name", "AT desc", "serial"]},
    })
    (made.directory / "t.sql").write_text("-- all of them\nSELECT * FROM events; -- and no order")
    assert_sorted(haul(made), [("name", False), ("at", True), ("serial", False)])


def test_a_sql_task_sorts_an_enum_as_the_text_that_it_becomes(events, tmp_path):
    made = make_project(tmp_path / "p", events, {
        "events": {"table": "events", "columns": {"include": ["serial", "mood"]}},
        "t": {"sql": "t.sql", "sort_by": ["mood", "serial"]},
    })
    (made.directory / "t.sql").write_text("SELECT mood::ENUM('zero', 'one', 'alpha') AS mood, serial FROM events")
    assert_sorted(haul(made), [("mood", False), ("serial", False)])


def test_columns_that_are_not_there_are_named_with_the_nearest(events, tmp_path):
    error = failure(tmp_path / "p", events, {"table": "events", "sort_by": ["serail"]})
    assert error["message"] == 'sort_by: public.events has no column "serail" that is read'
    assert error["hint"] == 'did you mean "serial"?'
    made = make_project(tmp_path / "q", events, {
        "events": {"table": "events", "columns": {"include": ["serial"]}}, "t": {"sql": "t.sql", "sort_by": ["serail"]},
    })
    (made.directory / "t.sql").write_text("SELECT * FROM events")
    error = haul(made, expect=None).tasks["t"]["error"]
    assert error["message"] == 't.sql: sort_by: the result has no column "serail"'
    assert error["hint"] == 'did you mean "serial"?'


@pytest.mark.parametrize(("columns", "why"), [
    (None, 'sort_by: column "document" of public.events has values without an order'),
    ({"document": {"mask": "null"}}, 'sort_by: column "document" of public.events is masked'),
])
def test_columns_without_an_order_are_refused(events, tmp_path, columns, why):
    task = {"table": "events", "sort_by": ["document"], **({"columns": columns} if columns else {})}
    error = failure(tmp_path / "p", events, task)
    assert error["message"] == why


def test_values_that_are_replaced_have_no_order(events, tmp_path):
    task = {"table": "events", "sort_by": ["at"], "on_unrepresentable": "null"}
    assert "may have values that the lake replaces" in failure(tmp_path / "p", events, task)["message"]


def pruned(file, query: str) -> dict[str, tuple[str, str]]:
    context = datafusion.SessionContext()
    context.register_parquet("t", str(file))
    text = str(context.sql(f"EXPLAIN ANALYZE {query}").to_pydict())
    return {name: (total, matched) for name, total, matched in re.findall(r"(\w*pruned\w*)=(.*?) total → (.*?) matched", text)}


def test_a_reader_skips_pages_of_sorted_rows(events, tmp_path):
    task = {"table": "events", "sort_by": ["at"], "columns": {"exclude": ["document"]}}
    (file,) = run_one(tmp_path / "p", events, task).files("t")
    query = "SELECT * FROM t WHERE at < TIMESTAMP '2026-01-02'"
    assert pruned(file, query)["page_index_rows_pruned"] == ("60.00 K", "20.00 K")
    (file,) = run_one(tmp_path / "q", events, {**task, "sort_by": ["number"]}).files("t")
    assert pruned(file, query)["page_index_rows_pruned"] == ("60.00 K", "60.00 K")


def filters(run: Haul) -> set[str]:
    (file,) = run.files("t")
    found = duckdb.sql(f"SELECT path_in_schema FROM parquet_metadata('{file}') WHERE bloom_filter_offset IS NOT NULL")
    return {path for (path,) in found.fetchall()}


@pytest.mark.asan
def test_keys_in_no_order_get_a_bloom_filter(events, tmp_path):
    run = run_one(tmp_path / "p", events, {"table": "events"})
    assert filters(run) == {"id"}
    (file,) = run.files("t")
    # The keys are new in each run, so that a filter of 2.5 % false positives may let any one value pass.
    values = [f"88888888-8888-4888-8888-{number:012}" for number in range(200)]
    probe = "SELECT bloom_filter_excludes FROM parquet_bloom_probe('{}', 'id', '{}')"
    excluded = [value for value in values if duckdb.sql(probe.format(file, value)).fetchall() == [(True,)]]
    assert len(excluded) >= 180
    query = f"SELECT * FROM t WHERE id = '{excluded[0]}'"
    assert pruned(file, query)["row_groups_pruned_bloom_filter"] == ("1", "0")


def test_bloom_filters_can_be_left_out_and_asked_for(events, tmp_path):
    assert filters(run_one(tmp_path / "p", events, {"table": "events", "bloom": "none"})) == set()
    columns = {"id": {"bloom": False}, "serial": {"bloom": True}, "mood": {"bloom": True}, "at": {"bloom": True}}
    run = run_one(tmp_path / "q", events, {"table": "events", "columns": columns}, bloom="none")
    assert filters(run) == {"serial", "mood", "at"}


def test_few_rows_need_no_filter(events, tmp_path):
    assert filters(run_one(tmp_path / "p", events, {"table": "events", "where": "serial < 10000"})) == set()


def test_a_filter_of_floats_is_refused(events, tmp_path):
    error = failure(tmp_path / "p", events, {"table": "events", "columns": {"ratio": {"bloom": True}}})
    assert 'column "ratio" is double, for which bloom filters are of no use' in error["message"]
