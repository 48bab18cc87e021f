"""Golden files: what the program printed when somebody last looked at it and found it good.

LAKEHAUL_UPDATE_GOLDEN=1 rewrites them; the diff is for review.
"""
from __future__ import annotations

import difflib
import os
import shlex
import subprocess
from pathlib import Path

import pytest

DIRECTORY = Path(__file__).parent / "golden"


def check(name: str, actual: str) -> None:
    path = DIRECTORY / f"{name}.txt"
    if os.environ.get("LAKEHAUL_UPDATE_GOLDEN") == "1":
        path.write_text(actual)
        return
    expected = path.read_text() if path.exists() else ""
    if actual != expected:
        diff = difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), f"golden/{path.name}", "what was printed", lineterm=""
        )
        pytest.fail("\n".join([*diff, "", "LAKEHAUL_UPDATE_GOLDEN=1 takes it over"]), pytrace=False)


def transcript(args: tuple[str, ...], result: subprocess.CompletedProcess[str]) -> str:
    """A command line, what it printed, and its exit status."""
    lines = [f"$ {shlex.join(['lakehaul', *args])}", *result.stdout.splitlines(), *result.stderr.splitlines()]
    return "\n".join([*lines, f"[exit status {result.returncode}]", "", ""])
