"""lakehaul inspect: files that pyarrow wrote, said again by pyarrow; and files that are none."""
from __future__ import annotations

import datetime
import decimal
import json
import os
import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from support import run_lakehaul

ROWS = 1000
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def sample() -> pyarrow.Table:
    return pyarrow.table(
        {
            "id": pyarrow.array(range(-5, ROWS - 5), pyarrow.int64()),
            "unsigned": pyarrow.array([2**32 - 1 - i for i in range(ROWS)], pyarrow.uint32()),
            "name": [None if i % 7 == 0 else f"name {i}" for i in range(ROWS)],
            "amount": pyarrow.array([decimal.Decimal(i - 500) / 100 for i in range(ROWS)], pyarrow.decimal128(12, 2)),
            "day": [datetime.date(2024, 1, 1) + datetime.timedelta(i) for i in range(ROWS)],
            "at": pyarrow.array([START + datetime.timedelta(0, i) for i in range(ROWS)], pyarrow.timestamp("us", "UTC")),
            "rate": [i * -1.5 - 1 for i in range(ROWS)],
            "small": pyarrow.array([i * 0.5 - 100 for i in range(ROWS)], pyarrow.float32()),
            "tags": [[str(i)] * (i % 3) for i in range(ROWS)],
            "raw": pyarrow.array([bytes([i % 256]) for i in range(ROWS)], pyarrow.binary()),
            "nothing": pyarrow.array([None] * ROWS, pyarrow.int32()),
            "flag": [i % 2 == 0 for i in range(ROWS)],
        }
    )


def column_lines(text: str, heading: str) -> dict[str, list[str]]:
    """The lines of the table under `heading`, split, by column name."""
    lines = text.split(f"\n{heading}\n")[1].split("\n\n")[0].splitlines()[1:]
    return {line.split()[0]: line.split() for line in lines}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inspect")
    pyarrow.parquet.write_table(sample(), path / "one.parquet", compression="zstd", write_page_index=True)
    pyarrow.parquet.write_table(sample(), path / "many.parquet", compression="snappy", row_group_size=100)
    pyarrow.parquet.write_table(sample().slice(0, 0), path / "no_rows.parquet")
    return path


def test_facts_and_schema_are_shown(directory: Path):
    text = run_lakehaul("inspect", "one.parquet", cwd=directory, expect=0).stdout
    footer = pyarrow.parquet.read_metadata(directory / "one.parquet")
    lines = text.splitlines()
    assert lines[0] == "one.parquet"
    assert f"({(directory / 'one.parquet').stat().st_size:,} bytes)" in lines[1]
    assert f"  created by  {footer.created_by}" in lines
    assert "  rows        1,000" in lines
    assert "  row groups  1" in lines
    schema = [line.split() for line in text.split("\nSchema:\n")[1].split("\n\n")[0].splitlines()]
    assert ["amount", "OPTIONAL", "FIXED_LEN_BYTE_ARRAY(6)", "DECIMAL(12,2)"] in schema
    assert ["tags", "OPTIONAL", "group", "LIST"] in schema
    assert ["element", "OPTIONAL", "BYTE_ARRAY", "STRING"] in schema
    assert ["at", "OPTIONAL", "INT64", "TIMESTAMP(MICROS,true)"] in schema


@pytest.mark.parametrize(("name", "heading"), [("one", "Columns:"), ("many", "Columns, all row groups together:")])
def test_bounds_and_nulls_are_those_of_all_row_groups(name: str, heading: str, directory: Path):
    text = run_lakehaul("inspect", f"{name}.parquet", cwd=directory, expect=0).stdout
    lines = column_lines(text, heading)
    ends = {column: " ".join(line[12:]) for column, line in lines.items()}
    assert ends == {
        "id": "-5 994",
        "unsigned": "4294966296 4294967295",
        "name": '"name 1" "name 999"',
        "amount": "-5.00 4.99",
        "day": "2024-01-01 2026-09-26",
        "at": "2024-01-01 00:00:00Z 2024-01-01 00:16:39Z",
        "rate": "-1499.5 -1",
        "small": "-100 399.5",
        "tags.list.element": '"1" "998"',
        "raw": "0x00 0xff",
        "nothing": "",
        "flag": "false true",
    }
    assert lines["name"][3:5] == ["1,000", "143"]
    assert lines["nothing"][3:5] == ["1,000", "1,000"]
    assert lines["tags.list.element"][3:5] == ["1,333", "334"]
    assert lines["id"][1] == {"one": "ZSTD", "many": "SNAPPY"}[name]
    has_index = pyarrow.parquet.read_metadata(directory / f"{name}.parquet").row_group(0).column(0).has_column_index
    assert lines["id"][10:12] == ["yes" if has_index else "-", "-"]


def test_every_row_group_is_shown_on_demand(directory: Path):
    text = run_lakehaul("inspect", "--row-groups", "many.parquet", cwd=directory, expect=0).stdout
    assert "  row groups  10, of 100 rows each" in text.splitlines()
    for group in range(10):
        lines = column_lines(text, f"Row group {group}: 100 rows")
        assert lines["id"][12:] == [str(100 * group - 5), str(100 * group + 94)]
        assert len(lines) == 12


@pytest.mark.parametrize("name", ["one", "many", "no_rows"])
def test_json_says_what_pyarrow_says(name: str, directory: Path):
    path = directory / f"{name}.parquet"
    found = json.loads(run_lakehaul("inspect", "--json", path, expect=0).stdout)
    footer = pyarrow.parquet.read_metadata(path)
    assert found["file"] == str(path)
    assert found["size_bytes"] == path.stat().st_size
    assert found["footer_bytes"] == footer.serialized_size
    assert (found["rows"], found["created_by"]) == (footer.num_rows, footer.created_by)
    assert {pair["key"]: pair["value"] for pair in found["metadata"]} == {
        key.decode(): value.decode() for key, value in footer.metadata.items()
    }
    leaves = [element for element in found["schema"] if element["children"] == 0]
    assert [leaf["type"] for leaf in leaves] == [footer.schema.column(i).physical_type for i in range(len(leaves))]
    assert len(found["row_groups"]) == footer.num_row_groups
    for group, expected_group in zip(found["row_groups"], map(footer.row_group, range(footer.num_row_groups))):
        assert group["rows"] == expected_group.num_rows
        assert group["uncompressed_bytes"] == expected_group.total_byte_size
        for column, expected in zip(group["columns"], map(expected_group.column, range(footer.num_columns)), strict=True):
            assert column["path"] == expected.path_in_schema
            assert column["codec"] == expected.compression
            assert set(column["encodings"]) == set(expected.encodings)
            assert column["values"] == expected.num_values
            assert column["compressed_bytes"] == expected.total_compressed_size
            assert column["uncompressed_bytes"] == expected.total_uncompressed_size
            assert column["data_page_offset"] == expected.data_page_offset
            assert column["dictionary_page_offset"] == (
                expected.dictionary_page_offset if expected.has_dictionary_page else None
            )
            assert (column["column_index_offset"] is not None) == expected.has_column_index
            if expected.is_stats_set and expected.statistics.has_null_count:
                assert column["statistics"]["null_count"] == expected.statistics.null_count
            if expected.is_stats_set and expected.statistics.has_min_max and expected.physical_type == "INT64":
                if column["path"] == "id":
                    assert column["statistics"]["min"] == str(expected.statistics.min)
                    assert column["statistics"]["max"] == str(expected.statistics.max)
            if column["path"] == "name" and expected.is_stats_set:
                assert column["statistics"]["max"] == expected.statistics.max


def test_many_columns_are_a_line_each(tmp_path: Path):
    names = [f"column_{i:03}" for i in range(150)]
    pyarrow.parquet.write_table(pyarrow.table({name: [1, None] for name in names}), tmp_path / "wide.parquet")
    text = run_lakehaul("inspect", "wide.parquet", cwd=tmp_path, expect=0).stdout
    assert list(column_lines(text, "Columns:")) == names


def test_names_and_values_cannot_steer_the_terminal(tmp_path: Path):
    table = pyarrow.table({"red \x1b[31m": ["\x1b[2J text"]}).replace_schema_metadata({"k\x07": "v\x1b[0m\n"})
    pyarrow.parquet.write_table(table, tmp_path / "escapes.parquet")
    text = run_lakehaul("inspect", "escapes.parquet", cwd=tmp_path, expect=0).stdout
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "red \\x1b[31m" in text
    assert '"\\x1b[2J text"' in text
    assert ["k\\x07", "v\\x1b[0m\\x0a"] in [line.split() for line in text.splitlines()]
    found = json.loads(run_lakehaul("inspect", "--json", "escapes.parquet", cwd=tmp_path, expect=0).stdout)
    assert found["schema"][0]["name"] == "red \x1b[31m"
    assert found["row_groups"][0]["columns"][0]["statistics"]["min"] == "\x1b[2J text"


def test_long_metadata_is_cut_for_people_only(tmp_path: Path):
    value = "é" * 5000
    table = pyarrow.table({"a": [1]}).replace_schema_metadata({"note": value})
    pyarrow.parquet.write_table(table, tmp_path / "long.parquet")
    text = run_lakehaul("inspect", "long.parquet", cwd=tmp_path, expect=0).stdout
    assert ["note", "é" * 50 + "…", "(9.8", "KB)"] in [line.split() for line in text.splitlines()]
    found = json.loads(run_lakehaul("inspect", "--json", "long.parquet", cwd=tmp_path, expect=0).stdout)
    assert {"key": "note", "value": value} in found["metadata"]


def test_a_deeply_nested_schema_is_shown_or_refused(tmp_path: Path):
    for depth, status in [(20, 0), (60, 1)]:
        kind = pyarrow.int32()
        for _ in range(depth):
            kind = pyarrow.list_(kind)
        path = tmp_path / f"{depth}.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"a": pyarrow.array([None], kind)}), path, store_schema=False)
        result = run_lakehaul("inspect", path, expect=status)
        assert ("nested deeper than 100 levels" in result.stderr) == (status == 1)


NOT_PARQUET = {
    "empty": b"",
    "short": b"PAR1",
    "text": b"this is a text that is long enough\n",
    "magic alone": b"PAR1" + bytes(100) + b"PAR1",
    "footer of a length that does not fit": b"PAR1" + bytes(100) + (2**31).to_bytes(4, "little") + b"PAR1",
}


@pytest.mark.parametrize("case", NOT_PARQUET)
@pytest.mark.parametrize("options", [(), ("--json",), ("--row-groups",)], ids=["text", "json", "row groups"])
def test_a_file_that_is_no_parquet_is_one_clear_error(case: str, options: tuple[str, ...], tmp_path: Path):
    (tmp_path / "bad.parquet").write_bytes(NOT_PARQUET[case])
    result = run_lakehaul("inspect", *options, "bad.parquet", cwd=tmp_path, expect=1)
    assert result.stdout == ""
    first, hint = result.stderr.splitlines()
    assert first.startswith("lakehaul: bad.parquet is not a readable Parquet file: ")
    assert hint == "hint: the file is damaged, was not written to its end, or is no Parquet file"


def test_a_truncated_file_is_refused_wherever_it_is_cut(directory: Path, tmp_path: Path):
    whole = (directory / "one.parquet").read_bytes()
    for keep in (1, 11, len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1):
        (tmp_path / "cut.parquet").write_bytes(whole[:keep])
        result = run_lakehaul("inspect", "cut.parquet", cwd=tmp_path, expect=1)
        assert result.stderr.startswith("lakehaul: cut.parquet is not a readable Parquet file: ")


def test_damaged_footers_are_shown_or_refused(directory: Path, tmp_path: Path):
    whole = bytearray((directory / "one.parquet").read_bytes())
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    rng = random.Random(20260131)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[rng.randrange(start, len(whole) - 8)] = rng.randrange(256)
        (tmp_path / "damaged.parquet").write_bytes(damaged)
        for options in ((), ("--json",)):
            result = run_lakehaul("inspect", *options, "damaged.parquet", cwd=tmp_path)
            assert result.returncode in (0, 1)
            assert result.returncode == 1 or not options or json.loads(result.stdout)


def test_what_is_no_file_is_named(tmp_path: Path):
    def error(path: str) -> str:
        return run_lakehaul("inspect", path, cwd=tmp_path, expect=1).stderr

    os.mkfifo(tmp_path / "pipe")
    assert error("nosuch.parquet") == "lakehaul: cannot open nosuch.parquet: No such file or directory\n"
    assert error(".") == "lakehaul: cannot read .: it is a directory\n"
    assert error("pipe") == "lakehaul: cannot read pipe: it is not a regular file\n"
