"""scripts/check-layers.py keeps the modules' order: it must catch what it is there for."""
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

pytestmark = pytest.mark.quick


def check(src: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "check-layers.py", *([src] if src else [])]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def tree(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "src"


def test_this_repository_is_in_order():
    result = check()
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "include", "message"),
    [
        ("base/buf.c", "column/batch.h", "src/base/buf.c:2: upward include: base must not include column"),
        ("parquet/writer.c", "task/task.h", "src/parquet/writer.c:2: upward include: parquet must not include task"),
        ("task/task.h", "run/run.h", "src/task/task.h:2: upward include: task must not include run"),
        ("parquet/writer.c", "postgres/copy.h", "src/parquet/writer.c:2: sideways include: parquet must not include postgres"),
        ("store/store.c", "catalog/local.h", "src/store/store.c:2: sideways include: store must not include catalog"),
        ("base/buf.c", "nowhere/x.h", 'src/base/buf.c:2: "nowhere/x.h" is of no known module'),
        ("base/buf.c", "buf.h", 'src/base/buf.c:2: include "buf.h" as "base/buf.h"'),
    ],
)
def test_a_forbidden_include_is_named_with_its_line(tmp_path, name, include, message):
    module = name.split("/")[0]
    result = check(tree(tmp_path, {f"{module}/more.c": "", name: f'#include <stdio.h>\n#include "{include}"\n'}))
    assert (result.returncode, result.stdout.strip()) == (1, message)


@pytest.mark.parametrize(
    ("name", "include"),
    [
        ("catalog/local.c", "store/store.h"),
        ("cli/main.c", "base/arena.h"),
        ("run/supervisor.c", "task/task.h"),
        ("parquet/writer.c", "parquet/thrift.h"),
        ("base/error.c", "lakehaul/error.h"),
    ],
)
def test_an_include_of_a_lower_module_is_fine(tmp_path, name, include):
    result = check(tree(tmp_path, {name: f'#include "{include}"\n'}))
    assert (result.returncode, result.stdout) == (0, "")


def test_a_folder_without_a_level_is_named(tmp_path):
    result = check(tree(tmp_path, {"helpers/x.c": ""}))
    assert result.returncode == 1
    assert "src/helpers: not in the order of modules" in result.stdout


def test_a_module_without_sources_is_named(tmp_path):
    result = check(tree(tmp_path, {"codec/codec.h": ""}))
    assert (result.returncode, result.stdout) == (1, "src/codec: a module without sources\n")
