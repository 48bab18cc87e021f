"""The Parquet writer's files, read by parquet-java, the library under Spark and others: the values are compared with
those that pyarrow reads, and its filters leave out rows by statistics, dictionaries, the page index and bloom filters.
"""
from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

import support

PROGRAM = support.BUILD_DIR / "tests" / "unit" / "parquet" / "parquet_samples"
JARS = support.ROOT / ".deps" / "parquet-java"
READER = Path(__file__).with_name("ParquetJavaRead.java")


def parquet_java(*args: object) -> str:
    """Skips in CI, too: setup.sh fetches parquet-java where the machine has a JDK and Maven."""
    java = shutil.which("java")
    if java is None or shutil.which("javac") is None or not (JARS / "stamp").exists():
        pytest.skip("no parquet-java here (scripts/fetch-parquet-java.sh, with a JDK and Maven)")
    found = subprocess.run([java, "-XX:+UseSerialGC", "-cp", f"{JARS}/*", READER, *map(str, args)],
                           capture_output=True, encoding="utf-8", check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing: build the target parquet_samples, or set LAKEHAUL_BUILD_DIR")
    directory = tmp_path_factory.mktemp("samples")
    subprocess.run([PROGRAM, directory], check=True)
    return directory


@pytest.fixture(scope="module")
def dumps(samples, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("dumps")
    parquet_java("dump", directory, *sorted(samples.glob("*.parquet")))
    return directory


def integers(array: pyarrow.Array) -> list:
    width = {8: pyarrow.int8(), 16: pyarrow.int16(), 32: pyarrow.int32(), 64: pyarrow.int64()}
    return array.view(width[array.type.bit_width]).to_pylist()


def decimals(array: pyarrow.Array) -> list:
    data = array.buffers()[1]
    width = array.type.byte_width
    whole = [int.from_bytes(data[at:at + width], "little", signed=True)
             for at in range(array.offset * width, (array.offset + len(array)) * width, width)]
    return [value if valid else None for value, valid in zip(whole, array.is_valid().to_pylist(), strict=True)]


def stored(array: pyarrow.Array) -> list:
    """Values as ParquetJavaRead.java prints them: numbers and times as the integers of their bits, bytes as hex."""
    kind = array.type
    if isinstance(array, pyarrow.ExtensionArray):
        return stored(array.storage)
    valid = array.is_valid().to_pylist()
    if pyarrow.types.is_struct(kind):
        members = zip(*(stored(array.field(i)) for i in range(kind.num_fields)), strict=True)
        return [list(member) if ok else None for member, ok in zip(members, valid, strict=True)]
    if pyarrow.types.is_list(kind) or pyarrow.types.is_map(kind):
        offsets = array.offsets.to_pylist()
        if pyarrow.types.is_map(kind):
            items = [list(pair) for pair in zip(stored(array.keys), stored(array.items), strict=True)]
        else:
            items = stored(array.values)
        return [items[offsets[i]:offsets[i + 1]] if ok else None for i, ok in enumerate(valid)]
    if pyarrow.types.is_decimal(kind):
        return decimals(array)
    if pyarrow.types.is_boolean(kind):
        return array.to_pylist()
    if pyarrow.types.is_string(kind):
        return stored(array.cast(pyarrow.binary()))
    if pyarrow.types.is_binary(kind) or pyarrow.types.is_fixed_size_binary(kind):
        return [None if value is None else value.hex() for value in array.to_pylist()]
    return integers(array)


@pytest.mark.parametrize("name", [
    "flat_zstd", "flat_snappy", "flat_gzip", "flat_lz4_raw", "flat_none", "flat_required", "flat_native",
    "flat_native_delta_byte_array", "flat_plain", "flat_default", "flat_dictionary", "flat_rle",
    "flat_delta_binary_packed", "flat_delta_length_byte_array", "flat_delta_byte_array", "flat_byte_stream_split",
    "flat_empty", "nested_zstd", "nested_plain", "nested_default", "nested_empty", "wide_indices", "indexed",
])
def test_parquet_java_reads_every_file_as_pyarrow_does(samples, dumps, name):
    with (dumps / f"{name}.jsonl").open() as lines:
        rows = [json.loads(line) for line in lines]
    table = pyarrow.parquet.read_table(samples / f"{name}.parquet")
    assert len(rows) == table.num_rows
    for i, column in enumerate(table.column_names):
        expected = [value for chunk in table[column].chunks for value in stored(chunk)]
        differing = [row for row in range(len(rows)) if rows[row][i] != expected[row]]
        assert not differing, f"{column}, row {differing[0]}: {rows[differing[0]][i]}, {expected[differing[0]]}"


def test_every_sample_is_compared(samples):
    (mark,) = test_parquet_java_reads_every_file_as_pyarrow_does.pytestmark
    assert sorted(mark.args[1]) == sorted(path.stem for path in samples.glob("*.parquet"))


def filtered(samples, column: str, operator: str, value: object, *levels: str) -> list[tuple[int, int]]:
    """(rows read, rows that match), with each of the levels of filters."""
    arguments = [argument for level in levels for argument in (column, operator, value, level)]
    lines = parquet_java("filter", samples / "indexed.parquet", *arguments).splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def test_statistics_and_the_page_index_leave_out_rows(samples):
    # Three row groups of 20,000 rows in pages of 1,000, with 3 * row in `rising`.
    matching = len([row for row in range(60000) if 3 * row < 500])
    assert filtered(samples, "rising", "<", 500, "none", "stats", "index") == [
        (60000, matching), (20000, matching), (1000, matching)]


@pytest.mark.parametrize("column", ["key", "uuid", "number"])
def test_bloom_filters_leave_out_row_groups(samples, column):
    value = pyarrow.parquet.read_table(samples / "indexed.parquet", columns=[column])[column][30000].as_py()
    assert filtered(samples, column, "=", value, "none", "bloom") == [(60000, 1), (20000, 1)]


def test_dictionaries_leave_out_row_groups(samples):
    """Which parquet-java does only where encoding_stats says that all pages are dictionary encoded."""
    words = pyarrow.parquet.read_table(samples / "indexed.parquet", columns=["few"])["few"].to_pylist()
    present = min(word for word in words if word is not None)
    assert filtered(samples, "few", "=", present + "!", "none", "dictionary") == [(60000, 0), (0, 0)]
    read, matching = filtered(samples, "few", "=", present, "dictionary")[0]
    assert matching == words.count(present)
    assert read >= matching
