"""catalog: glue. What lakehaul tells Glue is judged by AWS's SDK on moto, and by a stricter Glue that refuses, conflicts
and fails in part as the real one does."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hauls import Haul, haul, make_project
from services.aws_server import AwsServer
from services.glue_server import GlueServer
from services.s3_server import Bucket
from support import Database, Project, run_lakehaul

SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"


@dataclass
class Lake:
    """A project whose lake is a bucket, and whose catalog is some Glue."""

    directory: Path
    database: Database
    bucket: Bucket
    env: dict[str, str | None]
    keys: dict[str, Any] = field(default_factory=dict)

    def project(self, tasks: dict[str, Any], **keys: Any) -> Project:
        project = make_project(
            self.directory, self.database, tasks,
            **{"lake": f"{self.bucket.url}/lake", "catalog": "glue", "glue": {"database": "shop"}, **self.keys, **keys},
        )
        project.env.update(self.env)
        return project

    def haul(self, tasks: dict[str, Any], *args: str, expect: int | None = 0, **keys: Any) -> Haul:
        return haul(self.project(tasks, **keys), *args, expect=expect)

    def pointer(self, table: str) -> dict[str, Any]:
        return json.loads(self.bucket.get(f"lake/_lakehaul/tables/{table}.json"))

    def place(self, table: str) -> str:
        return f"{self.bucket.url}/lake/{table}/{self.pointer(table)['version']}/"


@pytest.fixture
def lake(tmp_path: Path, database: Database, s3_bucket: Bucket, aws_services_env: dict[str, str | None]) -> Lake:
    """Over moto."""
    return Lake(tmp_path / "project", database, s3_bucket, aws_services_env)


@pytest.fixture
def glue() -> Iterator[GlueServer]:
    with GlueServer() as server:
        server.databases["shop"] = {"Name": "shop"}
        yield server


@pytest.fixture
def strict_lake(
    tmp_path: Path, database: Database, s3_bucket: Bucket, s3_env: dict[str, str | None], glue: GlueServer
) -> Lake:
    return Lake(tmp_path / "project", database, s3_bucket, {**s3_env, **glue.env()})


ORDERS = {"orders": {"table": "public.orders"}}


def make_orders(database: Database, rows: int = 3) -> None:
    database.execute(
        f"""
        create table orders (id bigint primary key, amount numeric(12,2), note text, at timestamptz, tags text[],
                             size point, extra jsonb);
        comment on table orders is 'what was ordered';
        comment on column orders.amount is 'in euros';
        insert into orders select i, i * 1.5, 'n' || i, timestamptz '2026-01-01 00:00+00' + i * interval '1 day',
               array['a', 'b'], point(1, 2), '{{"a": 1}}' from generate_series(1, {rows}) as i
        """
    )


def test_a_table_in_glue_is_what_athena_expects(lake: Lake, aws_server: AwsServer) -> None:
    make_orders(lake.database)
    lake.haul(ORDERS)
    client = aws_server.client("glue")
    assert client.get_database(Name="shop")["Database"]["Name"] == "shop"
    table = client.get_table(DatabaseName="shop", Name="orders")["Table"]
    pointer = lake.pointer("orders")
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["Description"] == "what was ordered"
    parameters = table["Parameters"]
    expected = {
        "classification": "parquet", "compressionType": "zstd", "typeOfData": "file", "EXTERNAL": "TRUE",
        "recordCount": "3", "lakehaul.version": pointer["version"], "lakehaul.source": "table public.orders",
        "lakehaul.snapshot_lsn": pointer["snapshot"]["lsn"], "lakehaul.snapshot_time": pointer["snapshot"]["time"],
    }
    assert {name: parameters[name] for name in expected} == expected
    storage = table["StorageDescriptor"]
    assert storage["Location"] == lake.place("orders")
    assert (storage["InputFormat"], storage["OutputFormat"]) == (INPUT_FORMAT, OUTPUT_FORMAT)
    assert storage["SerdeInfo"] == {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1"}}
    assert [(column["Name"], column["Type"], column.get("Comment")) for column in storage["Columns"]] == [
        ("id", "bigint", None), ("amount", "decimal(12,2)", "in euros"), ("note", "string", None),
        ("at", "timestamp", None), ("tags", "array<string>", None), ("size", "struct<x:double,y:double>", None),
        ("extra", "string", None),
    ]


def test_the_location_moves_in_one_update_and_gc_leaves_it(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    first = glue.location("orders")
    strict_lake.haul(ORDERS)
    assert glue.location("orders") == strict_lake.place("orders") != first
    assert glue.actions().count("CreateTable") == glue.actions().count("UpdateTable") == 1
    update = glue.inputs("UpdateTable")[0]
    assert update["SkipArchive"] is True and update["VersionId"] == "0"


def test_what_others_set_in_glue_is_kept(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    table = glue.tables["orders"]
    table["Owner"] = "data team"
    table["Parameters"]["team"] = "sales"
    table["StorageDescriptor"]["Columns"][0]["Comment"] = "the key"
    strict_lake.database.execute("alter table orders add column added int")
    strict_lake.haul(ORDERS)
    table = glue.tables["orders"]
    assert table["Owner"] == "data team" and table["Parameters"]["team"] == "sales"
    columns = table["StorageDescriptor"]["Columns"]
    assert columns[0]["Comment"] == "the key"
    assert columns[-1] == {"Name": "added", "Type": "int"}


def test_a_concurrent_change_is_read_again_and_kept(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    glue.before("UpdateTable", lambda _: glue.touch("orders", team="sales"))
    strict_lake.haul(ORDERS)
    assert glue.location("orders") == strict_lake.place("orders")
    assert glue.tables["orders"]["Parameters"]["team"] == "sales"
    assert glue.actions().count("UpdateTable") == 2


def test_a_table_that_appears_meanwhile_is_not_overwritten(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)

    def appear(input: dict[str, Any]) -> None:
        glue.tables["orders"] = {"Name": "orders", "Parameters": {}, "VersionId": "0", "CreateTime": 0}

    glue.before("CreateTable", appear)
    run = strict_lake.haul(ORDERS, expect=1)
    assert "has a table orders that lakehaul did not make" in run.tasks["orders"]["error"]["message"]
    assert glue.tables["orders"]["Parameters"] == {}
    assert not [key for key in strict_lake.bucket.keys() if "orders" in key]


def test_a_foreign_table_is_refused_before_a_row_is_read_and_adopted_on_demand(
    strict_lake: Lake, glue: GlueServer
) -> None:
    make_orders(strict_lake.database)
    glue.tables["orders"] = {"Name": "orders", "Owner": "them", "Parameters": {"a": "b"}, "VersionId": "7", "CreateTime": 0}
    result = strict_lake.project(ORDERS).run(expect=4)
    assert "Glue's database shop has a table orders that lakehaul did not make" in result.stderr
    assert "glue: { adopt: true }" in result.stderr
    assert not [key for key in strict_lake.bucket.keys() if "orders" in key]
    strict_lake.haul(ORDERS, glue={"database": "shop", "adopt": True})
    assert glue.location("orders") == strict_lake.place("orders")
    assert glue.tables["orders"]["Owner"] == "them" and glue.tables["orders"]["Parameters"]["a"] == "b"


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidInputException"])
def test_what_glue_refuses_is_not_published(strict_lake: Lake, glue: GlueServer, code: str) -> None:
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    before, keys = strict_lake.pointer("orders"), strict_lake.bucket.keys()
    glue.fail("UpdateTable", code, message="not you")
    run = strict_lake.haul(ORDERS, expect=1)
    error = run.tasks["orders"]["error"]
    assert "glue:UpdateTable of table orders in database shop" in error["message"] and "not you" in error["message"]
    assert ("environment" in error["hint"]) == (code == "AccessDeniedException")
    assert strict_lake.pointer("orders") == before
    assert strict_lake.bucket.keys() == keys
    assert glue.location("orders") == strict_lake.place("orders")


def test_a_first_publication_that_fails_leaves_no_table(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    glue.fail_after("CreateTable", "InvalidInputException")
    strict_lake.haul(ORDERS, expect=1)
    assert glue.tables == {}
    assert not [key for key in strict_lake.bucket.keys() if "orders" in key]


def test_files_stay_where_glue_may_point_to_them(strict_lake: Lake, glue: GlueServer) -> None:
    """The table has moved, but nobody can tell, nor put it back."""
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    before = strict_lake.pointer("orders")
    glue.fail_after("UpdateTable", "InvalidInputException")
    glue.before("UpdateTable", lambda _: glue.fail("GetTable", "AccessDeniedException", times=3))
    run = strict_lake.haul(ORDERS, expect=1)
    assert "Glue may show some of what was not published" in run.tasks["orders"]["error"]["hint"]
    assert strict_lake.pointer("orders") == before
    shown = glue.location("orders").removeprefix(f"{strict_lake.bucket.url}/")
    assert strict_lake.bucket.keys(shown)
    glue._before.clear()
    strict_lake.haul(ORDERS)
    assert glue.location("orders") == strict_lake.place("orders")


def test_throttling_is_waited_out(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    glue.fail("GetTable", "ThrottlingException", times=2)
    glue.fail("CreateTable", "InternalServiceException", status=500)
    strict_lake.haul(ORDERS)
    assert glue.location("orders") == strict_lake.place("orders")


# -------- partitions --------

EVENTS = {"events": {"table": "public.events", "partition_by": ["kind", "day(at)"]}}


def make_events(database: Database, days: int) -> None:
    database.execute(
        f"""
        create table events (id bigint, kind text, at timestamptz, amount int);
        insert into events select i, case when i % 2 = 0 then 'a/b' else 'c' end,
               timestamptz '2026-01-01 12:00+00' + i * interval '1 day', i from generate_series(1, {days}) as i
        """
    )


def expected_locations(lake: Lake, table: str) -> dict[tuple[str, ...], str]:
    return {
        tuple(value or "__HIVE_DEFAULT_PARTITION__" for value in partition["values"]):
            f"{lake.bucket.url}/lake/{table}/{partition['path']}/{partition['version']}/"
        for partition in lake.pointer(table)["partitions"]
    }


def test_partitions_are_registered_moved_and_removed(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 130)
    strict_lake.haul(EVENTS)
    assert glue.locations("events") == expected_locations(strict_lake, "events")
    assert len(glue.locations("events")) == 130
    table = glue.tables["events"]
    assert [(key["Name"], key["Type"]) for key in table["PartitionKeys"]] == [("kind", "string"), ("day", "date")]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["id", "at", "amount"]
    partition = next(iter(glue.partitions["events"].values()))
    assert partition["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]
    assert partition["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == SERDE
    sizes = [len(input["PartitionInputList"]) for input in glue.inputs("BatchCreatePartition")]
    assert sizes == [100, 30]

    glue.calls.clear()
    strict_lake.database.execute("delete from events where id > 100; insert into events values (1000, null, '2027-01-01', 1)")
    strict_lake.haul(EVENTS)
    assert glue.locations("events") == expected_locations(strict_lake, "events")
    assert len(glue.locations("events")) == 101
    # Nothing is removed before the table is done, and nothing that readers look for is missing meanwhile.
    changes = [action for action in glue.actions() if action.startswith(("Batch", "Update", "Create", "Delete"))]
    assert changes == ["BatchCreatePartition", "BatchUpdatePartition", "UpdateTable"] + ["BatchDeletePartition"] * 2


def test_only_partitions_that_were_rewritten_are_touched(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 6)
    strict_lake.haul(EVENTS)
    glue.calls.clear()
    strict_lake.haul(EVENTS, "events", "--partition", "kind=c/day=2026-01-02")
    assert glue.locations("events") == expected_locations(strict_lake, "events")
    assert [entry["PartitionValueList"] for entry in glue.inputs("BatchUpdatePartition")[0]["Entries"]] == [
        ["c", "2026-01-02"]
    ]
    assert not glue.inputs("BatchCreatePartition") and not glue.inputs("BatchDeletePartition")


def test_batches_that_fail_in_part_are_repeated_in_part(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 4)
    first, second = ("c", "2026-01-02"), ("a/b", "2026-01-03")
    glue.fail_entries("BatchCreatePartition", {first: "InternalServiceException", second: "ThrottlingException"})
    strict_lake.haul(EVENTS)
    assert glue.locations("events") == expected_locations(strict_lake, "events")
    assert [len(input["PartitionInputList"]) for input in glue.inputs("BatchCreatePartition")] == [4, 2]


def test_partitions_that_others_made_or_removed_meanwhile(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 4)
    taken = ("c", "2026-01-02")
    glue.before("BatchCreatePartition", lambda _: glue.partitions["events"].update({taken: {"Values": list(taken)}}))
    strict_lake.haul(EVENTS)
    assert glue.locations("events") == expected_locations(strict_lake, "events")
    glue.before("BatchUpdatePartition", lambda _: glue.partitions["events"].pop(taken))
    strict_lake.haul(EVENTS)
    assert glue.locations("events") == expected_locations(strict_lake, "events")


def test_a_partition_that_glue_refuses_puts_all_of_them_back(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 150)
    strict_lake.haul(EVENTS)
    before, keys = glue.locations("events"), strict_lake.bucket.keys()
    refused = {max(before): "InvalidInputException"}
    glue.fail_entries("BatchUpdatePartition", {})
    glue.fail_entries("BatchUpdatePartition", refused)
    strict_lake.database.execute("update events set amount = 0")
    run = strict_lake.haul(EVENTS, expect=1)
    assert "partition " in run.tasks["events"]["error"]["message"]
    assert "InvalidInputException" in run.tasks["events"]["error"]["message"]
    assert glue.locations("events") == before == expected_locations(strict_lake, "events")
    assert strict_lake.bucket.keys() == keys


def test_another_partitioning_makes_the_table_anew(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 4)
    strict_lake.haul(EVENTS)
    glue.tables["events"]["Owner"] = "data team"
    strict_lake.haul({"events": {"table": "public.events", "partition_by": "month(at)"}})
    assert list(glue.locations("events")) == [("2026-01",)]
    assert glue.tables["events"]["Owner"] == "data team"
    strict_lake.haul({"events": {"table": "public.events"}})
    assert glue.locations("events") == {} and glue.location("events") == strict_lake.place("events")


def test_partition_index(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 2)
    tasks = {"events": {**EVENTS["events"], "partition_index": True}}
    strict_lake.haul(tasks)
    strict_lake.haul(tasks)
    assert [[key["Name"] for key in index["Keys"]] for index in glue.indexes["events"]] == [["kind", "day"]]
    assert glue.tables["events"]["Parameters"]["partition_filtering.enabled"] == "true"
    glue.indexes.clear()
    glue.fail("CreatePartitionIndex", "ResourceNumberLimitExceededException")
    run = strict_lake.haul(tasks)
    assert any("have no index in Glue" in line for line in run.warnings("events"))


def test_projected_partitions_move_with_the_table(strict_lake: Lake, glue: GlueServer) -> None:
    make_events(strict_lake.database, 4)
    task = {"table": "public.events", "partition_by": ["day(at)"], "partition_projection": {"day": {"range": "2026-01-01,NOW"}}}
    for _ in range(2):
        strict_lake.haul({"events": task})
        parameters = glue.tables["events"]["Parameters"]
        version = strict_lake.pointer("events")["version"]
        assert parameters["storage.location.template"] == f"{strict_lake.bucket.url}/lake/events/day=${{day}}/{version}/"
        assert parameters["projection.day.range"] == "2026-01-01,NOW"
        assert strict_lake.bucket.keys(f"lake/events/day=2026-01-02/{version}/")
    assert glue.partitions["events"] == {}
    project = strict_lake.project({"events": task})
    refused = project.run("events", "--partition", "2026-01-02", expect=2)
    assert "can only be rewritten together" in refused.stderr


def test_a_lake_elsewhere_is_refused(strict_lake: Lake, tmp_path: Path) -> None:
    project = strict_lake.project(ORDERS)
    result = project.run("--lake", tmp_path / "elsewhere", expect=2)
    assert "catalog glue needs a lake on S3" in result.stderr


def test_check_asks_glue_and_makes_nothing(strict_lake: Lake, glue: GlueServer) -> None:
    make_orders(strict_lake.database)
    tasks = {**ORDERS, "again": {"table": "public.orders"}}
    glue.databases.clear()
    project = strict_lake.project(tasks)
    told = project.lakehaul("check", expect=0).stdout
    assert "glue: database shop would be made; tables that would be made: orders, again" in told
    assert set(glue.actions()) == {"GetDatabase", "GetTable"}
    strict_lake.haul(ORDERS)
    assert "glue: database shop; tables that would be made: again\n" in strict_lake.project(tasks).lakehaul("check", expect=0).stdout
    glue.tables["again"] = {"Name": "again", "Parameters": {}, "VersionId": "0", "CreateTime": 0}
    assert "task again: Glue's database shop has a table again that lakehaul did not make" in strict_lake.project(tasks).lakehaul("check", expect=1).stderr
    glue.fail("GetDatabase", "AccessDeniedException")
    refused = strict_lake.project(tasks).lakehaul("check", expect=4).stderr
    assert "glue:GetDatabase" in refused and "environment" in refused


def test_what_athena_cannot_read_is_warned_of(strict_lake: Lake, glue: GlueServer) -> None:
    strict_lake.database.execute("create table ids (id uuid); insert into ids values (gen_random_uuid())")
    run = strict_lake.haul({"ids": {"table": "ids", "columns": {"id": {"type": "uuid"}}}})
    assert any("which Athena cannot read" in line for line in run.warnings("ids"))


def test_two_runs_at_once_leave_glue_at_the_pointer(strict_lake: Lake, glue: GlueServer) -> None:
    """The second run publishes while the first is between its pointer and Glue."""
    make_orders(strict_lake.database)
    strict_lake.haul(ORDERS)
    project = strict_lake.project(ORDERS)

    def overtake(_: dict[str, Any]) -> None:
        glue._state_lock.release()
        try:
            haul(project)
        finally:
            glue._state_lock.acquire()

    glue.before("UpdateTable", overtake)
    haul(project)
    assert glue.location("orders") == strict_lake.place("orders")
    assert len(strict_lake.pointer("orders")["previous"]) == 2


def test_changes_whose_answer_was_lost(strict_lake: Lake, glue: GlueServer) -> None:
    """Done, but told otherwise: asked again, Glue says that the table is there, or that somebody changed it."""
    make_orders(strict_lake.database)
    for action in ("CreateTable", "UpdateTable"):
        glue.fail_after(action, "InternalServiceException", status=500)
        strict_lake.haul(ORDERS)
        assert glue.location("orders") == strict_lake.place("orders")
    make_events(strict_lake.database, 4)
    for action in ("BatchCreatePartition", "BatchUpdatePartition", "BatchDeletePartition"):
        strict_lake.database.execute("delete from events where id = (select min(id) from events)")
        glue.fail_after(action, "InternalServiceException", status=500)
        strict_lake.haul(EVENTS)
        assert glue.locations("events") == expected_locations(strict_lake, "events")
