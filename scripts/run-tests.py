#!/usr/bin/env python3
"""Runs unit tests (ctest) and the others (pytest) and adds up their results from the JUnit files they write.

usage: run-tests.py quick|threads|full     the last line is "N passed, N failed", with ", N skipped" where some were

Counted are single tests, not programs: a unit test program reports those within it.
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JOBS = os.environ.get("LAKEHAUL_JOBS") or str(os.cpu_count() or 2)
UNIT_TEST_TIMEOUT_SECONDS = 300

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0",
}

THREAD_SANITIZER_OPTIONS = {"TSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'tsan.supp'}:print_suppressions=0"}


def run(title: str, command: list[str], results: Path, environment: dict[str, str] | None = None) -> bool:
    print(f"\n== {title}", flush=True)
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False).returncode == 0


def count_unit(results: Path) -> Counter:
    counts: Counter = Counter()
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""

        def number_after(label: str) -> int:
            return sum(int(n) for n in re.findall(rf"^\[  {label}  \] (\d+) test", output, re.MULTILINE))

        passed, failed, skipped = (number_after(label) for label in ("PASSED", "FAILED", "SKIPPED"))
        if case.get("status") == "run":
            counts["passed"] += passed or (0 if skipped else 1)
        else:
            counts["passed"] += passed
            counts["failed"] += failed or 1
        counts["skipped"] += skipped
    return counts


def count_pytest(results: Path) -> Counter:
    counts: Counter = Counter()
    for suite in ElementTree.parse(results).getroot().iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += failed
        counts["skipped"] += skipped
        counts["passed"] += max(0, int(suite.get("tests", 0)) - failed - skipped)
    return counts


def settle(ok: bool, results: Path, count) -> Counter:
    """A runner that failed without a failed test, or left no results, counts as one failure."""
    counts = count(results) if results.exists() else Counter()
    if (not ok or not counts) and not counts["failed"]:
        counts["failed"] = 1
    return counts


def unit_tests(preset: str) -> Counter:
    results = ROOT / "build" / preset / "results" / "unit.xml"
    command = ["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "--no-tests=error"]
    command += ["--parallel", JOBS, "--timeout", str(UNIT_TEST_TIMEOUT_SECONDS), "--output-junit", str(results)]
    command += ["--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000"]
    ok = run(f"unit tests, {preset}", command, results, SANITIZER_OPTIONS if preset == "asan" else None)
    return settle(ok, results, count_unit)


def other_tests(preset: str, marker: str | None) -> Counter:
    results = ROOT / "build" / preset / "results" / "pytest.xml"
    # Tests of one file share a database and stay together.
    command = [sys.executable, "-m", "pytest", "tests", "-q", "--durations=5", f"--junitxml={results}"]
    command += ["--numprocesses", JOBS, "--dist", "loadfile"]
    if marker:
        command += ["-m", marker]
    environment = {"LAKEHAUL_BUILD_DIR": str(ROOT / "build" / preset)}
    if preset == "asan":
        environment |= SANITIZER_OPTIONS
    elif preset == "tsan":
        environment |= THREAD_SANITIZER_OPTIONS
    ok = run(f"integration tests, {preset}", command, results, environment)
    return settle(ok, results, count_pytest)


def main() -> int:
    if sys.argv[1:] == ["quick"]:
        counts = unit_tests("dev") + other_tests("dev", "quick")
    elif sys.argv[1:] == ["threads"]:
        counts = other_tests("tsan", "threads")
    elif sys.argv[1:] == ["full"]:
        counts = unit_tests("dev") + unit_tests("asan") + other_tests("dev", None) + other_tests("asan", "asan")
        counts += other_tests("tsan", "threads")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    if counts["skipped"]:
        line += f", {counts['skipped']} skipped"
    print(f"\n{line}", flush=True)
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
