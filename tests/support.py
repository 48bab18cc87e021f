"""What the tests share: running lakehaul, reading a lake with readers that nobody here wrote, databases."""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import duckdb
import psycopg
import pyarrow
import pyarrow.parquet
import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILD_DIR = Path(os.environ.get("LAKEHAUL_BUILD_DIR") or ROOT / "build" / "dev").resolve()
LAKEHAUL = BUILD_DIR / "src" / "cli" / "lakehaul"
CLUSTER_SCRIPT = ROOT / "scripts" / "cluster.sh"

# What a sanitizer prints when it found something, whatever the program's exit status then is.
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ")


def missing(what: str) -> None:
    """A test that needs `what`: skipped by name on a developer's machine, failed in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing", pytrace=False)
    pytest.skip(f"{what} is missing")


def require_tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        missing(name)
    return path


def clean_environment(extra: dict[str, str | None] | None = None) -> dict[str, str]:
    """The environment without what would change where libpq connects to or what lakehaul does. A value of None in
    `extra` removes that variable."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LAKEHAUL_", "AWS_")) and name != "DATABASE_URL"
    }
    for name, value in (extra or {}).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def check_sanitizers(stderr: str) -> None:
    for report in SANITIZER_REPORTS:
        if report in stderr:
            pytest.fail(f"a sanitizer found something:\n{stderr[-8000:]}", pytrace=False)


def run_lakehaul(
    *args: str | Path,
    env: dict[str, str | None] | None = None,
    cwd: str | Path | None = None,
    input: str | None = None,
    timeout: float = 180,
    expect: int | None = None,
    preexec_fn: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs the built program. `expect` is the exit status it must end with; None: any."""
    if not LAKEHAUL.exists():
        missing(str(LAKEHAUL))
    result = subprocess.run(
        [str(LAKEHAUL), *map(str, args)],
        env=clean_environment(env),
        cwd=cwd,
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
        preexec_fn=preexec_fn,
    )
    check_sanitizers(result.stderr)
    if expect is not None and result.returncode != expect:
        command = " ".join(["lakehaul", *map(str, args)])
        pytest.fail(
            f"{command}\nexit status {result.returncode}, not {expect}\n"
            f"--- stdout\n{result.stdout[-4000:]}\n--- stderr\n{result.stderr[-4000:]}",
            pytrace=False,
        )
    return result


def start_lakehaul(
    *args: str | Path, env: dict[str, str | None] | None = None, cwd: str | Path | None = None
) -> subprocess.Popen[str]:
    """The same for tests that act while it runs; whoever calls waits for it or kills it."""
    if not LAKEHAUL.exists():
        missing(str(LAKEHAUL))
    return subprocess.Popen(
        [str(LAKEHAUL), *map(str, args)],
        env=clean_environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@dataclass
class Cluster:
    uri: str
    directory: Path
    bindir: Path

    def database_uri(self, name: str) -> str:
        return urlunsplit(urlsplit(self.uri)._replace(path=f"/{name}"))


@contextmanager
def start_cluster(bindir: Path) -> Iterator[Cluster]:
    """A cluster of the server in `bindir`, gone at the end."""
    environment = {**os.environ, "LAKEHAUL_POSTGRES_BINDIR": str(bindir)}
    with tempfile.TemporaryDirectory(prefix="lakehaul-tests-") as name:
        os.chmod(name, 0o755)  # the server may run as another user
        directory = Path(name) / "cluster"
        try:
            started = subprocess.run(
                [CLUSTER_SCRIPT, "start", directory],
                env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True,
            )
            yield Cluster(started.stdout.strip(), directory, bindir)
        finally:
            subprocess.run([CLUSTER_SCRIPT, "remove", directory], env=environment, check=True)


@dataclass
class Database:
    """A database of its own with a connection that commits every statement."""

    uri: str
    connection: psycopg.Connection
    bindir: Path

    def execute(self, sql: str, parameters: Any = None) -> None:
        self.connection.execute(sql, parameters)

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def psql(self, *args: str | Path) -> str:
        """What psql prints, as unaligned tuples."""
        return subprocess.run(
            [str(self.bindir / "psql"), self.uri, "--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", *map(str, args)],
            env=clean_environment(),
            check=True,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ).stdout

    @property
    def password(self) -> str:
        """As it stands in the URI, percent-encoded."""
        return urlsplit(self.uri).netloc.rsplit("@", 1)[0].split(":", 1)[1]


@dataclass
class Project:
    """A lakehaul.yaml in a directory of its own."""

    directory: Path
    env: dict[str, str | None] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.directory / "lakehaul.yaml"

    @property
    def lake(self) -> Path:
        return self.directory / "lake"

    def lakehaul(self, command: str, *args: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """lakehaul COMMAND --project <this> ARGS"""
        options["env"] = {**self.env, **(options.get("env") or {})}
        return run_lakehaul(command, "--project", self.path, *args, **options)

    def run(self, *args: str | Path, expect: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.lakehaul("run", *args, expect=expect, **options)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def lake_pointer(lake: Path, table: str) -> dict[str, Any]:
    """What is published of `table`: the pointer file's content."""
    return json.loads((lake / "_lakehaul" / "tables" / f"{table}.json").read_text())


def is_published(lake: Path, table: str) -> bool:
    return (lake / "_lakehaul" / "tables" / f"{table}.json").exists()


def lake_files(lake: Path, table: str) -> list[Path]:
    """The Parquet files of the current version."""
    return [lake / file["key"] for file in lake_pointer(lake, table)["files"]]


def read_lake_pyarrow(lake: Path, table: str) -> pyarrow.Table:
    return pyarrow.concat_tables(pyarrow.parquet.ParquetFile(path).read() for path in lake_files(lake, table))


def read_lake_duckdb(lake: Path, table: str, sql: str = "SELECT * FROM lake_table") -> list[tuple]:
    """Rows of `sql` over `lake_table`, by the DuckDB of PyPI."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.from_parquet([str(path) for path in lake_files(lake, table)]).create_view("lake_table")
        return connection.execute(sql).fetchall()


def arrow_rows(table: pyarrow.Table) -> list[tuple]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def assert_same_rows(actual: list[tuple], expected: list[tuple]) -> None:
    """Like ==, but shows the first rows that differ only."""
    for index, (one, other) in enumerate(zip(actual, expected)):
        if one != other:
            pytest.fail(f"row {index} differs:\n  lake      {one}\n  expected  {other}", pytrace=False)
    assert len(actual) == len(expected), f"{len(actual)} rows in the lake, {len(expected)} expected"
