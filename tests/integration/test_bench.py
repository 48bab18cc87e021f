"""The benchmark's driver, at a scale where it takes seconds: that it measures, and that it finds files which do not hold
the rows of their table."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import support

# Those of the other tools that need little memory. They run where `make bench` has installed them.
TOOLS = "psql,lakehaul,pg2parquet,duckdb,adbc,connectorx"
TABLES = ["lineitem", "taxi", "wide", "texts", "skinny"]

# Stands where lakehaul would, and changes what it wrote: argv[0] of it says how.
FORGER = """#!{python}
import subprocess, sys
from pathlib import Path
import pyarrow, pyarrow.parquet
done = subprocess.run([{program!r}, *sys.argv[1:]])
if done.returncode or sys.argv[1] != "export" or "--help" in sys.argv:
    sys.exit(done.returncode)
path = next(Path(sys.argv[sys.argv.index("-o") + 1]).glob("*.parquet"))
rows = pyarrow.parquet.ParquetFile(path).read()
value = rows["value"].to_pylist()
{change}
pyarrow.parquet.write_table(rows.set_column(1, "value", pyarrow.array(value, pyarrow.int32())), path)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark's directory: the tests share its cluster and tables."""
    directory = tmp_path_factory.mktemp("bench")
    yield directory
    subprocess.run([support.CLUSTER_SCRIPT, "remove", directory / "cluster"], check=True)


def run_bench(work: Path, program: Path | None = None, **variables: str) -> tuple[dict, str]:
    """(results.json, what it printed)"""
    environment = support.clean_environment({
        "LAKEHAUL_BENCH_DIR": str(work), "LAKEHAUL_BENCH_PROGRAM": str(program or support.LAKEHAUL), "INSTALL": "0",
        "SCALE": "0.002", "REPEAT": "1", **variables,
    })
    done = subprocess.run(
        [sys.executable, support.ROOT / "bench"], env=environment, capture_output=True, encoding="utf-8", timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((work / "report" / "results.json").read_text()), done.stdout


def forger(directory: Path, change: str) -> Path:
    path = directory / "lakehaul"
    path.write_text(FORGER.format(python=sys.executable, program=str(support.LAKEHAUL), change=change))
    path.chmod(0o755)
    return path


@pytest.mark.slow
def test_every_table_is_hauled_by_every_tool_and_compared(work: Path) -> None:
    results, printed = run_bench(work, TOOLS=TOOLS)
    assert list(results["tables"]) == TABLES
    for name, table in results["tables"].items():
        for tool, runs in table["runs"].items():
            assert [run["failure"] for run in runs] == [""], f"{tool} on {name}"
            assert runs[0]["wall_seconds"] > 0 and runs[0]["peak_bytes"] > 1_000_000
        own = table["outputs"]["lakehaul-1"]
        assert own["same"] and own["verdict"] == ("event_id as varchar" if name == "texts" else "exact")
        assert {"psql-copy", "psql-halves", "lakehaul-1"} <= set(table["runs"])
    for text in (printed, (work / "report" / "RESULTS.md").read_text()):
        assert "lineitem, 1 stream: wall time by that of one COPY" in text
        assert "pg_parquet" in text, "a tool that cannot be run is told"
    chart = (work / "report" / "chart.svg").read_text()
    assert chart.count(">lakehaul, 1 stream<") == len(TABLES)


@pytest.mark.slow
def test_memory_is_measured_with_few_and_many_rows(work: Path) -> None:
    results, printed = run_bench(work, MODE="memory", TOOLS="lakehaul-1")
    assert [(kept["rows"], kept["run"]["failure"]) for kept in results["memory"]] == [(2000, ""), (40000, "")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param("value[7] = (value[7] or 0) + 1", "other values in value", id="one value changed"),
        pytest.param("value[7] = None", "other values in value", id="one value gone"),
        pytest.param(
            "other = next(i for i in range(8, 100) if value[i] != value[7])\n"
            "value[7], value[other] = value[other], value[7]",
            "other values in whole rows", id="two values swapped between rows",
        ),
        pytest.param(
            "rows, value = rows.slice(1), value[1:]", "19,999 rows, not 20,000", id="one row gone"
        ),
    ],
)
def test_files_with_other_rows_are_found(work: Path, tmp_path: Path, change: str, verdict: str) -> None:
    results, printed = run_bench(work, forger(tmp_path, change), ONLY="skinny", TOOLS="lakehaul-1")
    output = results["tables"]["skinny"]["outputs"]["lakehaul-1"]
    assert (output["same"], output["verdict"]) == (False, verdict)
    assert f"DIFFERS: {verdict}" in printed


def test_an_unknown_table_or_tool_is_refused() -> None:
    for variable in ("ONLY", "TOOLS", "MODE"):
        done = subprocess.run(
            [sys.executable, support.ROOT / "bench"], env=os.environ | {variable: "nothing"}, capture_output=True,
            encoding="utf-8", check=False,
        )
        assert done.returncode == 1 and "'nothing'" in done.stderr
