"""What is printed arrives, or the exit status says that it did not; and query and gc on a lake without tables."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support import LAKEHAUL, clean_environment, missing, run_lakehaul, start_lakehaul

MANY_ROWS = "select range as i from range(20000000)"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    path = tmp_path / "lake"
    path.mkdir()
    return path


def shell(script: str, lake: Path) -> subprocess.CompletedProcess[str]:
    if not LAKEHAUL.exists():
        missing(str(LAKEHAUL))
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        env={**clean_environment(), "lakehaul": str(LAKEHAUL), "lake": str(lake), "rows": MANY_ROWS},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_reader_that_goes_ends_the_program_quietly(format: str, lake: Path):
    result = shell(f'"$lakehaul" query --lake "$lake" -f {format} "$rows" | head -n 1', lake)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1
    assert result.returncode == 128 + signal.SIGPIPE


def test_a_reader_that_takes_nothing_is_no_error_message(lake: Path):
    result = shell('"$lakehaul" --help | true; "$lakehaul" run --help | true', lake)
    assert result.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "help run",
        "run --help",
        'query --lake "$lake" "select 1"',
        'query --lake "$lake" -f csv "$rows"',
        'query --lake "$lake" -f json "select 1 as a"',
        'gc --lake "$lake" --keep 1',
        'gc --lake "$lake" --keep 1 --json',
    ],
)
def test_a_full_disk_under_stdout_is_an_error(command: str, lake: Path):
    result = shell(f'"$lakehaul" {command} > /dev/full', lake)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("lakehaul: cannot write")
    assert "No space left on device" in result.stderr


def test_a_closed_stdout_is_an_error(lake: Path):
    result = shell('"$lakehaul" --version >&-', lake)
    assert result.returncode == 1
    assert result.stderr == "lakehaul: cannot write to standard output: Bad file descriptor\n"


def test_results_are_printed_in_three_formats(lake: Path):
    sql = "select 1 as a, 'x,\"y\"' as b, null as c"

    def printed(format: str) -> str:
        return run_lakehaul("query", "--lake", lake, "-f", format, sql, expect=0).stdout

    assert printed("csv") == 'a,b,c\n1,"x,""y""",\n'
    assert json.loads(printed("json")) == [{"a": 1, "b": 'x,"y"', "c": None}]
    assert printed("table").splitlines()[0].split() == ["a", "|", "b", "|", "c"]
    assert printed("table").splitlines()[-1] == "(1 row)"


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("select * from orders", "table orders is not in lake {lake}", 'the lake has no tables yet; run "lakehaul run" first'),
        ("selct 1", 'line 1, column 1: syntax error at or near "selct"', None),
        ("select nosuch", "", None),
        ("", "", None),
        ("select 1; select 2", "", None),
        ("insert into orders values (1)", "the statement is not a SELECT", None),
        ("drop table orders", "the statement is not a SELECT", None),
        ("copy (select 1) to 'x.csv'", "the statement is not a SELECT", None),
        ("select 1 as a, 2 as a", "", None),
    ],
)
def test_a_query_that_cannot_run_is_exit_status_1(sql: str, message: str, hint: str | None, lake: Path):
    result = run_lakehaul("query", "--lake", lake, sql, expect=1)
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"lakehaul: {message.format(lake=lake)}")
    assert hint is None or lines[1] == f"hint: {hint}"
    assert len(lines) <= 2
    assert result.stdout == ""
    assert list(lake.iterdir()) == []


def test_query_needs_a_lake(tmp_path: Path):
    result = run_lakehaul("query", "--lake", tmp_path / "nosuch", "select 1", expect=4)
    assert result.stderr.startswith(f"lakehaul: cannot open the lake {tmp_path}/nosuch: No such file or directory\n")
    (tmp_path / "file").write_text("")
    run_lakehaul("query", "--lake", tmp_path / "file", "select 1", expect=4)
    result = run_lakehaul("query", "--lake", "gs://bucket/lake", "select 1", expect=2)
    assert "a lake on gs:// is not supported" in result.stderr


def test_a_query_that_needs_more_memory_names_the_option(lake: Path):
    sql = "select length(string_agg(range::varchar, '')) from range(50000000)"
    result = run_lakehaul("query", "--lake", lake, "--memory", "64MB", sql, expect=1)
    assert result.stderr.splitlines()[1] == "hint: raise --memory, or make the query hold less at a time"


def test_gc_on_a_lake_without_tables_removes_nothing(lake: Path):
    result = run_lakehaul("gc", "--lake", lake, "--keep", "1", expect=0)
    assert result.stdout == "removed 0 old versions and 0 leftovers: 0 files, 0 B\n"
    result = run_lakehaul("gc", "--lake", lake, "--keep", "1", "--dry-run", expect=0)
    assert result.stdout == "would remove 0 old versions and 0 leftovers: 0 files, 0 B\n"
    result = run_lakehaul("gc", "--lake", lake, "--keep", "1", "--json", expect=0)
    assert json.loads(result.stdout) == {
        "dry_run": False, "versions": 0, "leftovers": 0, "uploads": 0, "files": 0, "bytes": 0, "without_task": [],
    }


def test_gc_needs_a_lake(tmp_path: Path):
    run_lakehaul("gc", "--lake", tmp_path / "nosuch", "--keep", "1", expect=4)
    assert not (tmp_path / "nosuch").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_query_with_130(number: signal.Signals, lake: Path):
    sql = "select sum(range * 2) from range(1000000000000)"
    process = start_lakehaul("query", "--lake", lake, sql)
    time.sleep(1)
    assert process.poll() is None
    os.kill(process.pid, number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (stdout, stderr) == ("", "lakehaul: interrupted\n")


@pytest.mark.parametrize(
    "words",
    [
        ("query", "--lake", "s3://key:sEcReT@bucket/lake", "select 1"),
        ("postgresql://user:sEcReT@host/database",),
        ("run", "--limit", "postgresql://user:sEcReT@host/database"),
        ("export", "postgresql:///a", "postgresql://user:sEcReT@host/database", "-t", "a", "-o", "a.parquet"),
    ],
)
def test_an_address_in_the_wrong_place_does_not_show_its_password(words: tuple[str, ...]):
    result = run_lakehaul(*words, expect=2)
    assert result.stderr
    assert "sEcReT" not in result.stderr + result.stdout
