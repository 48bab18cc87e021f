"""What PostgreSQL says a value is, and what a Parquet file holds, in one form that can be compared.

The server's words are the texts of its output functions, as psql prints them; they are parsed here. Floats are compared
by their repr, so that -0.0 differs from 0.0 and NaN equals NaN; decimals by all their digits; dates and timestamps by
days and microseconds since 1970-01-01, since Python's own types end at the year 9999.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support import Database

STATISTICS_BYTES = 64
SHOWN_CHARACTERS = 200

TIMESTAMP = re.compile(r"(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(\+00)?)?( BC)?", re.ASCII)
ARRAY_ELEMENT = re.compile(r'(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^",{}\\]+))(,|$)', re.DOTALL)


def server_texts(database: Database, sql: str) -> dict[str, list[str | None]]:
    """The columns of a result as the server prints them, by name."""
    result = database.connection.execute(sql).pgresult
    columns = {}
    for number in range(result.nfields):
        values = [result.get_value(row, number) for row in range(result.ntuples)]
        name = result.fname(number).decode()
        assert name not in columns, f"two columns are called {name}"
        columns[name] = [None if value is None else value.decode() for value in values]
    return columns


def days_since_1970(year: int, month: int, day: int) -> int:
    """In the proleptic Gregorian calendar; the year 0 is 1 BC."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def parse_timestamp(text: str) -> tuple[int, int]:
    """Days since 1970-01-01 and the microseconds of that day."""
    match = TIMESTAMP.fullmatch(text)
    assert match, f"{text!r} is no date or timestamp that this module knows"
    year, month, day = (int(match[i]) for i in (1, 2, 3))
    hour, minute, second = (int(match[i] or 0) for i in (4, 5, 6))
    fraction = int((match[7] or "").ljust(6, "0"))
    days = days_since_1970(1 - year if match[9] else year, month, day)
    return days, ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction


def parse_array(text: str) -> list[str | None]:
    """The elements of a one-dimensional array, with whatever lower bound."""
    body = re.fullmatch(r"(?:\[-?\d+:-?\d+\]=)?\{(.*)\}", text, re.DOTALL)[1]
    elements: list[str | None] = []
    end = 0
    more = body != ""
    while more:
        match = ARRAY_ELEMENT.match(body, end)
        assert match, f"{text[:SHOWN_CHARACTERS]!r} is no array that this module knows"
        if match[1] is not None:
            elements.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
        else:
            elements.append(None if match[2] == "NULL" else match[2])
        end = match.end()
        more = match[3] == ","
    assert end == len(body)
    return elements


def expected_value(text: str | None, type_: pa.DataType) -> Any:
    """The value that a column of `type_` holds for what the server prints as `text`."""
    if text is None:
        return None
    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    if pa.types.is_list(type_):
        return [expected_value(element, type_.value_type) for element in parse_array(text)]
    if pa.types.is_boolean(type_):
        return {"t": True, "f": False}[text]
    if pa.types.is_integer(type_):
        return int(text)
    if pa.types.is_float32(type_):
        return repr(struct.unpack("f", struct.pack("f", float(text)))[0])
    if pa.types.is_float64(type_):
        return repr(float(text))
    if pa.types.is_binary(type_):
        assert text.startswith("\\x")
        return bytes.fromhex(text[2:])
    if pa.types.is_date32(type_):
        days, micros = parse_timestamp(text)
        assert micros == 0
        return days
    if pa.types.is_timestamp(type_):
        days, micros = parse_timestamp(text)
        return days * 86_400_000_000 + micros
    assert pa.types.is_string(type_) or pa.types.is_decimal(type_), f"{type_} has no comparable form here"
    return text


def expected_values(texts: Sequence[str | None], type_: pa.DataType) -> list[Any]:
    return [expected_value(text, type_) for text in texts]


def held_values(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of a column in the form of expected_value()."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in held_values(chunk)]
    if isinstance(array.type, pa.BaseExtensionType):
        return held_values(array.storage)
    if pa.types.is_list(array.type):
        values, offsets = held_values(array.values), array.offsets.to_pylist()
        slices = zip(offsets, offsets[1:], array.is_valid().to_pylist())
        return [values[start:end] if is_valid else None for start, end, is_valid in slices]
    if pa.types.is_date32(array.type):
        return array.view(pa.int32()).to_pylist()
    if pa.types.is_timestamp(array.type):
        assert array.type.unit == "us"
        return array.view(pa.int64()).to_pylist()
    values = array.to_pylist()
    if pa.types.is_floating(array.type):
        return [None if value is None else repr(value) for value in values]
    if pa.types.is_decimal(array.type):
        return [None if value is None else f"{value:f}" for value in values]
    return values


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def assert_same_values(what: str, held: list[Any], expected: list[Any]) -> None:
    for index, (one, other) in enumerate(zip(held, expected)):
        if one != other or type(one) is not type(other):
            pytest.fail(f"{what}, value {index}:\n  lake      {shown(one)}\n  expected  {shown(other)}", pytrace=False)
    assert len(held) == len(expected), f"{what}: {len(held)} values, {len(expected)} expected"


def read_with_pyarrow(paths: Sequence[Path]) -> pa.Table:
    """All rows, after every page's checksum and every column chunk's statistics have been checked."""
    tables = []
    for path in paths:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            tables.append(read_checked(file))
    return pa.concat_tables(tables)


def read_with_duckdb(paths: Sequence[Path]) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.from_parquet([str(path) for path in paths]).to_arrow_table()


def duckdb_types(path: Path) -> dict[str, str]:
    with duckdb.connect() as connection:
        relation = connection.from_parquet(str(path))
        return dict(zip(relation.columns, map(str, relation.types)))


def order_by(table: pa.Table, key: str) -> dict[str, list[Any]]:
    """The columns in the form of expected_value(), rows in the order of `key`."""
    keys = held_values(table.column(key))
    rows = sorted(range(table.num_rows), key=keys.__getitem__)
    columns = {name: held_values(table.column(name)) for name in table.column_names}
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def assert_files_hold(paths: Sequence[Path], texts: dict[str, list[str | None]], key: str | None = None) -> pa.Schema:
    """Both readers find in `paths` what the server printed, its rows ordered by `key` (None: in the files' order).
    Returns the schema as pyarrow reads it."""
    table = read_with_pyarrow(paths)
    assert table.column_names == list(texts)
    schema = table.schema
    for reader, read in [("pyarrow", table), ("DuckDB", read_with_duckdb(paths))]:
        assert read.column_names == list(texts), reader
        if key is None:
            columns = {name: held_values(read.column(name)) for name in texts}
        else:
            columns = order_by(read, key)
        for name, column in columns.items():
            type_ = schema.field(name).type
            assert_same_values(f"{name} ({type_}) by {reader}", column, expected_values(texts[name], type_))
    return schema


def is_made_of_several(type_: pa.DataType) -> bool:
    """Structs, maps, and lists of anything nested: their leaves' statistics are not checked here."""
    if pa.types.is_list(type_):
        return pa.types.is_nested(type_.value_type)
    return pa.types.is_nested(type_)


def leaf_count(type_: pa.DataType) -> int:
    if not pa.types.is_nested(type_):
        return 1
    if pa.types.is_map(type_):
        return leaf_count(type_.key_type) + leaf_count(type_.item_type)
    return sum(leaf_count(type_.field(i).type) for i in range(type_.num_fields))


def read_checked(file: pq.ParquetFile) -> pa.Table:
    """Reads row group by row group and compares the statistics of each column chunk with the values read."""
    groups = []
    for number in range(file.metadata.num_row_groups):
        table = file.read_row_group(number)
        chunks = file.metadata.row_group(number)
        assert chunks.num_rows == table.num_rows > 0
        assert chunks.num_columns == sum(leaf_count(column.type) for column in table.columns)
        index = 0
        for name, column in zip(table.column_names, table.columns):
            if not is_made_of_several(column.type):
                check_chunk(f"row group {number}, column {name}", chunks.column(index), column)
            index += leaf_count(column.type)
        groups.append(table)
    assert file.metadata.num_rows == sum(table.num_rows for table in groups)
    return pa.concat_tables(groups) if groups else file.read()


def check_chunk(what: str, chunk: pq.ColumnChunkMetaData, column: pa.ChunkedArray) -> None:
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    slots = len(values)
    if pa.types.is_list(values.type):
        slots = sum(max(length or 0, 1) for length in pc.list_value_length(values).to_pylist())
        values = values.flatten()
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    values = values.drop_null()
    statistics = chunk.statistics
    assert statistics is not None, f"{what}: no statistics"
    assert chunk.num_values == slots, f"{what}: {chunk.num_values} values in the metadata, {slots} read"
    nulls = slots - len(values)
    assert statistics.null_count == nulls, f"{what}: null_count {statistics.null_count}, {nulls} read"
    if len(values) == 0:
        assert not statistics.has_min_max, f"{what}: bounds without values"
        return
    if statistics.logical_type.type in ("GEOMETRY", "GEOGRAPHY"):
        assert not statistics.has_min_max, f"{what}: bounds of geometries, which have no order"
        return
    check_bounds(what, statistics, values)


def check_bounds(what: str, statistics: pq.Statistics, values: pa.Array) -> None:
    if pa.types.is_floating(values.type):
        if pc.any(pc.is_nan(values)).as_py():
            assert not statistics.has_min_max, f"{what}: bounds in spite of NaN"
            return
    if pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    least, greatest = (pc.min_max(values)[edge].as_py() for edge in ("min", "max"))
    if pa.types.is_string(values.type):
        check_byte_bounds(what, statistics, least.encode(), greatest.encode(), is_text=True)
        return
    if pa.types.is_binary(values.type):
        check_byte_bounds(what, statistics, least, greatest, is_text=False)
        return
    assert statistics.has_min_max, f"{what}: no bounds"
    low, high = statistics.min_raw, statistics.max_raw
    if pa.types.is_decimal(values.type):
        least, greatest = (int(f"{value:f}".replace(".", "")) for value in (least, greatest))
        low, high = (raw if isinstance(raw, int) else int.from_bytes(raw, "big", signed=True) for raw in (low, high))
    assert (low, high) == (least, greatest), f"{what}: bounds {low} … {high}, values {least} … {greatest}"
    if pa.types.is_floating(values.type):
        assert repr(low) != "0.0" and repr(high) != "-0.0", f"{what}: a zero bound hides the zero of the other sign"


def rounded_up(text: str) -> str | None:
    """The least text above all that begin with `text`, each character raised within its length in UTF-8."""
    raisable = text.rstrip("\x7f\u07ff\uffff\U0010ffff")
    if raisable == "":
        return None
    code = ord(raisable[-1]) + 1
    return raisable[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)


def expected_bounds(least: bytes, greatest: bytes, is_text: bool) -> tuple[bytes, bytes | None]:
    """Exact up to STATISTICS_BYTES; beyond them a prefix of whole characters, rounded up for the upper bound. There is
    no upper bound where that length has nothing above."""
    encoding = "utf-8" if is_text else "latin-1"
    low, high = (value[:STATISTICS_BYTES].decode(encoding, "ignore") for value in (least, greatest))
    if len(greatest) <= STATISTICS_BYTES:
        return low.encode(encoding), greatest
    if not is_text:
        stripped = greatest[:STATISTICS_BYTES].rstrip(b"\xff")
        return low.encode(encoding), stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
    upper = rounded_up(high)
    return low.encode(encoding), None if upper is None else upper.encode(encoding)


def check_byte_bounds(what: str, statistics: pq.Statistics, least: bytes, greatest: bytes, is_text: bool) -> None:
    expected = expected_bounds(least, greatest, is_text)
    if expected[1] is None:
        assert not statistics.has_min_max, f"{what}: an upper bound above {shown(greatest)}"
        return
    assert statistics.has_min_max, f"{what}: no bounds"
    held = tuple(raw.encode() if isinstance(raw, str) else raw for raw in (statistics.min_raw, statistics.max_raw))
    assert held == expected, f"{what}: bounds {held}, expected {expected}"
    assert held[0] <= least and greatest <= held[1]
