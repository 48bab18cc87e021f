"""A lake on S3 read through DuckDB: the same rows as from files, names of every kind, no more bytes than a query needs,
and one clear error for each thing that is wrong, without a secret in it."""
from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from services.environment import Keys
from services.fault_proxy import FaultProxy
from services.faults import half_answer, internal_error, reset_before_body, slow_down
from services.s3_server import Bucket, S3Server
from support import ROOT, Project, run_lakehaul

SHOP = ROOT / "examples" / "shop"


def query(lake: str, sql: str, env: dict, **options) -> list[list[str]]:
    result = run_lakehaul("query", "--lake", lake, "--format", "csv", sql, env=env, **{"expect": 0, **options})
    return list(csv.reader(io.StringIO(result.stdout)))


NAMES = ["plain", "two words", "a=b", "50%", "100%25", "ünï ☃", "st*r", "what?", "[x]", "it's", "a/b", "back\\slash", "#1", "a+b", "a&b;c"]


def test_names_of_every_kind(database, project, s3_bucket: Bucket, s3_env) -> None:
    database.execute("CREATE TABLE named (name text NOT NULL, n int)")
    for number, name in enumerate(NAMES):
        database.execute("INSERT INTO named VALUES (%s, %s)", (name, number))
    lake = f"{s3_bucket.url}/a lake/100% ünï=☃ [x]*?'s"
    made: Project = project(
        {"named": {"table": "named", "partition_by": ["name"]}, "whole": {"table": "named"}}, source=database.uri, lake=lake
    )
    made.run(env=s3_env)
    for table in ("named", "whole"):
        rows = query(lake, f"SELECT name, n FROM {table} ORDER BY n", s3_env)[1:]
        assert rows == [[name, str(number)] for number, name in enumerate(NAMES)], table
