"""Files of the Parquet writer, read by pyarrow and DuckDB and compared value by value.

The program parquet_samples writes them with values that follow from a formula; this file has the formula a
second time, in Python.
"""

import datetime
import decimal
import functools
import os
import pathlib
import struct
import subprocess
import uuid

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LAKEHAUL_BUILD_DIR", REPOSITORY / "build" / "dev"))
PROGRAM = BUILD / "tests" / "unit" / "parquet" / "parquet_samples"

FLAT_ROWS = 30000
NESTED_ROWS = 20000
EDGE_ROWS = 4
MASK = 0xFFFFFFFF
EPOCH = datetime.datetime(1970, 1, 1)
DAY = datetime.date(1970, 1, 1)

FLAT_COLUMNS = [
    ("c_bool", "bool"),
    ("c_time", "time"),
    ("c_int8", "int8"),
    ("c_int16", "int16"),
    ("c_int32", "int32"),
    ("c_int64", "int64"),
    ("c_float", "float"),
    ("c_double", "double"),
    ("c_dec9", ("decimal", 9, 2)),
    ("c_dec18", ("decimal", 18, 0)),
    ("c_dec19", ("decimal", 19, 19)),
    ("c_dec38", ("decimal", 38, 10)),
    ("c_string", "string"),
    ("c_json", "json"),
    ("c_binary", "binary"),
    ("c_uuid", "uuid"),
    ("c_date", "date"),
    ("c_timestamp", "timestamp"),
    ("c_timestamptz", "timestamp"),
    ("c_nanos", "nanos"),
    ("c_time2", "time"),
]

# (kind, nullable, …): a type as append_value() of write_samples.c walks it.
LIST_OF_TEXT = ("list", True, ("string", True))
STRUCT_MEMBERS = [("a", ("int32", True)), ("b", ("string", True)), ("c", LIST_OF_TEXT)]
OUTER_MEMBERS = [("inner", ("struct", True, STRUCT_MEMBERS)), ("d", ("date", True))]
NESTED_COLUMNS = [
    ("ints", ("list", True, ("int32", True))),
    ("texts", LIST_OF_TEXT),
    ("required", ("list", False, ("int64", False))),
    ("lists", ("list", True, ("list", True, ("int32", True)))),
    ("record", ("struct", True, STRUCT_MEMBERS)),
    ("records", ("list", True, ("struct", True, STRUCT_MEMBERS))),
    ("map", ("map", True, ("uuid", False), ("double", True))),
    ("maps", ("map", True, ("uuid", False), LIST_OF_TEXT)),
    ("outer", ("struct", True, OUTER_MEMBERS)),
    ("solid", ("struct", False, OUTER_MEMBERS)),
]

FLAT_SAMPLES = ["zstd", "snappy", "gzip", "lz4_raw", "none", "required", "native", "plain", "default"]
NESTED_SAMPLES = ["zstd", "plain", "default"]


def mix(row, salt):
    x = ((row & MASK) * 0x9E3779B1 + salt * 0x85EBCA6B) & MASK
    x ^= x >> 15
    x = x * 0x2C1B3C6D & MASK
    x ^= x >> 12
    x = x * 0x297A2D39 & MASK
    return x ^ x >> 15


def signed(x):
    return x - (1 << 32) if x >= 1 << 31 else x


def time_value(row, salt, native):
    m = mix(row, salt)
    if row == 0:
        micros = 86400000000 if salt == 1 and not native else 86399999999
    elif row == 1:
        micros = 0
    elif m % 3 == 0:
        micros = m % 86400 * 1000000
    else:
        micros = m % 86400 * 1000000 + mix(row, salt + 9) % 1000000
    if native:
        return (EPOCH + datetime.timedelta(microseconds=micros)).time()
    seconds, fraction = divmod(micros, 1000000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + f".{fraction:06}".rstrip("0") if fraction else text


def decimal_value(precision, scale, row, salt):
    most = 10**precision - 1
    big = (mix(row, salt + 1) << 64) + (mix(row, salt + 2) << 32) + mix(row, salt + 3)
    if row == 0:
        value = most
    elif row == 1:
        value = -most
    else:
        product = big * (1000000007 if precision > 18 else 1)
        value = product % (most + 1)
        if mix(row, salt) % 2 == 1:
            value = -value
    with decimal.localcontext(prec=60):
        return decimal.Decimal(value).scaleb(-scale)


def string_value(row, salt):
    m = mix(row, salt)
    if m % 10 == 0:
        return ""
    if m % 10 == 1:
        return "grüß 🚚"
    if m % 10 == 2:
        return f"{m:0120}"
    return f"word {m % 50}"


def binary_value(row, salt):
    m = mix(row, salt)
    return bytes((m >> (i % 24)) & 255 for i in range(m % 16))


def uuid_value(row, salt, native):
    key = row % 5000 if row < FLAT_ROWS else row
    value = uuid.UUID(bytes=bytes(mix(key, salt + i) & 255 for i in range(16)))
    return value if native else str(value)


def timestamp_micros(row, salt):
    return (mix(row, salt) - (1 << 31)) * 1000000 + mix(row, salt + 1) % 1000000


def int64_value(row, salt):
    edges = {0: -(1 << 63), 1: (1 << 63) - 1}
    return edges.get(row, signed(mix(row, salt)) * (1 << 31) + mix(row, salt + 1))


def float_value(row, salt):
    exact = -0.0 if row == 0 else signed(mix(row, salt))
    as_float = struct.unpack("f", struct.pack("f", exact))[0]
    return struct.unpack("f", struct.pack("f", as_float / 1024))[0]


def leaf(kind, row, salt, native=False):
    m = mix(row, salt)
    if isinstance(kind, tuple):
        return decimal_value(kind[1], kind[2], row, salt)
    values = {
        "bool": lambda: bool(m & 1),
        "int8": lambda: m % 256 - 128,
        "int16": lambda: m % 65536 - 32768,
        "int32": lambda: {0: -(1 << 31), 1: (1 << 31) - 1}.get(row, m % 70000 - 35000),
        "int64": lambda: int64_value(row, salt),
        "float": lambda: float_value(row, salt),
        "double": lambda: 0.0 if row == 0 else signed(m) / 8 + 0.25,
        "string": lambda: string_value(row, salt),
        "json": lambda: f'{{"a": {m % 100000}}}',
        "binary": lambda: binary_value(row, salt),
        "uuid": lambda: uuid_value(row, salt, native),
        "date": lambda: DAY + datetime.timedelta(days=m % 60000 - 30000),
        "time": lambda: time_value(row, salt, native),
        "timestamp": lambda: timestamp_micros(row, salt),
        "nanos": lambda: timestamp_micros(row, salt) * 1000 + 7,
    }
    return values[kind]()


def nested(type_, key, salt):
    kind, nullable = type_[0], type_[1]
    if nullable and key >= EDGE_ROWS and mix(key, salt + 100) % 5 == 0:
        return None
    if kind == "struct":
        return {
            name: nested(member, mix(key, salt + 200 + i), salt + 1 + i)
            for i, (name, member) in enumerate(type_[2])
        }
    if kind not in ("list", "map"):
        return leaf(kind, key, salt)
    items = [
        tuple(nested(child, mix(key, salt + 400 + i * 7 + j), salt + 1 + j) for j, child in enumerate(type_[2:]))
        for i in range(mix(key, salt + 300) % 4)
    ]
    return items if kind == "map" else [item[0] for item in items]


@functools.cache
def expected_flat(column, required, native):
    kind = FLAT_COLUMNS[column][1]
    return [
        None
        if not required and row >= EDGE_ROWS and mix(row, column + 100) % 5 == 0
        else leaf(kind, row, column, native)
        for row in range(FLAT_ROWS)
    ]


@functools.cache
def expected_nested(column):
    return [nested(NESTED_COLUMNS[column][1], row, column) for row in range(NESTED_ROWS)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing: build the target parquet_samples, or set LAKEHAUL_BUILD_DIR")
    directory = tmp_path_factory.mktemp("samples")
    subprocess.run([PROGRAM, directory], check=True)
    return directory


def assert_same(name, found, expected):
    assert len(found) == len(expected), name
    for row, (f, e) in enumerate(zip(found, expected)):
        assert f == e and type(f) is type(e), f"{name}, row {row}: read {f!r}, written {e!r}"


def query(sql):
    return duckdb.sql(sql).fetchall()


@pytest.mark.parametrize("sample", FLAT_SAMPLES)
def test_pyarrow_reads_every_flat_value(samples, sample):
    table = pq.read_table(samples / f"flat_{sample}.parquet")
    for i, (name, kind) in enumerate(FLAT_COLUMNS):
        column = table.column(name).combine_chunks()
        found = column.cast(pa.int64()).to_pylist() if kind in ("timestamp", "nanos") else column.to_pylist()
        assert_same(name, found, expected_flat(i, sample == "required", sample == "native"))


def duck_select(name, kind, sample):
    if kind == "timestamp":
        return f"epoch_us({name})"
    if kind == "nanos":
        return f"epoch_ns({name})"
    return name


@pytest.mark.parametrize("sample", FLAT_SAMPLES)
def test_duckdb_reads_every_flat_value(samples, sample):
    selected = ", ".join(duck_select(name, kind, sample) for name, kind in FLAT_COLUMNS)
    file = samples / f"flat_{sample}.parquet"
    columns = list(zip(*query(f"select {selected} from '{file}'")))
    for i, (name, _) in enumerate(FLAT_COLUMNS):
        assert_same(name, columns[i], expected_flat(i, sample == "required", sample == "native"))


@pytest.mark.parametrize("sample", NESTED_SAMPLES)
def test_pyarrow_reads_every_nested_value(samples, sample):
    table = pq.read_table(samples / f"nested_{sample}.parquet")
    for i, (name, _) in enumerate(NESTED_COLUMNS):
        assert_same(name, table.column(name).to_pylist(), expected_nested(i))


@pytest.mark.parametrize("sample", NESTED_SAMPLES)
def test_duckdb_reads_every_nested_value(samples, sample):
    for i, (name, type_) in enumerate(NESTED_COLUMNS):
        rows = query(f"select \"{name}\" from '{samples}/nested_{sample}.parquet'")
        expected = expected_nested(i)
        if type_[0] == "map":
            expected = [None if value is None else dict(value) for value in expected]
        assert_same(name, [row[0] for row in rows], expected)


@pytest.mark.parametrize("name", ["flat_empty", "nested_empty"])
def test_a_file_without_rows_keeps_its_schema(samples, name):
    file = samples / f"{name}.parquet"
    full = pq.read_schema(samples / f"{name.split('_')[0]}_zstd.parquet").remove_metadata()
    metadata = pq.read_metadata(file)
    assert (metadata.num_rows, metadata.num_row_groups) == (0, 0)
    assert pq.read_schema(file).remove_metadata().equals(full)
    assert query(f"select count(*) from '{file}'") == [(0,)]


EXPECTED_ARROW_TYPES = {
    "c_int8": pa.int8(),
    "c_int16": pa.int16(),
    "c_dec9": pa.decimal128(9, 2),
    "c_dec38": pa.decimal128(38, 10),
    "c_timestamp": pa.timestamp("us"),
    "c_timestamptz": pa.timestamp("us", tz="UTC"),
    "c_nanos": pa.timestamp("ns"),
    "c_date": pa.date32(),
    "c_string": pa.string(),
    "c_binary": pa.binary(),
}


def test_types_are_what_readers_expect(samples):
    schema = pq.read_schema(samples / "flat_zstd.parquet")
    for name, type_ in EXPECTED_ARROW_TYPES.items():
        assert schema.field(name).type == type_, name
    file = samples / "flat_native.parquet"
    described = {row[0]: row[1] for row in query(f"describe select * from '{file}'")}
    assert described["c_json"] == "JSON"
    assert described["c_uuid"] == "UUID"
    assert described["c_time"] == "TIME"
    assert described["c_int8"] == "TINYINT"
    assert described["c_timestamp"] == "TIMESTAMP"
    assert described["c_timestamptz"] == "TIMESTAMP WITH TIME ZONE"
    assert described["c_nanos"] == "TIMESTAMP_NS"
    assert described["c_string"] == "VARCHAR"
    assert described["c_binary"] == "BLOB"
    assert described["c_dec38"] == "DECIMAL(38,10)"


def test_physical_types_and_annotations(samples):
    file = samples / "flat_native.parquet"
    rows = query(f"select name, type, type_length, converted_type, repetition_type from parquet_schema('{file}')")
    columns = {row[0]: row[1:4] for row in rows}
    assert columns["c_int8"] == ("INT32", None, "INT_8")
    assert columns["c_int16"] == ("INT32", None, "INT_16")
    assert columns["c_dec9"] == ("INT32", None, "DECIMAL")
    assert columns["c_dec18"] == ("INT64", None, "DECIMAL")
    assert columns["c_dec19"] == ("FIXED_LEN_BYTE_ARRAY", "9", "DECIMAL")
    assert columns["c_dec38"] == ("FIXED_LEN_BYTE_ARRAY", "16", "DECIMAL")
    assert columns["c_uuid"] == ("FIXED_LEN_BYTE_ARRAY", "16", None)
    assert columns["c_string"] == ("BYTE_ARRAY", None, "UTF8")
    assert columns["c_json"] == ("BYTE_ARRAY", None, "JSON")
    assert columns["c_binary"] == ("BYTE_ARRAY", None, None)
    assert columns["c_date"] == ("INT32", None, "DATE")
    assert columns["c_time"] == ("INT64", None, "TIME_MICROS")
    assert columns["c_timestamp"] == ("INT64", None, "TIMESTAMP_MICROS")
    assert columns["c_nanos"] == ("INT64", None, None)
    assert {row[4] for row in rows[1:]} == {"OPTIONAL"}
    required = query(f"select repetition_type from parquet_schema('{samples}/flat_required.parquet') offset 1")
    assert set(required) == {("REQUIRED",)}


def test_lists_and_maps_have_the_standard_groups(samples):
    paths = {column.path for column in map(pq.ParquetFile(samples / "nested_zstd.parquet").schema.column, range(18))}
    assert {"ints.list.element", "lists.list.element.list.element", "records.list.element.c.list.element"} <= paths
    assert {"map.key_value.key", "map.key_value.value", "maps.key_value.value.list.element"} <= paths


def test_the_footer_names_its_writer_and_holds_the_metadata(samples):
    metadata = pq.read_metadata(samples / "flat_zstd.parquet")
    assert metadata.created_by.startswith("lakehaul version ")
    assert metadata.metadata[b"lakehaul.sample"] == b"flat_zstd"
    assert metadata.metadata[b"empty"] == b""


def to_bytes(value):
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("sample", ["zstd", "plain", "native", "default"])
def test_statistics_hold_what_the_row_groups_hold(samples, sample):
    metadata = pq.read_metadata(samples / f"flat_{sample}.parquet")
    begin = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        end = begin + row_group.num_rows
        for i, (name, kind) in enumerate(FLAT_COLUMNS):
            statistics = row_group.column(i).statistics
            rows = expected_flat(i, False, sample == "native")[begin:end]
            values = [value for value in rows if value is not None]
            assert statistics.null_count == len(rows) - len(values), name
            assert statistics.has_min_max, name
            if kind in ("timestamp", "nanos", "binary", "uuid") or isinstance(kind, tuple):
                continue  # pyarrow gives these in forms of its own: DuckDB compares them below
            least, greatest = to_bytes(statistics.min), to_bytes(statistics.max)
            values = [to_bytes(value) for value in values]
            if isinstance(least, bytes):
                assert least == min(values)[:64], name
                assert greatest >= max(values) and greatest[:63] == max(values)[:63], name
            else:
                assert (least, greatest) == (min(values), max(values)), name
        begin = end
    assert begin == FLAT_ROWS


@pytest.mark.parametrize("sample", ["zstd", "native", "plain"])
def test_filters_on_statistics_find_every_row(samples, sample):
    """DuckDB skips row groups by min and max: a filter on a file finds what one on a table in memory finds."""
    connection = duckdb.connect()
    file = samples / f"flat_{sample}.parquet"
    connection.execute(f"create table copy as select * from '{file}'")
    for name, _ in FLAT_COLUMNS:
        for edge in ("min", "max"):
            edges = f"(select {edge}({name}) from copy)"
            expected = connection.execute(f"select count(*) from copy where {name} = {edges}").fetchall()
            found = connection.execute(f"select count(*) from '{file}' where {name} = {edges}").fetchall()
            assert found == expected and found[0][0] > 0, f"{name}, {edge}"


def test_indices_wider_than_16_bits_keep_their_values(samples):
    file = samples / "wide_indices.parquet"
    assert "RLE_DICTIONARY" in pq.read_metadata(file).row_group(0).column(0).encodings
    expected = [row * 7919 % 100000 for row in range(300000)]
    assert pq.read_table(file).column(0).to_pylist() == expected
    assert [row[0] for row in query(f"select n from '{file}'")] == expected


def test_a_dictionary_that_ends_in_the_middle_of_a_chunk_loses_nothing(samples):
    """A column that is to have a dictionary has more values than fit it: others come after the dictionary's pages."""
    row_group = pq.read_metadata(samples / "flat_dictionary.parquet").row_group(0)
    encodings = row_group.column([name for name, _ in FLAT_COLUMNS].index("c_timestamp")).encodings
    assert {"RLE_DICTIONARY", "DELTA_BINARY_PACKED"} <= set(encodings)


# The samples with an encoding that is asked for, and the columns that take it.
ENCODED = {
    "dictionary": ("RLE_DICTIONARY", {name for name, _ in FLAT_COLUMNS} - {"c_bool"}),
    "rle": ("RLE", {"c_bool"}),
    "delta_binary_packed": (
        "DELTA_BINARY_PACKED",
        {"c_int8", "c_int16", "c_int32", "c_int64", "c_dec9", "c_dec18", "c_date"}
        | {"c_timestamp", "c_timestamptz", "c_nanos"},
    ),
    "delta_length_byte_array": (
        "DELTA_LENGTH_BYTE_ARRAY",
        {"c_string", "c_json", "c_binary", "c_time", "c_time2", "c_uuid"},
    ),
    "delta_byte_array": (
        "DELTA_BYTE_ARRAY",
        {"c_string", "c_json", "c_binary", "c_time", "c_time2", "c_uuid", "c_dec19", "c_dec38"},
    ),
    "native_delta_byte_array": (
        "DELTA_BYTE_ARRAY",
        {"c_string", "c_json", "c_binary", "c_uuid", "c_dec19", "c_dec38"},
    ),
    "byte_stream_split": (
        "BYTE_STREAM_SPLIT",
        {"c_int8", "c_int16", "c_int32", "c_int64", "c_dec9", "c_dec18", "c_dec19", "c_dec38", "c_date"}
        | {"c_timestamp", "c_timestamptz", "c_nanos", "c_float", "c_double"},
    ),
}


@pytest.mark.parametrize("sample", ENCODED)
def test_every_encoding_that_is_asked_for_is_read(samples, sample):
    """The file without an encoding asked for was compared value by value; these hold the same."""
    file = samples / f"flat_{sample}.parquet"
    same = samples / ("flat_native.parquet" if sample.startswith("native") else "flat_zstd.parquet")
    encoding, columns = ENCODED[sample]
    metadata = pq.read_metadata(file)
    for group in range(metadata.num_row_groups):
        chunks = [metadata.row_group(group).column(i) for i in range(metadata.num_columns)]
        assert columns <= {chunk.path_in_schema for chunk in chunks if encoding in chunk.encodings}
    for name, _ in FLAT_COLUMNS:
        expected = pq.read_table(same, columns=[name]).column(0)
        assert pq.read_table(file, columns=[name]).column(0).equals(expected), name
    # DuckDB 1.5 has BYTE_STREAM_SPLIT for floats only.
    names = ["c_float", "c_double"] if sample == "byte_stream_split" else [name for name, _ in FLAT_COLUMNS]
    for name in names:
        found = duckdb.sql(f"select {name} from '{file}'").to_arrow_table().column(0)
        assert found.equals(duckdb.sql(f"select {name} from '{same}'").to_arrow_table().column(0)), name


def test_encodings_follow_the_data(samples):
    metadata = pq.read_metadata(samples / "flat_default.parquet").row_group(0)
    encodings = {metadata.column(i).path_in_schema: metadata.column(i).encodings for i in range(len(FLAT_COLUMNS))}
    assert "RLE_DICTIONARY" in encodings["c_int8"]
    assert "RLE_DICTIONARY" not in encodings["c_int64"], "a dictionary of unique values does not pay"
    assert "RLE_DICTIONARY" not in encodings["c_bool"]
    plain = pq.read_metadata(samples / "flat_plain.parquet").row_group(0)
    assert all("RLE_DICTIONARY" not in plain.column(i).encodings for i in range(len(FLAT_COLUMNS)))
    mixed = pq.read_metadata(samples / "flat_zstd.parquet")
    assert mixed.num_row_groups == -(-FLAT_ROWS // 7001)


def test_checksums_of_pages_are_right(samples):
    for name in ("flat_zstd", "flat_none", "nested_zstd"):
        file = pq.ParquetFile(samples / f"{name}.parquet", page_checksum_verification=True)
        assert file.read().num_rows in (FLAT_ROWS, NESTED_ROWS)
