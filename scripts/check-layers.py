#!/usr/bin/env python3
"""Holds the modules of src/ to their order: an include may point to a lower level only.

usage: check-layers.py [SRC]     exit status 1 with file:line for everything that breaks the order
"""
import re
import sys
from pathlib import Path

# A module may include those of lower levels, and itself.
LEVELS = [
    {"base"},
    {"net", "codec", "column"},
    {"parquet", "postgres", "store", "catalog", "engine", "project"},
    {"task"},
    {"run"},
    {"cli"},
]
# Within a level, only these.
SIDEWAYS = {("catalog", "store")}

LEVEL_OF = {module: level for level, modules in enumerate(LEVELS) for module in modules}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def may_include(module: str, other: str) -> bool:
    if module == other or (module, other) in SIDEWAYS:
        return True
    return LEVEL_OF[other] < LEVEL_OF[module]


def problems_of_file(src: Path, path: Path, module: str) -> list[str]:
    problems = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match or match.group(1).startswith("lakehaul/"):
            continue
        where = f"{path.relative_to(src.parent)}:{number}"
        other = match.group(1).split("/")[0]
        if "/" not in match.group(1):
            problems.append(f'{where}: include "{match.group(1)}" as "{module}/{match.group(1)}"')
        elif other not in LEVEL_OF:
            problems.append(f'{where}: "{match.group(1)}" is of no known module')
        elif not may_include(module, other):
            direction = "sideways" if LEVEL_OF[other] == LEVEL_OF[module] else "upward"
            problems.append(f"{where}: {direction} include: {module} must not include {other}")
    return problems


def problems_of_tree(src: Path) -> list[str]:
    problems = []
    for folder in sorted(p for p in src.iterdir() if p.is_dir()):
        files = sorted(p for p in folder.rglob("*") if p.suffix in {".c", ".h"})
        if folder.name not in LEVEL_OF:
            problems.append(f"{src.name}/{folder.name}: not in the order of modules: give it a level in {Path(__file__).name}")
        elif not any(p.suffix == ".c" for p in files):
            problems.append(f"{src.name}/{folder.name}: a module without sources")
        else:
            for path in files:
                problems += problems_of_file(src, path, folder.name)
    return problems


def main() -> int:
    src = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "src"
    problems = problems_of_tree(src)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
