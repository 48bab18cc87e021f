"""lakehaul itself, and the yardstick: what the server needs to hand the rows out."""
from __future__ import annotations

import subprocess
from functools import cache, partial
from shlex import join

from settings import CODEC, LAKEHAUL, LEVEL
from tools.model import Job, Tool


def psql_version() -> str:
    return subprocess.check_output(["psql", "--version"], encoding="utf-8").strip()


def copy_whole(job: Job) -> list[str]:
    return [*job.database.psql, "-c", f"COPY {job.table.name} TO STDOUT (FORMAT binary)"]


def copy_halves(job: Job) -> list[str]:
    middle = job.pages // 2

    def half(condition: str) -> str:
        query = f"SELECT * FROM {job.table.name} WHERE ctid {condition} '({middle},0)'"
        return join([*job.database.psql, "-c", f"COPY ({query}) TO STDOUT (FORMAT binary)"])

    return ["sh", "-c", f"{half('<')} & {half('>=')}; status=$?; wait $! && exit $status"]


@cache
def lakehaul_options() -> str:
    if not LAKEHAUL.exists():
        return ""
    done = subprocess.run([LAKEHAUL, "export", "--help"], capture_output=True, encoding="utf-8", check=False)
    return done.stdout


def lakehaul_version() -> str:
    return subprocess.check_output([LAKEHAUL, "--version"], encoding="utf-8").strip()


def lakehaul_missing(streams: int) -> str | None:
    if not LAKEHAUL.exists():
        return f"{LAKEHAUL.name} is not built"
    if streams != 1 and "--streams" not in lakehaul_options():
        return "this lakehaul has no --streams"
    return None


def lakehaul_command(job: Job, *, streams: int, memory: str | None) -> list[str]:
    command = [str(LAKEHAUL), "export", job.database.uri, "--table", f"public.{job.table.name}", "-o", f"{job.output}/"]
    command += ["--quiet", "--compression", f"{CODEC}({LEVEL})"]
    if "--streams" in lakehaul_options():
        command += ["--streams", str(streams)]
    if memory:
        command += ["--memory", memory]
    return command


def lakehaul(name: str, label: str, settings: str, streams: int, memory: str | None = None) -> Tool:
    return Tool(
        name=name, label=label, settings=settings, measured_always=True, version=lakehaul_version,
        command=partial(lakehaul_command, streams=streams, memory=memory),
        missing=partial(lakehaul_missing, streams),
    )


def yardstick(name: str, label: str, settings: str, command) -> Tool:
    return Tool(
        name=name, label=label, settings=settings, command=command, version=psql_version, missing=lambda: None,
        writes=False, measured_always=True,
    )


YARDSTICKS = [
    yardstick("psql-copy", "psql COPY", "`psql -c 'COPY t TO STDOUT (FORMAT binary)' > /dev/null`", copy_whole),
    yardstick("psql-halves", "psql COPY, two halves", "two of them at once, each half of the table's pages", copy_halves),
]
LAKEHAUL_TOOLS = [
    lakehaul("lakehaul-2", "lakehaul, 2 streams", "`lakehaul export --streams 2`, other settings as by default", 2),
    lakehaul("lakehaul-1", "lakehaul, 1 stream", "`lakehaul export --streams 1`, other settings as by default", 1),
    lakehaul("lakehaul-64MB", "lakehaul, 2 streams, 64 MB", "`lakehaul export --streams 2 --memory 64MB`", 2, "64MB"),
]
