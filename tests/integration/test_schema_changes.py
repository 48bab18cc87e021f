"""What a run keeps of the source's schema beside its rows, and what it says when that is not the published one."""
import json

import pyarrow.parquet
import pytest
from support import lake_files, lake_pointer, read_lake_pyarrow

ITEMS_SQL = """
CREATE TABLE items (
  shop int, id bigint, price numeric(10,2) NOT NULL, label varchar(20), PRIMARY KEY (id, shop)
);
COMMENT ON TABLE items IS 'what the shop''s shelves hold: "everything" 🐘';
COMMENT ON COLUMN items.price IS 'without tax';
INSERT INTO items VALUES (1, 10, 2.50, 'tea'), (1, 11, 3.00, NULL);
"""


@pytest.fixture
def items(database, project):
    database.execute(ITEMS_SQL)
    return project({"items": {"table": "public.items"}}, source=database.uri)


def run_json(shop, *args, expect: int = 0) -> dict:
    """The result of the one task of a run."""
    return json.loads(shop.run("--json", *args, expect=expect).stdout)["tasks"][0]


def changes(task: dict) -> list[tuple[str, str]]:
    return [(change["change"], change["column"]) for change in task["schema_changes"]]


# What is kept


@pytest.mark.asan
def test_comments_types_and_the_primary_key_are_in_the_pointer(items):
    items.run()
    pointer = lake_pointer(items.lake, "items")
    assert pointer["comment"] == 'what the shop\'s shelves hold: "everything" 🐘'
    assert pointer["primary_key"] == ["id", "shop"]
    assert [(c["name"], c["source_type"], c["comment"], c["nullable"]) for c in pointer["columns"]] == [
        ("shop", "integer", "", False),
        ("id", "bigint", "", False),
        ("price", "numeric(10,2)", "without tax", False),
        ("label", "character varying(20)", "", True),
    ]


def test_and_in_the_files_themselves(items):
    items.run()
    pointer = lake_pointer(items.lake, "items")
    metadata = {
        key.decode(): value.decode()
        for key, value in pyarrow.parquet.read_metadata(lake_files(items.lake, "items")[0]).metadata.items()
    }
    assert metadata["lakehaul.table"] == "items"
    assert metadata["lakehaul.source"] == "table public.items"
    assert metadata["lakehaul.snapshot_lsn"] == pointer["snapshot"]["lsn"] != ""
    assert metadata["lakehaul.snapshot_time"] == pointer["snapshot"]["time"] != ""
    assert metadata["lakehaul.comment"] == pointer["comment"]
    assert json.loads(metadata["lakehaul.primary_key"]) == ["id", "shop"]
    assert json.loads(metadata["lakehaul.columns"]) == [
        {"name": "shop", "type": "int32", "source_type": "integer"},
        {"name": "id", "type": "int64", "source_type": "bigint"},
        {"name": "price", "type": "decimal(10,2)", "source_type": "numeric(10,2)", "comment": "without tax"},
        {"name": "label", "type": "string", "source_type": "character varying(20)"},
    ]


def test_a_key_without_one_of_its_columns_is_no_key(database, items, project):
    without = project(
        {"items": {"table": "items", "columns": {"exclude": ["shop"]}}, "query": {"query": "select id from items"}},
        source=database.uri,
    )
    without.run()
    assert lake_pointer(without.lake, "items")["primary_key"] == []
    assert lake_pointer(without.lake, "query")["primary_key"] == []
    assert lake_pointer(without.lake, "query")["comment"] == ""


def test_a_key_that_is_masked_or_cast_is_one_only_while_it_stays_unique(database, project):
    database.execute(ITEMS_SQL)
    settings = {
        "hashed": ({"id": {"mask": "sha256"}, "shop": {"rename": "branch"}}, ["id", "branch"]),
        "redacted": ({"id": {"mask": "redact"}}, []),
        "cast": ({"id": {"type": "double"}}, []),
    }
    made = project(
        {name: {"table": "items", "columns": columns} for name, (columns, _) in settings.items()}, source=database.uri
    )
    made.run()
    for name, (_, key) in settings.items():
        assert lake_pointer(made.lake, name)["primary_key"] == key, name


def test_a_pointer_without_comments_and_keys_is_followed_by_one_with_them(items):
    items.run()
    path = items.lake / "_lakehaul" / "tables" / "items.json"
    old = json.loads(path.read_text())
    del old["comment"], old["primary_key"]
    for column in old["columns"]:
        del column["comment"]
    path.write_text(json.dumps(old))
    assert changes(run_json(items)) == []
    assert lake_pointer(items.lake, "items")["primary_key"] == ["id", "shop"]


# What changed


@pytest.mark.asan
def test_a_run_over_an_unchanged_schema_reports_no_change(items):
    assert changes(run_json(items)) == []
    second = items.run()
    assert "column" not in second.stderr
    assert changes(run_json(items)) == []


# what is done to the table, what is reported, what a warning is about
CHANGES = {
    "added": ("ALTER TABLE items ADD COLUMN extra int", [("added", "extra")], None),
    "removed": ("ALTER TABLE items DROP COLUMN label", [("removed", "label")], 'column "label" was removed (string)'),
    "renamed": (
        "ALTER TABLE items RENAME COLUMN label TO name",
        [("renamed", "label")],
        'column "label" was perhaps renamed to "name" (string)',
    ),
    "wider integer": ("ALTER TABLE items ALTER shop TYPE bigint", [("widened", "shop")], None),
    "wider decimal": ("ALTER TABLE items ALTER price TYPE numeric(12,2)", [("widened", "price")], None),
    "nullable": ("ALTER TABLE items ALTER price DROP NOT NULL", [("widened", "price")], None),
    "narrower": (
        "ALTER TABLE items ALTER price TYPE numeric(8,2)",
        [("narrowed", "price")],
        'column "price" was narrowed from decimal(10,2) to decimal(8,2)',
    ),
    "another type": (
        "ALTER TABLE items ALTER id TYPE text",
        [("retyped", "id")],
        'column "id" changed its type from int64 to string',
    ),
    "declared otherwise": ("ALTER TABLE items ALTER label TYPE text", [("redeclared", "label")], None),
    "several": (
        "ALTER TABLE items DROP COLUMN label, ADD COLUMN a int, ADD COLUMN b text, ALTER shop TYPE bigint",
        [("widened", "shop"), ("removed", "label"), ("added", "a"), ("added", "b")],
        'column "label" was removed (string)',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_reported_and_published(database, items, name):
    sql, expected, warning = CHANGES[name]
    items.run()
    database.execute(sql)
    result = items.run("--json")
    task = json.loads(result.stdout)["tasks"][0]
    assert task["status"] == "published"
    assert changes(task) == expected
    for change in task["schema_changes"]:
        assert change["text"] in result.stderr
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == ([f"warning: task items: {warning}"] if warning else [])
    columns = [row[0] for row in database.rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )]
    assert read_lake_pyarrow(items.lake, "items").column_names == columns


def test_another_order_is_reported(database, items, project):
    items.run()
    other = project(
        {"items": {"table": "items", "columns": {"include": ["id", "shop", "price", "label"]}}}, source=database.uri
    )
    assert changes(run_json(other)) == [("reordered", "shop")]


def test_quiet_keeps_the_warnings_only(database, items):
    items.run()
    database.execute("ALTER TABLE items DROP COLUMN label, ADD COLUMN extra int")
    result = items.run("--quiet")
    assert result.stderr.splitlines() == ['warning: task items: column "label" was removed (string)']


def test_changes_of_what_a_sql_task_selects_are_reported_too(database, project):
    database.execute(ITEMS_SQL)
    tasks = {"items": {"table": "items"}, "labels": {"sql": "labels.sql"}}
    first = project(tasks, source=database.uri, files={"labels.sql": "SELECT id, label FROM items"})
    first.run()
    second = project(tasks, source=database.uri, files={"labels.sql": "SELECT id, label, shop FROM items"})
    by_name = {task["task"]: task for task in json.loads(second.run("--json").stdout)["tasks"]}
    assert changes(by_name["labels"]) == [("added", "shop")]
    assert changes(by_name["items"]) == []


# schema: strict


@pytest.mark.asan
@pytest.mark.parametrize("place", ["project", "task"])
def test_strict_refuses_any_change_before_a_row_is_read(database, project, place):
    database.execute(ITEMS_SQL)
    task = {"table": "items"} | ({"schema": "strict"} if place == "task" else {})
    keys = {"schema": "strict"} if place == "project" else {}
    strict = project({"items": task}, source=database.uri, **keys)
    strict.run()
    strict.run()
    published = lake_pointer(strict.lake, "items")
    # A row that cannot be carried over would be the error, had a row been read.
    database.execute("ALTER TABLE items ADD COLUMN extra date")
    database.execute("INSERT INTO items VALUES (9, 9, 'NaN', 'x', 'infinity')")
    result = strict.run("--json", expect=1)
    task = json.loads(result.stdout)["tasks"][0]
    assert task["status"] == "failed"
    assert task["error"]["message"] == 'its schema is not the published one: column "extra" was added (date)'
    assert task["error"]["column"] == "extra"
    assert "schema: evolve" in task["error"]["hint"]
    assert lake_pointer(strict.lake, "items") == published
    kept = {published["version"], *(previous["version"] for previous in published["previous"])}
    assert {path.name for path in (strict.lake / "items").iterdir()} == kept


def test_a_task_may_evolve_in_a_strict_project(database, project):
    database.execute(ITEMS_SQL)
    made = project({"items": {"table": "items", "schema": "evolve"}}, source=database.uri, schema="strict")
    made.run()
    database.execute("ALTER TABLE items DROP COLUMN label, DROP COLUMN price")
    task = run_json(made)
    assert changes(task) == [("removed", "price"), ("removed", "label")]


def test_strict_names_the_first_change_and_counts_the_others(database, project):
    database.execute(ITEMS_SQL)
    strict = project({"items": {"table": "items"}}, source=database.uri, schema="strict")
    strict.run()
    database.execute("ALTER TABLE items DROP COLUMN label, ADD COLUMN a int, ADD COLUMN b int")
    error = run_json(strict, expect=1)["error"]["message"]
    assert error == 'its schema is not the published one: column "label" was removed (string), and 2 more changes'
