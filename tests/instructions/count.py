#!/usr/bin/env python3
"""Counts the instructions that a row takes from the wire to a Parquet page, stage by stage, with valgrind, and
compares them with what is recorded in baseline.json. Times differ from run to run; these counts do not.

usage: count.py                    shows them beside those recorded
       count.py --update           records them
       count.py --profile TABLE    shows where they are spent, by function

A compiler that nothing is recorded for is compared with nothing.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD_DIR = Path(os.environ.get("LAKEHAUL_BUILD_DIR") or ROOT / "build" / "dev").resolve()
STAGES = BUILD_DIR / "tests" / "instructions" / "stages"
BASELINE = Path(__file__).with_name("baseline.json")

# Rows of a table: about as long under valgrind each.
TABLES = {"lineitem": 16384, "taxi": 16384, "wide": 8192, "documents": 8192}
COUNTED = "count_row_group"
CALLS = {"count_decode": "decode", "count_write": "write"}
TOLERANCE = 0.05


def compiler() -> str:
    return subprocess.run([STAGES, "--compiler"], check=True, capture_output=True, encoding="utf-8").stdout.strip()


def callgrind(table: str, rows: int, out: Path) -> None:
    command = ["valgrind", "--tool=callgrind", f"--toggle-collect={COUNTED}", f"--callgrind-out-file={out}"]
    command += ["--compress-strings=no", "--compress-pos=no", str(STAGES), table, str(rows)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr}")


def inclusive_costs(profile: str) -> dict[str, int]:
    """Of the functions that the counted one calls. Format: valgrind's manual, Callgrind Format Specification."""
    costs: dict[str, int] = {}
    function = called = ""
    is_call = False
    for line in profile.splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif line.startswith("cfn="):
            called = line[4:]
        elif line.startswith("calls="):
            is_call = True
        elif is_call:
            is_call = False
            if function == COUNTED:
                costs[called] = costs.get(called, 0) + int(line.split()[-1])
    return costs


def count_table(table: str, rows: int, directory: Path) -> dict[str, int]:
    out = directory / f"{table}.callgrind"
    callgrind(table, rows, out)
    profile = out.read_text()
    costs = inclusive_costs(profile)
    total = re.search(r"^(?:summary|totals): (\d+)", profile, re.MULTILINE)
    if total is None or set(CALLS) - set(costs):
        raise RuntimeError(f"{out}: counted {sorted(costs)} of {COUNTED}")
    stages = {stage: round(costs[function] / rows) for function, stage in CALLS.items()}
    return stages | {"both": round(int(total.group(1)) / rows)}


def count() -> dict[str, dict[str, int]]:
    with tempfile.TemporaryDirectory() as directory:
        return {table: count_table(table, rows, Path(directory)) for table, rows in TABLES.items()}


def read_baseline() -> dict[str, dict[str, dict[str, int]]]:
    return json.loads(BASELINE.read_text()) if BASELINE.exists() else {}


def compare(counted: dict[str, dict[str, int]], recorded: dict[str, dict[str, int]]) -> list[str]:
    """What is wrong: a stage that takes more than was recorded, or so much less that the record is worth nothing."""
    problems = []
    for table, stages in counted.items():
        for stage, instructions in stages.items():
            before = recorded.get(table, {}).get(stage)
            if before is None:
                problems.append(f"{table}, {stage}: nothing is recorded; `make instructions UPDATE=1` does")
            elif instructions > before * (1 + TOLERANCE):
                problems.append(
                    f"{table}, {stage}: {instructions} instructions a row, {instructions / before - 1:.0%} more than "
                    f"the {before} recorded"
                )
            elif instructions < before * (1 - TOLERANCE):
                problems.append(
                    f"{table}, {stage}: {instructions} instructions a row, {1 - instructions / before:.0%} fewer than "
                    f"the {before} recorded: keep what was won with `make instructions UPDATE=1`"
                )
    return problems


def show(counted: dict[str, dict[str, int]], recorded: dict[str, dict[str, int]]) -> None:
    print(f"instructions a row, {compiler()}\n{'':12}{'':8}{'now':>8}{'recorded':>10}")
    for table, stages in counted.items():
        for stage, instructions in stages.items():
            before = recorded.get(table, {}).get(stage)
            change = f"{before:>10}{instructions / before - 1:>+8.1%}" if before else ""
            print(f"{table:12}{stage:8}{instructions:>8}{change}")


def profile(table: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        callgrind(table, TABLES[table], out)
        subprocess.run(["callgrind_annotate", "--threshold=97", "--auto=no", out], check=True)


def main(arguments: list[str]) -> int:
    if shutil.which("valgrind") is None:
        print("count.py: valgrind is missing", file=sys.stderr)
        return 2
    if len(arguments) == 2 and arguments[0] == "--profile" and arguments[1] in TABLES:
        profile(arguments[1])
        return 0
    if arguments not in ([], ["--update"]):
        print(__doc__, file=sys.stderr)
        return 2
    baseline = read_baseline()
    counted = count()
    show(counted, baseline.get(compiler(), {}))
    if arguments:
        baseline[compiler()] = counted
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
