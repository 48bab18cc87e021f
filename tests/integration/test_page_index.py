"""Page index, bloom filters and what else tells a reader what it need not read, judged by others' readers: hyparquet
decodes the index and the filters, which are compared with the rows that pyarrow reads; DataFusion and DuckDB skip
pages and row groups by them.
"""
from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import math
import re
import shutil
import struct
import subprocess
from pathlib import Path

import datafusion
import duckdb
import pyarrow
import pyarrow.parquet
import pytest

import support

PROGRAM = support.BUILD_DIR / "tests" / "unit" / "parquet" / "parquet_samples"
HYPARQUET = support.ROOT / ".deps" / "hyparquet"
READER = Path(__file__).with_name("hyparquet_read.mjs")
ROWS, GROUP_ROWS, PAGE_ROWS = 60000, 20000, 1000
EPOCH = datetime.date(1970, 1, 1)

# How a bound of each column of indexed.parquet becomes what pyarrow reads. Text bounds may be cut: they are
# compared as bytes.
DECODERS = {
    "rising": lambda b: struct.unpack("<q", b)[0],
    "falling": lambda b: struct.unpack("<i", b)[0],
    "number": lambda b: struct.unpack("<q", b)[0],
    "day": lambda b: EPOCH + datetime.timedelta(days=struct.unpack("<i", b)[0]),
    "price": lambda b: decimal.Decimal(int.from_bytes(b, "big", signed=True)).scaleb(-2, decimal.Context(prec=60)),
    "real": lambda b: struct.unpack("<d", b)[0],
}
EXACT = set(DECODERS) | {"key", "uuid", "few"}


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing: build the target parquet_samples, or set LAKEHAUL_BUILD_DIR")
    directory = tmp_path_factory.mktemp("samples")
    subprocess.run([PROGRAM, directory], check=True)
    return directory


def read_with_hyparquet(path: Path) -> dict:
    own = HYPARQUET / "node" / "bin" / "node"
    node = str(own) if own.exists() else shutil.which("node")
    if node is None or not (HYPARQUET / "node_modules").exists():
        support.missing("hyparquet (scripts/fetch-hyparquet.sh)")
    found = subprocess.run([node, READER, HYPARQUET / "node_modules", path], capture_output=True, encoding="utf-8",
                           check=False)
    assert found.returncode == 0, f"{path.name}: {found.stderr}"
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def indexed(samples):
    return read_with_hyparquet(samples / "indexed.parquet")


@pytest.fixture(scope="module")
def rows(samples):
    return pyarrow.parquet.read_table(samples / "indexed.parquet").to_pydict()


def canonical(value) -> str | None:
    """As hyparquet_read.mjs has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, str)):
        return str(value)
    if isinstance(value, list):
        items = [canonical(item) for item in value]
        return None if None in items else f"[{','.join(items)}]"
    return None


@pytest.mark.parametrize("name", [
    "flat_zstd", "flat_snappy", "flat_gzip", "flat_lz4_raw", "flat_none", "flat_required", "flat_plain", "flat_empty",
    "nested_zstd", "nested_plain", "nested_default", "nested_empty", "wide_indices", "indexed",
])
def test_hyparquet_reads_every_file_as_pyarrow_does(samples, name):
    path = samples / f"{name}.parquet"
    found = read_with_hyparquet(path)
    table = pyarrow.parquet.read_table(path)
    assert found["rows"] == table.num_rows
    compared = 0
    for column in table.column_names:
        if pyarrow.types.is_timestamp(table[column].type):
            continue
        texts = [canonical(value) for value in table[column].to_pylist()]
        if table.num_rows > 0 and None not in texts and found["digests"].get(column):
            digest = hashlib.sha256("".join(f"{text}\n" for text in texts).encode())
            assert found["digests"][column] == digest.hexdigest(), f"{name}: {column}"
            compared += 1
    assert compared > 0 or table.num_rows == 0


def pages_of(indexed, path):
    """(values' range, offset index, column index or None, number of the page) of each page of a column."""
    start = 0
    for group in indexed["row_groups"]:
        column = next(column for column in group["columns"] if column["path"] == path)
        locations = column["offsets"]["page_locations"]
        ends = [location["first_row_index"] for location in locations[1:]] + [group["rows"]]
        for page, (location, end) in enumerate(zip(locations, ends)):
            yield (start + location["first_row_index"], start + end), column, page
        start += group["rows"]


def test_every_chunk_has_an_index_that_is_as_long_as_the_footer_says(indexed):
    for group in indexed["row_groups"]:
        assert [column["path"] for column in group["columns"] if "bounds" not in column] in ([], ["real"])
        for column in group["columns"]:
            assert column["offset_index_read"] and column.get("column_index_read", True)


def test_offset_indexes_lead_to_the_pages(samples, indexed):
    data = (samples / "indexed.parquet").read_bytes()
    for group in indexed["row_groups"]:
        for column in group["columns"]:
            locations = column["offsets"]["page_locations"]
            assert [location["first_row_index"] for location in locations] == list(range(0, GROUP_ROWS, PAGE_ROWS))
            for location, following in zip(locations, locations[1:]):
                assert location["offset"] + location["compressed_page_size"] == following["offset"]
                # A page's header begins with its type, a data page of version 1: field 1, i32, 0.
                assert data[location["offset"]:location["offset"] + 2] == b"\x15\x00"


def least_and_greatest(values, column):
    if column in ("key", "uuid", "few", "long"):
        values = [value.encode() for value in values]
    return min(values), max(values)


@pytest.mark.parametrize("column", ["rising", "falling", "key", "number", "uuid", "day", "few", "long", "price", "real"])
def test_bounds_and_null_counts_of_pages_are_those_of_their_rows(indexed, rows, column):
    decode = DECODERS.get(column, lambda bound: bound)
    null_pages = 0
    for (begin, end), chunk, page in pages_of(indexed, column):
        values = [value for value in rows[column][begin:end] if value is not None]
        if "bounds" not in chunk:
            assert column == "real" and any(math.isnan(value) for value in rows[column][GROUP_ROWS * 2:] if value)
            continue
        bounds = chunk["bounds"]
        assert bounds["null_counts"][page] == end - begin - len(values)
        assert bounds["null_pages"][page] == (not values)
        if not values:
            assert bounds["min_values"][page] == bounds["max_values"][page] == ""
            null_pages += 1
            continue
        least, greatest = least_and_greatest(values, column)
        low, high = (decode(bytes.fromhex(bounds[name][page])) for name in ("min_values", "max_values"))
        if column in EXACT:
            assert (low, high) == (least, greatest)
        else:
            assert low <= least and high >= greatest and len(low) <= 64 and len(high) <= 64
    assert (null_pages > 0) == (column == "day")


def test_boundary_order_is_told(indexed):
    orders = {column["path"]: column["bounds"]["boundary_order"] for column in indexed["row_groups"][0]["columns"]
              if "bounds" in column}
    assert orders["rising"] == "ASCENDING"
    assert orders["falling"] == "DESCENDING"
    assert orders["number"] == orders["uuid"] == "UNORDERED"


def test_sizes_are_those_of_the_values(indexed, rows):
    for column in ("key", "uuid", "few", "long"):
        for (begin, end), chunk, page in pages_of(indexed, column):
            size = sum(len(value.encode()) for value in rows[column][begin:end] if value is not None)
            assert chunk["offsets"]["unencoded_byte_array_data_bytes"][page] == size
        for start, group in zip(range(0, ROWS, GROUP_ROWS), indexed["row_groups"]):
            chunk = next(chunk for chunk in group["columns"] if chunk["path"] == column)
            size = sum(len(value.encode()) for value in rows[column][start:start + GROUP_ROWS] if value is not None)
            assert chunk["size_statistics"]["unencoded_byte_array_data_bytes"] == size


def test_level_histograms_count_what_lists_hold(indexed, rows):
    """Definition levels of a nullable list of nullable text: 0 null, 1 empty, 2 a null element, 3 a text."""
    for (begin, end), chunk, page in pages_of(indexed, "texts.list.element"):
        lists = rows["texts"][begin:end]
        elements = [element for texts in lists if texts for element in texts]
        definition = [lists.count(None), lists.count([]), elements.count(None),
                      sum(element is not None for element in elements)]
        repetition = [len(lists), len(elements) - sum(1 for texts in lists if texts)]
        bounds = chunk["bounds"]
        assert bounds["definition_level_histograms"][page * 4:page * 4 + 4] == definition
        assert bounds["repetition_level_histograms"][page * 2:page * 2 + 2] == repetition
        assert bounds["null_counts"][page] == sum(definition[:3])


def test_bloom_filters_hold_all_values_and_few_others(indexed):
    filters = {(number, column["path"]): column["bloom"] for number, group in enumerate(indexed["row_groups"])
               for column in group["columns"] if "bloom" in column}
    # `few` is dictionary encoded and gets one since it was asked for.
    assert {path for _, path in filters} == {"key", "number", "uuid", "few"}
    assert len(filters) == 4 * len(indexed["row_groups"])
    for (_, path), bloom in filters.items():
        assert bloom["found"] == bloom["values"]
        # One filter of a few values is right or wrong for each of them.
        assert bloom["false_positives"] <= bloom["values"] * (0.02 if path != "few" else 0.2)
        assert bloom["bytes"] == (32 if path == "few" else 32768)


@pytest.mark.asan
def test_inspect_shows_what_hyparquet_decodes(samples, indexed):
    path = samples / "indexed.parquet"
    shown = subprocess.run([support.LAKEHAUL, "inspect", "--pages", "--json", path], capture_output=True, check=True)
    document = json.loads(shown.stdout)
    assert document["row_groups"][0]["sorting"] == [
        {"path": "rising", "descending": False, "nulls_first": False},
        {"path": "falling", "descending": True, "nulls_first": False},
    ]
    for ours, theirs in zip(document["row_groups"], indexed["row_groups"]):
        for column, decoded in zip(ours["columns"], theirs["columns"]):
            locations = decoded["offsets"]["page_locations"]
            assert [(page["offset"], page["compressed_bytes"], page["first_row"]) for page in column["pages"]] == [
                (page["offset"], page["compressed_page_size"], page["first_row_index"]) for page in locations
            ]
            bounds = decoded.get("bounds")
            assert column["boundary_order"] == (bounds and bounds["boundary_order"].lower().replace("unordered", "none"))
            if bounds is not None:
                assert [page["null_count"] for page in column["pages"]] == bounds["null_counts"]
                assert [page["min"] is None for page in column["pages"]] == bounds["null_pages"]
            if column["path"] in ("key", "uuid", "few"):
                least = [bytes.fromhex(bound).decode() for bound in bounds["min_values"]]
                assert [page["min"] for page in column["pages"]] == least
            assert column["bloom_filter_bitset_bytes"] == decoded.get("bloom", {}).get("bytes")


def explain(path: Path, query: str) -> dict[str, tuple[int, int]]:
    """How many row groups and rows DataFusion had to consider, and how many of them it then read."""
    context = datafusion.SessionContext()
    context.register_parquet("t", str(path))
    text = str(context.sql(f"EXPLAIN ANALYZE {query}").to_pydict())
    scale = {"": 1, "K": 1000, "M": 1000000}

    def number(digits, unit):
        return round(float(digits) * scale[unit or ""])

    pattern = r"(\w*pruned\w*)=([\d.]+) ?([KM]?) total → ([\d.]+) ?([KM]?) matched"
    return {name: (number(a, b), number(c, d)) for name, a, b, c, d in re.findall(pattern, text)}


@pytest.mark.parametrize("condition", ["rising BETWEEN 3000 AND 3100", "falling = 77", "number = {number}"])
def test_datafusion_skips_pages_by_the_index(samples, rows, condition):
    path = samples / "indexed.parquet"
    where = condition.format(number=rows["number"][31234])
    found = explain(path, f"SELECT * FROM t WHERE {where}")
    considered, read = found["page_index_rows_pruned"]
    # Random numbers lie within every page's bounds: none may be skipped.
    assert (considered, read) == (GROUP_ROWS, GROUP_ROWS if condition.startswith("number") else PAGE_ROWS)
    context = datafusion.SessionContext()
    context.register_parquet("t", str(path))
    ours = context.sql(f"SELECT count(*) AS n FROM t WHERE {where}").to_pydict()["n"]
    assert [(n,) for n in ours] == duckdb.sql(f"SELECT count(*) FROM '{path}' WHERE {where}").fetchall()


@pytest.mark.parametrize("column", ["key", "number", "uuid"])
def test_datafusion_and_duckdb_skip_row_groups_by_bloom_filters(samples, rows, column):
    path = samples / "indexed.parquet"
    value = rows[column][31234]
    literal = value if isinstance(value, int) else f"'{value}'"
    found = explain(path, f"SELECT * FROM t WHERE {column} = {literal}")
    assert found["row_groups_pruned_bloom_filter"] == (3, 1)
    probe = duckdb.sql(f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{path}', '{column}', {literal})")
    assert probe.fetchall() == [(True,), (False,), (True,)]


def test_sort_order_field_ids_and_distinct_counts_are_told(samples, indexed, rows):
    metadata = pyarrow.parquet.read_metadata(samples / "indexed.parquet")
    sorting = metadata.row_group(0).sorting_columns
    assert [(s.column_index, s.descending, s.nulls_first) for s in sorting] == [(0, False, False), (1, True, False)]
    schema = metadata.schema.to_arrow_schema()
    ids = [int(field.metadata[b"PARQUET:field_id"]) for field in schema]
    assert ids == list(range(1, len(schema) + 1))
    assert int(schema.field("texts").type.value_field.metadata[b"PARQUET:field_id"]) == len(schema) + 1
    few = {metadata.row_group(0).column(i).path_in_schema: metadata.row_group(0).column(i).statistics
           for i in range(metadata.num_columns)}["few"]
    assert few.distinct_count == len(set(rows["few"][:GROUP_ROWS]) - {None})
