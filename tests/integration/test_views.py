"""Views: a SELECT that is published by name, read by SQL tasks and `lakehaul query`, and in Glue by Athena and Trino."""
from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hauls import haul, make_project
from services.glue_server import GlueServer
from services.s3_server import Bucket
from support import Database, Project, is_published, lake_pointer

TASKS = {
    "orders": {"table": "public.orders"},
    "big_orders": {"sql": "big_orders.sql", "view": True},
    "big_totals": {"sql": "big_totals.sql", "view": True},
    "total": {"sql": "total.sql"},
}
SQL = {
    # A semicolon and a comment at its end must not matter.
    "big_orders.sql": 'select id, amount, tags from "orders" where amount >= 10; -- the big ones\n',
    "big_totals.sql": "select sum(amount) as total, count(*) as orders from big_orders\n",
    "total.sql": "select b.total, b.orders, (select count(*) from big_orders) as again from big_totals as b\n",
}


def make_orders(database: Database) -> None:
    database.execute(
        """
        create table orders (id int primary key, amount numeric(12,2), tags text[], at timestamptz, size point);
        insert into orders select i, i * 5, array['x'], '2026-01-01', point(1, i) from generate_series(1, 4) as i
        """
    )


@pytest.fixture
def views(tmp_path: Path, database: Database) -> Project:
    make_orders(database)
    project = make_project(tmp_path / "project", database, TASKS)
    for name, sql in SQL.items():
        (project.directory / name).write_text(sql)
    return project


def query(project: Project, sql: str) -> list[dict[str, Any]]:
    return json.loads(project.lakehaul("query", "--format", "json", sql, expect=0).stdout)


def test_views_are_read_by_tasks_and_queries(views: Project) -> None:
    run = haul(views)
    assert {name: task["kind"] for name, task in run.tasks.items()} == {
        "orders": "table", "big_orders": "view", "big_totals": "view", "total": "sql"
    }
    assert "big_orders: view of 3 columns" in run.stderr
    assert query(views, "select * from total") == [{"total": "45.00", "orders": 3, "again": 3}] or query(
        views, "select * from total"
    ) == [{"total": 45.00, "orders": 3, "again": 3}]
    assert [row["id"] for row in query(views, "select id from big_orders order by id")] == [2, 3, 4]
    pointer = lake_pointer(views.lake, "big_totals")
    assert pointer["format"] == 3 and pointer["files"] == [] and pointer["rows"] == 0
    assert pointer["view"] == {"sql": SQL["big_totals.sql"], "reads": ["big_orders"]}
    assert [column["name"] for column in pointer["columns"]] == ["total", "orders"]
    assert not (views.lake / "big_totals").exists()


def test_a_view_shows_what_its_tables_show_now(views: Project, database: Database) -> None:
    haul(views)
    database.execute("insert into orders values (5, 100, null, null, null)")
    haul(views, "orders")
    assert query(views, "select count(*) as n from big_orders") == [{"n": 4}]


def test_a_view_over_a_view_of_the_lake_alone(views: Project, database: Database, tmp_path: Path) -> None:
    """Another project over the same lake, to which the views are tables that nobody makes."""
    haul(views)
    other = make_project(tmp_path / "other", database, {"twice": {"sql": "twice.sql"}}, lake=str(views.lake))
    (other.directory / "twice.sql").write_text("select total * 2 as total from big_totals")
    haul(other)
    assert [str(row["total"]) for row in query(other, "select total from twice")] in (["90.00"], ["90.0"])


def test_a_view_whose_select_is_wrong_is_not_published(views: Project) -> None:
    (views.directory / "big_orders.sql").write_text("select nothing from orders")
    run = haul(views, expect=1)
    assert run.tasks["big_orders"]["status"] == "failed"
    assert "nothing" in run.tasks["big_orders"]["error"]["message"]
    assert run.tasks["big_totals"]["status"] == run.tasks["total"]["status"] == "skipped"
    assert not is_published(views.lake, "big_orders")


def test_a_table_becomes_a_view_and_back(views: Project, database: Database) -> None:
    haul(views)
    tables = make_project(views.directory, database, {**TASKS, "big_orders": {"sql": "big_orders.sql"}})
    haul(tables)
    assert lake_pointer(views.lake, "big_orders")["rows"] == 3
    views = make_project(views.directory, database, TASKS)
    haul(views)
    assert lake_pointer(views.lake, "big_orders")["format"] == 3
    views.lakehaul("gc", "--keep", "1", expect=0)
    assert not (views.lake / "big_orders").exists() or not list((views.lake / "big_orders").iterdir())
    assert query(views, "select count(*) as n from big_orders") == [{"n": 3}]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"table": "orders", "view": True}, "task v is of kind table and cannot be a view"),
        ({"sql": "big_orders.sql", "view": True, "sort_by": ["id"]}, "task v is a view and takes no sort_by"),
        ({"sql": "big_orders.sql", "view": "yes"}, 'unknown view "yes" in task v'),
    ],
)
def test_what_a_view_cannot_be(views: Project, database: Database, task: dict[str, Any], message: str) -> None:
    project = make_project(views.directory, database, {"v": task})
    assert message in project.lakehaul("check", "--offline", expect=2).stderr


def test_views_that_read_each_other_are_told(views: Project, database: Database, tmp_path: Path) -> None:
    """Two projects over one lake can make what one project's graph refuses."""
    haul(views)
    other = make_project(tmp_path / "other", database, {"orders": {"sql": "o.sql", "view": True}}, lake=str(views.lake))
    (other.directory / "o.sql").write_text("select * from big_orders")
    haul(other)
    result = views.lakehaul("query", "select * from big_totals", expect=4)
    assert "view" in result.stderr and "reads itself" in result.stderr


# -------- in Glue --------


@pytest.fixture
def glue_server() -> Any:
    with GlueServer() as server:
        yield server


def decode_view(table: dict[str, Any]) -> dict[str, Any]:
    """As Trino's PrestoViewReader does."""
    text = table["ViewOriginalText"]
    assert text.startswith("/* Presto View: ") and text.endswith(" */")
    return json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */"), validate=True))


def test_a_view_in_glue_is_what_athena_writes(
    tmp_path: Path, database: Database, s3_bucket: Bucket, s3_env: dict[str, str | None], glue_server: GlueServer
) -> None:
    make_orders(database)
    project = make_project(
        tmp_path / "project", database,
        {"orders": {"table": "public.orders"}, "v": {"sql": "v.sql", "view": True}},
        lake=f"{s3_bucket.url}/lake", catalog="glue", glue={"database": "shop"},
    )
    project.env.update({**s3_env, **glue_server.env()})
    sql = "select id, amount, tags, \"at\", size, map(['k'], [id]) as m, \"at\"::date as d, 1.5::float as f from orders"
    (project.directory / "v.sql").write_text(f"{sql} ; -- the end\n/* ; */\n")
    haul(project)
    table = glue_server.tables["v"]
    assert table["TableType"] == "VIRTUAL_VIEW" and table["ViewExpandedText"] == "/* Presto View */"
    assert table["Parameters"]["presto_view"] == "true" and table["Parameters"]["comment"] == "Presto View"
    assert "classification" not in table["Parameters"]
    definition = decode_view(table)
    assert (definition["originalSql"], definition["catalog"], definition["schema"]) == (sql, "awsdatacatalog", "shop")
    assert [(column["name"], column["type"]) for column in definition["columns"]] == [
        ("id", "integer"), ("amount", "decimal(12,2)"), ("tags", "array(varchar)"), ("at", "timestamp(3)"),
        ("size", 'row("x" double,"y" double)'), ("m", "map(varchar,integer)"), ("d", "date"), ("f", "real"),
    ]
    assert [column["Type"] for column in table["StorageDescriptor"]["Columns"]][:3] == ["int", "decimal(12,2)", "array<string>"]
    # It becomes a table, whose view's marks go.
    (project.directory / "lakehaul.yaml").write_text(project.path.read_text().replace('"view": true', '"view": false'))
    haul(project)
    table = glue_server.tables["v"]
    assert table["TableType"] == "EXTERNAL_TABLE" and "ViewOriginalText" not in table
    assert "presto_view" not in table["Parameters"] and "comment" not in table["Parameters"]
