"""Whether what a tool wrote holds the rows of the table: per column the number of values and a checksum that does not
depend on their order, and one checksum over whole rows, all computed by DuckDB.

The truth is what the server prints as CSV, read back with the declared types. Where a tool wrote another type than the
declared one, values are brought to the declared one before they are compared, and the other type is noted: a numeric as
DOUBLE counts as the same row when rounding to the column's digits gives the same number, and as what the tool lost all
the same.
"""
from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from database import Database, clean_environment
from tables.model import Column, Table

WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
TIMESTAMPS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
ROWS = "whole rows"
MEMBERS = ", members in any order"  # behind a column's name: JSON with its members sorted


@dataclass
class Sums:
    """What is compared of one table or one output."""

    rows: int = 0
    columns: dict[str, tuple[int, str]] = field(default_factory=dict)  # name: number of values, checksum
    notes: dict[str, str] = field(default_factory=dict)  # name: the type it has instead of its own


@dataclass
class Verdict:
    same: bool
    text: str  # "exact", or what differs or what was lost, one line


def plain_type(found: str) -> str:
    return found.split("(")[0]


def canonical(column: Column, name: str, found: str) -> tuple[str, str]:
    """(expression that brings column `name` of DuckDB's type `found` to the declared one, note on the type). An empty
    note: as declared."""
    kind, base = column.kind, plain_type(found)
    as_found = f"as {found.lower()}"
    if kind == "int":
        if base in WHOLE:
            return f"{name}::BIGINT", ""
        return f"TRY_CAST({name} AS BIGINT)", as_found
    if kind == "decimal":
        target = f"DECIMAL(38,{column.scale})"
        if base == "DECIMAL":
            note = "" if found.endswith(f",{column.scale})") else as_found
            return f"{name}::{target}", note
        if base in ("DOUBLE", "FLOAT"):
            return f"round({name}::DOUBLE, {column.scale})::{target}", as_found
        return f"TRY_CAST({name} AS {target})", as_found
    if kind == "double":
        return f"TRY_CAST({name} AS DOUBLE)", "" if base == "DOUBLE" else as_found
    if kind == "date":
        return f"TRY_CAST({name} AS DATE)", "" if base == "DATE" else as_found
    if kind == "timestamp":
        return f"TRY_CAST({name} AS TIMESTAMP)", "" if base in TIMESTAMPS else as_found
    if kind == "timestamptz":
        if base in TIMESTAMPS:
            return f"{name}::TIMESTAMP", "as a timestamp without zone"
        return f"TRY_CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'", "" if base == "TIMESTAMP WITH TIME ZONE" else as_found
    if kind == "uuid":
        if base == "BLOB":
            return f"lower(hex({name}))", "as bytes"
        return f"replace(lower({name}::VARCHAR), '-', '')", "" if base == "UUID" else as_found
    if kind == "bool":
        return f"TRY_CAST({name} AS BOOLEAN)", "" if base == "BOOLEAN" else as_found
    text = f"decode({name})" if base == "BLOB" else f"{name}::VARCHAR"
    note = "" if base in ("VARCHAR", "JSON") else "as bytes" if base == "BLOB" else as_found
    if kind == "json":
        if base in ("STRUCT", "MAP"):
            return f"to_json({name})::VARCHAR", f"as {base.lower()}"
        return f"json({text})::VARCHAR", note
    return (f"rtrim({text})" if kind == "bpchar" else text), note


def sums_of(connection: duckdb.DuckDBPyConnection, relation: str, table: Table) -> Sums:
    """The columns of `relation` belong to those of `table` in their order."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    if len(described) != len(table.columns):
        raise ValueError(f"{len(described)} columns, not {len(table.columns)}")
    sums, selected, values, summed = Sums(), [], [], []
    for column, (name, found, *_) in zip(table.columns, described, strict=True):
        if name.lower() != column.name:
            raise ValueError(f"column {name} where {column.name} belongs")
        quoted = '"' + name.replace('"', '""') + '"'
        value, note = canonical(column, quoted, found)
        if note:
            sums.notes[column.name] = note
        selected.append(f"{value} AS {column.name}")
        summed.append((column.name, column.name))
        values.append(column.name)
        if column.kind == "json":
            values[-1] = f"list_sort(string_split_regex({column.name}, '[][{{}},]'))"
            summed.append((column.name + MEMBERS, values[-1]))
    asked = ", ".join(f"count({value}), sum(hash({value}))" for _, value in summed)
    row = connection.execute(
        f"SELECT count(*), sum(hash({', '.join(values)})), {asked} FROM (SELECT {', '.join(selected)} FROM {relation})"
    ).fetchone()
    assert row is not None
    sums.rows = row[0]
    sums.columns[ROWS] = (row[0], str(row[1]))
    for index, (name, _) in enumerate(summed):
        sums.columns[name] = (row[2 + 2 * index], str(row[3 + 2 * index]))
    return sums


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def duckdb_type(column: Column) -> str:
    return {
        "int": "BIGINT", "decimal": f"DECIMAL(38,{column.scale})", "double": "DOUBLE", "date": "DATE",
        "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ", "uuid": "UUID", "bool": "BOOLEAN",
    }.get(column.kind, "VARCHAR")


def expected_sums(database: Database, table: Table, cache: Path, fingerprint: str) -> Sums:
    """Of the table in the database; kept in `cache` for as long as the table stays as it is."""
    if cache.exists():
        kept = json.loads(cache.read_text())
        if kept["fingerprint"] == fingerprint:
            return Sums(kept["rows"], {name: (count, value) for name, (count, value) in kept["columns"].items()})
    types = ", ".join(f"'{column.name}': '{duckdb_type(column)}'" for column in table.columns)
    cache.parent.mkdir(parents=True, exist_ok=True)
    text = cache.with_suffix(".csv")
    try:
        with open(text, "wb") as file:
            command = [*database.psql, "-c", f"COPY {table.name} TO STDOUT (FORMAT csv)"]
            subprocess.run(command, stdout=file, env=clean_environment(), check=True)
        relation = (
            f"read_csv('{text}', columns = {{{types}}}, header = false, auto_detect = false, delim = ',', quote = '\"', "
            "escape = '\"', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000)"
        )
        with connect() as connection:
            sums = sums_of(connection, relation, table)
    finally:
        text.unlink(missing_ok=True)
    cache.write_text(json.dumps({"fingerprint": fingerprint, "rows": sums.rows, "columns": sums.columns}))
    return sums


def ranges(names: list[str]) -> str:
    """At most four names."""
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def compare(expected: Sums, files: list[Path], table: Table) -> Verdict:
    listed = ", ".join(f"'{file}'" for file in files)
    try:
        with connect() as connection:
            actual = sums_of(connection, f"read_parquet([{listed}])", table)
    except (duckdb.Error, ValueError) as error:
        return Verdict(False, "cannot be compared: " + re.sub(r"\s+", " ", str(error))[:200])
    if actual.rows != expected.rows:
        return Verdict(False, f"{actual.rows:,} rows, not {expected.rows:,}")
    wrong = [name for name in expected.columns if actual.columns[name] != expected.columns[name]]
    by_note: dict[str, list[str]] = defaultdict(list)
    for name in list(wrong):
        if name + MEMBERS in expected.columns and name + MEMBERS not in wrong:
            wrong.remove(name)
            by_note["with members in another order"].append(name)
    for name, note in actual.notes.items():
        by_note[note].append(name)
    notes = [f"{ranges(names)} {note}" for note, names in by_note.items()]
    if not wrong:
        return Verdict(True, "; ".join(notes) or "exact")
    differing = [name for name in wrong if name != ROWS and not name.endswith(MEMBERS)]
    return Verdict(False, "; ".join([f"other values in {ranges(differing or [ROWS])}", *notes]))
