"""gc --drop: tables are taken out of the lake and of Glue, unless something reads them; and gc leaves what Glue shows."""
from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hauls import haul, make_project
from services.glue_server import GlueServer
from services.s3_server import Bucket
from support import Database, Project, is_published

TASKS = {
    "orders": {"table": "orders"},
    "users": {"table": "users"},
    "totals": {"sql": "totals.sql"},
    "names": {"sql": "names.sql", "view": True},
}


@pytest.fixture
def tables(database: Database) -> Database:
    database.execute(
        "create table orders (id int, at date); insert into orders values (1, '2026-01-01'), (2, '2026-01-02');"
        "create table users (id int, name text); insert into users values (1, 'a')"
    )
    return database


def make(directory: Path, database: Database, tasks: dict[str, Any], **keys: Any) -> Project:
    project = make_project(directory, database, tasks, **keys)
    (directory / "totals.sql").write_text("select count(*) as n from orders")
    (directory / "names.sql").write_text("select name from users")
    return project


@pytest.fixture
def project(tmp_path: Path, tables: Database) -> Project:
    project = make(tmp_path / "project", tables, TASKS)
    haul(project)
    return project


def drop(project: Project, *args: str, expect: int = 0) -> dict[str, Any]:
    return json.loads(project.lakehaul("gc", "--json", *args, expect=expect).stdout)


def test_a_table_that_a_task_reads_is_not_dropped(project: Project) -> None:
    refused = project.lakehaul("gc", "--drop", "orders", "--drop", "names", expect=1)
    assert "table orders is read by task totals" in refused.stderr
    assert "nothing was dropped" in refused.stderr and "--force" in refused.stderr
    assert is_published(project.lake, "orders") and is_published(project.lake, "names")
    told = drop(project, "--drop", "orders", "--dry-run")
    assert told["dependents"] == [{"table": "orders", "kind": "task", "name": "totals"}]
    assert is_published(project.lake, "orders")
    both = drop(project, "--drop", "orders", "--drop", "totals")
    assert [table["table"] for table in both["dropped"]] == ["orders", "totals"] and both["dropped"][0]["files"] > 0
    assert not is_published(project.lake, "orders") and not list(project.lake.glob("orders/*"))
    assert is_published(project.lake, "users")


def test_force_drops_it_all_the_same(project: Project) -> None:
    dropped = project.lakehaul("gc", "--drop", "users", "--force", expect=0)
    assert "dropped users: " in dropped.stdout and "users is read by task names" in dropped.stdout
    assert not is_published(project.lake, "users")
    assert "users" in project.lakehaul("query", "select * from names", expect=1).stderr
    haul(project)
    assert is_published(project.lake, "users")


def test_tables_without_a_task_are_listed_and_dropped_on_demand(project: Project, tables: Database) -> None:
    make(project.directory, tables, {"orders": TASKS["orders"]})
    assert "no task makes: names, totals, users" in project.lakehaul("gc", expect=0).stdout
    assert drop(project)["without_task"] == ["names", "totals", "users"]
    assert is_published(project.lake, "users")
    # A view of the lake that no task makes depends on its tables still.
    refused = project.lakehaul("gc", "--drop", "users", expect=1)
    assert "table users is read by view names" in refused.stderr
    assert [table["table"] for table in drop(project, "--drop-removed")["dropped"]] == ["names", "totals", "users"]
    assert is_published(project.lake, "orders") and not is_published(project.lake, "users")
    assert "nothing to drop" in project.lakehaul("gc", "--drop-removed", expect=0).stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--drop", "order"], "table order is not in lake"),
        (["--force"], "--force is for --drop and --drop-removed"),
        (["--lake", "./lake", "--keep", "1", "--drop", "orders"], "tables are dropped with the project at hand"),
    ],
)
def test_what_is_not_dropped(project: Project, args: list[str], message: str) -> None:
    assert message in project.lakehaul("gc", *args, expect=2, cwd=project.directory).stderr


# -------- with Glue --------


@pytest.fixture
def glue() -> Iterator[GlueServer]:
    with GlueServer() as server:
        yield server


@pytest.fixture
def glue_project(
    tmp_path: Path, tables: Database, s3_bucket: Bucket, s3_env: dict[str, str | None], glue: GlueServer
) -> Project:
    tasks = {"orders": {"table": "orders", "partition_by": "day(at)"}, "users": {"table": "users"}}
    project = make(
        tmp_path / "project", tables, tasks,
        lake=f"{s3_bucket.url}/lake", catalog="glue", glue={"database": "shop"}, keep=1,
    )
    project.env.update({**s3_env, **glue.env()})
    haul(project)
    return project


def test_a_table_goes_out_of_glue_first(glue_project: Project, glue: GlueServer, s3_bucket: Bucket) -> None:
    seen = []
    glue.before("DeleteTable", lambda _: seen.extend(s3_bucket.keys("lake/orders/")))
    assert drop(glue_project, "--drop", "orders", "--dry-run")["dropped"][0]["glue"] is True
    assert "orders" in glue.tables and s3_bucket.keys("lake/orders/")
    assert drop(glue_project, "--drop", "orders")["dropped"][0]["glue"] is True
    assert seen and "orders" not in glue.tables and "orders" not in glue.partitions
    assert not [key for key in s3_bucket.keys() if "orders" in key]
    assert glue.location("users")


def test_a_view_that_others_made_in_glue_is_in_the_way(glue_project: Project, glue: GlueServer) -> None:
    definition = base64.b64encode(json.dumps({"originalSql": 'SELECT id FROM "shop"."Users"'}).encode()).decode()
    glue.tables["theirs"] = {
        "Name": "theirs", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": f"/* Presto View: {definition} */",
        "Parameters": {"presto_view": "true"}, "VersionId": "0", "CreateTime": 0,
    }
    refused = glue_project.lakehaul("gc", "--drop", "users", expect=1)
    assert "table users is read by view in Glue theirs" in refused.stderr
    drop(glue_project, "--drop", "users", "--force")
    assert "users" not in glue.tables and "theirs" in glue.tables


def test_where_glue_refuses_nothing_goes(glue_project: Project, glue: GlueServer, s3_bucket: Bucket) -> None:
    keys = s3_bucket.keys()
    glue.fail("DeleteTable", "AccessDeniedException")
    refused = glue_project.lakehaul("gc", "--drop", "users", expect=4)
    assert "glue:DeleteTable of table users in database shop" in refused.stderr
    assert [key for key in keys if "users" in key] == [key for key in s3_bucket.keys() if "users" in key]


def test_a_foreign_table_of_the_name_stays(glue_project: Project, glue: GlueServer) -> None:
    del glue.tables["users"]["Parameters"]["lakehaul.version"]
    assert drop(glue_project, "--drop", "users")["dropped"][0]["glue"] is False
    assert "users" in glue.tables


def test_gc_leaves_the_version_that_glue_shows(glue_project: Project, glue: GlueServer, s3_bucket: Bucket) -> None:
    """As after a run that was killed between the pointer and Glue: only one version is to stay, and Glue shows another."""
    shown = {table: dict(glue.tables[table]) for table in ("users", "orders")}
    partitions = dict(glue.partitions["orders"])
    haul(glue_project)
    glue.tables.update(shown)
    glue.partitions["orders"] = partitions
    glue_project.lakehaul("gc", expect=0)
    places = [glue.location("users"), *glue.locations("orders").values()]
    for place in places:
        assert s3_bucket.keys(place.removeprefix(f"{s3_bucket.url}/")), place
    haul(glue_project)
    glue_project.lakehaul("gc", expect=0)
    for place in places:
        assert not s3_bucket.keys(place.removeprefix(f"{s3_bucket.url}/")), place
