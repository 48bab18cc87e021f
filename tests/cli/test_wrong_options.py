"""Every option of every command, given wrongly: exit status 2 and a message that says what would be right."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

import golden
from support import run_lakehaul

# Values that each option refuses; none for those that take any text, NULL for flags.
FLAG = None
NUMBER = ("0", "257", "-1", "many", "1.5", "99999999999999999999")
ROWS = ("-1", "some", "1k")
SIZE = ("1MB", "0", "-1", "lots", "512XB")
S3 = {"aws-profile": (), "aws-region": (), "s3-endpoint": ()}
WRONG_VALUES: dict[str, dict[str, tuple[str, ...] | None]] = {
    "init": {"output": (), "schema": (), "force": FLAG},
    "check": {"project": (), "offline": FLAG},
    "plan": {"project": (), "only": FLAG, "json": FLAG},
    "run": {
        "project": (),
        "lake": (),
        "jobs": NUMBER,
        "streams": NUMBER,
        "memory": SIZE,
        "limit": ROWS,
        "only": FLAG,
        "partition": (),
        "full": FLAG,
        "fail-fast": FLAG,
        "verify": FLAG,
        "json": FLAG,
        "quiet": FLAG,
        **S3,
    },
    "verify": {"project": (), "lake": (), "memory": SIZE, "json": FLAG, "quiet": FLAG, **S3},
    "query": {
        "project": (),
        "lake": (),
        "engine": ("spark", "Trino"),
        "format": ("xml", "TABLE"),
        "memory": SIZE,
        "timeout": ("0", "86401", "1min"),
        **S3,
    },
    "inspect": {"row-groups": FLAG, "pages": FLAG, "json": FLAG, **S3},
    "export": {
        "table": (),
        "query": (),
        "output": (),
        "compression": (),
        "limit": ROWS,
        "streams": ("0", "257", "many"),
        "split-by": (),
        "file-size": ("1023kB", "big"),
        "replace": FLAG,
        "memory": SIZE,
        "json": FLAG,
        "quiet": FLAG,
        **S3,
    },
    "crawl": {
        "project": (),
        "lake": (),
        "role": (),
        "database": (),
        "table-prefix": (),
        "wait": FLAG,
        "no-wait": FLAG,
        "retries": ("-1", "100001", "some"),
        "interval": ("0", "86401", "5s"),
        "timeout": ("0", "86401", "1min"),
        "json": FLAG,
        "aws-profile": (),
        "aws-region": (),
    },
    "gc": {"project": (), "lake": (), "keep": ("0", "1000001", "all"), "drop": (), "drop-removed": FLAG, "force": FLAG, "dry-run": FLAG, "json": FLAG, **S3},
}

# Arguments and combinations that are wrong without any option being so.
WRONG_LINES: dict[str, list[tuple[str, ...]]] = {
    "init": [(), ("postgresql:///a", "postgresql:///b"), ("--output", "s3://bucket/lakehaul.yaml", "postgresql:///a")],
    "check": [("orders",)],
    "plan": [],
    "run": [],
    "verify": [],
    "query": [(), ("select", "1"), ("--engine", "trino", "--lake", "lake", "select 1"),
              ("--engine", "duckdb", "--timeout", "1", "select 1")],
    "inspect": [(), ("a.parquet", "b.parquet"), ("gs://bucket/a.parquet",), ("s3://bucket",)],
    "export": [
        (),
        ("postgresql:///a",),
        ("postgresql:///a", "-o", "a.parquet"),
        ("postgresql:///a", "-t", "a"),
        ("postgresql:///a", "-t", "a", "-q", "select 1", "-o", "a.parquet"),
        ("postgresql:///a", "postgresql:///b", "-t", "a", "-o", "a.parquet"),
        ("postgresql:///a", "-t", "a", "-o", "gs://bucket/a.parquet"),
        ("postgresql:///a", "-t", "a", "-o", "s3://bucket"),
        ("postgresql:///a", "-t", "a", "-o", "a.parquet", "--compression", "zsdt"),
        ("postgresql:///a", "-t", "a", "-o", "a.parquet", "--compression", "brotli"),
        ("postgresql:///a", "-t", "a", "-o", "a.parquet", "--compression", "zstd(99)"),
        ("postgresql:///a", "-t", "a", "-o", "a.parquet", "--compression", "snappy(1)"),
        ("postgresql:///a", "-t", "a", "-o", "a.parquet", "--streams", "2"),
    ],
    "crawl": [("a", "b"), ("a", "--wait", "--no-wait"), ("a", "--lake", "./lake")],
    "gc": [("orders",), ("--lake", ".")],
}


def wrong_lines(command: str) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for option, values in WRONG_VALUES[command].items():
        if values is FLAG:
            lines += [(f"--{option}=1",), (f"--{option}", f"--{option}")]
            continue
        lines += [(f"--{option}",), (f"--{option}=",), (f"--{option}", "--help-me")]
        lines += [(f"--{option}", value) for value in values]
    valued = next((option for option, values in WRONG_VALUES[command].items() if values == ()), None)
    if valued is not None:
        lines.append((f"--{valued}", "a", f"--{valued}=b"))
    first = next(iter(WRONG_VALUES[command]))
    lines += [("--nosuch",), ("--nosuch=1",), (f"--{first[:-1]}",), (f"-{first}",), ("-Z",), ("-Zvalue",)]
    return [(command, *line) for line in lines + WRONG_LINES[command]]


@pytest.mark.parametrize("command", WRONG_VALUES)
def test_every_option_is_in_the_table(command: str):
    text = run_lakehaul(command, "--help", expect=0).stdout
    options = text.split("\nOptions:\n")[1].split("\nExamples:\n")[0]
    found = re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)( [A-Z|]+)?", options, re.MULTILINE)
    assert {name: bool(value) for name, value in found if name != "help"} == {
        name: values is not FLAG for name, values in WRONG_VALUES[command].items()
    }


@pytest.mark.parametrize("command", WRONG_VALUES)
def test_wrong_options_are_refused(command: str, tmp_path: Path):
    text = ""
    for line in wrong_lines(command):
        result = run_lakehaul(*line, cwd=tmp_path, expect=2)
        assert result.stdout == ""
        assert result.stderr.startswith("lakehaul: ")
        text += golden.transcript(line, result)
    assert list(tmp_path.iterdir()) == []
    golden.check(f"wrong-options-{command}", text)


@pytest.mark.parametrize(
    "line",
    [
        ("gc", "--keep=1", "--lake", "lake", "--dry-run"),
        ("gc", "--dry-run", "--lake=lake", "--keep", "1"),
        ("query", "-fcsv", "--lake", "lake", "select 1"),
        ("query", "select 1", "-f", "csv", "--lake=lake"),
        ("query", "--lake", "lake", "--", "select 1"),
    ],
    ids=" ".join,
)
def test_right_forms_are_taken(line: tuple[str, ...], tmp_path: Path):
    (tmp_path / "lake").mkdir()
    run_lakehaul(*line, cwd=tmp_path, expect=0)
